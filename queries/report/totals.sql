-- How many findings and paths there are of each level, and how many keys lead on: of all,
-- also of those that a report has no room for.
SELECT 'finding' AS what, level, COUNT(*) AS number FROM fleet_risk GROUP BY level
UNION ALL
SELECT 'path' AS what, level, COUNT(*) AS number FROM fleet_path GROUP BY level
UNION ALL
SELECT 'key' AS what, 'live' AS level, COUNT(*) AS number FROM fleet_live
ORDER BY 1, 2
