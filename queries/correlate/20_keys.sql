-- Which keys lie where, which accounts they open, and how far somebody gets with them. The
-- edges go from machine to key and from key to machine: a key of a thousand machines that
-- a thousand accept is two thousand rows.

-- Private keys. usable: without a passphrase, whole enough to sign with, and not said to be
-- mitigated. waived: its risk is accepted.
CREATE TABLE fleet_holder AS
SELECT h.key_id, m.node, h.path, h.line, COALESCE(h.owner, '') AS owner, h.mode, h.atime,
       CASE WHEN h.encrypted = 0 AND (h.damage IS NULL OR h.damage = 'cut') AND COALESCE(x.mitigated, 0) = 0
            THEN 1 ELSE 0 END AS usable,
       CASE WHEN SUBSTR(h.mode, -1) IN ('4', '5', '6', '7') THEN 1 ELSE 0 END AS readable,
       CASE WHEN x.mitigated = 0 THEN 1 ELSE 0 END AS waived
FROM held h JOIN fleet_disk m ON m.disk_id = h.disk_id
LEFT JOIN (SELECT node, key_id, path, MAX(CASE category WHEN 'mitigated' THEN 1 ELSE 0 END) AS mitigated
           FROM fleet_exempt WHERE key_id IS NOT NULL GROUP BY node, key_id, path) x
  ON x.node = m.node AND x.key_id = h.key_id AND x.path = h.path
WHERE h.role = 'private';

-- Accounts that are, or may become, the superuser.
CREATE TABLE fleet_root AS
SELECT DISTINCT d.node, a.name FROM account a JOIN fleet_disk d ON d.disk_id = a.disk_id WHERE a.root = 1;

-- Keys that lie somewhere, and those of findings.
CREATE TABLE fleet_found AS
SELECT key_id FROM fleet_holder
UNION SELECT k.key_id FROM finding f JOIN ssh_key k ON k.fingerprint = f.key_fingerprint;

-- Accounts that keys open by what an inventory says of machines that nobody has scanned.
CREATE TABLE fleet_given AS
SELECT k.key_id, m.node, g.account, g.why AS path
FROM asset_grant g
JOIN fleet_machine m ON m.asset_id = g.asset_id AND m.scanned = 0
JOIN ssh_key k ON k.fingerprint = g.fingerprint
WHERE g.form = 'sha256'
UNION
SELECT k.key_id, m.node, g.account, g.why AS path
FROM asset_grant g
JOIN fleet_machine m ON m.asset_id = g.asset_id AND m.scanned = 0
JOIN ssh_key k ON k.md5 = g.fingerprint OR k.ec2_created = g.fingerprint OR k.ec2_imported = g.fingerprint
WHERE g.form <> 'sha256';

-- Accounts that keys open: by the files of the machine where it was scanned, by the inventory
-- else. state: accepted, restricted, or granted, which nobody has verified. Several lines may
-- say the same.
CREATE VIEW fleet_line AS
SELECT e.key_id, d.node, e.account, e.state, e.path, CASE WHEN e.account = 'root' OR a.node IS NOT NULL THEN 1 ELSE 0 END AS root
FROM entry e
JOIN fleet_disk d ON d.disk_id = e.disk_id
LEFT JOIN fleet_root a ON a.node = d.node AND a.name = e.account
WHERE e.state IN ('accepted', 'restricted') AND e.role IN ('authorized', 'certificate', 'cert_authority')
UNION ALL
SELECT key_id, node, account, 'granted' AS state, path, 0 AS root FROM fleet_given;

-- The same for the keys that lie somewhere, each account once. In a fleet most lines are of
-- keys that lie nowhere: from these keys to their lines it is less than from all lines.
CREATE TABLE fleet_grant AS
SELECT key_id, node, account, MIN(state) AS state, MIN(path) AS path, MAX(root) AS root
FROM (
  SELECT e.key_id, d.node, e.account, e.state, e.path, CASE WHEN e.account = 'root' OR a.node IS NOT NULL THEN 1 ELSE 0 END AS root
  FROM fleet_found f
  CROSS JOIN entry e
  JOIN fleet_disk d ON d.disk_id = e.disk_id
  LEFT JOIN fleet_root a ON a.node = d.node AND a.name = e.account
  WHERE e.key_id = f.key_id AND e.state IN ('accepted', 'restricted')
    AND e.role IN ('authorized', 'certificate', 'cert_authority')
  UNION ALL
  SELECT g.key_id, g.node, g.account, 'granted' AS state, g.path, 0 AS root
  FROM fleet_given g JOIN fleet_found f ON f.key_id = g.key_id) one
GROUP BY key_id, node, account;

-- Keys that lie somewhere usable and open something: only they lead on.
CREATE TABLE fleet_live AS
SELECT key_id FROM fleet_holder WHERE usable = 1 INTERSECT SELECT key_id FROM fleet_grant;

-- From one key to the next: a machine that takes the first holds the second. needs_root:
-- the account that is reached cannot read the file of the second by its owner or mode. Of
-- several such machines `via` is one where that is not needed, if there is one.
CREATE TABLE fleet_step AS
SELECT from_key, to_key, via, ways, needs_root FROM (
  SELECT from_key, to_key, via, needs_root,
         COUNT(*) OVER (PARTITION BY from_key, to_key) AS ways,
         ROW_NUMBER() OVER (PARTITION BY from_key, to_key ORDER BY needs_root, via) AS n
  FROM (
    SELECT g.key_id AS from_key, h.key_id AS to_key, g.node AS via,
           MIN(CASE WHEN g.root = 1 OR g.account = h.owner OR h.readable = 1 THEN 0 ELSE 1 END) AS needs_root
    FROM fleet_grant g
    JOIN fleet_live l ON l.key_id = g.key_id
    JOIN fleet_holder h ON h.node = g.node AND h.usable = 1
    JOIN fleet_live n ON n.key_id = h.key_id
    WHERE g.key_id <> h.key_id
    GROUP BY g.key_id, h.key_id, g.node) step_) x
