//! `snapsift rules explain`: why is it a finding, or why is it not?
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::Value;
use snapsift::rules::RuleSet;
use snapsift::scan::Engine;
use support::program::{code, findings, records, scan, snapsift, stderr, stdout, token, write};

/// Three rules of which each way to fail can be had.
const PACK: &str = r#"
[pack]
name = "t"

[[rule]]
id = "t-token"
name = "n"
type = "Test token"
provider = "p"
category = "c"
severity = "high"
confidence = "high"
description = "d"
remediation = "r"
pattern = '''tok_(?P<env>live|test)_(?P<secret>[a-z0-9]{12})'''
literals = ["tok_"]
not_before = "a-z"
not_after = "a-z0-9"
checks = [{ check = "entropy", min = 2.5 }, { check = "not-placeholder" }]
[[rule.context]]
pattern = '''(?i)sample'''
within = 40
lines = 0
mode = "forbid"
[[rule.nearby]]
pattern = '''user=(?P<user>[a-z]+)'''
within = 100
required = false
[rule.ignore]
values = ["q8w2n5l9t4v7"]

[[rule]]
id = "t-line"
name = "n"
type = "Test line"
provider = "p"
category = "c"
severity = "high"
confidence = "high"
description = "d"
remediation = "r"
priority = 70
pattern = '''url=tok_live_(?P<secret>[a-z0-9]{12})@(?P<host>[a-z]+)'''

[[rule]]
id = "t-never"
name = "n"
type = "Test never"
provider = "p"
category = "c"
severity = "high"
confidence = "high"
description = "d"
remediation = "r"
pattern = '''never_[0-9]{4}'''
"#;

