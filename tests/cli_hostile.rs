//! What a hostile disk, terminal, pipe or environment does to the program. Each
//! test is named for its number in the list of hostile inputs.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use snapsift::finding::Record;
use snapsift::output::escape::is_unsafe;
use support::program::{
    PROGRAM, code, findings, records, scan, snapsift, stderr, stdout, summary, token, tree, write,
};

const FORMATS: [&str; 3] = ["text", "jsonl", "csv"];

fn plant(root: &Path, name: &[u8], seed: u64) {
    std::fs::write(root.join(OsStr::from_bytes(name)), format!("TOKEN={}\n", token(seed))).expect("a file");
}

fn only_safe_characters(text: &str) {
    for line in text.split(['\n', '\r']) {
        assert!(!line.chars().any(is_unsafe), "{line:?}");
    }
}

#[test]
fn hostile_19_names_that_drive_a_terminal() {
    let tree = tempfile::tempdir().expect("a folder");
    for (seed, name) in [
        &b"\x1b]0;owned\x07"[..],
        b"\x1b]52;c;cHduZWQ=\x07",
        "\u{9b}2J\u{9d}8;;x\u{9c}".as_bytes(),
        b"\x08\x08",
    ]
    .into_iter()
    .enumerate()
    {
        plant(tree.path(), name, u64::try_from(seed).expect("small"));
    }
    for format in FORMATS {
        let output = scan(&["--format", format], tree.path());
        assert_eq!(code(&output), 0);
        only_safe_characters(&stdout(&output));
        only_safe_characters(&stderr(&output));
    }
    let evil = tree.path().join(OsStr::from_bytes(b"gone\x1b]0;owned\x07"));
    let output = scan(&[], &evil);
    assert_eq!(code(&output), 2);
    only_safe_characters(&stderr(&output));
    assert!(stderr(&output).contains("gone\\x1b]0;owned\\x07"), "{}", stderr(&output));
}

#[test]
fn hostile_20_names_that_lie_or_are_not_text() {
    let tree = tempfile::tempdir().expect("a folder");
    let long = [b'n'; 255];
    let names: [&[u8]; 5] = [
        b"a\nsnapsift: fake line",
        "exe\u{202e}gpj".as_bytes(),
        "zero\u{200b}width".as_bytes(),
        b"bad\xff\xc3",
        &long,
    ];
    for (seed, name) in names.iter().enumerate() {
        plant(tree.path(), name, u64::try_from(seed).expect("small"));
    }
    for format in FORMATS {
        only_safe_characters(&stdout(&scan(&["--format", format], tree.path())));
    }
    let lines = records(&stdout(&scan(&["--format", "jsonl"], tree.path())));
    let mut seen: Vec<Vec<u8>> = findings(&lines)
        .iter()
        .map(|finding| match &finding.location.path_hex {
            Some(hex) => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
                .collect(),
            None => finding.location.path.as_bytes().to_vec(),
        })
        .collect();
    let mut expected: Vec<Vec<u8>> = names.iter().map(|name| [b"/", *name].concat()).collect();
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected, "the exact bytes of every name");
}

#[test]
fn hostile_21_names_that_start_a_formula() {
    let tree = tempfile::tempdir().expect("a folder");
    for (seed, name) in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"].into_iter().enumerate() {
        plant(tree.path(), name.as_bytes(), u64::try_from(seed).expect("small"));
    }
    let output = scan(&["--format", "csv"], tree.path());
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 6);
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
    }
}

#[test]
fn hostile_23_names_that_break_links() {
    let tree = tempfile::tempdir().expect("a folder");
    let names = ["](javascript:alert(1))", "%00", "a#b?c", "\",x", "{}"];
    for (seed, name) in names.iter().enumerate() {
        plant(tree.path(), name.as_bytes(), u64::try_from(seed).expect("small"));
    }
    let lines = records(&stdout(&scan(&["--format", "jsonl"], tree.path())));
    let output = scan(&["--format", "csv"], tree.path());
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    for name in names {
        let path = format!("/{name}");
        assert!(findings(&lines).iter().any(|finding| finding.location.path == path), "{name}");
        assert!(rows.iter().any(|row| row.iter().any(|cell| cell == path)), "{name}");
    }
}

