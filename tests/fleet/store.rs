//! What becomes of streams: once, wholly, the newest; and what a question may do.

use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use snapsift::fleet::store::Store;

use super::stream::Scan;
use super::support::program::{code, stderr, stdout};
use super::{Fleet, snapsift, write};

#[test]
fn a_scan_is_added_once_and_one_without_its_end_not_at_all() {
    let fleet = Fleet::new();
    let mut scan = Scan::new("one", "a", "2026-01-01T00:00:00Z");
    scan.finding("S", "a type", "/x", json!({}));
    let text = scan.text();
    let cut = text.lines().take(3).collect::<Vec<_>>().join("\n").replace("\"one\"", "\"two\"");
    let outcome = fleet.add(&[text.clone(), text, cut]);
    assert_eq!((outcome.loaded, outcome.known, outcome.kept_out.len()), (1, 1, 1));
    assert_eq!(fleet.ask("common-secrets", &[]).len(), 1);
    assert_eq!(fleet.rows("SELECT COUNT(*) FROM finding"), [["Integer(1)"]]);
}

/// One that is too large to be read at once, of which the end is missing, leaves nothing; nor
/// does what is remembered of it lead the next one astray.
#[test]
fn a_large_stream_is_added_whole_or_not_at_all() {
    const LINES: usize = 120_000;
    let fleet = Fleet::new();
    let scan = |id: &str, host: &str, keys: Range<usize>| {
        let mut scan = Scan::new(id, host, "2026-01-01T00:00:00Z");
        scan.accepts("KEY", "app", &json!({"state": "accepted"}));
        let text = scan.text();
        let (start, end) = text.trim_end().rsplit_once('\n').expect("lines");
        let (start, line) = start.rsplit_once('\n').expect("lines");
        let lines = keys.map(|key| line.replace("KEY", &format!("SHA256:{key:043}")) + "\n");
        format!("{start}\n{}{end}\n", lines.collect::<String>())
    };
    let large = scan("1", "large", 0..LINES);
    assert!(large.len() > 32 << 20, "{}", large.len());
    let cut = large.trim_end().rsplit_once('\n').expect("lines").0.to_owned() + "\n";
    let outcome = fleet.add(&[cut, scan("2", "small", LINES - 2..LINES + 2)]);
    assert_eq!((outcome.loaded, outcome.kept_out.len()), (1, 1));
    assert!(outcome.kept_out[0].reason.contains("no summary"), "{:?}", outcome.kept_out);
    let counts = || {
        let rows = fleet.rows(
            "SELECT COUNT(*), COUNT(DISTINCT e.key_id), COUNT(DISTINCT k.fingerprint) FROM entry e
             JOIN ssh_key k ON k.key_id = e.key_id UNION ALL SELECT COUNT(*), 0, 0 FROM ssh_key
             UNION ALL SELECT COUNT(*), 0, 0 FROM sqlite_master WHERE name = 'entry_key'",
        );
        rows.concat().join(" ").replace("Integer", "")
    };
    assert_eq!(counts(), "(4) (4) (4) (4) (0) (0) (1) (0) (0)");
    assert_eq!(fleet.add(&[large]).loaded, 1);
    assert_eq!(counts(), "(120004) (120002) (120002) (120002) (0) (0) (1) (0) (0)");
}

#[test]
fn the_newest_scan_of_a_machine_counts_and_the_one_before_is_its_history() {
    let fleet = Fleet::new();
    let mut old = Scan::new("old", "a", "2026-01-01T00:00:00Z");
    old.finding("stays", "a type", "/x", json!({}));
    old.finding("gone", "a type", "/y", json!({}));
    let mut new = Scan::new("new", "a", "2026-02-01T00:00:00Z");
    new.finding("stays", "a type", "/x", json!({}));
    new.finding("new", "a type", "/z", json!({}));
    // In whatever order they come.
    fleet.add(&[new.text(), old.text()]);
    let paths = |question: &str| -> Vec<String> {
        let rows = fleet.ask(question, &[]);
        rows.iter().filter_map(|row| Some(row["path"].as_str()?.to_owned())).collect()
    };
    assert_eq!(paths("inventory"), ["/x", "/z"]);
    assert_eq!(paths("new-since-last-scan"), ["/z"]);
    assert_eq!(paths("gone-since-last-scan"), ["/y"]);
}

#[test]
fn what_an_ignore_file_names_is_counted_nowhere() {
    let fleet = Fleet::new();
    let mut scan = Scan::new("one", "a", "2026-01-01T00:00:00Z");
    scan.finding("S", "a type", "/x", json!({"ignored": {"reason": "rotated"}}));
    fleet.add(&[scan.text()]);
    for question in ["inventory", "recommendations", "common-secrets", "machines-with-most-secrets", "oldest"]
    {
        assert_eq!(fleet.ask(question, &[]), Vec::<serde_json::Value>::new(), "{question}");
    }
}

