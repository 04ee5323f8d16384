//! Settings in the rows of a table: the name in one cell and the value in the next,
//! as exports (`NAME,"value",owner`) and dumps of databases
//! (`VALUES (7, 'name', 'value')`) have them.
//!
//! Source: RFC 4180; a string of SQL doubles its apostrophes.

use std::ops::Range;

use super::role::Named;
use super::{MAX_ITEMS, Setting, Settings, Syntax, in_name, text_of};
use crate::formats::connection_string::Value;

/// The most rows on either side.
const MAX_ROWS: usize = 6;
/// The most cells of a row.
const MAX_CELLS: usize = 32;

/// A cell: its content without quotes, and whether it had some.
struct Cell {
    span: Range<usize>,
    quote: Option<u8>,
}

/// The settings beside `at`, which stands in the cell of a name, none before `left`.
pub(super) fn read(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    columns(text, left, at, 0)
}

/// The settings beside `at`, which stands in the cell of a value.
pub(super) fn read_at_value(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    columns(text, left, at, 1)
}

/// The settings of the columns of which `at` stands in the first, or `behind` it.
fn columns(text: &[u8], left: usize, at: usize, behind: usize) -> Option<Settings> {
    let own = line(text, left, at)?;
    // A list of names in a program or a comment is indented or marked.
    let is_row = text
        .get(own.start)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'"' | b'\'' | b'(' | b'_'));
    let bytes = text.get(own.clone()).unwrap_or_default();
    let is_dump = values_at(bytes).is_some() || bytes.trim_ascii_start().starts_with(b"(");
    if !is_row && !is_dump {
        return None;
    }
    let cells = cells(text, own.clone());
    let column = cells.iter().position(|cell| cell.span.start <= at && at < cell.span.end)?;
    let column = column.checked_sub(behind)?;
    let width = cells.len();
    let of_row = |row: Range<usize>| {
        let cells = self::cells(text, row);
        let pair = (cells.len() == width).then(|| cells.get(column..=column.saturating_add(1))).flatten()?;
        setting(text, pair)
    };
    let mut items: Vec<Setting> = Vec::new();
    let mut start = own.start;
    for _ in 0..MAX_ROWS {
        let Some(row) = start.checked_sub(1).and_then(|end| line(text, left, end)) else { break };
        start = row.start;
        items.extend(of_row(row));
    }
    items.reverse();
    items.extend(of_row(own.clone()));
    let mut next = own.end.saturating_add(1);
    for _ in 0..MAX_ROWS {
        let Some(row) = (next < text.len()).then(|| line(text, left, next)).flatten() else { break };
        next = row.end.saturating_add(1);
        items.extend(of_row(row));
    }
    items.truncate(MAX_ITEMS);
    Settings::of(Syntax::Brackets, None, items, at)
}

fn line(text: &[u8], left: usize, at: usize) -> Option<Range<usize>> {
    let start = memchr::memrchr(b'\n', text.get(left..at)?)
        .map_or(left, |place| left.saturating_add(place).saturating_add(1));
    let end = memchr::memchr(b'\n', text.get(at..)?).map_or(text.len(), |length| at.saturating_add(length));
    Some(start..end)
}

/// A name and the value after it.
fn setting(text: &[u8], pair: &[Cell]) -> Option<Setting> {
    let [name, value] = pair else { return None };
    let written = text.get(name.span.clone())?;
    let is_name =
        written.first().is_some_and(u8::is_ascii_alphabetic) && written.iter().all(|byte| in_name(*byte));
    let raw = text.get(value.span.clone())?;
    // A list of bare words is no table.
    let marked = name.quote.is_some()
        || value.quote.is_some()
        || written.contains(&b'_')
        || written.iter().all(u8::is_ascii_uppercase) && Named::of(&text_of(written)).is_some();
    if !is_name || raw.is_empty() || !marked {
        return None;
    }
    let bytes = match value.quote {
        Some(quote) => {
            let mut bytes = Vec::with_capacity(raw.len());
            let mut rest = raw.iter().copied().peekable();
            while let Some(byte) = rest.next() {
                if byte == quote {
                    rest.next_if_eq(&quote);
                }
                bytes.push(byte);
            }
            bytes
        }
        None => raw.to_vec(),
    };
    Some(Setting {
        name: text_of(written),
        value: Value { bytes, span: value.span.clone() },
        span: name.span.start..value.span.end,
        quoted: value.quote.is_some(),
        code: false,
        indented: false,
    })
}

/// Where the values of a statement begin.
fn values_at(row: &[u8]) -> Option<usize> {
    memchr::memmem::find(row, b"VALUES (").or_else(|| memchr::memmem::find(row, b"values ("))
}

/// The cells of a row. What stands before the bracket of `VALUES (` is no cell.
fn cells(text: &[u8], row: Range<usize>) -> Vec<Cell> {
    let bytes = text.get(row.clone()).unwrap_or_default();
    let values = values_at(bytes);
    let mut at = row.start.saturating_add(values.map_or(0, |place| place.saturating_add(8)));
    let mut cells = Vec::new();
    while at < row.end && cells.len() < MAX_CELLS {
        let rest = text.get(at..row.end).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'(')).count();
        let rest = rest.get(blanks..).unwrap_or_default();
        let first = at.saturating_add(blanks);
        let quote = rest.first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
        let (content, skip) = match quote {
            Some(quote) => (quoted(rest.get(1..).unwrap_or_default(), quote), 1),
            None => (None, 0),
        };
        let plain = rest.iter().position(|byte| matches!(byte, b',' | b')' | b'\r')).unwrap_or(rest.len());
        let length = content.unwrap_or(plain);
        let (from, quote) =
            if content.is_some() { (first.saturating_add(skip), quote) } else { (first, None) };
        cells.push(Cell { span: from..from.saturating_add(length), quote });
        let end = from.saturating_add(length);
        let comma = text.get(end..row.end).and_then(|rest| memchr::memchr(b',', rest));
        match comma {
            Some(gap) => at = end.saturating_add(gap).saturating_add(1),
            None => break,
        }
    }
    cells
}

/// The length of a quoted cell, whose quotes are doubled inside.
fn quoted(content: &[u8], quote: u8) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        at = at.saturating_add(memchr::memchr(quote, content.get(at..)?)?);
        if content.get(at.saturating_add(1)) != Some(&quote) {
            return Some(at);
        }
        at = at.saturating_add(2);
    }
}
