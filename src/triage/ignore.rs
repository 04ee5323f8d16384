//! The ignore file: which findings the user has looked at and lets stand.
//!
//! Format: YAML 1.2, one list under `ignore`. Each entry names findings by
//! `fingerprint` (of the secret, wherever it stands) or by `rule` and `path` (a
//! glob as of `--exclude`); `reason` says why, `expires` until which day (UTC, that
//! day included), `author` who decided it. Anything else is a fault, told with its
//! line: an entry that is misread would hide a secret.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use crate::finding::{Finding, IgnoreEntry, IgnoreSummary, Ignored, IgnoredBy, Timestamp};
use crate::rules::Diagnostic;
use crate::source::Exclude;

/// The most entries that a file may have.
const MAX_ENTRIES: usize = 100_000;
/// Faults after which no more are looked for.
const MAX_FAULTS: usize = 20;

/// A file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    ignore: Vec<Spanned<RawEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    fingerprint: Option<Spanned<String>>,
    rule: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
    expires: Option<Spanned<String>>,
    author: Option<Spanned<String>>,
}

/// A valid ignore file, and which of its entries have named a finding.
#[derive(Debug)]
pub struct IgnoreFile {
    entries: Vec<Entry>,
    by_fingerprint: HashMap<String, Vec<usize>>,
    by_rule: HashMap<String, Vec<usize>>,
}

#[derive(Debug)]
struct Entry {
    told: IgnoreEntry,
    /// Over paths; empty where the entry names a fingerprint.
    glob: Exclude,
    expired: bool,
    used: AtomicBool,
}

impl IgnoreFile {
    /// Reads the text of a file; `name` is for messages, `now` decides what has
    /// expired.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, each with its place and advice.
    pub fn parse(name: &str, text: &str, now: Timestamp) -> Result<Self, Vec<Diagnostic>> {
        let mut faults = Faults { file: name.into(), source: text.into(), list: Vec::new() };
        // Comments alone are no document, and ignore nothing.
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::of(Vec::new()));
        }
        let options = serde_saphyr::options! { with_snippet: false };
        let raw: RawFile = match serde_saphyr::from_str_with_options(text, options) {
            Ok(raw) => raw,
            Err(error) => {
                faults.syntax(&error);
                return Err(faults.list);
            }
        };
        if let Some(entry) = raw.ignore.get(MAX_ENTRIES) {
            faults.at(
                &entry.referenced,
                format!("more than {MAX_ENTRIES} entries"),
                "name rules and paths instead of single secrets",
            );
        }
        let today: String = now.to_string().chars().take(10).collect();
        let mut entries = Vec::new();
        for entry in &raw.ignore {
            if faults.list.len() >= MAX_FAULTS {
                break;
            }
            entries.extend(faults.entry(entry, &today));
        }
        if faults.list.is_empty() { Ok(Self::of(entries)) } else { Err(faults.list) }
    }

    fn of(entries: Vec<Entry>) -> Self {
        let (mut by_fingerprint, mut by_rule) = (HashMap::new(), HashMap::new());
        for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.expired) {
            let (index, name): (&mut HashMap<String, Vec<usize>>, _) = match &entry.told.fingerprint {
                Some(fingerprint) => (&mut by_fingerprint, fingerprint),
                None => (&mut by_rule, entry.told.rule.as_ref().unwrap_or(&entry.told.reason)),
            };
            index.entry(name.clone()).or_default().push(at);
        }
        Self { entries, by_fingerprint, by_rule }
    }

    /// Whether an entry that has not expired names the finding: the first one in
    /// the file. Every entry that names it counts as used.
    #[must_use]
    pub fn check(&self, finding: &Finding) -> Option<Ignored> {
        let by_fingerprint = self.by_fingerprint.get(&finding.secret.fingerprint);
        let by_rule = self.by_rule.get(&finding.rule_id);
        let mut first: Option<(usize, &Entry)> = None;
        for at in by_fingerprint.into_iter().chain(by_rule).flatten() {
            let Some(entry) = self.entries.get(*at) else { continue };
            let named = entry.told.fingerprint.is_some()
                || entry.glob.matches_beneath(finding.location.path.as_bytes());
            if named {
                entry.used.store(true, Ordering::Relaxed);
                if first.is_none_or(|(earlier, _)| *at < earlier) {
                    first = Some((*at, entry));
                }
            }
        }
        let told = &first?.1.told;
        Some(Ignored {
            reason: told.reason.clone(),
            author: told.author.clone(),
            expires: told.expires.clone(),
            by: if told.fingerprint.is_some() { IgnoredBy::Fingerprint } else { IgnoredBy::RulePath },
            line: told.line,
        })
    }

    /// What came of it, after the last finding.
    #[must_use]
    pub fn summary(&self) -> IgnoreSummary {
        let told = |wanted: &dyn Fn(&Entry) -> bool| {
            self.entries.iter().filter(|entry| wanted(entry)).map(|entry| entry.told.clone()).collect()
        };
        IgnoreSummary {
            entries: u64::try_from(self.entries.len()).unwrap_or(u64::MAX),
            unused: told(&|entry| !entry.expired && !entry.used.load(Ordering::Relaxed)),
            expired: told(&|entry| entry.expired),
        }
    }
}

