//! What the program shows on a terminal: colours, the progress line. `script`
//! (util-linux) gives it one.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::process::Command;

use support::program::{PROGRAM, code, scan, snapsift, stderr, stdout, tree};

const ESC: char = '\x1b';

/// Runs a shell command, in which `$0` is the program and `$1` the target, on a
/// terminal, and gives all that it showed.
fn on_a_terminal(command: &str, environment: &[(&str, &str)]) -> String {
    let tree = tree();
    let line = command.replace("$0", PROGRAM).replace("$1", tree.path().to_str().expect("UTF-8"));
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .env_remove("NO_COLOR")
        // Under which any terminal is taken to show colours.
        .env_remove("CI")
        .env("TERM", "xterm-256color")
        .envs(environment.iter().copied())
        .output()
        .expect("script runs");
    assert!(output.status.success(), "{}", stdout(&output));
    stdout(&output)
}

/// The text that is on the screen at the end: the progress line draws over itself.
fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != ESC {
            out.push(c);
        } else if chars.next() == Some('[') {
            chars.by_ref().find(char::is_ascii_alphabetic);
        }
    }
    out
}

#[test]
fn a_pipe_gets_no_colours() {
    let tree = tree();
    assert!(!stdout(&scan(&[], tree.path())).contains(ESC));
    assert!(stdout(&scan(&["--color", "always"], tree.path())).contains(ESC));
    assert!(!stdout(&scan(&["--color", "never"], tree.path())).contains(ESC));
}

#[test]
fn a_terminal_gets_colours_unless_the_user_says_no() {
    let command = "$0 scan --quiet $1";
    assert!(on_a_terminal(command, &[]).contains("\x1b[1m"));
    for environment in [&[("NO_COLOR", "1")][..], &[("TERM", "dumb")]] {
        assert!(!on_a_terminal(command, environment).contains(ESC), "{environment:?}");
    }
    assert!(on_a_terminal(command, &[("NO_COLOR", "")]).contains("\x1b[1m"), "empty is unset");
    assert!(!on_a_terminal("$0 scan --quiet --color never $1", &[]).contains(ESC));
    assert!(on_a_terminal("$0 scan --quiet --color always $1", &[("NO_COLOR", "1")]).contains("\x1b[1m"));
}

#[test]
fn the_progress_line_is_gone_before_the_output() {
    for format in ["text", "jsonl", "csv"] {
        let all = on_a_terminal(&format!("$0 scan --color never -f {format} $1"), &[]);
        // Whatever was drawn was drawn before the first line of the output.
        let first = match format {
            "text" => "HIGH",
            "jsonl" => "{\"type\":\"scan\"",
            _ => "severity,",
        };
        let shown = all.to_uppercase();
        let start = shown.find(&first.to_uppercase()).unwrap_or_else(|| panic!("no output: {all:?}"));
        assert!(!all[start..].contains(ESC), "{all:?}");
        assert!(!all[start..].contains("GB/s"), "{all:?}");
        let last = without_colours(&all[..start]);
        let line = last.rsplit(['\r', '\n']).next().unwrap_or_default();
        assert_eq!(line.trim(), "", "the output starts on an empty line: {all:?}");
    }
}

#[test]
fn no_progress_where_it_is_not_wanted() {
    for command in ["$0 scan --quiet --color never $1", "$0 scan --color never $1 2>/dev/null"] {
        let all = on_a_terminal(command, &[]);
        assert!(!all.contains(ESC) && !all.contains(" GB/s "), "{all:?}");
    }
    assert!(!on_a_terminal("$0 scan $1", &[("TERM", "dumb")]).contains(ESC));
}

#[test]
fn help_and_version() {
    for arguments in
        [&["--help"][..], &["-h"], &["scan", "--help"], &["--version"], &["rules", "check", "-h"]]
    {
        let output = snapsift().args(arguments).output().expect("runs");
        assert_eq!(code(&output), 0);
        assert!(stdout(&output).contains("snapsift"), "{arguments:?}");
        assert_eq!(stderr(&output), "");
        assert!(!stdout(&output).contains(ESC));
    }
    let output = snapsift().arg("--version").output().expect("runs");
    assert_eq!(stdout(&output), concat!("snapsift ", env!("CARGO_PKG_VERSION"), "\n"));
    let output = snapsift().output().expect("runs");
    assert_eq!(code(&output), 2, "no command is wrong usage");
}

#[test]
fn help_documents_the_exit_codes() {
    let help = stdout(&snapsift().args(["scan", "--help"]).output().expect("runs"));
    for exit in ["0  ", "1  ", "2  ", "3  ", "130  ", "141  "] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(exit)), "{exit}");
    }
}
