//! Settings in brackets: JSON objects, dictionaries, arrays and objects of Python,
//! PHP, Ruby and JavaScript, YAML's flow mappings, arguments by name, `define()`.
//!
//! The text is cut into strings, words and marks; nothing is parsed that would
//! need a grammar. A part of a file may begin in the middle of anything, so reading
//! begins at a line, where no string is open.

use std::borrow::Cow;
use std::ops::Range;

use super::quotes::{quoted_length, unquote};
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

/// A string or word: how it is written, and its content's place.
#[derive(Clone)]
struct Part {
    kind: Kind,
    span: Range<usize>,
}

/// A setting whose name and value are still where they were written: most of those
/// near a place stand in other brackets and are not asked for.
struct Item {
    name: Part,
    value: Part,
    span: Range<usize>,
    code: bool,
    /// Which pair of brackets it stands in.
    group: usize,
}

impl Item {
    fn of(name: &Token, value: &Token, code: bool, group: usize) -> Self {
        Self {
            name: Part { kind: Kind::Word, span: name.span.clone() },
            value: Part { kind: value.kind, span: value.span.clone() },
            span: name.span.start..value.span.end,
            code,
            group,
        }
    }

    fn holds(&self, at: usize) -> bool {
        self.span.start <= at && at <= self.span.end
    }

    fn setting(&self, text: &[u8]) -> Setting {
        Setting {
            name: text_of(&self.name.bytes(text)),
            value: Value { bytes: self.value.bytes(text).into_owned(), span: self.value.span.clone() },
            span: self.span.clone(),
            quoted: self.value.kind != Kind::Word,
            code: self.code,
            indented: false,
        }
    }
}

impl Part {
    fn raw<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        text.get(self.span.clone()).unwrap_or_default()
    }

    /// The content with its escapes undone.
    fn bytes<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let raw = self.raw(text);
        match self.kind {
            Kind::Text(b'\\') => Cow::Owned(unquote(&unquote(raw, b'"'), b'"')),
            Kind::Text(quote) => Cow::Owned(unquote(raw, quote)),
            _ => Cow::Borrowed(raw),
        }
    }
}

/// The settings in the brackets that hold `at`, none before `left`.
pub(super) fn read(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    let (items, parents) = all(text, left, at);
    let group = items.iter().rfind(|item| item.holds(at))?.group;
    let holder = parents.get(group).and_then(|parent| parent.name.clone());
    let holder = holder.map(|name| text_of(text.get(name).unwrap_or_default()));
    let items = items.iter().filter(|item| item.group == group).map(|item| item.setting(text)).collect();
    Settings::of(Syntax::Brackets, holder, items, at)
}

/// All settings near `at`, whichever brackets they stand in.
pub(super) fn read_near(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    let (items, _) = all(text, left, at);
    if !items.iter().any(|item| item.holds(at)) {
        return None;
    }
    Settings::of(Syntax::Brackets, None, items.iter().map(|item| item.setting(text)).collect(), at)
}

/// The settings in the brackets that hold `at`, and in those inside them.
pub(super) fn read_nested(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    let (items, parents) = all(text, left, at);
    let group = items.iter().rfind(|item| item.holds(at))?.group;
    // The whole text is no object.
    if group == 0 {
        return None;
    }
    let is_inside = |mut inner: usize| {
        for _ in 0..MAX_DEPTH {
            if inner == group {
                return true;
            }
            match parents.get(inner) {
                Some(brackets) if inner != 0 => inner = brackets.parent,
                _ => break,
            }
        }
        false
    };
    let items = items.iter().filter(|item| is_inside(item.group)).map(|item| item.setting(text)).collect();
    Settings::of(Syntax::Brackets, None, items, at)
}

/// A pair of brackets.
struct Brackets {
    /// Those that hold it.
    parent: usize,
    /// The name before it.
    name: Option<Range<usize>>,
}

