-- What the secrets that are no SSH keys open.

-- Secrets with what they open, by its one identifier, ARN or endpoint: other things may have
-- its plain name. Where the issuer calls the secret something (the identifier of an access
-- key), that decides. exists_: yes, an inventory has it; no, an inventory had it, or one that
-- claims to have all resources of its kind (of an access key: all of its account) has not;
-- unknown. usable: 0 where the secret has expired, or the resource takes no such secret.
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
  UNION SELECT 'entra_application' FROM complete WHERE LOWER(type) = 'microsoft.graph/serviceprincipals'
  UNION SELECT 'gcs_bucket' FROM complete WHERE LOWER(type) = 'storage.googleapis.com/bucket'),
issuer AS (
  SELECT DISTINCT target_kind, credential_account AS account FROM fleet_finding WHERE credential IS NOT NULL),
listed AS (
  SELECT DISTINCT i.target_kind, i.account FROM issuer i JOIN inventory v ON v.whole = 1
    AND (v.scope = 'all' OR INSTR((',' || v.scope || ','), (',' || i.account || ',')) > 0)
    AND ((i.target_kind = 'aws_account' AND v.shape = 'aws_access_keys')
      OR (i.target_kind = 'gcp_service_account' AND v.inventory_id IN (
        SELECT inventory_id FROM asset WHERE type = 'iam.googleapis.com/ServiceAccountKey')))),
found AS (
  SELECT f.*, c.asset_id AS credential_asset, w.asset_id AS target_asset,
         CASE WHEN c.asset_id IS NULL AND (gc.name IS NOT NULL OR l.account IS NOT NULL) THEN 1 ELSE 0 END
           AS credential_gone,
         CASE WHEN g.name IS NOT NULL OR k.target_kind IS NOT NULL THEN 1 ELSE 0 END AS target_gone
  FROM fleet_finding f
  LEFT JOIN newest c ON c.name = LOWER(f.credential)
  LEFT JOIN gone gc ON gc.name = LOWER(f.credential)
  LEFT JOIN listed l ON f.credential IS NOT NULL AND l.target_kind = f.target_kind AND l.account = f.credential_account
  LEFT JOIN newest w ON w.name = LOWER(f.target)
  LEFT JOIN gone g ON g.name = LOWER(f.target)
  LEFT JOIN claim k ON k.target_kind = f.target_kind
  WHERE f.key_id IS NULL OR f.credential IS NOT NULL),
placed AS (
  SELECT f.*, CASE WHEN f.credential_gone = 1 THEN CAST(NULL AS VARCHAR(1))
                   ELSE COALESCE(f.credential_asset, f.target_asset) END AS asset_id
  FROM found f)
SELECT m.node, f.finding_id, f.rule, f.secret_type, f.severity, f.secret, f.path, f.line, f.target_kind, f.target,
       f.asset_id, f.expires, f.atime, f.readable,
       CASE WHEN f.target IS NULL AND f.credential IS NULL THEN 'none' WHEN f.credential_gone = 1 THEN 'no'
            WHEN f.asset_id IS NOT NULL THEN 'yes' WHEN f.target_gone = 1 THEN 'no' ELSE 'unknown' END AS exists_,
       CASE WHEN f.expires < p.value OR f.expired = 1 OR a.usable = 'no' OR x.category = 'mitigated'
            THEN 0 ELSE 1 END AS usable,
       CASE WHEN f.expires < p.value OR f.expired = 1 THEN 'expired'
            WHEN a.usable = 'no' THEN a.usable_why WHEN x.category = 'mitigated' THEN 'mitigated' ELSE '' END AS useless_why,
       CASE WHEN x.category = 'waiver' THEN 1 ELSE 0 END AS waived
FROM placed f
JOIN fleet_machine m ON m.machine = f.machine
JOIN param p ON p.name = 'now'
LEFT JOIN asset a ON a.asset_id = f.asset_id
LEFT JOIN fleet_exempt x ON x.node = m.node AND x.finding_id = f.finding_id;

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
