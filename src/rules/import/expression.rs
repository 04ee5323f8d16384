//! Expressions of RE2 and Hyperscan → those of packs: what is written another way
//! is rewritten, the group that is the secret gets its name, and what has no
//! counterpart is told.

use std::ops::Range;

use regex_syntax::ast::{Ast, ErrorKind, GroupKind, parse};

use crate::rules::pattern::MAX_PATTERN_LENGTH;

/// The most braces that are escaped in one expression.
const MAX_REPAIRS: usize = 200;
const MAX_NESTING: u32 = 100;

/// Which group is the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretGroup {
    /// The group `TOKEN`, or the first one; without any the whole match.
    TokenOrFirst,
    /// The first one; without any the whole match.
    First,
    /// The one of this number.
    Number(usize),
}

/// An expression as packs have it.
pub(super) struct Translated {
    pub(super) pattern: String,
    /// What it does not do as the original does.
    pub(super) notes: Vec<String>,
}

/// A capture group: its number and its name.
struct Capture<'a> {
    name: Option<&'a str>,
    /// Where its `(` is.
    open: usize,
    /// Where its name is.
    name_place: Range<usize>,
}

/// Translates an expression. `go`: it is of Go's RE2, in whose classes a `[` is
/// itself.
pub(super) fn translate(text: &str, go: bool, secret: SecretGroup) -> Result<Translated, String> {
    let (text, ast) = read(text, go)?;
    let mut captures = Vec::new();
    collect(&ast, &mut captures);
    let mut notes = Vec::new();
    let chosen = choose(&captures, secret, &mut notes);
    let mut pattern = text.clone();
    let mut used: Vec<String> = vec!["secret".to_owned()];
    let names: Vec<Option<String>> = captures
        .iter()
        .enumerate()
        .map(|(number, capture)| {
            (Some(number) != chosen).then(|| capture.name.map(|name| attribute(name, &mut used))).flatten()
        })
        .collect();
    // From the end, so that places before stay what they are.
    for (number, capture) in captures.iter().enumerate().rev() {
        match (Some(number) == chosen, capture.name, names.get(number).and_then(Option::as_deref)) {
            (true, None, _) => pattern.insert_str(capture.open + 1, "?P<secret>"),
            (true, Some(_), _) => pattern.replace_range(capture.name_place.clone(), "secret"),
            (false, Some(_), Some(name)) => pattern.replace_range(capture.name_place.clone(), name),
            (false, ..) => {}
        }
    }
    Ok(Translated { pattern, notes })
}

/// An expression that is used as it is: for ignored values and contexts.
pub(super) fn plain(text: &str, go: bool) -> Result<String, String> {
    read(text, go).map(|(text, _)| text)
}

fn read(text: &str, go: bool) -> Result<(String, Ast), String> {
    let text = text.trim_end_matches(['\n', '\r']);
    // Here, since what follows reads it many times.
    if text.len() > MAX_PATTERN_LENGTH {
        return Err(format!("its expression is longer than {MAX_PATTERN_LENGTH} bytes"));
    }
    parse_repaired(if go { plain_brackets(text) } else { text.to_owned() })
}

/// A text as an expression that matches it.
pub(super) fn literal(text: &str) -> String {
    regex_syntax::escape(text)
}

/// Parses, and escapes braces that are no counts, which others take for themselves.
fn parse_repaired(mut text: String) -> Result<(String, Ast), String> {
    let mut parser = parse::ParserBuilder::new().nest_limit(MAX_NESTING).build();
    for _ in 0..MAX_REPAIRS {
        let error = match parser.parse(&text) {
            Ok(ast) => return Ok((text, ast)),
            Err(error) => error,
        };
        let brace = matches!(
            error.kind(),
            ErrorKind::RepetitionMissing
                | ErrorKind::RepetitionCountUnclosed
                | ErrorKind::RepetitionCountDecimalEmpty
                | ErrorKind::DecimalEmpty
                | ErrorKind::DecimalInvalid
        );
        let before = text.get(..error.span().end.offset.max(error.span().start.offset + 1)).unwrap_or(&text);
        match before.rfind('{').filter(|_| brace) {
            Some(at) if !escaped(&text, at) => text.insert(at, '\\'),
            _ => return Err(message(error.kind())),
        }
    }
    Err("too many braces that are no counts".to_owned())
}

