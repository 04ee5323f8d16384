//! Roots with databases of each kind, true, changed, damaged and hostile.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;
use crate::source::{Snapshot, SnapshotKind};

fn root(folder: &Path) -> Snapshot {
    Snapshot::open(folder).expect("a snapshot")
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::write(path, content).expect("a file");
}

/// What is said of each path, as `manager package version verified`, and the
/// databases with their errors.
fn ask(folder: &Path, paths: &[&str]) -> (Vec<String>, Vec<PackageDatabase>) {
    let snapshot = root(folder);
    let SnapshotKind::Directory(root) = snapshot.kind() else { panic!("a directory") };
    let packages = Packages::find(root, paths.iter().map(|path| path.as_bytes()));
    let said = paths.iter().map(|path| match packages.check(root, path.as_bytes()) {
        None => String::new(),
        Some(vendor) => format!(
            "{} {} {} {}",
            vendor.manager,
            vendor.package,
            vendor.version.unwrap_or_default(),
            vendor.verified
        ),
    });
    (said.collect(), packages.databases())
}

/// MD5, SHA-1 and SHA-256 of `hello\n`, by md5sum, sha1sum and sha256sum.
const MD5: &str = "b1946ac92492d2347c6235b4d2611184";
const SHA1: &str = "f572d396fae9206628714fb2ce00f72e94f2258f";
const SHA256: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

fn base64(hex: &str, engine: &impl ::base64::Engine) -> String {
    engine.encode(crate::formats::hex::decode(hex.as_bytes()).expect("hex"))
}

#[test]
fn dpkg_on_a_merged_system() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path();
    for name in [
        "usr/bin/tool",
        "usr/lib/x/changed",
        "usr/share/a.real",
        "usr/share/a",
        "etc/tool.conf",
        "etc/new.conf",
    ] {
        write(
            folder,
            name,
            if name.contains("changed") || name.contains("new") { "other\n" } else { "hello\n" },
        );
    }
    symlink("usr/bin", folder.join("bin")).expect("a link");
    write(
        folder,
        "var/lib/dpkg/info/tool:amd64.md5sums",
        format!("{MD5}  bin/tool\n{MD5}  lib/x/changed\n{MD5}  usr/share/a\n"),
    );
    // Another package has put its own file in the place of /usr/share/a.
    write(folder, "var/lib/dpkg/info/divert.md5sums", format!("{}  usr/share/a\n", MD5.replace('b', "c")));
    write(folder, "var/lib/dpkg/diversions", "/usr/share/a\n/usr/share/a.real\ndivert\n");
    write(
        folder,
        "var/lib/dpkg/status",
        format!(
            "Package: divert\nStatus: install ok installed\nVersion: 9\n\nPackage: tool\nArchitecture: i386\nVersion: 1\n\n\
             Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2:1.0-1\n\
             Conffiles:\n /etc/tool.conf {MD5}\n /etc/new.conf {MD5}\nDescription: x\n"
        ),
    );
    let paths = [
        "/usr/bin/tool",
        "/usr/lib/x/changed",
        "/usr/share/a.real",
        "/usr/share/a",
        "/etc/tool.conf",
        "/etc/new.conf",
        "/etc/passwd",
    ];
    let (said, databases) = ask(folder, &paths);
    assert_eq!(
        said,
        [
            "dpkg tool 2:1.0-1 true",
            "dpkg tool 2:1.0-1 false",
            "dpkg tool 2:1.0-1 true",
            "dpkg divert 9 false",
            "dpkg tool 2:1.0-1 true",
            "dpkg tool 2:1.0-1 false",
            ""
        ]
    );
    assert_eq!(
        databases,
        [PackageDatabase { manager: "dpkg".into(), path: "/var/lib/dpkg".into(), error: None }]
    );
}

#[test]
fn images_without_dpkg_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path(), "usr/share/x", "hello\n");
    write(
        dir.path(),
        "var/lib/dpkg/status.d/base",
        "Package: base-files\nVersion: 12\nArchitecture: amd64\n",
    );
    write(dir.path(), "var/lib/dpkg/status.d/base-files.md5sums", format!("{MD5}  usr/share/x\n"));
    assert_eq!(ask(dir.path(), &["/usr/share/x"]).0, ["dpkg base-files 12 true"]);
}

