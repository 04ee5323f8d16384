-- Findings with their owner, due day and status (of one: --set owner=NAME), also those that are completed.
SELECT t.owner, t.status, t.due, t.severity, t.level AS risk, m.hostname, t.secret_type, t.path, t.line, t.first_seen,
       t.owner_rule, t.finding_id
FROM fleet_task t JOIN fleet_machine m ON m.node = t.node LEFT JOIN param p ON p.name = 'owner'
WHERE (p.value IS NULL OR p.value = t.owner)
ORDER BY t.owner, CASE t.status WHEN 'overdue' THEN 0 WHEN 'on time' THEN 1 WHEN 'unassigned' THEN 2
           WHEN 'not applicable' THEN 3 ELSE 4 END, t.due, m.hostname, t.path, t.line, t.finding_id, t.secret, t.rule, m.machine
