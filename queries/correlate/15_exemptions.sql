-- Which findings are exempted. A place that a waiver names opens what it opens, and what lies
-- behind is shown; it is no longer counted. A secret that is said to be mitigated is taken to
-- open nothing.

-- Every exemption with every finding that it names, those that have expired too.
CREATE TABLE exempt_match AS
WITH found AS (
  SELECT m.node, m.machine, m.hostname, COALESCE(m.asset_id, '') AS asset_id, f.finding_id, f.secret, f.rule,
         f.secret_type, f.path, COALESCE(f.key_fingerprint, '') AS key_fingerprint, f.key_id
  FROM fleet_finding f JOIN fleet_machine m ON m.machine = f.machine),
-- By the condition that leaves the fewest first: a join for each, since there may be many of
-- both.
candidate AS (
  SELECT e.name, f.* FROM exemption e JOIN found f ON f.finding_id = e.finding_id WHERE e.finding_id <> ''
  UNION ALL
  SELECT e.name, f.* FROM exemption e JOIN found f ON f.secret = e.secret
  WHERE e.finding_id = '' AND e.secret <> ''
  UNION ALL
  SELECT e.name, f.* FROM exemption e JOIN found f ON f.key_fingerprint = e.secret
  WHERE e.finding_id = '' AND e.secret <> '' AND f.secret <> e.secret
  UNION ALL
  SELECT e.name, f.* FROM exemption e JOIN glob_match g ON g.kind = 'path' AND g.pattern = e.path
  JOIN found f ON f.path = g.name
  WHERE e.finding_id = '' AND e.secret = '' AND e.path <> ''
  UNION ALL
  SELECT e.name, f.* FROM exemption e JOIN found f ON f.rule = e.rule
  WHERE e.finding_id = '' AND e.secret = '' AND e.path = '' AND e.rule <> ''
  UNION ALL
  SELECT e.name, f.* FROM exemption e CROSS JOIN found f
  WHERE e.finding_id = '' AND e.secret = '' AND e.path = '' AND e.rule = '')
SELECT DISTINCT c.name AS exemption, c.node, c.finding_id, c.secret, c.key_fingerprint, c.key_id, c.path,
       CASE WHEN e.expires <> '' AND e.expires < SUBSTR(p.value, 1, 10) THEN 1 ELSE 0 END AS expired
FROM candidate c
JOIN exemption e ON e.name = c.name
JOIN param p ON p.name = 'now'
WHERE (e.secret = '' OR c.secret = e.secret OR c.key_fingerprint = e.secret)
  AND (e.rule = '' OR c.rule = e.rule)
  AND (e.secret_type = '' OR c.secret_type = e.secret_type)
  AND (e.path = '' OR EXISTS (
    SELECT 1 FROM glob_match g WHERE g.kind = 'path' AND g.pattern = e.path AND g.name = c.path))
  AND (e.machine = '' OR EXISTS (
    SELECT 1 FROM glob_match g WHERE g.kind = 'machine' AND g.pattern = e.machine
      AND g.name IN (c.hostname, c.machine, c.asset_id)))
  AND (e.tag = '' OR EXISTS (
    SELECT 1 FROM asset_tag t WHERE t.asset_id = c.asset_id AND LOWER(t.tag) = e.tag AND t.value = e.tag_value));

-- The one that counts for a finding: one that mitigates before a waiver, the first of the file.
CREATE TABLE fleet_exempt AS
SELECT node, finding_id, exemption, category, reason, author, expires, secret, key_fingerprint, key_id, path FROM (
  SELECT x.node, x.finding_id, x.exemption, e.category, e.reason, e.author, e.expires, x.secret, x.key_fingerprint,
         x.key_id, x.path,
         ROW_NUMBER() OVER (PARTITION BY x.node, x.finding_id ORDER BY e.category, e.place, x.path, x.secret, x.key_fingerprint) AS n
  FROM exempt_match x JOIN exemption e ON e.name = x.exemption
  WHERE x.expired = 0) one
WHERE n = 1;
