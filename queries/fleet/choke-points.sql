-- Keys and secrets whose removal ends the most attack paths, by the pairs of an entry and a
-- target that go over them.
WITH over_ AS (
  SELECT by_secret, secret_type, COUNT(*) AS paths,
         SUM(entries * CASE WHEN targets > 0 THEN targets ELSE 1 END) AS pairs,
         SUM(CASE WHEN level = 'critical' THEN 1 ELSE 0 END) AS critical
  FROM fleet_path WHERE level <> 'not applicable' GROUP BY by_secret, secret_type)
SELECT o.secret_type, o.by_secret, o.critical, o.paths, o.pairs,
       (SELECT COUNT(DISTINCT h.node) FROM fleet_holder h JOIN ssh_key k ON k.key_id = h.key_id
        WHERE k.fingerprint = o.by_secret) AS held_by
FROM over_ o
ORDER BY o.pairs DESC, o.critical DESC, o.by_secret
