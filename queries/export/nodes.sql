-- The nodes of the graph.
SELECT id, kind, name, label, provider, account, region, asset_id, exposed, vulnerable, remote_code, criticality, sensitivity
FROM v1_graph_node ORDER BY id
