-- Rules of owners, in the order in which they are asked, with the findings that each one decides.
WITH used AS (
  SELECT owner_rule, COUNT(*) AS findings, SUM(CASE WHEN status = 'overdue' THEN 1 ELSE 0 END) AS overdue
  FROM fleet_task WHERE status IN ('overdue', 'on time') GROUP BY owner_rule)
SELECT r.priority, r.name, r.due_days, r.grace_days, COALESCE(u.findings, 0) AS findings, COALESCE(u.overdue, 0) AS overdue
FROM owner_rule r LEFT JOIN used u ON u.owner_rule = r.name
ORDER BY r.priority, r.place
