-- How many scans are kept, and of when.
SELECT COUNT(*) AS scans, MIN(begun) AS first_, MAX(begun) AS last_ FROM scan ORDER BY 1
