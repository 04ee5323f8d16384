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

/// The same in order: that in which programs add members is the directory's.
fn sorted(scanned: &Scanned) -> Vec<(String, u64, u64)> {
    let mut places = places(scanned);
    places.sort();
    places
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
         zstd -qc etc/app.env > out/d.zst; lz4 -qc etc/app.env > out/e.lz4; lz4 -qlc etc/app.env > out/f.lz4
         xz -kc --format=lzma etc/app.env > out/g.lzma",
    );
    let scanned = scan(&dir.path().join("out"));
    let expected =
        ["/a.gz", "/b.bz2", "/c.xz", "/d.zst", "/e.lz4", "/f.lz4", "/g.lzma"].map(|path| (path, 3, 7));
    expect(&scanned, &expected);
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    let inside = &scanned.coverage().inside;
    let size = fs::metadata(dir.path().join("etc/app.env")).expect("there").len();
    assert_eq!((inside.opened, inside.members_seen, inside.bytes_scanned), (7, 7, 7 * size));
    let finding = scanned.findings()[0];
    let step = finding.location.provenance.last().expect("steps");
    // gzip keeps the name of what it compressed; the others are called after the file.
    assert_eq!((step.kind.as_str(), step.name.as_str()), ("stream", "app.env"));
    let step = scanned.findings()[1].location.provenance.last().expect("steps").clone();
    assert_eq!((step.kind.as_str(), step.name.as_str()), ("stream", "b"));
}

/// Codes of each width, and tables that are full and cleared: text, then noise, then text.
#[test]
fn files_of_compress_are_looked_into() {
    let dir = sources();
    sh(
        dir.path(),
        "{ seq 1 200000; head -c 300000 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null | base64; seq 1 90000; cat etc/app.env; } > large
         for bits in 10 12 14 16; do compress -b $bits -c large > out/$bits.Z; done
         compress -c etc/app.env > out/small.Z; head -c 100000 out/16.Z > out/short.Z",
    );
    let scanned = scan(&dir.path().join("out"));
    let line = 200_000 + 90_000 + 3 + base64_lines(300_000);
    let mut expected: Vec<(String, u64, u64)> =
        ["10", "12", "14", "16"].map(|bits| (format!("/{bits}.Z"), line, 7)).to_vec();
    expected.push(("/small.Z".to_owned(), 3, 7));
    let mut found: Vec<(String, u64, u64)> = scanned
        .findings()
        .iter()
        .map(|finding| (finding.location.path.clone(), finding.location.line, finding.location.column))
        .collect();
    found.sort();
    assert_eq!(found, expected, "{:?}", scanned.problems());
    // Nothing tells where one should have ended.
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    assert_eq!(scanned.coverage().inside.opened, 6);
}

