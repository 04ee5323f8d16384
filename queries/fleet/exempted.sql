-- Findings that are exempted, with the reason.
SELECT r.hostname, r.secret_type, r.severity, r.path, r.line, r.exemption, r.exempt_category AS category, r.exempt_reason AS reason,
       e.author, e.expires, r.finding_id
FROM v1_recommendation r JOIN exemption e ON e.name = r.exemption
ORDER BY r.hostname, r.path, r.line, r.finding_id, r.machine, r.secret_type
