-- The rules of attack paths.
SELECT rule, cloud, needs_exposed, needs_vulnerable, edge, target_kind, title, other_title FROM path_rule ORDER BY rule
