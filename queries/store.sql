-- The tables of the store and the views over them. Numbers inside, text in views.
CREATE TABLE IF NOT EXISTS scan (
  scan_id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, started TEXT NOT NULL, whole INT NOT NULL);
-- A target of a scan. `machine` is equal for targets of one machine.
CREATE TABLE IF NOT EXISTS disk (
  disk_id BIGINT PRIMARY KEY, scan_id BIGINT NOT NULL, target TEXT NOT NULL,
  machine TEXT NOT NULL, hostname TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ssh_key (
  key_id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, algorithm TEXT, bits INT, public_key TEXT);
-- Private halves, and host keys of either half.
CREATE TABLE IF NOT EXISTS held (
  disk_id BIGINT NOT NULL, key_id BIGINT NOT NULL, role TEXT NOT NULL, path TEXT NOT NULL, line BIGINT NOT NULL,
  mode TEXT, owner TEXT, atime TEXT, encrypted INT NOT NULL, damage TEXT, comment TEXT, weak TEXT NOT NULL);
-- Lines that let a key in.
CREATE TABLE IF NOT EXISTS entry (
  disk_id BIGINT NOT NULL, key_id BIGINT NOT NULL, role TEXT NOT NULL, account TEXT NOT NULL,
  state TEXT NOT NULL, verdict TEXT NOT NULL, path TEXT NOT NULL, line BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS held_key ON held (key_id);
CREATE INDEX IF NOT EXISTS entry_key ON entry (key_id);

-- The newest scan of each machine, with all its targets.
CREATE VIEW IF NOT EXISTS v1_machine AS
SELECT d.disk_id, d.machine, d.hostname, d.target, s.started, s.whole
FROM (SELECT disk.*, FIRST_VALUE(disk.scan_id) OVER
        (PARTITION BY disk.machine ORDER BY scan.started DESC, scan.name DESC) AS newest
      FROM disk JOIN scan ON scan.scan_id = disk.scan_id) d
JOIN scan s ON s.scan_id = d.scan_id
WHERE d.scan_id = d.newest;

CREATE VIEW IF NOT EXISTS v1_held AS
SELECT h.key_id, h.role, m.machine, m.hostname, h.path, h.line, h.mode, h.owner, h.atime, h.encrypted,
       h.damage, h.comment, h.weak
FROM held h JOIN v1_machine m ON m.disk_id = h.disk_id;

CREATE VIEW IF NOT EXISTS v1_entry AS
SELECT e.key_id, e.role, m.machine, m.hostname, e.account, e.state, e.verdict, e.path, e.line
FROM entry e JOIN v1_machine m ON m.disk_id = e.disk_id;
