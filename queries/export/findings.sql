-- Findings for other tools, machine by machine.
WITH scanned AS (
  SELECT machine, MAX(started) AS started, MAX(begun) AS begun, MIN(target) AS target FROM fleet_current GROUP BY machine)
SELECT r.machine, r.hostname, r.asset_id, r.provider, r.account, r.region, r.title, r.finding_id, r.rule, r.secret_type,
       f.provider AS issuer, r.severity, f.confidence, r.risk, r.why, r.path, r.line, r.secret, f.preview, f.key_fingerprint,
       r.file_owner, r.mode, r.readable, r.deleted, f.atime AS last_read, f.mtime AS written, r.expires, f.target_kind,
       r.target, r.target_exists, r.usable, r.opens_machines, r.attack_paths, r.exposed, r.vulnerable, r.status, r.owner,
       r.owner_rule, r.first_seen, r.due, r.exemption, r.exempt_category, r.exempt_reason, r.remedy, f.details,
       CAST(s.started AS BIGINT) AS scanned_ms, s.begun AS scanned_at, s.target AS disk
FROM v1_recommendation r
JOIN scanned s ON s.machine = r.machine
JOIN fleet_finding f ON f.machine = r.machine AND f.finding_id = r.finding_id AND f.rule = r.rule AND f.secret = r.secret
  AND f.path = r.path AND f.line = r.line
ORDER BY r.machine, r.path, r.line, r.finding_id, r.rule, r.secret
