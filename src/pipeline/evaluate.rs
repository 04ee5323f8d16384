//! How good rules are: what a scan of a corpus finds, held against its labels.
//!
//! A finding and a label belong together when path and secret type are the same
//! and, where the label says so, the offset, the line or the secret; each label
//! and each finding at most once. A label without a finding is a miss. So is one
//! whose finding has not the attributes, the target or the expiry that the label
//! gives. A finding without a label is a false positive. What an optional label
//! names counts in neither way.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;

use serde::Serialize;

use super::labels::{LABELS_FILE, Label, relative};
use super::{RecordSink, Scan, ScanError, ScanOptions};
use crate::finding::{Finding, Record, Revealed, Target, Timestamp};
use crate::rules::RuleSet;
use crate::scan::Engine;
use crate::source::{OpenError, Snapshot};

#[cfg(test)]
mod tests;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The corpus cannot be opened.
    #[error("cannot scan {0}")]
    Open(#[from] OpenError),
    /// It cannot be scanned.
    #[error("the scan failed")]
    Scan(#[from] ScanError),
}

/// How rules fared.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evaluation {
    /// All types together.
    pub total: Score,
    /// By secret type.
    pub by_type: BTreeMap<String, Score>,
    /// By rule: what it found, and of what was missed the labels that name it or
    /// are of a type that no other rule has.
    pub by_rule: BTreeMap<String, Score>,
    /// Labels with a finding that is as they have it, in order of their paths.
    #[serde(skip)]
    pub hits: Vec<LabelHit>,
    /// Labels that nothing was found for, in order of their paths.
    pub misses: Vec<Miss>,
    /// Findings that no label explains, in order of their paths.
    pub false_positives: Vec<FalsePositive>,
    /// Labels of files in which a type must not be found.
    pub near_misses: u64,
    /// How many of these files hold a finding of that type all the same.
    pub near_misses_found: u64,
    /// Files that were scanned.
    pub files: u64,
    /// Whether all of the corpus was read and every finding listed.
    pub complete: bool,
}

/// Counts of one type or rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Labels.
    pub expected: u64,
    /// Labels with a finding.
    pub found: u64,
    /// Findings without a label.
    pub false_positives: u64,
}

impl Score {
    /// The share of what is labelled that was found; `None` where nothing is.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        share(self.found, self.expected)
    }

    /// The share of what was found that is labelled; `None` where nothing was.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        share(self.found, self.found + self.false_positives)
    }

    fn add(&mut self, other: Self) {
        self.expected += other.expected;
        self.found += other.found;
        self.false_positives += other.false_positives;
    }
}

#[expect(clippy::cast_precision_loss, reason = "shares need no more than 53 bits")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A label and what was found for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelHit {
    /// The label.
    pub label: Label,
    /// The rule that found it.
    pub rule: String,
    /// What the finding says that the secret opens.
    pub target: Option<Target>,
}

/// A label that nothing was found for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Miss {
    /// The label.
    pub label: Label,
    /// What is wrong with the finding at its place, where there is one.
    pub wrong: Option<String>,
}

/// A finding that no label explains, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FalsePositive {
    /// The file, relative to the corpus.
    pub path: String,
    /// The line of the secret, from 1.
    pub line: u64,
    /// Its column in bytes, from 1.
    pub column: u64,
    /// The rule.
    pub rule: String,
    /// The secret type.
    pub secret_type: String,
    /// The secret, redacted.
    pub preview: String,
    /// Whether a label says that this type must not be found in this file.
    pub near_miss: bool,
}

impl Evaluation {
    /// Adds the figures of another corpus.
    pub fn add(&mut self, other: Self) {
        self.total.add(other.total);
        for (mine, others) in [(&mut self.by_type, other.by_type), (&mut self.by_rule, other.by_rule)] {
            for (name, score) in others {
                mine.entry(name).or_default().add(score);
            }
        }
        self.hits.extend(other.hits);
        self.misses.extend(other.misses);
        self.false_positives.extend(other.false_positives);
        self.near_misses += other.near_misses;
        self.near_misses_found += other.near_misses_found;
        self.files += other.files;
        self.complete &= other.complete;
    }

    /// No corpus yet, to add others to.
    #[must_use]
    pub fn none() -> Self {
        Self { complete: true, ..Self::default() }
    }
}

/// Scans a corpus, all of it but its file of labels in the root, and holds what is
/// found against the labels.
///
/// # Errors
///
/// See [`EvaluateError`].
pub fn evaluate(root: &Path, rules: &RuleSet, labels: &[Label]) -> Result<Evaluation, EvaluateError> {
    let options = ScanOptions {
        exclude: vec![format!("/{LABELS_FILE}")],
        include_test_content: true,
        // To compare secrets; they go no further than `Seen`.
        reveal: true,
        max_findings_per_file: u64::MAX,
        ..ScanOptions::default()
    };
    let mut seen = Findings::default();
    let summary = Scan::new(Snapshot::open(root)?, Engine::new(rules), options).run(&mut seen)?;
    let mut evaluation = judge(seen.0, rules, labels);
    evaluation.files = summary.coverage.files_scanned;
    evaluation.complete = summary.complete && summary.findings_not_listed == 0;
    Ok(evaluation)
}

