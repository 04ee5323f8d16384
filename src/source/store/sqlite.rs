//! Databases of SQLite: the rows of all tables, texts decoded and joined over overflow
//! pages. See `formats::sqlite`. Indexes, free pages and what is left of deleted rows are
//! no rows: the search of the file's bytes sees them.

use std::collections::{HashSet, VecDeque};
use std::ops::{ControlFlow, Range};

use super::blocks::fill;
use super::{Field, Record, Source, Store, Visitor};
use crate::finding::{ProvenanceStep, Reason};
use crate::formats::sqlite::schema::Table;
use crate::formats::sqlite::wal::Log;
use crate::formats::sqlite::{Database, Encoding, ReadPages, Row, SqliteError, Value, Visit};
use crate::source::content::ReadAt;

/// The most bytes of a row that are read.
pub(super) const MAX_ROW: usize = 16 << 20;
/// The most tables.
const MAX_TABLES: usize = 1 << 16;
/// The most bytes of text that are made, against the bytes of the file: short values of
/// long names are more than is stored.
const MAX_RATIO: u64 = 8;
const FLOOR: u64 = 64 << 20;
/// Longer names are not written before their values.
const MAX_NAME: usize = 64;
/// Columns that name what another column is, and such columns: tables of settings.
const NAMES: [&str; 8] =
    ["name", "key", "setting", "option_name", "variable", "setting_name", "config_key", "path"];
const VALUES: [&str; 6] = ["value", "val", "option_value", "setting_value", "config_value", "data"];

pub(super) struct Sqlite;

impl Store for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite database"
    }

    fn detect(&self, start: &[u8]) -> bool {
        start.starts_with(b"SQLite format 3\0")
    }

    fn read(&self, source: &Source<'_>, visitor: &mut dyn Visitor) {
        match Database::open(Pages(source.file), source.size) {
            Ok(mut database) => read_tables(&mut database, source.size, None, visitor),
            Err(error) => visitor.problem(Reason::Corrupt, Some(0), error.to_string()),
        }
    }
}

/// Gives the rows of all tables of a database of `size` bytes; with a log, those that are
/// in it.
pub(super) fn read_tables(
    database: &mut Database<impl ReadPages>,
    size: u64,
    log: Option<&InLog>,
    visitor: &mut dyn Visitor,
) {
    if !database.read_each_once(size) {
        let message = "has more pages than are read row by row: the others are searched as they are stored";
        visitor.problem(Reason::OverBudget, None, message.to_owned());
    }
    let schema = Table { name: "sqlite_schema".to_owned(), root: 1, columns: schema_columns() };
    let mut tables = VecDeque::from([schema]);
    let mut left = size.saturating_mul(MAX_RATIO).max(FLOOR);
    while let Some(table) = tables.pop_front() {
        let mut rows = Rows {
            encoding: database.encoding(),
            page_size: database.page_size().into(),
            table: &table,
            tables: (table.root == 1).then_some(&mut tables),
            log,
            visitor,
            left: &mut left,
            text: Vec::new(),
            fields: Vec::new(),
        };
        database.walk(table.root, MAX_ROW, &mut rows);
        if left == 0 || visitor.should_stop() {
            return;
        }
    }
}

/// Which rows are in a write-ahead log.
pub(super) struct InLog {
    pub(super) log: Log,
    /// Rows that the database has too, as far as it is scanned: by [`row_key`].
    pub(super) old: HashSet<[u8; 16]>,
}

impl InLog {
    /// Where a range of the database lies in the log; behind all files where it does not.
    fn place(&self, range: Range<u64>) -> Range<u64> {
        let length = range.end.saturating_sub(range.start);
        let start = self.log.place(range.start).unwrap_or(u64::MAX.saturating_sub(length));
        start..start.saturating_add(length)
    }
}

/// What tells a row from others: its number and its content.
pub(super) fn row_key(row: &Row) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&row.id().unwrap_or(0).to_le_bytes());
    hasher.update(row.record());
    let mut key = [0; 16];
    hasher.finalize_xof().fill(&mut key);
    key
}

fn schema_columns() -> Vec<String> {
    ["type", "name", "tbl_name", "rootpage", "sql"].map(str::to_owned).to_vec()
}

pub(super) struct Pages<'f>(pub(super) &'f dyn ReadAt);

impl ReadPages for Pages<'_> {
    fn read(&mut self, offset: u64, page: &mut [u8]) -> bool {
        fill(self.0, page, offset) == page.len()
    }
}

