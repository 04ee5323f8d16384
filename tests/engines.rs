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

/// Sixty machines here; `python3 spark/tests/cluster.py target/release/snapsift queries 210` is
/// the whole of it.
#[test]
fn a_cluster_that_loses_a_worker_says_what_one_machine_says() {
    script("spark/tests/cluster.py", &[env!("CARGO_BIN_EXE_snapsift"), "queries", "60"]);
}

/// The commands of the README: an attack path comes out of two machines that Spark scanned.
#[test]
fn the_way_through_the_application_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let bin = Path::new(env!("CARGO_BIN_EXE_snapsift")).parent().expect("a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let python = std::env::var("SNAPSIFT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    if !has("java", &["-version"]) || !has(&python, &["-c", "import pyspark, pyarrow, duckdb, zstandard"]) {
        assert!(std::env::var_os("CI").is_none(), "Spark is not installed");
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: spark/try.sh: Spark is not installed");
        return;
    }
    let output = Command::new("sh")
        .arg("spark/try.sh")
        .arg(folder.path().join("trial"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .env("PATH", path)
        .output()
        .expect("sh runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let log = std::fs::read_to_string(folder.path().join("trial/spark.log")).unwrap_or_default();
    assert!(output.status.success(), "{text}{}{log}", String::from_utf8_lossy(&output.stderr));
    for line in ["2 done", "2 loaded", "2 machines, 1 findings, 1 attack paths", "\"AZ1\"", "2 scans added"] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
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
