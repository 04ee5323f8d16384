//! Settings in brackets: JSON objects, dictionaries, arrays and objects of Python,
//! PHP, Ruby and JavaScript, YAML's flow mappings, arguments by name, `define()`.
//!
//! The text is cut into strings, words and marks; nothing is parsed that would
//! need a grammar. A part of a file may begin in the middle of anything, so reading
//! begins at a line, where no string is open.

use std::ops::Range;

use super::lines::{quoted_length, unquote};
use super::role::Named;
use super::{MAX_ITEMS, Setting, Settings, Syntax, in_name, text_of};
use crate::formats::connection_string::Value;

/// The most brackets that are kept open.
const MAX_DEPTH: usize = 256;
/// The longest string inside a string.
const MAX_INNER: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text(u8),
    Word,
    Open,
    Close,
    Comma,
    /// `:`, `=`, `=>`, `:=`.
    Separator,
    End,
    Other,
}

struct Token {
    kind: Kind,
    /// The content: of a string, without its quotes.
    span: Range<usize>,
    /// Which pair of brackets it stands in.
    group: usize,
}

/// The settings in the brackets that hold `at`, none before `left`.
pub(super) fn read(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    let (items, parents) = all(text, left, at);
    let (_, group) = items.iter().rfind(|(item, _)| item.span.start <= at && at <= item.span.end)?;
    let group = *group;
    let holder = parents.get(group).and_then(|(_, name)| name.as_ref()).map(|(name, _)| name.clone());
    let items = items.into_iter().filter(|(_, of)| *of == group).map(|(item, _)| item).collect();
    Settings::of(Syntax::Brackets, holder, items, at)
}

/// All settings near `at`, whichever brackets they stand in.
pub(super) fn read_near(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    let (items, _) = all(text, left, at);
    let items: Vec<Setting> = items.into_iter().map(|(item, _)| item).collect();
    Settings::of(Syntax::Brackets, None, items, at)
}

/// A group's parent, and the name before its bracket with its place.
type Parent = (usize, Option<(String, usize)>);

fn all(text: &[u8], left: usize, at: usize) -> (Vec<(Setting, usize)>, Vec<Parent>) {
    let start = first_line(text, left, at);
    let (tokens, parents) = tokens(text, start);
    let mut items: Vec<(Setting, usize)> = Vec::new();
    for index in 0..tokens.len() {
        if items.len() >= MAX_ITEMS {
            break;
        }
        let window = tokens.get(index..).unwrap_or_default();
        let setting = pair(text, window)
            .or_else(|| typed(text, window))
            .or_else(|| subscript(text, window))
            .or_else(|| define(text, window));
        items.extend(setting);
    }
    named_values(&mut items, &parents);
    (items, parents)
}

/// Where to begin: no string is open at the start of a line, nor before the name
/// of an object on one long line.
fn first_line(text: &[u8], left: usize, at: usize) -> usize {
    if left == 0 {
        return 0;
    }
    let before = text.get(left..at).unwrap_or_default();
    if let Some(newline) = memchr::memchr(b'\n', before) {
        return left.saturating_add(newline).saturating_add(1);
    }
    let marks = before.windows(2).position(|pair| matches!(pair, [b'{' | b',', b'"']));
    marks.map_or(left, |place| left.saturating_add(place))
}

