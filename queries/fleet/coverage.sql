-- Every machine: whether it was scanned and wholly, and whether an inventory has it.
SELECT hostname, machine, CASE WHEN scanned = 0 THEN 'never scanned' WHEN whole = 1 THEN 'complete' ELSE 'partial' END AS scan,
       begun AS scanned_at, COALESCE(asset_id, '') AS asset, COALESCE(matched_by, '') AS matched_by, exposed, exposed_why, vulnerable
FROM fleet_machine
ORDER BY scanned, whole, hostname, machine
