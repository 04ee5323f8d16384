-- What follows from scans and inventories, for questions and exports.

-- Each secret at each place, of the newest scans: how bad, what to do, who, and until when.
-- machine: the machine's identity
-- hostname: its name
-- asset_id: the resource of an inventory that it is, or nothing
-- provider: azure, aws, gcp, or nothing
-- account: subscription, account or project
-- region: where it runs
-- title: the recommendation that the finding belongs to
-- finding_id: the same in every scan for the same rule, secret and place
-- rule: the rule that found it
-- secret_type: the official name of its type
-- severity: of the rule: critical, high, medium, low, info
-- risk: critical, high, medium, low, not evaluated (no inventory has the machine), not applicable (exempted)
-- why: the facts that made the risk
-- path: the file
-- line: the line in it
-- secret: the fingerprint of the secret, never the secret
-- key_id: of an SSH key, its number in ssh_key, or nothing
-- file_owner: whose the file is
-- mode: the permissions of the file, in octal
-- readable: 1 where everybody on the machine can read it
-- deleted: 1 where the file has been deleted
-- last_read: when the file was last read, as far as the filesystem knows
-- expires: when the secret expires
-- target: what it opens, as the secret names it
-- target_exists: yes, no, unknown
-- usable: 0 where it has expired, is encrypted, is mitigated, or its target takes no such secret
-- opens_machines: of an SSH key, how many machines take it
-- attack_paths: how many attack paths go by it
-- exposed: whether the internet reaches the machine: yes, no, unknown
-- vulnerable: whether it has vulnerabilities of severity high: yes, no, unknown
-- status: unassigned, on time, overdue, not applicable
-- owner: who has to do something; unspecified where nobody is known
-- owner_rule: the rule that says so, or nothing
-- first_seen: when a scan first had the secret at this place
-- due: the day until which it is to be resolved, or nothing
-- exemption: the name of the exemption that counts, or nothing
-- exempt_category: mitigated, waiver, or nothing
-- exempt_reason: why it is exempted
-- remedy: what to do
CREATE VIEW v1_recommendation AS
SELECT m.machine, m.hostname, m.asset_id, m.provider, m.account, m.region,
       CASE m.provider WHEN 'azure' THEN 'Machines should have secrets findings resolved'
         WHEN 'aws' THEN 'EC2 instances should have secrets findings resolved'
         WHEN 'gcp' THEN 'VM instances should have secrets findings resolved'
         ELSE 'Machines outside of the inventory should have secrets findings resolved' END AS title,
       k.finding_id, k.rule, k.secret_type, k.severity, k.level AS risk, k.why, k.path, k.line, k.secret, k.key_id,
       k.owner AS file_owner, k.mode, k.readable, k.deleted, k.atime AS last_read, k.expires, k.target,
       k.exists_ AS target_exists, k.usable, k.opens AS opens_machines, k.paths AS attack_paths, m.exposed, m.vulnerable,
       t.status, t.owner, t.owner_rule, t.first_seen, t.due, k.exemption, k.exempt_category, k.exempt_reason,
       COALESCE(r.remedy, '') AS remedy
FROM fleet_risk k
JOIN fleet_machine m ON m.node = k.node
JOIN fleet_task t ON t.node = k.node AND t.finding_id = k.finding_id AND t.rule = k.rule AND t.secret = k.secret
  AND t.path = k.path AND t.line = k.line AND t.status <> 'completed'
LEFT JOIN remedy r ON r.rule = k.rule;

-- What an earlier scan of a machine had, and the newest has not.
-- machine: the machine's identity
-- hostname: its name
-- finding_id: as the earlier scan had it
-- rule: the rule that found it
-- secret_type: the official name of its type
-- severity: of the rule
-- secret: the fingerprint of the secret
-- path: the file
-- line: the line in it
-- uncovered: why that does not mean that it is gone; nothing where the newest scan looked there
CREATE VIEW v1_gone AS
SELECT machine, hostname, finding_id, rule, secret_type, severity, secret, path, line, uncovered FROM fleet_gone;