fn tokens(text: &[u8], start: usize) -> (Vec<Token>, Vec<Parent>) {
    let mut tokens: Vec<Token> = Vec::new();
    let mut parents: Vec<Parent> = vec![(0, None)];
    let mut open = vec![0_usize];
    let mut at = start;
    while let Some(byte) = text.get(at).copied() {
        let rest = text.get(at..).unwrap_or_default();
        let group = open.last().copied().unwrap_or(0);
        let mut push = |kind, span| tokens.push(Token { kind, span, group });
        let mut length = 1_usize;
        match byte {
            b'"' | b'\'' | b'`' => {
                let content = rest.get(1..).unwrap_or_default();
                let line = memchr::memchr(b'\n', content).unwrap_or(content.len());
                let string = content.get(..line).and_then(|line| quoted_length(line, byte));
                // `"{\"name\":` holds settings: its own quotes are passed over.
                let holds = |length: &usize| {
                    let string = content.get(..*length).unwrap_or_default();
                    string.starts_with(b"{\\\"") || string.starts_with(b"[{\\\"")
                };
                let string = string.filter(|length| byte != b'"' || !holds(length));
                if let Some(string) = string {
                    let first = at.saturating_add(1);
                    push(Kind::Text(byte), first..first.saturating_add(string));
                    length = string.saturating_add(2);
                }
            }
            // A string of JSON in a string of JSON: `\"name\":\"value\"`.
            b'\\' if rest.starts_with(b"\\\"") => {
                let content = rest.get(2..).unwrap_or_default();
                let content = content.get(..content.len().min(MAX_INNER)).unwrap_or_default();
                if let Some(string) = inner_length(content) {
                    let first = at.saturating_add(2);
                    push(Kind::Text(b'\\'), first..first.saturating_add(string));
                    length = string.saturating_add(4);
                }
            }
            b'{' | b'[' | b'(' => {
                push(Kind::Open, at..at.saturating_add(1));
                let name = holder_name(text, &tokens);
                parents.push((group, name));
                if open.len() < MAX_DEPTH {
                    open.push(parents.len().saturating_sub(1));
                }
            }
            b'}' | b']' | b')' => {
                push(Kind::Close, at..at.saturating_add(1));
                open.pop();
                if open.is_empty() {
                    // It was opened before the start: what follows is another group.
                    parents.push((0, None));
                    open.push(parents.len().saturating_sub(1));
                }
            }
            b',' => push(Kind::Comma, at..at.saturating_add(1)),
            b';' | b'\n' => push(Kind::End, at..at.saturating_add(1)),
            // `a#9` is a word, ` # note` a comment.
            b'#' if at
                .checked_sub(1)
                .and_then(|at| text.get(at))
                .is_none_or(|byte| !byte.is_ascii_alphanumeric()) =>
            {
                length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            }
            b'/' if rest.starts_with(b"//") => length = memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
            b'/' if rest.starts_with(b"/*") => {
                length = memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end.saturating_add(2));
            }
            b'=' | b':' => {
                let run = rest.iter().take_while(|byte| matches!(byte, b'=' | b':' | b'>')).count();
                let kind = match rest.get(..run).unwrap_or_default() {
                    b"=" | b":" | b"=>" | b":=" => Kind::Separator,
                    _ => Kind::Other,
                };
                push(kind, at..at.saturating_add(run));
                length = run;
            }
            b' ' | b'\t' | b'\r' => {}
            byte if in_name(byte) || byte >= 0x80 => {
                length = rest.iter().take_while(|byte| in_name(**byte) || **byte >= 0x80).count();
                push(Kind::Word, at..at.saturating_add(length));
            }
            _ => push(Kind::Other, at..at.saturating_add(1)),
        }
        at = at.saturating_add(length.max(1));
    }
    (tokens, parents)
}

/// The length of a string that ends at `\"`; what it escapes has more backslashes.
fn inner_length(content: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(content, b"\\\"").find(|end| {
        let before = content.get(..*end).unwrap_or_default();
        before.iter().rev().take_while(|byte| **byte == b'\\').count() % 4 == 0
    })
}

/// The name to which a bracket that was just read belongs: `"name": {`, `name(`.
fn holder_name(text: &[u8], tokens: &[Token]) -> Option<(String, usize)> {
    let mut before = tokens.iter().rev().skip(1);
    let mut token = before.next()?;
    if token.kind == Kind::Separator {
        token = before.next()?;
    }
    matches!(token.kind, Kind::Text(_) | Kind::Word)
        .then(|| (text_of(text.get(token.span.clone()).unwrap_or_default()), token.span.start))
}