#[test]
fn machines_are_matched_by_what_a_cloud_gave_them_and_never_by_what_others_have() {
    let fleet = Fleet::new();
    // Of `other` the host name is that of the machine, the instance is another; `near` has
    // its private address.
    let assets = super::asset("a", "aws", false, false, "low").replace("i-a", "i-other")
        + "INSERT INTO asset_name VALUES ('a', 'hostname', 'a', 1);"
        + &super::asset("near", "aws", false, false, "low").replace("i-near", "i-elsewhere")
        + "INSERT INTO asset_name VALUES ('near', 'private_ip', '10.0.0.5', 1);";
    fleet.inventory(&assets);
    let mut scan = Scan::new("one", "a", "2026-01-01T00:00:00Z");
    scan.called(&["10.0.0.5"]);
    fleet.add(&[scan.text()]);
    let coverage = fleet.ask("coverage", &[]);
    let matched: Vec<_> = coverage.iter().filter(|row| row["matched_by"] != "").collect();
    assert_eq!(coverage.len(), 3, "{coverage:?}");
    assert!(matched.is_empty(), "{matched:?}");
}

#[test]
fn processes_that_add_at_once_wait_for_one_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("fleet.db");
    let children: Vec<_> = (0..4)
        .map(|process| {
            let scans = folder.path().join(format!("scans-{process}"));
            std::fs::create_dir(&scans).expect("a folder");
            for number in 0..10 {
                let name = format!("{process}-{number}");
                let mut scan = Scan::new(&name, &name, "2026-01-01T00:00:00Z");
                scan.finding("S", "a type", "/x", json!({}));
                write(&scans.join(format!("{number}.jsonl")), &scan.text());
            }
            let mut command = Command::new(env!("CARGO_BIN_EXE_snapsift"));
            command.args(["fleet", "add", "--quiet"]).arg(&store).arg(&scans);
            command.stderr(Stdio::piped()).spawn().expect("runs")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("ended");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    let count = rusqlite::Connection::open(&store).expect("opens").query_row(
        "SELECT COUNT(*) FROM fleet_risk",
        [],
        |row| row.get::<_, i64>(0),
    );
    assert_eq!(count.expect("a number"), 40);
}

/// Whoever began first may be the second to write.
#[test]
fn who_adds_takes_no_number_that_another_has_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fleet.db");
    let open = || Store::open(Some(&path)).expect("a store");
    let text = |id: &str| {
        let mut scan = Scan::new(id, id, "2026-01-01T00:00:00Z");
        scan.accepts(&format!("SHA256:{id}"), "app", &json!({"state": "accepted"}));
        scan.text()
    };
    let (mut one, mut two) = (open(), open());
    let (mut first, mut second) = (one.adding().expect("a store"), two.adding().expect("a store"));
    second.load("b", &mut text("b").as_bytes()).expect("loaded");
    second.finish().expect("written");
    first.load("a", &mut text("a").as_bytes()).expect("loaded");
    first.finish().expect("written");
    let count = |sql: &str| -> i64 {
        rusqlite::Connection::open(&path)
            .expect("opens")
            .query_row(sql, [], |row| row.get(0))
            .expect("a number")
    };
    assert_eq!(
        count("SELECT COUNT(DISTINCT s.name || d.disk_id) FROM scan s JOIN disk d ON d.scan_id = s.scan_id"),
        2
    );
    assert_eq!(
        count(
            "SELECT COUNT(DISTINCT disk_id || k.fingerprint) FROM entry e JOIN ssh_key k ON k.key_id = e.key_id"
        ),
        2
    );
}

#[test]
fn no_secret_reaches_the_store_even_where_it_was_revealed() {
    let fleet = Fleet::new();
    let mut scan = Scan::new("one", "a", "2026-01-01T00:00:00Z");
    let raw = "hunter2-is-not-to-be-kept";
    let secret = json!({"preview": "…", "length": 9, "fingerprint": "blake3:1", "raw": raw});
    scan.finding("S", "a type", "/x", json!({"secret": secret}));
    let outcome = fleet.add(&[scan.text()]);
    assert_eq!(outcome.loaded, 1, "{outcome:?}");
    let bytes = std::fs::read(fleet.path()).expect("the store");
    assert!(!bytes.windows(raw.len()).any(|window| window == raw.as_bytes()));
}

#[test]
fn a_question_changes_nothing() {
    let fleet = Fleet::new();
    fleet.add(&[Scan::new("one", "a", "2026-01-01T00:00:00Z").text()]);
    let store = fleet.path();
    let other = fleet.folder.path().join("other.db");
    for sql in
        ["DROP TABLE scan", "INSERT INTO scan VALUES (1, 'x', 'y', 'z', 0, 0, '')", "DELETE FROM param"]
    {
        let file = fleet.folder.path().join("q.sql");
        write(&file, sql);
        let output =
            snapsift(&["fleet", "query", store.to_str().expect("UTF-8"), file.to_str().expect("UTF-8")]);
        assert_eq!(code(&output), 2, "{sql}");
        assert!(stderr(&output).contains("would change the store"), "{}", stderr(&output));
    }
    let file = fleet.folder.path().join("q.sql");
    write(&file, &format!("ATTACH '{}' AS other", other.display()));
    let output = snapsift(&["fleet", "query", store.to_str().expect("UTF-8"), file.to_str().expect("UTF-8")]);
    assert!(!other.exists(), "{}", stderr(&output));
    assert_eq!(fleet.rows("SELECT COUNT(*) FROM scan"), [["Integer(1)"]]);
}