struct Rows<'s> {
    encoding: Encoding,
    page_size: u64,
    table: &'s Table,
    /// Where tables go that rows of the schema tell of.
    tables: Option<&'s mut VecDeque<Table>>,
    log: Option<&'s InLog>,
    visitor: &'s mut dyn Visitor,
    /// Bytes of text that may still be made.
    left: &'s mut u64,
    text: Vec<u8>,
    fields: Vec<Field>,
}

impl Visit for Rows<'_> {
    fn wants(&mut self, page: u32) -> bool {
        self.tables.is_some() || self.log.is_none_or(|log| log.log.newest.contains_key(&page))
    }

    fn row(&mut self, row: &Row) {
        if *self.left == 0 {
            return;
        }
        if let Some(tables) = self.tables.as_mut().filter(|tables| tables.len() < MAX_TABLES) {
            tables.extend(Table::of(row, self.encoding));
        }
        if self.log.is_some_and(|log| !log.log.newest.contains_key(&row.page())) {
            return;
        }
        self.write(row);
        let length = u64::try_from(self.text.len()).unwrap_or(u64::MAX);
        let Some(rest) = self.left.checked_sub(length) else {
            *self.left = 0;
            let message =
                "has more text in its rows than its size allows: only the first were read".to_owned();
            return self.visitor.problem(Reason::OverBudget, None, message);
        };
        *self.left = rest;
        if self.fields.is_empty() {
            return;
        }
        let table = self.table;
        let name = |field: &Field| {
            let column = table.columns.get(field.number).cloned();
            let column = column.unwrap_or_else(|| format!("column {}", field.number.saturating_add(1)));
            match row.id() {
                Some(id) => format!("{}[{id}].{column}", table.name),
                None => format!("{}.{column}", table.name),
            }
        };
        self.visitor.record(&Record {
            kind: ProvenanceStep::ROW,
            text: &self.text,
            fields: &self.fields,
            is_told: self.log.is_some_and(|log| log.old.contains(&row_key(row))),
            name: &name,
        });
    }

    fn damaged(&mut self, error: SqliteError) -> ControlFlow<()> {
        let (reason, page) = match error {
            SqliteError::Page(page) | SqliteError::Twice(page) => (Reason::Corrupt, Some(page)),
            SqliteError::TooLong => (Reason::OverBudget, None),
            SqliteError::Header | SqliteError::Cycle => (Reason::Corrupt, None),
        };
        let offset = page.and_then(|page| u64::from(page).checked_sub(1)?.checked_mul(self.page_size));
        self.visitor.problem(reason, offset, format!("SQLite, table {}: {error}", self.table.name));
        if *self.left == 0 || self.visitor.should_stop() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

impl Rows<'_> {
    /// Writes the texts and blobs of a row, one a line.
    fn write(&mut self, row: &Row) {
        self.text.clear();
        self.fields.clear();
        let table = self.table;
        let column = |number: usize| table.columns.get(number).map_or("", String::as_str);
        let is = |number: usize, names: &[&str]| {
            names.iter().any(|name| column(number).eq_ignore_ascii_case(name))
        };
        let mut named: Option<std::borrow::Cow<'_, [u8]>> = None;
        for (number, (value, range)) in row.values().enumerate() {
            let (bytes, is_text) = match value {
                Value::Text(bytes) => (self.encoding.decode(bytes), true),
                Value::Blob(bytes) => (std::borrow::Cow::Borrowed(bytes), false),
                Value::Null | Value::Integer(_) | Value::Float(_) => continue,
            };
            if bytes.is_empty() {
                continue;
            }
            let label = named.as_deref().filter(|_| is(number, &VALUES)).unwrap_or(column(number).as_bytes());
            if !label.is_empty() && label.len() <= MAX_NAME {
                self.text.extend_from_slice(label);
                self.text.push(b'=');
            }
            let start = self.text.len();
            self.text.extend_from_slice(&bytes);
            let is_plain = !is_text || self.encoding == Encoding::Utf8;
            let place = |range| self.log.map_or_else(|| Range::clone(&range), |log| log.place(range.clone()));
            let stored = if is_plain { row.stored(range).map(place).collect() } else { Vec::new() };
            self.fields.push(Field { number, value: start..self.text.len(), stored });
            self.text.push(b'\n');
            if is_text && is(number, &NAMES) && bytes.len() <= MAX_NAME {
                named = Some(bytes);
            }
        }
    }
}
