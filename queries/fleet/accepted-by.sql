-- Which accounts of which machines one SSH key opens (--set key=SHA256:…): all of them, those of the superuser first.
SELECT m.hostname, g.account, g.state, g.root, g.path, m.machine
FROM ssh_key k JOIN param q ON q.name = 'key' AND q.value = k.fingerprint
JOIN fleet_line g ON g.key_id = k.key_id
JOIN fleet_machine m ON m.node = g.node
ORDER BY g.root DESC, m.hostname, g.account, g.path, g.state, m.machine
