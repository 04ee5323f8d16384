//! What runs on other engines: the queries of the store mean the same in SQLite, in DuckDB and in
//! Apache Spark, and the application in `spark/` gives on a cluster what one machine gives.
//! The scripts need what `spark/requirements.txt` names, and Java; `SNAPSIFT_PYTHON` names the
//! interpreter that has it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// The exit code by which a script says that it cannot run here.
const CANNOT: i32 = 77;

#[test]
fn the_queries_give_the_same_rows_in_duckdb() {
    script("testdata/sql_dialects.py", &["queries", "duckdb"]);
}

#[test]
fn the_queries_give_the_same_rows_in_spark() {
    script("testdata/sql_dialects.py", &["queries", "spark"]);
}

#[test]
fn the_schemas_of_the_lake_are_those_of_the_types() {
    script("spark/tests/schema.py", &[env!("CARGO_BIN_EXE_snapsift"), "queries"]);
}

#[test]
fn a_cluster_that_loses_a_worker_says_what_one_machine_says() {
    script("spark/tests/cluster.py", &[env!("CARGO_BIN_EXE_snapsift"), "queries"]);
}

fn script(path: &str, arguments: &[&str]) {
    let python = std::env::var("SNAPSIFT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .arg(path)
        .args(arguments)
        .output()
        .expect("python3 runs");
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(CANNOT) {
        assert!(std::env::var_os("CI").is_none(), "{text}");
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: {path} {}: {}", arguments.join(" "), text.trim());
        return;
    }
    assert!(output.status.success(), "{path}:\n{text}{}", String::from_utf8_lossy(&output.stderr));
}
