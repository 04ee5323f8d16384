//! One line: a section, a parent, a comment, or settings, in whatever of these formats.

use std::ops::Range;

use super::super::quotes::{quoted_length, unquote};
use super::super::{MAX_ITEMS, Setting, in_name, text_of};
use super::MAX_LINE;
use crate::formats::connection_string::Value;
use crate::formats::escape::{Escapes, unescape};

/// The longest name.
const MAX_NAME: usize = 96;

/// What a line is.
pub(super) enum Line {
    /// Nothing, or a comment.
    Empty,
    /// `[section]`.
    Section(String),
    /// A name that what follows belongs to: `name:`, `name {`.
    Parent(usize, String),
    /// Settings.
    Settings(Row),
    /// Something else, with its indentation.
    Other(usize),
}

/// A line that holds settings: nearly always one.
pub(super) struct Row {
    /// The column of the name.
    pub(super) indent: usize,
    /// It begins an item of a list.
    pub(super) dash: bool,
    /// A comma follows.
    pub(super) comma: bool,
    /// The separator is a colon.
    pub(super) colon: bool,
    pub(super) items: Vec<Setting>,
}

/// Words that may stand before a name in a file of settings.
const PREFIXES: [&[u8]; 8] =
    [b"export ", b"set ", b"SET ", b"setx ", b"declare -x ", b"ENV ", b"ARG ", b"setenv "];
/// What may stand before a name in a program.
const CODE_PREFIXES: [&[u8]; 29] = [
    b"#define ",
    b"unsigned ",
    b"char ",
    b"$env:",
    b"$this->",
    b"this.",
    b"self.",
    b"$",
    b"const ",
    b"let ",
    b"var ",
    b"val ",
    b"final ",
    b"static ",
    b"public ",
    b"private ",
    b"protected ",
    b"my ",
    b"our ",
    b"local ",
    b"readonly ",
    b"pub ",
    b"mut ",
    b"Dim ",
    b"Const ",
    b"Private ",
    b"Public ",
    b"NSString *",
    b"char[] ",
];
/// Beginnings of a comment.
const COMMENTS: [&[u8]; 8] = [b"#", b";", b"//", b"--", b"/*", b"*", b"<", b"REM "];

