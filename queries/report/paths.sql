-- Attack paths, the worst first.
SELECT p.path_id, p.rule, p.level, p.by_secret, p.secret_type, p.entry, p.entries, p.targets, p.target_node,
       p.target_asset, p.hops, p.needs_root, p.exempt_reason
FROM fleet_path p
ORDER BY CASE p.level WHEN 'critical' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, p.hops, p.targets DESC, p.entries DESC, p.rule,
         p.entry, p.target_node, p.target_asset, p.path_id
