-- The tables of the store and the views over them. Numbers inside, text in views.
-- whole: all that should be read was. left_out: files that --exclude or a limit left out.
-- rules: the digest of the rules that were used.
CREATE TABLE IF NOT EXISTS scan (
  scan_id BIGINT PRIMARY KEY, name VARCHAR NOT NULL UNIQUE, started VARCHAR NOT NULL, begun VARCHAR NOT NULL, whole INT NOT NULL,
  left_out BIGINT NOT NULL, rules VARCHAR NOT NULL);
-- Which rules a digest stands for, of the scans that say so.
CREATE TABLE IF NOT EXISTS rule_set (digest VARCHAR NOT NULL, rule VARCHAR NOT NULL, PRIMARY KEY (digest, rule));
-- A target of a scan. `machine` is equal for targets of one machine. root: 1 where it has the root
-- of a system. named: what the user calls the machine whose disks were scanned (--machine); what
-- nothing else tells the machine of is `machine:` and this name.
CREATE TABLE IF NOT EXISTS disk (
  disk_id BIGINT PRIMARY KEY, scan_id BIGINT NOT NULL, target VARCHAR NOT NULL,
  machine VARCHAR NOT NULL, hostname VARCHAR NOT NULL, root INT NOT NULL, named VARCHAR);
CREATE TABLE IF NOT EXISTS ssh_key (
  key_id INTEGER PRIMARY KEY, fingerprint VARCHAR NOT NULL UNIQUE, algorithm VARCHAR, bits INT, public_key VARCHAR,
  md5 VARCHAR, ec2_created VARCHAR, ec2_imported VARCHAR);
-- Private halves, and host keys of either half.
CREATE TABLE IF NOT EXISTS held (
  disk_id BIGINT NOT NULL, key_id BIGINT NOT NULL, role VARCHAR NOT NULL, path VARCHAR NOT NULL, line BIGINT NOT NULL,
  mode VARCHAR, owner VARCHAR, atime VARCHAR, encrypted INT NOT NULL, damage VARCHAR, comment VARCHAR, weak VARCHAR NOT NULL);
-- Lines that let a key in.
CREATE TABLE IF NOT EXISTS entry (
  disk_id BIGINT NOT NULL, key_id BIGINT NOT NULL, role VARCHAR NOT NULL, account VARCHAR NOT NULL,
  state VARCHAR NOT NULL, verdict VARCHAR NOT NULL, path VARCHAR NOT NULL, line BIGINT NOT NULL,
  weak VARCHAR NOT NULL);
-- Lines of files of known hosts.
CREATE TABLE IF NOT EXISTS known (
  disk_id BIGINT NOT NULL, key_id BIGINT NOT NULL, account VARCHAR NOT NULL, hosts VARCHAR NOT NULL,
  path VARCHAR NOT NULL, line BIGINT NOT NULL);
-- Blocks of client configurations: patterns in one line, files of keys in one line each.
CREATE TABLE IF NOT EXISTS client_host (
  disk_id BIGINT NOT NULL, account VARCHAR NOT NULL, home VARCHAR NOT NULL, patterns VARCHAR NOT NULL, hostname VARCHAR,
  login VARCHAR, port INT, identity_files VARCHAR NOT NULL, path VARCHAR NOT NULL);
-- Names and addresses of a machine, as a client looks for them in its known hosts.
CREATE TABLE IF NOT EXISTS alias (disk_id BIGINT NOT NULL, name VARCHAR NOT NULL);
-- Logins with keys, by the logs of the machine that was logged in to.
CREATE TABLE IF NOT EXISTS key_use (
  disk_id BIGINT NOT NULL, fingerprint VARCHAR NOT NULL, account VARCHAR NOT NULL, address VARCHAR NOT NULL,
  first_time VARCHAR NOT NULL, last_time VARCHAR NOT NULL, times BIGINT NOT NULL, path VARCHAR NOT NULL, year_inferred INT NOT NULL,
  authority VARCHAR);
-- The last login to an account, with whatever it was made.
CREATE TABLE IF NOT EXISTS login (
  disk_id BIGINT NOT NULL, account VARCHAR NOT NULL, at_time VARCHAR NOT NULL, address VARCHAR, path VARCHAR NOT NULL);
-- Certificates of keys; principals and names of critical options in one line each.
CREATE TABLE IF NOT EXISTS certificate (
  disk_id BIGINT NOT NULL, key_id BIGINT NOT NULL, authority VARCHAR NOT NULL, principals VARCHAR NOT NULL,
  critical_options VARCHAR NOT NULL, out_of_time INT NOT NULL, signature VARCHAR NOT NULL, path VARCHAR NOT NULL);
