//! What two sets of rules find in the same content, held against each other.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use serde::Serialize;

use super::evaluate::EvaluateError;
use super::{Scan, ScanOptions};
use crate::finding::{Finding, Record};
use crate::rules::RuleSet;
use crate::scan::Engine;
use crate::source::Snapshot;

/// How the findings differ.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Comparison {
    /// Only the new rules find these, in order of their places.
    pub gained: Vec<Finding>,
    /// Only the old rules find these.
    pub lost: Vec<Finding>,
    /// Both find these secrets, and say something else of them.
    pub changed: Vec<Change>,
    /// Findings that are the same.
    pub same: u64,
    /// Whether all was read and every finding listed, by both.
    pub complete: bool,
}

/// One secret of which something else is said.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// What the old rules say.
    pub old: Finding,
    /// What the new ones say.
    pub new: Finding,
    /// What differs, each with the old and the new value.
    pub differences: Vec<Difference>,
}

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Of what.
    pub field: String,
    /// As it was; `None`: it was not there.
    pub old: Option<String>,
    /// As it is; `None`: it is gone.
    pub new: Option<String>,
}

impl Comparison {
    /// Whether the findings differ at all.
    #[must_use]
    pub fn differs(&self) -> bool {
        !(self.gained.is_empty() && self.lost.is_empty() && self.changed.is_empty())
    }

    /// Adds the differences in other content.
    pub fn add(&mut self, other: Self) {
        self.gained.extend(other.gained);
        self.lost.extend(other.lost);
        self.changed.extend(other.changed);
        self.same += other.same;
        self.complete &= other.complete;
    }

    /// Nothing compared yet, to add others to.
    #[must_use]
    pub fn none() -> Self {
        Self { complete: true, ..Self::default() }
    }
}

/// Scans a file or a directory with both sets of rules.
///
/// # Errors
///
/// See [`EvaluateError`].
pub fn compare(root: &Path, old: &RuleSet, new: &RuleSet) -> Result<Comparison, EvaluateError> {
    let (old, old_complete) = findings(root, old)?;
    let (new, new_complete) = findings(root, new)?;
    Ok(Comparison { complete: old_complete && new_complete, ..pair(old, new) })
}

fn findings(root: &Path, rules: &RuleSet) -> Result<(Vec<Finding>, bool), EvaluateError> {
    let options =
        ScanOptions { include_test_content: true, max_findings_per_file: u64::MAX, ..ScanOptions::default() };
    let mut found: Vec<Finding> = Vec::new();
    let mut keep = |record: &Record| {
        if let Record::Finding(finding) = record {
            found.push((**finding).clone());
        }
    };
    let summary = Scan::new(Snapshot::open(root)?, Engine::new(rules), options).run(&mut Each(&mut keep))?;
    Ok((found, summary.complete && summary.findings_not_listed == 0))
}

struct Each<'f>(&'f mut dyn FnMut(&Record));

impl super::RecordSink for Each<'_> {
    fn record(&mut self, record: &Record) -> std::io::Result<()> {
        (self.0)(record);
        Ok(())
    }
}

/// The same secret: at the same place, or, what is left then, the same value in
/// the same file.
fn pair(old: Vec<Finding>, new: Vec<Finding>) -> Comparison {
    let mut told = Comparison::none();
    let place = |finding: &Finding| (finding.location.path.clone(), finding.location.offset.to_string());
    let value = |finding: &Finding| (finding.location.path.clone(), finding.secret.fingerprint.clone());
    let (old, new) = pair_by(old, new, place, &mut told);
    let (old, new) = pair_by(old, new, value, &mut told);
    (told.lost, told.gained) = (old, new);
    told
}

/// Pairs what has the same key; gives what is left, in its order.
fn pair_by(
    old: Vec<Finding>,
    new: Vec<Finding>,
    key: impl Fn(&Finding) -> (String, String),
    told: &mut Comparison,
) -> (Vec<Finding>, Vec<Finding>) {
    let mut there: BTreeMap<(String, String), VecDeque<Finding>> = BTreeMap::new();
    for finding in new {
        there.entry(key(&finding)).or_default().push_back(finding);
    }
    let mut left = Vec::new();
    for old in old {
        let Some(candidates) = there.get_mut(&key(&old)) else {
            left.push(old);
            continue;
        };
        // Two rules may report the same bytes: its own rule first.
        let own = candidates.iter().position(|new| new.rule_id == old.rule_id).unwrap_or(0);
        let Some(new) = candidates.remove(own) else {
            left.push(old);
            continue;
        };
        let differences = differences(&old, &new);
        if differences.is_empty() {
            told.same += 1;
        } else {
            told.changed.push(Change { old, new, differences });
        }
    }
    let mut unpaired: Vec<Finding> = there.into_values().flatten().collect();
    unpaired.sort_by(|a, b| order(a).cmp(&order(b)));
    (left, unpaired)
}

