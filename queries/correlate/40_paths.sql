-- Attack paths: one table of rules, one statement for each kind of edge.

-- The rules. other_title is the title of an older page, where there is one. cloud '' stands
-- for every cloud and none: what no other rule takes.
CREATE TABLE path_rule (
  rule VARCHAR(8), cloud VARCHAR(8), needs_exposed INT, needs_vulnerable INT, edge VARCHAR(8), target_kind VARCHAR(16),
  title VARCHAR(300), other_title VARCHAR(300));
INSERT INTO path_rule VALUES
 ('AZ1', 'azure', 1, 1, 'key', 'machine',
  'Exposed Vulnerable VM has an insecure SSH private key that is used to authenticate to a VM.',
  'Internet exposed VM has high severity vulnerability and insecure SSH private key that can authenticate to another VM'),
 ('AZ2', 'azure', 1, 1, 'secret', 'storage',
  'Exposed Vulnerable VM has insecure secrets that are used to authenticate to a storage account.',
  'Internet exposed VM has high severity vulnerabilities and has insecure secret that is used to authenticate to storage account'),
 ('AZ3', 'azure', 0, 1, 'secret', 'storage',
  'Vulnerable VM has insecure secrets that are used to authenticate to a storage account.',
  'VM has high severity vulnerabilities and has insecure plaintext secret that is used to authenticate to storage account'),
 ('AZ4', 'azure', 1, 1, 'secret', 'database',
  'Exposed Vulnerable VM has insecure secrets that are used to authenticate to an SQL server.',
  'Internet exposed VM has high severity vulnerabilities and has insecure secret that is used to authenticate to a SQL server'),
 ('AZ5', 'azure', 0, 1, 'secret', 'database',
  'VM has high severity vulnerabilities and has insecure secret that is used to authenticate to a SQL server',
  'VM has high severity vulnerabilities and has insecure secret that is used to authenticate to a SQL server'),
 ('AW1', 'aws', 1, 1, 'key', 'machine',
  'Exposed Vulnerable EC2 instance has an insecure SSH private key that is used to authenticate to an EC2 instance.',
  'Internet exposed EC2 instance has high severity vulnerability and insecure SSH private key that can authenticate to another AWS EC2 instance'),
 ('AW2', 'aws', 1, 1, 'secret', 'storage',
  'Exposed Vulnerable EC2 instance has an insecure secret that is used to authenticate to a storage account.',
  'Internet exposed AWS EC2 instance has high severity vulnerabilities and has insecure secret that has permission to S3 bucket via an IAM policy, or via a bucket policy, or via both an IAM policy and a bucket policy.'),
 ('AW3', 'aws', 1, 1, 'secret', 'database',
  'Exposed Vulnerable EC2 instance has insecure secrets that are used to authenticate to an AWS RDS server.',
  'Internet exposed EC2 instance has high severity vulnerabilities and has insecure secret that is used to authenticate to a RDS resource'),
 ('AW4', 'aws', 0, 1, 'secret', 'database',
  'Vulnerable EC2 instance has insecure secrets that are used to authenticate to an AWS RDS server.',
  'EC2 instance has high severity vulnerabilities and has insecure plaintext secret that is used to authenticate to a RDS resource'),
 ('GC1', 'gcp', 1, 1, 'key', 'machine',
  'Exposed Vulnerable GCP VM instance has an insecure SSH private key that is used to authenticate to a GCP VM instance.',
  ''),
 ('GC2', 'gcp', 1, 1, 'none', '',
  'Internet exposed VM with high severity vulnerabilities has plaintext SSH private key',
  'Internet exposed VM with high severity vulnerabilities has plaintext SSH private key'),
 ('GC3', 'gcp', 0, 1, 'none', '',
  'VM instance with high severity vulnerabilities has plaintext SSH private key',
  'VM instance with high severity vulnerabilities has plaintext SSH private key'),
 ('XC1', '', 1, 1, 'key', 'machine',
  'Exposed vulnerable machine has an insecure SSH private key that is used to authenticate to a machine elsewhere.', ''),
 ('XC2', '', 1, 1, 'secret', 'storage',
  'Exposed vulnerable machine has insecure secrets that are used to authenticate to a data store elsewhere.', ''),
 ('XC3', '', 1, 1, 'secret', 'database',
  'Exposed vulnerable machine has insecure secrets that are used to authenticate to a database elsewhere.', ''),
 ('MH1', '', 1, 1, 'hops', 'machine',
  'Exposed vulnerable machine leads over several SSH private keys to a critical machine.', ''),
 ('MH2', '', 1, 1, 'hops', 'store',
  'Exposed vulnerable machine leads over SSH private keys to a machine whose secrets open a data store.', '');

