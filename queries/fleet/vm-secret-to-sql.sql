-- VM with plaintext secret that can authenticate to an SQL database
SELECT m.hostname, s.path, s.line, o.secret_type, a.name AS opens, a.type, o.permission, s.expires, s.finding_id
FROM fleet_opens o
JOIN fleet_machine m ON m.node = o.node
JOIN fleet_secret s ON s.node = o.node AND s.finding_id = o.finding_id
JOIN asset a ON a.asset_id = o.target
WHERE a.kind = 'database'
ORDER BY m.hostname, s.path, s.line, a.name, o.secret_type, s.finding_id, a.asset_id