/// The secret of all of these texts.
const SECRET: &str = "k7x2m9q4z8w3";

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "pack.toml", PACK.as_bytes());
        write(folder.path(), "file", text.as_bytes());
        Self { folder }
    }

    fn run(&self, what: &str, more: &[&str]) -> Output {
        snapsift()
            .args(["rules", "explain", "--no-builtin", "--rules", "pack.toml", what])
            .args(more)
            .current_dir(self.folder.path())
            .output()
            .expect("runs")
    }

    /// The text, which must not have the secret.
    #[track_caller]
    fn text(&self) -> String {
        let output = self.run("file", &[]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(!stdout(&output).contains(SECRET), "{}", stdout(&output));
        stdout(&output)
    }

    #[track_caller]
    fn json(&self, what: &str, more: &[&str]) -> Value {
        let output = self.run(what, &[&["--format", "json"], more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        serde_json::from_str(&stdout(&output)).expect("JSON")
    }
}

#[track_caller]
fn has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
}

#[test]
fn a_finding_is_explained_step_by_step() {
    let text = Case::new(&format!("user=ana\nkey: tok_live_{SECRET}\n")).text();
    has(
        &text,
        &[
            "finding: t-token: Test token",
            " --> file:2:6",
            "2 | •••: tok_•••••••••••••••••",
            "the literal `tok_`",
            "pattern: matches 21 bytes, 2:6 to 2:27",
            "context: forbidden around it within 40 bytes of its line: `(?i)sample`: not there, as it has to be",
            "companion: optional around it within 100 bytes: `user=(?P<user>[a-z]+)`: found at 1:1",
            "check: entropy, min = 2.5: passes",
            "check: not-placeholder, ",
            "ignored values: passes",
            "secret: …, 12 bytes at 2:15",
            "attributes: env = live, user = ana",
            "overlap: no better match claims these bytes",
            "file (36 bytes): 1 of 3 rules see a literal; 1 finding, 0 refused, 0 claimed by another",
        ],
    );
}

#[test]
fn what_is_no_finding_is_explained() {
    let text = Case::new(&format!("tok_live_{SECRET}x tok_dead_1 xtok_live_{SECRET}\n")).text();
    has(
        &text,
        &[
            "no match: t-token: the pattern does not match around its literal",
            "boundary: the pattern matches from 1:1 to 1:22, with a lower case letter after it (not_after)",
            "boundary: the pattern matches from 1:36 to 1:57, with a lower case letter before it (not_before)",
            "tok_(?P<env>live|test)_(?P<secret>[a-z0-9]{12})",
            "does not match: stops at 1:28 before a lower case letter",
        ],
    );
    let text = Case::new("key: tok_live_000000000000 next\n").text();
    has(
        &text,
        &[
            "refused: t-token: entropy too low",
            "check: entropy, min = 2.5: refuses: entropy too low",
            "value = \"token\": not reached",
        ],
    );
    let text = Case::new(&format!("a sample: tok_live_{SECRET}\n")).text();
    has(
        &text,
        &["refused: t-token: a context that rules it out", "refuses: a context that rules it out (at 1:3)"],
    );
    let text = Case::new("tok_live_q8w2n5l9t4v7\n").text();
    has(&text, &["refused: t-token: an ignored value", "an ignored value (entry 1 of ignore.values)"]);
}

#[test]
fn an_overlap_names_the_winner() {
    let text = Case::new(&format!("url=tok_live_{SECRET}@host\n")).text();
    has(
        &text,
        &[
            "claimed: t-token: t-line claims these bytes: its priority is higher, 70 over 50",
            "finding: t-line: Test line",
            "1 finding, 0 refused, 1 claimed by another",
        ],
    );
}

#[test]
fn one_line_and_one_rule_can_be_asked_about() {
    let case = Case::new(&format!("tok_live_{SECRET}\n\ntok_x\nnothing\n"));
    let told = case.json("file:3", &[]);
    assert_eq!(told["line"], 3);
    assert_eq!(told["rules"].as_array().expect("rules").len(), 1);
    assert_eq!(told["rules"][0]["attempts"][0]["verdict"], "no_match");
    assert_eq!(told["rules"][0]["attempts"][0]["stopped"]["part"], "(?P<env>live|test)");
    assert_eq!(told["rules"][0]["attempts"][0]["stopped"]["at"]["column"], 5);
    assert_eq!(case.json("file:4", &[])["rules"], serde_json::json!([]));
    let told = case.json("file:4", &["--rule", "t-n*"]);
    assert_eq!(told["rules"][0]["rule"], "t-never");
    assert_eq!(told["rules"][0]["literals_seen"], 0);
    let output = case.run("file:4", &["--rule", "t-never"]);
    has(&stdout(&output), &["no match: t-never: none of its literals stands in line 4 of file", "`never_"]);
    for (what, more, problem) in [
        ("file:99", &[][..], "file has no line 99"),
        ("file:0", &[], "file has no line 0"),
        ("gone", &[], "cannot read gone"),
        ("gone:3", &[], "cannot read gone"),
        (".", &[], "is not a file"),
        ("/dev/null", &[], "is not a file"),
        ("file", &["--rule", "t-tokn"], "did you mean \"t-token\"?"),
        ("file", &["--rule", "z-*"], "z-*"),
    ] {
        let output = case.run(what, more);
        assert_eq!(code(&output), 2, "{what}");
        assert!(stderr(&output).contains(problem), "{what}: {}", stderr(&output));
    }
}

#[test]
fn secrets_are_shown_only_when_asked_for() {
    let case = Case::new(&format!("tok_live_{SECRET} \u{1b}]0;title\u{7}\n"));
    let shown = case.json("file", &[]);
    assert!(!shown.to_string().contains(SECRET));
    assert_eq!(shown["rules"][0]["attempts"][0]["secret"].get("raw"), None);
    let shown = case.json("file", &["--reveal"]);
    assert_eq!(shown["rules"][0]["attempts"][0]["secret"]["raw"], SECRET);
    let output = case.run("file", &["--reveal", "--color", "never"]);
    has(&stdout(&output), &[SECRET, "\\x1b]0;title\\x07"]);
    assert!(!stdout(&output).contains('\u{1b}'));
    assert!(stdout(&case.run("file", &["--color", "always"])).contains('\u{1b}'));
}

/// The examples of all built-in rules in one file: no half of a secret is shown.
#[test]
fn no_example_is_given_away() {
    let rules = RuleSet::builtin().expect("rules");
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = String::new();
    for example in rules.rules().iter().flat_map(|rule| &rule.examples) {
        text.push_str(&example.text);
        // So far apart that none is the companion of another.
        text.push_str(&"\n".repeat(5000));
    }
    write(folder.path(), "all", text.as_bytes());
    let (mut hidden, mut public_values) = (Vec::new(), String::new());
    Engine::new(&rules).scanner().scan(text.as_bytes(), &mut |hit| {
        // One example's secret is another's object id.
        hit.attributes.values().for_each(|value| public_values.push_str(value));
        let public = usize::try_from(rules.rules()[hit.rule].public_prefix).expect("small");
        let secret = hit.secret.expose();
        let middle = secret.len() / 2..secret.len().saturating_sub(4);
        if middle.len() >= 8 && public <= middle.start {
            let half = String::from_utf8_lossy(&secret[middle]).into_owned();
            hidden.push((rules.rules()[hit.rule].id.clone(), half));
        }
    });
    hidden.retain(|(_, half)| !public_values.contains(half));
    assert!(hidden.len() > 100);
    for format in ["text", "json"] {
        let output = snapsift()
            .args(["rules", "explain", "--most", "20", "--format", format])
            .arg(folder.path().join("all"))
            .output()
            .expect("runs");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        for (rule, half) in &hidden {
            let given = memchr::memmem::find(&output.stdout, half.as_bytes());
            let line = given.map(|at| stdout(&output)[..at].lines().count());
            assert!(line.is_none(), "a secret of {rule} in line {line:?} of the answer as {format}");
        }
    }
}

/// The verdicts are those of a scan.
#[test]
fn every_finding_of_a_scan_is_explained_as_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("A=1\nT={}\nU=x{}\nV={}\n", token(1), token(2), token(3));
    write(folder.path(), "app.env", text.as_bytes());
    let found = records(&stdout(&scan(&["--format", "jsonl"], folder.path())));
    let mut found: Vec<(u64, u64, String)> = findings(&found)
        .iter()
        .map(|finding| (finding.location.line, finding.location.column, finding.rule_id.clone()))
        .collect();
    assert_eq!(found.len(), 2);
    let output = snapsift()
        .args(["rules", "explain", "--format", "json"])
        .arg(folder.path().join("app.env"))
        .output()
        .expect("runs");
    let told: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let mut explained = Vec::new();
    for rule in told["rules"].as_array().expect("rules") {
        for attempt in rule["attempts"].as_array().expect("attempts") {
            if attempt["verdict"] == "finding" {
                let number = |name: &str| attempt["secret"][name].as_u64().expect("a number");
                let id = rule["rule"].as_str().expect("an id").to_owned();
                explained.push((number("line"), number("column"), id));
            }
        }
    }
    found.sort();
    explained.sort();
    assert_eq!(found, explained);
}

