//! What was found → records, in an order that depends on the input alone.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rayon::prelude::*;

use super::histories::Histories;
use super::hits::{Found, InsideHits, Placed, Tally};
use super::marking::{Marked, Marking};
use super::masking::{mask, shown};
use super::worker::{Problem, ProblemKey, named_steps};
use crate::enrich::{Enriched, Enricher, public_weaknesses};
use crate::facts::{Accounts, AuthorizedKey, Machine, Packages, certificate_beside, public_beside};
use crate::finding::{
    CertificateFacts, FileFacts, KeyRecord, KeyRole, KeyWeakness, Location, ProblemRecord, ProvenanceStep,
    Reason, Record, Secret, Severity, Timestamp,
};
use crate::formats::hex;
use crate::output::RecordSink;
use crate::scan::Engine;
use crate::source::{FileStat, Tree, UnixTime};
use crate::threads::Pool;

/// Files that are enriched and keys whose records are made at a time, so that memory does
/// not grow with their number.
const CHUNK: usize = 256;
/// A file with findings under one of its names.
pub(super) struct NamedFile {
    pub(super) target: u32,
    pub(super) path: Box<[u8]>,
    pub(super) found: Arc<Found>,
}

/// What is known of a target when its findings are written.
pub(super) struct TargetFacts<'s> {
    pub(super) provenance: Vec<ProvenanceStep>,
    /// Where files can be read again; none where the target has none.
    pub(super) tree: Option<&'s dyn Tree>,
    pub(super) accounts: Accounts,
    /// What the target says of its machine, where it is the root of one.
    pub(super) machine: Option<&'s Machine>,
    /// What databases of packages say of the files with findings.
    pub(super) packages: Packages,
}

/// Counts of what was given to the sink.
#[derive(Debug, Default)]
pub(super) struct Emitted {
    pub(super) findings: Tally,
    pub(super) marked: Marked,
    pub(super) keys: u64,
}

