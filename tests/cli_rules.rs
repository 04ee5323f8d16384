//! `snapsift rules`, `completions` and `man`.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::process::Command;

use snapsift::rules::RuleSet;
use support::program::{PROGRAM, code, snapsift, stderr, stdout, write};

#[test]
fn listed_rules_can_be_shown() {
    let list = snapsift().args(["rules", "list"]).output().expect("runs");
    assert_eq!(code(&list), 0);
    let listed = stdout(&list);
    let ids: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(ids.len(), RuleSet::builtin().expect("rules").rules().len());
    let show = snapsift().args(["rules", "show"]).args(&ids).output().expect("runs");
    assert_eq!(code(&show), 0, "{}", stderr(&show));
    let shown = stdout(&show);
    let shown: Vec<&str> = shown.split("\n\n").collect();
    assert_eq!(shown.len(), ids.len());
    for (id, rule) in ids.iter().zip(shown) {
        let field = |label: &str| {
            let line = rule.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("{id} has no {label}")).trim()
        };
        assert_eq!(field("id"), *id);
        for label in ["severity", "pattern", "remediation"] {
            assert!(!field(label).is_empty(), "{id}: {label}");
        }
    }
}

#[test]
fn an_unknown_rule_is_an_error_with_a_hint() {
    let output = snapsift().args(["rules", "show", "github"]).output().expect("runs");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("there is no rule github"), "{}", stderr(&output));
}

#[test]
fn the_built_in_rules_have_no_fault() {
    let output = snapsift().args(["rules", "check"]).output().expect("runs");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("no fault"));
    let output = snapsift().args(["rules", "check", "--format", "json"]).output().expect("runs");
    assert_eq!(code(&output), 0);
    for line in stdout(&output).lines() {
        let told: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_ne!(told["level"], "error", "{told}");
    }
}

#[test]
fn a_fault_is_exit_1_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "bad.toml", b"[[rule]\nid = 'x'\n");
    let pack = folder.path().join("bad.toml");
    let output = snapsift().args(["rules", "check"]).arg(&pack).output().expect("runs");
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("bad.toml:1"), "{}", stderr(&output));
    let output = snapsift().args(["rules", "check", "--format", "json"]).arg(&pack).output().expect("runs");
    assert_eq!(code(&output), 1);
    for line in stdout(&output).lines() {
        let fault: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(fault["line"], 1);
        assert!(fault["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
}

#[test]
fn a_missing_pack_is_exit_2() {
    let output = snapsift().args(["rules", "check", "/nowhere/pack.toml"]).output().expect("runs");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("/nowhere/pack.toml"), "{}", stderr(&output));
}

#[test]
fn completions_are_scripts_of_their_shells() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = snapsift().args(["completions", shell]).output().expect("runs");
        assert_eq!(code(&output), 0);
        for flag in ["fingerprint-key-file", "min-score", "strict"] {
            assert!(stdout(&output).contains(flag), "{shell} has no {flag}");
        }
    }
    let check = "source <(\"$0\" completions bash) && complete -p snapsift";
    assert!(Command::new("bash").args(["-c", check, PROGRAM]).status().expect("bash runs").success());
}

#[test]
fn manual_pages() {
    let output = snapsift().arg("man").output().expect("runs");
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains(".TH snapsift 1"));
    let folder = tempfile::tempdir().expect("a folder");
    let output = snapsift().arg("man").arg(folder.path()).output().expect("runs");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for page in [
        "snapsift.1",
        "snapsift-scan.1",
        "snapsift-rules.1",
        "snapsift-rules-check.1",
        "snapsift-rules-import.1",
    ] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
    let page = std::fs::read_to_string(folder.path().join("snapsift-scan.1")).expect("a page");
    assert!(page.contains("Exit codes"));
    assert_eq!(code(&snapsift().args(["man", "/nowhere"]).output().expect("runs")), 2);
}
