//! Questions to a store: those that come with it, in `queries/fleet`, and the user's own.

use std::collections::BTreeMap;
use std::io::{self, Write};

use rusqlite::types::ValueRef;
use rusqlite::{Statement, params};
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::store::{Store, StoreError};
use crate::output::csv::neutral;
use crate::output::escape;

/// The questions that come with it, by name.
const QUERIES: [(&str, &str); 32] = [
    ("attack-paths", include_str!("../../queries/fleet/attack-paths.sql")),
    ("path-steps", include_str!("../../queries/fleet/path-steps.sql")),
    ("choke-points", include_str!("../../queries/fleet/choke-points.sql")),
    ("blast-radius", include_str!("../../queries/fleet/blast-radius.sql")),
    ("recommendations", include_str!("../../queries/fleet/recommendations.sql")),
    ("recommendations-by-type", include_str!("../../queries/fleet/recommendations-by-type.sql")),
    ("findings-by-owner", include_str!("../../queries/fleet/findings-by-owner.sql")),
    ("overdue", include_str!("../../queries/fleet/overdue.sql")),
    ("sla", include_str!("../../queries/fleet/sla.sql")),
    ("owner-rules", include_str!("../../queries/fleet/owner-rules.sql")),
    ("exemptions", include_str!("../../queries/fleet/exemptions.sql")),
    ("exempted", include_str!("../../queries/fleet/exempted.sql")),
    ("inventory", include_str!("../../queries/fleet/inventory.sql")),
    ("vm-secret-to-vm", include_str!("../../queries/fleet/vm-secret-to-vm.sql")),
    ("vm-secret-to-storage", include_str!("../../queries/fleet/vm-secret-to-storage.sql")),
    ("vm-secret-to-sql", include_str!("../../queries/fleet/vm-secret-to-sql.sql")),
    ("secrets-without-target", include_str!("../../queries/fleet/secrets-without-target.sql")),
    ("shared-secrets", include_str!("../../queries/fleet/shared-secrets.sql")),
    ("common-secrets", include_str!("../../queries/fleet/common-secrets.sql")),
    ("machines-with-most-secrets", include_str!("../../queries/fleet/machines-with-most-secrets.sql")),
    ("new-since-last-scan", include_str!("../../queries/fleet/new-since-last-scan.sql")),
    ("gone-since-last-scan", include_str!("../../queries/fleet/gone-since-last-scan.sql")),
    ("oldest", include_str!("../../queries/fleet/oldest.sql")),
    ("expired", include_str!("../../queries/fleet/expired.sql")),
    ("never-read", include_str!("../../queries/fleet/never-read.sql")),
    ("accepted-by", include_str!("../../queries/fleet/accepted-by.sql")),
    ("key-rotation", include_str!("../../queries/fleet/key-rotation.sql")),
    ("key-hygiene", include_str!("../../queries/fleet/key-hygiene.sql")),
    ("machine-permissions", include_str!("../../queries/fleet/machine-permissions.sql")),
    ("vulnerabilities", include_str!("../../queries/fleet/vulnerabilities.sql")),
    ("coverage", include_str!("../../queries/fleet/coverage.sql")),
    ("why-no-paths", include_str!("../../queries/fleet/why-no-paths.sql")),
];

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The question is wrong, or its tables are not there yet.
    #[error("the query: {0}")]
    Sql(#[from] rusqlite::Error),
    /// It would change the store.
    #[error("the query would change the store: only questions are asked here")]
    Changes,
    /// The answer cannot be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Columns for a person.
    Table,
    /// RFC 4180, a header first; no cell begins a formula.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// Name and meaning of every question that comes with it: the first sentence of its text.
pub fn named() -> impl Iterator<Item = (&'static str, String)> {
    QUERIES.iter().map(|(name, sql)| {
        let lines = sql.lines().map_while(|line| line.strip_prefix("-- "));
        let text = lines.collect::<Vec<_>>().join(" ");
        (*name, text.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned())
    })
}

/// The text of a question that comes with it.
#[must_use]
pub fn text_of(name: &str) -> Option<&'static str> {
    QUERIES.iter().find(|(other, _)| *other == name).map(|(_, sql)| *sql)
}

/// Asks, and writes the answer. `set` are rows of the table `param`, beside those that the
/// store has. Gives the number of rows.
///
/// # Errors
///
/// The question is wrong or would change the store, or the answer cannot be written.
pub fn ask(
    store: &Store,
    sql: &str,
    set: &BTreeMap<String, String>,
    rows: Rows,
    out: &mut dyn Write,
) -> Result<u64, QueryError> {
    let (mut statement, names) = prepared(store, sql, set)?;
    match rows {
        Rows::Table => table(&mut statement, &names, out),
        Rows::Csv => csv(&mut statement, &names, out),
        Rows::JsonLines => json_lines(&mut statement, &names, out),
    }
}