-- By a key: one row for a rule and a key. open_entries are those whose risk nobody has
-- accepted. Which machines begin and which end it is asked
-- for one key at a time, since there may be very many of both.
CREATE TABLE path_key AS
WITH starts AS (
  SELECT r.rule, h.key_id, m.provider, COUNT(DISTINCT h.node) AS entries, MIN(h.node) AS entry,
         COUNT(DISTINCT CASE WHEN h.waived = 0 THEN h.node END) AS open_entries
  FROM path_rule r JOIN fleet_machine m ON r.cloud = m.provider OR r.cloud = ''
  JOIN fleet_holder h ON h.node = m.node AND h.usable = 1
  JOIN fleet_live l ON l.key_id = h.key_id
  WHERE r.edge = 'key' AND (r.needs_exposed = 0 OR m.exposed = 'yes') AND (r.needs_vulnerable = 0 OR m.vulnerable = 'yes')
  GROUP BY r.rule, h.key_id, m.provider),
ends AS (
  SELECT s.rule, s.key_id, s.provider, COUNT(DISTINCT g.node) AS targets, MIN(g.node) AS target,
         MAX(CASE m.criticality WHEN 'very_high' THEN 4 WHEN 'high' THEN 3 ELSE 0 END) AS criticality,
         MAX(g.root) AS root
  FROM starts s JOIN path_rule r ON r.rule = s.rule
  JOIN fleet_grant g ON g.key_id = s.key_id
  JOIN fleet_machine m ON m.node = g.node
  WHERE (s.entries > 1 OR g.node <> s.entry)
    AND ((r.cloud <> '' AND m.provider = r.cloud)
         OR (r.cloud = '' AND (m.provider <> s.provider OR m.provider NOT IN ('azure', 'aws', 'gcp'))))
  GROUP BY s.rule, s.key_id, s.provider)
SELECT s.rule, s.key_id, s.entries, s.open_entries, s.entry, e.targets, e.target, e.criticality, e.root
FROM starts s JOIN ends e ON e.rule = s.rule AND e.key_id = s.key_id AND e.provider = s.provider;

-- By another secret: one row for a rule, a secret and what it opens. What an exposed
-- machine's rule has, the rule without exposure does not repeat.
CREATE TABLE path_secret AS
WITH every AS (
  SELECT r.rule, r.needs_exposed, o.secret, o.secret_type, o.target, m.node, o.permission, o.waived,
         CASE WHEN a.criticality IN ('very_high', 'high') OR a.sensitivity IN ('very_high', 'high') THEN 1 ELSE 0 END
           AS valuable
  FROM fleet_opens o
  JOIN fleet_machine m ON m.node = o.node
  JOIN asset a ON a.asset_id = o.target
  JOIN path_rule r ON r.edge = 'secret' AND r.target_kind = a.kind
    AND ((r.cloud = m.provider AND r.cloud = a.provider)
         OR (r.cloud = '' AND (m.provider <> a.provider OR m.provider NOT IN ('azure', 'aws', 'gcp'))))
  WHERE (r.needs_exposed = 0 OR m.exposed = 'yes') AND (r.needs_vulnerable = 0 OR m.vulnerable = 'yes')
    AND (r.needs_exposed = 1 OR m.exposed <> 'yes'))
SELECT rule, secret, MIN(secret_type) AS secret_type, target, COUNT(DISTINCT node) AS entries, MIN(node) AS entry,
       COUNT(DISTINCT CASE WHEN waived = 0 THEN node END) AS open_entries, MAX(permission) AS permission, MAX(valuable) AS valuable
FROM every GROUP BY rule, secret, target;

-- Over several keys, to a machine that matters or to one whose secrets open a store. (From
-- who is reached to the machine: the other way SQLite takes every key with every machine.)
CREATE TABLE path_hops AS
SELECT 'MH1' AS rule, r.node AS target, r.key_id, r.account, r.hops, r.needs_root, '' AS asset_id, 1 AS valuable,
       h.waived
