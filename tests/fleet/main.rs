//! `fleet add` and `fleet query` over made-up fleets: planted truth for every rule, and a
//! plain search in place of the statements for what is reached over keys.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

#[path = "../support/mod.rs"]
mod support;

mod credentials;
mod disks;
mod export;
mod govern;
mod paths;
mod reach;
mod schema;
mod store;
mod stream;
mod vulnerabilities;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;
use snapsift::finding::Timestamp;
use snapsift::fleet::correlate::correlate;
use snapsift::fleet::store::{Store, Streams};
use support::program::{code, stderr, stdout};

fn snapsift(arguments: &[&str]) -> std::process::Output {
    support::program::snapsift().args(arguments).output().expect("runs")
}

/// A store in a folder.
struct Fleet {
    folder: tempfile::TempDir,
}

impl Fleet {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("fleet.db")
    }

    /// Adds streams; gives what became of them.
    fn add(&self, streams: &[String]) -> Streams {
        let mut store = Store::open(Some(&self.path())).expect("a store");
        let mut adding = store.adding().expect("a store");
        for text in streams {
            adding.load("a stream", &mut text.as_bytes()).expect("loaded");
        }
        let outcome = adding.finish().expect("written");
        correlate(&store, Timestamp::now()).expect("correlated");
        outcome
    }

    /// What an inventory would say, as it would say it in the tables.
    fn inventory(&self, sql: &str) {
        drop(Store::open(Some(&self.path())).expect("a store"));
        Connection::open(self.path()).expect("opens").execute_batch(sql).expect("inserted");
    }

    /// Takes a file with `fleet assets`; gives what it printed.
    fn assets(&self, flags: &[&str], name: &str, text: &str) -> String {
        let (store, file) = (self.path(), self.folder.path().join(name));
        write(&file, text);
        let mut arguments = vec!["fleet", "assets"];
        arguments.extend(flags);
        arguments.extend([store.to_str().expect("UTF-8"), file.to_str().expect("UTF-8")]);
        let output = snapsift(&arguments);
        assert_eq!(code(&output), 0, "{name}: {}{}", stdout(&output), stderr(&output));
        stdout(&output)
    }

    fn ask(&self, question: &str, set: &[&str]) -> Vec<Value> {
        let store = self.path();
        let mut arguments =
            vec!["fleet", "query", store.to_str().expect("UTF-8"), question, "--format", "jsonl"];
        for pair in set {
            arguments.extend(["--set", pair]);
        }
        let output = snapsift(&arguments);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let connection = Connection::open(self.path()).expect("opens");
        let mut statement = connection.prepare(sql).expect("SQL");
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            (0..columns).map(|at| Ok(format!("{:?}", row.get::<_, rusqlite::types::Value>(at)?))).collect()
        });
        rows.expect("rows").map(|row| row.expect("a row")).collect()
    }
}

/// A machine of an inventory.
fn asset(host: &str, provider: &str, exposed: bool, vulnerable: bool, criticality: &str) -> String {
    let exposed = if exposed { "yes" } else { "no" };
    format!(
        "INSERT INTO asset VALUES ('{host}', 'machine', '{provider}', 'vm', 'account', 'region', '{host}', 'running',
           '{exposed}', '22', 'a public address', '{criticality}', 'unknown', 'unknown', '', '', 1, NULL);
         INSERT INTO asset_name VALUES ('{host}', 'instance_id', 'i-{host}', 1);
         INSERT INTO vulnerable VALUES ('i-{host}', {}, 'high', 0, 1, 0, 0, 0, 0, 1);",
        u8::from(vulnerable)
    )
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
}