/// The statement, with the names of its columns.
fn prepared<'s>(
    store: &'s Store,
    sql: &str,
    set: &BTreeMap<String, String>,
) -> Result<(Statement<'s>, Vec<String>), QueryError> {
    let connection = store.connection();
    connection.execute_batch(
        "DROP TABLE IF EXISTS temp.param;
         CREATE TEMP TABLE param AS SELECT name, value FROM main.param",
    )?;
    for (name, value) in set {
        connection.execute("DELETE FROM temp.param WHERE name = ?1", [name])?;
        connection.execute("INSERT INTO temp.param VALUES (?1, ?2)", params![name, value])?;
    }
    let statement = connection.prepare(sql)?;
    if !statement.readonly() {
        return Err(QueryError::Changes);
    }
    let names = statement.column_names().map(str::to_owned).collect();
    Ok((statement, names))
}

/// A row of an answer.
pub(super) struct Row<'n> {
    names: &'n [String],
    cells: Vec<Value>,
}

impl Row<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        let at = self.names.iter().position(|other| other == name)?;
        self.cells.get(at)
    }

    /// The text of a column; nothing for nothing.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The number of a column, where it is one.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(Value::as_i64)
    }

    /// Whether a column has one.
    pub(super) fn is(&self, name: &str) -> bool {
        self.number(name) == Some(1)
    }
}

/// Gives the cells of each row of an answer, with the names of its columns.
pub(super) fn rows(
    store: &Store,
    sql: &str,
    give: &mut dyn FnMut(&[String], Vec<Value>),
) -> Result<u64, QueryError> {
    let (mut statement, names) = prepared(store, sql, &BTreeMap::new())?;
    each(&mut statement, names.len(), &mut |cells| {
        give(&names, cells);
        Ok(())
    })
}

/// Gives each row of an answer.
pub(super) fn each_row<E: From<QueryError>>(
    store: &Store,
    sql: &str,
    set: &BTreeMap<String, String>,
    give: &mut dyn FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<u64, E> {
    let (mut statement, names) = prepared(store, sql, set)?;
    each(&mut statement, names.len(), &mut |cells| give(&Row { names: &names, cells }))
}

fn each<E: From<QueryError>>(
    statement: &mut Statement<'_>,
    columns: usize,
    give: &mut dyn FnMut(Vec<Value>) -> Result<(), E>,
) -> Result<u64, E> {
    let mut number = 0;
    let mut rows = statement.query([]).map_err(QueryError::from)?;
    while let Some(row) = rows.next().map_err(QueryError::from)? {
        let cells: Result<Vec<Value>, rusqlite::Error> = (0..columns)
            .map(|at| {
                Ok(match row.get_ref(at)? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(number) => number.into(),
                    ValueRef::Real(number) => number.into(),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into(),
                })
            })
            .collect();
        give(cells.map_err(QueryError::from)?)?;
        number += 1;
    }
    Ok(number)
}

fn shown(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Columns as wide as their widest cell, up to a bound that keeps a table readable.
fn table(statement: &mut Statement<'_>, names: &[String], out: &mut dyn Write) -> Result<u64, QueryError> {
    let mut lines: Vec<Vec<String>> = vec![names.to_vec()];
    let number = each(statement, names.len(), &mut |cells| {
        lines.push(cells.iter().map(|cell| escape::visible(&shown(cell)).into_owned()).collect());
        Ok::<(), QueryError>(())
    })?;
    let widths: Vec<usize> = (0..names.len())
        .map(|at| lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.width()).max().unwrap_or(0))
        .collect();
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(cell);
            let pad = width.saturating_sub(cell.width()).saturating_add(2);
            text.extend(std::iter::repeat_n(' ', pad));
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(number)
}

fn csv(statement: &mut Statement<'_>, names: &[String], out: &mut dyn Write) -> Result<u64, QueryError> {
    let error = |error: csv::Error| io::Error::other(error.to_string());
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    writer.write_record(names).map_err(error)?;
    let number = each(statement, names.len(), &mut |cells| {
        let cells: Vec<String> = cells.iter().map(shown).collect();
        writer
            .write_record(cells.iter().map(|cell| neutral(&escape::visible(cell)).into_owned()))
            .map_err(error)?;
        Ok::<(), QueryError>(())
    })?;
    writer.flush()?;
    Ok(number)
}

fn json_lines(
    statement: &mut Statement<'_>,
    names: &[String],
    out: &mut dyn Write,
) -> Result<u64, QueryError> {
    each(statement, names.len(), &mut |cells| {
        let object: serde_json::Map<String, Value> =
            names.iter().cloned().zip(cells).filter(|(_, cell)| !cell.is_null()).collect();
        serde_json::to_writer(&mut *out, &object).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        Ok::<(), QueryError>(())
    })
}
