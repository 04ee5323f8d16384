-- Findings whose due day and grace are over (of one: --set owner=NAME), the longest overdue first.
SELECT r.owner, r.due, r.risk, r.severity, r.hostname, r.secret_type, r.path, r.line, r.first_seen, r.owner_rule, r.remedy,
       r.finding_id
FROM v1_recommendation r LEFT JOIN param p ON p.name = 'owner'
WHERE r.status = 'overdue' AND (p.value IS NULL OR p.value = r.owner)
ORDER BY r.due, r.owner, r.hostname, r.path, r.line, r.finding_id, r.machine
