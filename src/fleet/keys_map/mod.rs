//! Which private keys lie on which machines, and which accounts of which machines accept
//! them: one join over the store.

mod certificates;
mod dot;
mod hints;
mod text;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::shared_primes::{Progress, shared_primes};
use super::store::{Store, StoreError, Streams};
use crate::finding::Verdict;
use crate::formats::ssh_public::rsa_numbers;

pub use self::dot::write as write_dot;
pub use self::hints::{Hint, HintKind, MatchedBy};
pub use self::text::{View, write as write_text};

/// The whole map.
#[derive(Clone, Debug, Default, Serialize)]
pub struct KeysMap {
    /// What became of the streams.
    pub streams: Streams,
    /// How many machines there are.
    pub machines: u64,
    /// How many different keys there are, public ones included.
    pub keys_seen: u64,
    /// How many entries the accounts have, whatever is said of them.
    pub entries: u64,
    /// The private keys: those that open most first.
    pub keys: Vec<MappedKey>,
    /// Entries that let in a weak key whose private half lies on none of the machines.
    pub weak_entries: Vec<WeakEntry>,
    /// Host keys that several machines have.
    pub shared_host_keys: Vec<SharedHostKey>,
    /// Groups of RSA keys that share a prime, by fingerprint.
    pub shared_primes: Vec<Vec<String>>,
    /// Hashed names of known hosts that were not tested: there are too many.
    pub hashed_names_untested: u64,
}

/// A private key.
#[derive(Clone, Debug, Serialize)]
pub struct MappedKey {
    /// `SHA256:…`
    pub fingerprint: String,
    /// As in a key record.
    pub algorithm: Option<String>,
    /// Size in bits.
    pub bits: Option<u32>,
    /// Its comments.
    pub comments: BTreeSet<String>,
    /// Kinds of weaknesses.
    pub weaknesses: BTreeSet<String>,
    /// Whether every place has it under a passphrase.
    pub encrypted: bool,
    /// On how many machines it lies.
    pub held_by: usize,
    /// How many accounts it opens, with restrictions or a passphrase at most.
    pub opens: usize,
    /// Where it lies.
    pub places: Vec<Place>,
    /// The accounts that have an entry for it.
    pub accounts: Vec<Account>,
    /// Logins with it, by the logs of the machines: the latest of each account and
    /// address first, at most a hundred.
    pub uses: Vec<Use>,
    /// What hints at where it is used: the first hundred.
    pub hints: Vec<Hint>,
    /// How many more hints there are.
    pub hints_not_listed: usize,
}

/// Where a private key lies.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// The machine's identity.
    pub machine: String,
    /// Its host name, or the target's name.
    pub hostname: String,
    /// The file.
    pub path: String,
    /// The line.
    pub line: i64,
    /// Permission bits.
    pub mode: Option<String>,
    /// Whether group or others can read or write the file.
    pub exposed: bool,
    /// Owner.
    pub owner: Option<String>,
    /// Last read.
    pub atime: Option<String>,
    /// Whether a passphrase protects it here.
    pub encrypted: bool,
    /// What is left of it, where it is not whole.
    pub damage: Option<String>,
}

/// An account that has an entry for a key.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// The machine's identity.
    pub machine: String,
    /// Its host name, or the target's name.
    pub hostname: String,
    /// The account; empty where the entry names none.
    pub account: String,
    /// What the entry is: `authorized`, `cert_authority`, `provisioned`; `certificate` where
    /// it is that of an authority that signed a certificate of the key.
    pub role: String,
    /// Whether the private key lies on another machine too.
    pub from_elsewhere: bool,
    /// The verdict for the private key as it lies there; absent: unverified.
    pub verdict: Option<Verdict>,
    /// The entry's file and line.
    pub place: String,
    /// When somebody last logged in to the account, with whatever.
    pub last_login: Option<String>,
    /// From where.
    pub last_login_from: Option<String>,
}

/// Logins with a key to one account from one address.
#[derive(Clone, Debug, Serialize)]
pub struct Use {
    /// The identity of the machine that was logged in to.
    pub machine: String,
    /// Its host name, or the target's name.
    pub hostname: String,
    /// The account.
    pub account: String,
    /// Where the client was.
    pub address: String,
    /// The only machine that has this address, by its own files.
    pub from_machine: Option<String>,
    /// Its host name, or the target's name.
    pub from_hostname: Option<String>,
    /// The first of these logins that the logs have.
    pub first: String,
    /// The last one.
    pub last: String,
    /// How many.
    pub times: i64,
    /// The log with the last one.
    pub path: String,
    /// Whether the log leaves out the year.
    pub year_inferred: bool,
    /// The authority, where a certificate was shown.
    pub authority: Option<String>,
}

/// An entry that lets in a weak key.
#[derive(Clone, Debug, Serialize)]
pub struct WeakEntry {
    /// `SHA256:…`
    pub fingerprint: String,
    /// As in a key record.
    pub algorithm: Option<String>,
    /// Size in bits.
    pub bits: Option<u32>,
    /// Kinds of weaknesses.
    pub weaknesses: BTreeSet<String>,
    /// The account, and what it says.
    #[serde(flatten)]
    pub account: Account,
}

