//! All facts of one machine, and what its accounts say of each key in their files.

mod beside;
mod certificates;
mod judge;
mod windows;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

pub use beside::public_beside;
pub use certificates::certificate_beside;
use judge::Judge;

use super::reader::{Content, Reader};
use super::sshd::Client;
use super::sshd::account::Machine as Facts;
use super::sshd::config::{Config, glob};
use super::sshd::effective::{Effective, World};
use super::sshd::pam::Pam;
use super::sshd::server::Server;
use super::sshd::wrap::Access;
use super::users::Users;
use super::{hosts, identity, logins, names, provisioning};
use crate::finding::{
    AccountFacts, AccountVerdict, CertificateFacts, KeyRole, KeyUse, MachineRecord, SshdFacts, Timestamp,
    Verdict,
};
use crate::formats::authorized_keys::{self, Entry, Line};
use crate::formats::known_hosts::KnownHost;
use crate::formats::passwd::User;
use crate::formats::ssh_public::PublicKey;
use crate::source::FileStat;
use crate::source::Tree;

/// The most bytes of one file of keys.
const MAX_KEY_FILE: usize = 32 << 20;
/// The most keys of a machine.
const MAX_KEYS: usize = 1 << 18;
/// The settings that are told, where they are given.
const TOLD: [&str; 19] = [
    "allowgroups",
    "allowusers",
    "allowtcpforwarding",
    "authenticationmethods",
    "authorizedkeyscommand",
    "authorizedkeysfile",
    "authorizedprincipalsfile",
    "denygroups",
    "denyusers",
    "disableforwarding",
    "passwordauthentication",
    "permitrootlogin",
    "port",
    "pubkeyacceptedalgorithms",
    "pubkeyauthentication",
    "revokedkeys",
    "strictmodes",
    "trustedusercakeys",
    "usepam",
];

/// A public key of the machine and what its account says of it.
#[derive(Clone, Debug)]
pub struct AuthorizedKey {
    /// What it is there for.
    pub role: KeyRole,
    /// The account; none for keys of the machine.
    pub account: Option<String>,
    /// Which of [`Machine::files`] it stands in.
    pub file: usize,
    /// The line, from 1; 0 where the file has none.
    pub line: u64,
    /// The offset of the line or the key in the file.
    pub offset: u64,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// The key itself.
    pub key: PublicKey,
    /// The comment.
    pub comment: Option<String>,
    /// Of a line of `known_hosts`: the hosts that it is for.
    pub hosts: Option<String>,
    /// What a certificate says besides its key.
    pub certificate: Option<Arc<CertificateFacts>>,
    /// What the account says; none where nobody is asked.
    pub verdict: Option<Verdict>,
}

/// What a snapshot says of its machine.
#[derive(Debug, Default)]
pub struct Machine {
    /// The facts, without the provenance.
    pub record: MachineRecord,
    /// The keys, by file and line.
    pub keys: Vec<AuthorizedKey>,
    /// The files that keys stand in: path, `/` first, and what the filesystem says.
    pub files: Vec<(Vec<u8>, FileStat)>,
    /// Paths of private host keys, `/` first.
    pub host_keys: HashSet<Vec<u8>>,
    /// Indexes of the keys that accounts are asked about, by fingerprint.
    by_fingerprint: Vec<usize>,
    /// Indexes of the uses of keys, by the fingerprint of the key and of the authority.
    uses: HashMap<String, Vec<usize>>,
}

impl Machine {
    /// Reads everything; `None` where the snapshot is not the root of a system.
    /// `client` is a connection to decide for; without one, all are considered.
    #[must_use]
    pub fn read(root: &dyn Tree, now: Timestamp, client: Option<&Client>) -> Option<Self> {
        let mut reader = Reader::new(root);
        let windows = super::windows::server_folder(&mut reader);
        if windows.is_none() && !reader.exists("etc/passwd") && !reader.exists("etc/ssh") {
            return None;
        }
        let mut machine = Self::default();
        match windows {
            Some(folder) => machine.read_windows(&mut reader, &folder, now, client),
            None => machine.read_unix(&mut reader, now, client),
        }
        machine.record.problems = reader.into_problems();
        let keys = &machine.keys;
        let asked = keys.iter().enumerate().filter(|(_, key)| key.verdict.is_some());
        let mut order: Vec<usize> = asked.map(|(at, _)| at).collect();
        order.sort_by_key(|at| keys.get(*at).map(|key| &key.fingerprint));
        machine.by_fingerprint = order;
        Some(machine)
    }

