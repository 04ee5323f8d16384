-- What attack paths need, and how many machines have it: says why a list is empty.
SELECT COUNT(*) AS machines, COALESCE(SUM(scanned), 0) AS scanned,
       COALESCE(SUM(CASE WHEN asset_id IS NOT NULL THEN 1 ELSE 0 END), 0) AS in_inventory,
       COALESCE(SUM(CASE WHEN exposed = 'yes' THEN 1 ELSE 0 END), 0) AS exposed,
       COALESCE(SUM(CASE WHEN vulnerable = 'yes' THEN 1 ELSE 0 END), 0) AS vulnerable,
       COALESCE(SUM(CASE WHEN exposed = 'yes' AND vulnerable = 'yes' THEN 1 ELSE 0 END), 0) AS exposed_and_vulnerable,
       COALESCE(SUM(CASE WHEN vulnerable = 'unknown' THEN 1 ELSE 0 END), 0) AS vulnerable_unknown
FROM fleet_machine
ORDER BY 1
