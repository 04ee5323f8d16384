-- Types of secrets to resolve, with what to do, the riskiest first.
SELECT k.secret_type,
       CASE MIN(CASE k.level WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END)
         WHEN 0 THEN 'critical' WHEN 1 THEN 'high' WHEN 2 THEN 'medium' WHEN 3 THEN 'low'
         ELSE 'not evaluated' END AS risk,
       COUNT(*) AS findings, COUNT(DISTINCT k.node) AS machines, COUNT(DISTINCT k.secret) AS secrets,
       MIN(r.remedy) AS remedy
FROM fleet_risk k LEFT JOIN remedy r ON r.rule = k.rule
GROUP BY k.secret_type
ORDER BY MIN(CASE k.level WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END),
         COUNT(*) DESC, k.secret_type
