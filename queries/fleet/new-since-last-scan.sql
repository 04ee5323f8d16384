-- Secrets that the newest scan of a machine has, and the one before had not.
WITH ranked AS (
  SELECT d.disk_id, d.machine, d.hostname, d.root,
         DENSE_RANK() OVER (PARTITION BY d.machine, d.root ORDER BY d.started DESC, d.scan DESC) AS age
  FROM v1_disk d)
SELECT r.hostname, f.secret_type, f.severity, f.path, f.line, f.finding_id
FROM ranked r JOIN finding f ON f.disk_id = r.disk_id
WHERE r.age = 1 AND f.known IS NULL AND f.ignored = 0
  AND EXISTS (SELECT 1 FROM ranked o WHERE o.machine = r.machine AND o.root = r.root AND o.age = 2)
  AND NOT EXISTS (SELECT 1 FROM ranked o JOIN finding x ON x.disk_id = o.disk_id
                  WHERE o.machine = r.machine AND o.age = 2 AND x.finding_id = f.finding_id)
ORDER BY r.hostname, f.path, f.line, f.finding_id
