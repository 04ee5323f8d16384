-- What the identities of machines (instance profiles, managed identities, service accounts) may do with what is in the inventories, by whose permission: machines that somebody gets to first.
SELECT m.hostname, m.exposed, m.vulnerable, CASE WHEN r.node IS NULL THEN 0 ELSE 1 END AS reached_by_keys,
       a.name AS resource, a.kind, a.sensitivity, p.privilege, p.why, m.machine, a.asset_id
FROM fleet_machine m
JOIN fleet_permission i ON i.from_asset = m.asset_id AND i.edge = 'can_authenticate_as'
JOIN fleet_permission p ON p.from_asset = i.to_asset AND p.edge = 'has_permission_to'
JOIN asset a ON a.asset_id = p.to_asset AND a.deleted IS NULL
LEFT JOIN fleet_reached r ON r.node = m.node
ORDER BY CASE WHEN (m.exposed = 'yes' AND m.vulnerable = 'yes') OR r.node IS NOT NULL THEN 0 ELSE 1 END,
         CASE a.sensitivity WHEN 'very_high' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, m.hostname, a.name, p.privilege, p.why,
         m.machine, a.asset_id
