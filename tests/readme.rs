//! What the README says is true: its commands run, its example is the output of
//! the program, its exit codes are those of the help. So do the commands of
//! docs/rules.md.
//!
//! A block of shell commands (`console`) is run line by line in a folder of its
//! document's, with `snapsift` and `cargo run --release --` meaning the program
//! under test; where output follows a command, it is compared. A comment before a
//! block says what else: `<!-- test: exit 0 3 -->` allows these exit codes,
//! `<!-- test: skip, … -->` runs nothing, with the reason, and `<!-- test: the
//! example -->` and `the fleet` are compared but for ages, times and the like, and
//! `<!-- test: file NAME -->` is a file of that folder, whatever its language.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::path::Path;
use std::process::Command;

use support::program::{PROGRAM, snapsift, stdout};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

struct Block {
    language: String,
    note: String,
    line: usize,
    text: Vec<String>,
}

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(name)).expect("a document")
}

fn readme() -> String {
    document("README.md")
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut note = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text =
                lines.by_ref().map(|(_, line)| line.to_owned()).take_while(|line| line != "```").collect();
            let note = std::mem::take(&mut note);
            blocks.push(Block { language: language.into(), note, line: number + 1, text });
        } else if let Some(inner) = line.strip_prefix("<!-- test: ") {
            note = inner.trim_end_matches("-->").trim().to_owned();
        }
    }
    blocks
}

/// Commands with the output that is said to follow each.
fn commands(block: &Block) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in &block.text {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
            (None, Some((_, output))) => output.push(line.clone()),
            (None, None) => panic!("line {}: output before any command", block.line),
        }
    }
    commands
}

#[test]
fn every_command_runs() {
    assert!(run_commands("README.md") >= 5);
}

#[test]
fn every_command_about_rules_runs() {
    assert!(run_commands("docs/rules.md") >= 8);
}

/// Runs the commands of a document, and compares what they write; returns how many.
fn run_commands(name: &str) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let bin = Path::new(PROGRAM).parent().expect("a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut ran = 0;
    for block in blocks(&document(name)) {
        if let Some(file) = block.note.strip_prefix("file ") {
            let text = block.text.join("\n") + "\n";
            std::fs::write(folder.path().join(file), text).expect("a file");
            continue;
        }
        // The examples have a test of their own.
        let is_example = matches!(block.note.as_str(), "the example" | "the fleet");
        if block.language != "console" || block.note.starts_with("skip, ") || is_example {
            continue;
        }
        let allowed: Vec<i32> = match block.note.strip_prefix("exit ") {
            Some(codes) => codes.split_whitespace().map(|code| code.parse().expect("a code")).collect(),
            None => vec![0],
        };
        for (command, expected) in commands(&block) {
            // A file that a command writes goes where it harms nobody.
            let line = command.replace("cargo run --release --", "snapsift");
            let output = Command::new("bash")
                .args(["-c", &line])
                .env("PATH", &path)
                .current_dir(folder.path())
                .output()
                .expect("bash runs");
            let code = output.status.code().unwrap_or(-1);
            let messages = String::from_utf8_lossy(&output.stderr);
            assert!(allowed.contains(&code), "{name}:{}: `{command}` gave {code}: {messages}", block.line);
            if !expected.is_empty() {
                let shown: Vec<String> = stdout(&output).lines().map(str::to_owned).collect();
                assert_eq!(shown, expected, "{name}:{}: `{command}`", block.line);
            }
            ran += 1;
        }
    }
    ran
}

