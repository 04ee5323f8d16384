-- Machines with secrets to resolve, by the cloud they are in, the riskiest first. What is exempted is counted apart.
WITH row_ AS (
  SELECT v1_recommendation.*, CASE WHEN status = 'not applicable' THEN 0 ELSE 1 END AS open_,
         CASE risk WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 WHEN 'not evaluated' THEN 4
           ELSE 5 END AS level
  FROM v1_recommendation)
SELECT title, hostname, machine,
       CASE MIN(level) WHEN 0 THEN 'critical' WHEN 1 THEN 'high' WHEN 2 THEN 'medium' WHEN 3 THEN 'low'
         WHEN 4 THEN 'not evaluated' ELSE 'not applicable' END AS risk,
       SUM(open_) AS findings, COUNT(DISTINCT CASE WHEN open_ = 1 THEN secret END) AS secrets,
       SUM(open_ * attack_paths) AS attack_paths, exposed, vulnerable,
       COALESCE(MIN(CASE WHEN status IN ('overdue', 'on time') THEN owner END), MIN(owner)) AS owner,
       MIN(CASE WHEN status IN ('overdue', 'on time') AND due <> '' THEN due END) AS due,
       CASE MIN(CASE status WHEN 'overdue' THEN 0 WHEN 'unassigned' THEN 1 WHEN 'on time' THEN 2 ELSE 3 END)
         WHEN 0 THEN 'overdue' WHEN 1 THEN 'unassigned' WHEN 2 THEN 'on time' ELSE 'not applicable' END AS status,
       SUM(1 - open_) AS not_applicable, MIN(CASE WHEN exempt_reason <> '' THEN exempt_reason END) AS exempt_reason
FROM row_
GROUP BY title, hostname, machine, exposed, vulnerable
ORDER BY MIN(level), attack_paths DESC, findings DESC, machine
