-- Findings for a spreadsheet. Columns are only ever added at the end.
SELECT r.risk, r.severity, r.status, r.owner, r.due, r.hostname, r.provider, r.account, r.region, r.secret_type, r.path, r.line,
       r.target, r.target_exists, r.opens_machines, r.attack_paths, r.why, r.exempt_category, r.exempt_reason, r.remedy,
       r.expires, r.last_read, r.first_seen, r.file_owner, r.mode, r.rule, r.secret, r.finding_id, r.machine, r.asset_id,
       r.owner_rule, r.exemption
FROM v1_recommendation r
ORDER BY CASE r.risk WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3
           WHEN 'not evaluated' THEN 4 ELSE 5 END, r.machine, r.path, r.line, r.finding_id, r.rule, r.secret
