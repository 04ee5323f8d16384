//! `snapsift bench`: the figures are whole and agree with each other. What they are
//! depends on the machine and is not tested.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::program::{code, snapsift, stderr, stdout, tree, write};

fn bench(arguments: &[&str], target: &Path) -> std::process::Output {
    snapsift().arg("bench").args(arguments).arg(target).output().expect("the program runs")
}

fn json(arguments: &[&str], target: &Path) -> Value {
    let output = bench(&[&["--format", "json"], arguments].concat(), target);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

#[test]
fn the_figures_are_whole_and_agree() {
    let tree = tree();
    let report = json(&["--runs", "3", "--jobs", "1,2", "--cold"], tree.path());
    assert_eq!(report["schema"], "snapsift-bench/1");
    // tree(): `app/.env` of 9 + 47 bytes and `README` of 13, in two directories.
    assert_eq!((&report["files"], &report["directories"]), (&2.into(), &2.into()));
    assert_eq!(report["bytes"], 69);
    assert_eq!(report["complete"], true);
    let rows = report["rows"].as_array().expect("rows");
    let kinds: Vec<(&str, u64)> = rows
        .iter()
        .map(|row| (row["cache"].as_str().expect("text"), row["threads"].as_u64().expect("a number")))
        .collect();
    assert_eq!(kinds, [("warm", 1), ("warm", 2), ("cold_advised", 1), ("cold_advised", 2)]);
    for row in rows {
        assert_eq!(row["same_input"], true);
        let samples = row["samples"].as_array().expect("samples");
        assert_eq!(samples.len(), 3);
        for spread in ["wall_seconds", "cpu_seconds"] {
            let [min, median, max] = ["min", "median", "max"].map(|name| number(&row[spread][name]));
            assert!(0.0 < min && min <= median && median <= max, "{row}");
            assert!(samples.iter().all(|sample| (min..=max).contains(&number(&sample[spread]))));
        }
        let rate = 69.0 / number(&row["wall_seconds"]["median"]) / 1e9;
        assert!((number(&row["gigabytes_per_second"]) / rate - 1.0).abs() < 1e-9, "{row}");
    }
}

#[test]
fn the_profile_adds_up_and_counts_what_the_engine_did() {
    let tree = tree();
    // A literal without a secret: seen, and not matched.
    write(tree.path(), "notes", concat!("gh", "p_ is how it begins\n").as_bytes());
    let report = json(&["--runs", "2", "--jobs", "2"], tree.path());
    let profile = &report["profile"];
    assert_eq!(profile["threads"], 2);
    assert_eq!(profile["bytes"], report["bytes"]);
    let stages = profile["stages"].as_array().expect("stages");
    let names: Vec<&str> = stages.iter().map(|stage| stage["name"].as_str().expect("text")).collect();
    assert_eq!(names, ["start", "walk", "open", "read", "prefilter", "confirm", "verify", "records"]);
    // Differences add up to the whole; those below zero were cut to zero.
    let shares: f64 = stages.iter().map(|stage| number(&stage["share"])).sum();
    assert!(shares > 0.999, "{shares}");
    let rules = profile["rules"].as_array().expect("rules");
    let rule = rules.iter().find(|rule| rule["id"] == "github-pat-classic").expect("the rule");
    assert_eq!((&rule["literals"], &rule["matched"], &rule["verified"]), (&2.into(), &1.into(), &1.into()));
    assert!(number(&profile["candidates"]) >= number(&profile["literals"]));
}

#[test]
fn the_options_of_scan_choose_what_is_measured() {
    let tree = tree();
    write(tree.path(), "usr/lib/node_modules/pkg/test/sample", b"12345");
    let files =
        |arguments: &[&str]| json(&[&["--no-profile", "--runs", "1"], arguments].concat(), tree.path());
    let report = files(&[]);
    assert_eq!((&report["files"], &report["profile"]), (&2.into(), &Value::Null));
    assert_eq!(files(&["--include-test-content"])["files"], 3);
    assert_eq!(files(&["--exclude", "/app"])["files"], 1);
    assert_eq!(files(&["--max-file-size", "20"])["files"], 1);
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/literals-300.toml");
    assert_eq!(files(&["--no-builtin", "--rules", rules.to_str().expect("text")])["rules"], 300);
}

#[test]
fn the_text_names_the_machine_the_target_and_each_stage() {
    let tree = tree();
    let output = bench(&["--runs", "1"], tree.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    for word in ["cores", "kernel", "2 files, 69 bytes", "warm", "prefilter", "records", "github-pat-classic"]
    {
        assert!(text.contains(word), "{word} is missing:\n{text}");
    }
}

#[test]
fn wrong_usage_and_missing_targets_are_told() {
    let tree = tree();
    let output = bench(&["--drop-caches"], tree.path());
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("--cold"), "{}", stderr(&output));
    assert_eq!(code(&bench(&["--jobs", "0"], tree.path())), 2);
    let output = bench(&[], &tree.path().join("missing"));
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("no such file or directory"), "{}", stderr(&output));
}

#[test]
fn a_single_file_can_be_measured() {
    let tree = tree();
    let report = json(&["--runs", "1", "--jobs", "1"], &tree.path().join("README"));
    assert_eq!((&report["files"], &report["bytes"]), (&1.into(), &13.into()));
}