    /// What accounts say of a key, in short; at most 100 of them.
    #[must_use]
    pub fn verdicts(&self, fingerprint: &str) -> Vec<AccountVerdict> {
        let of = |at: &usize| self.keys.get(*at).map(|key| key.fingerprint.as_str());
        let start = self.by_fingerprint.partition_point(|at| of(at) < Some(fingerprint));
        let keys = self.by_fingerprint.get(start..).unwrap_or_default().iter();
        let keys =
            keys.take_while(|at| of(at) == Some(fingerprint)).filter_map(|at| self.keys.get(*at)).take(100);
        let short = |key: &AuthorizedKey| {
            let path = String::from_utf8_lossy(&self.files.get(key.file)?.0).into_owned();
            let account = key.account.clone().unwrap_or_else(|| "*".to_owned());
            Some(AccountVerdict {
                account,
                verdict: key.verdict.clone()?,
                place: format!("{path}:{}", key.line),
            })
        };
        keys.filter_map(short).collect()
    }

    /// Whether keys that stand in this file are told with the machine.
    #[must_use]
    pub fn has_file(&self, path: &[u8]) -> bool {
        self.files.iter().any(|(file, _)| file == path)
    }

    /// The uses of a key that this machine's logs have, the latest first, at most 20.
    #[must_use]
    pub fn uses(&self, fingerprint: &str) -> Vec<KeyUse> {
        let mut uses: Vec<&KeyUse> =
            self.used(fingerprint).filter(|one| one.fingerprint == fingerprint).collect();
        uses.sort_by_key(|one| std::cmp::Reverse(one.last));
        uses.into_iter().take(20).cloned().collect()
    }

    /// The last use of an entry's key at its account; of an authority's that of any
    /// certificate that it signed.
    #[must_use]
    pub fn last_use(&self, key: &AuthorizedKey) -> Option<&KeyUse> {
        let is_it = |one: &&KeyUse| {
            let whose = match key.role {
                KeyRole::Authorized => Some(&one.fingerprint),
                KeyRole::CertAuthority => one.authority.as_ref(),
                _ => None,
            };
            whose == Some(&key.fingerprint) && key.account.as_ref() == Some(&one.account)
        };
        self.used(&key.fingerprint).filter(is_it).max_by_key(|one| one.last)
    }

    fn used(&self, fingerprint: &str) -> impl Iterator<Item = &KeyUse> {
        let at = self.uses.get(fingerprint).into_iter().flatten();
        at.filter_map(|at| self.record.key_uses.get(*at))
    }

    fn logins(&mut self, reader: &mut Reader<'_>, users: &Users, zone: &jiff::tz::TimeZone, now: Timestamp) {
        let mut logins = logins::read(reader, users, zone, now);
        for account in &mut self.record.accounts {
            account.last_login = logins.last.remove(&account.name);
        }
        for (at, one) in logins.keys.iter().enumerate() {
            for fingerprint in std::iter::once(&one.fingerprint).chain(&one.authority) {
                self.uses.entry(fingerprint.clone()).or_default().push(at);
            }
        }
        self.record.key_uses = logins.keys;
    }

    fn read_unix(&mut self, reader: &mut Reader<'_>, now: Timestamp, client: Option<&Client>) {
        self.record.identities = identity::identities(reader);
        self.record.hostname = identity::hostname(reader);
        self.record.os = identity::os(reader);
        let users = Users::read(reader);
        let server = Server::read(reader);
        let config = Config::read(reader, "etc/ssh/sshd_config", "etc/ssh");
        let pam = Pam::read(reader);
        let nologin = reader.exists("etc/nologin");
        let zone = zone(reader);
        let access = if server.has_wrap { Access::read(reader, client) } else { Access::Everybody };
        let facts = Facts {
            users: &users,
            server: &server,
            pam: &pam,
            nologin,
            access,
            today: now.unix_seconds().div_euclid(86_400),
        };
        let trusted = self.trusted(reader, &config);
        let shown = self.shown(reader, &users, now);
        let mut judge = Judge {
            facts: &facts,
            config: &config,
            client,
            now,
            zone: &zone,
            revoked: HashMap::new(),
            work: 0,
            trusted: &trusted,
            shown: &shown,
            told: BTreeSet::new(),
        };
        for user in &users.users {
            let before = self.keys.len();
            judge.account(user, reader, self);
            let count = self.keys.len().saturating_sub(before);
            self.record.accounts.push(account_facts(user, &facts, count));
        }
        for (at, shown) in shown.iter().enumerate() {
            if !judge.told.contains(&at) {
                self.tell(shown, None, None);
            }
        }
        // After all that decides, so that no limit is used up by what only hints.
        for user in &users.users {
            self.client(reader, Some(&user.name), &user.home);
        }
        self.client(reader, None, b"etc/ssh");
        self.record.names = names::names(reader, self.record.hostname.as_deref());
        self.host_keys(reader, &config, b"etc/ssh");
        self.provisioned(reader);
        self.logins(reader, &users, &zone, now);
        if server.found || config.found() {
            self.record.sshd = Some(sshd_facts(&config, &server));
        }
        if let Some(fault) = &config.fault {
            reader.problem(b"etc/ssh/sshd_config", &format!("sshd would not start: {fault}"));
        }
    }