/// What is compared of a finding.
struct Seen {
    at: FalsePositive,
    offset: u64,
    blake3: blake3::Hash,
    attributes: BTreeMap<String, String>,
    target: Option<Target>,
    expires_at: Option<Timestamp>,
}

#[derive(Default)]
struct Findings(Vec<Seen>);

impl RecordSink for Findings {
    fn record(&mut self, record: &Record) -> std::io::Result<()> {
        if let Record::Finding(finding) = record {
            self.0.push(Seen::of(finding));
        }
        Ok(())
    }
}

impl Seen {
    fn of(finding: &Finding) -> Self {
        let raw = finding.secret.raw.as_ref().map(Revealed::as_str).unwrap_or_default();
        Self {
            at: FalsePositive {
                path: relative(&finding.location.path).to_owned(),
                line: finding.location.line,
                column: finding.location.column,
                rule: finding.rule_id.clone(),
                secret_type: finding.secret_type.clone(),
                preview: finding.secret.preview.clone(),
                near_miss: false,
            },
            offset: finding.location.offset,
            blake3: blake3::hash(raw.as_bytes()),
            attributes: finding.attributes.clone(),
            target: finding.target.clone(),
            expires_at: finding.validity.as_ref().and_then(|validity| validity.expires_at),
        }
    }

    /// What is not as the label has it.
    fn wrong(&self, label: &Label) -> Option<String> {
        if let Some(rule) = label.rule.as_ref().filter(|rule| **rule != self.at.rule) {
            return Some(format!("rule {} finds it, not {rule}", self.at.rule));
        }
        for (name, expected) in &label.attributes {
            match self.attributes.get(name) {
                None => return Some(format!("it has no attribute {name}")),
                Some(actual) if actual != expected => {
                    return Some(format!("attribute {name} is {actual:?}, not {expected:?}"));
                }
                Some(_) => {}
            }
        }
        if let Some(expected) = &label.target {
            match &self.target {
                None => return Some("it has no target".into()),
                Some(actual) if (&actual.kind, &actual.id) != (&expected.kind, &expected.id) => {
                    return Some(format!(
                        "its target is {} {}, not {} {}",
                        actual.kind, actual.id, expected.kind, expected.id
                    ));
                }
                Some(_) => {}
            }
        }
        let expected = label.expires_at.as_ref()?;
        match self.expires_at {
            None => Some("it has no expiry".into()),
            Some(actual) if Timestamp::parse(expected) != Some(actual) => {
                Some(format!("it expires at {actual}, not {expected}"))
            }
            Some(_) => None,
        }
    }
}

/// One way in which a label names its finding, from the surest to the least.
#[derive(Clone, Copy)]
enum By {
    Offset,
    Secret,
    Line,
    Type,
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Offset(u64),
    Secret([u8; 32]),
    Line(u64),
    Type,
}

impl By {
    const ALL: [Self; 4] = [Self::Offset, Self::Secret, Self::Line, Self::Type];

    fn of_finding(self, seen: &Seen) -> Key {
        match self {
            Self::Offset => Key::Offset(seen.offset),
            Self::Secret => Key::Secret(*seen.blake3.as_bytes()),
            Self::Line => Key::Line(seen.at.line),
            Self::Type => Key::Type,
        }
    }

    /// `None` where the label does not name its finding in this way.
    fn of_label(self, label: &Label) -> Option<Key> {
        match self {
            Self::Offset => label.offset.map(Key::Offset),
            Self::Secret => {
                let digest = blake3::Hash::from_hex(label.secret_blake3.as_ref()?).ok()?;
                Some(Key::Secret(*digest.as_bytes()))
            }
            Self::Line => label.line.map(Key::Line),
            Self::Type => {
                let bare = label.offset.is_none() && label.secret_blake3.is_none() && label.line.is_none();
                bare.then_some(Key::Type)
            }
        }
    }
}

/// Labels and findings of one file and one type.
#[derive(Default)]
struct Group<'l> {
    labels: Vec<&'l Label>,
    findings: Vec<Seen>,
    near_miss: bool,
}

