//! What changed between two states of a fleet: findings that are new, fixed or moved, and
//! attack paths that are new or have ended.
//!
//! Role: chooses the scans of both states (`queries/diff/states.sql`) and compares them
//! (`queries/diff/changes.sql`). Attack paths of a state that is not the store's own are worked
//! out in memory, over the scans of that state and the inventory of today: so a new path is
//! one that new secrets or keys made. "Fixed" is said only where the newer scan looked.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use rusqlite::params;

use super::correlate::correlate;
use super::query::{QueryError, Rows, ask, each_row};
use super::store::{Store, StoreError};
use crate::finding::{Severity, Timestamp};

const STATES: &str = include_str!("../../queries/diff/states.sql");
const CHANGES: &str = include_str!("../../queries/diff/changes.sql");
const PATHS: &str = "SELECT path_id, level, entry_hostname, secret_type, title, entry FROM v1_attack_path";
/// What makes up `diff_path_*`.
const PATH_COLUMNS: [&str; 6] = ["path_id", "level", "entry_hostname", "secret_type", "title", "entry"];

/// Which states are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Between {
    /// The newest scan of each machine and the one before it.
    Newest,
    /// The newest scans and those that were the newest at a time.
    Since(Timestamp),
    /// Two scans by their ids; without a second one, the newest.
    Scans(String, Option<String>),
}

/// How many changes of each kind there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// By kind: new, moved, not looked at, fixed, unchanged, new path, ended path.
    pub kinds: BTreeMap<String, u64>,
    /// New findings that nobody has exempted, by severity.
    pub new: BTreeMap<Severity, u64>,
    /// Machines that were compared, and of how many the newer scan could not read everything.
    pub machines: u64,
    /// See there.
    pub partial: u64,
}

/// Compares, and writes the changes.
///
/// # Errors
///
/// The store cannot be read, has no such scan, or the answer cannot be written.
pub fn diff(
    store: &Store,
    path: &Path,
    between: &Between,
    now: Timestamp,
    rows: Rows,
    out: &mut dyn Write,
) -> Result<Changes, DiffError> {
    let mut set = BTreeMap::new();
    match between {
        Between::Newest => {}
        Between::Since(time) => {
            set.insert("since".to_owned(), format!("{:016}", time.unix_milliseconds()));
        }
        Between::Scans(from, to) => {
            for name in std::iter::once(from).chain(to) {
                known(store, name)?;
            }
            set.insert("from".to_owned(), from.clone());
            if let Some(to) = to {
                set.insert("to".to_owned(), to.clone());
            }
        }
    }
    let mut changes = states(store, &set)?;
    if matches!(between, Between::Scans(..)) {
        common(store)?;
    }
    paths(store, path, matches!(between, Between::Scans(_, Some(_))), now)?;
    each_row::<DiffError>(store, CHANGES, &BTreeMap::new(), &mut |row| {
        let kind = row.text("change");
        let number = row.number("number").and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
        *changes.kinds.entry(kind.to_owned()).or_default() += number;
        if kind == "new"
            && row.text("exempted").is_empty()
            && let Ok(severity) = serde_json::from_value(serde_json::json!(row.text("severity")))
        {
            *changes.new.entry(severity).or_default() += number;
        }
        Ok(())
    })?;
    let listed = BTreeMap::from([("listed".to_owned(), "yes".to_owned())]);
    ask(store, CHANGES, &listed, rows, out)?;
    Ok(changes)
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// A question failed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such scan.
    #[error("the store has no scan {0:?}")]
    NoScan(String),
    /// Two scans of different machines.
    #[error("the two scans have no machine in common")]
    Nothing,
}

impl From<rusqlite::Error> for DiffError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Query(error.into())
    }
}

fn known(store: &Store, name: &str) -> Result<(), DiffError> {
    let number: i64 =
        store
            .connection()
            .query_row("SELECT COUNT(*) FROM scan WHERE name = ?1", [name], |row| row.get(0))?;
    if number == 0 { Err(DiffError::NoScan(name.to_owned())) } else { Ok(()) }
}

/// Fills the table of what is compared.
fn states(store: &Store, set: &BTreeMap<String, String>) -> Result<Changes, DiffError> {
    let connection = store.connection();
    connection.execute_batch(
        "DROP TABLE IF EXISTS temp.diff_state;
         CREATE TEMP TABLE diff_state (machine TEXT, old_scan INT, new_scan INT, whole INT, left_out INT)",
    )?;
    let mut insert = connection.prepare("INSERT INTO temp.diff_state VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut changes = Changes::default();
    changes.machines = each_row::<DiffError>(store, STATES, set, &mut |row| {
        let whole = row.number("whole");
        changes.partial += u64::from(whole == Some(0));
        insert.execute(params![
            row.text("machine"),
            row.number("old_scan"),
            row.number("new_scan"),
            whole,
            row.number("left_out")
        ])?;
        Ok(())
    })?;
    Ok(changes)
}

fn common(store: &Store) -> Result<(), DiffError> {
    let sql = "SELECT COUNT(*) FROM temp.diff_state WHERE old_scan IS NOT NULL";
    let both: i64 = store.connection().query_row(sql, [], |row| row.get(0))?;
    if both == 0 { Err(DiffError::Nothing) } else { Ok(()) }
}

/// Fills the tables of paths: those before, and those after, which are the store's own unless
/// an older scan was asked for.
fn paths(store: &Store, path: &Path, older: bool, now: Timestamp) -> Result<(), DiffError> {
    let before = store.state(path, "temp.diff_state", "old_scan")?;
    correlate(&before, now)?;
    fill(store, "diff_path_before", &before)?;
    if older {
        let after = store.state(path, "temp.diff_state", "new_scan")?;
        correlate(&after, now)?;
        return fill(store, "diff_path_after", &after);
    }
    fill(store, "diff_path_after", store)
}

fn fill(store: &Store, table: &str, of: &Store) -> Result<(), DiffError> {
    let connection = store.connection();
    let columns = PATH_COLUMNS.map(|name| format!("{name} TEXT")).join(", ");
    connection.execute_batch(&format!(
        "DROP TABLE IF EXISTS temp.{table}; CREATE TEMP TABLE {table} ({columns})"
    ))?;
    let mut insert =
        connection.prepare(&format!("INSERT INTO temp.{table} VALUES (?1, ?2, ?3, ?4, ?5, ?6)"))?;
    each_row::<DiffError>(of, PATHS, &BTreeMap::new(), &mut |row| {
        insert.execute(PATH_COLUMNS.map(|name| row.text(name)))?;
        Ok(())
    })?;
    Ok(())
}
