//! What the server says of the keys in an account's files.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::super::reader::{Content, Reader};
use super::super::sshd::account::{Gate, Machine as Facts};
use super::super::sshd::config::{Config, glob};
use super::super::sshd::decide::{Bench, Revoked};
use super::super::sshd::effective::{Effective, Subject, World, Worlds};
use super::super::sshd::{Client, files};
use super::certificates::{Shown, Trust, Trusted, Ways, settle};
use super::{MAX_KEY_FILE, Machine};
use crate::finding::{Refusal, Timestamp, Undecided, Verdict};
use crate::formats::authorized_keys::{self, Entry};
use crate::formats::krl::{Krl, KrlError};
use crate::formats::passwd::User;

/// How much is compared for all accounts together, about a byte each. A thousand
/// accounts under an ordinary configuration need some ten million.
const MAX_WORK: usize = 1 << 32;

/// Judges the keys of accounts.
pub(super) struct Judge<'j> {
    pub(super) facts: &'j Facts<'j>,
    pub(super) config: &'j Config,
    pub(super) client: Option<&'j Client>,
    pub(super) now: Timestamp,
    pub(super) zone: &'j jiff::tz::TimeZone,
    /// By path, what was read of files of revoked keys.
    pub(super) revoked: HashMap<String, Revoked>,
    /// What was compared so far, against [`MAX_WORK`].
    pub(super) work: usize,
    /// The files of authorities.
    pub(super) trusted: &'j [Trusted],
    /// The certificates that lie beside keys.
    pub(super) shown: &'j [Shown],
    /// Which of these some account said something of.
    pub(super) told: BTreeSet<usize>,
}

/// One world with all that is the same for every key of an account.
pub(super) struct Case<'c> {
    pub(super) effective: Effective<'c>,
    pub(super) gate: Gate,
    revoked: Revoked,
    /// Paths of files of keys in this world.
    paths: Vec<Vec<u8>>,
    pub(super) strict: bool,
    use_dns: bool,
    /// Fingerprints that an earlier line of the account decides.
    decided: HashSet<String>,
}