/// Reads a line.
pub(super) fn parse(text: &[u8], range: Range<usize>) -> Line {
    let mut cursor = Cursor { text, at: range.start, end: range.end };
    if text.get(range.clone()).is_some_and(|line| line.last() == Some(&b'\r')) {
        cursor.end = cursor.end.saturating_sub(1);
    }
    cursor.skip_blanks();
    let mut indent = cursor.at.saturating_sub(range.start);
    let rest = cursor.rest();
    let defines = rest.starts_with(b"#define ");
    if rest.is_empty() || !defines && COMMENTS.iter().any(|comment| rest.starts_with(comment)) {
        return Line::Empty;
    }
    if rest.starts_with(b"[")
        && let Some(length) = memchr::memchr(b']', rest)
    {
        return Line::Section(text_of(rest.get(1..length).unwrap_or_default()));
    }
    // The prompt of a transcript.
    if rest.starts_with(b"PS ")
        && let Some(prompt) = memchr::memmem::find(rest, b"> $")
    {
        cursor.advance(prompt.saturating_add(2));
    }
    let rest = cursor.rest();
    let dash = rest.starts_with(b"- ");
    if dash {
        cursor.advance(2);
        cursor.skip_blanks();
        indent = cursor.at.saturating_sub(range.start);
    }
    let mut code = false;
    let mut blank_separates = defines;
    loop {
        let rest = cursor.rest();
        if let Some(prefix) = PREFIXES.iter().find(|prefix| rest.starts_with(prefix)) {
            blank_separates |= prefix.starts_with(b"ENV") || prefix.starts_with(b"setenv");
            cursor.advance(prefix.len());
        } else if let Some(prefix) = CODE_PREFIXES.iter().find(|prefix| rest.starts_with(prefix)) {
            code = true;
            cursor.advance(prefix.len());
        } else {
            break;
        }
        cursor.skip_blanks();
    }
    // `- "NAME=value"`, `set "NAME=value"`: quotes around the whole.
    let enclosing = cursor.peek().filter(|byte| matches!(byte, b'"' | b'\''));
    if let Some(quote) = enclosing {
        let rest = cursor.rest();
        let inner = rest.get(1..).unwrap_or_default();
        let closed = inner.iter().rposition(|byte| *byte == quote);
        let named = inner.iter().take_while(|byte| in_name(**byte)).count();
        match closed {
            Some(length) if inner.get(named) == Some(&b'=') && named > 0 => {
                cursor.advance(1);
                cursor.end = cursor.at.saturating_add(length);
            }
            _ => return Line::Other(indent),
        }
    }
    // `char *name`.
    if code && cursor.peek() == Some(b'*') {
        cursor.advance(1);
        cursor.skip_blanks();
    }
    let name_start = cursor.at;
    let name_length = cursor.rest().iter().take_while(|byte| in_name(**byte)).count();
    let name = cursor.rest().get(..name_length).unwrap_or_default().to_vec();
    let begins = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    if !begins || name.len() > MAX_NAME {
        return Line::Other(indent);
    }
    cursor.advance(name_length);
    // The dimension of an array of C: `char name[32] = "value"`.
    if code && cursor.peek() == Some(b'[') {
        let digits = cursor.rest().iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
        if cursor.rest().get(digits.saturating_add(1)) == Some(&b']') {
            cursor.advance(digits.saturating_add(2));
        }
    }
    let gap = cursor.skip_blanks();
    code |= skip_type(&mut cursor);
    let rest = cursor.rest();
    if rest == b"{" {
        return Line::Parent(indent, text_of(&name));
    }
    let colon = rest.starts_with(b":") && !rest.starts_with(b":=");
    let separator = match rest {
        [b'=', b'=', ..] | [b':', b':', ..] => 0,
        [b'=', b'>', ..] | [b':' | b'?' | b'+', b'=', ..] => 2,
        // R.
        [b'<', b'-', b' ', ..] if gap > 0 => 2,
        // `name :symbol` is none.
        [b':', next, ..] if gap > 0 && !next.is_ascii_whitespace() => 0,
        [b'=' | b':', ..] => 1,
        _ => 0,
    };
    if separator == 0 && !(blank_separates && gap > 0) {
        // `resource "kind" "name" {`
        return if rest.ends_with(b"{") { Line::Parent(indent, text_of(&name)) } else { Line::Other(indent) };
    }
    cursor.advance(separator);
    let apart = cursor.skip_blanks() > 0;
    if colon {
        skip_properties(&mut cursor);
        if let Some(item) = block_scalar(&cursor, indent, name_start, &name) {
            return Line::Settings(Row { indent, dash, comma: false, colon, items: vec![item] });
        }
    }
    if apart && cursor.rest().starts_with(b"#") {
        return if colon { Line::Parent(indent, text_of(&name)) } else { Line::Other(indent) };
    }
    if colon && matches!(cursor.rest(), b"" | b"{" | b"[") || cursor.rest() == b"{" {
        return Line::Parent(indent, text_of(&name));
    }
    if name == b"Environment" && !colon {
        let items = environment(text, cursor.at..cursor.end);
        return Line::Settings(Row { indent, dash, comma: false, colon, items });
    }
    let Some((value, span, quoted, tail)) = value(&cursor) else { return Line::Other(indent) };
    let after = text.get(tail..cursor.end).unwrap_or_default().trim_ascii_start();
    let comma = after.first() == Some(&b',');
    let end = span.end;
    let item = Setting {
        name: text_of(&name),
        value: Value { bytes: value, span },
        span: name_start..end,
        quoted,
        code: code || after.first() == Some(&b';'),
        indented: indent > 0,
    };
    Line::Settings(Row { indent, dash, comma, colon, items: vec![item] })
}

