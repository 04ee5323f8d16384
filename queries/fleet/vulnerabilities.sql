-- Vulnerabilities of machines, one by one: those that are used in attacks first. not_counted: why a VEX document takes one away.
WITH about AS (
  SELECT m.hostname, m.machine, v.vulnerability, v.severity, v.exploited, v.remote_code, v.epss, v.package, v.installed, v.fixed,
         v.not_counted
  FROM vulnerability v JOIN asset_name n ON n.name = v.subject JOIN fleet_machine m ON m.asset_id = n.asset_id
  UNION
  SELECT m.hostname, m.machine, v.vulnerability, v.severity, v.exploited, v.remote_code, v.epss, v.package, v.installed, v.fixed,
         v.not_counted
  FROM vulnerability v JOIN v1_identity i ON i.name = v.subject AND i.kind <> 'address'
  JOIN fleet_machine m ON m.machine = i.machine)
SELECT hostname, vulnerability, severity, exploited, remote_code, epss, package, installed, fixed, not_counted, machine
FROM about
ORDER BY CASE WHEN not_counted = '' THEN 0 ELSE 1 END, exploited DESC, remote_code DESC,
         CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, hostname, vulnerability, package, installed, fixed,
         epss, not_counted, machine