-- Attack paths: one row for a rule and a key or secret.
-- path_id: stays the same while rule, secret and target do
-- rule: as in the table path_rule
-- title: what the rule says
-- level: critical where what is reached matters, high, or not applicable (its risk is accepted)
-- exempt_reason: why it is not applicable
-- by_secret: the fingerprint of the key or secret that it ends with
-- secret_type: what that is
-- entries: how many machines it begins at
-- entry: one of them, its identity
-- entry_hostname: its name
-- targets: how many it ends at
-- target_kind: machine, storage, database, vault, or nothing
-- target: one of them, its identity
-- target_name: its name
-- hops: how many keys and secrets it takes
-- needs_root: 1 where somebody must become root on the way
CREATE VIEW v1_attack_path AS
SELECT p.path_id, p.rule, r.title, p.level, p.exempt_reason, p.by_secret, p.secret_type, p.entries, m.machine AS entry,
       m.hostname AS entry_hostname, p.targets,
       CASE WHEN p.target_asset <> '' THEN a.kind WHEN p.target_node IS NOT NULL THEN 'machine' ELSE '' END AS target_kind,
       COALESCE(a.asset_id, t.machine, '') AS target, COALESCE(a.name, t.hostname, '') AS target_name, p.hops, p.needs_root
FROM fleet_path p
JOIN path_rule r ON r.rule = p.rule
JOIN fleet_machine m ON m.node = p.entry
LEFT JOIN fleet_machine t ON t.node = p.target_node
LEFT JOIN asset a ON a.asset_id = p.target_asset;

-- The graph of what opens what: machines, keys that lie somewhere usable and open something,
-- secrets that open a resource, and those resources.
-- id: of the kind and what identifies it
-- kind: machine, key, secret, resource
-- name: what to show
-- label: what it is to its cloud: microsoft.compute/virtualmachines, ec2.instance, and so on
-- provider: azure, aws, gcp, or nothing
-- account: subscription, account or project
-- region: where it runs
-- asset_id: its identifier in the inventory, or nothing
-- exposed: yes, no, unknown; nothing where that has no meaning
-- vulnerable: yes, no, unknown, or nothing
-- remote_code: 1 where a vulnerability lets code be run from afar
-- criticality: very_high, high, medium, low, unknown, or nothing
-- sensitivity: very_high, high, medium, low, unknown, or nothing
CREATE VIEW v1_graph_node AS
WITH part AS (
  SELECT h.node FROM fleet_holder h JOIN fleet_live l ON l.key_id = h.key_id WHERE h.usable = 1
  UNION SELECT g.node FROM fleet_grant g JOIN fleet_live l ON l.key_id = g.key_id
  UNION SELECT node FROM fleet_opens)
SELECT ('machine:' || m.machine) AS id, 'machine' AS kind, m.hostname AS name,
       CASE m.provider WHEN 'azure' THEN 'microsoft.compute/virtualmachines' WHEN 'aws' THEN 'ec2.instance'
         WHEN 'gcp' THEN 'compute.instances' ELSE 'machine' END AS label,
       m.provider, m.account, m.region, COALESCE(m.asset_id, '') AS asset_id, m.exposed, m.vulnerable, m.remote_code,
       m.criticality, COALESCE(a.sensitivity, 'unknown') AS sensitivity
FROM part p JOIN fleet_machine m ON m.node = p.node LEFT JOIN asset a ON a.asset_id = m.asset_id
UNION ALL
SELECT ('key:' || k.fingerprint) AS id, 'key' AS kind, k.fingerprint AS name, 'ssh private key' AS label, '' AS provider,
       '' AS account, '' AS region, '' AS asset_id, '' AS exposed, '' AS vulnerable, 0 AS remote_code, '' AS criticality,
       '' AS sensitivity
