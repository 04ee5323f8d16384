//! The text as a whole, against golden files (`BLESS=1 cargo test` rewrites them:
//! read the difference before you commit it), and what hostile names do to it.

use std::path::PathBuf;

use super::*;
use crate::finding::{
    BaselineSummary, IgnoreEntry, IgnoreSummary, Ignored, IgnoredBy, Marks, PackageDatabase, Reason, Revealed,
};
use crate::output::{escape, samples};

fn render(records: &[Record], options: TextOptions) -> String {
    let mut out = Vec::new();
    let mut sink = Text::new(&mut out, options);
    for record in records {
        sink.record(record).expect("a vector takes all");
    }
    String::from_utf8(out).expect("UTF-8")
}

fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a golden file");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "differs from {}", path.display());
}

fn clean() -> Vec<Record> {
    let mut records = samples::records(Vec::new(), false);
    records.retain(|record| matches!(record, Record::Scan(_) | Record::Summary(_)));
    if let Some(Record::Summary(summary)) = records.last_mut() {
        summary.complete = true;
        summary.problems = 0;
        summary.keys = 0;
        summary.coverage = crate::finding::Coverage::default();
        summary.coverage.scan_file(1_000);
    }
    records
}

#[test]
fn a_scan_with_findings() {
    golden(
        "text-findings.txt",
        &render(&samples::records(samples::findings(), false), TextOptions::default()),
    );
}

#[test]
fn a_scan_with_findings_in_colour_and_narrow() {
    let options = TextOptions { colour: true, width: 60 };
    golden("text-findings-colour.txt", &render(&samples::records(samples::findings(), false), options));
}

#[test]
fn a_clean_scan_says_so() {
    golden("text-clean.txt", &render(&clean(), TextOptions::default()));
}

#[test]
fn an_interrupted_scan_never_looks_clean() {
    let text = render(&samples::records(Vec::new(), true), TextOptions::default());
    golden("text-interrupted.txt", &text);
    assert!(text.contains("incomplete because it was interrupted"));
    assert!(!text.contains("Complete"));
}

#[test]
fn every_failure_is_given_as_a_reason() {
    for reason in [
        Reason::Unreadable,
        Reason::ChangedWhileRead,
        Reason::Corrupt,
        Reason::Unsupported,
        Reason::Encrypted,
        Reason::Interrupted,
    ] {
        let mut records = clean();
        if let Some(Record::Summary(summary)) = records.last_mut() {
            summary.complete = false;
            summary.coverage.leave_out_file(reason, 5);
        }
        let text = render(&records, TextOptions::default());
        assert!(text.contains("This scan is incomplete because 1 file "), "{reason:?}: {text}");
        assert!(text.contains("none in what was scanned"));
    }
}

#[test]
fn a_secret_in_many_places_is_one_block() {
    let many = (1..=25).map(|line| samples::finding("/srv/app/.env", line)).collect();
    let text = render(&samples::records(many, false), TextOptions::default());
    assert_eq!(text.matches("GitHub personal access token").count(), 1);
    assert_eq!(text.matches("/srv/app/.env:").count(), PLACES_SHOWN);
    assert!(text.contains("and 15 more places"));
    assert!(text.contains("25 critical; all the same secret"), "{text}");
}

#[test]
fn most_severe_first_and_what_has_expired_last_among_equals() {
    let mut findings = samples::findings();
    for finding in &mut findings {
        finding.severity = crate::finding::Severity::High;
    }
    findings.rotate_left(1); // the expired one comes first
    findings[1].severity = crate::finding::Severity::Critical;
    let text = render(&samples::records(findings, false), TextOptions::default());
    let place = |path: &str| text.find(path).unwrap_or_else(|| panic!("no {path} in {text}"));
    assert!(place("/srv/app/.env:3") < place("/etc/app/settings.json:40"), "{text}");
    assert!(place("/etc/app/settings.json:40") < place("/opt/job/run.sh:12"), "{text}");
}