fn judge(seen: Vec<Seen>, rules: &RuleSet, labels: &[Label]) -> Evaluation {
    let mut groups: BTreeMap<(String, String), Group<'_>> = BTreeMap::new();
    for label in labels {
        let key = (relative(&label.path).to_owned(), label.secret_type.clone());
        let group = groups.entry(key).or_default();
        if label.near_miss {
            group.near_miss = true;
        } else {
            group.labels.push(label);
        }
    }
    // What must be found has the first choice of the findings.
    groups.values_mut().for_each(|group| group.labels.sort_by_key(|label| label.optional));
    for finding in seen {
        let key = (finding.at.path.clone(), finding.at.secret_type.clone());
        groups.entry(key).or_default().findings.push(finding);
    }
    let mut evaluation = Evaluation::none();
    for group in groups.into_values() {
        group.judge(rules, &mut evaluation);
    }
    name_other_types(&mut evaluation);
    for score in evaluation.by_type.values() {
        evaluation.total.add(*score);
    }
    evaluation
}

impl Group<'_> {
    fn judge(self, rules: &RuleSet, evaluation: &mut Evaluation) {
        let Self { labels, findings, near_miss } = self;
        let pairs = pair(&labels, &findings);
        let mut explained = vec![false; findings.len()];
        for (label, pair) in labels.iter().zip(&pairs) {
            let finding = pair.and_then(|number| findings.get(number));
            if let Some(taken) = pair.and_then(|number| explained.get_mut(number)) {
                *taken = true;
            }
            if label.optional {
                continue;
            }
            let wrong = finding.and_then(|finding| finding.wrong(label));
            let found = u64::from(finding.is_some() && wrong.is_none());
            let score = Score { expected: 1, found, false_positives: 0 };
            evaluation.by_type.entry(label.secret_type.clone()).or_default().add(score);
            let rule = finding.map(|finding| finding.at.rule.as_str()).or_else(|| rule_of(label, rules));
            if let Some(rule) = rule {
                evaluation.by_rule.entry(rule.to_owned()).or_default().add(score);
            }
            let label = (*label).clone();
            match finding.filter(|_| wrong.is_none()) {
                Some(Seen { at, target, .. }) => {
                    evaluation.hits.push(LabelHit { label, rule: at.rule.clone(), target: target.clone() });
                }
                None => evaluation.misses.push(Miss { label, wrong }),
            }
        }
        let score = Score { false_positives: 1, ..Score::default() };
        let unexplained = findings.into_iter().zip(explained).filter(|(_, explained)| !explained);
        let mut any = false;
        for (finding, _) in unexplained {
            any = true;
            evaluation.by_type.entry(finding.at.secret_type.clone()).or_default().add(score);
            evaluation.by_rule.entry(finding.at.rule.clone()).or_default().add(score);
            evaluation.false_positives.push(FalsePositive { near_miss, ..finding.at });
        }
        evaluation.near_misses += u64::from(near_miss);
        evaluation.near_misses_found += u64::from(near_miss && any);
    }
}

/// For each label the finding that belongs to it.
fn pair(labels: &[&Label], findings: &[Seen]) -> Vec<Option<usize>> {
    let mut pairs: Vec<Option<usize>> = vec![None; labels.len()];
    let mut free = vec![true; findings.len()];
    for by in By::ALL {
        let mut at: HashMap<Key, VecDeque<usize>> = HashMap::new();
        for (number, finding) in
            findings.iter().enumerate().filter(|(number, _)| free.get(*number) == Some(&true))
        {
            at.entry(by.of_finding(finding)).or_default().push_back(number);
        }
        for (label, pair) in labels.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
            let Some(there) = by.of_label(label).and_then(|key| at.get_mut(&key)) else { continue };
            // Of several the first that is as the label has it, else the first.
            let right = there.iter().take(MAX_TRIED).position(|number| {
                findings.get(*number).is_some_and(|finding| finding.wrong(label).is_none())
            });
            *pair = there.remove(right.unwrap_or(0));
            if let Some(free) = pair.and_then(|number| free.get_mut(number)) {
                *free = false;
            }
        }
    }
    pairs
}

/// So many findings in one line are tried for the one that a label describes.
const MAX_TRIED: usize = 64;

/// The rule that should have found what a label describes, where that is clear.
fn rule_of<'r>(label: &'r Label, rules: &'r RuleSet) -> Option<&'r str> {
    if let Some(rule) = &label.rule {
        return Some(rule);
    }
    let mut of_type = rules.rules().iter().filter(|rule| rule.secret_type == label.secret_type);
    let rule = of_type.next()?;
    of_type.next().is_none().then_some(rule.id.as_str())
}

/// Says of misses that they were found as another type.
fn name_other_types(evaluation: &mut Evaluation) {
    let mut by_line: HashMap<(&str, u64), &FalsePositive> = HashMap::new();
    for found in &evaluation.false_positives {
        by_line.entry((found.path.as_str(), found.line)).or_insert(found);
    }
    for miss in evaluation.misses.iter_mut().filter(|miss| miss.wrong.is_none()) {
        let Some(line) = miss.label.line else { continue };
        if let Some(found) = by_line.get(&(relative(&miss.label.path), line)) {
            miss.wrong = Some(format!("in its line {} finds: {}", found.rule, found.secret_type));
        }
    }
}
