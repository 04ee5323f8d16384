-- Every machine, with what is known of it, and how much was found on it.
SELECT m.node, m.machine, m.hostname, m.scanned, m.whole, m.begun, COALESCE(m.asset_id, '') AS asset, m.matched_by,
       m.provider, m.account, m.region, m.exposed, m.exposed_ports, m.exposed_why, m.vulnerable,
       COALESCE(v.critical, 0) AS critical, COALESCE(v.high, 0) AS high, m.remote_code, m.exploited,
       m.criticality, m.owner, COALESCE(f.findings, 0) AS findings, COALESCE(f.secrets, 0) AS secrets,
       COALESCE(f.level, 6) AS level, COALESCE(h.held, 0) AS held, COALESCE(g.accepted, 0) AS accepted
FROM fleet_machine m
LEFT JOIN machine_vulnerable v ON v.machine = m.machine
LEFT JOIN (SELECT node, COUNT(*) AS findings, COUNT(DISTINCT secret) AS secrets,
             MIN(CASE level WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3
               WHEN 'not evaluated' THEN 4 ELSE 5 END)
               AS level
           FROM fleet_risk GROUP BY node) f ON f.node = m.node
LEFT JOIN (SELECT node, COUNT(DISTINCT key_id) AS held FROM fleet_holder GROUP BY node) h ON h.node = m.node
LEFT JOIN (SELECT node, COUNT(DISTINCT key_id) AS accepted FROM fleet_line GROUP BY node) g ON g.node = m.node
ORDER BY COALESCE(f.level, 6), COALESCE(f.findings, 0) DESC, m.hostname, m.node
