-- Exemptions, with what they apply to: those that have expired, or that name no finding, first.
WITH used AS (
  SELECT exemption, COUNT(*) AS findings, COUNT(DISTINCT node) AS machines FROM exempt_match GROUP BY exemption)
SELECT CASE WHEN e.expires <> '' AND e.expires < SUBSTR(p.value, 1, 10) THEN 'expired'
            WHEN u.exemption IS NULL THEN 'unused' ELSE 'applied' END AS state,
       e.name, e.category, COALESCE(u.findings, 0) AS findings, COALESCE(u.machines, 0) AS machines, e.author, e.created,
       e.expires, e.reason
FROM exemption e JOIN param p ON p.name = 'now'
LEFT JOIN used u ON u.exemption = e.name
ORDER BY CASE WHEN e.expires <> '' AND e.expires < SUBSTR(p.value, 1, 10) THEN 0 WHEN u.exemption IS NULL THEN 1 ELSE 2 END,
         e.place
