//! `snapsift scan` as a pipeline sees it: exit codes, formats, the output file.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;

use snapsift::finding::Reason;
use support::program::{
    PROGRAM, code, copy_for_all, findings, records, scan, snapsift, stderr, stdout, summary, token, tree,
    write,
};

#[test]
fn exit_0_whatever_was_found() {
    let tree = tree();
    for format in ["text", "jsonl", "csv"] {
        let output = scan(&["--format", format], tree.path());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
        assert!(stdout(&output).contains("/app/.env"));
    }
}

#[test]
fn exit_1_at_or_above_the_severity() {
    let tree = tree();
    assert_eq!(code(&scan(&["--fail-on", "info"], tree.path())), 1);
    let empty = tempfile::tempdir().expect("a folder");
    assert_eq!(code(&scan(&["--fail-on", "info"], empty.path())), 0);
}

#[test]
fn exit_2_for_wrong_usage() {
    let tree = tree();
    let wrong: [&[&str]; 9] = [
        &["--format", "xml"],
        &["--fail-on", "terrible"],
        &["--max-file-size", "10Q"],
        &["--jobs", "0"],
        &["--exclude", "a{b"],
        &["--no-builtin"],
        &["--max-findings-per-file", "0"],
        &["--no-such-flag"],
        &["--color", "sometimes"],
    ];
    for arguments in wrong {
        let output = scan(arguments, tree.path());
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains("error:"), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
    let output = snapsift().arg("scan").output().expect("runs");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("TARGET"));
}

#[test]
fn exit_2_for_a_missing_target_before_anything_is_written() {
    let tree = tree();
    let missing = tree.path().join("missing");
    let file = tree.path().join("out.jsonl");
    let output = snapsift()
        .args(["scan", "--format", "jsonl", "--output"])
        .args([file.as_path(), tree.path(), missing.as_path()])
        .output()
        .expect("runs");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("/missing"), "{}", stderr(&output));
    assert!(!file.exists());
}

#[test]
fn exit_2_for_wrong_rules() {
    let tree = tree();
    write(tree.path(), "bad.toml", b"this is no rule pack");
    let rules = tree.path().join("bad.toml");
    let output = scan(&["--rules", rules.to_str().expect("UTF-8")], tree.path());
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("bad.toml"), "{}", stderr(&output));
}

/// Runs as a user who may not read `secret.txt`, with a copy of the program where
/// that user can run it: root could read all.
fn scan_with_an_unreadable_file(arguments: &[&str]) -> std::process::Output {
    let tree = tree();
    std::fs::set_permissions(tree.path(), PermissionsExt::from_mode(0o755)).expect("a folder");
    write(tree.path(), "secret.txt", b"x");
    std::fs::set_permissions(tree.path().join("secret.txt"), PermissionsExt::from_mode(0o000))
        .expect("a file");
    let mut command = std::process::Command::new(PROGRAM);
    let (copy, _folder) = copy_for_all();
    if rustix::process::geteuid().is_root() {
        command = std::process::Command::new(copy);
        command.uid(65534).gid(65534);
    }
    command.arg("scan").args(arguments).arg(tree.path()).output().expect("runs")
}

