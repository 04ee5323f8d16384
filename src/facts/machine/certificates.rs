//! Certificates that lie beside the keys of accounts, and the authorities whose
//! certificates accounts take.

use std::sync::Arc;

use super::super::reader::{Content, Reader};
use super::super::sshd::account::Gate;
use super::super::sshd::certificate::Names;
use super::super::sshd::decide::over_worlds;
use super::super::sshd::files;
use super::super::users::Users;
use super::judge::{Case, Judge};
use super::{AuthorizedKey, MAX_KEY_FILE, MAX_KEYS, Machine};
use crate::facts::sshd::config::Config;
use crate::finding::{
    CertificateFacts, KeyRole, Refusal, Restriction, RestrictionKind, Timestamp, Undecided, Verdict,
};
use crate::formats::authorized_keys::{self, Entry, OptionFault, Options};
use crate::formats::passwd::User;
use crate::formats::ssh_certificate::Certificate;
use crate::formats::ssh_public::PublicKey;
use crate::source::{FileStat, Tree};

/// The most certificates of a machine.
const MAX_CERTIFICATES: usize = 256;
/// The longest file of a certificate, in bytes.
const MAX_CERTIFICATE: usize = 64 << 10;
/// The longest file of principals, in bytes.
const MAX_PRINCIPALS: usize = 1 << 20;

/// A file of `TrustedUserCAKeys`.
pub(super) struct Trusted {
    path: String,
    file: usize,
    keys: Vec<TrustedKey>,
}

impl Trusted {
    /// How many bytes of fingerprints a certificate is compared with.
    pub(super) fn size(&self) -> usize {
        self.keys.len().saturating_mul(64)
    }
}

/// A key in it.
struct TrustedKey {
    line: u64,
    offset: u64,
    fingerprint: String,
    key: PublicKey,
}

/// A certificate that somebody on this machine can show.
pub(super) struct Shown {
    file: usize,
    certificate: Certificate,
    facts: Arc<CertificateFacts>,
    fingerprint: String,
}

/// A line of a file of principals: a name and its options.
type Principal = (String, Result<Options, OptionFault>);

/// What an account trusts in one world besides the lines of its own files.
#[derive(Default)]
pub(super) struct Trust<'j> {
    trusted: Option<&'j Trusted>,
    /// The lines of the file of principals, where the server asks one.
    principals: Option<Vec<Principal>>,
    /// A command names principals as well.
    command: bool,
}

/// For each certificate and world the verdict of the way that gives most.
pub(super) struct Ways {
    verdicts: Vec<Vec<Option<Verdict>>>,
}

impl Ways {
    pub(super) fn new(certificates: usize, worlds: usize) -> Self {
        Self { verdicts: vec![vec![None; worlds]; certificates] }
    }

    fn add(&mut self, certificate: usize, world: usize, verdict: Verdict) {
        let rank = |verdict: &Verdict| match verdict {
            Verdict::Refused { .. } => 0,
            Verdict::Unverified { .. } => 1,
            _ => 2,
        };
        let Some(slot) = self.verdicts.get_mut(certificate).and_then(|worlds| worlds.get_mut(world)) else {
            return;
        };
        if slot.as_ref().is_none_or(|before| rank(&verdict) > rank(before)) {
            *slot = Some(verdict);
        }
    }
}

impl Machine {
    /// Reads the files of authorities, and tells their keys.
    pub(super) fn trusted(&mut self, reader: &mut Reader<'_>, config: &Config) -> Vec<Trusted> {
        let settings = config.lines.iter().map(|line| &line.setting);
        let mut paths: Vec<&String> = settings
            .filter(|setting| setting.keyword == "trustedusercakeys")
            .filter_map(|setting| setting.arguments.first())
            .filter(|path| !path.eq_ignore_ascii_case("none"))
            .collect();
        paths.sort();
        paths.dedup();
        paths.into_iter().filter_map(|path| self.trusted_file(reader, path)).collect()
    }

