//! Settings among other words of a line, `2026-10-12 DEBUG env NAME=value`, and the
//! fields of a form, `name=value&other=value`, as logs have them.
//!
//! Source: the URL standard, "application/x-www-form-urlencoded parsing".

use std::ops::Range;

use super::quotes::{quoted_length, unquote};
use super::{MAX_ITEMS, Setting, Settings, Syntax, in_name, text_of};
use crate::formats::connection_string::Value;
use crate::formats::escape::{Escapes, unescape};

/// The most lines on either side whose words are looked at.
const MAX_LINES: usize = 3;

/// The settings beside `at`, which stands in the name of one, none before `left`.
pub(super) fn read(text: &[u8], left: usize, at: usize) -> Option<Settings> {
    let before = text.get(left..at)?;
    let start = before
        .iter()
        .rposition(|byte| !in_name(*byte))
        .map_or(left, |place| left.saturating_add(place).saturating_add(1));
    let before = start.checked_sub(1).filter(|_| start > left).and_then(|place| text.get(place)).copied();
    let mut is_form = matches!(before, Some(b'&' | b'?'));
    let own = setting(text, start, is_form).or_else(|| noted(text, left, start))?;
    // A form in quotes begins with its first field.
    is_form |= matches!(before, Some(b'"' | b'\'')) && has_field(&own.value.bytes);
    // `password=@file` names a file for many programs.
    if own.value.bytes.starts_with(b"@") {
        return None;
    }
    let lines = if is_form { 0 } else { MAX_LINES };
    let first = memchr::memrchr_iter(b'\n', text.get(left..start)?)
        .nth(lines)
        .map_or(left, |at| left.saturating_add(at).saturating_add(1));
    let rest = text.get(start..)?;
    let last = memchr::memchr_iter(b'\n', rest).nth(lines).map_or(text.len(), |at| start.saturating_add(at));
    let mut items = Vec::new();
    let mut place = first;
    while place < last && items.len() < MAX_ITEMS {
        let word = text.get(place..last)?;
        let length = word.iter().take_while(|byte| in_name(**byte)).count();
        let starts = length > 0 && starts_word(text, place);
        let found = if starts { setting(text, place, is_form) } else { None };
        let found = found.or_else(|| (place == start).then(|| own.clone()));
        place = match found {
            // What holds the place in its value is no setting beside it.
            Some(found) if found.span.start != start && found.span.contains(&at) => {
                place.saturating_add(length)
            }
            Some(found) => {
                let end = found.value.span.end;
                items.push(found);
                end
            }
            None => place.saturating_add(length.max(1)),
        };
    }
    if own.value.span.end > own.span.start && text.get(own.span.end..).is_some() && items.len() == 1 {
        let notes = notes_before(text, left, own.span.start);
        items.splice(0..0, notes);
    }
    Settings::of(Syntax::Brackets, None, items, at)
}

/// The settings `name: value` that stand before a place in its line.
fn notes_before(text: &[u8], left: usize, start: usize) -> Vec<Setting> {
    let before = text.get(left..start).unwrap_or_default();
    let first = memchr::memrchr(b'\n', before).map_or(left, |end| left.saturating_add(end).saturating_add(1));
    let mut items = Vec::new();
    let mut place = first;
    while place < start && items.len() < MAX_ITEMS {
        let rest = text.get(place..start).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let after = rest.get(length..).unwrap_or_default();
        let gap = after.iter().skip(1).take_while(|byte| **byte == b' ').count();
        let value = after.get(gap.saturating_add(1)..).unwrap_or_default();
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'/' | b')');
        let size = value.iter().position(is_end).unwrap_or(value.len());
        if length > 0 && after.first() == Some(&b':') && size > 0 {
            let name = rest.get(..length).unwrap_or_default();
            let from = place.saturating_add(length).saturating_add(1).saturating_add(gap);
            let span = from..from.saturating_add(size);
            items.push(Setting {
                // What notes call an id is a user.
                name: if name.eq_ignore_ascii_case(b"id") { "user".to_owned() } else { text_of(name) },
                span: place..span.end,
                value: Value { bytes: value.get(..size).unwrap_or_default().to_vec(), span },
                quoted: false,
                code: false,
                indented: false,
            });
        }
        place = place.saturating_add(length.max(1));
    }
    items
}

