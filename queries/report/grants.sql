-- Which accounts keys open, those of keys that lie somewhere usable first.
SELECT s.fingerprint AS key_print, g.node, g.account, MIN(g.state) AS state, MIN(g.path) AS path, MAX(g.root) AS root
FROM fleet_line g JOIN ssh_key s ON s.key_id = g.key_id
LEFT JOIN fleet_live l ON l.key_id = g.key_id
GROUP BY l.key_id, s.fingerprint, g.node, g.account
ORDER BY CASE WHEN l.key_id IS NULL THEN 1 ELSE 0 END, s.fingerprint, g.node, g.account
