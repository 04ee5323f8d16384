//! Verified matches → findings: what each one opens, whether it is still good,
//! how bad it is, and the identity of a key.
//!
//! Role: fills every field of a [`Finding`] from its rule, its attributes and its
//! place, and makes the [`KeyRecord`] of a private key. It is given places and
//! file facts and reads nothing itself. Not for: finding or checking secrets.
//!
//! # Severity
//!
//! A rule states the severity of a secret that is good and in clear. Seven things
//! lower it: a secret that had expired when it was scanned is `low` at most; an
//! encrypted private key is one step lower, since its passphrase is needed too; so is
//! one whose halves do not belong together; a private key of which only the public
//! half is left is `low` at most; a published key or sample value is `info`, since it
//! is nobody's secret; what stands in an unchanged file of a package is `low` at
//! most, since everybody has it who has the package; and so is a password that
//! everybody tries first (`strength` is `guessable`), which is a finding in live
//! configurations only. The handle of a key in a FIDO token opens nothing without the
//! token: it is a key record and no finding.

use std::collections::BTreeMap;

use crate::finding::{
    FileFacts, Finding, Fingerprinter, KeyRecord, KeyWeakness, Location, SecretFacts, Severity, Target,
    TargetExists, Timestamp, Validity, Vendor,
};
use crate::formats::private_key::{KeyState, PrivateKey};
use crate::rules::{Check, Rule, RuleSet, TargetTemplate, ValidityFields};
use crate::scan::Match;

mod keys;
mod known;
mod live;
mod places;
#[cfg(test)]
mod tests;

/// How many bytes of a key's armour a preview looks through for the label's end.
const MAX_LABEL: usize = 48;

/// Makes findings of matches. One for a whole scan; it is shared by threads.
#[derive(Clone, Debug)]
pub struct Enricher {
    rules: RuleSet,
    places: places::Places,
    fingerprinter: Fingerprinter,
    reveal: bool,
    now: Timestamp,
}

/// What a match became.
#[derive(Clone, Debug)]
pub struct Enriched {
    /// The finding. The handle of a key in a token is none: it opens nothing without
    /// the token. Nor is a password that everybody tries first, outside of live
    /// configurations.
    pub finding: Option<Finding>,
    /// The key, where the secret is one.
    pub key: Option<KeyRecord>,
}

impl Enriched {
    /// Says which key the file beside a private key has, where that is news.
    pub fn set_public_beside(&mut self, fingerprint: &str) {
        let Some(key) = self.key.as_mut().filter(|key| key.private) else { return };
        let name = match &key.fingerprint {
            Some(own) if own == fingerprint => return,
            Some(_) => "public_beside_differs",
            None => "public_beside",
        };
        key.public_beside = Some(fingerprint.to_owned());
        if let Some(finding) = &mut self.finding {
            finding.attributes.insert(name.to_owned(), fingerprint.to_owned());
        }
    }

    /// Says which package the file came with. What an unchanged file of a package
    /// holds is no news to anybody who has the package.
    pub fn set_vendor(&mut self, vendor: Vendor) {
        let Some(finding) = &mut self.finding else { return };
        if vendor.verified {
            finding.severity = finding.severity.min(Severity::Low);
        }
        finding.vendor = Some(vendor);
    }
}

/// The weaknesses of a public key in plain wire form.
#[must_use]
pub fn public_weaknesses(blob: &[u8], fingerprint: &str) -> Vec<KeyWeakness> {
    keys::of_public(blob, known::key(fingerprint))
}

impl Enricher {
    /// `rules` are those whose indexes the matches hold. `reveal` puts the raw
    /// secret into findings. `now` is the time of the scan, against which expiry
    /// is held: one value for all findings, so that they agree.
    #[must_use]
    pub fn new(rules: RuleSet, fingerprinter: Fingerprinter, reveal: bool, now: Timestamp) -> Self {
        let places = places::Places::new(&rules);
        Self { rules, places, fingerprinter, reveal, now }
    }

