//! The facts of a machine with Windows, and what its server says of the keys of accounts.
//!
//! The server of Windows is that of other systems, save that it asks for the access list of
//! a file of keys where others ask for its mode: nobody but SYSTEM, administrators and the
//! account may be able to write it. Lists are not read, so that no key is told as accepted.

use std::collections::HashSet;

use super::super::reader::Reader;
use super::super::sshd::account::Gate;
use super::super::sshd::config::Config;
use super::super::sshd::decide::{Bench, Revoked};
use super::super::sshd::effective::{Effective, Subject, World, Worlds};
use super::super::sshd::server::Server;
use super::super::sshd::{Client, files};
use super::super::windows::{self, ADMINISTRATORS, Account, Accounts, Registry};
use super::certificates::settle;
use super::{Machine, sshd_facts};
use crate::finding::{AccountFacts, PasswordState, Refusal, Timestamp, Undecided, Verdict};
use crate::formats::authorized_keys::Entry;
use crate::formats::passwd::User;
use crate::formats::sshd_config::Criterion;

/// What all accounts are judged by.
struct Judge<'j> {
    config: &'j Config,
    server: &'j Server,
    client: Option<&'j Client>,
    now: Timestamp,
    /// The machine's time zone is not read.
    zone: &'j jiff::tz::TimeZone,
    /// Why nothing can be accepted for sure on this machine.
    closed: Option<Verdict>,
    /// The configuration is known in part: nothing is sure.
    in_part: bool,
    /// The file of all administrators' keys.
    administrators: Option<&'j [u8]>,
}

/// One world of an account.
struct Case<'c> {
    effective: Effective<'c>,
    gate: Gate,
    revoked: Revoked,
    paths: Vec<Vec<u8>>,
}

impl Machine {
    pub(super) fn read_windows(
        &mut self,
        reader: &mut Reader<'_>,
        folder: &[u8],
        now: Timestamp,
        client: Option<&Client>,
    ) {
        let [sam, software, system] = ["SAM", "SOFTWARE", "SYSTEM"].map(|hive| Registry::find(reader, hive));
        self.record.os = Some(windows::os(reader, software.as_ref()));
        self.record.identities = windows::identities(reader, software.as_ref());
        (self.record.hostname, self.record.names) = windows::names(reader, system.as_ref());
        let folder_text = String::from_utf8_lossy(folder).into_owned();
        let config = Config::read(reader, &format!("{folder_text}/sshd_config"), &folder_text);
        let server = windows::server(reader, system.as_ref());
        let accounts = Accounts::read(reader, sam.as_ref(), software.as_ref());
        let administrators = windows::administrators_file(reader, folder);
        let judge = Judge {
            config: &config,
            server: &server,
            client,
            now,
            zone: &jiff::tz::TimeZone::UTC,
            closed: closed(&config, &server),
            in_part: config.fault.is_some() || has_capitals(&config),
            administrators: administrators.as_deref(),
        };
        if let Some(path) = administrators.as_ref().filter(|_| accounts.other_administrators) {
            let why = "who else is an administrator is not on this disk";
            let count = self.told(reader, &[path], ADMINISTRATORS, |entry| elsewhere(entry, why));
            if count > 0 {
                let name = ADMINISTRATORS.to_owned();
                self.record.accounts.push(AccountFacts {
                    name,
                    authorized_keys: count,
                    ..AccountFacts::default()
                });
            }
        }
        for account in &accounts.accounts {
            let authorized_keys = judge.account(account, reader, self);
            let local = account.local.as_ref();
            self.record.accounts.push(AccountFacts {
                name: account.name.clone(),
                groups: local
                    .map(|local| local.groups.iter().take(64).cloned().collect())
                    .unwrap_or_default(),
                home: account
                    .home
                    .as_ref()
                    .map(|home| format!("/{}", String::from_utf8_lossy(home)))
                    .unwrap_or_default(),
                password: local.filter(|local| local.state.is_disabled).map(|_| PasswordState::Locked),
                expired: local
                    .is_some_and(|local| local.state.expires.is_some_and(|time| time <= now.unix_seconds())),
                authorized_keys,
                ..AccountFacts::default()
            });
        }
        for account in &accounts.accounts {
            if let Some(home) = &account.home {
                self.client(reader, Some(&account.name), home);
            }
        }
        self.host_keys(reader, &config, folder);
        if let Some(fault) = &config.fault {
            reader.problem(
                format!("{folder_text}/sshd_config").as_bytes(),
                &format!("sshd would not start: {fault}"),
            );
        }
        self.record.sshd = Some(sshd_facts(&config, &server));
    }

    /// Tells the keys in files; returns how many.
    fn told(
        &mut self,
        reader: &mut Reader<'_>,
        paths: &[&Vec<u8>],
        account: &str,
        judge: impl Fn(&Entry) -> Verdict,
    ) -> u64 {
        let before = self.keys.len();
        for path in paths {
            self.lines(reader, path, account, |entry, _| judge(entry));
        }
        u64::try_from(self.keys.len().saturating_sub(before)).unwrap_or(u64::MAX)
    }
}