/// Passes over the type of a declaration: `: &'static str =`, ` As String =`.
/// Returns whether there is one.
fn skip_type(cursor: &mut Cursor<'_>) -> bool {
    const TYPES: [&[u8]; 8] =
        [b"string", b"String", b"str", b"&str", b"&'static str", b"string?", b"String?", b"Final[str]"];
    let rest = cursor.rest();
    let named = match rest {
        [b':', kind @ ..] => kind,
        [b'A' | b'a', b'S' | b's', kind @ ..] if kind.first() == Some(&b' ') => kind,
        _ => return false,
    };
    let kind = named.trim_ascii_start();
    let Some(equals) = memchr::memchr(b'=', kind.get(..kind.len().min(24)).unwrap_or_default()) else {
        return false;
    };
    let value = kind.get(equals.saturating_add(1)..).unwrap_or_default().trim_ascii_start();
    let is_type = TYPES.contains(&kind.get(..equals).unwrap_or_default().trim_ascii());
    if !is_type || !matches!(value.first(), Some(b'"' | b'\'' | b'S')) {
        return false;
    }
    let lead = rest.len().saturating_sub(kind.len());
    cursor.advance(lead.saturating_add(equals));
    true
}

/// Passes over the anchor and the tag before a node of YAML: `&name`, `!!str`.
fn skip_properties(cursor: &mut Cursor<'_>) {
    let rest = cursor.rest();
    let length = match rest {
        [b'&', ..] => {
            let name = rest.iter().skip(1).take_while(|byte| in_name(**byte)).count();
            name.saturating_add(1)
        }
        [b'!', b'!', b's', b't', b'r', ..] => 5,
        _ => return,
    };
    if length > 1 && rest.get(length) == Some(&b' ') {
        cursor.advance(length);
        cursor.skip_blanks();
    }
}

/// A block scalar of one line: `name: |` with the value in the next one.
fn block_scalar(cursor: &Cursor<'_>, indent: usize, start: usize, name: &[u8]) -> Option<Setting> {
    if !matches!(cursor.rest(), b"|" | b"|-" | b"|+" | b">" | b">-" | b">+") {
        return None;
    }
    let next = memchr::memchr(b'\n', cursor.text.get(cursor.end..)?)?;
    let first = cursor.end.saturating_add(next).saturating_add(1);
    let rest = cursor.text.get(first..)?;
    let line = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len()))?;
    let blanks = line.iter().take_while(|byte| **byte == b' ').count();
    let bytes = line.trim_ascii().to_vec();
    let span = first.saturating_add(blanks)..first.saturating_add(blanks).saturating_add(bytes.len());
    (blanks > indent && !bytes.is_empty() && bytes.len() <= MAX_LINE).then(|| Setting {
        name: text_of(name),
        span: start..span.end,
        value: Value { bytes, span },
        quoted: false,
        code: false,
        indented: indent > 0,
    })
}

/// The value at the cursor: its bytes, its place, whether it is quoted, and where
/// what follows it begins. `None` where it is an expression.
fn value(cursor: &Cursor<'_>) -> Option<(Vec<u8>, Range<usize>, bool, usize)> {
    let rest = cursor.rest();
    let call = prefix_of_string(rest);
    let bracket = rest.get(..call).is_some_and(|call| call.ends_with(b"("));
    let rest = rest.get(call..)?;
    let quote = rest.first().copied().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    // Three marks stand around a value that may hold one.
    let triple = rest.starts_with(b"\"\"\"") || rest.starts_with(b"\'\'\'");
    if let Some(quote) = quote.filter(|_| triple) {
        let content = rest.get(3..)?;
        let length = memchr::memmem::find(content, &[quote; 3])?;
        let first = cursor.at.saturating_add(call).saturating_add(3);
        let last = first.saturating_add(length);
        return Some((content.get(..length)?.to_vec(), first..last, true, last.saturating_add(3)));
    }
    if let Some(quote) = quote {
        let content = rest.get(1..)?;
        let length = quoted_length(content, quote)?;
        let first = cursor.at.saturating_add(call).saturating_add(1);
        let last = first.saturating_add(length);
        let tail = last.saturating_add(1);
        let after = cursor.text.get(tail..cursor.end)?.trim_ascii();
        let clean =
            after.is_empty() || matches!(after.first(), Some(b'#' | b';' | b',' | b'\\' | b'&' | b'|'));
        // What makes another kind of string of it.
        let copied =
            [&b".to_string()"[..], b".to_owned()", b".into()", b".toCharArray()", b".encode(", b".freeze"];
        let copied =
            copied.iter().any(|method| after.starts_with(method)) || bracket && after.starts_with(b")");
        if !clean && !copied && !after.starts_with(b"//") {
            return None;
        }
        let raw = content.get(..length)?;
        return Some((unquote(raw, quote), first..last, true, tail));
    }
    // `name = call(argument)` is a program's.
    let called =
        rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')).count();
    let argument = rest.get(called..).unwrap_or_default();
    if matches!(rest.first(), Some(b'{' | b'[' | b'('))
        && rest.len() > 1
        && memchr::memchr2(b'=', b':', rest).is_some()
    {
        return None;
    }
    if called > 0 && argument.starts_with(b"(") && memchr::memchr3(b'"', b'\'', b'=', argument).is_some() {
        return None;
    }
    let mut length = rest.len();
    // A comment begins after a blank; a command ends at `; ` or ` && `.
    for (place, byte) in rest.iter().enumerate() {
        let previous = place.checked_sub(1).and_then(|at| rest.get(at));
        let next = rest.get(place.saturating_add(1));
        let blank_before = previous.is_some_and(u8::is_ascii_whitespace);
        let ends = match byte {
            b'#' | b'&' | b'|' => blank_before,
            b';' => next.is_none_or(u8::is_ascii_whitespace),
            _ => false,
        };
        if ends {
            length = place;
            break;
        }
    }
    let tail = cursor.at.saturating_add(length);
    let mut raw = rest.get(..length)?.trim_ascii_end();
    // `name: value,` of an object without quotes.
    let comma = raw.last() == Some(&b',');
    if comma {
        raw = raw.get(..raw.len().saturating_sub(1))?;
    }
    let end = cursor.at.saturating_add(raw.len());
    // Properties escape their separators; elsewhere a backslash is itself.
    let escaped = [&b"\\:"[..], b"\\=", b"\\#", b"\\!", b"\\u00"]
        .iter()
        .any(|escape| memchr::memmem::find(raw, escape).is_some());
    let bytes = if escaped {
        unescape(raw, Escapes { backslash: true, ..Escapes::default() }).bytes.into_owned()
    } else {
        raw.to_vec()
    };
    Some((bytes, cursor.at..end, false, if comma { end } else { tail }))
}

