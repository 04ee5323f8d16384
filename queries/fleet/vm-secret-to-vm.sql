-- VM with plaintext secret that can authenticate to another VM
SELECT m.hostname, h.path, k.fingerprint, t.hostname AS opens, g.account, g.state, g.path AS evidence
FROM fleet_holder h
JOIN fleet_live l ON l.key_id = h.key_id
JOIN fleet_grant g ON g.key_id = h.key_id AND g.node <> h.node
JOIN fleet_machine m ON m.node = h.node
JOIN fleet_machine t ON t.node = g.node
JOIN ssh_key k ON k.key_id = h.key_id
WHERE h.usable = 1
ORDER BY m.hostname, h.path, t.hostname, g.account, k.fingerprint, h.node, g.node