impl Judge<'_> {
    /// Judges the keys of an account; returns how many.
    fn account(&self, account: &Account, reader: &mut Reader<'_>, machine: &mut Machine) -> u64 {
        let home = account.home.clone();
        let own = home.map(|home| [&*home, b"/.ssh/authorized_keys"].concat());
        let Some(local) = &account.local else {
            let why = "its name and its groups are not on this disk";
            let paths: Vec<&Vec<u8>> = own.iter().collect();
            return machine.told(reader, &paths, &account.name, |entry| elsewhere(entry, why));
        };
        let groups: Vec<&str> = local.groups.iter().map(String::as_str).collect();
        let default = World::default();
        let use_dns = Effective::new(self.config, &default).flag("usedns", false);
        let subject = Subject {
            user: &account.name,
            groups: &groups,
            groups_open: false,
            client: self.client,
            use_dns,
        };
        let worlds = Worlds::of(self.config, subject);
        let too_many = worlds.is_none();
        let worlds =
            worlds.unwrap_or_else(|| Worlds { worlds: vec![World::default()], depends_on: Vec::new() });
        let mut cases: Vec<Case<'_>> = Vec::new();
        for world in &worlds.worlds {
            let effective = Effective::new(self.config, world);
            cases.push(Case {
                effective,
                gate: Gate::of_windows(&local.state, &effective, subject, self.now),
                revoked: effective
                    .path("revokedkeys")
                    .map_or(Revoked::None, |path| Revoked::Unknown(path.to_owned())),
                paths: self.paths(&effective, account, reader),
            });
        }
        let closed = if too_many {
            Some(Verdict::unverified(Undecided::Limit, "too many Match blocks depend on the client"))
        } else {
            self.closed.clone()
        };
        // Those that count in some world, then the one that counts where nothing is set.
        let mut paths: Vec<&Vec<u8>> = Vec::new();
        let is_administrator = local.groups.iter().any(|group| group == "administrators");
        let common = self.administrators.filter(|_| is_administrator).map(<[u8]>::to_vec);
        for path in cases.iter().flat_map(|case| &case.paths).chain(&own).chain(&common) {
            if !paths.iter().any(|one| one.eq_ignore_ascii_case(path)) {
                paths.push(path);
            }
        }
        let before = machine.keys.len();
        for path in paths {
            let mut decided: HashSet<String> = HashSet::new();
            machine.lines(reader, path, &account.name, |entry, fingerprint| {
                let judged: Vec<Verdict> = cases
                    .iter()
                    .map(|case| match case.paths.iter().any(|used| used.eq_ignore_ascii_case(path)) {
                        true => self.bench(case, use_dns).judge(entry, fingerprint),
                        false => Verdict::refused(Refusal::FileNotUsed, ""),
                    })
                    .collect();
                let verdict = settle(&judged, &worlds.depends_on, closed.as_ref(), too_many || self.in_part);
                if !verdict.authenticates() {
                    return verdict;
                }
                if !decided.insert(fingerprint.to_owned()) {
                    return Verdict::refused(Refusal::EarlierLine, "");
                }
                Verdict::unverified(Undecided::AccessList, "whether others can write the file is not read")
            });
        }
        u64::try_from(machine.keys.len().saturating_sub(before)).unwrap_or(u64::MAX)
    }

    fn bench<'b>(&'b self, case: &'b Case<'_>, use_dns: bool) -> Bench<'b> {
        Bench {
            effective: case.effective,
            gate: &case.gate,
            server: self.server,
            revoked: &case.revoked,
            client: self.client,
            use_dns,
            now: self.now,
            zone: self.zone,
        }
    }

    /// The files that `AuthorizedKeysFile` names for an account, those that are there.
    fn paths(&self, effective: &Effective<'_>, account: &Account, reader: &mut Reader<'_>) -> Vec<Vec<u8>> {
        let patterns = match effective.get(&["authorizedkeysfile"]) {
            Some(patterns) => patterns.iter().filter_map(|pattern| windows::pattern(pattern)).collect(),
            None => [".ssh/authorized_keys", ".ssh/authorized_keys2"].map(str::to_owned).to_vec(),
        };
        // A relative path without a home leads nowhere.
        let home = [b"/", account.home.as_deref().unwrap_or(b"nowhere")].concat();
        let user = User {
            name: account.name.clone(),
            password: crate::formats::passwd::Password::Elsewhere,
            uid: 0,
            gid: 0,
            home,
            shell: Vec::new(),
        };
        let paths = files::paths(&patterns, &user).unwrap_or_default();
        let mut found = Vec::new();
        for path in paths {
            let text = String::from_utf8_lossy(&path).into_owned();
            let names: Vec<&str> = text.split('/').filter(|name| !name.is_empty()).collect();
            found.extend(windows::find(reader, b"", &names));
        }
        found
    }
}

/// The verdict about an entry of an account that is not known.
fn elsewhere(entry: &Entry, why: &str) -> Verdict {
    match &entry.options {
        Ok(_) => Verdict::unverified(Undecided::Membership, why),
        Err(fault) => Verdict::refused(Refusal::Options, fault.to_string()),
    }
}

/// Why nothing can be accepted for sure on this machine.
fn closed(config: &Config, server: &Server) -> Option<Verdict> {
    if let Some(fault) = &config.fault {
        return Some(Verdict::unverified(Undecided::Configuration, fault.as_str()));
    }
    if has_capitals(config) {
        let why = "names in it have capital letters, which versions compare differently";
        return Some(Verdict::unverified(Undecided::Configuration, why));
    }
    if !server.found {
        return Some(Verdict::unverified(Undecided::NoServer, ""));
    }
    (server.enabled == Some(false)).then(|| Verdict::unverified(Undecided::ServerNotEnabled, ""))
}

/// Whether names of accounts or groups have capital letters: the names that they are held
/// against have none.
fn has_capitals(config: &Config) -> bool {
    let lists = ["allowusers", "denyusers", "allowgroups", "denygroups"];
    let capital = |text: &String| text.chars().any(char::is_uppercase);
    let in_lists = config.lines.iter().any(|line| {
        lists.contains(&line.setting.keyword.as_str()) && line.setting.arguments.iter().any(capital)
    });
    in_lists
        || config.blocks.iter().flatten().any(|criterion| match criterion {
            Criterion::User(list) | Criterion::Group(list) => capital(list),
            _ => false,
        })
}