fn order(finding: &Finding) -> (&str, u64, &str) {
    (&finding.location.path, finding.location.offset, &finding.rule_id)
}

fn differences(old: &Finding, new: &Finding) -> Vec<Difference> {
    let time = |finding: &Finding| {
        finding.validity.as_ref().and_then(|validity| validity.expires_at).map(|time| time.to_string())
    };
    let target =
        |finding: &Finding| finding.target.as_ref().map(|target| format!("{} {}", target.kind, target.id));
    let place = |finding: &Finding| format!("{}:{}", finding.location.line, finding.location.column);
    let mut fields = vec![
        ("rule".to_owned(), Some(old.rule_id.clone()), Some(new.rule_id.clone())),
        ("secret type".into(), Some(old.secret_type.clone()), Some(new.secret_type.clone())),
        ("severity".into(), Some(old.severity.to_string()), Some(new.severity.to_string())),
        ("confidence".into(), Some(old.confidence.to_string()), Some(new.confidence.to_string())),
        ("secret".into(), Some(old.secret.fingerprint.clone()), Some(new.secret.fingerprint.clone())),
        ("place".into(), Some(place(old)), Some(place(new))),
        ("target".into(), target(old), target(new)),
        ("expiry".into(), time(old), time(new)),
    ];
    let mut names: Vec<&String> = old.attributes.keys().chain(new.attributes.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let value = |finding: &Finding| finding.attributes.get(name).cloned();
        fields.push((format!("attribute {name}"), value(old), value(new)));
    }
    let differs = fields.into_iter().filter(|(_, old, new)| old != new);
    differs.map(|(field, old, new)| Difference { field, old, new }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Literal, Rule};

    fn rule(id: &str, pattern: &str) -> Rule {
        let literal = Literal { bytes: b"tok_"[..].into(), fold: false, min_offset: 0, max_offset: 0 };
        Rule::new(id, pattern, vec![literal])
    }

    fn told(old: Vec<Rule>, new: Vec<Rule>) -> Comparison {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("f"), "tok_a12345\ntok_b12345\ntok_b12345\n").expect("a file");
        let set = |rules| RuleSet::new(rules, String::new());
        compare(folder.path(), &set(old), &set(new)).expect("compares")
    }

    #[test]
    fn the_same_rules_find_the_same() {
        let rules = || vec![rule("r", "tok_(?P<secret>[a-z][0-9]{5})")];
        let told = told(rules(), rules());
        assert!(!told.differs() && told.complete);
        assert_eq!(told.same, 3);
    }

    #[test]
    fn gained_lost_and_changed() {
        let all = || rule("r", "tok_(?P<secret>[a-z][0-9]{5})");
        let some = || rule("r", "tok_(?P<secret>a[0-9]{5})");
        let gained = told(vec![some()], vec![all()]);
        assert_eq!((gained.gained.len(), gained.lost.len(), gained.changed.len(), gained.same), (2, 0, 0, 1));
        assert_eq!(gained.gained[0].location.line, 2);
        let lost = told(vec![all()], vec![some()]);
        assert_eq!((lost.gained.len(), lost.lost.len(), lost.changed.len(), lost.same), (0, 2, 0, 1));
        let named = || rule("other", "tok_(?P<secret>(?P<kind>[a-z])[0-9]{5})");
        let changed = told(vec![all()], vec![named()]);
        assert_eq!((changed.gained.len(), changed.lost.len(), changed.changed.len()), (0, 0, 3));
        let fields: Vec<&str> =
            changed.changed[0].differences.iter().map(|difference| difference.field.as_str()).collect();
        assert_eq!(fields, ["rule", "secret type", "attribute kind"]);
        // The whole token is another secret, at another place, in the same file.
        let moved = told(vec![all()], vec![rule("r", "tok_[a-z][0-9]{5}")]);
        assert_eq!((moved.gained.len(), moved.lost.len()), (3, 3));
    }
}