    /// Makes the finding of a match. `location` is that of the secret's first
    /// byte. `None` when the match names a rule that the set does not have.
    #[must_use]
    pub fn enrich(&self, found: &Match, location: Location, file: Option<FileFacts>) -> Option<Enriched> {
        let matched = self.rules.rules().get(found.rule)?;
        // What it is may depend on where it is.
        let rule = self.rules.rules().get(self.places.rule(found.rule, &location.path, &found.attributes))?;
        let guessable = found.attributes.get("strength").is_some_and(|strength| strength == "guessable");
        if guessable && !live::is_live(&location.whole_path()) {
            return Some(Enriched { finding: None, key: None });
        }
        let key = matched
            .checks
            .iter()
            .any(|check| matches!(check, Check::PrivateKey { .. }))
            .then(|| PrivateKey::parse_damaged(found.secret.expose()).ok())
            .flatten();
        // Keys in other containers than those of SSH say it in an attribute.
        let is_encrypted = found.attributes.get("encrypted").is_some_and(|value| value == "true");
        let stated = if is_encrypted && key.is_none() { one_lower(rule.severity) } else { rule.severity };
        let validity = validity(&rule.validity, &found.attributes, self.now);
        let fingerprint = self.fingerprinter.fingerprint(found.secret.expose());
        let id = finding_id(&rule.id, &fingerprint, &location);
        let key_fingerprint = key.as_ref().and_then(PrivateKey::fingerprint_sha256);
        let known = key_fingerprint.as_deref().and_then(known::key);
        let known = known.or_else(|| known::value(found.secret.expose()));
        let record = key.as_ref().map(|key| {
            let mut record = keys::record(key, known, location.clone(), file.clone());
            record.finding_id = (!key.is_hardware_bound()).then(|| id.clone());
            record
        });
        if key.as_ref().is_some_and(PrivateKey::is_hardware_bound) {
            return Some(Enriched { finding: None, key: record });
        }
        let finding = Finding {
            rule_id: rule.id.clone(),
            secret_type: rule.secret_type.clone(),
            provider: rule.provider.clone(),
            category: rule.category.clone(),
            severity: match known {
                Some(_) => Severity::Info,
                None if guessable => rule.severity.min(Severity::Low),
                None => severity(stated, key.as_ref(), validity.as_ref()),
            },
            confidence: rule.confidence,
            secret: SecretFacts {
                preview: preview(matched, &found.secret, key.is_some()),
                length: u64::try_from(found.secret.len()).unwrap_or(u64::MAX),
                fingerprint,
                raw: self.reveal.then(|| found.secret.reveal()),
            },
            location,
            file,
            attributes: found.attributes.clone(),
            validity,
            target: rule.target.as_ref().and_then(|template| target(template, &found.attributes)),
            key_fingerprint,
            accounts: Vec::new(),
            key_uses: Vec::new(),
            known: known.map(str::to_owned),
            vendor: None,
            git: None,
            ignored: None,
            baseline: None,
            remediation: rule.remediation.trim().to_owned(),
            id,
        };
        Some(Enriched { finding: Some(finding), key: record })
    }
}

/// BLAKE3 over rule, secret and place, the first 32 hex digits.
///
/// The secret goes in as its fingerprint: under a fleet key nobody without the
/// key can test a guess against an id. The place is path, offset and every step
/// of the provenance but the first, which is the target as the user named it and
/// changes between scans of one disk. A secret that moves within its file is
/// another finding.
fn finding_id(rule_id: &str, fingerprint: &str, location: &Location) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("snapsift 2026 finding id v1");
    let mut field = |bytes: &[u8]| {
        hasher.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(bytes);
    };
    field(rule_id.as_bytes());
    field(fingerprint.as_bytes());
    field(location.path.as_bytes());
    field(location.path_hex.as_deref().unwrap_or_default().as_bytes());
    field(&location.offset.to_le_bytes());
    for step in location.provenance.iter().skip(1) {
        field(step.kind.as_bytes());
        field(step.name.as_bytes());
    }
    hasher.finalize().to_hex().as_str().get(..32).unwrap_or_default().to_owned()
}

/// The redacted secret. The end of a key in armour is its label again: nothing to
/// tell keys apart by.
fn preview(rule: &Rule, secret: &crate::finding::Secret, is_key: bool) -> String {
    let preview = secret.preview(public_prefix(rule, secret.expose(), is_key));
    match preview.strip_suffix("----") {
        Some(rest) => rest.to_owned(),
        None => preview,
    }
}

/// How much of the secret's start is public. Of a key in armour, its label too.
fn public_prefix(rule: &Rule, secret: &[u8], is_key: bool) -> usize {
    let stated = usize::try_from(rule.public_prefix).unwrap_or(0);
    if !is_key {
        return stated;
    }
    let head = secret.get(..secret.len().min(MAX_LABEL)).unwrap_or_default();
    match head.strip_prefix(b"-----BEGIN ").and_then(|rest| memchr::memmem::find(rest, b"-----")) {
        Some(length) => length.saturating_add(16),
        None => stated,
    }
}

/// See the module's documentation.
fn severity(stated: Severity, key: Option<&PrivateKey>, validity: Option<&Validity>) -> Severity {
    let mut severity = stated;
    if key.is_some_and(|key| key.encrypted) {
        severity = one_lower(severity);
    }
    match key.map(|key| key.state) {
        Some(KeyState::Inconsistent) => severity = one_lower(severity),
        Some(KeyState::PublicHalf) => severity = severity.min(Severity::Low),
        _ => {}
    }
    if validity.and_then(|validity| validity.expired) == Some(true) {
        severity = severity.min(Severity::Low);
    }
    severity
}

fn one_lower(severity: Severity) -> Severity {
    Severity::ALL.into_iter().rev().find(|lower| *lower < severity).unwrap_or(severity)
}

/// The times that the rule's fields name. Absent when there is none.
fn validity(
    fields: &ValidityFields,
    attributes: &BTreeMap<String, String>,
    now: Timestamp,
) -> Option<Validity> {
    let time = |field: &Option<String>| {
        field.as_ref().and_then(|name| attributes.get(name)).and_then(|text| Timestamp::parse(text))
    };
    let expires_at = time(&fields.expires_at);
    let validity = Validity {
        issued_at: time(&fields.issued_at),
        not_before: time(&fields.not_before),
        expires_at,
        expired: expires_at.map(|expiry| expiry <= now),
    };
    (validity != Validity::default()).then_some(validity)
}

/// Fills the template's `{attribute}` places; `None` when one is missing.
fn target(template: &TargetTemplate, attributes: &BTreeMap<String, String>) -> Option<Target> {
    let mut id = String::new();
    let mut rest = template.id.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        id.push_str(before);
        id.push_str(attributes.get(name).filter(|value| !value.is_empty())?);
        rest = after;
    }
    id.push_str(rest);
    Some(Target {
        kind: template.kind.clone(),
        id,
        exists: TargetExists::Unknown,
        determined_by: "no inventory".to_owned(),
    })
}
