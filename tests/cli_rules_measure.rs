//! `snapsift rules test`, `bench` and `diff`, and the choice of rules.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Output;

use serde_json::Value;
use support::program::{code, copy_for_all, findings, records, snapsift, stderr, stdout, write};

fn rule(id: &str, secret_type: &str, more: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nname = \"n\"\ntype = \"{secret_type}\"\nprovider = \"p\"\ncategory = \"c\"\n\
         severity = \"high\"\nconfidence = \"high\"\ndescription = \"d\"\nremediation = \"r\"\n{more}\n"
    )
}

fn pack(rules: &[String]) -> String {
    format!("[pack]\nname = \"t\"\n{}", rules.concat())
}

const TOKEN: &str = "pattern = '''tok_(?P<secret>[a-z][0-9]{5})'''\n\
                     [[rule.example]]\ntext = \"tok_a12345\"\nsecret = \"a12345\"\n\
                     [[rule.counter_example]]\ntext = \"tok_12345\"\n";
const KEY: &str = "pattern = '''key_(?P<secret>[0-9]{6})'''\n";

/// Two files with three tokens and a key, of which one token is not labelled.
fn corpus() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    write(root, "t.toml", pack(&[rule("t-token", "Token", TOKEN), rule("t-key", "Key", KEY)]).as_bytes());
    write(root, "corpus/a/.env", b"x=tok_a12345\ny=tok_b12345\n");
    write(root, "corpus/tests/b", b"tok_c12345 key_123456\n");
    write(
        root,
        "corpus/labels.jsonl",
        b"{\"path\": \"a/.env\", \"secret_type\": \"Token\", \"line\": 1}\n\
          {\"path\": \"a/.env\", \"secret_type\": \"Token\", \"line\": 2}\n\
          {\"path\": \"tests/b\", \"secret_type\": \"Key\", \"offset\": 15, \"form\": \"env\"}\n\
          {\"path\": \"tests/b\", \"secret_type\": \"Key\", \"line\": 7, \"form\": \"yaml\"}\n",
    );
    folder
}

fn run(folder: &tempfile::TempDir, arguments: &[&str]) -> Output {
    snapsift().arg("rules").args(arguments).current_dir(folder.path()).output().expect("runs")
}