struct Faults {
    file: Arc<str>,
    source: Arc<str>,
    list: Vec<Diagnostic>,
}

impl Faults {
    fn at(&mut self, place: &Location, message: impl Into<String>, help: &str) {
        let span = span(&self.source, place);
        self.list.push(Diagnostic::error(&self.file, &self.source, span, message).with_help(help));
    }

    /// A text that is no YAML, or not the YAML that it should be.
    fn syntax(&mut self, error: &serde_saphyr::Error) {
        let message = error.without_snippet().to_string();
        let message = message.lines().next().unwrap_or_default().trim();
        // The place is shown by itself.
        let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message).to_owned();
        self.at(
            &error.location().unwrap_or(Location::UNKNOWN),
            message,
            "an entry has `fingerprint`, or `rule` and `path`; a `reason`; and may have `expires` and `author`",
        );
    }

    /// The entry, where nothing is wrong with it.
    fn entry(&mut self, raw: &Spanned<RawEntry>, today: &str) -> Option<Entry> {
        let before = self.list.len();
        let place = &raw.referenced;
        let entry = &raw.value;
        match (&entry.fingerprint, &entry.rule, &entry.path) {
            (Some(fingerprint), None, None) => self.fingerprint(fingerprint),
            (None, Some(_), Some(_)) => {}
            (Some(_), rule, path) => {
                if let Some(other) = rule.as_ref().or(path.as_ref()) {
                    self.at(
                        &other.referenced,
                        "an entry has a fingerprint, or a rule with a path, not both",
                        "a fingerprint names the secret wherever it stands: make two entries",
                    );
                }
            }
            (None, Some(rule), None) => {
                let help = "add `path: GLOB`; `path: '**'` is every path";
                self.at(&rule.referenced, "a rule alone would ignore all that it finds", help);
            }
            (None, None, Some(path)) => {
                self.at(&path.referenced, "a path alone says not what to ignore there", "add `rule: ID`");
            }
            (None, None, None) => self.at(
                place,
                "the entry names no finding",
                "add `fingerprint: …` as the output has it, or `rule: ID` and `path: GLOB`",
            ),
        }
        if entry.reason.as_ref().is_none_or(|reason| reason.value.trim().is_empty()) {
            let place = entry.reason.as_ref().map_or(place, |reason| &reason.referenced);
            self.at(place, "the entry has no reason", "say why the finding may stand: `reason: …`");
        }
        if let Some(expires) = &entry.expires
            && !is_day(&expires.value)
        {
            self.at(&expires.referenced, "not a day", "write it as year-month-day, such as 2027-01-31");
        }
        let glob = match &entry.path {
            None => Exclude::none(),
            Some(path) => match Exclude::new(&[&path.value]) {
                Ok(glob) => glob,
                Err(error) => {
                    let help = "globs are those of --exclude: docs/ignore.md has examples";
                    self.at(&path.referenced, format!("not a glob: {}", error.message), help);
                    return None;
                }
            },
        };
        if self.list.len() > before {
            return None;
        }
        let text =
            |field: &Option<Spanned<String>>| field.as_ref().map(|field| field.value.trim().to_owned());
        let expires = text(&entry.expires);
        Some(Entry {
            expired: expires.as_deref().is_some_and(|last| last < today),
            told: IgnoreEntry {
                line: place.line(),
                fingerprint: text(&entry.fingerprint),
                rule: text(&entry.rule),
                path: text(&entry.path),
                reason: text(&entry.reason).unwrap_or_default(),
                expires,
                author: text(&entry.author),
            },
            glob,
            used: AtomicBool::new(false),
        })
    }

    fn fingerprint(&mut self, fingerprint: &Spanned<String>) {
        let text = fingerprint.value.trim();
        let digits = text.strip_prefix("blake3:").or_else(|| text.strip_prefix("blake3-keyed:"));
        let is_one = digits.is_some_and(|digits| {
            digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        });
        if !is_one {
            self.at(
                &fingerprint.referenced,
                "not a fingerprint",
                "copy `secret.fingerprint` of the finding: `blake3:` or `blake3-keyed:` and 32 hex digits",
            );
        }
    }
}

/// `2027-01-31`, and a day that there is.
fn is_day(text: &str) -> bool {
    let text = text.trim();
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// The bytes that a place is about, to the end of its line where it says no more.
fn span(source: &str, place: &Location) -> Range<usize> {
    let narrow = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
    if let (Some(start), Some(length)) = (narrow(place.span().byte_offset()), narrow(place.span().byte_len()))
        && length > 0
    {
        let line = source.get(start..).and_then(|rest| rest.find('\n')).map_or(source.len(), |at| start + at);
        return start..start.saturating_add(length).min(line.max(start + 1));
    }
    let number = usize::try_from(place.line()).unwrap_or(1).saturating_sub(1);
    let start = source.split_inclusive('\n').take(number).map(str::len).sum::<usize>();
    let line = source.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let column = usize::try_from(place.column()).unwrap_or(1).saturating_sub(1);
    let skip = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    start + skip..start + line.len()
}

#[cfg(test)]
mod tests;
