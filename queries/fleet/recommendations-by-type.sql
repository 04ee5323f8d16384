-- Types of secrets to resolve, with what to do, the riskiest first. What is exempted is counted apart.
WITH row_ AS (
  SELECT v1_recommendation.*, CASE WHEN status = 'not applicable' THEN 0 ELSE 1 END AS open_,
         CASE risk WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 WHEN 'not evaluated' THEN 4
           ELSE 5 END AS level
  FROM v1_recommendation)
SELECT secret_type,
       CASE MIN(level) WHEN 0 THEN 'critical' WHEN 1 THEN 'high' WHEN 2 THEN 'medium' WHEN 3 THEN 'low'
         WHEN 4 THEN 'not evaluated' ELSE 'not applicable' END AS risk,
       SUM(open_) AS findings, COUNT(DISTINCT CASE WHEN open_ = 1 THEN machine END) AS machines,
       COUNT(DISTINCT CASE WHEN open_ = 1 THEN secret END) AS secrets,
       SUM(CASE WHEN status = 'overdue' THEN 1 ELSE 0 END) AS overdue, SUM(1 - open_) AS not_applicable,
       MIN(remedy) AS remedy
FROM row_
GROUP BY secret_type
ORDER BY MIN(level), SUM(open_) DESC, secret_type
