//! Scans of ordinary directories: what is found, in which order, what is left
//! out, and that it all adds up.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by a panic, and a child tells its parent"
)]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::Ordering;

use snapsift::finding::{Coverage, Reason, Record, Severity};
use snapsift::pipeline::{RecordSink, Scan, ScanError, ScanOptions};
use snapsift::scan::Engine;
use snapsift::source::{OpenError, Snapshot};
use support::whole::{options, planted, rules, scan, scan_with};

#[test]
fn lines_and_columns_count_from_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = format!("{}\nab {} {}\n\n\n{}", planted(1), planted(2), planted(3), planted(4));
    fs::write(dir.path().join("small"), &text).expect("a file");
    // The same behind more than two windows.
    let lead = "0123456789abcde\n".repeat(150_000);
    fs::write(dir.path().join("large"), lead.clone() + &text).expect("a file");
    let places = |path: &str| -> Vec<(u64, u64, u64)> {
        let scanned = scan(dir.path());
        let of_path = scanned.findings().into_iter().filter(|finding| finding.location.path == path);
        of_path
            .map(|finding| (finding.location.offset, finding.location.line, finding.location.column))
            .collect()
    };
    let small = [(0, 1, 1), (25, 2, 4), (47, 2, 26), (71, 5, 1)];
    assert_eq!(places("/small"), small);
    let offset = 16 * 150_000;
    assert_eq!(places("/large"), small.map(|(at, line, column)| (at + offset, line + 150_000, column)));
}

#[test]
fn matches_across_windows_are_found_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut text = vec![b'.'; 3 << 20];
    for (number, at) in (0_u32..).zip((1 << 20) - 25..(1 << 20) + 5) {
        let name = format!("{number:02}");
        let planted = planted(number);
        text.fill(b'.');
        text[at..at + planted.len()].copy_from_slice(planted.as_bytes());
        fs::write(dir.path().join(name), &text).expect("a file");
    }
    let scanned = scan(dir.path());
    let offsets: Vec<u64> = scanned.findings().iter().map(|finding| finding.location.offset).collect();
    assert_eq!(offsets, ((1 << 20) - 25..(1 << 20) + 5).collect::<Vec<u64>>());
}

#[test]
fn the_records_depend_on_the_input_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    for number in 0..300_u32 {
        let below = dir.path().join(format!("d{}/e{}", number % 7, number % 3));
        fs::create_dir_all(&below).expect("directories");
        fs::write(below.join(number.to_string()), format!("{} {}", planted(number), planted(1)))
            .expect("a file");
        if number % 10 == 0 {
            fs::hard_link(below.join(number.to_string()), dir.path().join(format!("link{number}")))
                .expect("a link");
        }
    }
    let reference = scan_with(dir.path(), ScanOptions { jobs: 1, ..options() });
    assert_eq!(reference.findings().len(), 660);
    let mut paths = reference.paths();
    assert!(paths.is_sorted());
    paths.dedup();
    assert_eq!(paths.len(), 330, "each name of a file is reported");
    for jobs in [2, 3, 16] {
        for _ in 0..5 {
            let again = scan_with(dir.path(), ScanOptions { jobs, ..options() });
            assert!(again.comparable() == reference.comparable(), "{jobs} threads differ from one");
        }
    }
}

#[test]
fn what_is_left_out_is_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |path: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        path
    };
    let text = planted(1);
    for path in [
        "etc/keep",
        "etc/drop.log",
        "var/cache/inner/one",
        "usr/lib/node_modules/x/test/key",
        "usr/lib/node_modules/x/test/deep/key",
        "home/u/test/key",
    ] {
        fs::write(at(path), &text).expect("a file");
    }
    fs::write(at("srv/big"), vec![b'x'; 5000]).expect("a file");
    let bytes = u64::try_from(text.len()).expect("fits");
    let limits = ScanOptions {
        exclude: vec!["*.log".into(), "/var/cache".into()],
        max_file_size: Some(4999),
        ..options()
    };
    let scanned = scan_with(dir.path(), limits.clone());
    assert_eq!(scanned.paths(), ["/etc/keep", "/home/u/test/key"]);
    let expect = |reason| {
        let left = scanned.left_out(reason);
        (left.files, left.bytes)
    };
    assert_eq!(expect(Reason::Excluded), (2, bytes), "a file, and a directory as one entry");
    assert_eq!(expect(Reason::TestContent), (2, 2 * bytes));
    assert_eq!(expect(Reason::OverBudget), (1, 5000));
    assert!(scanned.summary.complete, "what was asked for was done");
    let all = scan_with(dir.path(), ScanOptions { include_test_content: true, ..limits });
    assert_eq!(all.paths().len(), 4);
    assert!(!all.coverage().left_out.contains_key(&Reason::TestContent));
    let wrong = ScanOptions { exclude: vec!["a[".into()], ..options() };
    let scan = Scan::new(Snapshot::open(dir.path()).expect("a target"), Engine::new(&rules()), wrong);
    assert!(matches!(scan.run(&mut Vec::new()), Err(ScanError::Exclude(_))));
}

