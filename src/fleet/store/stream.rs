//! From a stream of records to rows.

mod finding;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::finding::{
    Finding, IdentityKind, KeyRecord, KeyRole, MachineRecord, ProvenanceStep, Reason, ScanRecord,
    SummaryRecord,
};
use crate::formats::known_hosts::lookup_name;

/// No line of a scan is longer.
const LONGEST_LINE: u64 = 64 << 20;

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

/// What became of a stream.
pub(super) enum End {
    Loaded { whole: bool },
    Known,
    KeptOut(String),
}

/// What is read of one stream.
struct Reading<'c> {
    connection: &'c Connection,
    scan: i64,
    scan_name: String,
    /// Files that the user had left out.
    left_out: u64,
    next_disk: i64,
    disks: BTreeMap<Vec<ProvenanceStep>, i64>,
}

/// Reads a stream into tables; the caller's transaction takes back what is no use.
pub(super) fn load(connection: &Connection, stream: &mut dyn BufRead) -> Result<End, StoreError> {
    let mut reading: Option<Reading<'_>> = None;
    let mut whole = None;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        match stream.take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return Ok(End::KeptOut(format!("line {number}: {error}"))),
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let broken = || End::KeptOut(format!("line {number} is no record of snapsift/1"));
        let Ok(Kind { kind }) = serde_json::from_slice(&line) else { return Ok(broken()) };
        if whole.is_some() {
            return Ok(End::KeptOut(format!("line {number} comes after the summary")));
        }
        match (&*kind, &mut reading) {
            ("scan", None) => {
                let Ok(scan) = serde_json::from_slice::<ScanRecord>(&line) else { return Ok(broken()) };
                if scan.schema != "snapsift/1" {
                    return Ok(broken());
                }
                let there = connection
                    .query_row("SELECT 1 FROM scan WHERE name = ?1", [&scan.scan_id], |_| Ok(()))
                    .optional()?;
                if there.is_some() {
                    return Ok(End::Known);
                }
                reading = Some(Reading::new(connection, &scan)?);
            }
            ("scan", Some(_)) => return Ok(End::KeptOut(format!("line {number}: a second scan begins"))),
            (_, None) => return Ok(End::KeptOut("it does not begin with a scan record".to_owned())),
            ("machine", Some(reading)) => {
                let Ok(machine) = serde_json::from_slice::<MachineRecord>(&line) else { return Ok(broken()) };
                reading.machine(&machine)?;
            }
            ("key", Some(reading)) => {
                let Ok(key) = serde_json::from_slice::<KeyRecord>(&line) else { return Ok(broken()) };
                reading.key(&key)?;
            }
            ("finding", Some(reading)) => {
                let Ok(finding) = serde_json::from_slice::<Finding>(&line) else { return Ok(broken()) };
                reading.finding(&finding)?;
            }
            ("summary", Some(reading)) => {
                let Ok(summary) = serde_json::from_slice::<SummaryRecord>(&line) else { return Ok(broken()) };
                if summary.scan_id != reading.scan_name {
                    return Ok(End::KeptOut("its summary is another scan's".to_owned()));
                }
                let by_choice = [Reason::Excluded, Reason::OverBudget];
                let left_out = by_choice.iter().filter_map(|reason| summary.coverage.left_out.get(reason));
                reading.left_out = left_out.map(|one| one.files).fold(0, u64::saturating_add);
                whole = Some(summary.complete);
            }
            // Problems, and what later versions add.
            _ => {}
        }
    }
    match (reading, whole) {
        (Some(reading), Some(whole)) => {
            connection.execute(
                "UPDATE scan SET whole = ?1, left_out = ?2 WHERE scan_id = ?3",
                params![whole, i64::try_from(reading.left_out).unwrap_or(i64::MAX), reading.scan],
            )?;
            Ok(End::Loaded { whole })
        }
        (Some(_), None) => Ok(End::KeptOut("it has no summary: the scan did not end".to_owned())),
        (None, _) => Ok(End::KeptOut("it is empty".to_owned())),
    }
}

impl<'c> Reading<'c> {
    fn new(connection: &'c Connection, scan: &ScanRecord) -> Result<Self, StoreError> {
        let next = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let number = next("SELECT COALESCE(MAX(scan_id), 0) + 1 FROM scan")?;
        let next_disk = next("SELECT COALESCE(MAX(disk_id), 0) + 1 FROM disk")?;
        connection.execute(
            "INSERT INTO scan (scan_id, name, started, begun, whole, left_out) VALUES (?1, ?2, ?3, ?4, 0, 0)",
            // Seconds and nanoseconds in one width, so that text sorts as time does.
            params![number, scan.scan_id, sortable(&scan.started_at), text(&scan.started_at)],
        )?;
        Ok(Self {
            connection,
            scan: number,
            scan_name: scan.scan_id.clone(),
            left_out: 0,
            next_disk,
            disks: BTreeMap::new(),
        })
    }

