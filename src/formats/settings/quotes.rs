//! Values in quotes.
//!
//! Sources: YAML 1.2 chapter 7 (both quoted styles), and strings of C and of what came after.

use crate::formats::escape::{Escapes, unescape};

/// The length of a quoted value, up to its closing mark.
pub(super) fn quoted_length(content: &[u8], quote: u8) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        let byte = *content.get(at)?;
        let next = content.get(at.saturating_add(1)).copied();
        if byte == b'\\' && (quote != b'\'' || matches!(next, Some(b'\'' | b'\\'))) {
            at = at.saturating_add(2);
        } else if byte == quote {
            // YAML doubles an apostrophe inside apostrophes.
            if quote == b'\'' && next == Some(b'\'') {
                at = at.saturating_add(2);
                continue;
            }
            return Some(at);
        } else {
            at = at.saturating_add(1);
        }
    }
}

/// Undoes what a quoted value escapes.
pub(super) fn unquote(raw: &[u8], quote: u8) -> Vec<u8> {
    if quote == b'\'' {
        let mut bytes = Vec::with_capacity(raw.len());
        let mut rest = raw.iter().copied().peekable();
        while let Some(byte) = rest.next() {
            match (byte, rest.peek().copied()) {
                (b'\'', Some(b'\'')) => {
                    rest.next();
                    bytes.push(b'\'');
                }
                (b'\\', Some(next @ (b'\'' | b'\\'))) => {
                    rest.next();
                    bytes.push(next);
                }
                _ => bytes.push(byte),
            }
        }
        return bytes;
    }
    unescape(raw, Escapes { backslash: true, ..Escapes::default() }).bytes.into_owned()
}
