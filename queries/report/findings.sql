-- Every finding with its risk, the riskiest first.
SELECT k.node, k.finding_id, k.rule, k.secret_type, k.severity, f.confidence, k.path, k.line, k.secret, f.preview,
       COALESCE(s.fingerprint, f.key_fingerprint, '') AS key_print, k.target, f.target_kind, k.atime, f.mtime,
       k.expires, f.expired, k.mode, k.owner, k.readable, k.deleted, f.vendor, k.usable, k.exists_, k.opens, k.paths,
       k.level, k.why, f.details
FROM fleet_risk k
JOIN fleet_machine m ON m.node = k.node
JOIN fleet_finding f ON f.machine = m.machine AND f.finding_id = k.finding_id AND f.path = k.path AND f.line = k.line
LEFT JOIN ssh_key s ON s.key_id = k.key_id
ORDER BY CASE k.level WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3
           WHEN 'not evaluated' THEN 4 ELSE 5 END,
         k.paths DESC, m.hostname, k.node, k.path, k.line, k.finding_id