#[test]
fn hostile_24_neighbours_are_masked_too() {
    let tree = tempfile::tempdir().expect("a folder");
    let tokens: Vec<String> = (10..16).map(token).collect();
    let text = format!(
        "A={}\nB={}\nC={}\nD={}\nE={} F={}\n",
        tokens[0], tokens[1], tokens[2], tokens[3], tokens[4], tokens[5]
    );
    write(tree.path(), ".env", text.as_bytes());
    for format in FORMATS {
        let output = scan(&["--format", format], tree.path());
        let all = stdout(&output) + &stderr(&output);
        for token in &tokens {
            assert!(!all.contains(token), "{format} shows a secret");
            assert!(!all.contains(&token[8..24]), "{format} shows a part of a secret");
            assert!(all.contains(&token[36..]), "{format} does not report all six");
        }
    }
    let lines = records(&stdout(&scan(&["--format", "jsonl"], tree.path())));
    let places: Vec<u64> = findings(&lines).iter().map(|finding| finding.location.line).collect();
    assert_eq!(places, [1, 2, 3, 4, 5, 5]);
}

#[test]
fn hostile_25_a_secret_in_a_path_or_an_error_is_masked() {
    let tree = tempfile::tempdir().expect("a folder");
    plant(tree.path(), token(3).as_bytes(), 3);
    for format in FORMATS {
        let output = scan(&["--format", format], tree.path());
        assert!(!(stdout(&output) + &stderr(&output)).contains(&token(3)), "{format}");
        assert_eq!(code(&output), 0);
    }
}

/// The masks of signals, which `/proc` gives in hexadecimal.
fn catches(process: u32, signal: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
    u64::from_str_radix(mask, 16).unwrap_or(0) >> (signal - 1) & 1 == 1
}

/// Starts a scan that waits for the reader of its output, a FIFO: the one moment
/// that a test can be sure to find it in.
fn waiting_scan(folder: &Path, target: &Path) -> (std::process::Child, std::path::PathBuf) {
    let fifo = folder.join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    // Core files as large as the shell may allow, for the test that wants none.
    let child = Command::new("bash")
        .args([
            "-c",
            "ulimit -c \"$(ulimit -H -c)\"; exec \"$@\"",
            "bash",
            PROGRAM,
            "scan",
            "-f",
            "jsonl",
            "-o",
        ])
        .args([fifo.as_path(), target])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let begun = Instant::now();
    while !(catches(child.id(), 2) && catches(child.id(), 15)) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not handle signals");
        std::thread::sleep(Duration::from_millis(5));
    }
    (child, fifo)
}

fn kill(signal: Signal, child: &std::process::Child) {
    let process = Pid::from_raw(i32::try_from(child.id()).expect("a process id")).expect("not zero");
    kill_process(process, signal).expect("it runs");
    std::thread::sleep(Duration::from_millis(50));
}

#[test]
fn hostile_42_an_interrupted_scan_ends_with_a_summary_that_says_so() {
    for (signal, expected) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (tree, folder) = (tree(), tempfile::tempdir().expect("a folder"));
        let (child, fifo) = waiting_scan(folder.path(), tree.path());
        kill(signal, &child);
        let text = std::fs::read_to_string(&fifo).expect("the output");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(code(&output), expected);
        let lines = records(&text);
        assert!(summary(&lines).interrupted && !summary(&lines).complete);
        assert!(stderr(&output).contains("interrupted"), "{}", stderr(&output));
    }
}

#[test]
fn hostile_42_the_second_interrupt_ends_at_once() {
    let (tree, folder) = (tree(), tempfile::tempdir().expect("a folder"));
    let (child, _fifo) = waiting_scan(folder.path(), tree.path());
    kill(Signal::INT, &child);
    kill(Signal::INT, &child);
    assert_eq!(code(&child.wait_with_output().expect("it ends")), 130);
}

