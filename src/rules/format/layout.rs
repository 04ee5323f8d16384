//! A TOML document → its canonical text.

use std::fmt::Write as _;

use toml_edit::{Array, Decor, DocumentMut, InlineTable, Item, Key, RawString, Table, Value};

use super::quote;

/// The longest line of an array, in characters.
const WIDTH: usize = 110;
/// Keys in the order in which they stand, whatever table they are in. Others follow,
/// in the order in which they stood.
const ORDER: &[&str] = &[
    // A target, a pack and a rule.
    "kind",
    "id",
    "name",
    "type",
    "provider",
    "category",
    "severity",
    "confidence",
    "description",
    "version",
    "remediation",
    "references",
    // How it is found. A context and a companion begin with their pattern too.
    "pattern",
    "text",
    "secret",
    "literals",
    "max_length",
    "not_before",
    "not_after",
    "public_prefix",
    "priority",
    "checks",
    "within",
    "lines",
    "side",
    "mode",
    "required",
    "values",
    "patterns",
    "blake3",
    "sha256",
    "path",
    "as",
    "attributes",
    // The tables of a file and of a rule.
    "pack",
    "rule",
    "context",
    "nearby",
    "ignore",
    "place",
    "target",
    "validity",
    "example",
    "counter_example",
];

pub(super) fn document(document: &DocumentMut) -> String {
    let mut layout = Layout { out: String::new() };
    layout.body(document.as_table(), "");
    let end = Comments::of(Some(document.trailing()));
    if !end.lines.is_empty() {
        layout.blank();
        layout.comments(&end);
    }
    layout.out
}

struct Layout {
    out: String,
}

/// How a string is written.
#[derive(Clone, Copy)]
enum Style {
    Line,
    Expression,
    Prose,
}

impl Style {
    fn of(key: &str) -> Self {
        match key {
            "pattern" | "patterns" => Self::Expression,
            "description" | "remediation" => Self::Prose,
            _ => Self::Line,
        }
    }
}

impl Layout {
    /// The keys of a table, then the tables in it. The parser bounds their depth.
    fn body(&mut self, table: &Table, path: &str) {
        let mut values = table.get_values();
        values.sort_by_key(|(keys, _)| keys.first().map_or(usize::MAX, |key| rank(key.get())));
        for (number, (keys, value)) in values.into_iter().enumerate() {
            let Some(last) = keys.last() else { continue };
            let before = Comments::of(last.leaf_decor().prefix());
            if before.blank && !before.lines.is_empty() && number > 0 {
                self.blank();
            }
            self.comments(&before);
            let name = keys.iter().map(|key| bare(key)).collect::<Vec<_>>().join(".");
            let start = format!("{name} = ");
            let text = value_text(value, Style::of(last.get()), start.chars().count(), 0, last.get());
            let _ = write!(self.out, "{start}{text}");
            self.out.push_str(&trailing(value.decor()));
            self.out.push('\n');
        }
        let mut inner: Vec<(&str, &Item)> = table.iter().collect();
        inner.sort_by_key(|(name, _)| rank(name));
        for (name, item) in inner {
            let key = table.key(name).map_or_else(|| quote::line(name), bare);
            let path = if path.is_empty() { key } else { format!("{path}.{key}") };
            match item {
                Item::Table(table) if !table.is_dotted() => {
                    if !table.is_implicit() {
                        self.header(table.decor(), &format!("[{path}]"));
                    }
                    self.body(table, &path);
                }
                Item::ArrayOfTables(tables) => {
                    for table in tables {
                        self.header(table.decor(), &format!("[[{path}]]"));
                        self.body(table, &path);
                    }
                }
                _ => {}
            }
        }
    }

    fn header(&mut self, decor: &Decor, header: &str) {
        self.blank();
        self.comments(&Comments::of(decor.prefix()));
        self.out.push_str(header);
        self.out.push_str(&trailing(decor));
        self.out.push('\n');
    }

    /// An empty line, unless there is one or nothing is before it.
    fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn comments(&mut self, comments: &Comments<'_>) {
        for line in &comments.lines {
            self.out.push_str(line);
            self.out.push('\n');
        }
    }
}

/// What stands before a key or a header.
struct Comments<'t> {
    /// Whether an empty line comes first.
    blank: bool,
    /// Comments, and single empty lines between and after them.
    lines: Vec<&'t str>,
}

impl<'t> Comments<'t> {
    fn of(text: Option<&'t RawString>) -> Self {
        let text = text.and_then(RawString::as_str).unwrap_or_default();
        let mut lines: Vec<&str> = Vec::new();
        // What follows the last line break is the indent of the key.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let whole =
            if text.ends_with('\n') || whole.is_empty() && !text.trim().is_empty() { text } else { whole };
        for line in whole.lines().map(str::trim) {
            let blank_again = line.is_empty() && lines.last().is_none_or(|last| last.is_empty());
            if !blank_again {
                lines.push(line);
            }
        }
        Self {
            blank: text.lines().next().is_some_and(|line| line.trim().is_empty()) && text.contains('\n'),
            lines,
        }
    }
}

