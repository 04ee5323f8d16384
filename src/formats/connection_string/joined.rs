//! Connection strings that a program joins of several literals, one after the other:
//! `"Server=h;" + "Password=p;"` in C# and Java, `"host=h " "password=p"` in Python.
//!
//! Sources: the lexical rules of those languages. Each literal is read by itself, as
//! `name=value` pairs that a semicolon or a blank ends.

use std::ops::Range;

use super::{ConnectionString, Key, MAX_PAIRS, Value, key_of};

/// The most literals on either side.
const MAX_LITERALS: usize = 8;
/// The longest literal, and gap between two.
const MAX_LITERAL: usize = 256;
const MAX_GAP: usize = 80;

/// Reads the literals around the one in which `at` stands.
pub(super) fn read(text: &[u8], at: usize) -> Option<ConnectionString> {
    let left = at.saturating_sub(MAX_LITERAL);
    let window = text.get(left..at)?;
    let open = window.iter().rposition(|byte| matches!(byte, b'"' | b'\'' | b'\n'))?;
    let quote = *window.get(open).filter(|byte| **byte != b'\n')?;
    let start = left.saturating_add(open).saturating_add(1);
    let own = start..literal_end(text, start, quote)?;
    let mut literals = vec![own.clone()];
    let mut next = own.end;
    while literals.len() < MAX_LITERALS {
        let Some(literal) = following(text, next, quote) else { break };
        next = literal.end;
        literals.push(literal);
    }
    let mut first = own.start;
    for _ in 0..MAX_LITERALS {
        let Some(literal) = preceding(text, first, quote) else { break };
        first = literal.start;
        literals.insert(0, literal);
    }
    // One alone is read as what it is.
    if literals.len() < 2 {
        return None;
    }
    let mut pairs = Vec::new();
    for literal in &literals {
        read_pairs(text, literal.clone(), &mut pairs);
    }
    let span = literals.first()?.start..literals.last()?.end;
    Some(ConnectionString { span, scheme: None, pairs })
        .filter(|found| found.names_server_at(at) && found.get(Key::Password).is_some())
}

fn literal_end(text: &[u8], start: usize, quote: u8) -> Option<usize> {
    let rest = text.get(start..text.len().min(start.saturating_add(MAX_LITERAL)))?;
    let length = memchr::memchr2(quote, b'\n', rest)?;
    (rest.get(length) == Some(&quote)).then(|| start.saturating_add(length))
}

/// A byte that may stand between two literals that are joined.
fn joins(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'+' | b'\\' | b'@' | b'$' | b'&' | b'_' | b'.')
}

/// The literal after the one whose closing mark stands at `end`.
fn following(text: &[u8], end: usize, quote: u8) -> Option<Range<usize>> {
    let rest = text.get(end.saturating_add(1)..)?;
    let gap = rest.iter().take(MAX_GAP).take_while(|byte| joins(**byte)).count();
    let is_gap = gap > 0 && rest.get(gap) == Some(&quote);
    let start = end.saturating_add(2).saturating_add(gap);
    is_gap.then(|| literal_end(text, start, quote).map(|end| start..end)).flatten()
}

/// The literal before the one whose content begins at `start`.
fn preceding(text: &[u8], start: usize, quote: u8) -> Option<Range<usize>> {
    let before = text.get(..start.checked_sub(1)?)?;
    let gap = before.iter().rev().take(MAX_GAP).take_while(|byte| joins(**byte)).count();
    let close = before.len().checked_sub(gap)?.checked_sub(1)?;
    if gap == 0 || before.get(close) != Some(&quote) {
        return None;
    }
    let from = close.saturating_sub(MAX_LITERAL);
    let content = before.get(from..close)?;
    let open = memchr::memrchr2(quote, b'\n', content)?;
    (content.get(open) == Some(&quote)).then(|| from.saturating_add(open).saturating_add(1)..close)
}

/// The pairs of one literal.
fn read_pairs(text: &[u8], literal: Range<usize>, pairs: &mut Vec<(Key, Value)>) {
    let bytes = text.get(literal.clone()).unwrap_or_default();
    // Semicolons part the pairs of ADO.NET, blanks those of libpq.
    let semicolons = memchr::memchr(b';', bytes).is_some();
    let ends = |byte: &u8| if semicolons { *byte == b';' } else { byte.is_ascii_whitespace() };
    let mut at = 0_usize;
    while at < bytes.len() && pairs.len() < MAX_PAIRS {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        let pair = rest.get(..length).unwrap_or_default();
        if let Some(equals) = memchr::memchr(b'=', pair)
            && let Some(key) = pair.get(..equals).and_then(key_of)
        {
            let value = pair.get(equals.saturating_add(1)..).unwrap_or_default();
            let first = literal.start.saturating_add(at).saturating_add(equals).saturating_add(1);
            let span = first..first.saturating_add(value.len());
            pairs.push((key, Value { bytes: value.to_vec(), span }));
        }
        at = at.saturating_add(length).saturating_add(1);
    }
}