/// `name: value`, `"name" => "value"`, `name = "value"`.
fn pair(text: &[u8], tokens: &[Token]) -> Option<(Setting, usize)> {
    let [name, separator, rest @ ..] = tokens else { return None };
    if !matches!(name.kind, Kind::Text(_) | Kind::Word) || separator.kind != Kind::Separator {
        return None;
    }
    let value = value(rest).or_else(|| word(name, separator, rest))?;
    // `password="x"`, `password: 'x'`: an argument, a statement, an object of a
    // program. Without quotes it is a flow mapping.
    // A name without a digit is a variable.
    let variable =
        |span: Range<usize>| !text.get(span).is_some_and(|word| word.iter().any(u8::is_ascii_digit));
    // A bare word right after the mark is one of a command or a list: `NAME=value`.
    let ends_line = rest.get(1).is_none_or(|next| !matches!(next.kind, Kind::Comma | Kind::Close));
    let quote = usize::from(value.kind != Kind::Word);
    let tight =
        name.span.end == separator.span.start && separator.span.end.saturating_add(quote) == value.span.start;
    let command = text.get(separator.span.clone()) == Some(b"=") && tight && ends_line;
    let statement = !command && (text.get(separator.span.clone()) == Some(b"=") || value.kind != Kind::Word)
        || value.kind == Kind::Word && variable(value.span.clone());
    Some((setting(text, name, value, statement && name.kind == Kind::Word), name.group))
}

/// `name: string = "value"`, `param name string = 'value'`.
fn typed(text: &[u8], tokens: &[Token]) -> Option<(Setting, usize)> {
    let (name, rest) = match tokens {
        [name, separator, kind, rest @ ..]
            if separator.kind == Kind::Separator && is_string_type(text, kind) =>
        {
            (name, rest)
        }
        [name, kind, rest @ ..] if is_string_type(text, kind) => (name, rest),
        _ => return None,
    };
    let [separator, rest @ ..] = rest else { return None };
    if name.kind != Kind::Word || separator.kind != Kind::Separator {
        return None;
    }
    let value = value(rest).filter(|value| value.kind != Kind::Word)?;
    Some((setting(text, name, value, true), name.group))
}

fn is_string_type(text: &[u8], token: &Token) -> bool {
    let word = text.get(token.span.clone()).unwrap_or_default();
    token.kind == Kind::Word && (word.eq_ignore_ascii_case(b"string") || word == b"str")
}

/// `$options['name'] = "value"`.
fn subscript(text: &[u8], tokens: &[Token]) -> Option<(Setting, usize)> {
    let [open, name, close, separator, rest @ ..] = tokens else { return None };
    let shape = open.kind == Kind::Open
        && matches!(name.kind, Kind::Text(_))
        && close.kind == Kind::Close
        && separator.kind == Kind::Separator;
    if !shape {
        return None;
    }
    Some((setting(text, name, value(rest)?, true), open.group))
}

/// Functions that are given a name and its value, or what stands in its place.
const CALLS: [&[u8]; 12] = [
    b"define",
    b"getenv",
    b"get",
    b"env",
    b"config",
    b"setdefault",
    b"putenv",
    b"put",
    b"set",
    b"setproperty",
    b"getproperty",
    b"lookup",
];

/// `define('NAME', 'value')`, `os.getenv("NAME", "value")`.
fn define(text: &[u8], tokens: &[Token]) -> Option<(Setting, usize)> {
    let [word, open, name, comma, rest @ ..] = tokens else { return None };
    let called = text.get(word.span.clone()).unwrap_or_default();
    let called = called.rsplit(|byte| matches!(byte, b'.' | b'>')).next().unwrap_or_default();
    let shape = word.kind == Kind::Word
        && CALLS.iter().any(|call| called.eq_ignore_ascii_case(call))
        && open.kind == Kind::Open
        && matches!(name.kind, Kind::Text(_))
        && comma.kind == Kind::Comma;
    if !shape {
        return None;
    }
    let code = !called.eq_ignore_ascii_case(b"define");
    Some((setting(text, name, value(rest)?, code), word.group))
}

