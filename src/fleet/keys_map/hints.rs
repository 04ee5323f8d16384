//! Where keys are used, by what accounts know of other machines: their known hosts and
//! their client configurations.
//!
//! A known host is a machine of the fleet where the machine has the host key of the line,
//! else by its name, or by a hash of it. A hash is tested against every name of every
//! machine, within a bound.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::MappedKey;
use crate::fleet::store::{Store, StoreError};
use crate::formats::known_hosts::{Hosts, lookup_name};

/// The most names that all hashes together are tested against: some ten seconds.
const MAX_TESTS: usize = 20_000_000;
/// The most hints that are kept of one key.
const MAX_HINTS: usize = 100;

/// Something that hints at the use of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Hint {
    /// What it is.
    pub kind: HintKind,
    /// The machine that has it.
    pub machine: String,
    /// Its host name, or the target's name.
    pub hostname: String,
    /// The account that has it; empty for all accounts of the machine.
    pub account: String,
    /// Where to, as it is written there; for a hash the host name of the machine.
    pub to: String,
    /// The machine of the fleet that this is.
    pub to_machine: Option<String>,
    /// How that is known.
    pub matched_by: Option<MatchedBy>,
    /// Whether the configuration names the key's own file.
    pub names_the_key: bool,
    /// As whom.
    pub user: Option<String>,
    /// The file, and the line where there is one.
    pub place: String,
}

/// Kinds of hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HintKind {
    /// A block of a client configuration.
    ClientConfig,
    /// A line of a file of known hosts.
    KnownHost,
}

/// How a host is known to be a machine of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// The machine has the host key.
    HostKey,
    /// A name or an address of the machine is the same.
    Name,
    /// A name or an address of the machine has the hash.
    HashedName,
}

/// A machine's identity and its host name.
type Named = (String, String);

/// The names of the machines of a fleet.
#[derive(Debug, Default)]
struct Names {
    by_name: BTreeMap<String, Vec<Named>>,
    /// Machines by the hash that is one of their names'.
    hashed: HashMap<String, Vec<Named>>,
    tests_left: usize,
    untested: u64,
}

