-- How bad each finding is where it lies, and why. The first level that fits is taken:
-- critical, on a path to something that matters, or on any that begins at an exposed machine with a
-- vulnerability that is used in attacks; high, on another path, or on an exposed
-- machine and good for something that exists, or opening one machine in a hundred; medium,
-- good for something that is known; low, good for nothing that is known. Where no inventory
-- has the machine, that is not evaluated; what is exempted is not applicable.
CREATE TABLE fleet_risk AS
WITH size_ AS (SELECT COUNT(*) AS n FROM fleet_machine),
key_reach AS (
  SELECT key_id, COUNT(DISTINCT node) AS machines FROM fleet_grant GROUP BY key_id),
key_path AS (
  SELECT p.by_secret, MAX(CASE WHEN p.level = 'critical' THEN 2 ELSE 1 END) AS level, COUNT(*) AS paths
  FROM fleet_path p WHERE p.level <> 'not applicable' GROUP BY p.by_secret),
facts AS (
  SELECT m.node, f.finding_id, f.rule, f.secret_type, f.severity, f.path, f.line, f.secret, f.key_id, f.target, f.atime,
         f.expires, f.mode, f.owner, f.readable, f.deleted, m.exposed, m.vulnerable, m.exploited, m.not_counted, m.asset_id,
         COALESCE(x.exemption, '') AS exemption, COALESCE(x.category, '') AS exempt_category,
         COALESCE(x.reason, '') AS exempt_reason,
         CASE WHEN f.key_id IS NOT NULL THEN COALESCE(h.usable, 0) ELSE COALESCE(s.usable, 1) END AS usable,
         CASE WHEN f.key_id IS NOT NULL THEN CASE WHEN r.machines > 0 THEN 'yes' ELSE 'unknown' END
              ELSE COALESCE(s.exists_, 'unknown') END AS exists_,
         COALESCE(r.machines, 0) AS opens, COALESCE(s.useless_why, '') AS useless_why,
         CASE WHEN m.vulnerable = 'yes' THEN COALESCE(kp.level, sp.level, 0) ELSE 0 END AS path_level,
         CASE WHEN m.vulnerable = 'yes' THEN COALESCE(kp.paths, sp.paths, 0) ELSE 0 END AS paths,
         CASE WHEN r.machines * 100 >= z.n AND z.n >= 100 THEN 1 ELSE 0 END AS wide
  FROM fleet_finding f
  JOIN fleet_machine m ON m.machine = f.machine
  CROSS JOIN size_ z
  LEFT JOIN fleet_secret s ON s.node = m.node AND s.finding_id = f.finding_id
  LEFT JOIN (SELECT key_id, node, MAX(usable) AS usable FROM fleet_holder GROUP BY key_id, node) h
    ON h.key_id = f.key_id AND h.node = m.node
  LEFT JOIN fleet_exempt x ON x.node = m.node AND x.finding_id = f.finding_id
  LEFT JOIN ssh_key k ON k.key_id = f.key_id
  LEFT JOIN key_reach r ON r.key_id = f.key_id
  LEFT JOIN key_path kp ON kp.by_secret = k.fingerprint
  LEFT JOIN key_path sp ON sp.by_secret = f.secret)
SELECT node, finding_id, rule, secret_type, severity, path, line, secret, key_id, target, atime, expires, mode, owner,
       readable, deleted, usable, exists_, opens, paths, exemption, exempt_category, exempt_reason,
       CASE WHEN exemption <> '' THEN 'not applicable' WHEN asset_id IS NULL AND paths = 0 THEN 'not evaluated'
            WHEN usable = 1 AND (path_level = 2 OR (path_level = 1 AND exploited = 1 AND exposed = 'yes')) THEN 'critical'
            WHEN usable = 1 AND (path_level = 1 OR wide = 1 OR (exposed = 'yes' AND exists_ = 'yes')) THEN 'high'
            WHEN usable = 1 AND exists_ = 'yes' THEN 'medium'
            ELSE 'low' END AS level,
       SUBSTR((CASE WHEN exemption <> '' THEN ('; ' || exempt_category || ': ' || exempt_reason) ELSE '' END || CASE WHEN exposed = 'yes' THEN '; exposed to the internet' ELSE '' END || CASE WHEN vulnerable = 'yes' THEN '; has high severity vulnerabilities' ELSE '' END || CASE WHEN exploited = 1 THEN '; has a vulnerability that is used in attacks' ELSE '' END || CASE WHEN not_counted > 0 THEN ('; vulnerabilities that VEX takes away: ' || not_counted) ELSE '' END || CASE WHEN paths > 0 THEN '; on an attack path' ELSE '' END || CASE WHEN key_id IS NOT NULL AND opens > 0 THEN ('; opens accounts of ' || opens || CASE WHEN opens = 1 THEN ' machine' ELSE ' machines' END) ELSE '' END || CASE WHEN key_id IS NULL AND exists_ = 'yes' THEN '; what it opens exists' ELSE '' END || CASE WHEN exists_ = 'no' THEN '; what it opens is gone' ELSE '' END || CASE WHEN usable = 0 AND key_id IS NOT NULL AND exempt_category <> 'mitigated' THEN '; needs a passphrase or is damaged' ELSE '' END || CASE WHEN useless_why <> '' AND useless_why <> 'mitigated' THEN ('; ' || useless_why) ELSE '' END || CASE WHEN readable = 1 THEN '; everybody on the machine can read the file' ELSE '' END), 3) AS why
FROM facts;
