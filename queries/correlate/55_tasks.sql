-- Who has to do something about each finding, and until when.

-- Since when a secret has been at its place, over all scans of its machine that the store has.
CREATE TABLE finding_life AS
SELECT d.machine, f.rule, f.secret, f.path, MIN(d.started || ' ' || d.begun) AS first_scan,
       MAX(d.started || ' ' || d.begun) AS last_scan
FROM finding f JOIN v1_disk d ON d.disk_id = f.disk_id
WHERE f.known IS NULL AND f.ignored = 0
GROUP BY d.machine, f.rule, f.secret, f.path;

-- What an earlier scan had and the newest of the machine has not. uncovered: why that does not
-- mean that it is gone, or nothing where the newest scan looked there, and for that: with the
-- same rules, or with rules of which the finding's is one.
CREATE TABLE fleet_gone AS
WITH past AS (
  SELECT d.machine, d.hostname, d.scan_id, d.target, d.rules, f.finding_id, f.rule, f.secret_type, f.severity, f.secret, f.path,
         f.line,
         ROW_NUMBER() OVER (PARTITION BY d.machine, f.rule, f.secret, f.path
                            ORDER BY d.started DESC, d.scan DESC, d.target, f.line, f.finding_id) AS n
  FROM finding f JOIN v1_disk d ON d.disk_id = f.disk_id
  WHERE f.known IS NULL AND f.ignored = 0),
-- Also what is ignored there by now is still there.
present AS (
  SELECT DISTINCT m.machine, f.rule, f.secret, f.path FROM finding f JOIN fleet_current m ON m.disk_id = f.disk_id),
newest AS (
  SELECT machine, MIN(whole) AS whole, MAX(left_out) AS left_out, COUNT(*) AS disks FROM fleet_current GROUP BY machine),
disks AS (SELECT scan_id, machine, COUNT(*) AS disks FROM v1_disk GROUP BY scan_id, machine),
-- Rules that a newest scan of the machine did not have, though it says which it had.
dropped AS (
  SELECT DISTINCT p.machine, p.rule FROM past p JOIN fleet_current m ON m.machine = p.machine
  WHERE p.n = 1 AND m.rules <> p.rules
    AND m.rules IN (SELECT digest FROM rule_set)
    AND NOT EXISTS (SELECT 1 FROM rule_set r WHERE r.digest = m.rules AND r.rule = p.rule)),
gone AS (
  SELECT p.* FROM past p
  LEFT JOIN present c ON c.machine = p.machine AND c.rule = p.rule AND c.secret = p.secret AND c.path = p.path
  WHERE p.n = 1 AND c.machine IS NULL)
SELECT p.machine, p.hostname, p.finding_id, p.rule, p.secret_type, p.severity, p.secret, p.path, p.line,
       CASE WHEN n.whole = 0 THEN 'the newest scan could not read everything'
            WHEN n.left_out > 0 THEN 'the newest scan left files out'
            WHEN x.rule IS NOT NULL THEN 'not looked for any more: the newest scan did not have the rule'
            WHEN t.machine IS NULL AND n.disks < d.disks THEN 'its disk was not scanned again'
            ELSE '' END AS uncovered
FROM gone p
-- In this order: SQLite would pair the others first, which is quadratic.
CROSS JOIN newest n
CROSS JOIN disks d
LEFT JOIN (SELECT DISTINCT machine, target FROM fleet_current) t ON t.machine = p.machine AND t.target = p.target
LEFT JOIN dropped x ON x.machine = p.machine AND x.rule = p.rule
WHERE n.machine = p.machine AND d.scan_id = p.scan_id AND d.machine = p.machine;

-- Each finding with its owner, and each that is gone. The owner is the value of a tag of the
-- resource, then of what contains it (resource group, subscription, account, project), then
-- the rule's own, then what the inventory says. status: not applicable (exempted), unassigned
-- (no rule fits), on time, overdue (the grace after the due day is over), completed (gone).
CREATE TABLE fleet_task AS
WITH every AS (
  SELECT k.node, k.finding_id, k.rule, k.secret_type, k.severity, k.level, k.secret, k.path, k.line, k.exemption, 0 AS gone
  FROM fleet_risk k
  UNION ALL
  SELECT m.node, g.finding_id, g.rule, g.secret_type, g.severity, '' AS level, g.secret, g.path, g.line,
         '' AS exemption, 1 AS gone
  FROM fleet_gone g JOIN fleet_machine m ON m.machine = g.machine WHERE g.uncovered = ''),