    fn trusted_file(&mut self, reader: &mut Reader<'_>, path: &str) -> Option<Trusted> {
        let (Content::Whole(bytes, stat) | Content::Part(bytes, stat)) =
            reader.file(path.as_bytes(), MAX_KEY_FILE)
        else {
            return None;
        };
        let file = self.file(path.as_bytes(), stat);
        let mut trusted = Trusted { path: path.to_owned(), file, keys: Vec::new() };
        let mut offset: u64 = 0;
        for (line, bytes) in (1_u64..).zip(bytes.split(|byte| *byte == b'\n')) {
            let here = offset;
            offset = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX)).saturating_add(1);
            let Some((key, _)) = authorized_keys::key(bytes.trim_ascii_start()) else { continue };
            if self.keys.len() >= MAX_KEYS {
                break;
            }
            let key = TrustedKey { line, offset: here, fingerprint: key.fingerprint_sha256(), key };
            self.keys.push(trusted_key(&key, file, None, None));
            trusted.keys.push(key);
        }
        Some(trusted)
    }

    /// Reads the certificates in the folders where accounts have their keys.
    pub(super) fn shown(&mut self, reader: &mut Reader<'_>, users: &Users, now: Timestamp) -> Vec<Shown> {
        let mut folders: Vec<Vec<u8>> =
            users.users.iter().map(|user| [&*user.home, b"/.ssh"].concat()).collect();
        folders.sort();
        folders.dedup();
        let mut shown = Vec::new();
        for folder in folders {
            let names = reader.list(&folder);
            for name in names.iter().filter(|name| name.ends_with(b"-cert.pub")) {
                let path = [&*folder, b"/", name].concat();
                if shown.len() >= MAX_CERTIFICATES {
                    reader.problem(&path, "more certificates than are kept");
                    return shown;
                }
                let content = reader.file(&path, MAX_CERTIFICATE);
                let Content::Whole(bytes, stat) = content else { continue };
                let Some(certificate) = certificate(&bytes) else {
                    reader.problem(&path, "it is no certificate");
                    continue;
                };
                let facts = Arc::new(certificate_facts(&certificate, now));
                let fingerprint = certificate.key.fingerprint_sha256();
                shown.push(Shown { file: self.file(&path, stat), certificate, facts, fingerprint });
            }
        }
        shown
    }

    /// Tells a certificate and what an account says of it.
    pub(super) fn tell(&mut self, shown: &Shown, account: Option<&str>, verdict: Option<Verdict>) {
        if self.keys.len() >= MAX_KEYS {
            return;
        }
        self.keys.push(AuthorizedKey {
            role: KeyRole::Certificate,
            account: account.map(str::to_owned),
            file: shown.file,
            line: 1,
            offset: 0,
            fingerprint: shown.fingerprint.clone(),
            key: shown.certificate.key.clone(),
            comment: None,
            hosts: None,
            certificate: Some(Arc::clone(&shown.facts)),
            verdict,
        });
    }
}

/// The certificate that lies beside a private key, as OpenSSH names it: its path, and
/// what the filesystem says of it. Nobody is asked about it.
#[must_use]
pub fn certificate_beside(
    tree: &dyn Tree,
    key: &[u8],
    now: Timestamp,
) -> Option<(Vec<u8>, FileStat, AuthorizedKey)> {
    let path = [key, b"-cert.pub"].concat();
    let mut reader = Reader::new(tree);
    let Content::Whole(bytes, stat) = reader.file(&path, MAX_CERTIFICATE) else { return None };
    let certificate = certificate(&bytes)?;
    let facts = Arc::new(certificate_facts(&certificate, now));
    let fingerprint = certificate.key.fingerprint_sha256();
    let key = AuthorizedKey {
        role: KeyRole::Certificate,
        account: None,
        file: 0,
        line: 1,
        offset: 0,
        fingerprint,
        key: certificate.key,
        comment: None,
        hosts: None,
        certificate: Some(facts),
        verdict: None,
    };
    Some((path, stat, key))
}

/// The certificate in a file's first line with something in it.
fn certificate(bytes: &[u8]) -> Option<Certificate> {
    use base64::Engine as _;
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"))?;
    let code = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).nth(1)?;
    let blob = base64::engine::general_purpose::STANDARD.decode(code).ok()?;
    Certificate::from_blob(&blob).ok()
}

