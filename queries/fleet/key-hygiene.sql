-- SSH keys that break a policy (--set min_rsa_bits=2048 --set max_age_days=365 --set max_machines=5). The age of a key is that of the oldest file with its private half.
WITH setting AS (
  SELECT COALESCE(MAX(CASE name WHEN 'min_rsa_bits' THEN CAST(value AS BIGINT) END), 2048) AS min_rsa_bits,
         COALESCE(MAX(CASE name WHEN 'max_age_days' THEN CAST(value AS BIGINT) END), 365) AS max_age_days,
         COALESCE(MAX(CASE name WHEN 'max_machines' THEN CAST(value AS BIGINT) END), 5) AS max_machines
  FROM param WHERE name IN ('min_rsa_bits', 'max_age_days', 'max_machines')),
-- Private halves that nobody has exempted.
holder AS (
  SELECT h.key_id, h.node, h.path, h.usable, x.mtime
  FROM fleet_holder h
  LEFT JOIN (SELECT m.node, f.key_id, f.path, MIN(f.mtime) AS mtime FROM v1_finding f JOIN fleet_machine m ON m.machine = f.machine
             WHERE f.key_id IS NOT NULL AND SUBSTR(f.mtime, 5, 1) = '-' GROUP BY m.node, f.key_id, f.path) x
    ON x.node = h.node AND x.key_id = h.key_id AND x.path = h.path
  LEFT JOIN (SELECT DISTINCT node, key_id, path FROM fleet_exempt WHERE key_id IS NOT NULL) w
    ON w.node = h.node AND w.key_id = h.key_id AND w.path = h.path
  WHERE w.node IS NULL),
-- The day of a date, counted from 1 March of the year 0 (Gregorian).
parts AS (
  SELECT day_, CAST(SUBSTR(day_, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(day_, 6, 2) < '03' THEN 1 ELSE 0 END AS y,
         CAST(SUBSTR(day_, 6, 2) AS BIGINT) + CASE WHEN SUBSTR(day_, 6, 2) < '03' THEN 9 ELSE -3 END AS m,
         CAST(SUBSTR(day_, 9, 2) AS BIGINT) AS d
  FROM (SELECT DISTINCT SUBSTR(mtime, 1, 10) AS day_ FROM holder WHERE mtime IS NOT NULL
        UNION SELECT SUBSTR(value, 1, 10) AS day_ FROM param WHERE name = 'now') days),
number_ AS (
  SELECT day_, 365 * y + CAST((y - y % 4) / 4 AS BIGINT) - CAST((y - y % 100) / 100 AS BIGINT)
           + CAST((y - y % 400) / 400 AS BIGINT) + CAST((153 * m + 2 - (153 * m + 2) % 5) / 5 AS BIGINT) + d AS day_number
  FROM parts),
aged AS (
  SELECT h.key_id, MAX(n.day_number - t.day_number) AS days
  FROM holder h JOIN number_ t ON t.day_ = SUBSTR(h.mtime, 1, 10)
  JOIN param p ON p.name = 'now' JOIN number_ n ON n.day_ = SUBSTR(p.value, 1, 10)
  GROUP BY h.key_id),
holders AS (
  SELECT key_id, COUNT(DISTINCT node) AS machines, MIN(node) AS node, SUM(usable) AS usable FROM holder GROUP BY key_id),
grants AS (
  SELECT key_id, COUNT(DISTINCT node) AS machines, MIN(node) AS node, COUNT(DISTINCT CASE WHEN root = 1 THEN node END) AS roots,
         MIN(CASE WHEN root = 1 THEN node END) AS root_node
  FROM fleet_line GROUP BY key_id),
broken AS (
  SELECT 'RSA key is too short' AS policy, 'high' AS severity, k.key_id, ('has ' || k.bits || ' bits') AS detail,
         COALESCE(h.node, g.node) AS node
  FROM ssh_key k CROSS JOIN setting s LEFT JOIN holders h ON h.key_id = k.key_id LEFT JOIN grants g ON g.key_id = k.key_id
  WHERE k.algorithm = 'rsa' AND k.bits < s.min_rsa_bits AND (h.key_id IS NOT NULL OR g.key_id IS NOT NULL)
  UNION ALL
  SELECT 'DSA key' AS policy, 'high' AS severity, k.key_id, 'OpenSSH takes none since 7.0' AS detail, COALESCE(h.node, g.node) AS node
  FROM ssh_key k LEFT JOIN holders h ON h.key_id = k.key_id LEFT JOIN grants g ON g.key_id = k.key_id
  WHERE k.algorithm = 'dsa' AND (h.key_id IS NOT NULL OR g.key_id IS NOT NULL)
  UNION ALL
  SELECT 'private key without a passphrase' AS policy, CASE WHEN g.key_id IS NULL THEN 'low' ELSE 'medium' END AS severity,
         h.key_id, ('lies in ' || h.usable || CASE WHEN h.usable = 1 THEN ' file' ELSE ' files' END) AS detail, h.node
  FROM holders h LEFT JOIN grants g ON g.key_id = h.key_id WHERE h.usable > 0
  UNION ALL
  SELECT 'key logs in as root' AS policy, CASE WHEN h.usable > 0 THEN 'critical' ELSE 'high' END AS severity, g.key_id,
         ('on ' || g.roots || CASE WHEN g.roots = 1 THEN ' machine' ELSE ' machines' END) AS detail, g.root_node AS node
  FROM grants g LEFT JOIN holders h ON h.key_id = g.key_id WHERE g.roots > 0
  UNION ALL
  SELECT 'key is old' AS policy, 'medium' AS severity, a.key_id, ('its file is ' || a.days || CASE WHEN a.days = 1 THEN ' day' ELSE ' days' END || ' old') AS detail, h.node
  FROM aged a JOIN holders h ON h.key_id = a.key_id CROSS JOIN setting s WHERE a.days > s.max_age_days
  UNION ALL
  SELECT 'private key is on several machines' AS policy, 'high' AS severity, h.key_id, ('lies on ' || h.machines || CASE WHEN h.machines = 1 THEN ' machine' ELSE ' machines' END) AS detail,
         h.node
  FROM holders h CROSS JOIN setting s WHERE h.machines > s.max_machines
  UNION ALL
  SELECT 'accepted, and its holder is unknown' AS policy, 'low' AS severity, g.key_id,
         ('opens accounts of ' || g.machines || CASE WHEN g.machines = 1 THEN ' machine' ELSE ' machines' END) AS detail, g.node
  FROM grants g LEFT JOIN fleet_holder h ON h.key_id = g.key_id WHERE h.key_id IS NULL)
SELECT b.severity, b.policy, k.fingerprint, k.algorithm, k.bits, b.detail, m.hostname AS for_example
FROM broken b JOIN ssh_key k ON k.key_id = b.key_id JOIN fleet_machine m ON m.node = b.node
ORDER BY CASE b.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END, b.policy, k.fingerprint
