//! What is inside of archives and compressed files is scanned, at any nesting, with the
//! way to it; the archives are made by the programs that people make them with.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use snapsift::finding::{Finding, Reason};
use snapsift::pipeline::ScanOptions;
use support::whole::{Scanned, options, planted, scan, scan_with};

/// Runs a shell script in a directory; it must succeed.
fn sh(dir: &Path, script: &str) {
    let output = Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(dir).output();
    let output = output.expect("bash runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A directory with `app.env`, whose third line has a planted value in column 7, and
/// `second.txt` with another in its first.
fn sources() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("etc")).expect("a directory");
    fs::create_dir(dir.path().join("out")).expect("a directory");
    fs::write(dir.path().join("etc/app.env"), format!("A=1\nB=2\nTOKEN={}\n", planted(1))).expect("a file");
    fs::write(dir.path().join("etc/second.txt"), format!("{}\n", planted(2))).expect("a file");
    dir
}

/// Path, members, line, column of each finding.
fn places(scanned: &Scanned) -> Vec<(String, u64, u64)> {
    let place = |finding: &&Finding| {
        (finding.location.whole_path().into_owned(), finding.location.line, finding.location.column)
    };
    scanned.findings().iter().map(place).collect()
}

fn expect(scanned: &Scanned, expected: &[(&str, u64, u64)]) {
    let expected: Vec<(String, u64, u64)> =
        expected.iter().map(|(path, line, column)| ((*path).to_owned(), *line, *column)).collect();
    assert_eq!(places(scanned), expected, "{:?}", scanned.problems());
}

#[test]
fn each_compression_is_looked_into() {
    let dir = sources();
    sh(
        dir.path(),
        "gzip -kc etc/app.env > out/a.gz; bzip2 -kc etc/app.env > out/b.bz2; xz -kc etc/app.env > out/c.xz
         zstd -qc etc/app.env > out/d.zst; lz4 -qc etc/app.env > out/e.lz4; lz4 -qlc etc/app.env > out/f.lz4",
    );
    let scanned = scan(&dir.path().join("out"));
    let expected = ["/a.gz", "/b.bz2", "/c.xz", "/d.zst", "/e.lz4", "/f.lz4"].map(|path| (path, 3, 7));
    expect(&scanned, &expected);
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    let inside = &scanned.coverage().inside;
    let size = fs::metadata(dir.path().join("etc/app.env")).expect("there").len();
    assert_eq!((inside.opened, inside.members_seen, inside.bytes_scanned), (6, 6, 6 * size));
    let finding = scanned.findings()[0];
    let step = finding.location.provenance.last().expect("steps");
    assert_eq!((step.kind.as_str(), step.name.as_str()), ("stream", "a"));
}

#[test]
fn each_archive_is_looked_into() {
    let dir = sources();
    sh(
        dir.path(),
        "tar cf out/a.tar etc; tar --format=v7 -cf out/b.tar etc/app.env; tar --format=pax -cf out/c.tar etc/app.env
         zip -qr out/d.zip etc; zip -q0r out/e.zip etc/app.env; zip -q out/f.zip - < etc/app.env
         find etc -type f | sort | cpio -o -H newc --quiet > out/g.cpio
         find etc -type f | sort | cpio -o -H odc --quiet > out/h.cpio
         ar rc out/i.ar etc/app.env etc/second.txt; ls etc/app.env | cpio -o -H crc --quiet > out/j.cpio",
    );
    let scanned = scan(&dir.path().join("out"));
    let mut found = places(&scanned);
    found.sort();
    let expected = [
        ("/a.tar → etc/app.env", 3, 7),
        ("/a.tar → etc/second.txt", 1, 1),
        ("/b.tar → etc/app.env", 3, 7),
        ("/c.tar → etc/app.env", 3, 7),
        ("/d.zip → etc/app.env", 3, 7),
        ("/d.zip → etc/second.txt", 1, 1),
        ("/e.zip → etc/app.env", 3, 7),
        ("/f.zip → -", 3, 7),
        ("/g.cpio → etc/app.env", 3, 7),
        ("/g.cpio → etc/second.txt", 1, 1),
        ("/h.cpio → etc/app.env", 3, 7),
        ("/h.cpio → etc/second.txt", 1, 1),
        ("/i.ar → app.env", 3, 7),
        ("/i.ar → second.txt", 1, 1),
        ("/j.cpio → etc/app.env", 3, 7),
    ];
    let expected: Vec<_> = expected.iter().map(|(path, l, c)| ((*path).to_owned(), *l, *c)).collect();
    assert_eq!(found, expected, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
}

#[test]
fn no_archives_leaves_them_closed() {
    let dir = sources();
    sh(dir.path(), "gzip -kc etc/app.env > out/a.gz; tar cf out/a.tar etc/app.env");
    let closed = ScanOptions { max_archive_depth: 0, ..options() };
    let scanned = scan_with(&dir.path().join("out"), closed);
    // A tar is searched as it is.
    assert_eq!(scanned.paths(), ["/a.tar"]);
    assert!(scanned.coverage().inside.is_empty());
    assert_eq!(scanned.left_out(Reason::Unsupported).files, 0);
}
