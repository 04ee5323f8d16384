-- Logins with keys, by the logs of the machines that were logged in to.
SELECT u.fingerprint AS key_print, m.node, u.account, u.address, u.first_time, u.last_time, u.times, u.path
FROM key_use u JOIN fleet_disk m ON m.disk_id = u.disk_id
JOIN (SELECT DISTINCT s.fingerprint FROM fleet_holder h JOIN ssh_key s ON s.key_id = h.key_id) k
  ON k.fingerprint = u.fingerprint
ORDER BY u.fingerprint, u.last_time DESC, m.node, u.account, u.address, u.path, u.first_time, u.times
