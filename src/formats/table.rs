//! Tables whose first row names their columns: CSV as password managers and
//! browsers export it, tables of Markdown and HTML, columns apart by blanks.
//!
//! Given a place in the name of a column, [`Table`] is the rows below it. Only as
//! many rows are read as stand in the text that is there; nothing recurses.
//!
//! Sources: RFC 4180, the GitHub Flavored Markdown specification (tables), the HTML
//! standard (tables), `pppd(8)` (the columns of `chap-secrets`).

use std::ops::Range;

use super::connection_string::Value;
use super::escape::{Escapes, unescape};

/// The most columns of a row.
const MAX_COLUMNS: usize = 48;
/// The most rows that are read.
const MAX_ROWS: usize = 48;
/// The longest row.
const MAX_ROW: usize = 2048;

/// The rows below the names of columns.
#[derive(Clone, Debug)]
pub struct Table {
    /// The names of the columns.
    pub header: Vec<String>,
    /// The column whose name was asked for.
    pub column: usize,
    /// The cells of each row, as many as the row has.
    pub rows: Vec<Vec<Value>>,
}

/// How cells stand apart.
#[derive(Clone, Copy)]
enum Form {
    /// One byte between them, quotation marks around some.
    Separated(u8),
    /// `| one | two |`.
    Pipes,
    /// Blanks.
    Blanks,
}

impl Table {
    /// The table in whose header `at` stands.
    #[must_use]
    pub fn below(text: &[u8], at: usize) -> Option<Self> {
        let table = if in_markup(text, at) { of_markup(text, at)? } else { of_lines(text, at)? };
        // Names of columns are words.
        let is_name =
            |name: &String| name.len() <= 64 && !name.contains(['(', ')', '{', '}', '=', '<', '$', '"']);
        (table.header.len() > 1 && !table.rows.is_empty() && table.header.iter().all(is_name))
            .then_some(table)
    }
}

/// Whether a place stands in the text of a cell of HTML.
fn in_markup(text: &[u8], at: usize) -> bool {
    let left = at.saturating_sub(128);
    let before = text.get(left..at).unwrap_or_default();
    before.iter().rposition(|byte| *byte == b'<').is_some_and(|open| is_cell(before.get(open..)))
}

/// Whether a tag opens a cell.
fn is_cell(tag: Option<&[u8]>) -> bool {
    let name = tag.and_then(|tag| tag.get(1..3)).unwrap_or_default();
    name.eq_ignore_ascii_case(b"th") || name.eq_ignore_ascii_case(b"td")
}

fn of_lines(text: &[u8], at: usize) -> Option<Table> {
    let left = at.saturating_sub(MAX_ROW);
    let start = memchr::memrchr(b'\n', text.get(left..at)?)
        .map_or(left, |place| left.saturating_add(place).saturating_add(1));
    let mut lines = Lines { text, at: start };
    let header = lines.next()?;
    let form = form_of(text.get(header.clone())?)?;
    let names = cells(text, header.clone(), form);
    let column = names.iter().position(|cell| cell.span.start <= at && at <= cell.span.end)?;
    let header: Vec<String> = names.iter().map(|cell| cell.text().into_owned()).collect();
    let mut rows = Vec::new();
    for line in lines.take(MAX_ROWS) {
        let bytes = text.get(line.clone()).unwrap_or_default();
        let blank = bytes.trim_ascii().is_empty();
        match form {
            Form::Pipes if !bytes.contains(&b'|') => break,
            // The line below the names.
            Form::Pipes if bytes.iter().all(|byte| b"|-: \t\r".contains(byte)) => continue,
            Form::Blanks if bytes.trim_ascii_start().starts_with(b"#") => continue,
            _ if blank && rows.is_empty() => continue,
            _ if blank => break,
            _ => {}
        }
        let row = cells(text, line, form);
        let fits = match form {
            // A note at the end may be left out, or have a separator in it.
            Form::Separated(_) => row.len() > column && row.len().saturating_add(2) >= header.len(),
            Form::Pipes | Form::Blanks => row.len() > column,
        };
        if fits {
            rows.push(row);
        }
    }
    Some(Table { header, column, rows })
}

