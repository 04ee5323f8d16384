-- The worst vulnerabilities of each machine, at most twenty.
WITH about AS (
  SELECT DISTINCT m.node, v.vulnerability, v.severity, v.package, v.installed, v.fixed, v.remote_code, v.exploited, v.epss
  FROM vulnerability v JOIN asset_name n ON n.name = v.subject JOIN fleet_machine m ON m.asset_id = n.asset_id
  WHERE v.not_counted = ''
  UNION
  SELECT DISTINCT m.node, v.vulnerability, v.severity, v.package, v.installed, v.fixed, v.remote_code, v.exploited, v.epss
  FROM vulnerability v JOIN fleet_identity i ON i.name = v.subject AND i.kind <> 'address'
  JOIN fleet_machine m ON m.machine = i.machine WHERE v.not_counted = ''),
ranked AS (
  SELECT about.*, ROW_NUMBER() OVER (PARTITION BY node ORDER BY exploited DESC, remote_code DESC,
           CASE severity WHEN 'critical' THEN 0 ELSE 1 END, vulnerability, package, installed, fixed) AS n
  FROM about)
SELECT node, vulnerability, severity, package, installed, fixed, remote_code, exploited, epss
FROM ranked WHERE n <= 20
ORDER BY node, n