/// A host key of several machines.
#[derive(Clone, Debug, Serialize)]
pub struct SharedHostKey {
    /// `SHA256:…`
    pub fingerprint: String,
    /// As in a key record.
    pub algorithm: Option<String>,
    /// Identity and host name of each machine.
    pub machines: Vec<(String, String)>,
}

impl Account {
    /// The verdict's state.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.verdict.as_ref().map_or("unverified", Verdict::state)
    }

    /// Whether the key authenticates, if only under conditions.
    #[must_use]
    pub fn opens(&self) -> bool {
        self.verdict.as_ref().is_some_and(Verdict::authenticates)
    }
}

/// Makes the map. `progress` is told of the search for shared primes, which is what may
/// take long.
///
/// # Errors
///
/// The store cannot be read.
pub fn keys_map(
    store: &Store,
    streams: Streams,
    progress: &mut dyn FnMut(Progress),
) -> Result<KeysMap, StoreError> {
    super::correlate::settle(store)?;
    let connection = store.connection();
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let machines = count("SELECT COUNT(DISTINCT machine) FROM v1_machine")?;
    let keys_seen = count("SELECT COUNT(*) FROM ssh_key")?;
    let entries = count("SELECT COUNT(*) FROM v1_entry")?;
    let mut keys = places(store)?;
    accounts(store, &mut keys)?;
    certificates::add(store, &mut keys)?;
    uses(store, &mut keys)?;
    let hashed_names_untested = hints::add(store, &mut keys)?;
    for key in &mut keys {
        key.settle();
    }
    keys.sort_by(|a, b| {
        (b.opens, b.held_by).cmp(&(a.opens, a.held_by)).then_with(|| a.fingerprint.cmp(&b.fingerprint))
    });
    Ok(KeysMap {
        streams,
        machines: machines.unsigned_abs(),
        keys_seen: keys_seen.unsigned_abs(),
        entries: entries.unsigned_abs(),
        keys,
        weak_entries: weak_entries(store)?,
        shared_host_keys: host_keys(store)?,
        shared_primes: primes(store, progress)?,
        hashed_names_untested,
    })
}

impl MappedKey {
    fn settle(&mut self) {
        let usable =
            |place: &&Place| !matches!(place.damage.as_deref(), Some("public_half" | "inconsistent"));
        let whole: Vec<&Place> = self.places.iter().filter(usable).collect();
        self.encrypted = !whole.is_empty() && whole.iter().all(|place| place.encrypted);
        self.held_by = self.places.iter().map(|place| &place.machine).collect::<BTreeSet<_>>().len();
        let no_half = whole.is_empty();
        for account in &mut self.accounts {
            account.from_elsewhere = self.places.iter().any(|place| place.machine != account.machine);
            if no_half {
                // Its private half is not whole anywhere.
                account.verdict = account.verdict.take().filter(|verdict| !verdict.authenticates());
            } else if self.encrypted {
                account.verdict = account.verdict.take().map(Verdict::for_encrypted_key);
            }
        }
        let opened: BTreeSet<_> =
            self.accounts.iter().filter(|a| a.opens()).map(|a| (&a.machine, &a.account)).collect();
        self.opens = opened.len();
    }
}

fn places(store: &Store) -> Result<Vec<MappedKey>, StoreError> {
    let mut statement = store.connection().prepare(include_str!("../../../queries/keys_places.sql"))?;
    let mut rows = statement.query([])?;
    let mut keys: Vec<MappedKey> = Vec::new();
    while let Some(row) = rows.next()? {
        let fingerprint: String = row.get("fingerprint")?;
        if keys.last().is_none_or(|key| key.fingerprint != fingerprint) {
            keys.push(MappedKey {
                fingerprint,
                algorithm: row.get("algorithm")?,
                bits: row.get("bits")?,
                comments: BTreeSet::new(),
                weaknesses: BTreeSet::new(),
                encrypted: false,
                held_by: 0,
                opens: 0,
                places: Vec::new(),
                accounts: Vec::new(),
                uses: Vec::new(),
                hints: Vec::new(),
                hints_not_listed: 0,
            });
        }
        let Some(key) = keys.last_mut() else { continue };
        key.comments.extend(row.get::<_, Option<String>>("comment")?.filter(|comment| !comment.is_empty()));
        let weak: String = row.get("weak")?;
        key.weaknesses.extend(weak.split_ascii_whitespace().map(str::to_owned));
        let mode: Option<String> = row.get("mode")?;
        let bits = mode.as_deref().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        key.places.push(Place {
            machine: row.get("machine")?,
            hostname: row.get("hostname")?,
            path: row.get("path")?,
            line: row.get("line")?,
            exposed: bits.is_some_and(|bits| bits & 0o066 != 0),
            mode,
            owner: row.get("owner")?,
            atime: row.get("atime")?,
            encrypted: row.get("encrypted")?,
            damage: row.get("damage")?,
        });
    }
    Ok(keys)
}