#[test]
fn file_facts_are_those_of_the_snapshot() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("etc")).expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, planted(1)).expect("a file");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640)).expect("chmod");
    let before = fs::metadata(&file).expect("metadata");
    let passwd = format!("them:x:{}:1::/:/bin/sh\n", before.uid());
    fs::write(dir.path().join("etc/passwd"), passwd).expect("a file");
    let scanned = scan(dir.path());
    let facts = scanned.findings()[0].file.clone().expect("facts");
    assert_eq!((facts.mode.as_str(), facts.size, facts.inode, facts.links), ("0640", 21, before.ino(), 1));
    assert_eq!((facts.owner.as_deref(), facts.group), (Some("them"), None));
    let nanoseconds = u32::try_from(before.mtime_nsec()).expect("a fraction");
    assert_eq!(facts.mtime, snapsift::finding::Timestamp::from_unix(before.mtime(), nanoseconds));
    let after = fs::metadata(&file).expect("metadata");
    assert_eq!(
        (before.atime(), before.atime_nsec()),
        (after.atime(), after.atime_nsec()),
        "read without a trace"
    );
    assert_eq!(scanned.summary.access_times_not_kept, 0);
}

#[test]
fn access_times_of_directories_are_kept_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let below = dir.path().join("below");
    fs::create_dir(&below).expect("a directory");
    // Older than the modification: even a mount with `relatime` would write a new one.
    let old = rustix::fs::Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
    let times = rustix::fs::Timestamps { last_access: old, last_modification: old };
    for path in [&below, dir.path()] {
        rustix::fs::futimens(fs::File::open(path).expect("a handle"), &times).expect("times");
    }
    scan(dir.path());
    for path in [&below, dir.path()] {
        assert_eq!(fs::metadata(path).expect("metadata").atime(), 1_000_000_000, "{path:?}");
    }
}

#[test]
fn many_findings_in_one_file_are_capped_and_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let text: String = (0..5000).map(|number| planted(number) + "\n").collect();
    fs::write(dir.path().join("file"), text).expect("a file");
    let scanned = scan_with(dir.path(), ScanOptions { max_findings_per_file: 10, ..options() });
    assert_eq!(scanned.findings().len(), 10);
    assert_eq!(scanned.findings()[9].location.line, 10);
    assert_eq!(scanned.summary.findings_not_listed, 4990);
    assert_eq!(scanned.summary.findings.get(&Severity::High), Some(&5000));
}

#[test]
fn a_file_is_a_target_and_so_are_several() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, planted(1)).expect("a file");
    let scanned = scan(&file);
    assert_eq!(scanned.paths(), ["/file"]);
    assert_eq!(scanned.coverage().bytes_scanned, 21);
    let two = Scan::new(Snapshot::open(&file).expect("a target"), Engine::new(&rules()), options())
        .with_snapshot(Snapshot::open(dir.path()).expect("a target"));
    let progress = two.progress();
    let mut records: Vec<Record> = Vec::new();
    let summary = two.run(&mut records).expect("a scan");
    assert_eq!((summary.coverage.files_scanned, summary.coverage.directories), (2, 1));
    assert_eq!((progress.files(), progress.bytes(), progress.findings()), (2, 42, 2));
    let Record::Finding(second) = &records[2] else { panic!("a finding") };
    assert_eq!(second.location.provenance[0].name, dir.path().to_string_lossy());
}

#[test]
fn what_cannot_be_a_target_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let missing = Snapshot::open(dir.path().join("missing")).expect_err("nothing there");
    assert!(matches!(missing, OpenError::NotFound(_)));
    assert!(missing.to_string().contains("missing"), "{missing}");
    assert!(matches!(Snapshot::open("/dev/null"), Err(OpenError::NotAFile(_))));
}

#[test]
fn a_secret_is_masked_in_the_path_that_it_stands_in() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join(format!("key-{}.txt", planted(77))), planted(77)).expect("a file");
    let scanned = scan(dir.path());
    assert_eq!(scanned.paths(), ["/key-….txt"]);
    assert!(!scanned.comparable().contains(&planted(77)));
}

/// Fails at the n-th record.
struct Failing(usize, Vec<Record>);

impl RecordSink for Failing {
    fn record(&mut self, record: &Record) -> std::io::Result<()> {
        if self.0 == 0 {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        self.0 -= 1;
        self.1.push(record.clone());
        Ok(())
    }
}

#[test]
fn hostile_42_no_summary_after_a_failed_write() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("file"), planted(1)).expect("a file");
    for after in 0..3 {
        let mut sink = Failing(after, Vec::new());
        let scan = Scan::new(Snapshot::open(dir.path()).expect("a target"), Engine::new(&rules()), options());
        assert!(matches!(scan.run(&mut sink), Err(ScanError::Sink(_))));
        assert!(!sink.1.iter().any(|record| matches!(record, Record::Summary(_))));
    }
}

#[test]
fn a_stopped_scan_says_so_and_still_adds_up() {
    let dir = tempfile::tempdir().expect("a directory");
    for number in 0..20_u32 {
        fs::create_dir(dir.path().join(number.to_string())).expect("a directory");
    }
    let scan = Scan::new(Snapshot::open(dir.path()).expect("a target"), Engine::new(&rules()), options());
    scan.stop_flag().store(true, Ordering::Relaxed);
    let summary = scan.run(&mut Vec::new()).expect("a scan");
    assert!(summary.interrupted && !summary.complete);
    assert!(summary.coverage.is_balanced());
    assert!(summary.coverage.left_out.contains_key(&Reason::Interrupted));
    let empty = tempfile::tempdir().expect("a directory");
    assert_eq!(
        support::whole::scan(empty.path()).coverage(),
        &Coverage { directories: 1, ..Coverage::default() }
    );
}
