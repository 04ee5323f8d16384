//! Tables that LevelDB and RocksDB wrote: see `testdata/make-tables.sh` for what is in them.

use std::fs;
use std::path::Path;

use snapsift::finding::Reason;
use snapsift::formats::sstable::may_begin;

use super::support::whole::scan;
use super::{place, places, seen};

fn table(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tables").join(name)).expect("a table")
}

const TABLES: [&str; 4] = ["leveldb-snappy.ldb", "rocksdb-lz4.sst", "rocksdb-snappy.sst", "rocksdb-zstd.sst"];

#[test]
fn every_entry_of_a_table_is_told_with_its_key() {
    for name in TABLES {
        let seen = seen(&table(name));
        assert_eq!(seen.problems, [], "{name}");
        let site = if name.starts_with("level") { "_https://app.acme.io\\x00\\x01" } else { "" };
        let values: Vec<(String, String)> = seen
            .fields
            .chunks(2)
            .map(|pair| (pair[1].2.clone(), String::from_utf8(pair[1].1.clone()).expect("text")))
            .collect();
        let expected: Vec<(String, String)> = (0..120)
            .map(|number| {
                let planted = match number % 50 {
                    0 => format!("{}_{number:08}", "sift_planted"),
                    _ => "none".to_owned(),
                };
                (format!("{site}key{number:04}"), "word ".repeat(40) + &planted)
            })
            .collect();
        assert_eq!(values, expected, "{name}");
    }
}

#[test]
fn values_of_compressed_tables_are_found() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in TABLES {
        fs::write(dir.path().join(name), table(name)).expect("a file");
    }
    let scanned = scan(dir.path());
    let mut expected = Vec::new();
    for name in TABLES {
        let site = if name.starts_with("level") { "_https://app.acme.io\\x00\\x01" } else { "" };
        for number in [0, 50, 100] {
            expected.push(place(&format!("/{name} → {site}key{number:04}"), 1, 201, 200));
        }
    }
    let mut found = places(&scanned);
    found.sort();
    assert_eq!(found, expected, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    assert_eq!(scanned.coverage().inside.opened, 4);
    // A file that only begins as one is a file as any other.
    let mut other = table(TABLES[0]);
    other.truncate(other.len() - 1);
    other.extend_from_slice(format!("\n{}_00000007\n", "sift_planted").as_bytes());
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("other"), &other).expect("a file");
    let scanned = scan(dir.path());
    assert!(scanned.summary.complete);
    assert!(scanned.coverage().inside.is_empty());
    assert!(scanned.paths().contains(&"/other"));
    for text in [&b"PK\x03\x04"[..], b"\x7fELF\x02\x01\x01\0", b"-----BEGIN", b"", b"\0\0\0\0", b"{\"a\": 1}"]
    {
        assert!(!may_begin(text), "{text:?}");
    }
}

#[test]
fn hostile_tables_end() {
    for name in TABLES {
        let whole = table(name);
        for length in (0..whole.len()).step_by(9).chain(whole.len() - 60..whole.len()) {
            seen(&whole[..length]);
        }
        for at in (0..whole.len()).step_by(11).chain(whole.len() - 60..whole.len()) {
            let mut bytes = whole.clone();
            bytes[at] = !bytes[at];
            seen(&bytes);
        }
        // Of what is damaged, other blocks are read.
        let mut bytes = whole.clone();
        let first = if name.contains("zstd") { 8 } else { 40 };
        bytes[first..first + 20].fill(0xff);
        let seen = seen(&bytes);
        assert!(seen.problems.iter().all(|reason| *reason == Reason::Corrupt), "{name}");
        assert!(seen.fields.len() > 100, "{name}: {}", seen.fields.len());
    }
}
