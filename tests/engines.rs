//! The queries of the store mean the same in SQLite, in DuckDB and in Apache Spark:
//! `testdata/sql_dialects.py` runs them over the same rows. It needs what
//! `spark/requirements.txt` names, and Java; `SNAPSIFT_PYTHON` names the interpreter that
//! has it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// The exit code by which the script says that it cannot run here.
const CANNOT: i32 = 77;

#[test]
fn the_queries_give_the_same_rows_in_duckdb() {
    same_rows_in("duckdb");
}

#[test]
fn the_queries_give_the_same_rows_in_spark() {
    same_rows_in("spark");
}

fn same_rows_in(engine: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var("SNAPSIFT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python)
        .arg(root.join("testdata/sql_dialects.py"))
        .arg(root.join("queries"))
        .arg(engine)
        .output()
        .expect("python3 runs");
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(CANNOT) {
        assert!(std::env::var_os("CI").is_none(), "{text}");
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: queries in {engine}: {}", text.trim());
        return;
    }
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