#[test]
fn exit_3_when_something_could_not_be_read() {
    let output = scan_with_an_unreadable_file(&["--format", "jsonl"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stderr(&output).contains("this scan is incomplete"), "{}", stderr(&output));
    let records = records(&stdout(&output));
    assert!(!summary(&records).complete);
    assert_eq!(summary(&records).coverage.left_out[&Reason::Unreadable].files, 1);
    assert_eq!(findings(&records).len(), 1, "the rest is scanned");
}

#[test]
fn the_text_of_an_incomplete_scan_says_why() {
    let output = scan_with_an_unreadable_file(&[]);
    assert_eq!(code(&output), 3);
    let text = stdout(&output);
    assert!(text.contains("/secret.txt"), "{text}");
    assert!(text.contains("This scan is incomplete because 1 file could not be read."), "{text}");
}

#[test]
fn quiet_leaves_the_exit_code() {
    let output = scan_with_an_unreadable_file(&["--format", "jsonl", "--quiet"]);
    assert_eq!((code(&output), stderr(&output).as_str()), (3, ""));
}

#[test]
fn exit_1_wins_over_3() {
    assert_eq!(code(&scan_with_an_unreadable_file(&["--fail-on", "info"])), 1);
    assert_eq!(code(&scan_with_an_unreadable_file(&["--fail-on", "info", "--exclude", ".env"])), 3);
}

#[test]
fn several_targets_are_one_scan() {
    let (one, two) = (tree(), tree());
    let output =
        snapsift().args(["scan", "--format", "jsonl"]).args([one.path(), two.path()]).output().expect("runs");
    let records = records(&stdout(&output));
    assert_eq!(findings(&records).len(), 2);
    assert_eq!(summary(&records).coverage.files_scanned, 4);
}

#[test]
fn the_output_file_is_whole_and_private() {
    let tree = tree();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("out.jsonl");
    std::fs::write(&file, "what was there before").expect("a file");
    let output = scan(&["-f", "jsonl", "-o", file.to_str().expect("UTF-8")], tree.path());
    assert_eq!((code(&output), stdout(&output).as_str()), (0, ""));
    let records = records(&std::fs::read_to_string(&file).expect("the output"));
    assert!(summary(&records).complete);
    assert_eq!(std::fs::metadata(&file).expect("the output").permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no temporary file stays");
}

#[test]
fn an_output_file_that_cannot_be_made_is_said_at_once() {
    let tree = tree();
    for name in ["/", "/nowhere/at/all/out", "/proc/version/out"] {
        let output = scan(&["-o", name], tree.path());
        assert_eq!(code(&output), 2, "{name}");
        assert!(stderr(&output).starts_with("snapsift: cannot "), "{}", stderr(&output));
    }
}

#[test]
fn a_dash_is_standard_output() {
    let tree = tree();
    let output = scan(&["-f", "jsonl", "-o", "-"], tree.path());
    assert!(summary(&records(&stdout(&output))).complete);
}

#[test]
fn the_raw_secret_is_shown_only_when_asked_for() {
    let tree = tree();
    for format in ["text", "jsonl", "csv", "sarif", "ocsf"] {
        let hidden = stdout(&scan(&["--format", format], tree.path()));
        assert!(!hidden.contains(&token(1)), "{format}");
        let shown = stdout(&scan(&["--format", format, "--reveal"], tree.path()));
        assert!(shown.contains(&token(1)), "{format}");
    }
}

#[test]
fn fingerprints_follow_the_key() {
    let tree = tree();
    let keys = tempfile::tempdir().expect("a folder");
    let raw: Vec<u8> = (100..132).collect();
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(keys.path().join("raw"), &raw).expect("a key");
    std::fs::write(keys.path().join("hex"), hex + "\n").expect("a key");
    let fingerprint = |arguments: &[&str]| {
        let output = scan(&[&["--format", "jsonl"], arguments].concat(), tree.path());
        findings(&records(&stdout(&output)))[0].secret.fingerprint.clone()
    };
    let path = |name: &str| keys.path().join(name).to_str().expect("UTF-8").to_owned();
    let keyed = fingerprint(&["--fingerprint-key-file", &path("raw")]);
    assert!(keyed.starts_with("blake3-keyed:"));
    assert_eq!(keyed, fingerprint(&["--fingerprint-key-file", &path("hex")]));
    assert_ne!(keyed, fingerprint(&[]));

    std::fs::write(keys.path().join("short"), "hunter2hunter2").expect("a key");
    for name in ["short", "missing", "."] {
        let output = scan(&["--fingerprint-key-file", &path(name)], tree.path());
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains("fingerprint key"), "{}", stderr(&output));
        assert!(!stderr(&output).contains("hunter2"));
    }
}

#[test]
fn limits_are_counted() {
    let tree = tree();
    let output = scan(&["-f", "jsonl", "--max-file-size", "20"], tree.path());
    let lines = records(&stdout(&output));
    assert_eq!(findings(&lines).len(), 0);
    assert_eq!(summary(&lines).coverage.left_out[&Reason::OverBudget].files, 1);
    let output = scan(&["-f", "jsonl", "--exclude", ".env"], tree.path());
    let lines = records(&stdout(&output));
    assert_eq!(summary(&lines).coverage.left_out[&Reason::Excluded].files, 1);
    assert!(summary(&lines).coverage.is_balanced());
}

#[test]
fn tokens_have_the_published_checksum() {
    // Published pair: CRC32("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ") is "0mLq17" in base 62.
    let checksum = u64::from(crc32fast::hash(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"));
    assert_eq!(checksum % 62, 7);
    assert_eq!(token(1).len(), 40);
    assert_ne!(token(1), token(2));
}