/// What is told of a certificate.
fn certificate_facts(certificate: &Certificate, now: Timestamp) -> CertificateFacts {
    let time = |seconds: u64| Timestamp::from_unix(i64::try_from(seconds).ok()?, 0);
    let is_valid = u64::try_from(now.unix_seconds()).is_ok_and(|now| certificate.is_valid_at(now));
    CertificateFacts {
        authority: certificate.authority_fingerprint(),
        key_id: certificate.key_id.clone(),
        serial: certificate.serial,
        principals: certificate.principals.clone(),
        valid_after: time(certificate.valid_after),
        valid_before: certificate.expires_at().and_then(time),
        out_of_time: !is_valid,
        critical_options: certificate.critical_options.iter().map(|(name, _)| name.clone()).collect(),
        signature: certificate.signature.as_str().to_owned(),
    }
}

fn trusted_key(
    key: &TrustedKey,
    file: usize,
    account: Option<&str>,
    verdict: Option<Verdict>,
) -> AuthorizedKey {
    AuthorizedKey {
        role: KeyRole::CertAuthority,
        account: account.map(str::to_owned),
        file,
        line: key.line,
        offset: key.offset,
        fingerprint: key.fingerprint.clone(),
        key: key.key.clone(),
        comment: None,
        hosts: None,
        certificate: None,
        verdict,
    }
}

