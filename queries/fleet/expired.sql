-- Secrets that have expired and are there still.
SELECT f.hostname, f.secret_type, f.path, f.line, f.expires, f.finding_id
FROM v1_open_finding f JOIN param p ON p.name = 'now'
WHERE (f.expired = 1 OR f.expires < p.value)
ORDER BY f.expires, f.hostname, f.path, f.line, f.finding_id