    /// Reads a file of keys and judges each; nothing where there is no such file.
    fn lines(
        &mut self,
        reader: &mut Reader<'_>,
        path: &[u8],
        account: &str,
        mut judge: impl FnMut(&Entry, &str) -> Verdict,
    ) {
        let (bytes, stat) = match reader.file(path, MAX_KEY_FILE) {
            Content::Whole(bytes, stat) | Content::Part(bytes, stat) => (bytes, stat),
            Content::Missing | Content::Unreadable => return,
        };
        let file = self.file(path, stat);
        let mut offset: u64 = 0;
        for (number, line) in (1_u64..).zip(bytes.split(|byte| *byte == b'\n')) {
            let here = offset;
            offset = offset.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX)).saturating_add(1);
            let entry = match authorized_keys::line(line) {
                Line::Nothing => continue,
                Line::Faulty => {
                    reader.problem(path, "a line that is no entry");
                    continue;
                }
                Line::Entry(entry) => entry,
            };
            if self.keys.len() >= MAX_KEYS {
                reader.problem(path, "more keys than are kept");
                return;
            }
            let fingerprint = entry.key.fingerprint_sha256();
            let verdict = judge(&entry, &fingerprint);
            let authority = entry.options.as_ref().is_ok_and(|options| options.cert_authority);
            self.keys.push(AuthorizedKey {
                role: if authority { KeyRole::CertAuthority } else { KeyRole::Authorized },
                account: Some(account.to_owned()),
                file,
                line: number,
                offset: here,
                key: entry.key,
                comment: entry.comment,
                hosts: None,
                certificate: None,
                fingerprint,
                verdict: Some(verdict),
            });
        }
    }

    /// Where an account connects to, or all accounts do: the client's configuration and
    /// the hosts that it knows.
    fn client(&mut self, reader: &mut Reader<'_>, account: Option<&str>, home: &[u8]) {
        let whose = hosts::Whose { account, home };
        let named = hosts::read(reader, whose, &mut self.record.ssh_hosts);
        for path in hosts::known_hosts(whose, named) {
            self.known_hosts(reader, &path, account);
        }
    }

    fn known_hosts(&mut self, reader: &mut Reader<'_>, path: &[u8], account: Option<&str>) {
        let (Content::Whole(bytes, stat) | Content::Part(bytes, stat)) = reader.file(path, MAX_KEY_FILE)
        else {
            return;
        };
        let mut file = None;
        let mut offset: u64 = 0;
        for (number, line) in (1_u64..).zip(bytes.split(|byte| *byte == b'\n')) {
            let here = offset;
            offset = offset.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX)).saturating_add(1);
            let known = match KnownHost::parse(line) {
                Ok(Some(known)) => known,
                Ok(None) => continue,
                Err(_) => {
                    reader.problem(path, "a line that is no entry");
                    continue;
                }
            };
            if self.keys.len() >= MAX_KEYS {
                reader.problem(path, "more keys than are kept");
                return;
            }
            let file = *file.get_or_insert_with(|| self.file(path, stat));
            self.keys.push(AuthorizedKey {
                role: KeyRole::KnownHost,
                account: account.map(str::to_owned),
                file,
                line: number,
                offset: here,
                fingerprint: known.key.fingerprint_sha256(),
                hosts: Some(known.hosts_text()),
                certificate: None,
                key: known.key,
                comment: known.comment,
                verdict: None,
            });
        }
    }

    fn file(&mut self, path: &[u8], stat: FileStat) -> usize {
        let path = [b"/", path.strip_prefix(b"/").unwrap_or(path)].concat();
        self.files.push((path, stat));
        self.files.len().saturating_sub(1)
    }

    /// Keys in a text of any form.
    fn in_text(&mut self, path: &[u8], content: Content, role: KeyRole, verdict: Option<&Verdict>) {
        let (Content::Whole(bytes, stat) | Content::Part(bytes, stat)) = content else { return };
        let mut file = None;
        let mut seen: HashSet<String> = HashSet::new();
        for (at, key) in authorized_keys::keys_in_text(&bytes) {
            let fingerprint = key.fingerprint_sha256();
            if self.keys.len() >= MAX_KEYS || !seen.insert(fingerprint.clone()) {
                continue;
            }
            let file = *file.get_or_insert_with(|| self.file(path, stat));
            let before = bytes.get(..at).unwrap_or_default();
            let lines = memchr::memchr_iter(b'\n', before).count();
            self.keys.push(AuthorizedKey {
                role,
                account: None,
                file,
                line: u64::try_from(lines).unwrap_or(u64::MAX).saturating_add(1),
                offset: u64::try_from(at).unwrap_or(u64::MAX),
                fingerprint,
                key,
                comment: None,
                hosts: None,
                certificate: None,
                verdict: verdict.cloned(),
            });
        }
    }

    fn host_keys(&mut self, reader: &mut Reader<'_>, config: &Config, directory: &[u8]) {
        let world = World::default();
        let mut paths: Vec<Vec<u8>> = Effective::new(config, &world)
            .list("hostkey")
            .into_iter()
            .map(|path| path.as_bytes().to_vec())
            .collect();
        paths.extend(glob(reader, &[directory, b"/ssh_host_*_key"].concat()));
        paths.extend(
            ["rsa", "ecdsa", "ed25519", "dsa"]
                .map(|kind| [directory, format!("/ssh_host_{kind}_key").as_bytes()].concat()),
        );
        let mut paths: Vec<Vec<u8>> =
            paths.into_iter().map(|path| [b"/", path.strip_prefix(b"/").unwrap_or(&path)].concat()).collect();
        paths.sort();
        paths.dedup();
        for path in paths.into_iter().take(64) {
            let public = [&*path, b".pub"].concat();
            let content = reader.file(&public, 64 << 10);
            self.in_text(&public, content, KeyRole::HostPublic, None);
            self.host_keys.insert(path);
        }
    }

    fn provisioned(&mut self, reader: &mut Reader<'_>) {
        for (path, content) in provisioning::files(reader) {
            self.in_text(&path, content, KeyRole::Provisioned, None);
        }
    }
}

