-- What must change where to replace a key (--set key=SHA256:…): first it is added beside the
-- old one where it is accepted, then replaced where it lies, then taken out.
SELECT 1 AS step, 'let the new key in beside the old' AS what, m.hostname, g.account, g.path
FROM ssh_key k JOIN param p ON p.name = 'key' AND p.value = k.fingerprint
JOIN fleet_grant g ON g.key_id = k.key_id JOIN fleet_machine m ON m.node = g.node
UNION ALL
SELECT 2 AS step, 'put the new key in place of the old' AS what, m.hostname, h.owner AS account, h.path
FROM ssh_key k JOIN param p ON p.name = 'key' AND p.value = k.fingerprint
JOIN fleet_holder h ON h.key_id = k.key_id JOIN fleet_machine m ON m.node = h.node
UNION ALL
SELECT 3 AS step, 'take the old key out' AS what, m.hostname, g.account, g.path
FROM ssh_key k JOIN param p ON p.name = 'key' AND p.value = k.fingerprint
JOIN fleet_grant g ON g.key_id = k.key_id JOIN fleet_machine m ON m.node = g.node
ORDER BY 1, 3, 4, 5
