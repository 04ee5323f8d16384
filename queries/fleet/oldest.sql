-- Secrets whose file has not changed for longest.
SELECT hostname, secret_type, path, line, mtime AS written, atime AS last_read, severity, finding_id
FROM v1_open_finding WHERE mtime IS NOT NULL
ORDER BY mtime, hostname, path, line, finding_id
