-- Attack paths with the edges of one shortest example each, in their order. The time is that of the newest scan.
WITH newest AS (SELECT CAST(MAX(started) AS BIGINT) AS ms FROM fleet_current)
SELECT p.path_id, p.rule, p.title, p.level, p.exempt_reason, p.by_secret, p.secret_type, p.entries, p.entry, p.entry_hostname,
       p.targets, p.target_kind, p.target, p.target_name, p.hops, p.needs_root, n.ms AS scanned_ms, e.step, e.edge_id,
       e.from_id, e.to_id, e.kind, f.name AS from_name, f.kind AS from_kind, t.name AS to_name, t.kind AS to_kind
FROM v1_attack_path p CROSS JOIN newest n
LEFT JOIN v1_path_edge e ON e.path_id = p.path_id
LEFT JOIN v1_graph_node f ON f.id = e.from_id
LEFT JOIN v1_graph_node t ON t.id = e.to_id
ORDER BY p.path_id, e.step, e.edge_id