impl Names {
    fn read(store: &Store) -> Result<Self, StoreError> {
        let mut names = Self { tests_left: MAX_TESTS, ..Self::default() };
        let mut statement = store.connection().prepare(include_str!("../../../queries/keys_aliases.sql"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let machine = (row.get("machine")?, row.get("hostname")?);
            names.by_name.entry(row.get("name")?).or_default().push(machine);
        }
        Ok(names)
    }

    /// The machines of a name.
    fn named(&self, name: &str) -> &[Named] {
        self.by_name.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The machines that the hosts of a line are. A pattern names none: it is for many.
    fn known(&mut self, text: &str) -> (Vec<(String, Named)>, MatchedBy) {
        match Hosts::parse(text) {
            Ok(Hosts::Patterns(patterns)) => {
                let of_name = |name: &String| {
                    self.named(name).iter().map(|machine| (name.clone(), machine.clone())).collect::<Vec<_>>()
                };
                (patterns.iter().flat_map(of_name).collect(), MatchedBy::Name)
            }
            Ok(hosts) => {
                let found = self.of_hash(text, &hosts);
                let found = found.into_iter().map(|machine| (machine.1.clone(), machine)).collect();
                (found, MatchedBy::HashedName)
            }
            Err(_) => (Vec::new(), MatchedBy::Name),
        }
    }

    fn of_hash(&mut self, text: &str, hosts: &Hosts) -> Vec<Named> {
        if let Some(known) = self.hashed.get(text) {
            return known.clone();
        }
        if self.tests_left < self.by_name.len() {
            self.untested = self.untested.saturating_add(1);
            return Vec::new();
        }
        self.tests_left = self.tests_left.saturating_sub(self.by_name.len());
        let found = self.by_name.iter().find(|(name, _)| hosts.matches(name));
        let found = found.map(|(_, machines)| machines.clone()).unwrap_or_default();
        self.hashed.insert(text.to_owned(), found.clone());
        found
    }
}

/// Adds the hints to `keys`; gives how many hashes were not tested.
pub(super) fn add(store: &Store, keys: &mut [MappedKey]) -> Result<u64, StoreError> {
    // Only machines on which a private key lies are asked where they connect to.
    let holders: BTreeSet<&String> =
        keys.iter().flat_map(|key| &key.places).map(|place| &place.machine).collect();
    let mut names = Names::read(store)?;
    let mut connections: HashMap<String, Vec<(Hint, Vec<String>)>> = HashMap::new();
    for hint in known_hosts(store, &mut names, &holders)? {
        connections.entry(hint.machine.clone()).or_default().push((hint, Vec::new()));
    }
    for (hint, files) in clients(store, &names, &holders)? {
        connections.entry(hint.machine.clone()).or_default().push((hint, files));
    }
    for key in keys {
        let targets: BTreeSet<&String> = key.accounts.iter().map(|account| &account.machine).collect();
        let mut hints = BTreeSet::new();
        for place in &key.places {
            for (hint, files) in connections.get(&place.machine).into_iter().flatten() {
                let names_the_key = files.contains(&place.path);
                // A block for another key says nothing of this one.
                let may_use_it =
                    files.is_empty() && hint.to_machine.as_ref().is_some_and(|to| targets.contains(to));
                if names_the_key || may_use_it {
                    hints.insert(Hint { names_the_key, ..hint.clone() });
                }
            }
        }
        key.hints_not_listed = hints.len().saturating_sub(MAX_HINTS);
        key.hints = hints.into_iter().take(MAX_HINTS).collect();
    }
    Ok(names.untested)
}

fn known_hosts(
    store: &Store,
    names: &mut Names,
    holders: &BTreeSet<&String>,
) -> Result<Vec<Hint>, StoreError> {
    let mut statement = store.connection().prepare(include_str!("../../../queries/keys_known.sql"))?;
    let mut rows = statement.query([])?;
    let mut hints = Vec::new();
    while let Some(row) = rows.next()? {
        let machine: String = row.get("machine")?;
        let hosts: String = row.get("hosts")?;
        // A revoked key is used by nobody, and an authority's is no machine's.
        if hosts.starts_with('@') || !holders.contains(&machine) {
            continue;
        }
        let (path, line): (String, i64) = (row.get("path")?, row.get("line")?);
        let hint = Hint {
            kind: HintKind::KnownHost,
            machine,
            hostname: row.get("hostname")?,
            account: row.get("account")?,
            to: String::new(),
            to_machine: None,
            matched_by: None,
            names_the_key: false,
            user: None,
            place: format!("{path}:{line}"),
        };
        let (found, matched_by) = match row.get::<_, Option<String>>("to_machine")? {
            Some(machine) => {
                let hostname: String = row.get("to_hostname")?;
                let to = if hosts.starts_with('|') { hostname.clone() } else { hosts };
                (vec![(to, (machine, hostname))], MatchedBy::HostKey)
            }
            None => names.known(&hosts),
        };
        for (to, (to_machine, _)) in found.into_iter().filter(|(_, (to, _))| *to != hint.machine) {
            let (to_machine, matched_by) = (Some(to_machine), Some(matched_by));
            hints.push(Hint { to, to_machine, matched_by, ..hint.clone() });
        }
    }
    Ok(hints)
}

/// Blocks of client configurations, each with the files of keys that it names.
fn clients(
    store: &Store,
    names: &Names,
    holders: &BTreeSet<&String>,
) -> Result<Vec<(Hint, Vec<String>)>, StoreError> {
    let mut statement = store.connection().prepare(include_str!("../../../queries/keys_clients.sql"))?;
    let mut rows = statement.query([])?;
    let mut hints = Vec::new();
    while let Some(row) = rows.next()? {
        let machine: String = row.get("machine")?;
        if !holders.contains(&machine) {
            continue;
        }
        let (home, files): (String, String) = (row.get("home")?, row.get("identity_files")?);
        let files: Vec<String> = files.split('\n').filter_map(|file| identity_file(file, &home)).collect();
        let patterns: String = row.get("patterns")?;
        let hostname: Option<String> = row.get("hostname")?;
        let port = row.get::<_, Option<u16>>("port")?.unwrap_or(22);
        let is_name = |pattern: &&str| !pattern.contains(['*', '?', '!']);
        // What is told of `Host *` or of a `Match` is told of no host.
        let is_match = patterns.starts_with("match ");
        let hosts: Vec<String> = match &hostname {
            Some(name) if !name.contains('%') => vec![name.clone()],
            _ if is_match => Vec::new(),
            _ => patterns.split(' ').filter(is_name).map(str::to_owned).collect(),
        };
        let hint = Hint {
            kind: HintKind::ClientConfig,
            machine,
            hostname: row.get("on_host")?,
            account: row.get("account")?,
            to: patterns,
            to_machine: None,
            matched_by: None,
            names_the_key: false,
            user: row.get("login")?,
            place: row.get("path")?,
        };
        let mut of_fleet = false;
        for host in &hosts {
            let (by_port, plain) = (lookup_name(host, port), host.to_ascii_lowercase());
            let machines = [names.named(&by_port), names.named(&plain)].concat();
            let machines: BTreeSet<&String> =
                machines.iter().map(|(machine, _)| machine).collect::<BTreeSet<_>>();
            for to in machines.into_iter().filter(|to| **to != hint.machine) {
                of_fleet = true;
                let (to_machine, matched_by) = (Some(to.clone()), Some(MatchedBy::Name));
                hints
                    .push((Hint { to: host.clone(), to_machine, matched_by, ..hint.clone() }, files.clone()));
            }
        }
        if !of_fleet && !files.is_empty() {
            let to = hosts.first().cloned().unwrap_or_else(|| hint.to.clone());
            hints.push((Hint { to, ..hint }, files));
        }
    }
    Ok(hints)
}

/// The path of an `IdentityFile`; `None` where it depends on more than the account.
fn identity_file(text: &str, home: &str) -> Option<String> {
    let of_home = ["~/", "%d/", "${HOME}/"].iter().find_map(|start| text.strip_prefix(start));
    let path = match of_home {
        Some(_) if home.is_empty() => return None,
        Some(rest) => format!("{}/{rest}", home.trim_end_matches('/')),
        None => text.to_owned(),
    };
    (path.starts_with('/') && !path.contains(['%', '$', '~'])).then_some(path)
}
