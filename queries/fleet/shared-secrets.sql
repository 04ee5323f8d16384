-- Secrets that several machines have. Only scans with one --fingerprint-key-file can be
-- compared, and those without any.
SELECT secret_type, secret, MIN(preview) AS preview, COUNT(DISTINCT machine) AS machines, COUNT(*) AS places,
       MIN(hostname) AS one, MAX(hostname) AS another
FROM v1_open_finding GROUP BY secret_type, secret HAVING COUNT(DISTINCT machine) > 1
ORDER BY COUNT(DISTINCT machine) DESC, secret_type, secret
