//! From records to rows.

mod finding;

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, Statement, ToSql, params};
use serde::Serialize;

use super::StoreError;
use super::stream::{KeyLine, Row, Text};
use crate::finding::{FileFacts, IdentityKind, KeyRole, MachineRecord, ProvenanceStep, ScanRecord};
use crate::formats::known_hosts::lookup_name;

/// After so many entries their index, whose places come in no order, is made at the end.
const MANY: u64 = 100_000;
/// Keys whose numbers are kept in memory: about 50 MB.
const KEYS_KEPT: usize = 1 << 19;

/// The statements that are run for nearly each record, and what is known of the tables.
pub(super) struct Rows<'c> {
    connection: &'c Connection,
    entry: Statement<'c>,
    new_key: Statement<'c>,
    find_key: Statement<'c>,
    /// Numbers of keys by their fingerprints, of as many as there is room for.
    keys: HashMap<Box<str>, i64>,
    next_scan: i64,
    next_disk: i64,
    /// Entries that were written.
    written: u64,
}

/// The rows of one scan.
pub(super) struct ScanRows<'r, 'c> {
    connection: &'c Connection,
    rows: &'r mut Rows<'c>,
    scan: i64,
    scan_name: String,
    disks: BTreeMap<(String, String), i64>,
    /// The target that was asked for last: mostly there is one.
    last: Option<((String, String), i64)>,
    /// What the user calls the machine whose disks the images are (`--machine`).
    named: Option<String>,
    /// Identity and host name of the first system that was seen on them.
    system: Option<(String, String)>,
}

impl<'c> Rows<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, StoreError> {
        Ok(Self {
            connection,
            entry: connection.prepare("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?,
            new_key: connection.prepare(
                "INSERT INTO ssh_key (fingerprint, algorithm, bits, public_key, md5, ec2_created, ec2_imported)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (fingerprint) DO NOTHING",
            )?,
            find_key: connection.prepare("SELECT key_id FROM ssh_key WHERE fingerprint = ?1")?,
            keys: HashMap::new(),
            next_scan: 0,
            next_disk: 0,
            written: 0,
        })
    }

    /// In a new transaction: other processes may have written since the last one.
    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        let next = |sql| self.connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
        self.next_scan = next("SELECT COALESCE(MAX(scan_id), 0) + 1 FROM scan")?;
        self.next_disk = next("SELECT COALESCE(MAX(disk_id), 0) + 1 FROM disk")?;
        Ok(())
    }

    /// Whether the store has a scan.
    pub(super) fn knows(&self, scan: &str) -> Result<bool, StoreError> {
        Ok(self.connection.prepare_cached("SELECT 1 FROM scan WHERE name = ?1")?.exists([scan])?)
    }

    /// Begins a scan.
    pub(super) fn scan(&mut self, scan: &ScanRecord) -> Result<ScanRows<'_, 'c>, StoreError> {
        let number = self.next_scan;
        self.next_scan = number.saturating_add(1);
        self.connection
            .prepare_cached(
                "INSERT INTO scan (scan_id, name, started, begun, whole, left_out, rules)
                 VALUES (?1, ?2, ?3, ?4, 0, 0, ?5)",
            )?
            // Seconds and nanoseconds in one width, so that text sorts as time does.
            .execute(params![
                number,
                scan.scan_id,
                sortable(&scan.started_at),
                text(&scan.started_at),
                scan.rules_blake3
            ])?;
        self.rule_set(scan)?;
        Ok(ScanRows {
            connection: self.connection,
            rows: self,
            scan: number,
            scan_name: scan.scan_id.clone(),
            disks: BTreeMap::new(),
            last: None,
            named: scan.targets.first().filter(|_| scan.targets.len() == 1).cloned(),
            system: None,
        })
    }

    /// Which rules the scan had: once for all scans that had them.
    fn rule_set(&self, scan: &ScanRecord) -> Result<(), StoreError> {
        let digest = &scan.rules_blake3;
        let mut known = self.connection.prepare_cached("SELECT 1 FROM rule_set WHERE digest = ?1")?;
        if digest.is_empty() || known.exists([digest])? {
            return Ok(());
        }
        let mut insert =
            self.connection.prepare_cached("INSERT INTO rule_set VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
        scan.rule_ids.iter().try_for_each(|rule| insert.execute([digest, rule]).map(drop))?;
        Ok(())
    }

    /// Whether the index of entries is yet to be made.
    pub(super) fn without_index(&self) -> bool {
        self.written >= MANY
    }

    fn entry(&mut self, row: &[&dyn ToSql]) -> Result<(), StoreError> {
        self.entry.execute(row)?;
        self.written = self.written.saturating_add(1);
        if self.written == MANY {
            self.connection.execute_batch("DROP INDEX IF EXISTS entry_key")?;
        }
        Ok(())
    }

    /// Forgets what was taken back.
    pub(super) fn taken_back(&mut self) {
        self.keys.clear();
    }

    fn key(&mut self, fingerprint: &str, key: &KeyLine<'_>) -> Result<i64, StoreError> {
        if let Some(id) = self.keys.get(fingerprint) {
            return Ok(*id);
        }
        let modulus =
            Text::of(key.public_key.as_ref()).filter(|_| Text::of(key.algorithm.as_ref()) == Some("rsa"));
        let new = self.new_key.execute(params![
            fingerprint,
            Text::of(key.algorithm.as_ref()),
            key.bits,
            modulus,
            Text::of(key.fingerprint_md5.as_ref()).map(|print| print.trim_start_matches("MD5:")),
            Text::of(key.fingerprint_ec2_created.as_ref()),
            Text::of(key.fingerprint_ec2_imported.as_ref()),
        ])?;
        let id = match new {
            0 => self.find_key.query_row([fingerprint], |row| row.get(0))?,
            _ => self.connection.last_insert_rowid(),
        };
        if self.keys.len() < KEYS_KEPT {
            self.keys.insert(fingerprint.into(), id);
        }
        Ok(id)
    }
}