FROM fleet_reached r CROSS JOIN fleet_machine m
JOIN (SELECT key_id, MIN(waived) AS waived FROM fleet_holder WHERE usable = 1 GROUP BY key_id) h ON h.key_id = r.key_id
WHERE m.node = r.node AND r.hops > 1 AND m.criticality IN ('very_high', 'high')
UNION ALL
SELECT 'MH2' AS rule, r.node AS target, r.key_id, r.account, r.hops,
       CASE WHEN r.root = 1 OR s.readable = 1 THEN r.needs_root ELSE 1 END AS needs_root, o.target AS asset_id,
       CASE WHEN a.criticality IN ('very_high', 'high') OR a.sensitivity IN ('very_high', 'high') THEN 1 ELSE 0 END
         AS valuable, MIN(o.waived) AS waived
FROM fleet_reached r
JOIN fleet_opens o ON o.node = r.node
JOIN fleet_secret s ON s.finding_id = o.finding_id AND s.node = o.node
JOIN asset a ON a.asset_id = o.target
WHERE a.kind IN ('storage', 'database', 'vault')
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;

-- All paths. level: critical where what is reached matters, high else; not applicable where
-- the risk of every place that it goes by is accepted, and why.
CREATE TABLE fleet_path AS
WITH every AS (
  SELECT (p.rule || ':' || k.fingerprint) AS path_id, p.rule, k.fingerprint AS by_secret,
         'SSH private key' AS secret_type, p.entries, p.entry, p.targets, p.target AS target_node, '' AS target_asset,
         1 AS hops, 0 AS needs_root, CASE WHEN p.criticality > 0 THEN 1 ELSE 0 END AS valuable, p.open_entries
  FROM path_key p JOIN ssh_key k ON k.key_id = p.key_id
  UNION ALL
  SELECT (rule || ':' || secret || ':' || target) AS path_id, rule, secret AS by_secret, secret_type, entries, entry,
         1 AS targets, NULL AS target_node, target AS target_asset, 1 AS hops, 0 AS needs_root, valuable, open_entries
  FROM path_secret
  UNION ALL
  SELECT (r.rule || ':' || k.fingerprint) AS path_id, r.rule, k.fingerprint AS by_secret,
         'SSH private key' AS secret_type, COUNT(DISTINCT m.node) AS entries, MIN(m.node) AS entry, 0 AS targets,
         NULL AS target_node, '' AS target_asset, 0 AS hops, 0 AS needs_root, 0 AS valuable,
         COUNT(DISTINCT CASE WHEN h.waived = 0 THEN m.node END) AS open_entries
  FROM path_rule r JOIN fleet_machine m ON m.provider = r.cloud
  JOIN fleet_holder h ON h.node = m.node AND h.usable = 1
  JOIN ssh_key k ON k.key_id = h.key_id
  WHERE r.edge = 'none' AND m.vulnerable = 'yes'
    AND ((r.needs_exposed = 1 AND m.exposed = 'yes') OR (r.needs_exposed = 0 AND m.exposed <> 'yes'))
  GROUP BY r.rule, k.fingerprint
  UNION ALL
  SELECT (p.rule || ':' || m.machine || ':' || p.asset_id) AS path_id, p.rule, k.fingerprint AS by_secret,
         'SSH private key' AS secret_type, 1 AS entries, r.entry, 1 AS targets, p.target AS target_node,
         p.asset_id AS target_asset, p.hops, p.needs_root, p.valuable, 1 - p.waived AS open_entries
  FROM path_hops p JOIN fleet_machine m ON m.node = p.target
  JOIN ssh_key k ON k.key_id = p.key_id
  JOIN fleet_reach r ON r.key_id = p.key_id),
accepted AS (
  SELECT by_secret, MIN(reason) AS reason FROM (
    SELECT secret AS by_secret, reason FROM fleet_exempt WHERE category = 'waiver'
    UNION ALL SELECT key_fingerprint AS by_secret, reason FROM fleet_exempt WHERE category = 'waiver') x
  WHERE by_secret <> '' GROUP BY by_secret)
SELECT e.path_id, e.rule, e.by_secret, e.secret_type, e.entries, e.entry, e.targets, e.target_node, e.target_asset,
       e.hops, e.needs_root,
       CASE WHEN e.open_entries = 0 THEN 'not applicable' WHEN e.valuable = 1 THEN 'critical' ELSE 'high' END AS level,
       CASE WHEN e.open_entries = 0 THEN COALESCE(a.reason, 'the risk of what it ends with is accepted') ELSE '' END
         AS exempt_reason
FROM every e LEFT JOIN accepted a ON a.by_secret = e.by_secret;
