//! What is marked: an ignore file, a baseline, files of packages, published keys.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::path::Path;

use snapsift::finding::{BaselineState, Severity};
use support::program::{code, findings, records, scan, stderr, stdout, summary, token, tree, write};

fn ignore(folder: &Path, text: &str) -> String {
    write(folder, "ignore.yaml", text.as_bytes());
    folder.join("ignore.yaml").to_str().expect("UTF-8").to_owned()
}

#[test]
fn what_is_ignored_is_told_counted_and_fails_nothing() {
    let tree = tree();
    let folder = tempfile::tempdir().expect("a folder");
    let file = ignore(
        folder.path(),
        "ignore:\n- rule: github-pat-classic\n  path: /app\n  reason: a canary\n  author: ana\n\
         - {rule: npm, path: /, reason: unused}\n- {rule: npm, path: /, reason: old, expires: 2020-01-01}\n",
    );
    let output = scan(&["-f", "jsonl", "--ignore", &file, "--fail-on", "info"], tree.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let lines = records(&stdout(&output));
    let [finding] = findings(&lines)[..] else { panic!("one finding") };
    let ignored = finding.ignored.as_ref().expect("it is marked");
    assert_eq!((&*ignored.reason, ignored.author.as_deref(), ignored.line), ("a canary", Some("ana"), 2));
    let summary = summary(&lines);
    assert!(summary.complete, "what is ignored was scanned all the same");
    assert_eq!(summary.findings.values().sum::<u64>(), 1);
    assert_eq!(summary.marks.ignored, summary.findings);
    let told = summary.marks.ignore.as_ref().expect("the file was used");
    assert_eq!((told.entries, told.unused[0].line, told.expired[0].line), (3, 6, 7));
    // A second secret that nothing names counts.
    write(tree.path(), "other.env", format!("TOKEN={}\n", token(2)).as_bytes());
    assert_eq!(code(&scan(&["--ignore", &file, "--fail-on", "info"], tree.path())), 1);
    let text = stdout(&scan(&["--ignore", &file], tree.path()));
    for part in ["1 ignored", "a canary (by ana)", "Unused ", "Expired ", "until 2020-01-01"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn no_ignore_file_of_the_target_is_read() {
    let tree = tree();
    for name in ["ignore.yaml", ".snapsift.yaml", ".snapsiftignore", "app/ignore.yaml"] {
        write(tree.path(), name, b"ignore:\n- {rule: github-pat-classic, path: '**', reason: hide}\n");
    }
    let lines = records(&stdout(&scan(&["-f", "jsonl"], tree.path())));
    assert!(findings(&lines)[0].ignored.is_none());
    assert!(summary(&lines).marks.is_empty());
}

#[test]
fn a_wrong_ignore_file_stops_before_the_scan() {
    let tree = tree();
    let folder = tempfile::tempdir().expect("a folder");
    let file = ignore(folder.path(), "ignore:\n- rule: github-pat-classic\n  path: /app\n");
    let output = scan(&["--ignore", &file], tree.path());
    assert_eq!((code(&output), stdout(&output)), (2, String::new()));
    let told = stderr(&output);
    assert!(told.contains("error: the entry has no reason") && told.contains("ignore.yaml:2:3"), "{told}");
    assert!(told.contains("help:") && told.contains("1 fault in the ignore file"), "{told}");
    let missing = scan(&["--ignore", "/no/such/file"], tree.path());
    assert_eq!(code(&missing), 2);
    assert!(stderr(&missing).contains("cannot read the ignore file /no/such/file"));
}

#[test]
fn a_baseline_tells_what_is_new_and_gone() {
    let tree = tree();
    write(tree.path(), "going.env", format!("TOKEN={}\n", token(7)).as_bytes());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("old.jsonl");
    let file = file.to_str().expect("UTF-8");
    assert_eq!(code(&scan(&["-f", "jsonl", "-o", file], tree.path())), 0);
    // The line moves, one file goes, nothing is new.
    write(tree.path(), "app/.env", format!("# more\n\nUSER=app\nTOKEN={}\n", token(1)).as_bytes());
    std::fs::remove_file(tree.path().join("going.env")).expect("removed");
    let fails = ["--baseline", file, "--fail-on", "info"];
    assert_eq!(code(&scan(&fails, tree.path())), 1, "all count");
    assert_eq!(code(&scan(&[&fails[..], &["--new-only"]].concat(), tree.path())), 0);
    let lines = records(&stdout(&scan(&["-f", "jsonl", "--baseline", file], tree.path())));
    assert_eq!(findings(&lines)[0].baseline, Some(BaselineState::Unchanged));
    let told = summary(&lines).marks.baseline.clone().expect("a baseline");
    assert_eq!((told.new.values().sum::<u64>(), told.unchanged, told.gone), (0, 1, 1));

    write(tree.path(), "new.env", format!("TOKEN={}\n", token(8)).as_bytes());
    assert_eq!(code(&scan(&[&fails[..], &["--new-only"]].concat(), tree.path())), 1);
    let text = stdout(&scan(&["--baseline", file], tree.path()));
    assert!(text.contains("new.env:1:7  new") && text.contains("1 new, 1 unchanged, 1 gone"), "{text}");
}

#[test]
fn a_wrong_baseline_is_refused() {
    let tree = tree();
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "text", b"not a scan\n");
    let text = folder.path().join("text");
    let output = scan(&["--baseline", text.to_str().expect("UTF-8")], tree.path());
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("line 1: no record"), "{}", stderr(&output));
    // Fingerprints under another key are no others to compare with.
    let old = folder.path().join("old.jsonl");
    let old = old.to_str().expect("UTF-8");
    write(folder.path(), "key", &[7; 32]);
    let key = folder.path().join("key");
    let key = key.to_str().expect("UTF-8");
    assert_eq!(code(&scan(&["-f", "jsonl", "-o", old], tree.path())), 0);
    let output = scan(&["--baseline", old, "--fingerprint-key-file", key], tree.path());
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("keyed"), "{}", stderr(&output));
    for arguments in
        [&["--new-only"][..], &["--new-only", "--fail-on", "low"], &["--new-only", "--baseline", old]]
    {
        assert_eq!(code(&scan(arguments, tree.path())), 2, "{arguments:?}");
    }
}

