//! The file of exemptions and owners.
//!
//! Format: TOML 1.0. Lists `exempt` and `owner`; what the fields mean is in `docs/fleet.md`.
//! Anything that is not known is a fault, told with its line: an entry that is misread would
//! hide a secret.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::machine_glob;
use crate::finding::Timestamp;
use crate::source::Exclude;

/// The most entries of one list.
const MAX_ENTRIES: usize = 100_000;
/// Rules are compared with every finding.
const MAX_OWNERS: usize = 1_000;
/// A century.
const MAX_DAYS: i64 = 36_525;
const SEVERITIES: [&str; 5] = ["critical", "high", "medium", "low", "info"];
const RISKS: [&str; 5] = ["critical", "high", "medium", "low", "not evaluated"];

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, from one.
    pub line: usize,
    /// What, and what to do.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Governance {
    pub(super) exemptions: Vec<Exemption>,
    pub(super) owners: Vec<OwnerRule>,
    pub(super) detached: Vec<Detached>,
}

/// A disk that a machine no longer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Detached {
    pub(super) machine: String,
    pub(super) target: String,
    pub(super) reason: String,
}

/// Why a finding is let stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Category {
    Mitigated,
    Waiver,
}

impl Category {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Mitigated => "mitigated",
            Self::Waiver => "waiver",
        }
    }
}

