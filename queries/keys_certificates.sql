-- Certificates of keys whose private half lies somewhere, with the accounts of other
-- machines that take certificates of the same authority.
SELECT DISTINCT k.fingerprint, c.principals, c.critical_options, c.out_of_time, c.signature, e.machine,
       e.hostname, e.account, e.verdict, e.path, e.line, l.at_time AS last_login, l.address AS last_login_from
FROM (SELECT DISTINCT key_id FROM held WHERE role = 'private') p
JOIN v1_certificate c ON c.key_id = p.key_id
JOIN ssh_key k ON k.key_id = c.key_id
JOIN ssh_key a ON a.fingerprint = c.authority
JOIN v1_entry e ON e.key_id = a.key_id AND e.role = 'cert_authority' AND e.machine <> c.machine
LEFT JOIN (SELECT machine, account, at_time, address,
                  ROW_NUMBER() OVER (PARTITION BY machine, account ORDER BY at_time DESC, path) AS n
           FROM v1_login) l ON l.machine = e.machine AND l.account = e.account AND l.n = 1
ORDER BY k.fingerprint, e.hostname, e.machine, e.account, e.path, e.line, c.principals
