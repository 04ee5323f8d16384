//! Disks of one machine that were scanned at different times, and scans with other rules.

use serde_json::json;

use super::stream::Scan;
use super::support::program::{code, stderr};
use super::{Fleet, snapsift, write};

/// A scan of disks of a machine that the user calls by its host name: a root by this name, with
/// its secret, and data disks with theirs.
fn scan(day: u32, host: &str, root: Option<(&str, &str)>, data: &[(&str, &str)]) -> String {
    let mut scan = Scan::new(&format!("{host}-{day}"), host, &format!("2026-01-{day:02}T00:00:00Z"));
    match root {
        Some((target, secret)) => {
            scan.root_target(target);
            scan.finding_on(target, secret, &format!("/{secret}"));
        }
        None => scan.without_root(),
    }
    for (target, secret) in data {
        scan.finding_on(target, secret, &format!("/{secret}"));
    }
    scan.of_images(host);
    scan.text()
}

/// Host names with the secrets that count.
fn current(fleet: &Fleet) -> Vec<String> {
    let rows = fleet.ask("inventory", &[]);
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> = rows.iter().map(|row| text(row, "hostname") + &text(row, "path")).collect();
    all.sort();
    all
}

fn after(scans: &[String]) -> Vec<String> {
    let fleet = Fleet::new();
    // In whatever order they come.
    let turned: Vec<String> = scans.iter().rev().cloned().collect();
    fleet.add(&turned);
    let all = current(&fleet);
    let other = Fleet::new();
    scans.iter().for_each(|scan| _ = other.add(std::slice::from_ref(scan)));
    assert_eq!(current(&other), all);
    assert_eq!(fleet.rows("SELECT DISTINCT machine FROM v1_machine").len(), 1);
    all
}

#[test]
fn a_root_that_is_scanned_again_alone_leaves_the_data_disk_as_it_was() {
    let both = scan(1, "web", Some(("snap-1", "old-root")), &[("snap-2", "data")]);
    assert_eq!(after(std::slice::from_ref(&both)), ["web/data", "web/old-root"]);
    let root = scan(2, "web", Some(("snap-3", "new-root")), &[]);
    assert_eq!(after(&[both, root]), ["web/data", "web/new-root"]);
}

#[test]
fn a_data_disk_that_is_scanned_alone_is_of_the_machine_of_its_name() {
    let root = scan(1, "web", Some(("disk0", "root")), &[]);
    let data = scan(2, "web", None, &[("disk1", "old-data")]);
    assert_eq!(after(&[root.clone(), data.clone()]), ["web/old-data", "web/root"]);
    let again = scan(3, "web", None, &[("disk1", "new-data")]);
    let more = scan(4, "web", None, &[("disk2", "more")]);
    assert_eq!(after(&[root.clone(), data.clone(), again, more]), ["web/more", "web/new-data", "web/root"]);
    // Of a machine that nobody has seen the root of, the name is all there is.
    assert_eq!(after(&[data]), ["web/old-data"]);
}

#[test]
fn a_scan_of_all_disks_replaces_all_however_they_are_called() {
    let first = scan(1, "web", Some(("a", "root-1")), &[("b", "data-1"), ("c", "more-1")]);
    let second = scan(2, "web", Some(("d", "root-2")), &[("e", "data-2"), ("f", "more-2")]);
    assert_eq!(after(&[first.clone(), second]), ["web/data-2", "web/more-2", "web/root-2"]);
    // One with fewer replaces what it has by name.
    let fewer = scan(3, "web", Some(("d", "root-3")), &[("b", "data-3")]);
    assert_eq!(after(&[first, fewer]), ["web/data-3", "web/more-1", "web/root-3"]);
}

