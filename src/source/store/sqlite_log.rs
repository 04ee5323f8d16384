//! Write-ahead logs of SQLite: the rows on pages that are in the log and not in the
//! database yet, with the database beside it, of which the log is named: `app.db-wal`.
//! See `formats::sqlite::wal`. Older frames and those of no transaction hold no rows of
//! the database: the search of the file's bytes sees them.
//!
//! A log is kept after its pages are in the database. A row that the database has as well
//! is told there, unless the database is not scanned.

use std::collections::HashSet;
use std::ffi::CString;
use std::ops::ControlFlow;

use super::sqlite::{InLog, MAX_ROW, Pages, read_tables, row_key};
use super::{Source, Store, Visitor};
use crate::finding::Reason;
use crate::formats::sqlite::wal::{Log, Overlaid, is_log};
use crate::formats::sqlite::{Database, Row, SqliteError, Visit};
use crate::source::TreeFile;

/// What a log is called after its database.
const ENDING: &[u8] = b"-wal";
/// The most rows of a database that are remembered: those of more are told twice.
const MAX_OLD: usize = 1 << 19;

pub(super) struct SqliteLog;

impl Store for SqliteLog {
    fn name(&self) -> &'static str {
        "SQLite log"
    }

    fn detect(&self, start: &[u8]) -> bool {
        is_log(start)
    }

    fn read(&self, source: &Source<'_>, visitor: &mut dyn Visitor) {
        let Some(log) = Log::read(&mut Pages(source.file), source.size) else {
            let message = "SQLite log: the sum over its header is wrong".to_owned();
            return visitor.problem(Reason::Corrupt, Some(0), message);
        };
        if log.cut {
            let message =
                "SQLite log: has more pages than are read: the others are searched as they are stored";
            visitor.problem(Reason::OverBudget, None, message.to_owned());
        }
        if log.newest.is_empty() {
            return;
        }
        let (database, is_scanned) = beside(source);
        if database.is_none() && !log.newest.contains_key(&1) {
            let message = "SQLite log: its database is not there: it is searched as it is stored";
            return visitor.problem(Reason::Unsupported, None, message.to_owned());
        }
        let old = match &database {
            Some(file) if is_scanned => old_rows(file, &log),
            _ => HashSet::new(),
        };
        // A page is in the log or in the database: there are no more.
        let there = database.as_ref().and_then(|file| file.stat.size).unwrap_or(0);
        let there = there.saturating_add(source.size);
        let size = u64::from(log.pages).saturating_mul(log.page_size.into()).min(there);
        let in_log = InLog { log, old };
        let database = database.as_ref();
        let pages = Overlaid { database, reader: Pages(source.file), log: &in_log.log };
        match Database::open(pages, size) {
            Ok(database) if database.page_size() != in_log.log.page_size => {
                let message = "SQLite log: its pages are not of the size of its database's";
                visitor.problem(Reason::Corrupt, Some(0), message.to_owned());
            }
            Ok(mut database) => read_tables(&mut database, size, Some(&in_log), visitor),
            Err(error) => {
                let message = format!("SQLite log: its database: {error}");
                visitor.problem(Reason::Corrupt, None, message);
            }
        }
    }
}

/// The database of a log, and whether it is scanned.
fn beside<'s>(source: &Source<'s>) -> (Option<TreeFile<'s>>, bool) {
    let open = || {
        let path = source.path.strip_suffix(ENDING)?;
        let file = source.tree?.open_met(&CString::new(path).ok()?).ok()?;
        let is_scanned = (source.is_scanned)(path, file.stat.size?);
        Some((file, is_scanned))
    };
    open().map_or((None, false), |(file, is_scanned)| (Some(file), is_scanned))
}

/// The rows that a database has on the pages that are in its log too.
fn old_rows(file: &TreeFile<'_>, log: &Log) -> HashSet<[u8; 16]> {
    struct Old(HashSet<[u8; 16]>);
    impl Visit for Old {
        fn row(&mut self, row: &Row) {
            if !row.is_cut() && self.0.len() < MAX_OLD {
                self.0.insert(row_key(row));
            }
        }

        // What is damaged is told where the database is scanned.
        fn damaged(&mut self, _: SqliteError) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }
    let mut old = Old(HashSet::new());
    let size = file.stat.size.unwrap_or(0);
    if let Ok(mut database) = Database::open(file, size)
        && database.page_size() == log.page_size
    {
        database.read_each_once(size);
        let mut pages: Vec<u32> = log.newest.keys().copied().collect();
        pages.sort_unstable();
        pages.into_iter().for_each(|page| database.rows_of(page, MAX_ROW, &mut old));
    }
    old.0
}
