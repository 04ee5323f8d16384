//! Holds what a scan found against the labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::shelf::Label;

/// What a scan says of one place.
#[derive(Debug)]
struct Found {
    path: String,
    secret_type: String,
    rule: String,
    offset: u64,
    length: u64,
    line: u64,
    blake3: Option<String>,
    expires_at: Option<String>,
    target: String,
}

/// The counts of one type.
#[derive(Default)]
pub(crate) struct Score {
    pub expected: usize,
    pub found: usize,
    /// Of those that stand as they are, without an encoding.
    pub plain_expected: usize,
    pub plain_found: usize,
    /// Found, but not where the label says.
    pub displaced: usize,
    pub wrong: usize,
    pub expiries: usize,
    pub right_expiries: usize,
    pub targets: usize,
    pub right_targets: usize,
    pub untold: Vec<String>,
    pub near_misses: usize,
    pub missed: Vec<String>,
    pub falsely: Vec<String>,
}

impl Score {
    pub(crate) fn recall(&self) -> f64 {
        ratio(self.found, self.expected)
    }

    pub(crate) fn precision(&self) -> f64 {
        ratio(self.found, self.found + self.wrong)
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

pub(crate) type Scores = BTreeMap<String, Score>;

/// Scans a folder with the built program.
fn scan(folder: &Path) -> Vec<Found> {
    let built = || env!("CARGO_BIN_EXE_snapsift").into();
    let output = Command::new(std::env::var_os("SNAPSIFT_CORPUS_PROGRAM").unwrap_or_else(built))
        .args(["scan", "--format", "jsonl", "--reveal", "--include-test-content", "--quiet"])
        .arg(folder)
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains(r#""type":"summary""#), "{}", String::from_utf8_lossy(&output.stderr));
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter(|record| record["type"] == "finding")
        .map(|record| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (location, secret) = (&record["location"], &record["secret"]);
            Found {
                path: text(&location["path"]).trim_start_matches('/').to_owned(),
                secret_type: text(&record["secret_type"]),
                rule: text(&record["rule_id"]),
                offset: location["offset"].as_u64().unwrap_or_default(),
                length: secret["length"].as_u64().unwrap_or_default().max(1),
                line: location["line"].as_u64().unwrap_or_default(),
                blake3: secret["raw"]["text"]
                    .as_str()
                    .or(secret["raw"].as_str())
                    .map(|raw| blake3::hash(raw.as_bytes()).to_hex().to_string()),
                target: text(&record["target"]["id"]).to_lowercase(),
                expires_at: record["validity"]["expires_at"].as_str().map(str::to_owned),
            }
        })
        .collect()
}

fn is_plain(label: &Label) -> bool {
    label.encoding.as_deref() == Some("plain")
}

/// Whether a finding is of the bytes that a label is of.
fn same_place(found: &Found, label: &Label) -> bool {
    let (start, length) = (label.offset.unwrap_or_default(), label.length.unwrap_or_default());
    let overlap = found.offset < start + length && start < found.offset + found.length;
    overlap || label.secret_blake3.is_some() && found.blake3 == label.secret_blake3
}

/// Scans a folder and adds what comes of it to the scores.
pub(crate) fn add(folder: &Path, labels: &[Label], scores: &mut Scores) {
    let mut found: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    for one in scan(folder) {
        found.entry(one.path.clone()).or_default().push(one);
    }
    let mut files: BTreeMap<&str, Vec<&Label>> = BTreeMap::new();
    for label in labels {
        if label.near_miss {
            scores.entry(label.secret_type.clone()).or_default().near_misses += 1;
        }
        files.entry(&label.path).or_default().push(label);
    }
    for (path, labels) in files {
        let near = labels.iter().find(|label| label.near_miss);
        let form = near.and_then(|label| label.form.clone()).map(|form| format!("near miss: {form}"));
        let labels: Vec<&Label> = labels.iter().copied().filter(|label| !label.near_miss).collect();
        file(&labels, form.as_deref(), found.remove(path).unwrap_or_default(), scores);
    }
    // What is left stands in files without a label.
    for one in found.into_values() {
        file(&[], Some("clean"), one, scores);
    }
}

/// One file's labels and findings.
fn file(labels: &[&Label], form: Option<&str>, mut found: Vec<Found>, scores: &mut Scores) {
    let mut open: Vec<&Label> = labels.to_vec();
    let steps: [fn(&Found, &Label) -> bool; 3] =
        [same_place, |found, label| Some(found.line) == label.line, |_, _| true];
    for (step, same) in steps.iter().enumerate() {
        open.retain(|label| {
            let at = found.iter().position(|one| one.secret_type == label.secret_type && same(one, label));
            let Some(at) = at else { return true };
            let one = found.remove(at);
            if label.optional {
                return false;
            }
            let score = scores.entry(label.secret_type.clone()).or_default();
            score.expected += 1;
            score.found += 1;
            score.plain_expected += usize::from(is_plain(label));
            score.plain_found += usize::from(is_plain(label));
            score.displaced += usize::from(step == 2);
            if let Some(expected) = &label.expires_at {
                score.expiries += 1;
                score.right_expiries += usize::from(one.expires_at.as_ref() == Some(expected));
            }
            if let Some(expected) = &label.opens {
                score.targets += 1;
                if one.target.contains(&expected.to_lowercase()) {
                    score.right_targets += 1;
                } else {
                    score.untold.push(format!(
                        "{} by {} opens {:?}, not {expected}",
                        label.form.clone().unwrap_or_default(),
                        one.rule,
                        one.target
                    ));
                }
            }
            false
        });
    }
    let describe = |label: &Label| {
        format!(
            "{} [{}] {}:{}",
            label.form.clone().unwrap_or_default(),
            label.encoding.clone().unwrap_or_default(),
            label.path,
            label.line.unwrap_or_default()
        )
    };
    for one in found {
        if open.iter().any(|label| label.optional && same_place(&one, label)) {
            continue;
        }
        let there = labels.iter().find(|label| same_place(&one, label));
        let why = match there {
            Some(label) if label.secret_type == one.secret_type => format!("twice: {}", describe(label)),
            Some(label) => format!("is {}: {}", label.secret_type, describe(label)),
            None => {
                let beside = labels.first().map(|label| format!("beside {}", describe(label)));
                form.map(str::to_owned).or(beside).unwrap_or_default()
            }
        };
        let score = scores.entry(one.secret_type.clone()).or_default();
        score.wrong += 1;
        score.falsely.push(format!("{} by {} ({}:{})", why, one.rule, one.path, one.line));
    }
    for label in open.into_iter().filter(|label| !label.optional) {
        let score = scores.entry(label.secret_type.clone()).or_default();
        score.expected += 1;
        score.plain_expected += usize::from(is_plain(label));
        score.missed.push(describe(label));
    }
}

/// The table, a type a line.
pub(crate) fn table(scores: &Scores) -> String {
    let mut out = format!(
        "{:<50} {:>8} {:>7} {:>7} {:>9} {:>6} {:>6} {:>6} {:>9} {:>9} {:>8}\n",
        "type",
        "secrets",
        "recall",
        "plain",
        "precision",
        "missed",
        "false",
        "moved",
        "expiries",
        "targets",
        "nearby"
    );
    for (secret_type, score) in scores {
        let of = |right: usize, all: usize| if all == 0 { String::new() } else { format!("{right}/{all}") };
        writeln!(
            out,
            "{:<50} {:>8} {:>7.3} {:>7.3} {:>9.3} {:>6} {:>6} {:>6} {:>9} {:>9} {:>8}",
            secret_type,
            score.expected,
            score.recall(),
            ratio(score.plain_found, score.plain_expected),
            score.precision(),
            score.missed.len(),
            score.wrong,
            score.displaced,
            of(score.right_expiries, score.expiries),
            of(score.right_targets, score.targets),
            score.near_misses,
        )
        .expect("a text");
    }
    let sum = |of: fn(&Score) -> usize| scores.values().map(of).sum::<usize>();
    let (expected, found, wrong) = (sum(|s| s.expected), sum(|s| s.found), sum(|s| s.wrong));
    writeln!(
        out,
        "{:<50} {:>8} {:>7.3} {:>7.3} {:>9.3} {:>6} {:>6}",
        "all",
        expected,
        ratio(found, expected),
        ratio(sum(|s| s.plain_found), sum(|s| s.plain_expected)),
        ratio(found, found + wrong),
        expected - found,
        wrong
    )
    .expect("a text");
    out
}