/// How the cells of a header stand apart: by the mark that stands in it most.
fn form_of(header: &[u8]) -> Option<Form> {
    let count = |mark: u8| header.iter().filter(|byte| **byte == mark).count();
    if count(b'|') > 0 {
        return Some(Form::Pipes);
    }
    let commented = header.trim_ascii_start().starts_with(b"#");
    if commented && count(b',') == 0 && count(b';') == 0 {
        return Some(Form::Blanks);
    }
    let best = [b',', b';', b'\t'].into_iter().max_by_key(|mark| count(*mark))?;
    (count(best) > 0).then_some(Form::Separated(best))
}

/// The lines from a place on.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = self.at..self.at.saturating_add(length);
        self.at = line.end.saturating_add(1);
        let long = length > MAX_ROW;
        let cut = usize::from(self.text.get(line.clone())?.ends_with(b"\r"));
        let end = line.end.saturating_sub(cut);
        Some(if long { line.start..line.start } else { line.start..end })
    }
}

/// The cells of a row.
fn cells(text: &[u8], row: Range<usize>, form: Form) -> Vec<Value> {
    let bytes = text.get(row.clone()).unwrap_or_default();
    let mut cells = Vec::new();
    let mut at = 0_usize;
    match form {
        Form::Pipes => {
            // A pipe may stand before the first cell and after the last.
            let lead = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            at = lead.saturating_add(usize::from(bytes.get(lead) == Some(&b'|')));
            while at < bytes.len() && cells.len() < MAX_COLUMNS {
                let rest = bytes.get(at..).unwrap_or_default();
                let length = pipe(rest);
                cells.push(plain(rest, length, row.start.saturating_add(at)));
                at = at.saturating_add(length).saturating_add(1);
            }
        }
        Form::Blanks => {
            at = bytes.iter().take_while(|byte| **byte == b'#' || byte.is_ascii_whitespace()).count();
            while at < bytes.len() && cells.len() < MAX_COLUMNS {
                let rest = bytes.get(at..).unwrap_or_default();
                let (cell, length) = quoted(rest, row.start.saturating_add(at)).unwrap_or_else(|| {
                    let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
                    (plain(rest, length, row.start.saturating_add(at)), length)
                });
                cells.push(cell);
                at = at.saturating_add(length.max(1));
                let rest = bytes.get(at..).unwrap_or_default();
                at = at.saturating_add(rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count());
            }
        }
        Form::Separated(mark) => {
            while at <= bytes.len() && cells.len() < MAX_COLUMNS {
                let rest = bytes.get(at..).unwrap_or_default();
                let base = row.start.saturating_add(at);
                let (cell, length) = quoted(rest, base).unwrap_or_else(|| {
                    let length = memchr::memchr(mark, rest).unwrap_or(rest.len());
                    (plain(rest, length, base), length)
                });
                cells.push(cell);
                let after = bytes.get(at.saturating_add(length)..).unwrap_or_default();
                let Some(gap) = memchr::memchr(mark, after) else { break };
                at = at.saturating_add(length).saturating_add(gap).saturating_add(1);
            }
        }
    }
    cells
}

/// The length of a cell up to its pipe, of which `\|` is none.
fn pipe(rest: &[u8]) -> usize {
    memchr::memchr_iter(b'|', rest)
        .find(|place| place.checked_sub(1).and_then(|before| rest.get(before)) != Some(&b'\\'))
        .unwrap_or(rest.len())
}

/// A cell without quotation marks: its text without the blanks around it and the
/// marks of code and stress of Markdown.
fn plain(rest: &[u8], length: usize, base: usize) -> Value {
    let raw = rest.get(..length).unwrap_or_default();
    let mut inner = raw.trim_ascii();
    let mut lead = raw.len().saturating_sub(raw.trim_ascii_start().len());
    for mark in [&b"**"[..], b"`"] {
        if let Some(open) = inner.strip_prefix(mark).and_then(|inner| inner.strip_suffix(mark)) {
            inner = open;
            lead = lead.saturating_add(mark.len());
        }
    }
    let start = base.saturating_add(lead);
    Value { bytes: inner.to_vec(), span: start..start.saturating_add(inner.len()) }
}