#[test]
fn an_unchanged_file_of_a_package_is_lowered_and_a_changed_one_is_not() {
    let tree = tree();
    let shipped = format!("TOKEN={}\n", token(3));
    write(tree.path(), "usr/lib/tool/sample.env", shipped.as_bytes());
    write(tree.path(), "usr/lib/tool/changed.env", format!("TOKEN={}\n", token(4)).as_bytes());
    let digest: String = {
        use md5::Digest as _;
        md5::Md5::digest(&shipped).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let list = format!("{digest}  lib/tool/sample.env\n{digest}  lib/tool/changed.env\n");
    write(tree.path(), "var/lib/dpkg/info/tool.md5sums", list.as_bytes());
    write(tree.path(), "var/lib/dpkg/status", b"Package: tool\nArchitecture: all\nVersion: 1.0-2\n\n");
    let lines = records(&stdout(&scan(&["-f", "jsonl"], tree.path())));
    let [own, changed, sample] = findings(&lines)[..] else { panic!("three findings") };
    assert!(own.vendor.is_none());
    let told = |at: &snapsift::finding::Finding| {
        let vendor = at.vendor.clone().expect("a package's file");
        (vendor.package, vendor.version.unwrap_or_default(), vendor.manager, vendor.verified)
    };
    assert_eq!(told(changed), ("tool".into(), "1.0-2".into(), "dpkg".into(), false));
    assert_eq!(told(sample), ("tool".into(), "1.0-2".into(), "dpkg".into(), true));
    assert_eq!((changed.severity, sample.severity), (own.severity, Severity::Low));
    let summary = summary(&lines);
    assert_eq!((summary.marks.vendor, &*summary.marks.package_databases[0].path), (1, "/var/lib/dpkg"));
    assert!(summary.complete);
}

#[test]
fn a_published_key_is_named_and_lowered() {
    use base64::Engine as _;
    let tree = tempfile::tempdir().expect("a folder");
    // RFC 8032 section 7.1, test 1: the seed, in the structure of RFC 8410.
    let seed = ["9d61b19deffd5a60ba844af492ec2cc4", "4449c5697b326919703bac031cae7f60"].concat();
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend((0..32).map(|at| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).expect("hex")));
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let label = ["PRIVATE", "KEY"].join(" ");
    write(
        tree.path(),
        "key.pem",
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n").as_bytes(),
    );
    let output = scan(&["-f", "jsonl", "--fail-on", "low"], tree.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let lines = records(&stdout(&output));
    let [finding] = findings(&lines)[..] else { panic!("one finding") };
    assert!(finding.known.as_ref().is_some_and(|name| name.contains("RFC 8032")), "{finding:?}");
    assert_eq!((finding.severity, summary(&lines).marks.known), (Severity::Info, 1));
}

#[test]
fn ocsf_has_an_event_a_finding() {
    let tree = tree();
    let output = scan(&["-f", "ocsf"], tree.path());
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    let text = stdout(&output);
    assert_eq!(text.lines().count(), 1);
    assert!(
        text.contains("\"class_uid\":2006") && text.contains("/app/.env") && !text.contains(&token(1)),
        "{text}"
    );
}
