//! The table of what [`evaluate`] measured.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use snapsift::pipeline::evaluate::{Evaluation, LabelHit, Score};
use snapsift::pipeline::labels::Label;

/// Of one type what its [`Score`] does not say.
#[derive(Default)]
struct More {
    /// Secrets that stand as they are, without an encoding.
    plain: u64,
    plain_found: u64,
    /// Found secrets of which a file says what they open.
    targets: u64,
    targets_told: u64,
    near_misses: u64,
}

/// A share of nothing is all of it.
pub(crate) fn recall(score: &Score) -> f64 {
    score.recall().unwrap_or(1.0)
}

/// A share of nothing is all of it.
pub(crate) fn precision(score: &Score) -> f64 {
    score.precision().unwrap_or(1.0)
}

/// Whether the finding names what the file says that the secret opens; `None` where it
/// says nothing.
fn tells_target(hit: &LabelHit) -> Option<bool> {
    let opens = hit.label.note.as_ref()?.to_lowercase();
    Some(hit.target.as_ref().is_some_and(|target| target.id.to_lowercase().contains(&opens)))
}

fn is_plain(label: &Label) -> u64 {
    u64::from(label.encoding.as_deref() == Some("plain"))
}

fn more(told: &Evaluation, labels: &[Label]) -> BTreeMap<String, More> {
    let mut types: BTreeMap<String, More> = BTreeMap::new();
    for label in labels.iter().filter(|label| label.near_miss) {
        types.entry(label.secret_type.clone()).or_default().near_misses += 1;
    }
    for miss in &told.misses {
        types.entry(miss.label.secret_type.clone()).or_default().plain += is_plain(&miss.label);
    }
    for hit in &told.hits {
        let more = types.entry(hit.label.secret_type.clone()).or_default();
        more.plain += is_plain(&hit.label);
        more.plain_found += is_plain(&hit.label);
        more.targets += u64::from(tells_target(hit).is_some());
        more.targets_told += u64::from(tells_target(hit) == Some(true));
    }
    types
}

/// The table, a type a line.
pub(crate) fn table(told: &Evaluation, labels: &[Label]) -> String {
    let mut out = String::new();
    let mut row = |columns: [String; 9]| {
        let [name, secrets, recall, plain, precision, missed, wrong, targets, near] = columns;
        writeln!(out, "{name:<50} {secrets:>8} {recall:>7} {plain:>7} {precision:>9} {missed:>6} {wrong:>6} {targets:>9} {near:>8}")
            .expect("a text");
    };
    row(["type", "secrets", "recall", "plain", "precision", "missed", "false", "targets", "nearby"]
        .map(str::to_owned));
    let types = more(told, labels);
    let mut all = More::default();
    for (secret_type, more) in &types {
        row(columns(secret_type, &told.by_type.get(secret_type).copied().unwrap_or_default(), more));
        all.plain += more.plain;
        all.plain_found += more.plain_found;
        all.targets += more.targets;
        all.targets_told += more.targets_told;
        all.near_misses += more.near_misses;
    }
    for (secret_type, score) in told.by_type.iter().filter(|(name, _)| !types.contains_key(*name)) {
        row(columns(secret_type, score, &More::default()));
    }
    row(columns("all", &told.total, &all));
    out
}

fn columns(name: &str, score: &Score, more: &More) -> [String; 9] {
    let plain = if more.plain == 0 { 1.0 } else { more.plain_found as f64 / more.plain as f64 };
    let targets = format!("{}/{}", more.targets_told, more.targets);
    [
        name.to_owned(),
        score.expected.to_string(),
        format!("{:.3}", recall(score)),
        format!("{plain:.3}"),
        format!("{:.3}", precision(score)),
        (score.expected - score.found).to_string(),
        score.false_positives.to_string(),
        if more.targets == 0 { String::new() } else { targets },
        more.near_misses.to_string(),
    ]
}

/// Every miss, every false finding and every target that was not told, a line each.
pub(crate) fn details(told: &Evaluation) -> String {
    let mut out = String::new();
    for miss in &told.misses {
        let wrong = miss.wrong.as_ref().map(|wrong| format!(": {wrong}")).unwrap_or_default();
        writeln!(out, "missed   {}{wrong}", described(&miss.label)).expect("a text");
    }
    for hit in told.hits.iter().filter(|hit| tells_target(hit) == Some(false)) {
        let target = hit.target.as_ref().map(|target| target.id.as_str());
        let opens = hit.label.note.as_deref().unwrap_or_default();
        writeln!(out, "target   {}: {} says {target:?}, not {opens}", described(&hit.label), hit.rule)
            .expect("a text");
    }
    for found in &told.false_positives {
        let near = if found.near_miss { ", a near miss" } else { "" };
        writeln!(
            out,
            "false    {} by {}: {}:{}{near}",
            found.secret_type, found.rule, found.path, found.line
        )
        .expect("a text");
    }
    out
}

fn described(label: &Label) -> String {
    format!(
        "{}: {} [{}] {}:{}",
        label.secret_type,
        label.form.as_deref().unwrap_or_default(),
        label.encoding.as_deref().unwrap_or_default(),
        label.path,
        label.line.unwrap_or_default()
    )
}
