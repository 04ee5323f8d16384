//! What databases keep in pages is found whole, with table, row and column; the databases
//! are made by SQLite itself.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use snapsift::finding::Reason;
use snapsift::pipeline::ScanOptions;
use support::whole::{Scanned, options, planted, scan, scan_with};

/// Runs Python's SQLite over `app.db` in a directory, opened as `db`; `value(n)` is a
/// planted value. What is written is committed.
fn database(dir: &Path, script: &str) {
    let lead = "import sqlite3\nvalue = lambda n: 'sift_' + 'planted_%08d' % n\n\
                db = sqlite3.connect('app.db')\n";
    let script = format!("{lead}{script}\ndb.commit()\ndb.close()\n");
    let output =
        Command::new("python3").args(["-c", &script]).current_dir(dir).output().expect("python runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Where each finding is, with its line, column and offset.
fn places(scanned: &Scanned) -> Vec<(String, u64, u64, u64)> {
    let place = |finding: &&snapsift::finding::Finding| {
        let location = &finding.location;
        (location.whole_path().into_owned(), location.line, location.column, location.offset)
    };
    scanned.findings().iter().map(place).collect()
}

fn place(path: &str, line: u64, column: u64, offset: u64) -> (String, u64, u64, u64) {
    (path.to_owned(), line, column, offset)
}

#[test]
fn rows_are_told_with_table_row_and_column() {
    let dir = tempfile::tempdir().expect("a directory");
    database(
        dir.path(),
        "db.execute('create table tokens(id integer primary key, owner text, value text)')\n\
         db.execute('create index by_value on tokens(value)')\n\
         db.execute('insert into tokens values(7, ?, ?)', ('alice', value(1)))\n\
         db.execute('insert into tokens values(9, ?, ?)', ('bob', 'a\\nb ' + value(2)))\n\
         db.execute('create table kv(name text, value blob, primary key(name)) without rowid')\n\
         db.execute('insert into kv values(?, ?)', ('x', value(3).encode()))",
    );
    let scanned = scan(dir.path());
    // Of an index the values are in no row of their own, and told once.
    let expected = [
        place("/app.db → kv.value", 1, 1, 0),
        place("/app.db → tokens[7].value", 1, 1, 0),
        place("/app.db → tokens[9].value", 2, 3, 4),
    ];
    let mut found = places(&scanned);
    found.sort();
    assert_eq!(found, expected, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    let kinds: Vec<&str> =
        scanned.findings()[0].location.provenance.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!(kinds, ["directory", "row"]);
    let coverage = scanned.coverage();
    assert_eq!((coverage.inside.opened, coverage.files_scanned), (1, 1));
    // Left closed, it is searched as any file.
    let closed = scan_with(dir.path(), ScanOptions { max_archive_depth: 0, ..options() });
    assert!(places(&closed).iter().all(|(path, ..)| path == "/app.db"));
    assert!(closed.coverage().inside.is_empty());
}

/// A value that lies over the end of an overflow page is in no file's bytes as a whole.
#[test]
fn what_overflow_pages_tear_apart_is_found_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    database(
        dir.path(),
        "db.execute('pragma page_size = 512')\n\
         db.execute('create table notes(body text)')\n\
         for at in range(100): db.execute('insert into notes values(?)', ('x' * (1000 + 13 * at) + ' ' + value(at) + ' ' + 'y' * (490 + at),))",
    );
    let closed = scan_with(dir.path(), ScanOptions { max_archive_depth: 0, ..options() });
    let scanned = scan(dir.path());
    assert!(closed.findings().len() < 100, "some are torn");
    let expected: Vec<_> = (0..100_u64)
        .map(|at| place(&format!("/app.db → notes[{}].body", at + 1), 1, 1002 + 13 * at, 1001 + 13 * at))
        .collect();
    let mut found = places(&scanned);
    found.sort_by_key(|(_, _, _, offset)| *offset);
    assert_eq!(found, expected);
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
}

#[test]
fn utf_16_is_decoded() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        let dir = tempfile::tempdir().expect("a directory");
        database(
            dir.path(),
            &format!(
                "db.execute('pragma encoding = \"{encoding}\"')\n\
                 db.execute('create table \"a b\"(\"c d\" text)')\n\
                 db.execute('insert into \"a b\" values(?)', ('\\u00e4 ' + value(1) + ' ' + 'z' * 9000 + ' ' + value(2),))"
            ),
        );
        let scanned = scan(dir.path());
        let expected = [place("/app.db → a b[1].c d", 1, 4, 3), place("/app.db → a b[1].c d", 1, 9027, 9026)];
        assert_eq!(places(&scanned), expected, "{encoding}");
    }
}

/// Nothing that is in no row is lost: what was deleted.
#[test]
fn deleted_rows_are_found_in_the_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    database(
        dir.path(),
        "db.execute('pragma secure_delete = 0')\n\
         db.execute('create table t(v text)')\n\
         db.execute('insert into t values(?)', (value(1),))\n\
         db.execute('insert into t values(?)', (value(2),))\n\
         db.commit()\ndb.execute('delete from t where rowid = 1')",
    );
    let found = places(&scan(dir.path()));
    let paths: Vec<&str> = found.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(paths, ["/app.db", "/app.db → t[2].v"]);
}

#[test]
fn hostile_47_pages_in_a_cycle_end_and_the_rest_is_scanned() {
    let dir = tempfile::tempdir().expect("a directory");
    database(
        dir.path(),
        "db.execute('pragma page_size = 512')\n\
         db.execute('create table t(v text)')\n\
         for at in range(400): db.execute('insert into t values(?)', (value(at) + ' ' + 'x' * 100,))",
    );
    let path = dir.path().join("app.db");
    let whole = fs::read(&path).expect("the database");
    let first = |kind: u8| (1..whole.len() / 512).find(|page| whole[page * 512] == kind).expect("there");
    let (inner, leaf) = (first(5), first(13));
    // An inner page whose last child is itself; a leaf all of whose cells are one, and
    // that claims a payload without end.
    let damages: [fn(&mut [u8], u32); 3] = [
        |page, number| page[8..12].copy_from_slice(&number.to_be_bytes()),
        |page, _| (5..8).for_each(|cell| page.copy_within(8..10, 2 * cell)),
        |page, _| {
            let at = usize::from(u16::from_be_bytes([page[8], page[9]]));
            page[at..at + 9].fill(0xff);
        },
    ];
    for (number, (page, damage)) in [inner, leaf, leaf].into_iter().zip(damages).enumerate() {
        let mut bytes = whole.clone();
        let name = u32::try_from(page + 1).expect("small");
        damage(&mut bytes[page * 512..page * 512 + 512], name);
        fs::write(&path, &bytes).expect("a file");
        let scanned = scan(dir.path());
        // Each value is in a row or in the bytes: those of which a byte was overwritten aside.
        let values: std::collections::BTreeSet<_> =
            scanned.findings().iter().map(|finding| finding.secret.fingerprint.clone()).collect();
        assert!(values.len() >= 398, "{number}: {} values", values.len());
        assert!(number == 1 || !scanned.summary.complete, "{number}");
        assert!(number == 1 || scanned.problems().contains(&("/app.db", Reason::Corrupt)) || number == 2);
    }
    for length in [99, 512, 700, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).expect("a file");
        let scanned = scan(dir.path());
        assert!(!scanned.summary.complete || length == 99, "cut to {length}");
        let first = planted(0);
        assert!(
            length < whole.len() / 2
                || scanned.findings().iter().any(|found| found.secret.length == first.len() as u64)
        );
    }
}