FROM fleet_live l JOIN ssh_key k ON k.key_id = l.key_id
UNION ALL
SELECT ('secret:' || o.secret) AS id, 'secret' AS kind, MIN(o.secret_type) AS name, 'secret' AS label, '' AS provider,
       '' AS account, '' AS region, '' AS asset_id, '' AS exposed, '' AS vulnerable, 0 AS remote_code, '' AS criticality,
       '' AS sensitivity
FROM fleet_opens o GROUP BY o.secret
UNION ALL
SELECT ('resource:' || a.asset_id) AS id, 'resource' AS kind, a.name, a.type AS label, a.provider, a.account, a.region,
       a.asset_id, a.exposed, '' AS vulnerable, 0 AS remote_code, a.criticality, a.sensitivity
FROM (SELECT DISTINCT target FROM fleet_opens) o JOIN asset a ON a.asset_id = o.target;

-- The edges of the graph of what opens what; its nodes are v1_graph_node.
-- id: of the kind, both ends and the account
-- from_id: a node
-- to_id: a node
-- kind: holds (machine, key), opens (key, machine), contains (machine, secret), authenticates_to (secret, resource)
-- as_account: the account that a key opens, or nothing
-- root: 1 where that account is, or may become, the superuser
-- evidence: the file, or what permits it
-- state: of opens: accepted, restricted, granted; else nothing
CREATE VIEW v1_graph_edge AS
SELECT ('holds|' || m.machine || '|' || k.fingerprint) AS id, ('machine:' || m.machine) AS from_id,
       ('key:' || k.fingerprint) AS to_id, 'holds' AS kind, '' AS as_account, 0 AS root, MIN(h.path) AS evidence, '' AS state
FROM fleet_holder h JOIN fleet_live l ON l.key_id = h.key_id JOIN ssh_key k ON k.key_id = h.key_id
JOIN fleet_machine m ON m.node = h.node
WHERE h.usable = 1
GROUP BY m.machine, k.fingerprint
UNION ALL
SELECT ('opens|' || k.fingerprint || '|' || m.machine || '|' || g.account) AS id, ('key:' || k.fingerprint) AS from_id,
       ('machine:' || m.machine) AS to_id, 'opens' AS kind, g.account AS as_account, g.root, g.path AS evidence, g.state
FROM fleet_grant g JOIN fleet_live l ON l.key_id = g.key_id JOIN ssh_key k ON k.key_id = g.key_id
JOIN fleet_machine m ON m.node = g.node
UNION ALL
SELECT ('contains|' || m.machine || '|' || o.secret) AS id, ('machine:' || m.machine) AS from_id,
       ('secret:' || o.secret) AS to_id, 'contains' AS kind, '' AS as_account, 0 AS root, MIN(s.path) AS evidence, '' AS state
FROM fleet_opens o JOIN fleet_machine m ON m.node = o.node
JOIN fleet_secret s ON s.node = o.node AND s.finding_id = o.finding_id AND s.secret = o.secret
GROUP BY m.machine, o.secret
UNION ALL
SELECT ('authenticates_to|' || o.secret || '|' || a.asset_id) AS id, ('secret:' || o.secret) AS from_id,
       ('resource:' || a.asset_id) AS to_id, 'authenticates_to' AS kind, '' AS as_account, 0 AS root,
       MAX(o.permission) AS evidence, '' AS state
FROM fleet_opens o JOIN asset a ON a.asset_id = o.target
GROUP BY o.secret, a.asset_id;

-- The edges of one shortest example of each attack path, in their order.
-- path_id: of v1_attack_path
-- step: its place, from one
-- edge_id: of v1_graph_edge; of an edge that opens an account, that account is one of them
-- from_id: a node
-- to_id: a node
-- kind: as in v1_graph_edge
CREATE VIEW v1_path_edge AS
WITH chain1 AS (
  SELECT p.path_id, r.hops AS place, r.key_id, r.via, r.from_key, p.target_node AS next_node
  FROM fleet_path p JOIN ssh_key k ON k.fingerprint = p.by_secret JOIN fleet_reach r ON r.key_id = k.key_id
  WHERE p.rule IN ('MH1', 'MH2')
  UNION ALL
  SELECT p.path_id, 1 AS place, k.key_id, p.entry AS via, CAST(NULL AS BIGINT) AS from_key, p.target_node AS next_node
  FROM fleet_path p JOIN ssh_key k ON k.fingerprint = p.by_secret
  WHERE p.rule NOT IN ('MH1', 'MH2')),
