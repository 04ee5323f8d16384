-- Where every private key lies.
SELECT k.fingerprint, k.algorithm, k.bits, h.machine, h.hostname, h.path, h.line, h.mode, h.owner, h.atime,
       h.encrypted, h.damage, h.comment, h.weak
FROM v1_held h JOIN ssh_key k ON k.key_id = h.key_id
WHERE h.role = 'private'
ORDER BY k.fingerprint, h.hostname, h.machine, h.path, h.line