#[test]
fn hostile_25_no_core_file_holds_secrets() {
    let (tree, folder) = (tree(), tempfile::tempdir().expect("a folder"));
    let (child, _fifo) = waiting_scan(folder.path(), tree.path());
    kill(Signal::QUIT, &child);
    let status = child.wait_with_output().expect("it ends").status;
    assert_eq!(status.signal(), Some(3));
    assert!(!status.core_dumped());
}

#[test]
fn hostile_42_a_closed_pipe_is_quiet_and_not_success() {
    let tree = tree();
    for format in FORMATS {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = snapsift()
            .args(["scan", "--format", format])
            .arg(tree.path())
            .stdout(writer)
            .output()
            .expect("the program runs");
        assert_eq!((code(&output), stderr(&output).as_str()), (141, ""), "{format}");
    }
    let shell = "set -o pipefail; \"$0\" rules list | true; test $? -eq 0 -o $? -eq 141";
    assert!(Command::new("bash").args(["-c", shell, PROGRAM]).status().expect("bash runs").success());
}

#[test]
fn hostile_42_a_full_disk_is_an_error() {
    let tree = tree();
    for format in FORMATS {
        let full = || File::options().write(true).open("/dev/full").expect("/dev/full");
        let to_stdout = snapsift()
            .args(["scan", "--format", format])
            .arg(tree.path())
            .stdout(full())
            .output()
            .expect("runs");
        let to_file = scan(&["--format", format, "--output", "/dev/full"], tree.path());
        for output in [to_stdout, to_file] {
            assert_eq!(code(&output), 2, "{format}");
            assert!(
                stderr(&output).starts_with("snapsift: cannot write the output: "),
                "{}",
                stderr(&output)
            );
            assert_eq!(stderr(&output).lines().count(), 1);
        }
    }
    let rules = snapsift()
        .args(["rules", "list"])
        .stdout(File::options().write(true).open("/dev/full").expect("/dev/full"))
        .output()
        .expect("runs");
    assert_eq!(code(&rules), 2);
}

#[test]
fn hostile_42_no_part_of_an_output_file_stays() {
    let (tree, folder) = (tree(), tempfile::tempdir().expect("a folder"));
    // A limit on the size of files stands in for a disk that fills up on the way.
    let shell = "trap '' XFSZ; ulimit -f 0; exec \"$@\"";
    let output = Command::new("bash")
        .args(["-c", shell, "bash", PROGRAM, "scan", "-f", "jsonl", "-o", "out.jsonl"])
        .arg(tree.path())
        .current_dir(folder.path())
        .output()
        .expect("bash runs");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot write the output"), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

/// Only what may differ between two runs is taken away.
fn comparable(text: &str) -> Vec<Record> {
    records(text).into_iter().filter(|r| matches!(r, Record::Finding(_) | Record::Problem(_))).collect()
}

#[test]
fn hostile_50_the_environment_changes_no_finding() {
    let tree = tree();
    let expected = comparable(&stdout(&scan(&["--format", "jsonl"], tree.path())));
    assert_eq!(expected.len(), 1);
    let environments: [&[(&str, &str)]; 4] = [
        &[],
        &[("TERM", "dumb")],
        &[("LC_ALL", "C"), ("LANG", "tr_TR")],
        &[("TMPDIR", "/nowhere"), ("HOME", "/nowhere")],
    ];
    for environment in environments {
        let output = Command::new(PROGRAM)
            .env_clear()
            .envs(environment.iter().copied())
            .args(["scan", "--format", "jsonl"])
            .arg(tree.path())
            .current_dir("/")
            .output()
            .expect("runs");
        assert_eq!(code(&output), 0, "{environment:?}: {}", stderr(&output));
        assert_eq!(comparable(&stdout(&output)), expected, "{environment:?}");
    }
    // Without /proc, where the right to take it away is there (root outside of a sandbox).
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", "umount -l /proc && exec \"$@\"", "sh", PROGRAM, "scan", "-f", "jsonl"])
        .arg(tree.path())
        .output();
    if let Ok(output) = output
        && output.status.success()
    {
        assert_eq!(comparable(&stdout(&output)), expected, "without /proc");
    }
}