/// Without what differs from day to day and from machine to machine: ages, the
/// fresh key's fingerprint, the owner, times, and where lines wrap for them.
fn lasting(text: &str) -> String {
    let steps = [
        (r"\s+", " "),
        (r"SHA256:[A-Za-z0-9+/]{43}", "FINGERPRINT"),
        (r"\((just now|[0-9]+ [a-z]+ ago)\)", "(AGO)"),
        (r"[0-9]+ (months|years) ago \(", "AGO ("),
        (r"\b(root|shop):(root|shop)\b", "OWNER"),
        (r"last read [0-9]{4}-[0-9]{2}-[0-9]{2}", "last read DAY"),
        (r"[0-9.]+ (kB|s)\b", "MANY $1"),
        (r" \([0-9.]+ GB/s\)", ""),
        (r"with [0-9]+ rules", "with RULES"),
        // Whoever makes the example is an account of its own unless it is root.
        (r"[0-9] accounts", "ACCOUNTS"),
    ];
    steps.iter().fold(text.trim().to_owned(), |text, (pattern, with)| {
        regex::bytes::Regex::new(&format!("(?-u){pattern}"))
            .map(|regex| {
                String::from_utf8_lossy(&regex.replace_all(text.as_bytes(), with.as_bytes())).into_owned()
            })
            .expect("a pattern")
    })
}

#[test]
fn the_example_is_what_the_program_writes() {
    let text = readme();
    let example = blocks(&text).into_iter().find(|block| block.note == "the example").expect("an example");
    let shown = example.text.get(2..).expect("two commands").join("\n");
    let dir = tempfile::tempdir().expect("a directory");
    let made = Command::new("sh")
        .arg(Path::new(ROOT).join("testdata/make-example.sh"))
        .arg("example")
        .current_dir(&dir)
        .status()
        .expect("sh runs");
    assert!(made.success());
    let output = snapsift().args(["scan", "example"]).current_dir(&dir).output().expect("runs");
    assert_eq!(lasting(&shown), lasting(&stdout(&output)));
}

#[test]
fn the_fleet_is_what_the_program_maps() {
    let text = readme();
    let all = blocks(&text);
    let examples: Vec<&Block> = all.iter().filter(|block| block.note == "the fleet").collect();
    assert_eq!(examples.len(), 2);
    let dir = tempfile::tempdir().expect("a directory");
    let bin = Path::new(PROGRAM).parent().expect("a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    std::os::unix::fs::symlink(Path::new(ROOT).join("testdata"), dir.path().join("testdata"))
        .expect("a link");
    for (command, shown) in examples.iter().flat_map(|example| commands(example)) {
        let output = Command::new("bash")
            .args(["-c", &command])
            .env("PATH", &path)
            .current_dir(&dir)
            .output()
            .expect("bash runs");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(lasting(&shown.join("\n")), lasting(&stdout(&output)), "{command}");
    }
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = stdout(&snapsift().args(["scan", "--help"]).output().expect("runs"));
    let (_, section) = help.split_once("Exit codes:").expect("the help has them");
    let in_help: Vec<&str> = section
        .lines()
        .filter_map(|line| Some(line.get(..5)?.trim()).filter(|code| code.parse::<u8>().is_ok()))
        .collect();
    let text = readme();
    let (_, section) = text.split_once("## Exit codes").expect("the README has them");
    let in_readme: Vec<&str> = section
        .lines()
        .take_while(|line| !line.starts_with("## "))
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .filter(|code| code.parse::<u8>().is_ok())
        .collect();
    assert_eq!(in_readme, in_help);
}

#[test]
fn every_flag_that_the_readme_names_exists() {
    let commands: [&[&str]; 8] = [
        &["ls"],
        &["fleet", "query"],
        &["scan"],
        &["rules", "check"],
        &["rules", "mutate"],
        &["rules", "fmt"],
        &["rules", "test"],
        &["rules", "diff"],
    ];
    let help: String = commands
        .iter()
        .map(|command| stdout(&snapsift().args(*command).arg("--help").output().expect("runs")))
        .collect();
    for word in readme().split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        let cargos = ["--release", "--workspace", "--locked", "--open"];
        if word.starts_with("--") && word.len() > 2 && !word.starts_with("---") && !cargos.contains(&word) {
            assert!(help.contains(word), "{word}");
        }
    }
}