/// The machine's time zone; UTC where it has none.
fn zone(reader: &mut Reader<'_>) -> jiff::tz::TimeZone {
    let bytes = reader.file(b"etc/localtime", 64 << 10).bytes();
    bytes.and_then(|bytes| jiff::tz::TimeZone::tzif("local", &bytes).ok()).unwrap_or(jiff::tz::TimeZone::UTC)
}

fn account_facts(user: &User, facts: &Facts<'_>, keys: usize) -> AccountFacts {
    let expires = facts.users.shadow_of(user).and_then(|shadow| shadow.expires);
    AccountFacts {
        name: user.name.clone(),
        uid: Some(user.uid),
        groups: facts.users.groups_of(user).into_iter().take(64).map(str::to_owned).collect(),
        home: String::from_utf8_lossy(&user.home).into_owned(),
        shell: Some(String::from_utf8_lossy(&user.shell).into_owned()),
        password: Some(facts.users.password(user)),
        expired: expires.is_some_and(|day| day <= facts.today),
        authorized_keys: u64::try_from(keys).unwrap_or(u64::MAX),
        last_login: None,
    }
}

fn sshd_facts(config: &Config, server: &Server) -> SshdFacts {
    let world = World::default();
    let effective = Effective::new(config, &world);
    let mut settings = std::collections::BTreeMap::new();
    for keyword in TOLD {
        let values: Vec<String> = effective.list(keyword).into_iter().take(64).map(str::to_owned).collect();
        if !values.is_empty() {
            settings.insert(keyword.to_owned(), values);
        }
    }
    let commands = ["authorizedkeyscommand", "authorizedprincipalscommand"];
    let lines = config.lines.iter().map(|line| &line.setting);
    let mut undecided: Vec<String> = lines
        .filter(|setting| commands.contains(&setting.keyword.as_str()))
        .filter_map(|setting| Some(format!("{} {}", setting.keyword, setting.arguments.first()?)))
        .filter(|text| !text.ends_with(" none"))
        .collect();
    undecided.sort();
    undecided.dedup();
    SshdFacts {
        version: server.text.clone(),
        enabled: server.enabled,
        files: config.files.clone(),
        settings,
        match_blocks: u64::try_from(config.blocks.len()).unwrap_or(u64::MAX),
        undecided,
    }
}
