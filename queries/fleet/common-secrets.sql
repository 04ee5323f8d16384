-- The most commonly found types of secrets.
SELECT secret_type, COUNT(*) AS findings, COUNT(DISTINCT machine) AS machines, COUNT(DISTINCT secret) AS secrets
FROM v1_open_finding GROUP BY secret_type
ORDER BY COUNT(*) DESC, secret_type