/// `2026-10-12 10:00:00 INFO name = value`: the last words of a line of a log; and
/// `name: value` among the words of a note.
fn noted(text: &[u8], left: usize, start: usize) -> Option<Setting> {
    const LEVELS: [&[u8]; 7] = [b"INFO", b"DEBUG", b"TRACE", b"WARN", b"ERROR", b"NOTICE", b"FINE"];
    let before = text.get(left..start)?;
    let line = memchr::memrchr(b'\n', before).map_or(before, |end| before.get(end..).unwrap_or_default());
    let rest = text.get(start..)?;
    let length = rest.iter().take_while(|byte| in_name(**byte)).count();
    let separator = rest.get(length..)?;
    let (value, gap) = if let Some(value) = separator.strip_prefix(b" = ") {
        let is_log =
            line.trim_ascii_start().first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'[')
                || LEVELS.iter().any(|level| memchr::memmem::find(line, level).is_some());
        (Some(value).filter(|_| is_log)?, 3)
    } else {
        let value = separator.strip_prefix(b":")?;
        let gap = value.iter().take_while(|byte| **byte == b' ').count();
        // Words and what people write between them, and no mark of a program.
        let is_note = line.iter().all(|byte| {
            byte.is_ascii_alphanumeric()
                || byte.is_ascii_whitespace()
                || b"-.,/():@>_".contains(byte)
                || *byte >= 0x80
        });
        (value.get(gap..).filter(|_| is_note && gap <= 4)?, gap.saturating_add(1))
    };
    let value = value.get(..memchr::memchr2(b'\n', b'\r', value).unwrap_or(value.len()))?.trim_ascii_end();
    // A bracket that was opened before closes behind the value.
    let opened =
        line.iter().filter(|byte| **byte == b'(').count() > line.iter().filter(|byte| **byte == b')').count();
    let value = if opened { value.strip_suffix(b")").unwrap_or(value) } else { value };
    // `name::member` is of a program.
    let bare = !value.is_empty() && !value.starts_with(b":") && !value.iter().any(u8::is_ascii_whitespace);
    let first = start.saturating_add(length).saturating_add(gap);
    let span = first..first.saturating_add(value.len());
    let starts = start
        .checked_sub(1)
        .and_then(|before| text.get(before))
        .is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'(' | b'/' | b','));
    (length > 0 && bare && starts).then(|| Setting {
        name: text_of(rest.get(..length).unwrap_or_default()),
        span: start..span.end,
        value: Value { bytes: value.to_vec(), span },
        quoted: false,
        code: false,
        indented: false,
    })
}

/// Whether another field of a form follows in a value: `&name=`.
fn has_field(value: &[u8]) -> bool {
    memchr::memchr_iter(b'&', value).any(|place| {
        let rest = value.get(place.saturating_add(1)..).unwrap_or_default();
        let name = rest.iter().take_while(|byte| in_name(**byte)).count();
        name > 0 && rest.get(name) == Some(&b'=')
    })
}

/// Whether a name may begin here: after a blank, a quote, or what begins a field.
fn starts_word(text: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| text.get(before))
        .is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'&' | b'?'))
}

/// `name=value` at a place.
fn setting(text: &[u8], start: usize, form: bool) -> Option<Setting> {
    let rest = text.get(start..)?;
    let length = rest.iter().take_while(|byte| in_name(**byte)).count();
    if length == 0 || rest.get(length) != Some(&b'=') || !starts_word(text, start) {
        return None;
    }
    let name = rest.get(..length)?;
    let value = rest.get(length.saturating_add(1)..)?;
    let first = start.saturating_add(length).saturating_add(1);
    let (bytes, span, quoted): (Vec<u8>, Range<usize>, bool) = match value.first()? {
        quote @ (b'"' | b'\'') if !form => {
            let line = value.get(1..)?;
            let line = line.get(..memchr::memchr(b'\n', line).unwrap_or(line.len()))?;
            let length = quoted_length(line, *quote)?;
            (
                unquote(line.get(..length)?, *quote),
                first.saturating_add(1)..first.saturating_add(1).saturating_add(length),
                true,
            )
        }
        _ => {
            let before = start.checked_sub(1).and_then(|place| text.get(place)).copied();
            let enclosing = before.filter(|byte| matches!(byte, b'"' | b'\''));
            let ends = |byte: &u8| {
                byte.is_ascii_whitespace()
                    || *byte == b'`'
                    || enclosing == Some(*byte)
                    || form && matches!(byte, b'&' | b'"' | b'\'' | b'<' | b'\\')
            };
            let length = value.iter().position(ends).unwrap_or(value.len());
            let raw = value.get(..length)?;
            let bytes = if form {
                let blanks: Vec<u8> =
                    raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
                unescape(&blanks, Escapes { percent: true, ..Escapes::default() }).bytes.into_owned()
            } else {
                raw.to_vec()
            };
            (bytes, first..first.saturating_add(length), false)
        }
    };
    Some(Setting {
        name: text_of(name),
        span: start..span.end,
        value: Value { bytes, span },
        quoted,
        code: false,
        indented: false,
    })
}
