-- Secrets that the scan before the newest had, and the newest has not. It may not have covered the place: see coverage.
WITH ranked AS (
  SELECT d.disk_id, d.machine, d.hostname, d.root,
         DENSE_RANK() OVER (PARTITION BY d.machine, d.root ORDER BY d.started DESC, d.scan DESC) AS age
  FROM v1_disk d)
SELECT r.hostname, f.secret_type, f.severity, f.path, f.line, f.finding_id
FROM ranked r JOIN finding f ON f.disk_id = r.disk_id
WHERE r.age = 2 AND r.disk_id NOT IN (SELECT disk_id FROM v1_machine) AND f.known IS NULL AND f.ignored = 0
  AND EXISTS (SELECT 1 FROM ranked o WHERE o.machine = r.machine AND o.root = r.root AND o.age = 1)
  AND NOT EXISTS (SELECT 1 FROM ranked o JOIN finding x ON x.disk_id = o.disk_id
                  WHERE o.machine = r.machine AND o.age = 1 AND x.finding_id = f.finding_id)
ORDER BY r.hostname, f.path, f.line, f.finding_id
