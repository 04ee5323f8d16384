-- Every machine: whether it was scanned and wholly, how many targets that is of, and whether an inventory has it. Targets may
-- have been scanned at different times: oldest_target.
SELECT hostname, machine, CASE WHEN scanned = 0 THEN 'never scanned' WHEN whole = 1 THEN 'complete' ELSE 'partial' END AS scan,
       begun AS scanned_at, disks AS targets, oldest AS oldest_target, COALESCE(asset_id, '') AS asset, COALESCE(matched_by, '') AS matched_by, exposed, exposed_why, vulnerable
FROM fleet_machine
ORDER BY scanned, whole, hostname, machine
