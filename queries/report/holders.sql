-- Where private keys lie.
SELECT s.fingerprint AS key_print, h.node, h.path, h.line, h.owner, h.mode, h.atime, h.usable, h.readable
FROM fleet_holder h JOIN ssh_key s ON s.key_id = h.key_id
ORDER BY s.fingerprint, h.node, h.path, h.line, h.owner, h.usable