-- Names by which an inventory may mean the machine of a target, in lower case. kind:
-- instance_id, vm_id, machine_id, hostname, address, target.
CREATE TABLE IF NOT EXISTS identity (disk_id BIGINT NOT NULL, kind VARCHAR NOT NULL, name VARCHAR NOT NULL);
-- Accounts. root: it is, or may become, the superuser.
CREATE TABLE IF NOT EXISTS account (
  disk_id BIGINT NOT NULL, name VARCHAR NOT NULL, shell VARCHAR, root INT NOT NULL);
-- Secrets at their places. The secret itself is not kept: `secret` is its fingerprint,
-- `preview` what may be shown of it. credential: what the issuer calls the secret, such as the
-- identifier of an access key, with the account or project that it is of. readable: others than owner and group can read the file.
CREATE TABLE IF NOT EXISTS finding (
  disk_id BIGINT NOT NULL, finding_id VARCHAR NOT NULL, rule VARCHAR NOT NULL, secret_type VARCHAR NOT NULL,
  provider VARCHAR NOT NULL, severity VARCHAR NOT NULL, confidence VARCHAR NOT NULL, secret VARCHAR NOT NULL,
  preview VARCHAR NOT NULL, path VARCHAR NOT NULL, line BIGINT NOT NULL, deleted INT NOT NULL,
  mode VARCHAR, owner VARCHAR, readable INT NOT NULL, atime VARCHAR, mtime VARCHAR, expires VARCHAR, expired INT,
  target_kind VARCHAR, target VARCHAR, key_fingerprint VARCHAR, known VARCHAR, vendor INT NOT NULL, ignored INT NOT NULL,
  details VARCHAR NOT NULL, credential VARCHAR, credential_account VARCHAR);
