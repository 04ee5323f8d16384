//! Every file that a real Debian root's packages name is told as theirs: a root
//! made by debootstrap, the digests by dpkg, the files by dpkg's unpacking.
//!
//! Needs what `acceptance.rs` needs.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::process::Command;

use snapsift::facts::Packages;
use snapsift::source::{Snapshot, SnapshotKind};
use support::debian;

#[test]
fn files_of_real_packages_are_recognised() {
    let Some(root) = debian::root() else { return };
    // Paths as dpkg's own lists have them, and where they really are.
    let listed = Command::new("sh")
        .args(["-c", "cd \"$1\" && cat var/lib/dpkg/info/*.md5sums | cut -c35- | sort -u", "sh"])
        .arg(&root)
        .output()
        .expect("sh");
    let mut paths = Vec::new();
    for line in String::from_utf8(listed.stdout).expect("UTF-8").lines() {
        let path = root.join(line);
        if let Ok(real) = path.canonicalize()
            && real.is_file()
            && let Ok(inside) = real.strip_prefix(root.canonicalize().expect("the root"))
        {
            paths.push(format!("/{}", inside.display()));
        }
    }
    assert!(paths.len() > 3000, "{}", paths.len());
    let snapshot = Snapshot::open(&root).expect("a snapshot");
    let SnapshotKind::Directory(opened) = snapshot.kind() else { panic!("a directory") };
    let packages = Packages::find(opened, paths.iter().map(String::as_bytes));
    let wrong: Vec<&String> = paths
        .iter()
        .filter(|path| {
            let vendor = packages.check(opened, path.as_bytes());
            !vendor
                .is_some_and(|vendor| vendor.verified && vendor.manager == "dpkg" && vendor.version.is_some())
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}: {:?}", wrong.len(), paths.len(), wrong.get(..10));
    assert!(packages.databases().iter().all(|database| database.error.is_none()));
    // Made when packages were set up: nobody's.
    for path in ["/etc/passwd", "/etc/ssh/ssh_host_rsa_key", "/var/lib/dpkg/status"] {
        let packages = Packages::find(opened, [path.as_bytes()]);
        assert!(packages.check(opened, path.as_bytes()).is_none(), "{path}");
    }
}
