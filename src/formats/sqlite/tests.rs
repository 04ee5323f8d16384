//! Databases that SQLite itself made, whole and damaged.

use std::process::{Command, Stdio};

use super::*;

/// Made by rpm and sqlite3: see `testdata/make-rpm-databases.sh`.
const RPM: &[u8] = include_bytes!("../../../testdata/rpm/rpmdb.sqlite");

fn open(bytes: &[u8]) -> Result<Database<&[u8]>, SqliteError> {
    Database::open(bytes, bytes.len() as u64)
}

/// The blob column of every row of `Packages`.
fn blobs(bytes: &[u8], max: usize) -> (Vec<Vec<u8>>, Result<(), SqliteError>) {
    let mut found = Vec::new();
    let result = open(bytes).and_then(|mut database| {
        let root = database.table("Packages")?.unwrap_or(0);
        database.rows(root, max, &mut |row| found.extend(row.column(1).map(<[u8]>::to_vec)))
    });
    (found, result)
}

#[test]
fn a_row_goes_on_over_many_pages() {
    let (found, result) = blobs(RPM, 1 << 20);
    assert_eq!(result, Ok(()));
    // As `select length(blob) from Packages` says.
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [10_328]);
    assert_eq!(open(RPM).and_then(|mut database| database.table("Nothing")), Ok(None));
    assert_eq!(blobs(RPM, 10_000).1, Err(SqliteError::TooLong));
}

/// Inner pages, negative and large numbers, columns of all kinds: by the program.
#[test]
fn many_rows_as_the_program_has_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let script = "pragma page_size = 512; create table t(a integer primary key, n, r, x text);
        with recursive c(i) as (select -20 union all select i + 1 from c where i < 5000)
        insert into t select i + 21, i * i * i, 0.5, printf('%0*d', abs(i) % 900, i) from c;";
    let sqlite = Command::new("sqlite3").arg(&path).stdin(Stdio::null()).arg(script).status();
    if !sqlite.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no sqlite3");
        return;
    }
    let bytes = std::fs::read(&path).expect("the database");
    let mut database = open(&bytes).expect("a database");
    let root = database.table("t").expect("a schema").expect("the table");
    let mut next = -20_i64;
    database
        .rows(root, 4096, &mut |row| {
            let width = usize::try_from(next.abs() % 900).expect("small");
            let text = format!("{next:0width$}");
            assert_eq!(row.integer(1), Some(next * next * next));
            assert_eq!((row.integer(2), row.column(2), row.column(4)), (None, None, None));
            assert_eq!(row.column(3), Some(text.as_bytes()), "{next}");
            next += 1;
        })
        .expect("every page");
    assert_eq!(next, 5001);
}

#[test]
fn what_is_damaged_is_refused_and_ends() {
    assert_eq!(open(b"").err(), Some(SqliteError::Header));
    assert_eq!(open(&[b"SQLite format 3\0".as_slice(), &[0; 100]].concat()).err(), Some(SqliteError::Header));
    for length in [100, 1024, 1500, 4096, RPM.len() - 1024] {
        assert!(blobs(&RPM[..length], 1 << 20).1.is_err(), "cut to {length}");
    }
    // Every byte of the pages' heads and every tenth of the rest.
    for at in 0..RPM.len() {
        if at % 1024 > 40 && at % 10 != 0 {
            continue;
        }
        for value in [0, 1, 5, 13, 0x7f, 0xff] {
            let mut bytes = RPM.to_vec();
            bytes[at] = value;
            let _ = blobs(&bytes, 1 << 20);
        }
    }
}

/// An inner page that is its own child, and an overflow page that is its own next.
#[test]
fn a_cycle_ends() {
    let mut page = vec![0; 512];
    page[..16].copy_from_slice(b"SQLite format 3\0");
    page[16..18].copy_from_slice(&512_u16.to_be_bytes());
    page[100] = 5;
    page[100 + 11] = 1;
    let bytes = [page, vec![0; 512 * 9]].concat();
    let mut database = open(&bytes).expect("a header");
    assert_eq!(database.rows(1, 100, &mut |_| {}), Err(SqliteError::Cycle));
}