/// A cell in quotation marks, which are doubled inside, and its length with them.
fn quoted(rest: &[u8], base: usize) -> Option<(Value, usize)> {
    let content = rest.strip_prefix(b"\"")?;
    let mut bytes = Vec::new();
    let mut at = 0_usize;
    loop {
        let length = memchr::memchr(b'"', content.get(at..)?)?;
        bytes.extend_from_slice(content.get(at..at.saturating_add(length))?);
        at = at.saturating_add(length);
        if content.get(at.saturating_add(1)) != Some(&b'"') {
            break;
        }
        bytes.push(b'"');
        at = at.saturating_add(2);
    }
    let start = base.saturating_add(1);
    Some((Value { bytes, span: start..start.saturating_add(at) }, at.saturating_add(2)))
}

/// A table of HTML.
fn of_markup(text: &[u8], at: usize) -> Option<Table> {
    let left = at.saturating_sub(MAX_ROW);
    let open = rows_before(text.get(left..at)?)?;
    let mut place = left.saturating_add(open);
    let (names, end) = markup_row(text, place)?;
    let column = names.iter().position(|cell| cell.span.start <= at && at <= cell.span.end)?;
    let header: Vec<String> = names.iter().map(|cell| cell.text().into_owned()).collect();
    let mut rows = Vec::new();
    place = end;
    while rows.len() < MAX_ROWS {
        let rest = text.get(place..).unwrap_or_default();
        let Some(next) = find_row(rest) else { break };
        // Another table has other columns.
        let between = rest.get(..next).unwrap_or_default();
        if memchr::memmem::find(between, b"</table").is_some() {
            break;
        }
        let Some((row, end)) = markup_row(text, place.saturating_add(next)) else { break };
        place = end;
        if row.len() > column {
            rows.push(row);
        }
    }
    Some(Table { header, column, rows })
}

fn find_row(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'<', text).find(|place| is_row(text.get(*place..)))
}

fn rows_before(text: &[u8]) -> Option<usize> {
    memchr::memrchr_iter(b'<', text).find(|place| is_row(text.get(*place..)))
}

/// Whether a tag opens a row.
fn is_row(tag: Option<&[u8]>) -> bool {
    let tag = tag.unwrap_or_default();
    tag.get(1..3).is_some_and(|name| name.eq_ignore_ascii_case(b"tr"))
        && tag.get(3).is_none_or(|next| matches!(next, b'>' | b' ' | b'\t' | b'\r' | b'\n'))
}

/// The cells of the row that opens at a place, and where the row ends.
fn markup_row(text: &[u8], start: usize) -> Option<(Vec<Value>, usize)> {
    let limit = text.len().min(start.saturating_add(MAX_ROW));
    let mut cells = Vec::new();
    let mut at = start.saturating_add(3);
    while let Some(place) = memchr::memchr(b'<', text.get(at..limit)?) {
        let tag = at.saturating_add(place);
        let rest = text.get(tag..limit)?;
        if rest.get(..4).is_some_and(|end| end.eq_ignore_ascii_case(b"</tr")) || is_row(Some(rest)) {
            return Some((cells, tag));
        }
        at = tag.saturating_add(1);
        if !is_cell(Some(rest)) || cells.len() >= MAX_COLUMNS {
            continue;
        }
        let content = tag.saturating_add(memchr::memchr(b'>', rest)?).saturating_add(1);
        let inside = text.get(content..limit)?;
        let length = cell_length(inside);
        cells.push(markup_cell(inside.get(..length)?, content));
        at = content.saturating_add(length);
    }
    (!cells.is_empty()).then_some((cells, limit))
}