impl ScanRows<'_, '_> {
    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        match row {
            Row::Machine(machine) => self.machine(machine),
            Row::Key(key, file) => self.key(key, file.as_deref()),
            Row::Finding(finding) => self.finding(finding),
        }
    }

    /// Ends the scan. `whole`: it could read everything.
    pub(super) fn end(&self, whole: bool, left_out: u64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE scan SET whole = ?1, left_out = ?2 WHERE scan_id = ?3")?
            .execute(params![whole, i64::try_from(left_out).unwrap_or(i64::MAX), self.scan])?;
        Ok(())
    }

    fn machine(&mut self, machine: &MachineRecord) -> Result<(), StoreError> {
        let host = machine.hostname.as_deref().unwrap_or_default();
        let (kind, name) = machine.provenance.first().map_or(("", ""), |step| (&*step.kind, &*step.name));
        let identity = identity(machine);
        if let (None, Some(identity)) = (&self.system, &identity) {
            self.system = Some((identity.clone(), host.to_owned()));
        }
        let disk = self.disk(kind, name, identity, host)?;
        self.connection.prepare_cached("UPDATE disk SET root = 1 WHERE disk_id = ?1")?.execute([disk])?;
        self.aliases(machine, disk)?;
        self.identities(machine, disk)?;
        self.accounts(machine, disk)?;
        self.logins(machine, disk)?;
        let home = |account: &str| {
            let account = machine.accounts.iter().find(|one| one.name == account);
            account.map_or("", |account| account.home.as_str())
        };
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO client_host VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
        for host in &machine.ssh_hosts {
            let account = host.account.as_deref().unwrap_or_default();
            insert.execute(params![
                disk,
                account,
                home(account),
                host.patterns.join(" "),
                host.hostname,
                host.user,
                host.port,
                host.identity_files.join("\n"),
                host.path,
            ])?;
        }
        Ok(())
    }

    /// By what an inventory may know it.
    fn identities(&mut self, machine: &MachineRecord, disk: i64) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached("INSERT INTO identity VALUES (?1, ?2, ?3)")?;
        for one in &machine.identities {
            let kind = match one.kind {
                IdentityKind::CloudInstance => "instance_id",
                IdentityKind::VmId => "vm_id",
                IdentityKind::MachineId => "machine_id",
                _ => continue,
            };
            insert.execute(params![disk, kind, one.value.to_lowercase()])?;
            // Azure's id of an instance is that of the virtual machine.
            if kind == "instance_id" {
                insert.execute(params![disk, "vm_id", one.value.to_lowercase()])?;
            }
        }
        for name in machine.hostname.iter().filter(|name| !name.is_empty()) {
            insert.execute(params![disk, "hostname", name.to_lowercase()])?;
        }
        for name in machine.names.iter().filter(|name| name.parse::<std::net::IpAddr>().is_ok()) {
            insert.execute(params![disk, "address", name])?;
        }
        Ok(())
    }

    fn accounts(&mut self, machine: &MachineRecord, disk: i64) -> Result<(), StoreError> {
        /// Groups whose members a distribution lets become the superuser.
        const ADMINISTRATORS: [&str; 4] = ["sudo", "wheel", "admin", "administrators"];
        let mut insert = self.connection.prepare_cached("INSERT INTO account VALUES (?1, ?2, ?3, ?4)")?;
        for account in &machine.accounts {
            let may = |group: &String| ADMINISTRATORS.contains(&&*group.to_lowercase());
            let root = account.uid == Some(0) || account.groups.iter().any(may);
            insert.execute(params![disk, account.name, account.shell, root])?;
        }
        Ok(())
    }

    fn logins(&mut self, machine: &MachineRecord, disk: i64) -> Result<(), StoreError> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO key_use VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
        for one in &machine.key_uses {
            insert.execute(params![
                disk,
                one.fingerprint,
                one.account,
                one.address,
                text(&one.first),
                text(&one.last),
                i64::try_from(one.count).unwrap_or(i64::MAX),
                one.path,
                one.year_inferred,
                one.authority,
            ])?;
        }
        let mut insert = self.connection.prepare_cached("INSERT INTO login VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let logins = machine.accounts.iter().filter_map(|one| Some((&one.name, one.last_login.as_ref()?)));
        for (account, login) in logins {
            insert.execute(params![disk, account, text(&login.time), login.from, login.path])?;
        }
        Ok(())
    }

    /// As a client looks for them: with the port that the server listens on, where it is
    /// not the usual one.
    fn aliases(&mut self, machine: &MachineRecord, disk: i64) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached("INSERT INTO alias VALUES (?1, ?2)")?;
        let ports = machine.sshd.iter().filter_map(|sshd| sshd.settings.get("port")).flatten();
        let ports: Vec<u16> = ports.filter_map(|port| port.parse().ok()).filter(|port| *port != 22).collect();
        for name in machine.hostname.iter().chain(&machine.names).filter(|name| !name.is_empty()) {
            insert.execute(params![disk, lookup_name(name, 22)])?;
            for port in &ports {
                insert.execute(params![disk, lookup_name(name, *port)])?;
            }
        }
        Ok(())
    }

    /// The number of a target, by the first step of its provenance. Without an identity it
    /// is a machine of its own: no merge is better than a wrong one.
    fn disk(
        &mut self,
        kind: &str,
        name: &str,
        identity: Option<String>,
        hostname: &str,
    ) -> Result<i64, StoreError> {
        if let Some((_, disk)) = self.last.as_ref().filter(|((k, n), _)| k == kind && n == name) {
            return Ok(*disk);
        }
        let target = (kind.to_owned(), name.to_owned());
        let disk = match self.disks.get(&target) {
            Some(disk) => *disk,
            None => self.new_disk(kind, name, identity, hostname)?,
        };
        self.disks.insert(target.clone(), disk);
        self.last = Some((target, disk));
        Ok(disk)
    }

    fn new_disk(
        &mut self,
        kind: &str,
        name: &str,
        identity: Option<String>,
        hostname: &str,
    ) -> Result<i64, StoreError> {
        // An image that is not what the user named is one of the disks of what was named.
        let named = self.named.as_deref().filter(|named| kind == "image" && *named != name);
        let (machine, hostname) = match (identity, &self.system, named) {
            (Some(identity), ..) => (identity, hostname.to_owned()),
            (None, Some((machine, hostname)), Some(_)) => (machine.clone(), hostname.clone()),
            (None, None, Some(named)) => {
                let hostname = if hostname.is_empty() { named } else { hostname };
                (format!("machine:{named}"), hostname.to_owned())
            }
            (None, _, None) => (format!("target:{}:{name}", self.scan_name), hostname.to_owned()),
        };
        let hostname = if hostname.is_empty() { name } else { &hostname };
        let disk = self.rows.next_disk;
        self.rows.next_disk = disk.saturating_add(1);
        self.connection
            .prepare_cached(
                "INSERT INTO disk (disk_id, scan_id, target, machine, hostname, root, named)
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)",
            )?
            .execute(params![disk, self.scan, name, machine, hostname, named])?;
        self.connection
            .prepare_cached("INSERT INTO identity VALUES (?1, 'target', ?2)")?
            .execute(params![disk, name.to_lowercase()])?;
        Ok(disk)
    }

    /// The number of the target that a record is of.
    fn disk_of(&mut self, provenance: &[ProvenanceStep]) -> Result<i64, StoreError> {
        let (kind, name) = provenance.first().map_or(("", ""), |step| (&*step.kind, &*step.name));
        self.disk(kind, name, None, "")
    }

    fn key(&mut self, key: &KeyLine<'_>, file: Option<&FileFacts>) -> Result<(), StoreError> {
        let Some(Text(fingerprint)) = &key.fingerprint else { return Ok(()) };
        let (kind, name) =
            key.location.provenance.first().map_or(("", ""), |step| (&*step.kind.0, &*step.name.0));
        let disk = self.disk(kind, name, None, "")?;
        let id = self.rows.key(fingerprint, key)?;
        let line = i64::try_from(key.location.line).unwrap_or(i64::MAX);
        let path = &*key.location.path.0;
        let account = Text::of(key.account.as_ref()).unwrap_or_default();
        if let Some(facts) = &key.certificate {
            self.connection
                .prepare_cached("INSERT INTO certificate VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
                .execute(params![
                    disk,
                    id,
                    facts.authority,
                    facts.principals.join("\n"),
                    facts.critical_options.join("\n"),
                    facts.out_of_time,
                    facts.signature,
                    path,
                ])?;
        }
        // Of an authority's key and of a certificate that no account was asked about there
        // is nothing to say.
        if matches!(key.role, KeyRole::CertAuthority | KeyRole::Certificate) && key.verdict.is_none() {
            return Ok(());
        }
        let role = key.role.name();
        if key.is_entry() {
            let (state, verdict) =
                key.verdict.as_ref().map_or(("unverified", ""), |one| (one.state, &*one.json));
            return self.rows.entry(params![disk, id, role, account, state, verdict, path, line, key.weak()]);
        }
        if key.role == KeyRole::KnownHost {
            let hosts = Text::of(key.hosts.as_ref()).unwrap_or_default();
            self.connection
                .prepare_cached("INSERT INTO known VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![disk, id, account, hosts, path, line])?;
            return Ok(());
        }
        self.connection
            .prepare_cached("INSERT INTO held VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?
            .execute(params![
                disk,
                id,
                role,
                key.location.whole_path(),
                line,
                file.map(|file| &file.mode),
                file.map(|file| file.owner.clone().unwrap_or_else(|| file.uid.to_string())),
                file.and_then(|file| file.atime.as_ref()).map(text),
                key.encrypted,
                Text::of(key.damage.as_ref()),
                Text::of(key.comment.as_ref()),
                key.weak(),
            ])?;
        Ok(())
    }
}

/// What a unit variant or a time is on the wire.
pub(in crate::fleet) fn text(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

fn sortable(time: &crate::finding::Timestamp) -> String {
    format!("{:016}", time.unix_milliseconds())
}

/// One name for one machine. What a cloud gives differs between clones. A machine-id does
/// not, so the host name goes with it.
fn identity(machine: &MachineRecord) -> Option<String> {
    let value = |kind| machine.identities.iter().find(|one| one.kind == kind).map(|one| one.value.as_str());
    let host = machine.hostname.as_deref().unwrap_or_default();
    value(IdentityKind::CloudInstance)
        .map(|id| format!("instance:{id}"))
        .or_else(|| value(IdentityKind::VmId).map(|id| format!("vm:{id}")))
        .or_else(|| value(IdentityKind::MachineId).map(|id| format!("machine-id:{id}:{host}")))
}