#[test]
fn apk_python_and_cargo() {
    use ::base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path();
    let site = "usr/lib/python3/site-packages";
    for name in [
        "etc/motd",
        &format!("{site}/six.py"),
        &format!("{site}/pkg/changed.py"),
        "srv/vendor/serde/src/lib.rs",
    ] {
        write(folder, name, if name.contains("changed") { "other\n" } else { "hello\n" });
    }
    let sha1 = base64(SHA1, &STANDARD);
    write(folder, "lib/apk/db/installed", format!("P:base\nV:3-r1\nF:etc\nR:motd\nZ:Q1{sha1}\n\n"));
    let sha256 = base64(SHA256, &URL_SAFE_NO_PAD);
    write(
        folder,
        &format!("{site}/six-1.16.0.dist-info/RECORD"),
        format!(
            "six.py,sha256={sha256},6\npkg/changed.py,sha256={sha256},6\n../../../../etc/motd,sha256={sha256},6\n"
        ),
    );
    write(
        folder,
        "srv/vendor/serde/.cargo-checksum.json",
        format!("{{\"files\":{{\"src/lib.rs\":\"{SHA256}\"}},\"package\":\"x\"}}"),
    );
    write(folder, "srv/vendor/bad/.cargo-checksum.json", "{");
    write(folder, "srv/vendor/bad/x", "hello\n");
    let paths = [
        "/etc/motd",
        "/usr/lib/python3/site-packages/six.py",
        "/usr/lib/python3/site-packages/pkg/changed.py",
        "/srv/vendor/serde/src/lib.rs",
        "/srv/vendor/bad/x",
    ];
    let (said, databases) = ask(folder, &paths);
    assert_eq!(
        said,
        ["apk base 3-r1 true", "python six 1.16.0 true", "python six 1.16.0 false", "cargo serde  true", ""]
    );
    let faults: Vec<&str> = databases.iter().filter(|d| d.error.is_some()).map(|d| d.path.as_str()).collect();
    assert_eq!((databases.len(), faults), (4, vec!["/srv/vendor/bad"]));
}

#[test]
fn every_database_of_rpm() {
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/rpm/");
    for (name, place) in [
        ("rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite"),
        ("Packages.db", "var/lib/rpm/Packages.db"),
        ("Packages", "var/lib/rpm/Packages"),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path();
        write(folder, place, std::fs::read(format!("{files}{name}")).expect("a database"));
        // As `make-rpm-databases.sh` has them, but for one.
        write(folder, "opt/acme/unchanged.conf", "sift_planted_00000001\n");
        write(folder, "etc/acme/changed.conf", "second\n");
        write(folder, "usr/bin/acme", "sift_planted_00000002\n");
        let (said, databases) =
            ask(folder, &["/opt/acme/unchanged.conf", "/etc/acme/changed.conf", "/usr/bin/acme", "/x"]);
        let expected =
            ["rpm acme-tools 1.2-3 true", "rpm acme-tools 1.2-3 false", "rpm acme-tools 1.2-3 true", ""];
        assert_eq!(said, expected, "{name}");
        assert_eq!(databases.iter().map(|d| d.error.clone()).collect::<Vec<_>>(), [None], "{name}");
        // Cut: what can be read is used, and what cannot is told.
        let bytes = std::fs::read(folder.join(place)).expect("it");
        for length in [0, 10, 3000, bytes.len() / 2] {
            write(folder, place, &bytes[..length]);
            let (said, databases) = ask(folder, &["/opt/acme/unchanged.conf"]);
            assert_eq!(
                (said, databases[0].error.is_some()),
                (vec![String::new()], true),
                "{name} cut to {length}"
            );
        }
    }
}

/// Links that lead out, endless lines, and files that are no files.
#[test]
fn hostile_databases_reach_nothing_outside_and_end() {
    let outside = tempfile::tempdir().expect("a folder");
    write(outside.path(), "info/evil.md5sums", format!("{MD5}  usr/share/x\n"));
    write(outside.path(), "x", "hello\n");
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path();
    write(folder, "usr/share/x", "hello\n");
    std::fs::create_dir_all(folder.join("var/lib")).expect("a folder");
    symlink(outside.path(), folder.join("var/lib/dpkg")).expect("a link");
    assert_eq!(ask(folder, &["/usr/share/x"]), (vec![String::new()], vec![]));
    std::fs::remove_file(folder.join("var/lib/dpkg")).expect("removed");

    // A path with a way out in it is no path that a walk has met.
    write(
        folder,
        "var/lib/dpkg/info/a.md5sums",
        format!("{MD5}  ../{}\n{MD5}  usr/share/x\n", outside.path().display()),
    );
    symlink(outside.path().join("x"), folder.join("usr/share/link")).expect("a link");
    write(folder, "var/lib/dpkg/info/b.md5sums", format!("{MD5}  usr/share/link\n"));
    let mut long = vec![b'a'; 10 << 20];
    long.extend_from_slice(format!("\n{MD5}  usr/share/y\n").as_bytes());
    write(folder, "var/lib/dpkg/info/c.md5sums", long);
    write(folder, "usr/share/y", "hello\n");
    std::fs::create_dir_all(folder.join("var/lib/dpkg/info/d.md5sums")).expect("a folder");
    std::fs::create_dir_all(folder.join("var/lib/rpm/rpmdb.sqlite")).expect("a folder");
    let (said, _) = ask(folder, &["/usr/share/x", "/usr/share/link", "/usr/share/y"]);
    assert_eq!(said, ["dpkg a  true", "dpkg b  false", "dpkg c  true"]);
}