#[track_caller]
fn json(folder: &tempfile::TempDir, arguments: &[&str]) -> Value {
    let output = run(folder, &[arguments, &["--format", "json"]].concat());
    assert!([0, 1].contains(&code(&output)), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("JSON")
}

#[test]
fn recall_and_precision_are_told_by_type_and_rule() {
    let folder = corpus();
    let output = run(&folder, &["test", "t.toml", "corpus"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    for line in [
        "examples  2 of 2 rules, 0 fail",
        "corpus    2 files, 4 labels, 0 near misses (0 found all the same)",
        // Two of two labels, and two of three findings.
        " 100.0 %    66.7 %        2        2        1  Token",
        "  50.0 %   100.0 %        2        1        0  Key",
        "  75.0 %    75.0 %        4        3        1  all types",
        " 100.0 %    66.7 %        2        2        1  t-token",
        "  tests/b:7  Key (yaml)",
        "  tests/b:1:5  Token  …  (t-token)",
    ] {
        assert!(text.lines().any(|shown| shown == line), "no {line:?} in\n{text}");
    }
    assert!(!text.contains("c12345"));
    let told = json(&folder, &["test", "t.toml", "--corpus", "corpus"]);
    assert_eq!(told["corpus"]["by_type"]["Key"]["recall"], 0.5);
    assert_eq!(told["corpus"]["by_rule"]["t-key"]["expected"], 2);
    assert_eq!(told["corpus"]["misses"][0]["label"]["form"], "yaml");
    assert_eq!(told["corpus"]["false_positives"][0]["path"], "tests/b");
    assert!(!told.to_string().contains("c12345"));
}

#[test]
fn what_is_below_the_bar_is_exit_1() {
    let folder = corpus();
    for (bar, expected, problem) in [
        (&["--min-recall", "0.5", "--min-precision", "0.6"][..], 0, ""),
        (&["--min-recall", "0.51"], 1, "below: Key: recall 0.5000 is below 0.51"),
        (&["--min-precision", "0.67"], 1, "below: Token: precision 0.6667 is below 0.67"),
        (&["--min-precision", "0.67", "--disable-rule", "t-token"], 0, ""),
    ] {
        let output = run(&folder, &[&["test", "t.toml", "corpus"], bar].concat());
        assert_eq!(code(&output), expected, "{bar:?}: {}", stdout(&output));
        assert!(stdout(&output).contains(problem), "{bar:?}");
    }
    for share in ["2", "-1", "NaN", "x"] {
        assert_eq!(code(&run(&folder, &["test", "t.toml", "corpus", "--min-recall", share])), 2, "{share}");
    }
}

#[test]
fn examples_are_run() {
    let folder = corpus();
    let wrong = TOKEN.replace("tok_12345", "tok_z99999");
    write(folder.path(), "bad.toml", pack(&[rule("t-token", "Token", &wrong)]).as_bytes());
    let output = run(&folder, &["test", "bad.toml"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("a counter example of `t-token` matches"), "{}", stderr(&output));
    assert_eq!(json(&folder, &["test", "bad.toml"])["example_faults"].as_array().map(Vec::len), Some(1));
    assert_eq!(code(&run(&folder, &["test", "bad.toml", "--no-examples"])), 0);
    // The packs that are built in.
    assert_eq!(code(&run(&folder, &["test"])), 0);
}

#[test]
fn labels_that_are_wrong_are_exit_2() {
    let folder = corpus();
    let root = folder.path();
    write(root, "short.jsonl", b"{\"path\": \"a\"\n");
    write(root, "odd.jsonl", b"\n\x1b[31m\xff\n");
    write(root, "type.jsonl", b"{\"path\": \"a\"}\n");
    write(root, "huge.jsonl", &vec![b'x'; 1 << 20]);
    for (labels, problem) in [
        ("short.jsonl", "line 1 is no label"),
        ("odd.jsonl", "line 2 is no label"),
        ("type.jsonl", "missing field `secret_type`"),
        ("huge.jsonl", "more than"),
        ("gone.jsonl", "cannot read the labels gone.jsonl"),
    ] {
        let output = run(&folder, &["test", "t.toml", "corpus", "--labels", labels]);
        assert_eq!(code(&output), 2, "{labels}");
        assert!(stderr(&output).contains(problem), "{labels}: {}", stderr(&output));
        assert!(!stderr(&output).contains('\u{1b}'), "{labels}");
    }
    let output = run(&folder, &["test", "t.toml", "corpus/a"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("corpus/a/labels.jsonl"), "{}", stderr(&output));
    assert_eq!(code(&run(&folder, &["test", "t.toml", "gone"])), 2);
    // Nothing has to be found: all of it is false.
    let told = json(&folder, &["test", "t.toml", "corpus", "--labels", "/dev/null"]);
    assert_eq!(told["corpus"]["total"]["false_positives"], 4);
    assert_eq!(told["corpus"]["total"]["recall"], Value::Null);
}

#[test]
fn what_cannot_be_read_is_exit_3() {
    let folder = corpus();
    std::os::unix::fs::symlink("loop", folder.path().join("corpus/loop")).expect("a link");
    assert_eq!(code(&run(&folder, &["test", "t.toml", "corpus"])), 0, "links are left out on purpose");
    // Root reads everything: as a user that nobody is.
    write(folder.path(), "corpus/closed", b"x");
    for (name, mode) in [("corpus/closed", 0o000), ("", 0o755)] {
        std::fs::set_permissions(folder.path().join(name), Permissions::from_mode(mode)).expect("a mode");
    }
    let (copy, _folder) = copy_for_all();
    let mut command = std::process::Command::new(copy);
    command.args(["rules", "test", "t.toml", "corpus"]).current_dir(folder.path());
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let output = command.output().expect("runs");
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stdout(&output).contains("Something could not be read"), "{}", stdout(&output));
}

#[test]
fn the_cost_of_each_rule_is_measured() {
    let folder = corpus();
    let told = json(&folder, &["bench", "t.toml", "--corpus", "corpus", "--runs", "1"]);
    assert_eq!(told["schema"], "snapsift-rules-bench/1");
    // The file of labels is content like any other here.
    assert_eq!(told["files"], 3);
    let of = |id: &str| {
        let rules = told["rules"].as_array().expect("rules");
        rules.iter().find(|rule| rule["id"] == id).cloned().expect("the rule")
    };
    let (token, key) = (of("t-token"), of("t-key"));
    assert_eq!(
        (&token["literals"], &token["matched"], &token["verified"]),
        (&3.into(), &3.into(), &3.into())
    );
    assert_eq!(key["verified"], 1);
    for rule in [&token, &key] {
        assert!(rule["candidates_per_gigabyte"].as_f64() >= rule["literals_per_gigabyte"].as_f64(), "{rule}");
        assert!(rule["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
        let per_gigabyte =
            rule["literals"].as_f64().expect("a number") * 1e9 / told["bytes"].as_f64().expect("bytes");
        assert!((rule["literals_per_gigabyte"].as_f64().expect("a rate") - per_gigabyte).abs() < 1.0);
    }
    let costs: Vec<f64> =
        told["rules"].as_array().expect("rules").iter().filter_map(|rule| rule["seconds"].as_f64()).collect();
    assert!(costs.is_sorted_by(|a, b| a >= b));
    let output = run(&folder, &["bench", "t.toml", "--corpus", "corpus", "--runs", "1", "--no-candidates"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for word in ["candidates", "literals", "verified", "t-token", "t-key"] {
        assert!(stdout(&output).contains(word), "{word}: {}", stdout(&output));
    }
    assert_eq!(code(&run(&folder, &["bench", "t.toml"])), 2);
    assert_eq!(code(&run(&folder, &["bench", "t.toml", "--corpus", "gone"])), 2);
}

#[test]
fn two_packs_are_compared() {
    let folder = corpus();
    let named = KEY.replace("[0-9]{6}", "(?P<kind>[0-9])[0-9]{5}");
    let new = pack(&[
        rule("t-key", "Key", &named).replace("\"high\"\nconfidence", "\"low\"\nconfidence"),
        rule("t-env", "Variable", "pattern = '''y=(?P<secret>tok_[a-z])'''\n"),
    ]);
    write(folder.path(), "new.toml", new.as_bytes());
    let compare =
        |more: &[&str]| run(&folder, &[&["diff", "t.toml", "new.toml", "--corpus", "corpus"], more].concat());
    let output = compare(&[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let expected = [
        "+ /a/.env:2:3  Variable  …  (t-env)",
        "- /a/.env:1:7  Token  …  (t-token)",
        "- /a/.env:2:7  Token  …  (t-token)",
        "- /tests/b:1:5  Token  …  (t-token)",
        "~ /tests/b:1:16  Key  …  (t-key)",
        "    severity: high → low",
        "    attribute kind: nothing → 1",
        "1 gained, 3 lost, 1 changed, 0 the same",
    ];
    assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), expected);
    assert_eq!(code(&compare(&["--exit-code"])), 1);
    let told: Value = serde_json::from_str(&stdout(&compare(&["--format", "json"]))).expect("JSON");
    assert_eq!(told["schema"], "snapsift-rules-diff/1");
    assert_eq!(
        (told["gained"].as_array().map(Vec::len), told["lost"].as_array().map(Vec::len)),
        (Some(1), Some(3))
    );
    assert_eq!(told["changed"][0]["differences"][0]["field"], "severity");
    assert!(!told.to_string().contains("123456"));
    // A rule that only one of them has can be chosen all the same.
    let output = compare(&["--enable-rule", "t-env"]);
    assert_eq!(stdout(&output).lines().last(), Some("1 gained, 0 lost, 0 changed, 0 the same"));
    let output = compare(&["--disable-rule", "t-*", "--exit-code"]);
    assert_eq!((code(&output), stdout(&output).as_str()), (0, "0 gained, 0 lost, 0 changed, 0 the same\n"));
    assert_eq!(code(&compare(&["--enable-rule", "t-nothing"])), 2);
    let output = run(&folder, &["diff", "t.toml,new.toml", "t.toml", "--corpus", "corpus"]);
    assert_eq!(code(&output), 2, "an id stands in both");
}

#[test]
fn rules_are_chosen_by_id_and_glob() {
    let folder = corpus();
    let root = folder.path();
    let found = |more: &[&str]| {
        let output = snapsift()
            .args([
                "scan",
                "--format",
                "jsonl",
                "--include-test-content",
                "--no-builtin",
                "--rules",
                "t.toml",
            ])
            .args(more)
            .arg("corpus")
            .current_dir(root)
            .output()
            .expect("runs");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let records = records(&stdout(&output));
        findings(&records).iter().map(|finding| finding.rule_id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(found(&[]).len(), 4);
    assert_eq!(found(&["--enable-rule", "t-key"]), ["t-key"]);
    assert_eq!(found(&["--disable-rule", "*-token"]), ["t-key"]);
    assert_eq!(found(&["--enable-rule", "t-*", "--disable-rule", "t-token"]), ["t-key"]);
    for (command, arguments) in [
        (&["scan"][..], &["."][..]),
        (&["bench", "--runs", "1"], &["."]),
        (&["rules", "list"], &[]),
        (&["rules", "show"], &["t-key"]),
        (&["rules", "check"], &["t.toml"]),
        (&["rules", "explain"], &["t.toml"]),
        (&["rules", "test"], &["t.toml"]),
        (&["rules", "bench"], &["t.toml", "--corpus", "."]),
        (&["rules", "diff"], &["t.toml", "t.toml", "--corpus", "."]),
    ] {
        for (flag, id, problem) in [
            ("--enable-rule", "t-tokn", "t-tokn"),
            ("--disable-rule", "no-such-*", "no-such-*"),
            ("--enable-rule", "[", "["),
        ] {
            let output = snapsift().args(command).args([flag, id]).args(arguments).current_dir(root).output();
            let output = output.expect("runs");
            assert_eq!(code(&output), 2, "{command:?} {id}: {}", stdout(&output));
            assert!(stderr(&output).contains(problem), "{command:?} {id}: {}", stderr(&output));
        }
    }
    let list = snapsift().args(["rules", "list", "--enable-rule", "aws-*"]).output().expect("runs");
    assert!(!stdout(&list).is_empty() && stdout(&list).lines().all(|line| line.starts_with("aws-")));
    let near = run(&folder, &["test", "t.toml", "--enable-rule", "t-tokn"]);
    assert!(stderr(&near).contains("did you mean \"t-token\"?"), "{}", stderr(&near));
}

#[test]
fn completions_and_manual_pages_have_the_tools() {
    let script = stdout(&snapsift().args(["completions", "bash"]).output().expect("runs"));
    for word in ["explain", "min-recall", "exit-code", "no-candidates", "disable-rule"] {
        assert!(script.contains(word), "{word}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(code(&snapsift().arg("man").arg(folder.path()).output().expect("runs")), 0);
    for tool in ["explain", "test", "bench", "diff"] {
        let page =
            std::fs::read_to_string(folder.path().join(format!("snapsift-rules-{tool}.1"))).expect("a page");
        assert!(page.contains("Examples") && page.contains("Exit codes"), "{tool}");
    }
}
