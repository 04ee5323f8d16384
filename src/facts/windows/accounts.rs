//! Who has an account, by the SAM hive and the list of profiles.
//!
//! Facts: libyal's winreg-kb, "Security Accounts Manager: Domains" (see `formats::sam`) and
//! "User profiles" (`ProfileList`, a key for each SID with its folder).

use std::collections::HashMap;

use super::registry::{Entry, Registry};
use super::{MAX_PROFILES, find};
use crate::facts::reader::Reader;
use crate::formats::sam::{self, UserState};

/// Below these in `SAM\Domains` are the built-in groups, and the machine's own accounts and
/// groups.
const BUILTIN: [&str; 3] = ["SAM", "Domains", "Builtin"];
const ACCOUNT: [&str; 3] = ["SAM", "Domains", "Account"];
/// Whoever logs in is these too: Everyone, Authenticated Users.
const EVERYBODY: [&str; 2] = ["S-1-1-0", "S-1-5-11"];
/// The SID of the group of administrators.
const ADMINISTRATORS: &str = "00000220";

/// An account.
#[derive(Debug, Default)]
pub(in super::super) struct Account {
    /// As sshd names it: in lower case.
    pub(in super::super) name: String,
    /// The folder of its profile, where it has one on this disk.
    pub(in super::super) home: Option<Vec<u8>>,
    /// What SAM says of it; none for an account of a domain, or without SAM.
    pub(in super::super) local: Option<Local>,
}

/// A local account.
#[derive(Debug)]
pub(in super::super) struct Local {
    pub(in super::super) state: UserState,
    /// The names of its local groups, in lower case.
    pub(in super::super) groups: Vec<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub(in super::super) struct Accounts {
    pub(in super::super) accounts: Vec<Account>,
    /// Administrators may be others besides: accounts or groups of a domain, or nobody
    /// knows who.
    pub(in super::super) other_administrators: bool,
}

impl Accounts {
    pub(in super::super) fn read(
        reader: &mut Reader<'_>,
        sam: Option<&Registry<'_>>,
        software: Option<&Registry<'_>>,
    ) -> Self {
        let mut profiles = match software {
            Some(software) => listed(reader, software),
            None => Vec::new(),
        };
        let mut accounts = Self { accounts: Vec::new(), other_administrators: true };
        if let Some(sam) = sam {
            accounts.local(reader, sam, &mut profiles);
        }
        for (_, home) in profiles {
            accounts.add(home);
        }
        for home in folders(reader) {
            accounts.add(home);
        }
        accounts
    }

    /// The accounts of the machine itself, with their folders, which are taken from the
    /// list of profiles.
    fn local(&mut self, reader: &mut Reader<'_>, sam: &Registry<'_>, profiles: &mut Vec<(String, Vec<u8>)>) {
        let own = sam.values(reader, &ACCOUNT, 0);
        let machine =
            own.iter().find(|value| value.is("V")).and_then(|value| sam::machine_sid(value.bytes()?));
        let Some(machine) = machine else {
            reader.problem(sam.path().as_bytes(), "it does not say which accounts are the machine's own");
            return;
        };
        let mut groups: HashMap<String, Vec<String>> = HashMap::new();
        self.other_administrators = false;
        for domain in [BUILTIN, ACCOUNT] {
            for value in sam.values(reader, &[&domain[..], &["Aliases"]].concat(), 1) {
                let Some(alias) = of_rid(&value, "C").and_then(sam::alias) else { continue };
                let is_administrators =
                    domain == BUILTIN && value.below.first().is_some_and(|rid| rid == ADMINISTRATORS);
                let is_local = |member: &String| member.starts_with(&format!("{machine}-"));
                self.other_administrators |= is_administrators && !alias.members.iter().all(is_local);
                for member in alias.members {
                    groups.entry(member).or_default().push(alias.name.to_lowercase());
                }
            }
        }
        let mut users: Vec<(String, Option<UserState>, Option<String>)> = Vec::new();
        for value in sam.values(reader, &[&ACCOUNT[..], &["Users"]].concat(), 1) {
            let Some(rid) = value.below.first() else { continue };
            if users.last().is_none_or(|(last, ..)| last != rid) {
                users.push((rid.clone(), None, None));
            }
            let Some((_, state, name)) = users.last_mut() else { continue };
            *state = of_rid(&value, "F").and_then(sam::user_state).or(*state);
            *name = of_rid(&value, "V").and_then(sam::user_name).or(name.take());
        }
        let of_all: Vec<String> =
            EVERYBODY.iter().filter_map(|sid| groups.get(*sid)).flatten().cloned().collect();
        for (_, state, name) in users {
            let (Some(state), Some(name)) = (state, name) else { continue };
            let sid = format!("{machine}-{}", state.rid);
            let mut groups = groups.remove(&sid).unwrap_or_default();
            groups.extend(of_all.iter().cloned());
            groups.dedup();
            let profile = profiles.iter().position(|(other, _)| *other == sid);
            let home = profile.map(|at| profiles.swap_remove(at).1);
            let local = Some(Local { state, groups });
            self.accounts.push(Account { name: name.to_lowercase(), home, local });
        }
    }

    /// An account of which only its folder is known, unless it is somebody's already.
    fn add(&mut self, home: Vec<u8>) {
        let same = |one: &Account| one.home.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(&home));
        if self.accounts.iter().any(same) {
            return;
        }
        let name = home.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let name = String::from_utf8_lossy(name).to_lowercase();
        // Without a list of profiles a local account has the folder of its name.
        let nameless = |one: &&mut Account| one.home.is_none() && one.name == name;
        match self.accounts.iter_mut().find(nameless) {
            Some(account) => account.home = Some(home),
            None => self.accounts.push(Account { name, home: Some(home), local: None }),
        }
    }
}

/// The bytes of this value of a key that is named after a number.
fn of_rid<'e>(entry: &'e Entry, name: &str) -> Option<&'e [u8]> {
    entry.is(name).then_some(entry)?.below.first().filter(|rid| rid.len() == 8)?;
    entry.bytes()
}

/// The profiles of people by SID: services have theirs below `Windows`.
fn listed(reader: &mut Reader<'_>, software: &Registry<'_>) -> Vec<(String, Vec<u8>)> {
    let key = ["Microsoft", "Windows NT", "CurrentVersion", "ProfileList"];
    let mut profiles = Vec::new();
    for value in software.values(reader, &key, 1) {
        let Some(sid) = value.below.first().filter(|_| value.is("ProfileImagePath")) else { continue };
        // S-1-5-21: of a machine or a domain; S-1-12: of Entra.
        if !(sid.starts_with("S-1-5-21-") || sid.starts_with("S-1-12-")) || profiles.len() >= MAX_PROFILES {
            continue;
        }
        let Some(names) = value.text().and_then(super::on_system_drive) else { continue };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if let Some(home) = find(reader, b"", &names) {
            profiles.push((sid.clone(), home));
        }
    }
    profiles
}

/// The folders below `Users`.
fn folders(reader: &mut Reader<'_>) -> Vec<Vec<u8>> {
    let Some(users) = find(reader, b"", &["Users"]) else { return Vec::new() };
    let no_accounts = ["public", "default", "default user", "all users", "desktop.ini"];
    let names = reader.list(&users).into_iter().take(MAX_PROFILES);
    names
        .filter(|name| !no_accounts.contains(&String::from_utf8_lossy(name).to_ascii_lowercase().as_str()))
        .map(|name| [&*users, b"/", &name].concat())
        .collect()
}