-- What the conditions of rules see of a finding: there are far fewer of these.
case_ AS (SELECT DISTINCT node, severity, level, secret_type FROM every),
ranked AS (SELECT r.*, ROW_NUMBER() OVER (ORDER BY r.priority, r.place) AS rank_ FROM owner_rule r),
fit AS (
  SELECT c.node, c.severity, c.level, c.secret_type, MIN(r.rank_) AS rank_
  FROM case_ c
  JOIN fleet_machine m ON m.node = c.node
  JOIN ranked r ON (r.severities = '' OR INSTR(r.severities, ('|' || c.severity || '|')) > 0)
    AND (r.risks = '' OR INSTR(r.risks, ('|' || c.level || '|')) > 0)
    AND (r.secret_type = '' OR r.secret_type = c.secret_type)
    AND (r.account = '' OR r.account = m.account)
    AND (r.tag = '' OR EXISTS (
      SELECT 1 FROM asset_tag t WHERE t.asset_id = m.asset_id AND LOWER(t.tag) = r.tag AND t.value = r.tag_value))
  GROUP BY c.node, c.severity, c.level, c.secret_type),
fits AS (
  SELECT e.*, r.name AS owner_rule, r.owner AS rule_owner, r.due_days, r.grace_days
  FROM every e
  LEFT JOIN fit f ON f.node = e.node AND f.severity = e.severity AND f.level = e.level AND f.secret_type = e.secret_type
  LEFT JOIN ranked r ON r.rank_ = f.rank_),
within AS (
  SELECT node, asset_id, 0 AS far FROM fleet_machine WHERE asset_id IS NOT NULL
  UNION ALL
  SELECT m.node, c.asset_id, 100000 - LENGTH(c.asset_id) AS far
  FROM asset c CROSS JOIN fleet_machine m
  WHERE m.account = c.account AND c.kind = 'account' AND c.deleted IS NULL AND m.account <> ''
    AND (m.provider <> 'azure' OR SUBSTR(m.asset_id, 1, LENGTH(c.asset_id) + 1) = (c.asset_id || '/'))),
tagged AS (
  SELECT w.node, o.name AS owner_rule, v.value AS owner,
         ROW_NUMBER() OVER (PARTITION BY w.node, o.name ORDER BY w.far, o.place, w.asset_id, v.value) AS n
  FROM within w JOIN asset_tag v ON v.asset_id = w.asset_id JOIN owner_tag o ON o.tag = LOWER(v.tag)
  WHERE v.value <> '')
SELECT f.node, f.finding_id, f.rule, f.secret_type, f.severity, f.level, f.secret, f.path, f.line,
       COALESCE(f.owner_rule, '') AS owner_rule,
       COALESCE(t.owner, NULLIF(f.rule_owner, ''), NULLIF(m.owner, ''), 'unspecified') AS owner,
       SUBSTR(l.first_scan, 18) AS first_seen, COALESCE(due.day_, '') AS due,
       CASE WHEN f.gone = 1 THEN 'completed' WHEN f.exemption <> '' THEN 'not applicable'
            WHEN f.owner_rule IS NULL THEN 'unassigned'
            WHEN late.day_ < SUBSTR(p.value, 1, 10) THEN 'overdue' ELSE 'on time' END AS status
FROM fits f
JOIN fleet_machine m ON m.node = f.node
JOIN param p ON p.name = 'now'
JOIN finding_life l ON l.machine = m.machine AND l.rule = f.rule AND l.secret = f.secret AND l.path = f.path
LEFT JOIN tagged t ON t.node = f.node AND t.owner_rule = f.owner_rule AND t.n = 1
LEFT JOIN calendar due ON due.day_ms = CAST(SUBSTR(l.first_scan, 1, 16) AS BIGINT)
  - CAST(SUBSTR(l.first_scan, 1, 16) AS BIGINT) % 86400000 + f.due_days * 86400000
LEFT JOIN calendar late ON late.day_ms = CAST(SUBSTR(l.first_scan, 1, 16) AS BIGINT)
  - CAST(SUBSTR(l.first_scan, 1, 16) AS BIGINT) % 86400000 + (f.due_days + f.grace_days) * 86400000;
