-- Resources of the inventories that a secret opens.
SELECT a.asset_id, a.kind, a.provider, a.type, a.account, a.region, a.name, a.exposed, a.criticality, a.sensitivity,
       a.usable, a.usable_why, a.owner
FROM asset a
JOIN (SELECT target AS asset_id FROM fleet_opens UNION SELECT opened AS asset_id FROM fleet_opens) o
  ON o.asset_id = a.asset_id
ORDER BY a.asset_id
