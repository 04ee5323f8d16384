//! STAND-IN for enrichment, to be deleted when the real one is merged.

use std::collections::BTreeMap;

use crate::finding::{FileFacts, Finding, Fingerprinter, KeyRecord, Location, SecretFacts, Timestamp};
use crate::rules::RuleSet;
use crate::scan::Match;

/// See the real one.
#[derive(Clone, Debug)]
pub struct Enricher {
    rules: RuleSet,
    fingerprinter: Fingerprinter,
    reveal: bool,
}

/// See the real one.
#[derive(Clone, Debug)]
pub struct Enriched {
    /// See the real one.
    pub finding: Finding,
    /// See the real one.
    pub key: Option<KeyRecord>,
}

impl Enricher {
    /// See the real one.
    #[must_use]
    pub fn new(rules: RuleSet, fingerprinter: Fingerprinter, reveal: bool, _now: Timestamp) -> Self {
        Self { rules, fingerprinter, reveal }
    }

    /// See the real one.
    #[must_use]
    pub fn enrich(&self, hit: &Match, location: Location, file: Option<FileFacts>) -> Enriched {
        let rule = self.rules.rules().get(hit.rule);
        let text = |get: fn(&crate::rules::Rule) -> &String| rule.map(get).cloned().unwrap_or_default();
        let fingerprint = self.fingerprinter.fingerprint(hit.secret.expose());
        let finding = Finding {
            id: format!("{}:{}:{fingerprint}", location.path, location.offset),
            rule_id: text(|rule| &rule.id),
            secret_type: text(|rule| &rule.secret_type),
            provider: text(|rule| &rule.provider),
            category: text(|rule| &rule.category),
            severity: rule.map_or(crate::finding::Severity::Info, |rule| rule.severity),
            confidence: rule.map_or(crate::finding::Confidence::Low, |rule| rule.confidence),
            secret: SecretFacts {
                preview: hit.secret.preview(0),
                length: hit.secret.len() as u64,
                fingerprint,
                raw: self.reveal.then(|| hit.secret.reveal()),
            },
            location,
            file,
            attributes: BTreeMap::new(),
            validity: None,
            target: None,
            key_fingerprint: None,
            remediation: text(|rule| &rule.remediation),
        };
        Enriched { finding, key: None }
    }
}
