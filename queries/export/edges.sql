-- The edges of the graph, or those of the examples of attack paths (--paths-only).
SELECT id, from_id, to_id, kind, as_account, root, evidence, state FROM v1_graph_edge
WHERE NOT EXISTS (SELECT 1 FROM param WHERE name = 'paths_only') OR id IN (SELECT edge_id FROM v1_path_edge)
ORDER BY id
