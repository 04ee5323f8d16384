//! `snapsift demo`: what it says is what it did, its keys are keys, and no secret of its
//! machines leaves them. Needs ssh-keygen.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::program::{PROGRAM, code, snapsift, stderr, stdout};

/// A demo in a folder whose name a shell would take apart.
fn demo() -> (tempfile::TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("a trial's; folder");
    let output = snapsift().arg("demo").arg(&made).output().expect("runs");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    (folder, made, stdout(&output))
}

fn ask(store: &Path, question: &str) -> Vec<Value> {
    let output = snapsift()
        .args(["fleet", "query"])
        .arg(store)
        .args([question, "--format", "jsonl"])
        .output()
        .expect("runs");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn column(rows: &[Value], name: &str) -> BTreeSet<String> {
    rows.iter().filter_map(|row| Some(row[name].as_str()?.to_owned())).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn it_leads_from_machines_to_attack_paths() {
    let (_folder, made, said) = demo();
    let store = made.join("fleet.db");
    let paths = ask(&store, "attack-paths");
    // As the machines were planned, worked out by hand: the deploy key opens the next
    // machine (AZ1), whose keys and secrets open a critical one (MH1) and a database (MH2).
    let wanted = ["AZ1", "AZ2", "AW3", "MH1", "MH2"].map(str::to_owned);
    assert_eq!(column(&paths, "rule"), BTreeSet::from(wanted));
    let found = ask(&store, "inventory");
    let on = |host: &str| {
        column(&found.iter().filter(|row| row["hostname"] == host).cloned().collect::<Vec<_>>(), "risk")
    };
    assert_eq!(on("shop-web"), BTreeSet::from(["critical".to_owned()]));
    assert_eq!(on("old-files"), BTreeSet::from(["not evaluated".to_owned()]));
    let unseen: Vec<Value> =
        ask(&store, "coverage").into_iter().filter(|row| row["scan"] != "complete").collect();
    assert_eq!(column(&unseen, "hostname"), BTreeSet::from(["shop-batch".to_owned()]), "{unseen:?}");
    // The batch machine was never scanned: the inventory alone says what opens it.
    let opens = ask(&store, "vm-secret-to-vm");
    let granted = opens.iter().filter(|row| row["state"] == "granted").cloned().collect::<Vec<_>>();
    assert_eq!(column(&granted, "opens"), BTreeSet::from(["shop-batch".to_owned()]));
    assert!(!column(&opens, "opens").contains("old-files"), "it refuses");
    assert!(said.contains("The worst attack path: "), "{said}");
    assert!(std::fs::metadata(made.join("report.html")).expect("a report").len() > 50_000);
}

#[test]
fn its_commands_do_the_same_in_a_shell() {
    let (_folder, made, said) = demo();
    let before = ask(&made.join("fleet.db"), "attack-paths");
    for name in ["fleet.db", "report.html"] {
        std::fs::remove_file(made.join(name)).expect("removed");
    }
    std::fs::remove_dir_all(made.join("scans")).expect("removed");
    std::fs::create_dir(made.join("scans")).expect("made");
    let commands: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert_eq!(commands.len(), 11, "{said}");
    let bin = Path::new(PROGRAM).parent().expect("a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    for command in commands {
        let output = Command::new("sh").args(["-ec", command]).env("PATH", &path).output().expect("runs");
        assert_eq!(code(&output), 0, "{command}: {}", stderr(&output));
    }
    assert_eq!(ask(&made.join("fleet.db"), "attack-paths"), before);
    assert!(made.join("report.html").exists());
}

#[test]
fn its_keys_are_keys_and_new_each_time() {
    let (_folder, made, _) = demo();
    let (_other, again, _) = demo();
    let key = |folder: &Path| folder.join("machines/shop-web/home/deploy/.ssh/id_ed25519");
    let public = |file: &Path| {
        let output = Command::new("ssh-keygen").arg("-yf").arg(file).output().expect("ssh-keygen runs");
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output).split(' ').take(2).collect::<Vec<_>>().join(" ")
    };
    let one = public(&key(&made));
    let accepted = made.join("machines/shop-app/home/deploy/.ssh/authorized_keys");
    assert!(std::fs::read_to_string(accepted).expect("a file").starts_with(&one));
    assert_ne!(one, public(&key(&again)));
    let locked = Command::new("ssh-keygen")
        .args(["-P", "", "-yf"])
        .arg(made.join("machines/ci-build/home/build/.ssh/id_ed25519"))
        .output()
        .expect("ssh-keygen runs");
    assert!(!locked.status.success() && stderr(&locked).contains("passphrase"), "{}", stderr(&locked));
}

#[test]
fn no_secret_leaves_its_machines() {
    let (_folder, made, said) = demo();
    let read = |name: &str| std::fs::read_to_string(made.join("machines").join(name)).expect("a file");
    let between = |text: &str, from: &str, until: char| {
        let (_, rest) = text.split_once(from).expect("it begins");
        rest.split(until).next().expect("it ends").to_owned()
    };
    let secrets = [
        between(&read("shop-web/srv/shop/.env"), "AccountKey=", ';'),
        between(&read("shop-app/srv/shop/appsettings.json"), "Password=", ';'),
        between(&read("ci-build/srv/ci/deploy.env"), "ledger:", '@'),
        between(&read("ci-build/home/build/.netrc"), "password ", '\n'),
        between(&read("shop-web/home/deploy/.ssh/id_ed25519"), "KEY-----\n", '\n'),
        read("shop-db/home/backup/.pgpass").trim().rsplit(':').next().expect("a password").to_owned(),
    ];
    assert!(secrets.iter().all(|secret| secret.len() > 20), "they are there");
    let mut looked = vec![said.into_bytes()];
    for file in files(&made).iter().filter(|file| !file.starts_with(made.join("machines"))) {
        looked.push(std::fs::read(file).expect("a file"));
    }
    assert!(looked.len() >= 10, "scans, store, report and inventories");
    for secret in &secrets {
        let holds = |bytes: &Vec<u8>| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!looked.iter().any(holds), "a secret is where it should not be");
    }
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("mine"), "mine").expect("written");
    let output = snapsift().arg("demo").arg(folder.path()).output().expect("runs");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("is not empty"), "{}", stderr(&output));
    assert_eq!(files(folder.path()).len(), 1);
    let file = folder.path().join("mine");
    let output = snapsift().arg("demo").arg(&file).output().expect("runs");
    assert_eq!(code(&output), 2);
    assert_eq!(std::fs::read(&file).expect("a file"), b"mine");
}
