//! What is said of a finding besides what was found: that the user ignores it,
//! that an earlier scan had it, that a vendor shipped it, that everybody knows it.
//!
//! A mark takes nothing out of the stream: what is marked is still a record, and
//! is counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Finding, Severity};

/// The user's ignore file names this finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ignored {
    /// Why, in the user's words.
    pub reason: String,
    /// Who decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The last day (UTC) on which it is ignored, `2027-01-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// By what the entry names it.
    pub by: IgnoredBy,
    /// The line of the entry in the ignore file, from 1.
    pub line: u64,
}

/// By what an entry of an ignore file names findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum IgnoredBy {
    /// The secret's fingerprint, wherever it stands.
    Fingerprint,
    /// The rule and a glob over paths.
    RulePath,
}

/// Whether an earlier scan had a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BaselineState {
    /// It had not.
    New,
    /// It had: the same rule and secret in the same file, on whichever line.
    Unchanged,
}

/// The installed package that the file came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Vendor {
    /// Its name.
    pub package: String,
    /// Its version, where the database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whose database says so: `dpkg`, `rpm`, `apk`, `python`, `cargo`, `conda`.
    pub manager: String,
    /// Whether the file still has the digest that the database gives. False: it
    /// was changed, or could not be read again, and is like any other file.
    pub verified: bool,
}

/// How many findings are marked, and what came of the files that mark them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Marks {
    /// Findings that the ignore file names, by severity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ignored: BTreeMap<Severity, u64>,
    /// Findings in unchanged files of packages.
    #[serde(default)]
    pub vendor: u64,
    /// Findings of published keys and sample values.
    #[serde(default)]
    pub known: u64,
    /// What came of the ignore file; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore: Option<IgnoreSummary>,
    /// What came of the baseline; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineSummary>,
    /// The databases of packages that were asked about files with findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub package_databases: Vec<PackageDatabase>,
}

impl Marks {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What came of an ignore file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IgnoreSummary {
    /// How many entries it has.
    pub entries: u64,
    /// Entries that are in force and name no finding of this scan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused: Vec<IgnoreEntry>,
    /// Entries that had expired when the scan ran, and so ignored nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expired: Vec<IgnoreEntry>,
}

/// An entry of an ignore file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IgnoreEntry {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The fingerprint that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The rule that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The glob over paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Who decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}

/// What came of a baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BaselineSummary {
    /// The id of the earlier scan.
    pub scan_id: String,
    /// New findings that are not ignored, by severity. Findings that are counted
    /// and not listed cannot be compared: they count as new.
    pub new: BTreeMap<Severity, u64>,
    /// Listed findings that the earlier scan had.
    pub unchanged: u64,
    /// Secrets in files of the earlier scan that this one has not: revoked, moved,
    /// or left out this time.
    pub gone: u64,
}

/// A database of packages on the disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PackageDatabase {
    /// `dpkg`, `rpm`, `apk`, `python`, ….
    pub manager: String,
    /// Where it is, inside the snapshot.
    pub path: String,
    /// Why it could not be read, or not to its end; files of its packages are then
    /// like any other file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Finding {
    /// What stays the same when lines move: a digest of rule, secret (as its
    /// fingerprint), path, and every step of the provenance but the first, which is
    /// the target as the user named it. 32 hex digits. A secret that stands twice
    /// in a file has one identity.
    #[must_use]
    pub fn identity(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("snapsift 2026 finding identity v1");
        let mut field = |bytes: &[u8]| {
            hasher.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(bytes);
        };
        field(self.rule_id.as_bytes());
        field(self.secret.fingerprint.as_bytes());
        field(self.location.path.as_bytes());
        field(self.location.path_hex.as_deref().unwrap_or_default().as_bytes());
        for step in self.location.provenance.iter().skip(1) {
            field(step.kind.as_bytes());
            field(step.name.as_bytes());
        }
        hasher.finalize().to_hex().as_str().get(..32).unwrap_or_default().to_owned()
    }
}