fn escaped(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let slashes = before.len() - before.trim_end_matches('\\').len();
    slashes % 2 == 1
}

fn message(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::UnsupportedLookAround => {
            "its expression looks around, which has no counterpart".to_owned()
        }
        ErrorKind::UnsupportedBackreference => "its expression refers to its own groups".to_owned(),
        kind => format!("its expression cannot be read: {kind}"),
    }
}

/// In a class of RE2 a `[` is itself, and so are `&&`, `--` and `~~`; here they have
/// a meaning.
fn plain_brackets(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut class = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (head, tail) = rest.split_at(c.len_utf8());
        if c == '\\' {
            let next = tail.chars().next().map_or(0, char::len_utf8);
            out.push_str(rest.get(..1 + next).unwrap_or(rest));
            rest = rest.get(1 + next..).unwrap_or_default();
            continue;
        }
        match c {
            '[' if !class => {
                class = true;
                // A `]` right after the start is itself.
                let start = if tail.starts_with("^]") {
                    3
                } else if tail.starts_with(['^', ']']) {
                    2
                } else {
                    1
                };
                out.push_str(rest.get(..start).unwrap_or(rest));
                rest = rest.get(start..).unwrap_or_default();
                continue;
            }
            '[' if tail.starts_with(':') && tail.get(1..).is_some_and(|name| name.contains(":]")) => {
                let end = tail.find(":]").map_or(tail.len(), |at| at + 2);
                out.push('[');
                out.push_str(tail.get(..end).unwrap_or_default());
                rest = tail.get(end..).unwrap_or_default();
                continue;
            }
            '[' => out.push_str("\\["),
            ']' if class => {
                class = false;
                out.push(']');
            }
            '&' | '~' | '-' if class && tail.starts_with(c) => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push_str(head),
        }
        rest = tail;
    }
    out
}

/// The capture groups, in order. As deep as the parser lets it be.
fn collect<'a>(ast: &'a Ast, captures: &mut Vec<Capture<'a>>) {
    match ast {
        Ast::Group(group) => {
            let open = group.span.start.offset;
            match &group.kind {
                GroupKind::CaptureIndex(_) => {
                    captures.push(Capture { name: None, open, name_place: open..open });
                }
                GroupKind::CaptureName { name, .. } => captures.push(Capture {
                    name: Some(&name.name),
                    open,
                    name_place: name.span.start.offset..name.span.end.offset,
                }),
                GroupKind::NonCapturing(_) => {}
            }
            collect(&group.ast, captures);
        }
        Ast::Repetition(repetition) => collect(&repetition.ast, captures),
        Ast::Alternation(alternation) => alternation.asts.iter().for_each(|branch| collect(branch, captures)),
        Ast::Concat(concat) => concat.asts.iter().for_each(|part| collect(part, captures)),
        _ => {}
    }
}

/// The number, from 0, of the group that is the secret.
fn choose(captures: &[Capture<'_>], secret: SecretGroup, notes: &mut Vec<String>) -> Option<usize> {
    let first = (!captures.is_empty()).then_some(0);
    let several = captures.iter().filter(|capture| capture.name.is_none()).count() > 1;
    let chosen = match secret {
        SecretGroup::Number(number) => {
            let chosen = number.checked_sub(1).filter(|number| *number < captures.len());
            if chosen.is_none() {
                notes.push(format!("the group {number} for the secret, which is not there"));
            }
            return chosen;
        }
        SecretGroup::TokenOrFirst => {
            captures.iter().position(|capture| capture.name.is_some_and(|name| name == "TOKEN")).or(first)
        }
        SecretGroup::First => first,
    };
    if several
        && chosen.is_some_and(|chosen| captures.get(chosen).is_some_and(|capture| capture.name.is_none()))
    {
        notes.push(
            "the groups after the first: where the first does not match, the whole match is the secret"
                .to_owned(),
        );
    }
    chosen
}

/// The name of a group as one of an attribute, which no other has.
fn attribute(name: &str, used: &mut Vec<String>) -> String {
    let lower: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let lower = if lower.starts_with(|c: char| c.is_ascii_digit()) { format!("_{lower}") } else { lower };
    let mut unused = lower.clone();
    let mut number = 2;
    while used.contains(&unused) {
        unused = format!("{lower}_{number}");
        number += 1;
    }
    used.push(unused.clone());
    unused
}