/// A string or word that stands alone.
fn value(tokens: &[Token]) -> Option<&Token> {
    let [value, rest @ ..] = tokens else { return None };
    if !matches!(value.kind, Kind::Text(_) | Kind::Word) {
        return None;
    }
    let ends = rest.first().is_none_or(|next| matches!(next.kind, Kind::Comma | Kind::Close | Kind::End));
    ends.then_some(value)
}

/// A word of a command: `-e NAME=value`, where a blank ends the value.
fn word<'a>(name: &Token, separator: &Token, rest: &'a [Token]) -> Option<&'a Token> {
    let [value, next, ..] = rest else { return None };
    let quote = usize::from(matches!(value.kind, Kind::Text(_)));
    let start = value.span.start.saturating_sub(quote);
    let end = value.span.end.saturating_add(quote);
    let tight =
        name.kind == Kind::Word && name.span.end == separator.span.start && separator.span.end == start;
    let apart = next.span.start > end.saturating_add(usize::from(matches!(next.kind, Kind::Text(_))));
    let words = [value, next].iter().all(|token| matches!(token.kind, Kind::Text(_) | Kind::Word));
    (tight && apart && words).then_some(value)
}

fn setting(text: &[u8], name: &Token, value: &Token, code: bool) -> Setting {
    let raw = text.get(value.span.clone()).unwrap_or_default();
    let (bytes, quoted) = match value.kind {
        Kind::Text(b'\\') => (unquote(&unquote(raw, b'"'), b'"'), true),
        Kind::Text(quote) => (unquote(raw, quote), true),
        _ => (raw.to_vec(), false),
    };
    Setting {
        name: text_of(text.get(name.span.clone()).unwrap_or_default()),
        value: Value { bytes, span: value.span.clone() },
        span: name.span.start..value.span.end,
        quoted,
        code,
        indented: false,
    }
}

/// `{"name": "X", "value": "Y"}` is the setting X of the enclosing brackets.
fn named_values(items: &mut Vec<(Setting, usize)>, parents: &[Parent]) {
    let mut joined = Vec::new();
    let mut parts = Vec::new();
    let mut name: Option<(&Setting, usize)> = None;
    for (item, group) in items.iter() {
        let lower = item.name.to_ascii_lowercase();
        if matches!(lower.as_str(), "name" | "key") {
            name = Some((item, *group));
            continue;
        }
        if !matches!(lower.as_str(), "value" | "defaultvalue" | "default") {
            continue;
        }
        let (parent, holder) = match parents.get(*group) {
            Some((parent, holder)) => (*parent, holder.as_ref()),
            None => (0, None),
        };
        if let Some((named, _)) = name.filter(|(_, of)| of == group) {
            let setting = Setting {
                name: named.value.text().into_owned(),
                value: item.value.clone(),
                span: named.span.start..item.span.end,
                quoted: item.quoted,
                code: false,
                indented: false,
            };
            parts.extend([named.span.start, item.span.start]);
            joined.push((setting, parent));
        } else if let Some((name, start)) = holder.filter(|(name, _)| Named::of(name).is_some()) {
            // `"name": {"value": "x"}`, `variable "name" { default = "x" }`.
            let span = *start..item.span.end;
            let setting = Setting { name: name.clone(), span, code: false, ..item.clone() };
            parts.push(item.span.start);
            joined.push((setting, parent));
        }
    }
    items.retain(|(item, _)| !parts.contains(&item.span.start));
    items.extend(joined);
    items.sort_by_key(|(item, _)| (item.span.start, std::cmp::Reverse(item.span.end)));
}
