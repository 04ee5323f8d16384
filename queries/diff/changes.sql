-- What is new, fixed, moved or not looked at again between the scans of the table diff_state, how many findings stay, and
-- which attack paths of diff_path_after are not in diff_path_before. A secret is the same while rule, file and machine are;
-- lines may move.
WITH old_ AS (
  SELECT d.machine, MIN(d.hostname) AS hostname, f.rule, f.secret, f.path, MIN(f.secret_type) AS secret_type,
         MIN(f.severity) AS severity, MIN(f.line) AS line, MIN(f.finding_id) AS finding_id, MIN(d.target) AS target
  FROM diff_state x JOIN v1_disk d ON d.scan_id = x.old_scan AND d.machine = x.machine JOIN finding f ON f.disk_id = d.disk_id
  WHERE f.known IS NULL AND f.ignored = 0 GROUP BY d.machine, f.rule, f.secret, f.path),
new_ AS (
  SELECT d.machine, MIN(d.hostname) AS hostname, f.rule, f.secret, f.path, MIN(f.secret_type) AS secret_type,
         MIN(f.severity) AS severity, MIN(f.line) AS line, MIN(f.finding_id) AS finding_id
  FROM diff_state x JOIN v1_disk d ON d.scan_id = x.new_scan AND d.machine = x.machine JOIN finding f ON f.disk_id = d.disk_id
  WHERE f.known IS NULL AND f.ignored = 0 GROUP BY d.machine, f.rule, f.secret, f.path),
-- Also what is ignored by now is still there.
present AS (
  SELECT DISTINCT d.machine, f.rule, f.secret, f.path
  FROM diff_state x JOIN v1_disk d ON d.scan_id = x.new_scan AND d.machine = x.machine JOIN finding f ON f.disk_id = d.disk_id),
come AS (
  SELECT n.*, ROW_NUMBER() OVER (PARTITION BY n.machine, n.rule, n.secret ORDER BY n.path) AS place
  FROM new_ n LEFT JOIN old_ o ON o.machine = n.machine AND o.rule = n.rule AND o.secret = n.secret AND o.path = n.path
  WHERE o.machine IS NULL),
gone AS (
  SELECT o.*, ROW_NUMBER() OVER (PARTITION BY o.machine, o.rule, o.secret ORDER BY o.path) AS place
  FROM old_ o LEFT JOIN present n ON n.machine = o.machine AND n.rule = o.rule AND n.secret = o.secret AND n.path = o.path
  WHERE n.machine IS NULL),
disks AS (SELECT scan_id, machine, COUNT(*) AS disks FROM v1_disk GROUP BY scan_id, machine),
-- Rules that the newer scan did not have, though it says which it had.
dropped AS (
  SELECT DISTINCT g.machine, g.rule FROM gone g JOIN diff_state x ON x.machine = g.machine
  JOIN scan s ON s.scan_id = x.new_scan JOIN scan o ON o.scan_id = x.old_scan
  WHERE s.rules <> o.rules AND s.rules IN (SELECT digest FROM rule_set)
    AND NOT EXISTS (SELECT 1 FROM rule_set r WHERE r.digest = s.rules AND r.rule = g.rule)),
exempted AS (
  SELECT m.machine, e.finding_id, MIN(e.category || ': ' || e.reason) AS reason
  FROM fleet_exempt e JOIN fleet_machine m ON m.node = e.node GROUP BY m.machine, e.finding_id),
risk AS (
  SELECT m.machine, k.finding_id, MIN(k.level) AS level FROM fleet_risk k JOIN fleet_machine m ON m.node = k.node
  GROUP BY m.machine, k.finding_id),
