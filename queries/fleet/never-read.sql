-- Secrets whose file has not been read since it was written. A filesystem that is mounted
-- without access times says so of every file.
SELECT hostname, secret_type, path, line, mtime AS written, atime AS last_read, finding_id
FROM v1_open_finding WHERE atime IS NOT NULL AND mtime IS NOT NULL AND atime <= mtime
ORDER BY mtime, hostname, path, line, finding_id
