-- Which machines there are, scanned or only in an inventory, and which resource each is.

-- What each machine has on its disks, worked out once.
CREATE TABLE fleet_current AS SELECT * FROM v1_newest;

-- The same as v1_identity and v1_finding, over that.
CREATE VIEW fleet_identity AS
SELECT m.machine, m.hostname, i.kind, i.name FROM identity i JOIN fleet_current m ON m.disk_id = i.disk_id;
CREATE VIEW fleet_finding AS
SELECT m.machine, m.hostname, f.finding_id, f.rule, f.secret_type, f.provider, f.severity, f.confidence, f.secret,
       f.preview, f.path, f.line, f.deleted, f.mode, f.owner, f.readable, f.atime, f.mtime, f.expires, f.expired,
       f.target_kind, f.target, k.key_id, f.key_fingerprint, f.vendor, f.details, f.credential, f.credential_account
FROM finding f JOIN fleet_current m ON m.disk_id = f.disk_id
LEFT JOIN ssh_key k ON k.fingerprint = f.key_fingerprint
WHERE f.known IS NULL AND f.ignored = 0;

-- By what a cloud gave it; where either has nothing of a cloud, by a name that nothing else
-- has. Where two have one name, neither is taken by it. Private addresses say nothing: every
-- network has the same.
CREATE TABLE machine_asset AS
WITH candidate AS (
  SELECT i.machine, n.asset_id, i.kind AS how,
         CASE i.kind WHEN 'instance_id' THEN 1 WHEN 'vm_id' THEN 2 WHEN 'machine_id' THEN 4
                     ELSE 5 END AS strength
  FROM fleet_identity i JOIN asset_name n ON n.name = i.name AND n.kind = i.kind
  UNION
  SELECT i.machine, n.asset_id, 'target' AS how, 3 AS strength
  FROM fleet_identity i JOIN asset_name n ON n.name = i.name
  WHERE i.kind = 'target' AND n.kind IN ('id', 'name', 'disk', 'instance_id')
  UNION
  SELECT i.machine, n.asset_id, 'address' AS how, 6 AS strength
  FROM fleet_identity i JOIN asset_name n ON n.name = i.name
  WHERE i.kind = 'address' AND n.kind = 'public_ip'),
machines AS (
  SELECT c.machine, c.asset_id, c.how, c.strength FROM candidate c JOIN asset a ON a.asset_id = c.asset_id
  WHERE a.kind = 'machine' AND a.deleted IS NULL
    AND (c.strength < 3
         OR NOT EXISTS (SELECT 1 FROM fleet_identity i WHERE i.machine = c.machine AND i.kind = 'instance_id')
         OR NOT EXISTS (SELECT 1 FROM asset_name n WHERE n.asset_id = c.asset_id AND n.kind IN ('instance_id', 'vm_id')))),
-- Not by two groupings that are joined again, which DuckDB 2.0 does pair by pair.
alone AS (
  SELECT machine, asset_id, how, strength,
         MIN(asset_id) OVER (PARTITION BY machine, how) AS first_asset,
         MAX(asset_id) OVER (PARTITION BY machine, how) AS last_asset,
         MIN(machine) OVER (PARTITION BY asset_id, how) AS first_machine,
         MAX(machine) OVER (PARTITION BY asset_id, how) AS last_machine
  FROM machines),
ranked AS (
  SELECT machine, asset_id, how,
         ROW_NUMBER() OVER (PARTITION BY machine ORDER BY strength, asset_id) AS of_machine,
         ROW_NUMBER() OVER (PARTITION BY asset_id ORDER BY strength, machine) AS of_asset
  FROM alone WHERE first_asset = last_asset AND first_machine = last_machine)
SELECT machine, asset_id, how FROM ranked WHERE of_machine = 1 AND of_asset = 1;

-- What is known of a machine's vulnerabilities, by the newest report about it.
CREATE TABLE machine_vulnerable AS
WITH newest AS (
  SELECT v.*, ROW_NUMBER() OVER (PARTITION BY v.subject ORDER BY v.inventory_id DESC) AS n FROM vulnerable v),
about AS (
  SELECT m.machine, v.vulnerable, v.critical, v.high, v.remote_code, v.exploited, v.not_counted
  FROM newest v JOIN asset_name n ON n.name = v.subject JOIN machine_asset m ON m.asset_id = n.asset_id
  WHERE v.n = 1
  UNION
  SELECT i.machine, v.vulnerable, v.critical, v.high, v.remote_code, v.exploited, v.not_counted
  FROM newest v JOIN fleet_identity i ON i.name = v.subject
  WHERE v.n = 1 AND i.kind <> 'address')
SELECT machine, MAX(vulnerable) AS vulnerable, MAX(critical) AS critical, MAX(high) AS high,
       MAX(remote_code) AS remote_code, MAX(exploited) AS exploited, MAX(not_counted) AS not_counted
FROM about GROUP BY machine;

-- Every machine under a number. asset_id is absent for one that no inventory has, scanned
-- is 0 for one that only an inventory has.
CREATE TABLE fleet_machine AS
WITH every AS (
  SELECT m.machine, MIN(m.hostname) AS hostname, MAX(m.begun) AS begun, MIN(m.begun) AS oldest, COUNT(*) AS disks,
         MIN(m.whole) AS whole,
         1 AS scanned, MIN(x.asset_id) AS asset_id, MIN(x.how) AS matched_by
  FROM fleet_current m LEFT JOIN machine_asset x ON x.machine = m.machine
  GROUP BY m.machine
  UNION ALL
  SELECT ('asset:' || a.asset_id) AS machine, a.name AS hostname, NULL AS begun, NULL AS oldest, 0 AS disks, 0 AS whole,
         0 AS scanned, a.asset_id, NULL AS matched_by
  FROM asset a LEFT JOIN machine_asset x ON x.asset_id = a.asset_id
  WHERE a.kind = 'machine' AND a.deleted IS NULL AND x.asset_id IS NULL)
SELECT ROW_NUMBER() OVER (ORDER BY e.machine) AS node, e.machine, e.hostname, e.begun, e.oldest, e.disks, e.whole, e.scanned,
       e.asset_id, e.matched_by, COALESCE(a.provider, '') AS provider, COALESCE(a.account, '') AS account,
       COALESCE(a.region, '') AS region, COALESCE(a.exposed, 'unknown') AS exposed,
       COALESCE(a.exposed_ports, '') AS exposed_ports, COALESCE(a.exposed_why, '') AS exposed_why,
       COALESCE(a.criticality, 'unknown') AS criticality, COALESCE(a.owner, '') AS owner,
       CASE WHEN v.machine IS NULL THEN 'unknown' WHEN v.vulnerable = 1 THEN 'yes' ELSE 'no' END AS vulnerable,
       COALESCE(v.remote_code, 0) AS remote_code, COALESCE(v.exploited, 0) AS exploited,
       COALESCE(v.not_counted, 0) AS not_counted
FROM every e
LEFT JOIN asset a ON a.asset_id = e.asset_id
LEFT JOIN machine_vulnerable v ON v.machine = e.machine;

-- The numbers of the machines by their targets.
CREATE TABLE fleet_disk AS
SELECT d.disk_id, m.node FROM fleet_current d JOIN fleet_machine m ON m.machine = d.machine;
