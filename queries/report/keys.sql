-- SSH keys that lie somewhere or let somebody in, those that do both first.
SELECT s.fingerprint, s.algorithm, s.bits, COALESCE(h.comment, '') AS comment, COALESCE(h.weak, e.weak, '') AS weak,
       COALESCE(h.machines, 0) AS held_on, COALESCE(h.usable, 0) AS usable_on, COALESCE(g.machines, 0) AS opens_on,
       COALESCE(g.root, 0) AS opens_root, s.key_id
FROM ssh_key s
LEFT JOIN (SELECT x.key_id, COUNT(DISTINCT x.node) AS machines,
             COUNT(DISTINCT CASE WHEN x.usable = 1 THEN x.node ELSE NULL END) AS usable,
             MIN(n.comment) AS comment, MAX(n.weak) AS weak
           FROM fleet_holder x JOIN held n ON n.key_id = x.key_id AND n.role = 'private'
           JOIN fleet_disk d ON d.disk_id = n.disk_id AND d.node = x.node
           GROUP BY x.key_id) h ON h.key_id = s.key_id
LEFT JOIN (SELECT key_id, COUNT(DISTINCT node) AS machines, MAX(root) AS root FROM fleet_line GROUP BY key_id) g
  ON g.key_id = s.key_id
LEFT JOIN (SELECT n.key_id, MAX(n.weak) AS weak FROM entry n JOIN fleet_disk d ON d.disk_id = n.disk_id GROUP BY n.key_id) e ON e.key_id = s.key_id
WHERE h.key_id IS NOT NULL OR g.key_id IS NOT NULL
ORDER BY CASE WHEN h.machines > 0 AND g.machines > 0 THEN 0 WHEN h.machines > 0 THEN 1 ELSE 2 END,
         COALESCE(g.machines, 0) DESC, COALESCE(h.machines, 0) DESC, s.fingerprint
