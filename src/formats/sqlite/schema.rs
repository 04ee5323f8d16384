//! What the schema says of a table: its root page and the names of its columns.
//!
//! Facts: "CREATE TABLE" of sqlite.org, and section 2.4 of the file format ("WITHOUT
//! ROWID": the columns of the primary key come first). The statement is not understood
//! further: where a name cannot be told, it is absent.

use super::Row;

/// The longest statement that is read for names.
const MAX_STATEMENT: usize = 1 << 20;
/// No table has more columns.
const MAX_COLUMNS: usize = 32_767;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its root page.
    pub root: u32,
    /// The names of its columns, in the order in which a record has them.
    pub columns: Vec<String>,
}

impl Table {
    /// The table of which a row of `sqlite_schema` tells, texts in the given encoding;
    /// `None` where it tells of an index or the like.
    #[must_use]
    pub fn of(row: &Row, encoding: super::Encoding) -> Option<Self> {
        let text = |column| {
            let bytes = encoding.decode(row.column(column)?).into_owned();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        if text(0)? != "table" {
            return None;
        }
        let root = u32::try_from(row.integer(3)?).ok().filter(|root| *root > 0)?;
        let columns = text(4).map(|statement| columns(&statement)).unwrap_or_default();
        Some(Self { name: text(1)?, root, columns })
    }
}

/// The names of the columns of a table by the statement that makes it, as records have
/// them.
#[must_use]
pub fn columns(statement: &str) -> Vec<String> {
    let tokens = if statement.len() <= MAX_STATEMENT { tokens(statement) } else { Vec::new() };
    let Some(open) = tokens.iter().position(|token| *token == Token::Word("(")) else { return Vec::new() };
    let mut columns: Vec<(String, bool)> = Vec::new();
    let mut key: Vec<String> = Vec::new();
    let mut definition: Vec<(usize, &Token<'_>)> = Vec::new();
    let mut depth = 0_usize;
    let mut rest = tokens.get(open.saturating_add(1)..).unwrap_or_default().iter();
    for token in rest.by_ref() {
        match token {
            Token::Word("(") => depth = depth.saturating_add(1),
            Token::Word(")") if depth == 0 => break,
            Token::Word(")") => depth = depth.saturating_sub(1),
            Token::Word(",") if depth == 0 => {
                define(&definition, &mut columns, &mut key);
                definition.clear();
                continue;
            }
            _ => {}
        }
        definition.push((depth, token));
    }
    define(&definition, &mut columns, &mut key);
    columns.truncate(MAX_COLUMNS);
    let without = rest
        .as_slice()
        .windows(2)
        .any(|pair| pair.iter().zip(["without", "rowid"]).all(|(token, word)| token.is(word)));
    if without {
        let place =
            |name: &str| key.iter().position(|part| part.eq_ignore_ascii_case(name)).unwrap_or(usize::MAX);
        columns.sort_by_key(|(name, _)| place(name));
    }
    columns.into_iter().filter(|(_, stored)| *stored).map(|(name, _)| name).collect()
}

/// Takes the definition of a column or of a constraint. A column that is computed when
/// it is read is not stored.
fn define(definition: &[(usize, &Token<'_>)], columns: &mut Vec<(String, bool)>, key: &mut Vec<String>) {
    let Some((_, first)) = definition.first() else { return };
    let top = |word: &str| definition.iter().skip(1).any(|(depth, token)| *depth == 0 && token.is(word));
    let is_key = definition.windows(2).any(|pair| {
        pair.iter().zip(["primary", "key"]).all(|((depth, token), word)| *depth == 0 && token.is(word))
    });
    let constraints = ["constraint", "primary", "unique", "check", "foreign"];
    if constraints.iter().any(|word| first.is(word)) {
        if is_key {
            let inside =
                definition.iter().filter(|(depth, token)| *depth == 1 && **token != Token::Word("("));
            let mut expected = true;
            for (_, token) in inside {
                if std::mem::take(&mut expected) {
                    key.push(token.name());
                }
                expected = **token == Token::Word(",");
            }
        }
        return;
    }
    let name = first.name();
    if is_key {
        key.push(name.clone());
    }
    let computed = definition
        .windows(2)
        .any(|pair| matches!(pair, [(0, token), (1, open)] if token.is("as") && **open == Token::Word("(")));
    columns.push((name, !computed || top("stored")));
}

/// A token of SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'s> {
    /// A word as it stands, or a sign.
    Word(&'s str),
    /// A name or text in quotes, without them.
    Quoted(String),
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(text) if text.eq_ignore_ascii_case(word))
    }

    fn name(&self) -> String {
        match self {
            Self::Word(text) => (*text).to_owned(),
            Self::Quoted(text) => text.clone(),
        }
    }
}

fn tokens(statement: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = statement;
    while let Some(first) = rest.chars().next() {
        let after = |length: usize| rest.get(length..).unwrap_or_default();
        if first.is_whitespace() {
            rest = rest.trim_start();
            continue;
        }
        if rest.starts_with("--") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        }
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
            continue;
        }
        let close = match first {
            '"' | '\'' | '`' => Some(first),
            '[' => Some(']'),
            _ => None,
        };
        if let Some(close) = close {
            let (text, length) = quoted(after(1), close);
            tokens.push(Token::Quoted(text));
            rest = after(length.saturating_add(1));
            continue;
        }
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
        let length = if word == 0 { first.len_utf8() } else { word };
        tokens.push(Token::Word(rest.get(..length).unwrap_or_default()));
        rest = after(length);
    }
    tokens
}

/// What stands up to the closing quote, which is doubled within, and how long that is
/// with the quote.
fn quoted(text: &str, close: char) -> (String, usize) {
    let mut name = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        if char != close {
            name.push(char);
            continue;
        }
        match chars.peek() {
            Some((_, next)) if *next == close && close != ']' => {
                name.push(char);
                chars.next();
            }
            _ => return (name, at.saturating_add(close.len_utf8())),
        }
    }
    (name, text.len())
}
