-- Which accounts have an entry for a key whose private half lies somewhere.
SELECT k.fingerprint, e.machine, e.hostname, e.role, e.account, e.state, e.verdict, e.path, e.line,
       l.at_time AS last_login, l.address AS last_login_from
FROM (SELECT DISTINCT key_id FROM held WHERE role = 'private') p
JOIN v1_entry e ON e.key_id = p.key_id
JOIN ssh_key k ON k.key_id = e.key_id
LEFT JOIN (SELECT machine, account, at_time, address,
                  ROW_NUMBER() OVER (PARTITION BY machine, account ORDER BY at_time DESC, path) AS n
           FROM v1_login) l ON l.machine = e.machine AND l.account = e.account AND l.n = 1
ORDER BY k.fingerprint, e.hostname, e.machine, e.account, e.path, e.line
