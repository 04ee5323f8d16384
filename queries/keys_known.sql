-- Known hosts, each with the other machines that have the host key of the line. A key
-- that many machines have tells none of them.
SELECT n.machine, n.hostname, n.account, n.hosts, n.path, n.line,
       t.machine AS to_machine, t.hostname AS to_hostname
FROM v1_known n
LEFT JOIN (SELECT DISTINCT h.key_id, h.machine, h.hostname
           FROM v1_held h
           JOIN (SELECT key_id FROM v1_held WHERE role <> 'private'
                 GROUP BY key_id HAVING COUNT(DISTINCT machine) <= 16) few ON few.key_id = h.key_id
           WHERE h.role <> 'private') t ON t.key_id = n.key_id AND t.machine <> n.machine
ORDER BY n.machine, n.path, n.line, n.hosts, t.machine