/// Conditions that are empty ask for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exemption {
    pub(super) name: String,
    pub(super) category: Category,
    pub(super) finding: String,
    pub(super) fingerprint: String,
    pub(super) rule: String,
    pub(super) secret_type: String,
    pub(super) path: String,
    pub(super) machine: String,
    pub(super) tag: (String, String),
    pub(super) reason: String,
    pub(super) author: String,
    pub(super) created: String,
    pub(super) expires: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnerRule {
    pub(super) name: String,
    pub(super) priority: i64,
    pub(super) severities: Vec<String>,
    pub(super) risks: Vec<String>,
    pub(super) secret_type: String,
    pub(super) tag: (String, String),
    pub(super) account: String,
    pub(super) owner: String,
    pub(super) owner_tags: Vec<String>,
    pub(super) due_days: i64,
    pub(super) grace_days: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    exempt: Vec<Spanned<RawExemption>>,
    #[serde(default)]
    owner: Vec<Spanned<RawOwner>>,
    #[serde(default)]
    detached: Vec<Spanned<RawDetached>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDetached {
    machine: String,
    target: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExemption {
    name: String,
    category: Category,
    reason: String,
    author: String,
    #[serde(default)]
    finding: String,
    #[serde(default)]
    fingerprint: String,
    #[serde(default)]
    rule: String,
    #[serde(default)]
    secret_type: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    machine: String,
    #[serde(default)]
    tag: String,
    created: Option<Day>,
    expires: Option<Day>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOwner {
    name: String,
    priority: i64,
    #[serde(default)]
    severity: Vec<String>,
    #[serde(default)]
    risk: Vec<String>,
    #[serde(default)]
    secret_type: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    owner_tags: Vec<String>,
    due_days: i64,
    #[serde(default)]
    grace_days: i64,
}

/// A date of TOML, or the same as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Day {
    Date(toml::value::Datetime),
    Text(String),
}

impl Day {
    /// `2026-12-31`, where that is a day.
    fn text(&self) -> Option<String> {
        let text = match self {
            Self::Date(date) => date.to_string(),
            Self::Text(text) => text.clone(),
        };
        (text.len() == 10 && Timestamp::parse(&format!("{text}T00:00:00Z")).is_some()).then_some(text)
    }
}

impl Governance {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let mut reading = Reading { text, faults: Vec::new() };
        let raw: RawFile = match toml::from_str(text) {
            Ok(raw) => raw,
            Err(error) => {
                reading.at(error.span(), error.message().to_owned());
                return Err(reading.faults);
            }
        };
        if raw.exempt.len() > MAX_ENTRIES || raw.owner.len() > MAX_OWNERS {
            reading.at(None, format!("more than {MAX_ENTRIES} exemptions or {MAX_OWNERS} owners"));
            return Err(reading.faults);
        }
        let mut detached = Vec::new();
        for entry in raw.detached {
            let span = entry.span();
            let RawDetached { machine, target, reason } = entry.into_inner();
            if [&machine, &target, &reason].iter().any(|text| text.trim().is_empty()) {
                reading.at(Some(span), "machine, target and reason must say something".to_owned());
                continue;
            }
            detached.push(Detached { machine: machine.to_lowercase(), target, reason });
        }
        let mut names = BTreeSet::new();
        let mut exemptions = Vec::new();
        for entry in raw.exempt {
            let span = entry.span();
            let entry = entry.into_inner();
            reading.name(&entry.name, &mut names, &span);
            exemptions.push(reading.exemption(entry, &span));
        }
        names.clear();
        let mut owners = Vec::new();
        for entry in raw.owner {
            let span = entry.span();
            let entry = entry.into_inner();
            reading.name(&entry.name, &mut names, &span);
            owners.push(reading.owner(entry, &span));
        }
        if reading.faults.is_empty() {
            Ok(Self { exemptions, owners, detached })
        } else {
            Err(reading.faults)
        }
    }

    /// How many exemptions it has.
    #[must_use]
    pub fn exemptions(&self) -> usize {
        self.exemptions.len()
    }

    /// How many rules of owners it has.
    #[must_use]
    pub fn owners(&self) -> usize {
        self.owners.len()
    }
}

struct Reading<'t> {
    text: &'t str,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    fn at(&mut self, span: Option<Range<usize>>, message: String) {
        let start = span.map_or(0, |span| span.start);
        let before = self.text.as_bytes().iter().take(start).filter(|byte| **byte == b'\n').count();
        self.faults.push(Fault { line: before.saturating_add(1), message });
    }

    fn name(&mut self, name: &str, names: &mut BTreeSet<String>, span: &Range<usize>) {
        if name.trim().is_empty() {
            self.at(Some(span.clone()), "the name is empty".to_owned());
        } else if !names.insert(name.to_owned()) {
            self.at(Some(span.clone()), format!("another entry has the name {name:?}"));
        }
    }

    fn exemption(&mut self, raw: RawExemption, span: &Range<usize>) -> Exemption {
        let name = raw.name.clone();
        let mut fault = |message: String| self.at(Some(span.clone()), format!("{name:?}: {message}"));
        for (field, value) in [("reason", &raw.reason), ("author", &raw.author)] {
            if value.trim().is_empty() {
                fault(format!("`{field}` is empty"));
            }
        }
        let conditions =
            [&raw.finding, &raw.fingerprint, &raw.rule, &raw.secret_type, &raw.path, &raw.machine, &raw.tag];
        if conditions.iter().all(|condition| condition.is_empty()) {
            fault(
                "it would exempt everything: give `finding`, `fingerprint`, `rule`, `secret_type`, `path`, \
                 `machine` or `tag`"
                    .to_owned(),
            );
        }
        if !raw.path.is_empty()
            && let Err(error) = Exclude::new(&[&raw.path])
        {
            fault(error.to_string());
        }
        if !raw.machine.is_empty()
            && let Err(error) = machine_glob(&raw.machine)
        {
            fault(error.to_string());
        }
        let tag = tag(&raw.tag, &mut fault);
        let mut day = |field: &str, day: Option<Day>| {
            let Some(day) = day else { return String::new() };
            day.text().unwrap_or_else(|| {
                fault(format!("`{field}` is no day: write 2026-12-31"));
                String::new()
            })
        };
        let created = day("created", raw.created);
        let expires = day("expires", raw.expires);
        if !created.is_empty() && !expires.is_empty() && expires < created {
            fault("it expires before it was created".to_owned());
        }
        Exemption {
            name: raw.name,
            category: raw.category,
            finding: raw.finding,
            fingerprint: raw.fingerprint,
            rule: raw.rule,
            secret_type: raw.secret_type,
            path: raw.path,
            machine: raw.machine,
            tag,
            reason: raw.reason,
            author: raw.author,
            created,
            expires,
        }
    }

    fn owner(&mut self, raw: RawOwner, span: &Range<usize>) -> OwnerRule {
        let name = raw.name.clone();
        let mut fault = |message: String| self.at(Some(span.clone()), format!("{name:?}: {message}"));
        if !(1..=1000).contains(&raw.priority) {
            fault("`priority` is from 1, which is asked first, to 1000".to_owned());
        }
        if !(0..=MAX_DAYS).contains(&raw.due_days) || !(0..=MAX_DAYS).contains(&raw.grace_days) {
            fault(format!("`due_days` and `grace_days` are from 0 to {MAX_DAYS}"));
        }
        if raw.owner.is_empty() && raw.owner_tags.is_empty() {
            fault("it names nobody: give `owner`, `owner_tags`, or both".to_owned());
        }
        for (field, words, known) in [("severity", &raw.severity, SEVERITIES), ("risk", &raw.risk, RISKS)] {
            if let Some(word) = words.iter().find(|word| !known.contains(&word.as_str())) {
                fault(format!("`{field}` {word:?} is none of {}", known.join(", ")));
            }
        }
        let tag = tag(&raw.tag, &mut fault);
        OwnerRule {
            name: raw.name,
            priority: raw.priority,
            severities: raw.severity,
            risks: raw.risk,
            secret_type: raw.secret_type,
            tag,
            account: raw.account,
            owner: raw.owner,
            owner_tags: raw.owner_tags,
            due_days: raw.due_days,
            grace_days: raw.grace_days,
        }
    }
}

/// `name=value`; names of tags have no case.
fn tag(text: &str, fault: &mut dyn FnMut(String)) -> (String, String) {
    if text.is_empty() {
        return <(String, String)>::default();
    }
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => (name.to_lowercase(), value.to_owned()),
        _ => {
            fault(format!("the tag {text:?} is no name=value"));
            <(String, String)>::default()
        }
    }
}