#[test]
fn a_disk_that_was_detached_counts_until_somebody_says_so() {
    let fleet = Fleet::new();
    let both = scan(1, "web", Some(("a", "root-1")), &[("b", "data")]);
    fleet.add(&[both, scan(2, "web", Some(("a", "root-2")), &[])]);
    assert_eq!(current(&fleet), ["web/data", "web/root-2"]);
    assert!(fleet.ask("gone-since-last-scan", &[]).iter().all(|row| row["path"] != "/data"));
    let file = fleet.folder.path().join("governance.toml");
    write(&file, "[[detached]]\nmachine = \"WEB\"\ntarget = \"b\"\nreason = \"sold\"\n");
    let store = fleet.path();
    let arguments = ["fleet", "govern", store.to_str().expect("UTF-8"), file.to_str().expect("UTF-8")];
    let output = snapsift(&arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(current(&fleet), ["web/root-2"]);
    write(&file, "[[detached]]\nmachine = \"web\"\ntarget = \"\"\nreason = \"x\"\n");
    assert_eq!(code(&snapsift(&arguments)), 2);
}

#[test]
fn clones_by_one_name_keep_their_disks_apart() {
    let fleet = Fleet::new();
    let named = |host: &str, day: u32| {
        scan(day, host, Some(("a", &format!("root-{host}"))), &[])
            .replace(&format!("\"targets\":[\"{host}\"]"), "\"targets\":[\"golden\"]")
    };
    let data = scan(3, "golden", None, &[("b", "data")]);
    fleet.add(&[named("one", 1), named("two", 2), data]);
    // Whose the data disk is cannot be told.
    assert_eq!(current(&fleet), ["golden/data", "one/root-one", "two/root-two"]);
    assert_eq!(fleet.rows("SELECT DISTINCT machine FROM v1_machine").len(), 3);
}

#[test]
fn what_is_no_longer_looked_for_is_not_fixed() {
    let fleet = Fleet::new();
    let scan = |day: u32, digest: &str, rules: &[&str], secrets: &[&str]| {
        let mut scan = Scan::new(&format!("s{day}"), "web", &format!("2026-01-{day:02}T00:00:00Z"));
        scan.rules(digest, rules);
        for secret in secrets {
            scan.finding(
                secret,
                "a type",
                &format!("/{secret}"),
                json!({"rule_id": format!("{secret}-rule")}),
            );
        }
        scan.text()
    };
    let all = ["kept-rule", "fixed-rule", "dropped-rule"];
    fleet.add(&[
        scan(1, "d1", &all, &["kept", "fixed", "dropped"]),
        // Another pack, which still has two of the rules.
        scan(2, "d2", &["kept-rule", "fixed-rule", "kept-rule"], &["kept"]),
    ]);
    let gone = fleet.rows("SELECT path, uncovered FROM v1_gone ORDER BY path");
    assert_eq!(gone.len(), 2, "{gone:?}");
    assert!(gone[0][0].contains("/dropped") && gone[0][1].contains("not looked for any more"), "{gone:?}");
    assert!(gone[1][0].contains("/fixed") && gone[1][1] == "Text(\"\")", "{gone:?}");
    let completed = fleet.rows("SELECT path FROM fleet_task WHERE status = 'completed'");
    assert_eq!(completed, [["Text(\"/fixed\")"]]);
    let store = fleet.path();
    let output = snapsift(&["fleet", "diff", store.to_str().expect("UTF-8"), "--format", "csv"]);
    let text = super::stdout(&output);
    assert!(text.lines().any(|line| line.starts_with("fixed,") && line.contains("/fixed")), "{text}");
    let dropped = text.lines().find(|line| line.contains("/dropped")).unwrap_or_default();
    assert!(dropped.starts_with("not looked at,") && dropped.contains("not looked for any more"), "{text}");
    // The same rules, or a scan that does not say which it had: as before.
    fleet.add(&[scan(3, "d3", &[], &[])]);
    let gone = fleet.rows("SELECT path, uncovered FROM v1_gone WHERE path = '/kept'");
    assert_eq!(gone, [["Text(\"/kept\")", "Text(\"\")"]]);
}
