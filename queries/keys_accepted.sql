-- Which accounts have an entry for a key whose private half lies somewhere.
SELECT k.fingerprint, e.machine, e.hostname, e.role, e.account, e.state, e.verdict, e.path, e.line
FROM (SELECT DISTINCT key_id FROM held WHERE role = 'private') p
JOIN v1_entry e ON e.key_id = p.key_id
JOIN ssh_key k ON k.key_id = e.key_id
ORDER BY k.fingerprint, e.hostname, e.machine, e.account, e.path, e.line
