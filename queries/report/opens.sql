-- What secrets that are no SSH keys open.
SELECT o.node, o.finding_id, o.secret, o.opened, o.target, o.permission
FROM fleet_opens o
ORDER BY o.secret, o.node, o.finding_id, o.target, o.opened, o.permission
