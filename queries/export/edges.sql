-- The edges of the graph.
SELECT id, from_id, to_id, kind, as_account, root, evidence, state FROM v1_graph_edge ORDER BY id