/// The length of the content of a cell.
fn cell_length(inside: &[u8]) -> usize {
    let ends = |place: &usize| {
        let tag = inside.get(*place..).unwrap_or_default();
        let close = tag.get(..4).unwrap_or_default();
        close.eq_ignore_ascii_case(b"</td")
            || close.eq_ignore_ascii_case(b"</th")
            || close.eq_ignore_ascii_case(b"</tr")
            || is_cell(Some(tag))
            || is_row(Some(tag))
    };
    memchr::memchr_iter(b'<', inside).find(ends).unwrap_or(inside.len())
}

/// The first text of a cell that is no tag.
fn markup_cell(content: &[u8], base: usize) -> Value {
    let mut at = 0_usize;
    loop {
        let rest = content.get(at..).unwrap_or_default();
        let length = memchr::memchr(b'<', rest).unwrap_or(rest.len());
        let raw = rest.get(..length).unwrap_or_default();
        let inner = raw.trim_ascii();
        if !inner.is_empty() || length == rest.len() {
            let lead = raw.len().saturating_sub(raw.trim_ascii_start().len());
            let start = base.saturating_add(at).saturating_add(lead.min(raw.len()));
            let bytes = unescape(inner, Escapes { xml: true, ..Escapes::default() }).bytes.into_owned();
            return Value { bytes, span: start..start.saturating_add(inner.len()) };
        }
        let tag = memchr::memchr(b'>', rest.get(length..).unwrap_or_default());
        let Some(tag) = tag else { return Value { bytes: Vec::new(), span: base..base } };
        at = at.saturating_add(length).saturating_add(tag).saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cells of the column of `name`, below it.
    fn column(text: &str, name: &str) -> Vec<String> {
        let at = text.find(name).expect("the name");
        let Some(table) = Table::below(text.as_bytes(), at) else { return Vec::new() };
        let cell = |row: &Vec<Value>| row[table.column].clone();
        for row in &table.rows {
            let Value { bytes, span } = cell(row);
            let raw = &text[span];
            assert!(raw.as_bytes() == bytes || raw.contains(['"', '&']), "{raw}");
        }
        table.rows.iter().map(|row| cell(row).text().into_owned()).collect()
    }

    #[test]
    fn columns_of_every_form() {
        let csv =
            "name,url,username,password\nx,https://x.io/,ana,a\"b\ny,https://y.io/,\"b,c\",\"p\"\"q,r\"\n";
        assert_eq!(column(csv, "password"), ["a\"b", "p\"q,r"]);
        let semicolons = "\"Account\";\"Password\"\r\n\"x\";\"one\"\r\n\r\n\"y\";\"two\"\r\n";
        assert_eq!(column(semicolons, "Password"), ["one"]);
        let markdown = "| Host | User | Password |\n|:--|---|--:|\n| a | b | `c\\|d` |\n| e | f | **g** |\n\n| h | i | j |\n";
        assert_eq!(column(markdown, "Password"), ["c\\|d", "g"]);
        let html = "<table><tr><th>User</th><th>Password</th></tr>\n<tr class=x><td>a</td><td><code>b&amp;c</code></td></tr><tr><td>d<td>e</tr></table><table><tr><td>f</td><td>g</td></tr></table>";
        assert_eq!(column(html, "Password"), ["b&c", "e"]);
        let blanks = "# client\tserver\tsecret\tIP addresses\n# none\nana  *  \"p q\"  *\nben * r *\n";
        assert_eq!(column(blanks, "secret"), ["p q", "r"]);
    }

    #[test]
    fn what_is_no_table() {
        for text in [
            "password",
            "password\n",
            "user,password",
            "user,password\n\n\n",
            "<th>password",
            "<tr><th>password</th></tr>",
        ] {
            assert!(column(text, "password").is_empty(), "{text}");
        }
        let long = format!("user,password\n{}\nana,x\n", "y,".repeat(MAX_ROW));
        assert_eq!(column(&long, "password"), ["x"]);
        let many = format!("user,password\n{}", "a,b\n".repeat(1000));
        assert_eq!(column(&many, "password").len(), MAX_ROWS);
    }
}
