//! Real SARIF output fits the official schema (`testdata/sarif-schema-2.1.0.json`).
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use serde_json::{Value, json};
use support::json_schema::violations;
use support::program::{code, scan, stderr, stdout, token, tree, write};

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/sarif-schema-2.1.0.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the schema")).expect("JSON")
}

#[test]
fn real_output_fits_the_schema() {
    let schema = schema();
    let tree = tree();
    write(tree.path(), "odd\x1b\u{202e} [name]%{0}", format!("TOKEN={}\n", token(2)).as_bytes());
    let ignore = tempfile::tempdir().expect("a folder");
    write(
        ignore.path(),
        "ignore.yaml",
        b"ignore:\n- {rule: github-pat-classic, path: /app/, reason: a canary}\n- {rule: x, path: /y, reason: z}\n",
    );
    let file = ignore.path().join("ignore.yaml");
    let baseline = ignore.path().join("old.jsonl");
    let old = scan(&["-f", "jsonl"], tree.path());
    std::fs::write(&baseline, old.stdout).expect("a file");
    let arguments: [&[&str]; 3] = [
        &["-f", "sarif"],
        &["-f", "sarif", "--reveal"],
        &[
            "-f",
            "sarif",
            "--ignore",
            file.to_str().expect("UTF-8"),
            "--baseline",
            baseline.to_str().expect("UTF-8"),
        ],
    ];
    for arguments in arguments {
        let output = scan(arguments, tree.path());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let log: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        assert_eq!(violations(&schema, &log), Vec::<String>::new(), "{arguments:?}");
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().map(Vec::len), Some(2));
        assert!(run["tool"]["driver"]["rules"].as_array().is_some_and(|rules| rules.len() > 10));
        assert_eq!(stdout(&output).contains(&token(1)), arguments.contains(&"--reveal"));
        if arguments.len() > 4 {
            assert_eq!(run["results"][0]["suppressions"][0]["justification"], "a canary");
            assert_eq!(run["results"][0]["baselineState"], "unchanged");
            assert_eq!(run["results"][1]["suppressions"], json!([]));
        }
    }
}

/// What does not fit is seen.
#[test]
fn a_wrong_log_does_not_fit() {
    let schema = schema();
    let tree = tree();
    let good: Value = serde_json::from_str(&stdout(&scan(&["-f", "sarif"], tree.path()))).expect("JSON");
    assert!(violations(&schema, &good).is_empty());
    let spoil = |change: &dyn Fn(&mut Value)| {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(!violations(&schema, &bad).is_empty(), "{bad}");
    };
    spoil(&|bad| bad["version"] = "2.2.0".into());
    spoil(&|bad| bad["runs"][0]["results"][0]["level"] = "high".into());
    spoil(&|bad| bad["runs"][0]["results"][0]["secret"] = "unknown property".into());
    spoil(&|bad| bad["runs"][0]["results"][0]["ruleIndex"] = (-2).into());
    spoil(&|bad| {
        bad["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0.into();
    });
    spoil(&|bad| {
        bad["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] =
            "a b".into();
    });
    spoil(&|bad| {
        bad["runs"][0].as_object_mut().expect("a run").remove("tool");
    });
}
