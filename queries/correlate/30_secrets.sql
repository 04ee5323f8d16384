-- What the secrets that are no SSH keys open.

-- Secrets with what they open, by its one identifier, ARN or endpoint: other things may have
-- its plain name. exists_: yes, an inventory has it; no, an inventory had it, or one that
-- claims to have all resources of its kind everywhere has not; unknown. usable: 0 where the
-- secret has expired, or the resource takes no such secret.
CREATE TABLE fleet_secret AS
WITH newest AS (
  SELECT n.name, MIN(n.asset_id) AS asset_id FROM asset_name n JOIN asset a ON a.asset_id = n.asset_id
  WHERE a.kind <> 'machine' AND a.deleted IS NULL
    AND n.kind IN ('id', 'arn', 'endpoint', 'access_key', 'principal')
  GROUP BY n.name HAVING COUNT(DISTINCT n.asset_id) = 1),
gone AS (
  SELECT DISTINCT n.name FROM asset_name n JOIN asset a ON a.asset_id = n.asset_id
  WHERE a.deleted IS NOT NULL AND n.kind IN ('id', 'arn', 'endpoint', 'access_key', 'principal')),
complete AS (
  SELECT DISTINCT a.type FROM asset a JOIN inventory i ON i.inventory_id = a.inventory_id
  WHERE i.whole = 1 AND i.scope = 'all'),
claim AS (
  SELECT 'azure_storage_account' AS target_kind FROM complete WHERE LOWER(type) = 'microsoft.storage/storageaccounts'
  UNION SELECT 's3_bucket' FROM complete WHERE LOWER(type) = 'aws::s3::bucket'
  UNION SELECT 'aws_rds_endpoint' FROM complete WHERE LOWER(type) = 'aws::rds::dbinstance'
  UNION SELECT 'gcs_bucket' FROM complete WHERE LOWER(type) = 'storage.googleapis.com/bucket')
SELECT m.node, f.finding_id, f.rule, f.secret_type, f.severity, f.secret, f.path, f.line, f.target_kind, f.target,
       w.asset_id, f.expires, f.atime, f.readable,
       CASE WHEN f.target IS NULL THEN 'none' WHEN w.asset_id IS NOT NULL THEN 'yes'
            WHEN g.name IS NOT NULL OR c.target_kind IS NOT NULL THEN 'no' ELSE 'unknown' END AS exists_,
       CASE WHEN f.expires < p.value OR f.expired = 1 OR a.usable = 'no' OR x.category = 'mitigated'
            THEN 0 ELSE 1 END AS usable,
       CASE WHEN f.expires < p.value OR f.expired = 1 THEN 'expired'
            WHEN a.usable = 'no' THEN a.usable_why WHEN x.category = 'mitigated' THEN 'mitigated' ELSE '' END AS useless_why,
       CASE WHEN x.category = 'waiver' THEN 1 ELSE 0 END AS waived
FROM v1_finding f
JOIN fleet_machine m ON m.machine = f.machine
JOIN param p ON p.name = 'now'
LEFT JOIN newest w ON w.name = LOWER(f.target)
LEFT JOIN gone g ON g.name = LOWER(f.target)
LEFT JOIN claim c ON c.target_kind = f.target_kind
LEFT JOIN asset a ON a.asset_id = w.asset_id
LEFT JOIN fleet_exempt x ON x.node = m.node AND x.finding_id = f.finding_id
WHERE f.key_id IS NULL;

-- Edges of an inventory may name what they lead to by any of its names.
CREATE TABLE fleet_permission AS
SELECT DISTINCT COALESCE(f.asset_id, e.from_asset) AS from_asset, COALESCE(t.asset_id, e.to_asset) AS to_asset,
       e.edge, e.privilege, e.why
FROM asset_edge e
LEFT JOIN (SELECT name, MIN(asset_id) AS asset_id FROM asset_name WHERE kind IN ('id', 'arn', 'principal', 'name')
           GROUP BY name HAVING COUNT(DISTINCT asset_id) = 1) f ON f.name = LOWER(e.from_asset)
LEFT JOIN (SELECT name, MIN(asset_id) AS asset_id FROM asset_name WHERE kind IN ('id', 'arn', 'principal', 'name')
           GROUP BY name HAVING COUNT(DISTINCT asset_id) = 1) t ON t.name = LOWER(e.to_asset)
WHERE e.edge IN ('has_permission_to', 'can_authenticate_as');

-- A secret opens its target, and what that, an identity or a key of one, has permission to.
CREATE TABLE fleet_opens AS
WITH direct AS (
  SELECT s.node, s.finding_id, s.secret, s.secret_type, s.waived, s.asset_id AS opened, s.asset_id AS target,
         '' AS permission
  FROM fleet_secret s WHERE s.asset_id IS NOT NULL AND s.usable = 1),
identity_ AS (
  SELECT * FROM direct
  UNION
  SELECT d.node, d.finding_id, d.secret, d.secret_type, d.waived, d.opened, p.to_asset AS target, p.why AS permission
  FROM direct d JOIN fleet_permission p ON p.from_asset = d.target AND p.edge = 'can_authenticate_as')
SELECT * FROM identity_
UNION
SELECT i.node, i.finding_id, i.secret, i.secret_type, i.waived, i.opened, p.to_asset AS target, p.why AS permission
FROM identity_ i JOIN fleet_permission p ON p.from_asset = i.target AND p.edge = 'has_permission_to';