#[test]
fn marks_are_told_with_their_reasons() {
    let mut ignored = samples::finding("/srv/app/.env", 3);
    ignored.ignored = Some(Ignored {
        reason: "a canary".into(),
        author: Some("ana".into()),
        expires: Some("2027-01-31".into()),
        by: IgnoredBy::Fingerprint,
        line: 3,
    });
    let mut again = ignored.clone();
    again.location = samples::location("/var/backups/.env", 3);
    let mut findings = samples::findings();
    let [sas, old, ..] = &mut findings[..] else { panic!("samples") };
    sas.baseline = Some(BaselineState::New);
    sas.vendor = Some(Vendor {
        package: "acme-tools".into(),
        version: Some("1.2-3".into()),
        manager: "rpm".into(),
        verified: false,
    });
    let mut shipped = sas.clone();
    shipped.location = samples::location("/usr/share/acme/settings.json", 40);
    shipped.severity = crate::finding::Severity::Low;
    shipped.baseline = Some(BaselineState::Unchanged);
    shipped.vendor.as_mut().expect("a vendor").verified = true;
    let mut known = samples::finding("/home/vagrant/.ssh/id_rsa", 1);
    known.secret.fingerprint = "blake3:33332233445566778899aabbccddeeff".into();
    known.severity = crate::finding::Severity::Info;
    known.known = Some("Vagrant insecure key (RSA)".into());
    let mut records = samples::records(vec![sas.clone(), old.clone(), ignored, again, shipped, known], false);
    if let Some(Record::Summary(summary)) = records.last_mut() {
        let entry = |line, path: &str| IgnoreEntry {
            line,
            rule: Some("azure-storage-sas".into()),
            path: Some(path.into()),
            reason: "public data".into(),
            ..IgnoreEntry::default()
        };
        let expired = IgnoreEntry { expires: Some("2026-11-23".into()), ..entry(17, "/opt/") };
        summary.marks = Marks {
            ignored: [(crate::finding::Severity::Critical, 2)].into(),
            vendor: 1,
            known: 1,
            ignore: Some(IgnoreSummary {
                entries: 3,
                unused: vec![entry(14, "*.json")],
                expired: vec![expired],
            }),
            baseline: Some(BaselineSummary {
                scan_id: "0f0e0d0c0b0a09080706050403020100".into(),
                new: [(crate::finding::Severity::High, 1)].into(),
                unchanged: 1,
                gone: 2,
            }),
            package_databases: vec![PackageDatabase {
                manager: "rpm".into(),
                path: "/var/lib/rpm/Packages".into(),
                error: Some("page 7 is damaged".into()),
            }],
        };
    }
    golden("text-marks.txt", &render(&records, TextOptions::default()));
}

#[test]
fn nothing_is_written_without_a_summary() {
    let mut records = samples::scan();
    records.pop();
    assert_eq!(render(&records, TextOptions::default()), "");
}

#[test]
fn hostile_19_20_no_name_or_value_drives_the_terminal() {
    let evil = "\x1b]0;owned\x07\u{9b}2J\u{202e}\u{200b}\r\n\t\u{feff}";
    let mut finding = samples::finding(&format!("/tmp/{evil}"), 1);
    finding.attributes.insert(evil.into(), evil.into());
    finding.remediation = evil.into();
    finding.secret.preview = evil.into();
    finding.secret_type = evil.into();
    finding.rule_id = evil.into();
    finding.key_fingerprint = Some(evil.into());
    finding.location.provenance[0].name = format!("/{evil}");
    if let Some(file) = &mut finding.file {
        file.owner = Some(evil.into());
        file.group = Some(evil.into());
        file.mode = evil.into();
    }
    finding.secret.raw =
        Some(serde_json::from_value::<Revealed>(serde_json::Value::String(evil.into())).expect("text"));
    let mut records = samples::records(vec![finding], false);
    for record in &mut records {
        match record {
            Record::Scan(scan) => scan.targets = vec![evil.into()],
            Record::Problem(problem) => {
                problem.path = evil.into();
                problem.message = evil.into();
            }
            _ => {}
        }
    }
    let text = render(&records, TextOptions::default());
    for line in text.lines() {
        assert!(!line.chars().any(escape::is_unsafe), "{line:?}");
    }
    assert!(text.contains("\\x1b]0;owned\\x07"));
    assert!(text.contains("\\u{202e}"));
}

#[test]
fn bytes_that_are_not_utf8_are_shown() {
    let mut finding = samples::finding("/tmp/\u{fffd}", 1);
    finding.location.path_hex = Some("2f746d702fff".into());
    let text = render(&samples::records(vec![finding], false), TextOptions::default());
    assert!(text.contains("/tmp/\\xff:1:14"), "{text}");
}