/// The comment on the same line.
fn trailing(decor: &Decor) -> String {
    let text = decor.suffix().and_then(RawString::as_str).unwrap_or_default().trim();
    if text.is_empty() { String::new() } else { format!(" {text}") }
}

fn rank(key: &str) -> usize {
    ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len())
}

/// A key, in quotes only where it needs them.
fn bare(key: &Key) -> String {
    let name = key.get();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(plain) { name.to_owned() } else { quote::line(name) }
}

/// A value that starts at a column, on lines that are indented so far.
fn value_text(value: &Value, style: Style, column: usize, indent: usize, key: &str) -> String {
    match value {
        Value::String(string) => {
            let written = string.as_repr().and_then(|repr| repr.as_raw().as_str()).unwrap_or_default();
            let several = written.starts_with("'''") || written.starts_with("\"\"\"");
            string_text(string.value(), style, several, column)
        }
        Value::Integer(number) => written(number.as_repr(), number.value()),
        Value::Float(number) => written(number.as_repr(), number.value()),
        Value::Boolean(value) => value.value().to_string(),
        Value::Datetime(time) => written(time.as_repr(), time.value()),
        Value::Array(array) => array_text(array, style, column, indent, key),
        Value::InlineTable(table) => table_text(table),
    }
}

fn written(repr: Option<&toml_edit::Repr>, value: &impl ToString) -> String {
    repr.and_then(|repr| repr.as_raw().as_str()).map_or_else(|| value.to_string(), str::to_owned)
}

/// `several`: it is written as a string that may have several lines.
fn string_text(text: &str, style: Style, several: bool, column: usize) -> String {
    match style {
        Style::Expression => quote::raw(text),
        Style::Prose => {
            let short = quote::line(text);
            if text.contains('\n') || column + short.chars().count() > WIDTH {
                quote::lines(text)
            } else {
                short
            }
        }
        Style::Line if several && text.contains('\n') => quote::lines(text),
        Style::Line => quote::line(text),
    }
}

/// The text between two values of an array.
fn between(raw: Option<&RawString>) -> (Option<&str>, Vec<&str>) {
    let text = raw.and_then(RawString::as_str).unwrap_or_default();
    let (same_line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let comment = |line: &str| line.trim().starts_with('#');
    let same_line = Some(same_line.trim()).filter(|line| comment(line));
    (same_line, rest.lines().map(str::trim).filter(|line| comment(line)).collect())
}

/// Whether there is a comment anywhere within.
fn has_comment(value: &Value) -> bool {
    let comment =
        |raw: Option<&RawString>| raw.and_then(RawString::as_str).is_some_and(|text| text.contains('#'));
    match value {
        Value::Array(array) => {
            comment(Some(array.trailing()))
                || array.iter().any(|item| {
                    comment(item.decor().prefix()) || comment(item.decor().suffix()) || has_comment(item)
                })
        }
        _ => false,
    }
}

/// A value on one line, but for strings that need several.
fn flat(value: &Value, style: Style) -> String {
    match value {
        Value::Array(array) => {
            let items: Vec<String> = array.iter().map(|item| flat(item, style)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::InlineTable(table) => table_text(table),
        other => value_text(other, style, 0, 0, ""),
    }
}

fn array_text(array: &Array, style: Style, column: usize, indent: usize, key: &str) -> String {
    // Checks and references are read one by one.
    let listed = array.len() > 1 && matches!(key, "checks" | "references");
    let whole = Value::Array(array.clone());
    if !listed && !has_comment(&whole) {
        let one = flat(&whole, style);
        if array.is_empty() || !one.contains('\n') && column + one.chars().count() <= WIDTH {
            return one;
        }
    }
    let mut out = String::from("[");
    let margin = format!("\n{}", " ".repeat(indent + 2));
    let comments = |out: &mut String, raw: Option<&RawString>| {
        let (same_line, own_lines) = between(raw);
        same_line.into_iter().for_each(|comment| out.push_str(&format!(" {comment}")));
        own_lines.into_iter().for_each(|comment| out.push_str(&format!("{margin}{comment}")));
    };
    for item in array {
        comments(&mut out, item.decor().prefix());
        let text = value_text(item, style, indent + 2, indent + 2, "");
        out.push_str(&format!("{margin}{text},"));
        comments(&mut out, item.decor().suffix());
    }
    comments(&mut out, Some(array.trailing()));
    out.push_str(&format!("\n{}]", " ".repeat(indent)));
    out
}

/// Always on one line: a comment in it is found to be missing afterwards.
fn table_text(table: &InlineTable) -> String {
    let entries: Vec<String> = table
        .get_values()
        .into_iter()
        .map(|(keys, value)| {
            let name = keys.iter().map(|key| bare(key)).collect::<Vec<_>>().join(".");
            let text = match value {
                Value::String(string) => quote::line(string.value()),
                other => flat(other, Style::Line),
            };
            format!("{name} = {text}")
        })
        .collect();
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}