/// The length of what makes a string of some kind of the quoted one after it:
/// `String::from("x")`, `String('x')`, `@"x"`, `b"x"`.
fn prefix_of_string(value: &[u8]) -> usize {
    const PREFIXES: [&[u8]; 8] = [b"String::from(", b"String(", b"@", b"b", b"r", b"u", b"L", b"rb"];
    let prefix = PREFIXES.iter().find(|prefix| {
        let rest = value.strip_prefix(**prefix);
        rest.and_then(|rest| rest.first()).is_some_and(|quote| matches!(quote, b'"' | b'\''))
    });
    prefix.map_or(0, |prefix| prefix.len())
}

/// The assignments of `Environment=`: `"A=b c" D=e`.
fn environment(text: &[u8], range: Range<usize>) -> Vec<Setting> {
    let mut items = Vec::new();
    let mut cursor = Cursor { text, at: range.start, end: range.end };
    while !cursor.rest().is_empty() && items.len() < MAX_ITEMS {
        cursor.skip_blanks();
        let rest = cursor.rest();
        let quote = rest.first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
        let (skip, length): (usize, usize) = match quote {
            Some(quote) => {
                let content = rest.get(1..).unwrap_or_default();
                (1, memchr::memchr(quote, content).unwrap_or(content.len()))
            }
            None => (0, rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len())),
        };
        let word = rest.get(skip..skip.saturating_add(length)).unwrap_or_default();
        if let Some(equals) = memchr::memchr(b'=', word) {
            let start = cursor.at.saturating_add(skip);
            let first = start.saturating_add(equals).saturating_add(1);
            let last = start.saturating_add(length);
            let bytes = text.get(first..last).unwrap_or_default().to_vec();
            items.push(Setting {
                name: text_of(word.get(..equals).unwrap_or_default()),
                value: Value { bytes, span: first..last },
                span: start..last,
                quoted: quote.is_some(),
                code: false,
                indented: false,
            });
        }
        cursor.advance(skip.saturating_add(length).saturating_add(1));
    }
    items
}

/// A place in a line.
struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
    end: usize,
}

impl<'t> Cursor<'t> {
    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    fn advance(&mut self, length: usize) {
        self.at = self.at.saturating_add(length).min(self.end);
    }

    fn skip_blanks(&mut self) -> usize {
        let blanks = self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.advance(blanks);
        blanks
    }
}
