-- Lines that name a key which lies somewhere, and by which it does not come in.
SELECT DISTINCT s.fingerprint AS key_print, m.node, e.account, e.state, e.verdict, e.path, e.line
FROM entry e JOIN fleet_disk m ON m.disk_id = e.disk_id
JOIN ssh_key s ON s.key_id = e.key_id
JOIN (SELECT DISTINCT key_id FROM fleet_holder) h ON h.key_id = e.key_id
WHERE e.state NOT IN ('accepted', 'restricted')
ORDER BY key_print, m.node, e.account, e.path, e.line, e.state, e.verdict
