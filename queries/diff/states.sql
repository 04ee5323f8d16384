-- Which scans of each machine are compared (--from SCAN --to SCAN, --since TIME, or the newest with the one before). Without an earlier one, all of a machine is new.
WITH scanned AS (
  SELECT DISTINCT machine, scan_id, scan AS name, started, whole, left_out, rules FROM v1_disk),
-- Scans that have a disk in common: an earlier one of another disk alone is none to compare with.
alike AS (
  SELECT DISTINCT a.machine, a.scan_id AS after_scan, b.scan_id AS before_scan FROM v1_disk a
  JOIN v1_disk b ON b.machine = a.machine AND b.scan_id <> a.scan_id
  WHERE a.target = b.target OR a.root = b.root),
asked AS (
  SELECT MAX(CASE name WHEN 'from' THEN value END) AS from_, MAX(CASE name WHEN 'to' THEN value END) AS to_,
         MAX(CASE name WHEN 'since' THEN value END) AS since
  FROM param WHERE name IN ('from', 'to', 'since')),
after_ AS (
  SELECT s.*, ROW_NUMBER() OVER (PARTITION BY s.machine ORDER BY s.started DESC, s.name DESC) AS n
  FROM scanned s CROSS JOIN asked a WHERE a.to_ IS NULL OR s.name = a.to_),
before_ AS (
  SELECT s.machine, s.scan_id, ROW_NUMBER() OVER (PARTITION BY s.machine ORDER BY s.started DESC, s.name DESC) AS n
  FROM scanned s CROSS JOIN asked a JOIN after_ x ON x.machine = s.machine AND x.n = 1
  LEFT JOIN alike k ON k.machine = s.machine AND k.after_scan = x.scan_id AND k.before_scan = s.scan_id
  WHERE s.scan_id <> x.scan_id AND (k.machine IS NOT NULL OR a.from_ IS NOT NULL OR a.since IS NOT NULL)
    AND CASE WHEN a.from_ IS NOT NULL THEN CASE WHEN s.name = a.from_ THEN 1 ELSE 0 END
             WHEN a.since IS NOT NULL THEN CASE WHEN s.started <= a.since THEN 1 ELSE 0 END
             ELSE CASE WHEN s.started < x.started OR (s.started = x.started AND s.name < x.name) THEN 1 ELSE 0 END END = 1)
SELECT x.machine,
       CASE WHEN a.since IS NOT NULL AND x.started <= a.since THEN x.scan_id ELSE b.scan_id END AS old_scan,
       x.scan_id AS new_scan, x.whole, x.left_out
FROM after_ x CROSS JOIN asked a LEFT JOIN before_ b ON b.machine = x.machine AND b.n = 1
WHERE x.n = 1
ORDER BY x.machine