fn all(text: &[u8], left: usize, at: usize) -> (Vec<Item>, Vec<Brackets>) {
    let start = first_line(text, left, at);
    let (tokens, parents) = tokens(text, start);
    let mut items: Vec<Item> = Vec::new();
    for index in 0..tokens.len() {
        if items.len() >= MAX_ITEMS {
            break;
        }
        let window = tokens.get(index..).unwrap_or_default();
        let setting = pair(text, window)
            .or_else(|| typed(text, window))
            .or_else(|| subscript(window))
            .or_else(|| define(text, window))
            .or_else(|| setter(text, window))
            .or_else(|| listed(text, tokens.get(..index).unwrap_or_default(), window));
        items.extend(setting);
    }
    named_values(text, &mut items, &parents);
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

fn tokens(text: &[u8], start: usize) -> (Vec<Token>, Vec<Brackets>) {
    let mut tokens: Vec<Token> = Vec::new();
    let mut parents = vec![Brackets { parent: 0, name: None }];
    let mut open = vec![0_usize];
    let mut strings = Strings::default();
    let mut at = start;
    while let Some(byte) = text.get(at).copied() {
        let rest = text.get(at..).unwrap_or_default();
        let group = open.last().copied().unwrap_or(0);
        let mut push = |kind, span| tokens.push(Token { kind, span, group });
        let mut length = 1_usize;
        match byte {
            b'"' | b'\'' | b'`' => {
                let string = strings.length(text, at, byte);
                // `"{\"name\":` holds settings: its own quotes are passed over.
                let holds = |length: &usize| {
                    let string = rest.get(1..length.saturating_add(1)).unwrap_or_default();
                    string.starts_with(b"{\\\"") || string.starts_with(b"[{\\\"")
                };
                // So does the argument of a command: `'{"name": "value"}'`.
                let object = byte == b'\'' && (rest.starts_with(b"'{\"") || rest.starts_with(b"'[{\""));
                let string = string.filter(|length| !(object || byte == b'"' && holds(length)));
                if let Some(string) = string {
                    let first = at.saturating_add(1);
                    push(Kind::Text(byte), first..first.saturating_add(string));
                    length = string.saturating_add(2);
                }
            }
            // A string of JSON in a string of JSON: `\"name\":\"value\"`.
            b'\\' if rest.starts_with(b"\\\"") => {
                if let Some(string) = strings.inner_length(text, at) {
                    let first = at.saturating_add(2);
                    push(Kind::Text(b'\\'), first..first.saturating_add(string));
                    length = string.saturating_add(4);
                }
            }
            b'{' | b'[' | b'(' => {
                push(Kind::Open, at..at.saturating_add(1));
                let name = holder_name(&tokens);
                parents.push(Brackets { parent: group, name });
                if open.len() < MAX_DEPTH {
                    open.push(parents.len().saturating_sub(1));
                }
            }
            b'}' | b']' | b')' => {
                push(Kind::Close, at..at.saturating_add(1));
                open.pop();
                if open.is_empty() {
                    // It was opened before the start: what follows is another group.
                    parents.push(Brackets { parent: 0, name: None });
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
            // Not that of a URL.
            b'/' if rest.starts_with(b"//") && !text.get(..at).unwrap_or_default().ends_with(b":") => {
                length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            }
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

/// Where strings end, without looking twice for an end that is not there: text
/// that opens a string at every other byte would else be read as often.
#[derive(Default)]
struct Strings {
    /// The end of the line that was looked at last.
    line: usize,
    /// Up to where no string of each kind of quote is closed.
    open: [usize; 3],
    /// Up to where no string inside a string is closed.
    inner: usize,
}

impl Strings {
    /// The length of the string whose opening quote stands at `at`.
    fn length(&mut self, text: &[u8], at: usize, quote: u8) -> Option<usize> {
        let first = at.saturating_add(1);
        if first > self.line {
            let rest = text.get(first..)?;
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            self.line = first.saturating_add(length);
        }
        let open = match quote {
            b'"' => &mut self.open[0],
            b'\'' => &mut self.open[1],
            _ => &mut self.open[2],
        };
        // An escaped quote stands inside the string that was found open, and what
        // follows it was read as it would be read again.
        let before = text.get(..at)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        if *open == self.line && before % 2 == 1 {
            return None;
        }
        let length = quoted_length(text.get(first..self.line)?, quote);
        if length.is_none() {
            *open = self.line;
        }
        length
    }

    /// The length of the string that opens with the `\"` at `at` and ends at
    /// another one; what it escapes has more backslashes.
    fn inner_length(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let first = at.saturating_add(2);
        let last = first.saturating_add(MAX_INNER).min(text.len());
        // The last one that was looked at may have been cut in two.
        let from = self.inner.saturating_sub(1).max(first).min(last);
        let quotes = memchr::memchr_iter(b'"', text.get(from..last)?);
        let ends = quotes.filter_map(|quote| from.saturating_add(quote).checked_sub(1));
        let end = ends.filter(|end| *end >= from && text.get(*end) == Some(&b'\\')).find(|end| {
            let before = text.get(first..*end).unwrap_or_default();
            before.iter().rev().take_while(|byte| **byte == b'\\').count() % 4 == 0
        });
        if end.is_none() {
            self.inner = last;
        }
        end.map(|end| end.saturating_sub(first))
    }
}

/// The name to which a bracket that was just read belongs: `"name": {`, `name(`.
fn holder_name(tokens: &[Token]) -> Option<Range<usize>> {
    let mut before = tokens.iter().rev().skip(1);
    let mut token = before.next()?;
    if token.kind == Kind::Separator {
        token = before.next()?;
    }
    matches!(token.kind, Kind::Text(_) | Kind::Word).then(|| token.span.clone())
}

/// `name: value`, `"name" => "value"`, `name = "value"`.
fn pair(text: &[u8], tokens: &[Token]) -> Option<Item> {
    let [name, separator, rest @ ..] = tokens else { return None };
    if !matches!(name.kind, Kind::Text(_) | Kind::Word) || separator.kind != Kind::Separator {
        return None;
    }
    // The scheme of a URL is no name.
    if text.get(separator.span.end..).is_some_and(|rest| rest.starts_with(b"//")) {
        return None;
    }
    let value =
        value(rest).or_else(|| word(name, separator, rest)).or_else(|| noted(text, separator, rest))?;
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
    Some(Item::of(name, value, statement && name.kind == Kind::Word, name.group))
}

/// `name: string = "value"`, `param name string = 'value'`.
fn typed(text: &[u8], tokens: &[Token]) -> Option<Item> {
    let (name, rest) = match tokens {
        [name, separator, kind, rest @ ..]
            if separator.kind == Kind::Separator && is_string_type(text, kind) =>
        {
            (name, rest)
        }
        [name, kind, rest @ ..] if is_string_type(text, kind) => (name, rest),
        // `Dim name As String = "value"`.
        [name, word, kind, rest @ ..]
            if text.get(word.span.clone()).is_some_and(|word| word.eq_ignore_ascii_case(b"as"))
                && is_string_type(text, kind) =>
        {
            (name, rest)
        }
        // `name: &'static str = "value"`.
        [name, separator, mark, rest @ ..]
            if separator.kind == Kind::Separator && mark.kind == Kind::Other =>
        {
            let kind = rest.iter().take(3).position(|token| is_string_type(text, token))?;
            (name, rest.get(kind.saturating_add(1)..)?)
        }
        _ => return None,
    };
    let [separator, rest @ ..] = rest else { return None };
    if name.kind != Kind::Word || separator.kind != Kind::Separator {
        return None;
    }
    let value = value(rest).filter(|value| value.kind != Kind::Word)?;
    Some(Item::of(name, value, true, name.group))
}

fn is_string_type(text: &[u8], token: &Token) -> bool {
    let word = text.get(token.span.clone()).unwrap_or_default();
    token.kind == Kind::Word && (word.eq_ignore_ascii_case(b"string") || word == b"str")
}

/// `$options['name'] = "value"`.
fn subscript(tokens: &[Token]) -> Option<Item> {
    let [open, name, close, separator, rest @ ..] = tokens else { return None };
    let shape = open.kind == Kind::Open
        && matches!(name.kind, Kind::Text(_))
        && close.kind == Kind::Close
        && separator.kind == Kind::Separator;
    if !shape {
        return None;
    }
    Some(Item::of(name, value(rest)?, true, open.group))
}

/// `source.setPassword("value")`.
fn setter(text: &[u8], tokens: &[Token]) -> Option<Item> {
    let [word, open, value, close, ..] = tokens else { return None };
    let called = text.get(word.span.clone()).unwrap_or_default();
    let method = memchr::memrchr(b'.', called)?.saturating_add(1);
    let name = called.get(method..)?.strip_prefix(b"set")?;
    let shape = word.kind == Kind::Word
        && name.first().is_some_and(u8::is_ascii_uppercase)
        && open.kind == Kind::Open
        && matches!(value.kind, Kind::Text(_))
        && close.kind == Kind::Close;
    let start = word.span.start.saturating_add(method).saturating_add(3);
    shape.then(|| Item {
        name: Part { kind: Kind::Word, span: start..word.span.end },
        value: Part { kind: value.kind, span: value.span.clone() },
        span: start..value.span.end,
        code: true,
        group: word.group,
    })
}

/// `["NAME=value", "OTHER=value"]`: the environment of a container.
fn listed(text: &[u8], before: &[Token], tokens: &[Token]) -> Option<Item> {
    let [string, rest @ ..] = tokens else { return None };
    let before = before.iter().rev().find(|token| token.kind != Kind::End)?;
    let ends = rest.first().is_some_and(|next| matches!(next.kind, Kind::Comma | Kind::Close | Kind::End));
    if !matches!(string.kind, Kind::Text(_)) || !matches!(before.kind, Kind::Open | Kind::Comma) || !ends {
        return None;
    }
    let content = text.get(string.span.clone())?;
    let name = content.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let first = string.span.start.saturating_add(name);
    let value = first.saturating_add(1)..string.span.end;
    let is_setting = content.first().is_some_and(u8::is_ascii_alphabetic) && content.get(name) == Some(&b'=');
    (is_setting && !value.is_empty()).then_some(Item {
        name: Part { kind: Kind::Word, span: string.span.start..first },
        span: string.span.start..value.end,
        value: Part { kind: string.kind, span: value },
        code: false,
        group: string.group,
    })
}

/// Functions that are given a name and its value, or what stands in its place.
const CALLS: [&[u8]; 17] = [
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
    b"option",
    b"withproperty",
    b"setenv",
    b"setenvironmentvariable",
    b"fetch",
];

/// `define('NAME', 'value')`, `os.getenv("NAME", "value")`.
fn define(text: &[u8], tokens: &[Token]) -> Option<Item> {
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
    Some(Item::of(name, value(rest)?, code, word.group))
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

/// A word of a note: `user: value password: other`.
fn noted<'a>(text: &[u8], separator: &Token, rest: &'a [Token]) -> Option<&'a Token> {
    let [value, next, mark, ..] = rest else { return None };
    let colons = [separator, mark].iter().all(|mark| text.get(mark.span.clone()) == Some(b":"));
    let words = [value, next].iter().all(|token| token.kind == Kind::Word);
    (colons && words && next.span.start > value.span.end).then_some(value)
}

/// `{"name": "X", "value": "Y"}` is the setting X of the enclosing brackets.
fn named_values(text: &[u8], items: &mut Vec<Item>, parents: &[Brackets]) {
    let mut joined = Vec::new();
    let mut parts = Vec::new();
    let mut name: Option<&Item> = None;
    for item in items.iter() {
        let is_one_of = |words: &[&str]| {
            let name = item.name.raw(text);
            words.iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes()))
        };
        if is_one_of(&["name", "key"]) {
            name = Some(item);
            continue;
        }
        if !is_one_of(&["value", "defaultvalue", "default"]) {
            continue;
        }
        let (group, holder) = match parents.get(item.group) {
            Some(brackets) => (brackets.parent, brackets.name.clone()),
            None => (0, None),
        };
        if let Some(named) = name.filter(|named| named.group == item.group) {
            parts.extend([named.span.start, item.span.start]);
            joined.push(Item {
                name: named.value.clone(),
                value: item.value.clone(),
                span: named.span.start..item.span.end,
                code: false,
                group,
            });
        } else if let Some(name) = holder.filter(|name| is_role(text, name)) {
            // `"name": {"value": "x"}`, `variable "name" { default = "x" }`.
            parts.push(item.span.start);
            joined.push(Item {
                span: name.start..item.span.end,
                name: Part { kind: Kind::Word, span: name },
                value: item.value.clone(),
                code: false,
                group,
            });
        }
    }
    if joined.is_empty() {
        return;
    }
    items.retain(|item| !parts.contains(&item.span.start));
    items.extend(joined);
    items.sort_by_key(|item| (item.span.start, std::cmp::Reverse(item.span.end)));
}

/// Whether a name says something of a login.
fn is_role(text: &[u8], name: &Range<usize>) -> bool {
    Named::of(&text_of(text.get(name.clone()).unwrap_or_default())).is_some()
}