impl<'j> Judge<'j> {
    pub(super) fn account(&mut self, user: &User, reader: &mut Reader<'_>, machine: &mut Machine) {
        let groups = self.facts.users.groups_of(user);
        let default = World::default();
        let use_dns = Effective::new(self.config, &default).flag("usedns", false);
        let subject = Subject {
            user: &user.name,
            groups: &groups,
            groups_open: self.facts.users.elsewhere,
            client: self.client,
            use_dns,
        };
        let worlds = Worlds::of(self.config, subject);
        let ways = worlds.as_ref().map_or(1, |worlds| worlds.worlds.len());
        let names = groups.iter().map(|group| group.len()).sum::<usize>().saturating_add(user.name.len());
        let work = self.config.bytes.saturating_mul(ways).saturating_mul(names.div_ceil(8));
        let of_authorities: usize = self.trusted.iter().map(Trusted::size).sum();
        let compared = self.shown.len().saturating_mul(ways).saturating_mul(of_authorities);
        self.work = self.work.saturating_add(work).saturating_add(compared);
        if self.work > MAX_WORK {
            let why = "the configuration is too large for so many accounts";
            for path in usual(user) {
                machine.lines(reader, &path, &user.name, |_, _| Verdict::unverified(Undecided::Limit, why));
            }
            return;
        }
        let closed = self.closed(worlds.is_none());
        // A configuration that is known in part says nothing for sure.
        let in_part = worlds.is_none() || self.config.fault.is_some();
        let worlds =
            worlds.unwrap_or_else(|| Worlds { worlds: vec![World::default()], depends_on: Vec::new() });
        let mut cases: Vec<Case<'_>> = Vec::new();
        for world in &worlds.worlds {
            let effective = Effective::new(self.config, world);
            let patterns = effective.get(&["authorizedkeysfile"]).map(<[String]>::to_vec);
            let patterns = patterns
                .unwrap_or_else(|| vec![".ssh/authorized_keys".into(), ".ssh/authorized_keys2".into()]);
            let globs = self.facts.server.version.is_some_and(|version| version >= (10, 0));
            let mut paths = files::paths(&patterns, user).unwrap_or_default();
            if globs {
                paths = paths.into_iter().flat_map(|path| expand(reader, path)).collect();
            }
            let revoked = self.revoked_keys(&effective, reader);
            let gate = Gate::of(user, &effective, subject, self.facts, reader);
            let strict = effective.flag("strictmodes", true);
            cases.push(Case { effective, gate, revoked, paths, strict, use_dns, decided: HashSet::new() });
        }
        let settle = |verdicts: &[Verdict]| settle(verdicts, &worlds.depends_on, closed.as_ref(), in_part);
        let trusts: Vec<Trust<'j>> = cases.iter().map(|case| self.trust(case, user, reader)).collect();
        let mut ways = Ways::new(self.shown.len(), cases.len());
        self.authorities(user, &cases, &trusts, &settle, machine);
        self.by_trust(user, &cases, &trusts, &mut ways);
        // The files that count in some world, then those that count in many
        // machines and in none here.
        let mut paths: Vec<Vec<u8>> = Vec::new();
        let usual = usual(user);
        for path in cases.iter().flat_map(|case| &case.paths).chain(&usual) {
            if !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        for path in paths {
            let refused: Vec<Option<Verdict>> =
                cases.iter().map(|case| self.file_refused(case, &path, user, reader)).collect();
            machine.lines(reader, &path, &user.name, |entry, fingerprint| {
                self.by_line(user, entry, fingerprint, &cases, &refused, &mut ways);
                let judged = cases.iter_mut().zip(&refused).map(|(case, refused)| match refused {
                    Some(refused) => refused.clone(),
                    None => self.line(case, entry, fingerprint),
                });
                settle(&judged.collect::<Vec<Verdict>>())
            });
        }
        self.certificates(user, ways, &settle, machine);
    }

    /// Why nothing can be accepted for sure on this machine.
    fn closed(&self, too_many_worlds: bool) -> Option<Verdict> {
        if let Some(fault) = &self.config.fault {
            return Some(Verdict::unverified(Undecided::Configuration, fault.as_str()));
        }
        if too_many_worlds {
            return Some(Verdict::unverified(Undecided::Limit, "too many Match blocks depend on the client"));
        }
        if !self.facts.server.found {
            return Some(Verdict::unverified(Undecided::NoServer, ""));
        }
        (self.facts.server.enabled == Some(false))
            .then(|| Verdict::unverified(Undecided::ServerNotEnabled, ""))
    }

    fn file_refused(
        &self,
        case: &Case<'_>,
        path: &[u8],
        user: &User,
        reader: &Reader<'_>,
    ) -> Option<Verdict> {
        if !case.paths.iter().any(|used| used == path) {
            return Some(Verdict::refused(Refusal::FileNotUsed, ""));
        }
        let patched = self.facts.server.has_group_patch();
        files::refuses(path, user, self.facts.users, case.strict, patched, reader)
    }

    pub(super) fn bench<'b>(&'b self, case: &'b Case<'_>) -> Bench<'b> {
        Bench {
            effective: case.effective,
            gate: &case.gate,
            server: self.facts.server,
            revoked: &case.revoked,
            client: self.client,
            use_dns: case.use_dns,
            now: self.now,
            zone: self.zone,
        }
    }

    fn line(&self, case: &mut Case<'_>, entry: &Entry, fingerprint: &str) -> Verdict {
        let verdict = self.bench(case).judge(entry, fingerprint);
        if !verdict.authenticates() || entry.options.as_ref().is_ok_and(|options| options.cert_authority) {
            return verdict;
        }
        if case.decided.contains(fingerprint) {
            return Verdict::refused(Refusal::EarlierLine, "");
        }
        // A line that counts for some clients only leaves the others to later ones.
        let for_all =
            self.client.is_some() || !entry.options.as_ref().is_ok_and(|options| options.from.is_some());
        if for_all {
            case.decided.insert(fingerprint.to_owned());
        }
        verdict
    }

    fn revoked_keys(&mut self, effective: &Effective<'_>, reader: &mut Reader<'_>) -> Revoked {
        let Some(path) = effective.path("revokedkeys") else { return Revoked::None };
        if let Some(known) = self.revoked.get(path) {
            return known.clone();
        }
        let revoked = match reader.file(path.as_bytes(), MAX_KEY_FILE) {
            Content::Missing | Content::Unreadable => Revoked::Unreadable(path.to_owned()),
            Content::Part(..) => Revoked::Unknown(path.to_owned()),
            Content::Whole(bytes, _) => match Krl::parse(&bytes) {
                Ok(list) => Revoked::List(Rc::new(list)),
                Err(KrlError::NotAList) => match listed(&bytes) {
                    Some(keys) => Revoked::Keys(Rc::new(keys)),
                    None => Revoked::Unknown(path.to_owned()),
                },
                Err(_) => Revoked::Unknown(path.to_owned()),
            },
        };
        self.revoked.insert(path.to_owned(), revoked.clone());
        revoked
    }
}

/// The fingerprints of a list of keys in lines; nothing where a line is no key: what sshd
/// does with such a file is not known.
fn listed(bytes: &[u8]) -> Option<HashSet<String>> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let keys = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    keys.map(|line| authorized_keys::key(line).map(|(key, _)| key.fingerprint_sha256())).collect()
}

/// Where keys are by default.
fn usual(user: &User) -> [Vec<u8>; 2] {
    [".ssh/authorized_keys", ".ssh/authorized_keys2"]
        .map(|path| [&*user.home, b"/", path.as_bytes()].concat())
}

/// From 10.0 on, names of files of keys are patterns.
fn expand(reader: &mut Reader<'_>, path: Vec<u8>) -> Vec<Vec<u8>> {
    if !path.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
        return vec![path];
    }
    glob(reader, &path).into_iter().map(|path| [b"/", &*path].concat()).collect()
}