change AS (
  SELECT CASE WHEN g.machine IS NULL THEN 'new' ELSE 'moved' END AS change, c.severity, c.hostname, c.secret_type, c.path,
         c.line, COALESCE(g.path, '') AS was, COALESCE(k.level, '') AS risk, COALESCE(e.reason, '') AS exempted, '' AS why,
         c.finding_id AS id, c.machine, 1 AS number
  FROM come c
  LEFT JOIN gone g ON g.machine = c.machine AND g.rule = c.rule AND g.secret = c.secret AND g.place = c.place
  LEFT JOIN exempted e ON e.machine = c.machine AND e.finding_id = c.finding_id
  LEFT JOIN risk k ON k.machine = c.machine AND k.finding_id = c.finding_id
  UNION ALL
  SELECT CASE WHEN x.whole = 1 AND x.left_out = 0 AND w.rule IS NULL AND (t.machine IS NOT NULL OR nd.disks >= od.disks) THEN 'fixed'
              ELSE 'not looked at' END AS change,
         g.severity, g.hostname, g.secret_type, g.path, g.line, '' AS was, '' AS risk, '' AS exempted,
         CASE WHEN x.whole = 0 THEN 'the scan could not read everything' WHEN x.left_out > 0 THEN 'the scan left files out'
              WHEN w.rule IS NOT NULL THEN 'not looked for any more: the scan did not have the rule'
              WHEN t.machine IS NULL AND nd.disks < od.disks THEN 'its disk was not scanned again' ELSE '' END AS why,
         g.finding_id AS id, g.machine, 1 AS number
  FROM gone g
  -- In this order: SQLite would pair the others first, which is quadratic.
  CROSS JOIN diff_state x CROSS JOIN disks nd CROSS JOIN disks od
  LEFT JOIN (SELECT DISTINCT scan_id, machine, target FROM v1_disk) t
    ON t.scan_id = x.new_scan AND t.machine = g.machine AND t.target = g.target
  LEFT JOIN dropped w ON w.machine = g.machine AND w.rule = g.rule
  LEFT JOIN come c ON c.machine = g.machine AND c.rule = g.rule AND c.secret = g.secret AND c.place = g.place
  WHERE c.machine IS NULL AND x.machine = g.machine AND nd.scan_id = x.new_scan AND nd.machine = x.machine
    AND od.scan_id = x.old_scan AND od.machine = x.machine
  UNION ALL
  SELECT 'new path' AS change, a.level AS severity, a.entry_hostname AS hostname, a.secret_type, '' AS path,
         CAST(NULL AS BIGINT) AS line, '' AS was, a.level AS risk, '' AS exempted, a.title AS why, a.path_id AS id, a.entry AS machine,
         1 AS number
  FROM diff_path_after a LEFT JOIN diff_path_before b ON b.path_id = a.path_id WHERE b.path_id IS NULL
  UNION ALL
  SELECT 'ended path' AS change, b.level AS severity, b.entry_hostname AS hostname, b.secret_type, '' AS path,
         CAST(NULL AS BIGINT) AS line, '' AS was, b.level AS risk, '' AS exempted, b.title AS why, b.path_id AS id, b.entry AS machine,
         1 AS number
  FROM diff_path_before b LEFT JOIN diff_path_after a ON a.path_id = b.path_id WHERE a.path_id IS NULL
  UNION ALL
  SELECT 'unchanged' AS change, '' AS severity, '' AS hostname, '' AS secret_type, '' AS path, CAST(NULL AS BIGINT) AS line,
         '' AS was, '' AS risk, '' AS exempted, '' AS why, '' AS id, '' AS machine, COUNT(*) AS number
  FROM new_ n JOIN old_ o ON o.machine = n.machine AND o.rule = n.rule AND o.secret = n.secret AND o.path = n.path)
SELECT change, severity, hostname, secret_type, path, line, was, risk, exempted, why, id, machine, number FROM change
-- What stays is counted, and not listed.
WHERE change <> 'unchanged' OR NOT EXISTS (SELECT 1 FROM param WHERE name = 'listed')
ORDER BY CASE change WHEN 'new' THEN 0 WHEN 'new path' THEN 1 WHEN 'moved' THEN 2 WHEN 'not looked at' THEN 3 WHEN 'fixed' THEN 4
           WHEN 'ended path' THEN 5 ELSE 6 END,
         CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END,
         hostname, path, line, id, machine
