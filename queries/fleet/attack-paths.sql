-- Attack paths, the worst first: where each begins, by what, and what it reaches. One whose risk is accepted is not applicable.
SELECT level, rule, title, entry_hostname AS entry, entries, secret_type, by_secret, target_name AS target, target_kind, targets,
       hops, needs_root, exempt_reason, path_id
FROM v1_attack_path
ORDER BY CASE level WHEN 'critical' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, hops, targets DESC, entries DESC, rule,
         entry_hostname, target_name, secret_type, path_id
