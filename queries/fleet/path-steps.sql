-- One attack path (--set path=ID of attack-paths): where it begins, and by turns what lies there and what that opens.
WITH asked AS (
  SELECT p.* FROM fleet_path p JOIN param q ON q.name = 'path' AND q.value = p.path_id),
edge AS (
  SELECT e.step, e.kind, SUBSTR(e.from_id, INSTR(e.from_id, ':') + 1) AS from_, SUBSTR(e.to_id, INSTR(e.to_id, ':') + 1) AS to_, a.hops
  FROM v1_path_edge e JOIN asked a ON a.path_id = e.path_id),
place AS (
  SELECT 0 AS place, 'enter' AS what, m.hostname, '' AS account, (m.exposed_why || ' ' || m.exposed_ports) AS evidence
  FROM asked p JOIN fleet_machine m ON m.node = p.entry
  UNION ALL
  SELECT e.step AS place, 'find' AS what, m.hostname, h.owner AS account, (h.path || ':' || h.line) AS evidence
  FROM edge e JOIN fleet_machine m ON m.machine = e.from_ JOIN ssh_key k ON k.fingerprint = e.to_
  JOIN fleet_holder h ON h.key_id = k.key_id AND h.node = m.node
  WHERE e.kind = 'holds' AND h.usable = 1
  UNION ALL
  SELECT e.step AS place, 'find' AS what, m.hostname, f.owner AS account, (f.path || ':' || f.line) AS evidence
  FROM edge e JOIN fleet_machine m ON m.machine = e.from_ JOIN v1_finding f ON f.machine = m.machine AND f.secret = e.to_
  WHERE e.kind = 'contains'
  UNION ALL
  SELECT e.step AS place, 'open' AS what, m.hostname, g.account, (g.state || ' by ' || g.path) AS evidence
  FROM edge e JOIN fleet_machine m ON m.machine = e.to_ JOIN ssh_key k ON k.fingerprint = e.from_
  JOIN fleet_grant g ON g.key_id = k.key_id AND g.node = m.node
  WHERE e.kind = 'opens' AND e.hops > 1
  UNION ALL
  -- Of one key all machines that it opens.
  SELECT 2 AS place, 'open' AS what, m.hostname, g.account, (g.state || ' by ' || g.path) AS evidence
  FROM asked p JOIN ssh_key k ON k.fingerprint = p.by_secret JOIN fleet_grant g ON g.key_id = k.key_id
  JOIN fleet_machine m ON m.node = g.node
  WHERE p.hops = 1 AND g.node <> p.entry AND (p.target_asset = '' OR g.node = p.target_node)
  UNION ALL
  SELECT e.step AS place, 'open' AS what, a.name AS hostname, '' AS account,
         (a.type || CASE WHEN o.permission = '' THEN '' ELSE (': ' || o.permission) END) AS evidence
  FROM edge e JOIN asset a ON a.asset_id = e.to_
  JOIN (SELECT secret, target, MAX(permission) AS permission FROM fleet_opens GROUP BY secret, target) o
    ON o.secret = e.from_ AND o.target = e.to_
  WHERE e.kind = 'authenticates_to')
SELECT DENSE_RANK() OVER (ORDER BY place) AS step, what, hostname, account, evidence
FROM place
ORDER BY 1, 3, 4, 5
