-- What must change where, in which order, to replace a key (--set key=SHA256:…), and what breaks with each step. First the new key is let in beside the old one, then it replaces the old one where that lies, then the old one is taken out.
WITH old AS (
  SELECT k.key_id, k.fingerprint FROM ssh_key k JOIN param p ON p.name = 'key' AND p.value = k.fingerprint),
-- Every line that has it, also those that let nobody in today.
entry_ AS (
  SELECT m.node, m.hostname, e.account, e.path, e.line, e.role, e.state
  FROM v1_entry e JOIN old o ON o.key_id = e.key_id JOIN fleet_machine m ON m.machine = e.machine
  UNION ALL
  SELECT m.node, m.hostname, g.account, g.path, CAST(NULL AS BIGINT) AS line, 'inventory' AS role, g.state
  FROM fleet_line g JOIN old o ON o.key_id = g.key_id JOIN fleet_machine m ON m.node = g.node WHERE m.scanned = 0),
opens AS (SELECT COUNT(DISTINCT node) AS machines FROM entry_ WHERE state IN ('accepted', 'restricted', 'granted'))
SELECT 1 AS step, CASE e.role WHEN 'certificate' THEN 'have a certificate issued for the new key'
         WHEN 'cert_authority' THEN 'trust the new authority beside the old' WHEN 'inventory' THEN 'let the new key in beside the old, in the cloud too'
         ELSE 'let the new key in beside the old' END AS what,
       e.hostname, e.account, e.path, e.line, 'nothing' AS breaks
FROM entry_ e WHERE e.state IN ('accepted', 'restricted', 'granted')
UNION ALL
SELECT 2 AS step, 'put the new key in place of the old' AS what, m.hostname, h.owner AS account, h.path, h.line,
       ('what uses this file, until it is done: it opens accounts of ' || p.machines || CASE WHEN p.machines = 1 THEN ' machine' ELSE ' machines' END) AS breaks
FROM old o JOIN fleet_holder h ON h.key_id = o.key_id JOIN fleet_machine m ON m.node = h.node CROSS JOIN opens p
UNION ALL
SELECT DISTINCT 3 AS step, 'look whether this client configuration names the new file' AS what, c.on_host AS hostname, c.account, c.path,
       CAST(NULL AS BIGINT) AS line, ('logins to ' || c.patterns || ' where it names the old file') AS breaks
FROM old o JOIN fleet_holder h ON h.key_id = o.key_id JOIN fleet_machine m ON m.node = h.node
JOIN v1_client_host c ON c.machine = m.machine
WHERE c.identity_files <> '' AND (INSTR(c.identity_files, h.path) > 0
  OR INSTR(REPLACE(c.identity_files, '~', c.home), h.path) > 0)
UNION ALL
SELECT 4 AS step, 'find who logs in from here, and give them the new key' AS what, u.hostname, u.account, u.path,
       CAST(NULL AS BIGINT) AS line,
       ('logins from ' || u.address || ', ' || u.times || ' in the log, the last of ' || u.last_time) AS breaks
FROM old o JOIN v1_key_use u ON u.fingerprint = o.fingerprint
WHERE NOT EXISTS (
  SELECT 1 FROM fleet_holder h JOIN fleet_machine m ON m.node = h.node JOIN v1_identity i ON i.machine = m.machine
  WHERE h.key_id = o.key_id AND i.name = u.address)
UNION ALL
SELECT 5 AS step, CASE e.role WHEN 'certificate' THEN 'take the old certificate away' WHEN 'cert_authority' THEN 'trust the old authority no longer'
         WHEN 'inventory' THEN 'take the old key out, in the cloud too' ELSE 'take the old key out' END AS what,
       e.hostname, e.account, e.path, e.line,
       CASE WHEN e.state IN ('accepted', 'restricted', 'granted') THEN ('every login with the old key as ' || e.account)
            ELSE 'nothing: it lets nobody in' END AS breaks
FROM entry_ e
ORDER BY 1, 3, 4, 5, 6, 2, 7