/// Both lists are sorted by fingerprint: `keys` as [`places`] gives them.
fn accounts(store: &Store, keys: &mut [MappedKey]) -> Result<(), StoreError> {
    let mut statement = store.connection().prepare(include_str!("../../../queries/keys_accepted.sql"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let fingerprint: String = row.get("fingerprint")?;
        let Ok(place) = keys.binary_search_by(|key| key.fingerprint.cmp(&fingerprint)) else { continue };
        let Some(key) = keys.get_mut(place) else { continue };
        let verdict: String = row.get("verdict")?;
        let (path, line): (String, i64) = (row.get("path")?, row.get("line")?);
        key.accounts.push(Account {
            machine: row.get("machine")?,
            hostname: row.get("hostname")?,
            account: row.get("account")?,
            role: row.get("role")?,
            from_elsewhere: false,
            verdict: serde_json::from_str(&verdict).ok(),
            place: format!("{path}:{line}"),
            last_login: row.get("last_login")?,
            last_login_from: row.get("last_login_from")?,
        });
    }
    Ok(())
}

fn weak_entries(store: &Store) -> Result<Vec<WeakEntry>, StoreError> {
    let mut statement = store.connection().prepare(include_str!("../../../queries/keys_weak.sql"))?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let (weak, verdict): (String, String) = (row.get("weak")?, row.get("verdict")?);
        let (path, line): (String, i64) = (row.get("path")?, row.get("line")?);
        entries.push(WeakEntry {
            fingerprint: row.get("fingerprint")?,
            algorithm: row.get("algorithm")?,
            bits: row.get("bits")?,
            weaknesses: weak.split_ascii_whitespace().map(str::to_owned).collect(),
            account: Account {
                machine: row.get("machine")?,
                hostname: row.get("hostname")?,
                account: row.get("account")?,
                role: row.get("role")?,
                from_elsewhere: false,
                verdict: serde_json::from_str(&verdict).ok(),
                place: format!("{path}:{line}"),
                last_login: None,
                last_login_from: None,
            },
        });
    }
    Ok(entries)
}

fn uses(store: &Store, keys: &mut [MappedKey]) -> Result<(), StoreError> {
    const SHOWN: usize = 100;
    let mut statement = store.connection().prepare(include_str!("../../../queries/keys_uses.sql"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let fingerprint: String = row.get("fingerprint")?;
        let Ok(place) = keys.binary_search_by(|key| key.fingerprint.cmp(&fingerprint)) else { continue };
        let Some(key) = keys.get_mut(place).filter(|key| key.uses.len() < SHOWN) else { continue };
        key.uses.push(Use {
            machine: row.get("machine")?,
            hostname: row.get("hostname")?,
            account: row.get("account")?,
            address: row.get("address")?,
            from_machine: row.get("from_machine")?,
            from_hostname: row.get("from_hostname")?,
            first: row.get("first_time")?,
            last: row.get("last_time")?,
            times: row.get("times")?,
            path: row.get("path")?,
            year_inferred: row.get("year_inferred")?,
            authority: row.get("authority")?,
        });
    }
    Ok(())
}

fn host_keys(store: &Store) -> Result<Vec<SharedHostKey>, StoreError> {
    let mut statement = store.connection().prepare(include_str!("../../../queries/keys_hosts.sql"))?;
    let mut rows = statement.query([])?;
    let mut keys: Vec<SharedHostKey> = Vec::new();
    while let Some(row) = rows.next()? {
        let fingerprint: String = row.get("fingerprint")?;
        if keys.last().is_none_or(|key| key.fingerprint != fingerprint) {
            keys.push(SharedHostKey { fingerprint, algorithm: row.get("algorithm")?, machines: Vec::new() });
        }
        if let Some(key) = keys.last_mut() {
            key.machines.push((row.get("machine")?, row.get("hostname")?));
        }
    }
    Ok(keys)
}

fn primes(store: &Store, progress: &mut dyn FnMut(Progress)) -> Result<Vec<Vec<String>>, StoreError> {
    let mut statement = store.connection().prepare(include_str!("../../../queries/keys_moduli.sql"))?;
    let mut rows = statement.query([])?;
    let mut names = Vec::new();
    let mut moduli: Vec<Vec<u8>> = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, blob): (String, String) = (row.get(0)?, row.get(1)?);
        let Ok(blob) = STANDARD.decode(blob) else { continue };
        if let Some((_, modulus)) = rsa_numbers(&blob) {
            names.push(name);
            moduli.push(modulus.to_vec());
        }
    }
    let slices: Vec<&[u8]> = moduli.iter().map(Vec::as_slice).collect();
    let groups = shared_primes(&slices, progress);
    Ok(groups.iter().map(|group| group.iter().filter_map(|at| names.get(*at).cloned()).collect()).collect())
}