/// Gives findings, then keys.
pub(super) fn findings(
    mut files: Vec<NamedFile>,
    targets: &[TargetFacts<'_>],
    enricher: &Enricher,
    marking: &Marking<'_>,
    pool: &Pool,
    sink: &mut dyn RecordSink,
) -> std::io::Result<Emitted> {
    files.sort_by(|one, other| (one.target, &one.path).cmp(&(other.target, &other.path)));
    let trees: Vec<Option<&dyn Tree>> = targets.iter().map(|target| target.tree).collect();
    let found = files.iter().map(|file| (file.target, &*file.path, &*file.found));
    let histories = Histories::read(found, &trees, pool);
    let mut emitted = Emitted::default();
    let mut keys: Vec<KeyRecord> = Vec::new();
    for chunk in files.chunks(CHUNK) {
        let enriched: Vec<Vec<Enriched>> = pool.install(|| {
            chunk.par_iter().map(|file| enrich_file(file, targets, &histories, enricher, marking)).collect()
        });
        for Enriched { finding, key } in enriched.into_iter().flatten() {
            if let Some(finding) = finding {
                emitted.findings.add(finding.severity, 1);
                emitted.marked.count(&finding);
                sink.record(&Record::Finding(Box::new(finding)))?;
            }
            keys.extend(key);
        }
    }
    for key in keys {
        emitted.keys += 1;
        sink.record(&Record::Key(Box::new(key)))?;
    }
    Ok(emitted)
}

/// Says which accounts have a private key in their files, and what they say of it.
fn say_accounts(enriched: &mut Enriched, machine: &Machine, path: &[u8]) {
    let Some(key) = &mut enriched.key else { return };
    if machine.host_keys.contains(path) {
        key.role = KeyRole::HostPrivate;
    }
    let Some(fingerprint) = &key.fingerprint else { return };
    // What is left of a damaged key opens nothing as it lies there.
    let Some(finding) = enriched.finding.as_mut().filter(|_| key.damage.is_none()) else { return };
    finding.accounts = machine.verdicts(fingerprint);
    finding.key_uses = machine.uses(fingerprint);
    if key.encrypted {
        for account in &mut finding.accounts {
            account.verdict = account.verdict.clone().for_encrypted_key();
        }
    }
}

/// Gives the public keys of a machine; returns their number.
pub(super) fn machine_keys(
    machine: &Machine,
    provenance: &[ProvenanceStep],
    pool: &Pool,
    sink: &mut dyn RecordSink,
) -> std::io::Result<u64> {
    let distinct: HashMap<&str, &[u8]> =
        machine.keys.iter().map(|key| (key.fingerprint.as_str(), key.key.blob.as_slice())).collect();
    let weak = |(fingerprint, blob): (&&str, &&[u8])| {
        let weaknesses = public_weaknesses(blob, fingerprint);
        (!weaknesses.is_empty()).then(|| ((*fingerprint).to_owned(), weaknesses))
    };
    let weak: HashMap<String, Vec<KeyWeakness>> =
        pool.install(|| distinct.par_iter().filter_map(weak).collect());
    let accounts = machine.record.accounts.iter().rev();
    let names: HashMap<u32, &str> =
        accounts.filter_map(|account| Some((account.uid?, account.name.as_str()))).collect();
    let owner = |uid: u32| names.get(&uid).map(|name| (*name).to_owned());
    let files = machine.files.iter().map(|(path, stat)| {
        let facts = FileFacts { owner: owner(stat.uid), ..file_facts_of(stat) };
        (path_text(path), facts)
    });
    let files: Vec<((String, Option<String>), FileFacts)> = files.collect();
    let record = |key: &AuthorizedKey| {
        let ((path, path_hex), facts) = files.get(key.file)?;
        let location = Location {
            path: path.clone(),
            path_hex: path_hex.clone(),
            line: key.line,
            column: 1,
            offset: key.offset,
            encodings: Vec::new(),
            provenance: provenance.to_vec(),
            deleted: false,
        };
        let last_use = machine.last_use(key).cloned().map(Box::new);
        let weaknesses = weak.get(&key.fingerprint).cloned().unwrap_or_default();
        Some(KeyRecord { last_use, weaknesses, ..public_key(key, location, facts.clone()) })
    };
    let mut number = 0;
    for chunk in machine.keys.chunks(CHUNK) {
        let records: Vec<KeyRecord> = pool.install(|| chunk.par_iter().filter_map(record).collect());
        for record in records {
            sink.record(&Record::Key(Box::new(record)))?;
            number += 1;
        }
    }
    Ok(number)
}

/// The record of a public key.
fn public_key(key: &AuthorizedKey, location: Location, file: FileFacts) -> KeyRecord {
    KeyRecord {
        fingerprint: Some(key.fingerprint.clone()),
        fingerprint_md5: Some(key.key.fingerprint_md5()),
        private: false,
        role: key.role,
        account: key.account.clone(),
        verdict: key.verdict.clone(),
        algorithm: Some(key.key.algorithm.to_owned()),
        bits: Some(key.key.bits),
        public_key: Some(STANDARD.encode(&key.key.blob)),
        fingerprint_ec2_created: None,
        fingerprint_ec2_imported: None,
        format: "openssh".to_owned(),
        damage: None,
        comment: key.comment.clone(),
        encrypted: false,
        cipher: None,
        kdf: None,
        rounds: None,
        weaknesses: Vec::new(),
        hosts: key.hosts.clone(),
        certificate: key.certificate.as_ref().map(|facts| Box::new(CertificateFacts::clone(facts))),
        public_beside: None,
        last_use: None,
        location,
        file: Some(file),
        finding_id: None,
    }
}

/// Gives a problem for each rule that could not be used; returns their number.
pub(super) fn broken_rules(engine: &Engine, sink: &mut dyn RecordSink) -> std::io::Result<u64> {
    let mut number = 0;
    for id in engine.broken_rules() {
        let message =
            format!("rule {id} was not used: its pattern cannot be built; see `snapsift rules check`");
        let path = String::from("/");
        sink.record(&Record::Problem(ProblemRecord {
            path,
            path_hex: None,
            provenance: Vec::new(),
            reason: Reason::Unsupported,
            offset: None,
            message,
        }))?;
        number += 1;
    }
    Ok(number)
}

/// Gives problems; returns their number.
pub(super) fn problems(
    problems: impl Iterator<Item = (ProblemKey, Problem)>,
    targets: &[&[ProvenanceStep]],
    sink: &mut dyn RecordSink,
) -> std::io::Result<u64> {
    let mut number = 0;
    for ((target, path, offset, reason), Problem { message, steps }) in problems {
        let full = path;
        let (path, path_hex) = path_text(shown(&full));
        let target = usize::try_from(target).ok().and_then(|target| targets.get(target));
        let mut provenance = target.map(|steps| steps.to_vec()).unwrap_or_default();
        provenance.extend(named_steps(shown(&full), &steps));
        sink.record(&Record::Problem(ProblemRecord { path, path_hex, provenance, reason, offset, message }))?;
        number += 1;
    }
    Ok(number)
}

fn enrich_file(
    file: &NamedFile,
    targets: &[TargetFacts<'_>],
    histories: &Histories,
    enricher: &Enricher,
    marking: &Marking<'_>,
) -> Vec<Enriched> {
    let Some(target) = usize::try_from(file.target).ok().and_then(|target| targets.get(target)) else {
        return Vec::new();
    };
    let facts = file.found.stat.as_ref().map(|stat| file_facts(stat, &target.accounts));
    let vendor = target.tree.and_then(|tree| target.packages.check(tree, &file.path));
    let secrets: Vec<&Secret> = file.found.secrets().collect();
    let (path, path_hex) = masked_path(shown(&file.path), &secrets);
    let one = |placed: &Placed, inside: Option<&InsideHits>| {
        let mut provenance = target.provenance.clone();
        let mut facts = facts.clone();
        if let Some(inside) = inside {
            let steps = named_steps(shown(&file.path), &inside.steps);
            provenance.extend(steps.into_iter().map(|step| masked_step(step, &secrets)));
            if let Some(facts) = &mut facts {
                facts.member = inside.member.clone().map(Box::new);
            }
        }
        let location = Location {
            path: path.clone(),
            path_hex: path_hex.clone(),
            line: placed.line,
            column: placed.column,
            offset: placed.hit.secret_start,
            encodings: placed.hit.encodings.clone(),
            provenance,
            deleted: file.found.deleted,
        };
        let mut enriched = enricher.enrich(&placed.hit, location, facts)?;
        if let Some(machine) = target.machine {
            // A file of an archive is not the machine's own.
            say_accounts(&mut enriched, machine, if inside.is_none() { &file.path } else { &[] });
        }
        if let Some(vendor) = &vendor {
            enriched.set_vendor(vendor.clone());
        }
        if let Some(inside) = inside {
            histories.say(&mut enriched, (file.target, &file.path), inside, &secrets);
        }
        if let Some(finding) = &mut enriched.finding {
            marking.mark(finding);
        }
        Some(enriched)
    };
    let mut enriched: Vec<Enriched> = file.found.hits.iter().filter_map(|hit| one(hit, None)).collect();
    let is_private = |one: &Enriched| one.key.as_ref().is_some_and(|key| key.private);
    // Of several keys in a file, nobody says which the public one is of.
    let mut keys = enriched.iter_mut().filter(|one| is_private(one));
    if let (Some(only), None) = (keys.next(), keys.next())
        && let Some(tree) = target.tree.filter(|_| !file.found.deleted)
        && let Some(fingerprint) = public_beside(tree, &file.path)
    {
        only.set_public_beside(&fingerprint);
    }
    if enriched.iter().any(is_private) {
        enriched.extend(beside(file, target));
    }
    for inside in &file.found.inside {
        enriched.extend(inside.hits.iter().filter_map(|hit| one(hit, Some(inside))));
    }
    enriched
}

/// The certificate beside a private key that is not told with the machine.
fn beside(file: &NamedFile, target: &TargetFacts<'_>) -> Option<Enriched> {
    let tree = target.tree.filter(|_| !file.found.deleted)?;
    let (path, stat, key) = certificate_beside(tree, &file.path, Timestamp::now())?;
    if target.machine.is_some_and(|machine| machine.has_file(&path)) {
        return None;
    }
    let (path, path_hex) = path_text(&path);
    let location = Location {
        path,
        path_hex,
        line: 1,
        column: 1,
        offset: 0,
        encodings: Vec::new(),
        provenance: target.provenance.clone(),
        deleted: false,
    };
    let facts = file_facts(&stat, &target.accounts);
    Some(Enriched { finding: None, key: Some(public_key(&key, location, facts)) })
}

/// A path as text and, where it is not UTF-8, its bytes in hex.
pub(super) fn path_text(path: &[u8]) -> (String, Option<String>) {
    match std::str::from_utf8(path) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (String::from_utf8_lossy(path).into_owned(), Some(hex::encode(path))),
    }
}

/// The path, in which secrets of the file's content are replaced by a mask: a
/// file may be named after the token that it holds.
fn masked_path(path: &[u8], secrets: &[&Secret]) -> (String, Option<String>) {
    path_text(mask(path, secrets).as_deref().unwrap_or(path))
}

/// The same of a step inside of the file.
fn masked_step(step: ProvenanceStep, secrets: &[&Secret]) -> ProvenanceStep {
    match mask(step.name.as_bytes(), secrets) {
        Some(name) => ProvenanceStep { name: String::from_utf8_lossy(&name).into_owned(), ..step },
        None => step,
    }
}

fn file_facts(stat: &FileStat, accounts: &Accounts) -> FileFacts {
    FileFacts {
        owner: accounts.user(stat.uid).map(str::to_owned),
        group: accounts.group(stat.gid).map(str::to_owned),
        ..file_facts_of(stat)
    }
}

/// What `fstat` says, without names.
fn file_facts_of(stat: &FileStat) -> FileFacts {
    let time = |time: Option<UnixTime>| {
        time.and_then(|(seconds, nanoseconds)| Timestamp::from_unix(seconds, nanoseconds))
    };
    FileFacts {
        size: stat.size.unwrap_or(0),
        mode: format!("{:04o}", stat.permissions),
        uid: stat.uid,
        gid: stat.gid,
        owner: None,
        group: None,
        atime: time(stat.atime),
        mtime: time(stat.mtime),
        ctime: time(stat.ctime),
        btime: time(stat.btime),
        inode: stat.ino,
        links: stat.links,
        member: None,
    }
}

/// Findings by severity, those that are only counted included.
pub(super) fn by_severity(listed: &Tally, unlisted: &Tally) -> std::collections::BTreeMap<Severity, u64> {
    let mut sum = *listed;
    sum.add_all(unlisted, 1);
    sum.iter().collect()
}
