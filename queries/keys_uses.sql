-- The uses of the keys whose private half lies somewhere, with the machine that the
-- address is, where only one has it.
SELECT u.fingerprint, u.machine, u.hostname, u.account, u.address, u.first_time, u.last_time, u.times, u.path,
       u.year_inferred, u.authority, f.machine AS from_machine, f.hostname AS from_hostname
FROM v1_key_use u
JOIN (SELECT DISTINCT k.fingerprint FROM ssh_key k JOIN held h ON h.key_id = k.key_id
      WHERE h.role = 'private') p ON p.fingerprint = u.fingerprint
LEFT JOIN (SELECT name, MIN(machine) AS machine, MIN(hostname) AS hostname FROM v1_alias
           GROUP BY name HAVING COUNT(DISTINCT machine) = 1) f ON f.name = u.address
ORDER BY u.fingerprint, u.last_time DESC, u.machine, u.account, u.address, u.authority
