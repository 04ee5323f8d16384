-- Secrets without an identified target resource, and why.
SELECT m.hostname, k.secret_type, k.path, k.line, k.target,
       CASE WHEN k.key_id IS NOT NULL THEN 'key_accepted_nowhere' WHEN k.target IS NULL THEN 'no_target_in_secret'
            WHEN k.exists_ = 'no' THEN 'target_deleted' ELSE 'target_not_in_inventory' END AS reason, k.finding_id
FROM fleet_risk k JOIN fleet_machine m ON m.node = k.node
WHERE k.exists_ <> 'yes' AND k.level <> 'not applicable'
ORDER BY m.hostname, k.secret_type, k.path, k.line, k.finding_id
