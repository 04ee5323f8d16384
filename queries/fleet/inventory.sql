-- Every secret of every machine (or of one: --set machine=NAME), with what is known of it.
SELECT r.hostname, r.secret_type, r.risk, r.severity, r.path, r.line, r.file_owner AS owner, r.mode, r.last_read, r.expires,
       r.target, r.target_exists, r.opens_machines, r.why, r.status, r.owner AS assigned_to, r.due, r.finding_id
FROM v1_recommendation r
LEFT JOIN param p ON p.name = 'machine'
WHERE (p.value IS NULL OR p.value = r.hostname OR p.value = r.machine OR p.value = r.asset_id)
ORDER BY CASE r.risk WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3
           WHEN 'not evaluated' THEN 4 ELSE 5 END,
         r.hostname, r.machine, r.path, r.line, r.finding_id