/// How many lines `base64` makes: 76 characters each.
fn base64_lines(bytes: u64) -> u64 {
    (bytes.div_ceil(3) * 4).div_ceil(76)
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
    let found = sorted(&scanned);
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
fn deflate64_is_unpacked_and_damage_in_it_is_told() {
    let dir = sources();
    // Matches that are longer and farther away than deflate has them.
    let noise: Vec<u8> = (0..15_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let token = planted(3).into_bytes();
    fs::write(dir.path().join("etc/far"), [&*noise, b"\n", &*token, &*noise, &[0; 70_000]].concat())
        .expect("a file");
    sh(
        dir.path(),
        "7z a -bso0 -bsp0 -tzip -mm=deflate64 out/a.zip etc && 7z l -slt out/a.zip | grep Deflate64 > /dev/null",
    );
    let scanned = scan(&dir.path().join("out"));
    let found: Vec<String> = sorted(&scanned).into_iter().map(|(path, ..)| path).collect();
    // What is short is stored.
    let expected = ["/a.zip → etc/app.env", "/a.zip → etc/far", "/a.zip → etc/second.txt"];
    assert_eq!(found, expected, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    let whole = fs::read(dir.path().join("out/a.zip")).expect("there");
    for at in (60..whole.len()).step_by(whole.len() / 60) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x5a;
        fs::write(dir.path().join("out/a.zip"), &bytes).expect("a file");
        scan(&dir.path().join("out"));
        fs::write(dir.path().join("out/a.zip"), &whole[..at]).expect("a file");
        assert!(!scan(&dir.path().join("out")).summary.complete);
    }
}

#[test]
fn a_7z_is_looked_into_by_each_method() {
    let dir = sources();
    sh(
        dir.path(),
        "cp /usr/bin/env etc/program; head -c 300000 /dev/urandom > etc/noise; : > etc/empty; mkdir etc/none; chmod 640 etc/app.env; touch -d 2021-03-04T05:06:07Z etc/app.env
         z() { 7z a -bso0 -bsp0 \"$@\"; }; for m in lzma lzma2 bzip2 deflate deflate64 copy; do z -m0=$m out/$m.7z etc; done
         z -mhc=off out/plain.7z etc; z -ms=off -mx=9 -mf=off out/single.7z etc; z -m0=delta:4 -m1=lzma out/delta.7z etc; z -m0=bcj -m1=lzma2 out/bcj.7z etc
         tar cf out/in.tar out/lzma.7z; mkdir disk; cp out/plain.7z disk; mke2fs -q -t ext4 -d disk out/z.ext4 8M 2> /dev/null",
    );
    let scanned = scan(&dir.path().join("out"));
    let mut expected = Vec::new();
    for name in ["bcj", "bzip2", "copy", "deflate", "deflate64", "delta"] {
        expected.push((format!("/{name}.7z → etc/app.env"), 3, 7));
        expected.push((format!("/{name}.7z → etc/second.txt"), 1, 1));
    }
    for way in ["/in.tar → out/lzma.7z", "/lzma.7z", "/lzma2.7z", "/plain.7z", "/single.7z"] {
        expected.push((format!("{way} → etc/app.env"), 3, 7));
        expected.push((format!("{way} → etc/second.txt"), 1, 1));
    }
    expected.push(("/z.ext4 → ext4:/plain.7z → etc/app.env".to_owned(), 3, 7));
    expected.push(("/z.ext4 → ext4:/plain.7z → etc/second.txt".to_owned(), 1, 1));
    assert_eq!(sorted(&scanned), expected, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    // Twelve archives with five files each, the tar and the disk.
    let inside = &scanned.coverage().inside;
    assert_eq!((inside.opened, inside.members_scanned), (14, 60), "{inside:?}");
    let finding = scanned.findings()[0];
    let member = finding.file.as_ref().and_then(|file| file.member.as_ref()).expect("facts");
    assert_eq!(member.mode.as_deref(), Some("0640"));
    assert_eq!(member.mtime.map(|time| time.to_string()).as_deref(), Some("2021-03-04T05:06:07Z"));
}

#[test]
fn what_of_a_7z_is_not_read_is_counted() {
    let dir = sources();
    sh(
        dir.path(),
        "z() { 7z a -bso0 -bsp0 \"$@\"; }; z -m0=ppmd out/a.7z etc; z -psecret out/b.7z etc; z -psecret -mhe=on out/c.7z etc
         z -m0=copy out/d.7z etc/second.txt; gzip -n out/d.7z",
    );
    let scanned = scan(&dir.path().join("out"));
    let expected = [
        ("/a.7z", Reason::Unsupported),
        ("/b.7z", Reason::Encrypted),
        ("/c.7z", Reason::Encrypted),
        // A stream cannot be read at any place; what is stored in it is found.
        ("/d.7z.gz", Reason::Unsupported),
    ];
    assert_eq!(scanned.problems(), expected);
    assert_eq!(scanned.findings().len(), 1);
    let left_out = &scanned.coverage().inside.left_out;
    assert_eq!(left_out[&Reason::Encrypted].files, 3, "two files, and the archive whose names are encrypted");
    assert_eq!(left_out[&Reason::Unsupported].files, 3);
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

/// As a container image is saved: layers in an archive, a jar in a layer, in it a jar.
#[test]
fn nested_archives_are_told_down_to_the_innermost() {
    let dir = sources();
    sh(
        dir.path(),
        "zip -qr inner.jar etc; mkdir -p app/lib; zip -q0 app/lib/outer.jar inner.jar
         tar czf layer.tar.gz app; tar cf out/image.tar layer.tar.gz",
    );
    let scanned = scan(&dir.path().join("out"));
    let way = "/image.tar → layer.tar.gz → app/lib/outer.jar → inner.jar";
    let expected = [(format!("{way} → etc/app.env"), 3, 7), (format!("{way} → etc/second.txt"), 1, 1)];
    assert_eq!(sorted(&scanned), expected);
    let kinds: Vec<&str> =
        scanned.findings()[0].location.provenance.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!(kinds, ["directory", "member", "stream", "member", "member", "member"]);
    let ids: Vec<&str> = scanned.findings().iter().map(|finding| finding.id.as_str()).collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(scanned.coverage().inside.opened, 5);
}

#[test]
fn packages_are_looked_into() {
    let dir = sources();
    let control =
        "Package: acme\nVersion: 1\nArchitecture: all\nMaintainer: A <a@acme.example>\nDescription: d\n";
    sh(dir.path(), "mkdir -p pkg/DEBIAN; cp -r etc pkg/; rm pkg/etc/second.txt");
    fs::write(dir.path().join("pkg/DEBIAN/control"), control).expect("a file");
    fs::write(dir.path().join("pkg/DEBIAN/postinst"), format!("#!/bin/sh\nT={}\n", planted(3)))
        .expect("a file");
    let spec = format!(
        "Name: acme\nVersion: 1\nRelease: 1\nSummary: s\nLicense: l\nBuildArch: noarch\n%description\nd\n%post\nT={}\n%install\nmkdir -p %{{buildroot}}/etc\ncp {}/etc/app.env %{{buildroot}}/etc/\n%files\n/etc/app.env\n",
        planted(4),
        dir.path().display()
    );
    fs::write(dir.path().join("acme.spec"), spec).expect("a file");
    sh(
        dir.path(),
        "chmod 755 pkg/DEBIAN/postinst; dpkg-deb --root-owner-group -Zxz --build pkg out/a.deb >/dev/null
         rpmbuild --quiet -bb --define \"_topdir $PWD/rpm\" --define '_rpmdir %{_topdir}' --define '_build_name_fmt out.rpm' acme.spec >/dev/null 2>&1
         mv rpm/out.rpm out/b.rpm",
    );
    let scanned = scan(&dir.path().join("out"));
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    let found = places(&scanned);
    let names: Vec<&str> = found.iter().map(|(path, _, _)| path.as_str()).collect();
    assert!(names.contains(&"/a.deb → control.tar.xz → ./postinst"), "{names:?}");
    assert!(names.contains(&"/a.deb → data.tar.xz → ./etc/app.env"), "{names:?}");
    assert!(names.contains(&"/b.rpm → payload → ./etc/app.env"), "{names:?}");
    // A script stands in the package's own header.
    assert!(names.contains(&"/b.rpm"), "{names:?}");
}

#[test]
fn lines_and_windows_are_right_in_large_members() {
    let dir = sources();
    let lead = "0123456789abcde\n".repeat(150_000);
    let text = format!("{lead}ab {} {}\n\n{}", planted(1), planted(2), planted(3));
    fs::write(dir.path().join("large"), &text).expect("a file");
    // One that begins at each place around the end of the first window.
    for (number, at) in (0_u32..).zip((1 << 20) - 25..(1 << 20) + 5) {
        let mut text = vec![b'.'; 3 << 20];
        let planted = planted(number);
        text[at..at + planted.len()].copy_from_slice(planted.as_bytes());
        fs::create_dir_all(dir.path().join("many")).expect("a directory");
        fs::write(dir.path().join(format!("many/{number:02}")), text).expect("a file");
    }
    sh(
        dir.path(),
        "gzip -kc large > out/a.gz; tar czf out/b.tgz large; tar cf - --sort=name many | zstd -q > out/c.tar.zst",
    );
    let scanned = scan(&dir.path().join("out"));
    let of = |path: &str| -> Vec<(u64, u64, u64)> {
        let of_path = scanned.findings().into_iter().filter(|finding| finding.location.whole_path() == path);
        of_path.map(|f| (f.location.offset, f.location.line, f.location.column)).collect()
    };
    let offset = 16 * 150_000;
    let expected = [(3 + offset, 150_001, 4), (25 + offset, 150_001, 26), (48 + offset, 150_003, 1)];
    assert_eq!(of("/a.gz"), expected);
    assert_eq!(of("/b.tgz → large"), expected);
    for (number, at) in (0_u32..).zip((1_u64 << 20) - 25..(1 << 20) + 5) {
        assert_eq!(of(&format!("/c.tar.zst → many/{number:02}")), [(at, 1, at + 1)]);
    }
}

#[test]
fn what_an_archive_says_of_a_member_is_told() {
    let dir = sources();
    sh(
        dir.path(),
        "tar cf out/a.tar --owner=ana:1234 --group=dev:2345 --mode=0640 --mtime='2025-03-01 12:00:00 UTC' etc/app.env
         TZ=UTC touch -d '2025-03-01 12:00:00 UTC' etc/second.txt; zip -q out/b.zip etc/second.txt; chmod 600 out/a.tar",
    );
    let scanned = scan(&dir.path().join("out"));
    let file = scanned.findings()[0].file.clone().expect("file facts");
    assert_eq!(file.mode, "0600", "who can read the archive");
    let member = file.member.expect("member facts");
    let size = fs::metadata(dir.path().join("etc/app.env")).expect("there").len();
    assert_eq!((member.mode.as_deref(), member.uid, member.gid), (Some("0640"), Some(1234), Some(2345)));
    assert_eq!((member.owner.as_deref(), member.group.as_deref()), (Some("ana"), Some("dev")));
    assert_eq!(member.size, Some(size));
    assert_eq!(member.mtime.map(|time| time.to_string()).as_deref(), Some("2025-03-01T12:00:00Z"));
    let member = scanned.findings()[1].file.clone().and_then(|file| file.member).expect("member facts");
    assert_eq!(member.mtime.map(|time| time.to_string()).as_deref(), Some("2025-03-01T12:00:00Z"));
}

#[test]
fn members_are_left_out_as_files_are() {
    let dir = sources();
    sh(
        dir.path(),
        "mkdir -p usr/lib/node_modules/x/test; cp etc/app.env usr/lib/node_modules/x/test/key; cp etc/app.env etc/app.log
         ln -s app.env etc/link; ln etc/app.env etc/name; tar cf out/a.tar etc/app.env etc/name etc/link etc/app.log usr",
    );
    let limits = ScanOptions { exclude: vec!["*.log".into()], ..options() };
    let scanned = scan_with(&dir.path().join("out"), limits.clone());
    expect(&scanned, &[("/a.tar → etc/app.env", 3, 7)]);
    let inside = &scanned.coverage().inside;
    assert_eq!((inside.members_seen, inside.members_scanned), (5, 1));
    for reason in [Reason::Excluded, Reason::TestContent, Reason::SymbolicLink, Reason::HardLink] {
        assert_eq!(inside.left_out.get(&reason).map(|left| left.files), Some(1), "{reason:?}");
    }
    let all = ScanOptions { include_test_content: true, ..limits };
    assert_eq!(scan_with(&dir.path().join("out"), all).findings().len(), 2);
}

/// As an initramfs is: an archive, zeros, a compressed archive; and a script before a jar.
#[test]
fn archives_behind_something_are_found() {
    let dir = sources();
    sh(
        dir.path(),
        "ls etc/app.env | cpio -o -H newc --quiet > out/a.img; head -c 1000 /dev/zero >> out/a.img
         ls etc/second.txt | cpio -o -H newc --quiet | zstd -q >> out/a.img
         zip -qr b.zip etc/app.env; (printf '#!/bin/sh\\nexec java -jar $0\\n'; cat b.zip) > out/b.jar
         (head -c 3000000 /dev/urandom; cat b.zip) > out/c.exe",
    );
    fs::write(dir.path().join("tail"), format!("\n{}\n", planted(5))).expect("a file");
    sh(dir.path(), "gzip -kc etc/app.env > out/d.gz; cat tail >> out/d.gz");
    let scanned = scan(&dir.path().join("out"));
    let size = fs::metadata(dir.path().join("out/d.gz")).expect("there").len();
    let offsets: Vec<u64> = scanned.findings().iter().map(|finding| finding.location.offset).collect();
    let names: Vec<String> = places(&scanned).into_iter().map(|(path, _, _)| path).collect();
    let expected = [
        "/a.img → etc/app.env",
        "/a.img → etc/second.txt",
        "/b.jar → etc/app.env",
        "/c.exe → etc/app.env",
        "/d.gz",
        "/d.gz",
    ];
    assert_eq!(names, expected, "{:?}", scanned.problems());
    // What follows the compressed content is searched as it is stored.
    assert_eq!(offsets[4], size - 22);
}

#[test]
fn the_same_archive_is_looked_into_once() {
    let dir = sources();
    sh(
        dir.path(),
        "head -c 300000 /dev/urandom > noise; tar czf out/a.tgz noise etc/app.env; cp out/a.tgz out/b.tar.gz; ln out/a.tgz out/c.tgz",
    );
    // Enough for one of them and a half.
    let limit = ScanOptions { max_unpacked_total: 480_000, jobs: 1, ..options() };
    let scanned = scan_with(&dir.path().join("out"), limit);
    let way = |name: &str| format!("/{name} → etc/app.env");
    let expected = ["a.tgz", "b.tar.gz", "c.tgz"].map(|name| (way(name), 3, 7));
    assert_eq!(places(&scanned), expected, "{:?}", scanned.problems());
    assert!(scanned.summary.complete);
    // Counted as if each had been.
    assert_eq!(scanned.coverage().inside.opened, 4);
    let threads = scan_with(&dir.path().join("out"), ScanOptions { jobs: 8, ..options() });
    assert_eq!(threads.comparable(), scanned.comparable());
}

/// The numbers of a scan that are about what is inside.
fn inside(scanned: &Scanned) -> snapsift::finding::Inside {
    scanned.coverage().inside.clone()
}

#[test]
fn the_same_member_is_looked_into_once() {
    let dir = sources();
    sh(
        dir.path(),
        "head -c 200000 /dev/urandom > noise; zip -q0 lib.jar noise etc/app.env; head -c 10 lib.jar > torn; tar cf torn.tar noise torn
         zip -q0 tool.jar noise etc/second.txt; head -c 250000 torn.tar > short; xz -kc noise > n.xz; zip -q0 lib2.jar lib.jar n.xz
         mkdir w; zip -q0 w/a.war lib.jar lib2.jar short; zip -q0 w/b.war etc/second.txt lib2.jar lib.jar short
         tar cf c.tar w/a.war tool.jar; gzip -k c.tar; mkdir one two three; cp w/a.war one; cp w/b.war two; cp c.tar.gz three
         cp one/* two/* three/* lib.jar out/",
    );
    let all = scan_with(&dir.path().join("out"), ScanOptions { jobs: 1, ..options() });
    // Each by itself: nothing can be known from another.
    let (mut expected, mut places_expected) = (snapsift::finding::Inside::default(), Vec::new());
    for name in ["one", "two", "three"] {
        let alone = scan(&dir.path().join(name));
        expected.merge(&inside(&alone));
        places_expected.extend(sorted(&alone));
    }
    expected.merge(&inside(&scan(&dir.path().join("lib.jar"))));
    places_expected.push(("/lib.jar → etc/app.env".to_owned(), 3, 7));
    places_expected.sort();
    assert_eq!(sorted(&all), places_expected, "{:?}", all.problems());
    assert_eq!(inside(&all), expected);
    let threads = scan_with(&dir.path().join("out"), ScanOptions { jobs: 8, ..options() });
    assert_eq!(threads.comparable(), all.comparable());
    // With the depth of some at the limit, the same.
    for max_archive_depth in 1..4 {
        let options = |jobs| ScanOptions { jobs, max_archive_depth, ..options() };
        let mut expected = snapsift::finding::Inside::default();
        for name in ["one", "two", "three", "lib.jar"] {
            expected.merge(&inside(&scan_with(&dir.path().join(name), options(1))));
        }
        let all = scan_with(&dir.path().join("out"), options(1));
        assert_eq!(inside(&all), expected, "depth {max_archive_depth}");
    }
}

#[test]
fn a_member_that_was_met_before_is_not_unpacked_again() {
    let dir = sources();
    sh(
        dir.path(),
        "head -c 150000 /dev/urandom > n; head -c 150000 /dev/zero >> n; tar cf n.tar n etc/app.env; gzip -n n.tar
         tar cf out/a.tar n.tar.gz; tar cf out/b.tar etc/second.txt n.tar.gz; tar cf out/c.tar out/b.tar n.tar.gz",
    );
    // Enough for one of them.
    let limit = ScanOptions { max_unpacked_total: 320_000, jobs: 1, ..options() };
    let scanned = scan_with(&dir.path().join("out"), limit);
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    let found = places(&scanned);
    assert_eq!(found.iter().filter(|(path, ..)| path.ends_with("n.tar.gz → etc/app.env")).count(), 4);
    let threads = scan_with(&dir.path().join("out"), ScanOptions { jobs: 4, ..options() });
    assert_eq!(threads.comparable(), scanned.comparable());
}

#[test]
fn archives_on_disk_images_are_looked_into() {
    let dir = sources();
    sh(
        dir.path(),
        "tar czf out/layer.tgz etc; truncate -s 8M disk.img; /sbin/mke2fs -q -t ext4 -d out disk.img",
    );
    let scanned = scan(&dir.path().join("disk.img"));
    let way = "/layer.tgz → etc/";
    let expected = [(format!("{way}app.env"), 3, 7), (format!("{way}second.txt"), 1, 1)];
    assert_eq!(sorted(&scanned), expected, "{:?}", scanned.problems());
    let kinds: Vec<&str> =
        scanned.findings()[0].location.provenance.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!(kinds, ["image", "filesystem", "stream", "member"]);
}

/// A tree with archives in places of different worth, each of which unpacks to 100,000
/// bytes; and the same on a disk.
fn places_of_worth() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (number, path) in (1..).zip([
        "usr/lib/a",
        "usr/share/b",
        "bin/c",
        "home/ann/d",
        "var/cache/e",
        "var/www/html/f",
        "aaa/g",
        "zzz/h",
    ]) {
        let path = dir.path().join("tree").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, format!("{}\n{}", planted(number), "0".repeat(99_978))).expect("a file");
    }
    sh(dir.path(), "find tree -type f -exec gzip -n {} +; mke2fs -q -t ext4 -d tree disk 16M 2> /dev/null");
    dir
}

#[test]
fn what_is_worth_most_is_unpacked_first() {
    let dir = places_of_worth();
    // Enough for two.
    let limit = |jobs| ScanOptions { jobs, max_unpacked_total: 250_000, unallocated: false, ..options() };
    for target in ["tree", "disk"] {
        for jobs in [1, 4] {
            let scanned = scan_with(&dir.path().join(target), limit(jobs));
            let found = sorted(&scanned);
            let whole: Vec<&str> = found.iter().map(|(path, ..)| path.as_str()).collect();
            assert!(
                whole.contains(&"/home/ann/d.gz → d") || whole.contains(&"/home/ann/d.gz"),
                "{target}: {whole:?}"
            );
            assert!(whole.iter().any(|path| path.starts_with("/var/www/html/f.gz")), "{target}: {whole:?}");
            let cut: Vec<&str> = scanned.coverage().cut.iter().map(|cut| cut.path.as_str()).collect();
            assert!(
                cut.iter().all(|path| !path.starts_with("/home") && !path.starts_with("/var/www")),
                "{cut:?}"
            );
            // Others were opened, or begun, within what was left, and all are told.
            assert_eq!(cut.len(), 6, "{target}: {cut:?}");
            assert_eq!(scanned.coverage().inside.problems[&Reason::OverBudget], 6);
            assert!(!scanned.summary.complete);
        }
    }
    // Without a limit that is short nothing is put off, and the findings are the same.
    let all = scan(&dir.path().join("tree"));
    assert_eq!(all.findings().len(), 8);
    let roomy = ScanOptions { max_unpacked_total: 1 << 30, ..options() };
    assert_eq!(scan_with(&dir.path().join("tree"), roomy).comparable(), all.comparable());
}

#[test]
fn what_was_not_reached_in_time_is_counted() {
    let dir = places_of_worth();
    let over = |target: &str| {
        let limit = Some(std::time::Duration::from_nanos(1));
        scan_with(&dir.path().join(target), ScanOptions { max_scan_time: limit, ..options() })
    };
    for target in ["tree", "disk"] {
        let scanned = over(target);
        assert!(scanned.findings().is_empty());
        assert!(!scanned.summary.complete && !scanned.summary.interrupted);
        assert_eq!(scanned.problems(), [("/", Reason::OutOfTime)]);
        assert!(scanned.left_out(Reason::OutOfTime).files > 0);
        assert_eq!(scanned.left_out(Reason::Interrupted), Default::default());
    }
    let day = Some(std::time::Duration::from_secs(86_400));
    let scanned = scan_with(&dir.path().join("tree"), ScanOptions { max_scan_time: day, ..options() });
    assert_eq!(scanned.comparable(), scan(&dir.path().join("tree")).comparable());
}

#[test]
fn the_largest_that_limits_left_out_are_named() {
    let dir = sources();
    sh(
        dir.path(),
        "for n in $(seq 12); do head -c ${n}00000 /dev/zero > out/f$n; done; cp out/f12 out/f0
         zip -q0 a.zip out/f3 etc/app.env; zip -q b.zip a.zip; mkdir in; mv out/f* in; cp b.zip in",
    );
    let limits = ScanOptions { max_file_size: Some(300_000), max_archive_depth: 1, ..options() };
    let scanned = scan_with(&dir.path().join("in"), limits);
    let cut: Vec<(&str, u64)> =
        scanned.coverage().cut.iter().map(|cut| (cut.path.as_str(), cut.bytes)).collect();
    let size = fs::metadata(dir.path().join("a.zip")).expect("there").len();
    let expected = [
        ("/f0", 1_200_000),
        ("/f12", 1_200_000),
        ("/f11", 1_100_000),
        ("/f10", 1_000_000),
        ("/f9", 900_000),
        ("/f8", 800_000),
        ("/f7", 700_000),
        ("/f6", 600_000),
        ("/f5", 500_000),
        ("/f4", 400_000),
    ];
    assert_eq!(cut, expected);
    let limits = ScanOptions { max_archive_depth: 1, ..options() };
    let scanned = scan_with(&dir.path().join("in"), limits);
    let cut = &scanned.coverage().cut;
    assert_eq!(
        (cut[0].path.as_str(), cut[0].bytes, cut[0].reason),
        ("/b.zip → a.zip", size, Reason::OverBudget)
    );
}
