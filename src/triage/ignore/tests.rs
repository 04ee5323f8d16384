//! Ignore files: what they name, and what is said of those that are wrong.

use super::*;
use crate::output::samples;

const NOW: &str = "2026-11-24T22:08:57Z";

fn parse(text: &str) -> Result<IgnoreFile, Vec<Diagnostic>> {
    IgnoreFile::parse("ignore.yaml", text, Timestamp::parse(NOW).expect("a time"))
}

fn refused(text: &str) -> String {
    crate::rules::render_all(&parse(text).expect_err("a fault"), false)
}

const GOOD: &str = "\
# What we let stand.
ignore:
  - fingerprint: blake3:00112233445566778899aabbccddeeff
    reason: rotated on 2026-11-01
    author: ana
    expires: 2026-11-24
  - rule: github-pat
    path: /srv/**
    reason: a canary
  - rule: github-pat
    path: /opt/build/
    reason: 'throw-away: machines of one hour'
    expires: 2026-11-23
  - rule: azure-storage-sas
    path: '*.json'
    reason: public data
";

#[test]
fn entries_name_by_fingerprint_or_by_rule_and_path() {
    let file = parse(GOOD).expect("a good file");
    let one = file.check(&samples::finding("/anywhere", 1)).expect("named");
    assert_eq!((one.reason.as_str(), one.by, one.line), ("rotated on 2026-11-01", IgnoredBy::Fingerprint, 3));
    assert_eq!((one.author.as_deref(), one.expires.as_deref()), (Some("ana"), Some("2026-11-24")));
    let mut other = samples::finding("/srv/a/b.env", 1);
    other.secret.fingerprint = "blake3:ff112233445566778899aabbccddeeff".into();
    let two = file.check(&other).expect("named");
    assert_eq!((two.reason.as_str(), two.by, two.line), ("a canary", IgnoredBy::RulePath, 7));
    // The entry for it has expired.
    other.location.path = "/opt/build/x/y".into();
    assert_eq!(file.check(&other), None);
    let summary = file.summary();
    assert_eq!(summary.entries, 4);
    let lines = |entries: &[IgnoreEntry]| entries.iter().map(|entry| entry.line).collect::<Vec<_>>();
    assert_eq!((lines(&summary.unused), lines(&summary.expired)), (vec![14], vec![10]));
    assert_eq!(summary.expired[0].path.as_deref(), Some("/opt/build/"));
}

#[test]
fn a_directory_stands_for_all_that_is_in_it() {
    let file = parse("ignore:\n- {rule: github-pat, path: /opt/build/, reason: x}\n").expect("a good file");
    let named = |path: &str| file.check(&samples::finding(path, 1)).is_some();
    assert!(named("/opt/build/a") && named("/opt/build/a/b"));
    assert!(!named("/opt/build") && !named("/srv/opt/build/a") && !named("/opt/builder/a"));
}

#[test]
fn nothing_is_a_file_too() {
    for text in ["", "# nothing yet\n", "ignore: []\n"] {
        assert_eq!(parse(text).expect("a good file").summary(), IgnoreSummary::default(), "{text:?}");
    }
}

#[test]
fn faults_are_told_with_their_line() {
    let shown = refused("ignore:\n  - rule: x\n    path: /a\n");
    let expected = "error: the entry has no reason\n --> ignore.yaml:2:5\n";
    assert!(shown.starts_with(expected), "{shown}");
    for (text, message, place) in [
        ("ignore:\n- reason: x\n", "names no finding", ":2:3"),
        ("ignore:\n- rule: x\n  reason: y\n", "a rule alone", ":2:9"),
        ("ignore:\n- path: x\n  reason: y\n", "a path alone", ":2:9"),
        ("ignore:\n- fingerprint: 0011\n  reason: y\n", "not a fingerprint", ":2:16"),
        (
            "ignore:\n- fingerprint: blake3:00112233445566778899aabbccddeeff\n  path: /a\n  reason: y\n",
            "not both",
            ":3:9",
        ),
        ("ignore:\n- {rule: x, path: '/a[', reason: y}\n", "not a glob", ":2:"),
        ("ignore:\n- {rule: x, path: /a, reason: '  '}\n", "no reason", ":2:"),
        ("ignore:\n- {rule: x, path: /a, reason: y, expires: 2026-02-30}\n", "not a day", ":2:"),
        ("ignore:\n- {rule: x, path: /a, reason: y, expires: tomorrow}\n", "not a day", ":2:"),
        ("ignore:\n- {rule: x, path: /a, reasons: y}\n", "reasons", ":2:"),
        ("ignore:\n- {rule: x, path: /a, reason: y\n", "", ":"),
        ("ignor:\n- {rule: x, path: /a, reason: y}\n", "ignor", ":1:"),
        ("- fingerprint: x\n", "", ":1:"),
        ("ignore:\n- rule: x\n  rule: y\n  path: /a\n  reason: z\n", "", ":3:"),
        ("ignore: {\n", "", ":"),
        ("\t\x1b[31m", "", ":"),
    ] {
        let shown = refused(text);
        let first = shown.lines().next().unwrap_or_default();
        assert!(first.contains(message), "{text:?}: {shown}");
        assert!(shown.contains(&format!("ignore.yaml{place}")), "{text:?}: {shown}");
        assert!(!shown.contains('\x1b'), "{shown:?}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let shown = refused("ignore:\n- reason: x\n- rule: y\n  path: /a\n- {rule: z, reason: y}\n");
    assert_eq!(shown.matches("error:").count(), 3, "{shown}");
}

/// Anchors that multiply, and depth without an end.
#[test]
fn hostile_yaml_is_refused_soon() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
    for name in 'b'..='z' {
        let last = char::from(u8::try_from(u32::from(name)).expect("ASCII") - 1);
        bomb +=
            &format!("{name}: &{name} [*{last},*{last},*{last},*{last},*{last},*{last},*{last},*{last}]\n");
    }
    bomb += "ignore: *z\n";
    refused(&bomb);
    refused(&("ignore: ".to_owned() + &"[".repeat(100_000)));
    refused(&"- ".repeat(100_000));
}
