//! Recall and precision per secret type, over a corpus that a seeded program
//! writes from what the vendors document. `cargo test --test corpus -- --nocapture`
//! prints the table.
//!
//! * `SNAPSIFT_CORPUS_SEEDS=1,2,3`: other corpora of the same forms.
//! * `SNAPSIFT_CORPUS_DIR=DIR`: the corpus is written there, `labels.jsonl` in it,
//!   and stays (with several seeds, in a folder for each).
//! * `SNAPSIFT_CORPUS_DETAILS=1`: every miss and every false finding is listed.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]
#![allow(clippy::print_stdout, reason = "the table is what the test is for")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers of a corpus are small, and checksums are cut on purpose"
)]

mod azure;
mod clean;
mod clean_text;
mod contexts;
mod databases;
mod http;
mod identity;
mod keyfiles;
mod keys;
mod logins;
mod look_alikes;
mod measure;
mod messaging;
mod mint;
mod page;
mod shelf;
mod sums;
mod tokens;
mod urls;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use shelf::{Labelled, Shelf};
use snapsift::pipeline::evaluate::{Evaluation, evaluate};
use snapsift::pipeline::labels::{self, LABELS_FILE, Label};
use snapsift::rules::RuleSet;

/// The types that are known by their context alone, with a lower bar.
const BY_CONTEXT: [&str; 2] = ["general password", "user login credentials"];

fn corpus(seed: u64) -> Shelf {
    let mut shelf = Shelf::new(seed);
    databases::add(&mut shelf);
    azure::add(&mut shelf);
    messaging::add(&mut shelf);
    identity::add(&mut shelf);
    tokens::add(&mut shelf);
    http::add(&mut shelf);
    keyfiles::add(&mut shelf);
    logins::add(&mut shelf);
    clean::add(&mut shelf);
    clean_text::add(&mut shelf);
    look_alikes::add(&mut shelf);
    shelf
}

fn seeds() -> Vec<u64> {
    let text = std::env::var("SNAPSIFT_CORPUS_SEEDS").unwrap_or_else(|_| "1,2,3".to_owned());
    text.split(',').map(|seed| seed.trim().parse().expect("a seed is a number")).collect()
}

#[test]
fn recall_and_precision_by_type() {
    let seeds = seeds();
    let kept = std::env::var_os("SNAPSIFT_CORPUS_DIR").map(PathBuf::from);
    let rules = RuleSet::builtin().expect("rules");
    let (mut told, mut all) = (Evaluation::none(), Vec::new());
    for seed in &seeds {
        let shelf = corpus(*seed);
        // In memory where that is to be had: thousands of small files take a disk long.
        let own = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")))
            .expect("a folder");
        let folder = match &kept {
            Some(folder) if seeds.len() == 1 => folder.clone(),
            Some(folder) => folder.join(seed.to_string()),
            None => own.path().to_owned(),
        };
        shelf.write(&folder);
        println!("seed {seed}: {} files, {} labels", shelf.files(), shelf.labels.len());
        // From the file, as `snapsift rules test builtin DIR` does.
        let file = File::open(folder.join(LABELS_FILE)).expect("a file of labels");
        let labels = labels::read(BufReader::new(file)).expect("labels");
        told.add(evaluate(&folder, &rules, &labels).expect("figures"));
        all.extend(labels);
    }
    assert!(told.complete, "something could not be read");
    println!("\n{}", measure::table(&told, &all));
    if std::env::var_os("SNAPSIFT_CORPUS_DETAILS").is_some() {
        println!("{}", measure::details(&told));
    }
    let below: Vec<String> = told
        .by_type
        .iter()
        .filter(|(secret_type, score)| {
            let bar = if BY_CONTEXT.contains(&secret_type.as_str()) { 0.97 } else { 0.99 };
            measure::recall(score) < bar || measure::precision(score) < bar
        })
        .map(|(name, score)| {
            let (recall, precision) = (measure::recall(score), measure::precision(score));
            format!("{name}: recall {recall:.3}, precision {precision:.3}")
        })
        .collect();
    assert!(below.is_empty(), "below the bar:\n{}", below.join("\n"));
}

/// The corpus itself: enough of each type, the same for the same seed, and with the
/// secrets where its labels say.
#[test]
fn the_corpus_is_what_its_labels_say() {
    let shelf = corpus(7);
    let again = corpus(7);
    assert!(shelf.lines().eq(again.lines()));
    assert!(!shelf.lines().eq(corpus(8).lines()));

    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for labelled in &shelf.labels {
        let label = &labelled.label;
        let count = counts.entry(&label.secret_type).or_default();
        if label.near_miss { count.1 += 1 } else { count.0 += 1 }
    }
    assert_eq!(counts.len(), 52, "{:?}", counts.keys());
    for (secret_type, (secrets, near_misses)) in counts {
        assert!(secrets >= 10 && near_misses >= 5, "{secret_type}: {secrets} and {near_misses}");
    }

    let files: BTreeMap<&str, &[u8]> = shelf.contents().collect();
    let plain = |label: &Label| label.encoding.as_deref() == Some("plain");
    for Labelled { label, length } in shelf.labels.iter().filter(|labelled| plain(&labelled.label)) {
        let start = label.offset.expect("a place") as usize;
        let content = files[label.path.as_str()];
        let written = &content[start..start + length];
        let line = 1 + content[..start].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(label.line, Some(line as u64), "{}", label.path);
        // As it is, but for the few characters that quotes make others of.
        let plain = blake3::hash(written).to_hex().to_string();
        let same = Some(plain) == label.secret_blake3;
        let escaped = written.iter().any(|byte| b"\\'%&\r\n".contains(byte));
        assert!(same || escaped, "{}: {}", label.path, String::from_utf8_lossy(written));
    }
}
