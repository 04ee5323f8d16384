-- Every secret of every machine (or of one: --set machine=NAME), with what is known of it.
SELECT m.hostname, k.secret_type, k.level AS risk, k.severity, k.path, k.line, k.owner, k.mode, k.atime AS last_read,
       k.expires, k.target, k.exists_ AS target_exists, k.opens AS opens_machines, k.why, k.finding_id
FROM fleet_risk k JOIN fleet_machine m ON m.node = k.node
LEFT JOIN param p ON p.name = 'machine'
WHERE (p.value IS NULL OR p.value = m.hostname OR p.value = m.machine OR p.value = m.asset_id)
ORDER BY CASE k.level WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END,
         m.hostname, m.machine, k.path, k.line, k.finding_id
