-- The nodes of the graph, or those of the examples of attack paths (--paths-only).
SELECT id, kind, name, label, provider, account, region, asset_id, exposed, vulnerable, remote_code, criticality, sensitivity
FROM v1_graph_node
WHERE NOT EXISTS (SELECT 1 FROM param WHERE name = 'paths_only')
  OR id IN (SELECT from_id FROM v1_path_edge UNION SELECT to_id FROM v1_path_edge)
ORDER BY id
