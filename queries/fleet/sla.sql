-- Owners, with how many of their findings are overdue, on time, and completed.
SELECT owner, SUM(CASE status WHEN 'overdue' THEN 1 ELSE 0 END) AS overdue,
       SUM(CASE status WHEN 'on time' THEN 1 ELSE 0 END) AS on_time,
       SUM(CASE status WHEN 'unassigned' THEN 1 ELSE 0 END) AS unassigned,
       SUM(CASE status WHEN 'completed' THEN 1 ELSE 0 END) AS completed,
       SUM(CASE status WHEN 'not applicable' THEN 1 ELSE 0 END) AS not_applicable,
       MIN(CASE WHEN status IN ('overdue', 'on time') AND due <> '' THEN due END) AS next_due
FROM fleet_task GROUP BY owner
ORDER BY SUM(CASE status WHEN 'overdue' THEN 1 ELSE 0 END) DESC, owner
