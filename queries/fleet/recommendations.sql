-- Machines with secrets to resolve, by the cloud they are in, the riskiest first.
SELECT CASE m.provider WHEN 'azure' THEN 'Machines should have secrets findings resolved'
         WHEN 'aws' THEN 'EC2 instances should have secrets findings resolved'
         WHEN 'gcp' THEN 'VM instances should have secrets findings resolved'
         ELSE 'Machines outside of the inventory should have secrets findings resolved' END AS title,
       m.hostname, m.machine,
       CASE MIN(CASE k.level WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END)
         WHEN 0 THEN 'critical' WHEN 1 THEN 'high' WHEN 2 THEN 'medium' WHEN 3 THEN 'low'
         ELSE 'not evaluated' END AS risk,
       COUNT(*) AS findings, COUNT(DISTINCT k.secret) AS secrets, SUM(k.paths) AS attack_paths,
       m.exposed, m.vulnerable, m.owner
FROM fleet_risk k JOIN fleet_machine m ON m.node = k.node
GROUP BY m.provider, m.hostname, m.machine, m.exposed, m.vulnerable, m.owner
ORDER BY MIN(CASE k.level WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END),
         SUM(k.paths) DESC, COUNT(*) DESC, m.machine