WHERE n = 1;

-- Where somebody comes in: machines that the internet reaches and that have a high or
-- critical vulnerability. The tables of hops have each key at its fewest hops, by one of the
-- ways that are shortest: `entry` is where it begins, `via` the last machine of it, where the
-- key was found, `from_key` the key before.
CREATE TABLE fleet_hop1 AS
SELECT h.key_id, 1 AS hops, MIN(h.node) AS entry, MIN(h.node) AS via, CAST(NULL AS BIGINT) AS from_key, 0 AS needs_root,
       COUNT(DISTINCT h.node) AS ways
FROM fleet_holder h
JOIN fleet_live l ON l.key_id = h.key_id
JOIN fleet_machine m ON m.node = h.node
WHERE h.usable = 1 AND m.exposed = 'yes' AND m.vulnerable = 'yes'
GROUP BY h.key_id;

CREATE TABLE fleet_hop2 AS
SELECT key_id, 2 AS hops, entry, via, from_key, needs_root, ways FROM (
  SELECT s.to_key AS key_id, p.entry, s.via, s.from_key,
         CASE WHEN p.needs_root = 1 OR s.needs_root = 1 THEN 1 ELSE 0 END AS needs_root,
         COUNT(*) OVER (PARTITION BY s.to_key) AS ways,
         ROW_NUMBER() OVER (PARTITION BY s.to_key ORDER BY
           CASE WHEN p.needs_root = 1 OR s.needs_root = 1 THEN 1 ELSE 0 END, s.from_key) AS n
  FROM fleet_hop1 p JOIN fleet_step s ON s.from_key = p.key_id
  LEFT JOIN fleet_hop1 one ON one.key_id = s.to_key
  WHERE one.key_id IS NULL) x
WHERE n = 1;

CREATE TABLE fleet_hop3 AS
SELECT key_id, 3 AS hops, entry, via, from_key, needs_root, ways FROM (
  SELECT s.to_key AS key_id, p.entry, s.via, s.from_key,
         CASE WHEN p.needs_root = 1 OR s.needs_root = 1 THEN 1 ELSE 0 END AS needs_root,
         COUNT(*) OVER (PARTITION BY s.to_key) AS ways,
         ROW_NUMBER() OVER (PARTITION BY s.to_key ORDER BY
           CASE WHEN p.needs_root = 1 OR s.needs_root = 1 THEN 1 ELSE 0 END, s.from_key) AS n
  FROM fleet_hop2 p JOIN fleet_step s ON s.from_key = p.key_id
  LEFT JOIN fleet_hop1 one ON one.key_id = s.to_key
  LEFT JOIN fleet_hop2 two ON two.key_id = s.to_key
  WHERE one.key_id IS NULL AND two.key_id IS NULL) x
WHERE n = 1;

CREATE TABLE fleet_hop4 AS
SELECT key_id, 4 AS hops, entry, via, from_key, needs_root, ways FROM (
  SELECT s.to_key AS key_id, p.entry, s.via, s.from_key,
         CASE WHEN p.needs_root = 1 OR s.needs_root = 1 THEN 1 ELSE 0 END AS needs_root,
         COUNT(*) OVER (PARTITION BY s.to_key) AS ways,
         ROW_NUMBER() OVER (PARTITION BY s.to_key ORDER BY
           CASE WHEN p.needs_root = 1 OR s.needs_root = 1 THEN 1 ELSE 0 END, s.from_key) AS n
  FROM fleet_hop3 p JOIN fleet_step s ON s.from_key = p.key_id
  LEFT JOIN fleet_hop1 one ON one.key_id = s.to_key
  LEFT JOIN fleet_hop2 two ON two.key_id = s.to_key
  LEFT JOIN fleet_hop3 three ON three.key_id = s.to_key
  WHERE one.key_id IS NULL AND two.key_id IS NULL AND three.key_id IS NULL) x
WHERE n = 1;

-- Keys that somebody gets who came in.
CREATE TABLE fleet_reach AS
SELECT * FROM fleet_hop1 UNION ALL SELECT * FROM fleet_hop2
UNION ALL SELECT * FROM fleet_hop3 UNION ALL SELECT * FROM fleet_hop4;

-- Machines that somebody gets into who came in elsewhere, each with one shortest way.
CREATE TABLE fleet_reached AS
SELECT node, key_id, account, root, hops, needs_root FROM (
  SELECT g.node, g.key_id, g.account, g.root, r.hops, r.needs_root,
         ROW_NUMBER() OVER (PARTITION BY g.node ORDER BY r.hops, r.needs_root, g.key_id, g.account) AS n
  FROM fleet_reach r JOIN fleet_grant g ON g.key_id = r.key_id
  LEFT JOIN fleet_holder own ON own.key_id = r.key_id AND own.node = g.node AND r.hops = 1 AND r.ways = 1
  WHERE own.key_id IS NULL) x
WHERE n = 1;
