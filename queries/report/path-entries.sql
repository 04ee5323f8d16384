-- Where attack paths begin, at most fifty machines of each.
SELECT path_id, node FROM (
  SELECT x.path_id, x.node, ROW_NUMBER() OVER (PARTITION BY x.path_id ORDER BY x.first_, x.node) AS n FROM (
    SELECT p.path_id, h.node, MIN(CASE WHEN h.node = p.entry THEN 0 ELSE 1 END) AS first_
    FROM fleet_path p
    JOIN path_rule r ON r.rule = p.rule
    JOIN ssh_key s ON s.fingerprint = p.by_secret
    JOIN fleet_holder h ON h.key_id = s.key_id AND h.usable = 1
    JOIN fleet_machine m ON m.node = h.node
    WHERE r.edge IN ('key', 'none') AND (r.cloud = m.provider OR r.cloud = '') AND m.vulnerable = 'yes'
      AND (r.needs_exposed = 0 OR m.exposed = 'yes')
      AND (r.edge = 'key' OR r.needs_exposed = 1 OR m.exposed <> 'yes')
    GROUP BY p.path_id, h.node
    UNION ALL
    SELECT p.path_id, o.node, MIN(CASE WHEN o.node = p.entry THEN 0 ELSE 1 END) AS first_
    FROM fleet_path p
    JOIN path_rule r ON r.rule = p.rule
    JOIN fleet_opens o ON o.secret = p.by_secret AND o.target = p.target_asset
    JOIN fleet_machine m ON m.node = o.node
    WHERE r.edge = 'secret' AND (r.cloud = m.provider OR r.cloud = '') AND m.vulnerable = 'yes'
      AND ((r.needs_exposed = 1 AND m.exposed = 'yes') OR (r.needs_exposed = 0 AND m.exposed <> 'yes'))
    GROUP BY p.path_id, o.node
    UNION ALL
    SELECT p.path_id, p.entry AS node, 0 AS first_
    FROM fleet_path p JOIN path_rule r ON r.rule = p.rule WHERE r.edge = 'hops') x) y
WHERE n <= 50
ORDER BY path_id, n