    fn machine(&mut self, machine: &MachineRecord) -> Result<(), StoreError> {
        let host = machine.hostname.as_deref().unwrap_or_default();
        let identity = identity(machine);
        let disk = self.disk(&machine.provenance, identity, host)?;
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

    /// Without an identity a target is a machine of its own: no merge is better than a
    /// wrong one.
    fn disk(
        &mut self,
        provenance: &[ProvenanceStep],
        identity: Option<String>,
        hostname: &str,
    ) -> Result<i64, StoreError> {
        let target: Vec<ProvenanceStep> = provenance.iter().take(1).cloned().collect();
        if let Some(disk) = self.disks.get(&target) {
            return Ok(*disk);
        }
        let name = target.first().map_or("", |step| step.name.as_str());
        let machine = identity.unwrap_or_else(|| format!("target:{}:{name}", self.scan_name));
        let hostname = if hostname.is_empty() { name } else { hostname };
        let disk = self.next_disk;
        self.next_disk = disk.saturating_add(1);
        self.connection.execute(
            "INSERT INTO disk (disk_id, scan_id, target, machine, hostname) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![disk, self.scan, name, machine, hostname],
        )?;
        self.connection
            .prepare_cached("INSERT INTO identity VALUES (?1, 'target', ?2)")?
            .execute(params![disk, name.to_lowercase()])?;
        self.disks.insert(target, disk);
        Ok(disk)
    }

    fn key(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        let Some(fingerprint) = &key.fingerprint else { return Ok(()) };
        let disk = self.disk(&key.location.provenance, None, "")?;
        let id = self.key_id(fingerprint, key)?;
        let line = i64::try_from(key.location.line).unwrap_or(i64::MAX);
        let role = text(&key.role);
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
                    key.location.path,
                ])?;
        }
        // Of an authority's key and of a certificate that no account was asked about there
        // is nothing to say.
        if matches!(key.role, KeyRole::CertAuthority | KeyRole::Certificate) && key.verdict.is_none() {
            return Ok(());
        }
        let weak: Vec<&str> = key.weaknesses.iter().map(|weakness| weakness.kind.as_str()).collect();
        let is_entry = |role| {
            matches!(
                role,
                KeyRole::Authorized | KeyRole::CertAuthority | KeyRole::Provisioned | KeyRole::Certificate
            )
        };
        if is_entry(key.role) {
            let state = key.verdict.as_ref().map_or("unverified", |verdict| verdict.state());
            let verdict =
                key.verdict.as_ref().and_then(|v| serde_json::to_string(v).ok()).unwrap_or_default();
            let account = key.account.as_deref().unwrap_or_default();
            let place = &key.location.path;
            self.connection
                .prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
                .execute(params![disk, id, role, account, state, verdict, place, line, weak.join(" ")])?;
            return Ok(());
        }
        if key.role == KeyRole::KnownHost {
            let account = key.account.as_deref().unwrap_or_default();
            let hosts = key.hosts.as_deref().unwrap_or_default();
            self.connection
                .prepare_cached("INSERT INTO known VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![disk, id, account, hosts, key.location.path, line])?;
            return Ok(());
        }
        let file = key.file.as_ref();
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
                key.damage,
                key.comment,
                weak.join(" "),
            ])?;
        Ok(())
    }

    fn key_id(&self, fingerprint: &str, key: &KeyRecord) -> Result<i64, StoreError> {
        let known = self
            .connection
            .prepare_cached("SELECT key_id FROM ssh_key WHERE fingerprint = ?1")?
            .query_row([fingerprint], |row| row.get(0))
            .optional()?;
        if let Some(id) = known {
            return Ok(id);
        }
        let modulus = key.public_key.as_ref().filter(|_| key.algorithm.as_deref() == Some("rsa"));
        self.connection
            .prepare_cached(
                "INSERT INTO ssh_key (fingerprint, algorithm, bits, public_key, md5, ec2_created, ec2_imported)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                fingerprint,
                key.algorithm,
                key.bits,
                modulus,
                key.fingerprint_md5.as_deref().map(|print| print.trim_start_matches("MD5:")),
                key.fingerprint_ec2_created,
                key.fingerprint_ec2_imported,
            ])?;
        Ok(self.connection.last_insert_rowid())
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