#[test]
fn standard_input_can_be_explained() {
    let case = Case::new("");
    let mut program = snapsift()
        .args(["rules", "explain", "--no-builtin", "--rules", "pack.toml", "--", "-:2"])
        .current_dir(case.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut stdin = program.stdin.take().expect("a pipe");
    stdin.write_all(format!("tok_x\ntok_live_{SECRET}\n").as_bytes()).expect("written");
    drop(stdin);
    let output = program.wait_with_output().expect("ends");
    has(&stdout(&output), &["finding: t-token", "<stdin>:2:1", "line 2 of <stdin>"]);
}

#[test]
fn big_and_binary_files_give_short_answers() {
    let case = Case::new("");
    let mut long = "x".repeat(8 << 20);
    for at in (1000..long.len() - 100).step_by(5000) {
        long.replace_range(at..at + 5, " tok_");
    }
    write(case.folder.path(), "long", long.as_bytes());
    let binary: Vec<u8> = (0..=255_u8).cycle().take(1 << 20).chain(*b"\0tok_\x80\xfe\n\x1b[2J").collect();
    write(case.folder.path(), "binary", &binary);
    write(case.folder.path(), "empty", b"");
    for name in ["long", "binary", "empty"] {
        for more in [&["--most", "100"][..], &["--most", "100", "--reveal"]] {
            let output = case.run(name, more);
            assert_eq!(code(&output), 0, "{name}: {}", stderr(&output));
            assert!(output.stdout.len() < 200_000, "{name}: {} bytes", output.stdout.len());
            assert!(!stdout(&output).contains('\u{1b}'), "{name}");
        }
    }
    has(&stdout(&case.run("long", &[])), &["more places are not shown", "no match: t-token"]);
    has(&stdout(&case.run("binary", &[])), &["before a byte that is not ASCII"]);
    has(&stdout(&case.run("empty", &[])), &["empty (0 bytes): 0 of 3 rules see a literal"]);
}

#[test]
fn odd_names_drive_no_terminal() {
    let case = Case::new("");
    let name = "a\u{1b}[31m\u{202e}:b";
    write(case.folder.path(), name, format!("tok_live_{SECRET}\n").as_bytes());
    for more in [&[][..], &["--format", "json"]] {
        let output = case.run(name, more);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(!stdout(&output).contains(['\u{1b}', '\u{202e}']), "{}", stdout(&output));
    }
    let output = case.run("gone\u{1b}[31m", &[]);
    assert_eq!(code(&output), 2);
    assert!(!stderr(&output).contains('\u{1b}'));
}

#[test]
fn a_pack_that_is_wrong_is_refused() {
    let case = Case::new("tok_");
    write(case.folder.path(), "bad.toml", b"[[rule]\n");
    let output = snapsift()
        .args(["rules", "explain", "--rules", "bad.toml", "file"])
        .current_dir(case.folder.path())
        .output()
        .expect("runs");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("bad.toml:1"), "{}", stderr(&output));
}
