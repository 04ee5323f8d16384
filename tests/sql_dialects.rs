//! The queries of the store mean the same in SQLite and in DuckDB:
//! `testdata/sql_dialects.py` runs both over the same rows. It needs the Python module
//! `duckdb`; `SNAPSIFT_PYTHON` names the interpreter that has it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// The exit code by which the script says that it cannot run here.
const CANNOT: i32 = 77;

#[test]
fn the_queries_give_the_same_rows_in_duckdb() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var("SNAPSIFT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python)
        .arg(root.join("testdata/sql_dialects.py"))
        .arg(root.join("queries"))
        .output()
        .expect("python3 runs");
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(CANNOT) {
        assert!(std::env::var_os("CI").is_none(), "{text}");
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: queries in DuckDB: {}", text.trim());
        return;
    }
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