impl<'j> Judge<'j> {
    /// What an account trusts in one world.
    pub(super) fn trust(&self, case: &Case<'_>, user: &User, reader: &mut Reader<'_>) -> Trust<'j> {
        let Some(path) = case.effective.path("trustedusercakeys") else { return Trust::default() };
        let Some(trusted) = self.trusted.iter().find(|trusted| trusted.path == path) else {
            return Trust::default();
        };
        let command = case.effective.path("authorizedprincipalscommand").is_some();
        let file = case.effective.path("authorizedprincipalsfile").map(str::to_owned);
        let path =
            file.and_then(|file| files::paths(&[file], user)).and_then(|paths| paths.into_iter().next());
        let principals = path.map(|path| {
            let patched = self.facts.server.has_group_patch();
            if reader.root.resolve(&path).is_err()
                || files::refuses(&path, user, self.facts.users, case.strict, patched, reader).is_some()
            {
                return Vec::new();
            }
            let bytes = reader.file(&path, MAX_PRINCIPALS).bytes().unwrap_or_default();
            bytes.split(|byte| *byte == b'\n').filter_map(authorized_keys::principal).take(MAX_KEYS).collect()
        });
        Trust { trusted: Some(trusted), principals, command }
    }

    /// Tells the authorities whose certificates the account takes.
    pub(super) fn authorities(
        &self,
        user: &User,
        cases: &[Case<'_>],
        trusts: &[Trust<'j>],
        settle: &dyn Fn(&[Verdict]) -> Verdict,
        machine: &mut Machine,
    ) {
        for trusted in self.trusted {
            let here = |trust: &Trust<'_>| trust.trusted.is_some_and(|one| std::ptr::eq(one, trusted));
            if !trusts.iter().any(here) {
                continue;
            }
            let judged = cases.iter().zip(trusts).map(|(case, trust)| {
                if here(trust) {
                    self.authority(case, trust)
                } else {
                    Verdict::refused(Refusal::Authority, "")
                }
            });
            let verdict = settle(&judged.collect::<Vec<Verdict>>());
            if matches!(verdict, Verdict::Refused { .. }) {
                continue;
            }
            for key in &trusted.keys {
                if machine.keys.len() < MAX_KEYS {
                    let verdict = Some(verdict.clone());
                    machine.keys.push(trusted_key(key, trusted.file, Some(&user.name), verdict));
                }
            }
        }
    }

    fn authority(&self, case: &Case<'_>, trust: &Trust<'_>) -> Verdict {
        let gate: &Gate = &case.gate;
        if let Some(closed) = &gate.closed {
            return closed.clone();
        }
        let names: Option<Vec<&str>> = trust
            .principals
            .as_ref()
            .map(|lines| lines.iter().filter(|line| line.1.is_ok()).map(|line| line.0.as_str()).collect());
        if trust.command {
            return Verdict::unverified(Undecided::PrincipalsCommand, "");
        }
        if names.as_ref().is_some_and(Vec::is_empty) {
            return Verdict::refused(Refusal::CertificatePrincipal, "");
        }
        let mut restrictions = gate.restrictions.clone();
        let detail = names.map(|names| names.into_iter().take(64).collect::<Vec<_>>().join(","));
        restrictions.push(Restriction::new(RestrictionKind::CertAuthority, detail.unwrap_or_default()));
        self.bench(case).outcome(restrictions)
    }

    /// Judges each certificate by the authorities of the configuration.
    pub(super) fn by_trust(&self, user: &User, cases: &[Case<'_>], trusts: &[Trust<'_>], ways: &mut Ways) {
        for (at, shown) in self.shown.iter().enumerate() {
            for (world, (case, trust)) in cases.iter().zip(trusts).enumerate() {
                let keys = trust.trusted.map(|trusted| trusted.keys.as_slice()).unwrap_or_default();
                if !keys.iter().any(|key| key.fingerprint == shown.facts.authority) {
                    continue;
                }
                ways.add(at, world, self.by_principal(user, case, trust, &shown.certificate));
            }
        }
    }

    fn by_principal(
        &self,
        user: &User,
        case: &Case<'_>,
        trust: &Trust<'_>,
        certificate: &Certificate,
    ) -> Verdict {
        let bench = self.bench(case);
        if trust.principals.is_none() && !trust.command {
            return bench.judge_certificate(certificate, &Ok(Options::default()), Names::Account(&user.name));
        }
        // A line whose options are not understood is passed over.
        let counts = |(name, options): &&Principal| {
            let read = options.is_ok() || matches!(options, Err(OptionFault::Permit(_)));
            read && certificate.principals.contains(name)
        };
        match trust.principals.iter().flatten().find(counts) {
            Some((_, options)) => bench.judge_certificate(certificate, options, Names::Taken),
            None => match &case.gate.closed {
                Some(closed) => closed.clone(),
                None if trust.command => Verdict::unverified(Undecided::PrincipalsCommand, ""),
                None => Verdict::refused(Refusal::CertificatePrincipal, certificate.principals.join(", ")),
            },
        }
    }

    /// Judges each certificate by an authority's line of the account. `refused`: why the
    /// line's file is not used, by world.
    pub(super) fn by_line(
        &self,
        user: &User,
        entry: &Entry,
        fingerprint: &str,
        cases: &[Case<'_>],
        refused: &[Option<Verdict>],
        ways: &mut Ways,
    ) {
        let Ok(Options { cert_authority: true, principals, .. }) = &entry.options else { return };
        let names = match principals {
            Some(list) => Names::Listed(list),
            None => Names::AccountOrNone(&user.name),
        };
        for (at, shown) in self.shown.iter().enumerate() {
            if shown.facts.authority != fingerprint {
                continue;
            }
            for (world, (case, refused)) in cases.iter().zip(refused).enumerate() {
                let verdict = match refused {
                    Some(refused) => refused.clone(),
                    None => self.bench(case).judge_certificate(&shown.certificate, &entry.options, names),
                };
                ways.add(at, world, verdict);
            }
        }
    }

    /// Tells what the account says of each certificate whose authority it trusts. That a
    /// certificate is for another account is not told.
    pub(super) fn certificates(
        &mut self,
        user: &User,
        ways: Ways,
        settle: &dyn Fn(&[Verdict]) -> Verdict,
        machine: &mut Machine,
    ) {
        for (at, worlds) in ways.verdicts.into_iter().enumerate() {
            if worlds.iter().all(Option::is_none) {
                continue;
            }
            let refused = || Verdict::refused(Refusal::Authority, "");
            let judged: Vec<Verdict> = worlds.into_iter().map(|one| one.unwrap_or_else(refused)).collect();
            let verdict = settle(&judged);
            if matches!(verdict, Verdict::Refused { reason: Refusal::CertificatePrincipal, .. }) {
                continue;
            }
            let Some(shown) = self.shown.get(at) else { continue };
            machine.tell(shown, Some(&user.name), Some(verdict));
            self.told.insert(at);
        }
    }
}

/// One verdict over all worlds, or why nothing is known for sure on this machine.
pub(super) fn settle(
    verdicts: &[Verdict],
    depends_on: &[String],
    closed: Option<&Verdict>,
    in_part: bool,
) -> Verdict {
    let verdict = over_worlds(verdicts, depends_on);
    // What keeps everything from being known matters where the key would be accepted.
    match closed {
        Some(open) if in_part || verdict.authenticates() => open.clone(),
        _ => verdict,
    }
}
