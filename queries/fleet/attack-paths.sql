-- Attack paths, the worst first: where each begins, by what, and what it reaches.
SELECT p.level, r.rule, r.title, m.hostname AS entry, p.entries, p.secret_type, p.by_secret,
       COALESCE(a.name, t.hostname, '') AS target, CASE WHEN p.target_asset <> '' THEN a.kind
         WHEN p.target_node IS NOT NULL THEN 'machine' ELSE '' END AS target_kind,
       p.targets, p.hops, p.needs_root, p.path_id
FROM fleet_path p
JOIN path_rule r ON r.rule = p.rule
JOIN fleet_machine m ON m.node = p.entry
LEFT JOIN fleet_machine t ON t.node = p.target_node
LEFT JOIN asset a ON a.asset_id = p.target_asset
ORDER BY CASE p.level WHEN 'critical' THEN 0 ELSE 1 END, p.hops, p.targets DESC, p.entries DESC, p.path_id