#[test]
fn hostile_names_stay_in_their_cell() {
    let fleet = Fleet::new();
    let mut scan = Scan::new("one", "a", "2026-01-01T00:00:00Z");
    scan.finding("S'; DROP TABLE finding; --", "=1+1", "/x\u{1b}[2J\n\"', y", json!({}));
    fleet.add(&[scan.text()]);
    let store = fleet.path();
    let store = store.to_str().expect("UTF-8");
    let table = stdout(&snapsift(&["fleet", "query", store, "inventory"]));
    assert!(!table.contains('\u{1b}') && table.lines().count() == 2, "{table}");
    let csv = stdout(&snapsift(&["fleet", "query", store, "inventory", "--format", "csv"]));
    assert!(csv.contains(",'=1+1,"), "{csv}");
    assert_eq!(fleet.ask("inventory", &[])[0]["path"], json!("/x\u{1b}[2J\n\"', y"));
}

#[test]
fn an_empty_list_of_paths_says_why() {
    let fleet = Fleet::new();
    fleet.add(&[Scan::new("one", "a", "2026-01-01T00:00:00Z").text()]);
    let output = snapsift(&["fleet", "query", fleet.path().to_str().expect("UTF-8"), "attack-paths"]);
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("no inventory has any of its machines"), "{}", stderr(&output));
}

#[test]
fn streams_may_be_compressed_and_come_by_standard_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    for (name, host) in [("a.jsonl", "a"), ("b.jsonl", "b"), ("c.jsonl", "c")] {
        let scan = Scan::new(&format!("scan-{host}"), host, "2026-01-01T00:00:00Z");
        write(&folder.path().join(name), &scan.text());
    }
    assert!(Command::new("gzip").arg(path("b.jsonl")).status().expect("gzip").success());
    let output = snapsift(&["fleet", "add", &path("fleet.db"), folder.path().to_str().expect("UTF-8")]);
    assert_eq!((code(&output), stdout(&output).trim()), (0, "3 scans added"), "{}", stderr(&output));
    let again = Command::new(env!("CARGO_BIN_EXE_snapsift"))
        .args(["fleet", "add", &path("fleet.db"), "-"])
        .stdin(Stdio::from(std::fs::File::open(path("b.jsonl.gz")).expect("opens")))
        .output()
        .expect("runs");
    assert_eq!(stdout(&again).trim(), "0 scans added, 1 there already");
}

/// A process that is killed while it adds leaves a store that is whole.
#[test]
fn killed_in_the_middle_of_adding() {
    let fleet = Fleet::new();
    fleet.add(&[Scan::new("first", "first", "2026-01-01T00:00:00Z").text()]);
    let folder = fleet.folder.path().join("scans");
    std::fs::create_dir(&folder).expect("a folder");
    for number in 0..30 {
        let mut scan = Scan::new(&format!("scan-{number}"), &format!("m{number}"), "2026-01-01T00:00:00Z");
        for finding in 0..200 {
            scan.finding(&format!("{finding}"), "a type", "/x", json!({}));
        }
        write(&folder.join(format!("{number}.jsonl")), &scan.text());
    }
    for run in 0..12_u64 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_snapsift"))
            .args(["fleet", "add", "--quiet"])
            .args([fleet.path(), folder.clone()])
            .spawn()
            .expect("runs");
        std::thread::sleep(std::time::Duration::from_millis(run * 15));
        let _ = child.kill();
        child.wait().expect("ended");
        assert_eq!(fleet.rows("PRAGMA integrity_check"), [["Text(\"ok\")"]]);
        let partial = "SELECT s.name FROM scan s JOIN disk d ON d.scan_id = s.scan_id
                       LEFT JOIN finding f ON f.disk_id = d.disk_id
                       WHERE s.name <> 'first' GROUP BY s.name HAVING COUNT(f.finding_id) <> 200";
        assert!(fleet.rows(partial).is_empty(), "a part of a scan was kept");
    }
    let outcome =
        snapsift(&["fleet", "add", fleet.path().to_str().expect("UTF-8"), folder.to_str().expect("UTF-8")]);
    assert_eq!(code(&outcome), 0, "{}", stderr(&outcome));
    assert_eq!(fleet.rows("SELECT COUNT(*) FROM finding"), [["Integer(6000)"]]);
}

/// Every file of the folder is a question, with a title.
#[test]
fn questions_are_listed() {
    let listed = stdout(&snapsift(&["fleet", "query", "--list"]));
    let mut names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/fleet");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the questions")
        .map(|entry| entry.expect("one").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    files.sort();
    assert_eq!(names, files);
    assert!(listed.lines().all(|line| line.split_whitespace().count() > 1), "{listed}");
}
