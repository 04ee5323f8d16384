-- One attack path (--set path=ID of attack-paths): where it begins, what lies there, and what
-- that opens.
SELECT 1 AS step, 'enter' AS what, m.hostname, '' AS account,
       (m.exposed_why || ' ' || m.exposed_ports) AS evidence
FROM fleet_path p JOIN param q ON q.name = 'path' AND q.value = p.path_id JOIN fleet_machine m ON m.node = p.entry
UNION ALL
SELECT 2 AS step, 'find' AS what, m.hostname, f.owner AS account, (f.path || ':' || f.line) AS evidence
FROM fleet_path p JOIN param q ON q.name = 'path' AND q.value = p.path_id
JOIN fleet_machine m ON m.node = p.entry
JOIN v1_finding f ON f.machine = m.machine
LEFT JOIN ssh_key k ON k.key_id = f.key_id
WHERE f.secret = p.by_secret OR k.fingerprint = p.by_secret
UNION ALL
SELECT 3 AS step, 'open' AS what, t.hostname, g.account, (g.state || ' by ' || g.path) AS evidence
FROM fleet_path p JOIN param q ON q.name = 'path' AND q.value = p.path_id
JOIN ssh_key k ON k.fingerprint = p.by_secret
JOIN fleet_grant g ON g.key_id = k.key_id AND (p.hops < 2 OR g.node = p.target_node)
JOIN fleet_machine t ON t.node = g.node
WHERE g.node <> p.entry AND p.hops > 0
UNION ALL
SELECT 4 AS step, 'open' AS what, a.name AS hostname, '' AS account, a.type AS evidence
FROM fleet_path p JOIN param q ON q.name = 'path' AND q.value = p.path_id JOIN asset a ON a.asset_id = p.target_asset
ORDER BY 1, 3, 4, 5