chain2 AS (
  SELECT c.path_id, r.hops AS place, r.key_id, r.via, r.from_key, c.via AS next_node
  FROM chain1 c JOIN fleet_reach r ON r.key_id = c.from_key),
chain3 AS (
  SELECT c.path_id, r.hops AS place, r.key_id, r.via, r.from_key, c.via AS next_node
  FROM chain2 c JOIN fleet_reach r ON r.key_id = c.from_key),
chain4 AS (
  SELECT c.path_id, r.hops AS place, r.key_id, r.via, r.from_key, c.via AS next_node
  FROM chain3 c JOIN fleet_reach r ON r.key_id = c.from_key),
chain AS (
  SELECT * FROM chain1 UNION ALL SELECT * FROM chain2 UNION ALL SELECT * FROM chain3 UNION ALL SELECT * FROM chain4),
one_account AS (SELECT key_id, node, MIN(account) AS account FROM fleet_grant GROUP BY key_id, node),
last_ AS (
  SELECT p.path_id, 1 AS place, p.by_secret AS secret, p.entry AS node, p.target_asset FROM fleet_path p
  JOIN path_rule r ON r.rule = p.rule WHERE r.edge = 'secret'
  UNION ALL
  SELECT p.path_id, 1 + p.hops * 2 AS place, MIN(o.secret) AS secret, p.target_node AS node, p.target_asset
  FROM fleet_path p JOIN fleet_opens o ON o.node = p.target_node AND o.target = p.target_asset
  WHERE p.rule = 'MH2' GROUP BY p.path_id, p.hops, p.target_node, p.target_asset)
SELECT c.path_id, c.place * 2 - 1 AS step, ('holds|' || m.machine || '|' || k.fingerprint) AS edge_id,
       ('machine:' || m.machine) AS from_id, ('key:' || k.fingerprint) AS to_id, 'holds' AS kind
FROM chain c JOIN fleet_machine m ON m.node = c.via JOIN ssh_key k ON k.key_id = c.key_id
UNION ALL
SELECT c.path_id, c.place * 2 AS step, ('opens|' || k.fingerprint || '|' || m.machine || '|' || a.account) AS edge_id,
       ('key:' || k.fingerprint) AS from_id, ('machine:' || m.machine) AS to_id, 'opens' AS kind
FROM chain c JOIN fleet_machine m ON m.node = c.next_node JOIN ssh_key k ON k.key_id = c.key_id
JOIN one_account a ON a.key_id = c.key_id AND a.node = c.next_node
UNION ALL
SELECT l.path_id, l.place AS step, ('contains|' || m.machine || '|' || l.secret) AS edge_id,
       ('machine:' || m.machine) AS from_id, ('secret:' || l.secret) AS to_id, 'contains' AS kind
FROM last_ l JOIN fleet_machine m ON m.node = l.node
UNION ALL
SELECT l.path_id, l.place + 1 AS step, ('authenticates_to|' || l.secret || '|' || l.target_asset) AS edge_id,
       ('secret:' || l.secret) AS from_id, ('resource:' || l.target_asset) AS to_id, 'authenticates_to' AS kind
FROM last_ l;

