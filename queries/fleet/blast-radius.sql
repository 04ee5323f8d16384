-- What somebody gets who has a machine (--set machine=NAME), over at most three keys.
WITH start_ AS (
  SELECT m.node FROM fleet_machine m JOIN param p ON p.name = 'machine'
  WHERE p.value = m.hostname OR p.value = m.machine OR p.value = m.asset_id),
one AS (
  SELECT DISTINCT h.key_id FROM fleet_holder h JOIN start_ s ON s.node = h.node
  JOIN fleet_live l ON l.key_id = h.key_id WHERE h.usable = 1),
two AS (
  SELECT DISTINCT s.to_key AS key_id FROM one o JOIN fleet_step s ON s.from_key = o.key_id
  WHERE s.to_key NOT IN (SELECT key_id FROM one)),
three AS (
  SELECT DISTINCT s.to_key AS key_id FROM two o JOIN fleet_step s ON s.from_key = o.key_id
  WHERE s.to_key NOT IN (SELECT key_id FROM one) AND s.to_key NOT IN (SELECT key_id FROM two)),
keys_ AS (
  SELECT key_id, 1 AS hops FROM one UNION ALL SELECT key_id, 2 AS hops FROM two
  UNION ALL SELECT key_id, 3 AS hops FROM three)
SELECT MIN(k.hops) AS hops, 'machine' AS kind, m.hostname AS name, MIN(g.account) AS account, MAX(g.root) AS root
FROM keys_ k JOIN fleet_grant g ON g.key_id = k.key_id JOIN fleet_machine m ON m.node = g.node
WHERE g.node NOT IN (SELECT node FROM start_)
GROUP BY m.node, m.hostname
UNION ALL
SELECT 0 AS hops, a.kind, a.name, NULL AS account, NULL AS root
FROM fleet_opens o JOIN start_ s ON s.node = o.node JOIN asset a ON a.asset_id = o.target
GROUP BY a.asset_id, a.kind, a.name
ORDER BY 1, 2, 3, 4
