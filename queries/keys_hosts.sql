-- Host keys that several machines have: clones.
SELECT k.fingerprint, k.algorithm, h.machine, h.hostname, MIN(h.path) AS path
FROM v1_held h
JOIN ssh_key k ON k.key_id = h.key_id
JOIN (SELECT key_id FROM v1_held WHERE role <> 'private'
      GROUP BY key_id HAVING COUNT(DISTINCT machine) > 1) shared ON shared.key_id = h.key_id
WHERE h.role <> 'private'
GROUP BY k.fingerprint, k.algorithm, h.machine, h.hostname
ORDER BY k.fingerprint, h.hostname, h.machine