-- Disks that people say a machine no longer has, by its host name or identity in lower case.
CREATE TABLE IF NOT EXISTS detached (machine VARCHAR NOT NULL, target VARCHAR NOT NULL, reason VARCHAR NOT NULL);
-- What a query is asked with: the time, and what the user sets.
CREATE TABLE IF NOT EXISTS param (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
-- What to do about the findings of a rule.
CREATE TABLE IF NOT EXISTS remedy (rule VARCHAR PRIMARY KEY, remedy VARCHAR NOT NULL);

-- All targets of all scans. One that nothing but the user's name tells the machine of is of the
-- machine which other scans by that name are of, where there is one.
-- disk_id: the number of the target
-- scan_id: the number of the scan
-- scan: its identifier
-- machine: the machine's identity, equal for targets of one machine
-- hostname: its name; of a target without one, the target's
-- target: what was scanned, as it was named
-- root: 1 where it has the root of a system
-- started: when the scan began, in milliseconds since 1970, of one width
-- begun: the same as RFC 3339
-- whole: 1 where all that should be read was
-- left_out: how many files --exclude or a limit left out
-- rules: the digest of the rules that were used
CREATE VIEW IF NOT EXISTS v1_disk AS
SELECT d.disk_id, d.scan_id, s.name AS scan, COALESCE(n.machine, d.machine) AS machine,
       COALESCE(n.hostname, d.hostname) AS hostname, d.target, d.root, s.started, s.begun, s.whole, s.left_out, s.rules
FROM disk d
JOIN scan s ON s.scan_id = d.scan_id
LEFT JOIN (SELECT named, MIN(machine) AS machine, MIN(hostname) AS hostname FROM disk
           WHERE named IS NOT NULL AND machine <> ('machine:' || named)
           GROUP BY named HAVING MIN(machine) = MAX(machine)) n
  ON n.named = d.named AND d.machine = ('machine:' || d.named);

-- What each machine has on its disks, worked out from all scans: of each target the newest scan that came to its end. A scan
-- of a system's root replaces earlier ones, however its target is called; one that has the root and
-- no fewer targets than any before replaces all of these. Targets that people say were detached
-- (governance) are left out.
-- disk_id: the number of the target
-- machine: the machine's identity, equal for targets of one machine
-- hostname: its name; of a target without one, the target's
-- target: what was scanned, as it was named
-- started: when the scan began, in milliseconds since 1970, of one width
-- begun: the same as RFC 3339
-- whole: 1 where all that should be read was
-- left_out: how many files --exclude or a limit left out
-- rules: the digest of the rules that were used
CREATE VIEW IF NOT EXISTS v1_newest AS
WITH scanned AS (
  SELECT machine, scan_id, MIN(started || ' ' || scan) AS at_, COUNT(*) AS disks, MAX(root) AS root
  FROM v1_disk GROUP BY machine, scan_id),
counted AS (
  SELECT machine, at_, disks, root,
         MAX(disks) OVER (PARTITION BY machine ORDER BY at_ ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_
  FROM scanned),
all_ AS (
  SELECT machine, MAX(at_) AS at_ FROM counted WHERE root = 1 AND disks >= COALESCE(before_, 0) GROUP BY machine),
ranked AS (
  SELECT d.*, MAX(started || ' ' || scan) OVER (PARTITION BY machine, target) AS of_target,
         MAX(started || ' ' || scan) OVER (PARTITION BY machine, root) AS of_root
  FROM v1_disk d)
SELECT r.disk_id, r.machine, r.hostname, r.target, r.started, r.begun, r.whole, r.left_out, r.rules
FROM ranked r LEFT JOIN all_ a ON a.machine = r.machine
WHERE (r.started || ' ' || r.scan) = r.of_target AND (r.root = 0 OR (r.started || ' ' || r.scan) = r.of_root)
  AND (a.at_ IS NULL OR (r.started || ' ' || r.scan) >= a.at_)
  AND NOT EXISTS (SELECT 1 FROM detached t WHERE t.target = r.target AND t.machine IN (LOWER(r.hostname), LOWER(r.machine)));

-- What each machine has on its disks: v1_newest as of when the store was last worked out.
-- disk_id: the number of the target
-- machine: the machine's identity, equal for targets of one machine
-- hostname: its name; of a target without one, the target's
-- target: what was scanned, as it was named
-- started: when the scan began, in milliseconds since 1970, of one width
-- begun: the same as RFC 3339
-- whole: 1 where all that should be read was
-- left_out: how many files --exclude or a limit left out
-- rules: the digest of the rules that were used
CREATE VIEW IF NOT EXISTS v1_machine AS
SELECT disk_id, machine, hostname, target, started, begun, whole, left_out, rules FROM v1_newest;

-- Private halves of SSH keys, and host keys of either half.
-- key_id: the key's number in ssh_key
-- role: private, host_private, host_public
-- machine: the machine's identity
-- hostname: its name
-- path: the file
-- line: the line in it
-- mode: the permissions of the file, in octal
-- owner: whose the file is
-- atime: when it was last read, as far as the filesystem knows
-- encrypted: 1 where it needs a passphrase
-- damage: what is wrong with it, or nothing
-- comment: the comment of the key
-- weak: weaknesses, with blanks between
CREATE VIEW IF NOT EXISTS v1_held AS
SELECT h.key_id, h.role, m.machine, m.hostname, h.path, h.line, h.mode, h.owner, h.atime, h.encrypted,
       h.damage, h.comment, h.weak
FROM held h JOIN v1_machine m ON m.disk_id = h.disk_id;

-- Lines that let a key into an account.
-- key_id: the key's number in ssh_key
-- role: authorized, cert_authority, certificate, provisioned
-- machine: the machine's identity
-- hostname: its name
-- account: whose line it is
-- state: accepted, restricted, refused, unverified
-- verdict: why, a JSON object
-- path: the file
-- line: the line in it
-- weak: weaknesses, with blanks between
CREATE VIEW IF NOT EXISTS v1_entry AS
SELECT e.key_id, e.role, m.machine, m.hostname, e.account, e.state, e.verdict, e.path, e.line, e.weak
FROM entry e JOIN v1_machine m ON m.disk_id = e.disk_id;

-- Lines of files of known hosts.
-- key_id: the key's number in ssh_key
-- machine: the machine's identity
-- hostname: its name
-- account: whose file it is
-- hosts: the names of the line
-- path: the file
-- line: the line in it
CREATE VIEW IF NOT EXISTS v1_known AS
SELECT n.key_id, m.machine, m.hostname, n.account, n.hosts, n.path, n.line
FROM known n JOIN v1_machine m ON m.disk_id = n.disk_id;

-- Blocks of configurations of SSH clients.
-- machine: the machine's identity
-- on_host: its name
-- account: whose configuration it is
-- home: the home of the account
-- patterns: the hosts that the block is for
-- hostname: the host that it leads to, or nothing
-- login: the account there, or nothing
-- port: the port there, or nothing
-- identity_files: files of keys, one a line
-- path: the file
CREATE VIEW IF NOT EXISTS v1_client_host AS
SELECT m.machine, m.hostname AS on_host, c.account, c.home, c.patterns, c.hostname, c.login, c.port,
       c.identity_files, c.path
FROM client_host c JOIN v1_machine m ON m.disk_id = c.disk_id;

-- Names and addresses of a machine, as a client looks for them in its known hosts.
-- machine: the machine's identity
-- hostname: its name
-- name: a name or an address, with its port where that is not 22
CREATE VIEW IF NOT EXISTS v1_alias AS
SELECT m.machine, m.hostname, a.name FROM alias a JOIN v1_machine m ON m.disk_id = a.disk_id;

-- Logins with keys, by the logs of the machine that was logged in to.
-- machine: the machine's identity
-- hostname: its name
-- fingerprint: of the key
-- account: that was logged in to
-- address: where the login came from
-- first_time: the first
-- last_time: the last
-- times: how many
-- path: the log
-- year_inferred: 1 where the log does not say the year
-- authority: the fingerprint of the authority of a certificate, or nothing
CREATE VIEW IF NOT EXISTS v1_key_use AS
SELECT m.machine, m.hostname, u.fingerprint, u.account, u.address, u.first_time, u.last_time, u.times, u.path,
       u.year_inferred, u.authority
FROM key_use u JOIN v1_machine m ON m.disk_id = u.disk_id;

-- The last login to each account, with whatever it was made.
-- machine: the machine's identity
-- hostname: its name
-- account: that was logged in to
-- at_time: when
-- address: where it came from, or nothing
-- path: the file that says so
CREATE VIEW IF NOT EXISTS v1_login AS
SELECT m.machine, m.hostname, l.account, l.at_time, l.address, l.path
FROM login l JOIN v1_machine m ON m.disk_id = l.disk_id;

-- Certificates of SSH keys.
-- key_id: the key's number in ssh_key
-- machine: the machine's identity
-- hostname: its name
-- authority: the fingerprint of who signed it
-- principals: whom it names, one a line
-- critical_options: names of options that must be understood, one a line
-- out_of_time: 1 where it is not valid yet or no longer
-- signature: whether the signature is right
-- path: the file
CREATE VIEW IF NOT EXISTS v1_certificate AS
SELECT c.key_id, m.machine, m.hostname, c.authority, c.principals, c.critical_options, c.out_of_time,
       c.signature, c.path
FROM certificate c JOIN v1_machine m ON m.disk_id = c.disk_id;

-- Names by which an inventory may mean a machine, in lower case.
-- machine: the machine's identity
-- hostname: its name
-- kind: instance_id, vm_id, machine_id, hostname, address, target
-- name: the name
CREATE VIEW IF NOT EXISTS v1_identity AS
SELECT m.machine, m.hostname, i.kind, i.name FROM identity i JOIN v1_machine m ON m.disk_id = i.disk_id;

-- Accounts of a machine.
-- machine: the machine's identity
-- hostname: its name
-- name: its name
-- shell: what it is logged in with
-- root: 1 where it is, or may become, the superuser
CREATE VIEW IF NOT EXISTS v1_account AS
SELECT m.machine, m.hostname, a.name, a.shell, a.root FROM account a JOIN v1_machine m ON m.disk_id = a.disk_id;

-- The secrets of the newest scans, those that are exempted too (see v1_recommendation and
-- v1_open_finding). Published samples are nobody's secrets and left out, and so is what the
-- scan's ignore file names.
-- machine: the machine's identity
-- hostname: its name
-- finding_id: the same in every scan for the same rule, secret and place
-- rule: the rule that found it
-- secret_type: the official name of its type
-- provider: who issues such secrets
-- severity: of the rule: critical, high, medium, low, info
-- confidence: of the rule: high, medium, low
-- secret: the fingerprint of the secret, never the secret
-- preview: what may be shown of it
-- path: the file
-- line: the line in it
-- deleted: 1 where the file has been deleted
-- mode: the permissions of the file, in octal
-- owner: whose the file is
-- readable: 1 where everybody on the machine can read it
-- atime: when the file was last read, as far as the filesystem knows
-- mtime: when it was last written
-- expires: when the secret expires
-- expired: 1 where the scan saw that it had
-- target_kind: what kind of thing it opens
-- target: what it opens, as the secret names it
-- key_id: of an SSH key, its number in ssh_key
-- key_fingerprint: of an SSH key, its fingerprint
-- vendor: 1 where a package of the distribution brought the file
-- details: what the secret's own form says, a JSON object
-- credential: what its issuer calls it, such as the identifier of an access key, or nothing
-- credential_account: the account or project which that is of, or nothing
CREATE VIEW IF NOT EXISTS v1_finding AS
SELECT m.machine, m.hostname, f.finding_id, f.rule, f.secret_type, f.provider, f.severity, f.confidence, f.secret,
       f.preview, f.path, f.line, f.deleted, f.mode, f.owner, f.readable, f.atime, f.mtime, f.expires, f.expired,
       f.target_kind, f.target, k.key_id, f.key_fingerprint, f.vendor, f.details, f.credential,
       f.credential_account
FROM finding f JOIN v1_machine m ON m.disk_id = f.disk_id
LEFT JOIN ssh_key k ON k.fingerprint = f.key_fingerprint
WHERE f.known IS NULL AND f.ignored = 0;
