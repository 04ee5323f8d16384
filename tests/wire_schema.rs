//! The JSON Schema of the wire records that is checked in: it equals what the
//! types say (feature `schema`; `BLESS=1 cargo test --all-features` rewrites it),
//! and real output fits it to the letter.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use serde_json::Value;
use support::json_schema::violations;
use support::program::{scan, stdout, tree, write};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/wire-schema.json");

fn checked_in() -> Value {
    serde_json::from_str(&std::fs::read_to_string(PATH).expect("docs/wire-schema.json")).expect("JSON")
}

#[cfg(feature = "schema")]
#[test]
fn the_schema_equals_the_types() {
    let mut schema = schemars::schema_for!(snapsift::finding::Record).to_value();
    schema["$id"] = "snapsift/1".into();
    schema["title"] = "A line of a snapsift/1 scan".into();
    let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PATH, &text).expect("docs/wire-schema.json");
    }
    let there = std::fs::read_to_string(PATH).expect("docs/wire-schema.json");
    assert!(text == there, "docs/wire-schema.json differs from the types: BLESS=1 rewrites it");
}

#[test]
fn real_output_fits_the_schema() {
    let tree = tree();
    write(tree.path(), "odd\x1b\u{202e}name", b"");
    let schema = checked_in();
    for arguments in [&["-f", "jsonl"][..], &["-f", "jsonl", "--reveal"]] {
        let text = stdout(&scan(arguments, tree.path()));
        assert!(text.lines().count() >= 3);
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(violations(&schema, &record), Vec::<String>::new(), "{line}");
        }
    }
}

#[test]
fn every_record_type_is_in_the_schema() {
    let text = checked_in().to_string();
    for name in ["scan", "finding", "key", "problem", "summary"] {
        assert!(text.contains(&format!("\"const\":\"{name}\"")), "{name}");
    }
}

/// What does not fit is seen: the checker is worth something.
#[test]
fn a_wrong_record_does_not_fit() {
    let schema = checked_in();
    let tree = tree();
    let text = stdout(&scan(&["-f", "jsonl"], tree.path()));
    let finding = text.lines().find(|line| line.contains("\"type\":\"finding\"")).expect("a finding");
    let good: Value = serde_json::from_str(finding).expect("JSON");
    assert!(violations(&schema, &good).is_empty());
    let spoil = |change: &dyn Fn(&mut Value)| {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(!violations(&schema, &bad).is_empty(), "{bad}");
    };
    spoil(&|bad| bad["type"] = "findings".into());
    spoil(&|bad| bad["severity"] = "terrible".into());
    spoil(&|bad| bad["location"]["line"] = (-1).into());
    spoil(&|bad| bad["location"]["line"] = "1".into());
    spoil(&|bad| bad["secret"]["value"] = "unknown property".into());
    spoil(&|bad| bad["file"]["mtime"] = "yesterday".into());
    spoil(&|bad| {
        bad.as_object_mut().expect("an object").remove("rule_id");
    });
    spoil(&|bad| *bad = Value::Null);
}
