-- Machines with the most secrets.
SELECT hostname, machine, COUNT(DISTINCT secret) AS secrets, COUNT(*) AS findings, COUNT(DISTINCT secret_type) AS types
FROM v1_open_finding GROUP BY hostname, machine
ORDER BY COUNT(DISTINCT secret) DESC, COUNT(*) DESC, hostname, machine