-- The nodes of the graph under the column names of the table of advanced hunting of Microsoft Defender XDR.
-- NodeId: as id in v1_graph_node
-- NodeLabel: what it is to its cloud
-- NodeName: what to show
-- Categories: a JSON list of one category
-- NodeProperties: a JSON object of what is known, of exposedToInternet, vulnerableToRCE, hasHighSeverityVulnerabilities, containsSensitiveData, criticalityLevel
-- EntityIds: the identifier in the inventory, or nothing
CREATE VIEW ExposureGraphNodes AS
SELECT id AS NodeId, label AS NodeLabel, name AS NodeName,
       CASE kind WHEN 'machine' THEN '["virtual_machine"]' WHEN 'key' THEN '["ssh_key"]' WHEN 'secret' THEN '["secret"]'
         ELSE '["resource"]' END AS Categories,
       ('{' || SUBSTR((
         CASE exposed WHEN 'yes' THEN ',"exposedToInternet":true' WHEN 'no' THEN ',"exposedToInternet":false' ELSE '' END
         || CASE vulnerable WHEN 'yes' THEN ',"hasHighSeverityVulnerabilities":true'
              WHEN 'no' THEN ',"hasHighSeverityVulnerabilities":false' ELSE '' END
         || CASE WHEN remote_code = 1 THEN ',"vulnerableToRCE":true' ELSE '' END
         || CASE WHEN sensitivity IN ('very_high', 'high') THEN ',"containsSensitiveData":true' ELSE '' END
         || CASE criticality WHEN 'very_high' THEN ',"criticalityLevel":0' WHEN 'high' THEN ',"criticalityLevel":1'
              WHEN 'medium' THEN ',"criticalityLevel":2' WHEN 'low' THEN ',"criticalityLevel":3' ELSE '' END), 2) || '}')
         AS NodeProperties,
       asset_id AS EntityIds
FROM v1_graph_node;

-- The edges of ExposureGraphNodes, under the column names of the table of that name.
-- EdgeId: as id in v1_graph_edge
-- EdgeLabel: contains, can authenticate to
-- SourceNodeId: a node
-- SourceNodeName: what to show
-- SourceNodeLabel: what it is to its cloud
-- SourceNodeCategories: a JSON list of one category
-- TargetNodeId: a node
-- TargetNodeName: what to show
-- TargetNodeLabel: what it is to its cloud
-- TargetNodeCategories: a JSON list of one category
-- EdgeProperties: a JSON object of what is known: asRoot
CREATE VIEW ExposureGraphEdges AS
SELECT e.id AS EdgeId,
       CASE WHEN e.kind IN ('holds', 'contains') THEN 'contains' ELSE 'can authenticate to' END AS EdgeLabel,
       s.NodeId AS SourceNodeId, s.NodeName AS SourceNodeName, s.NodeLabel AS SourceNodeLabel,
       s.Categories AS SourceNodeCategories, t.NodeId AS TargetNodeId, t.NodeName AS TargetNodeName,
       t.NodeLabel AS TargetNodeLabel, t.Categories AS TargetNodeCategories,
       CASE WHEN e.kind = 'opens' AND e.root = 1 THEN '{"asRoot":true}' WHEN e.kind = 'opens' THEN '{"asRoot":false}'
         ELSE '{}' END AS EdgeProperties
FROM v1_graph_edge e
JOIN ExposureGraphNodes s ON s.NodeId = e.from_id
JOIN ExposureGraphNodes t ON t.NodeId = e.to_id;

-- What v1_finding has and nobody has exempted.
-- machine: the machine's identity
-- hostname: its name
-- finding_id: the same in every scan for the same rule, secret and place
-- rule: the rule that found it
-- secret_type: the official name of its type
-- severity: of the rule
-- secret: the fingerprint of the secret, never the secret
-- preview: what may be shown of it
-- path: the file
-- line: the line in it
-- atime: when the file was last read
-- mtime: when it was last written
-- expires: when the secret expires
-- expired: 1 where the scan saw that it had
CREATE VIEW v1_open_finding AS
SELECT f.machine, f.hostname, f.finding_id, f.rule, f.secret_type, f.severity, f.secret, f.preview, f.path, f.line,
       f.atime, f.mtime, f.expires, f.expired
FROM fleet_finding f
JOIN fleet_machine m ON m.machine = f.machine
LEFT JOIN fleet_exempt x ON x.node = m.node AND x.finding_id = f.finding_id
WHERE x.node IS NULL;
