-- Entries that let in a weak key whose private half lies nowhere.
SELECT k.fingerprint, k.algorithm, k.bits, e.weak, e.machine, e.hostname, e.account, e.state, e.verdict, e.role,
       e.path, e.line
FROM v1_entry e
JOIN ssh_key k ON k.key_id = e.key_id
LEFT JOIN (SELECT DISTINCT key_id FROM held WHERE role = 'private') p ON p.key_id = e.key_id
WHERE e.weak <> '' AND e.state <> 'refused' AND p.key_id IS NULL
ORDER BY k.fingerprint, e.hostname, e.machine, e.account, e.path, e.line
