//! AWS access keys: what an id says, and which secret belongs to it. The facts are
//! in [`crate::formats::aws_key_id`].

use std::ops::Range;

use super::{Hit, Refusal};
use crate::formats::aws_key_id;

/// Access key ids are 20 characters.
const ID_LENGTH: usize = 20;
/// A secret access key is 40 characters.
const SECRET_LENGTH: usize = 40;
/// A session token has some hundred.
const MIN_TOKEN_LENGTH: usize = 100;
/// How far before a value its name may end, in bytes: `</name>\n    <value>`.
const NAME_REACH: usize = 96;
/// The most letters of the name and of what is written between it and the value.
const MAX_NAME_LETTERS: usize = 48;
/// How far a secret without a name may stand from its id, in bytes.
const ROW_REACH: usize = 64;
/// How far a secret of another section or object may stand, in bytes and lines.
const OTHER_SECTION: (usize, usize) = (512, 10);

pub(super) fn key_id(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let matched = hit.matched();
    let named = hit.attribute("key_id").map(str::as_bytes).filter(|id| id.len() == ID_LENGTH);
    let id = named.unwrap_or(matched);
    let kind = aws_key_id::kind(id).ok_or(Refusal("not the prefix of an access key"))?;
    let account = aws_key_id::account(id).map_err(|_| Refusal("not an access key id"))?;
    let text = String::from_utf8_lossy(id).into_owned();
    if text.ends_with("EXAMPLE") {
        return Err(Refusal("a documented sample"));
    }
    // Only temporary keys end; a time near another one is of something else.
    if kind != "temporary" {
        hit.attributes.retain(|(name, _)| name != "expires_at");
    }
    let partition = aws_key_id::partition(hit.attribute("region").unwrap_or_default());
    hit.add_attribute("key_id", text);
    hit.add_attribute("key_kind", kind);
    hit.add_attribute("account", account.unwrap_or_default());
    hit.add_attribute("partition", partition);
    Ok(())
}

/// Finds the secret of the id that the match is: the nearest of its own section,
/// object or row; where that has none, the nearest at all.
pub(super) fn key_pair(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let text = hit.text;
    let area = area_of(text, &hit.span);
    let section = section_of(text, &hit.span, &area);
    let mut best: Option<(bool, usize, Value)> = None;
    let mut token = false;
    for value in values(text, area) {
        let apart = value.range.end <= hit.span.start || value.range.start >= hit.span.end;
        if !apart {
            continue;
        }
        let outside = !(value.range.start >= section.start && value.range.end <= section.end);
        if value.length >= MIN_TOKEN_LENGTH {
            let raw = text.get(value.range.clone()).unwrap_or_default();
            if is_session_token(raw) || !outside && named(text, &value, &hit.span, b"token") {
                token = true;
                hit.claims.push(value.range);
            }
            continue;
        }
        if !(follows(text, &hit.span, &value) || named(text, &value, &hit.span, b"secret")) {
            continue;
        }
        let gap = if value.range.start >= hit.span.end {
            hit.span.end..value.range.start
        } else {
            value.range.end..hit.span.start
        };
        let (distance, gap) = (gap.len(), text.get(gap).unwrap_or_default());
        let lines = || memchr::memchr_iter(b'\n', gap).count();
        if outside && (distance > OTHER_SECTION.0 || lines() > OTHER_SECTION.1) {
            continue;
        }
        if best.as_ref().is_none_or(|(other, far, _)| (outside, distance) < (*other, *far)) {
            best = Some((outside, distance, value));
        }
    }
    let (_, _, found) = best.ok_or(Refusal("its secret is missing"))?;
    hit.claims.push(hit.secret.clone());
    hit.claims.push(found.range.clone());
    hit.secret = found.range;
    hit.value = found.plain;
    if token {
        hit.add_attribute("session_token", "present");
    }
    Ok(())
}

/// Where the secret of an id can stand: up to the ids next to it, so that no text
/// is looked at for more than two ids.
fn area_of(text: &[u8], id: &Range<usize>) -> Range<usize> {
    let same = text.get(id.clone()).unwrap_or_default();
    let is_other = |at: usize| {
        text.get(at..at + ID_LENGTH).is_some_and(|word| {
            aws_key_id::kind(word).is_some() && aws_key_id::account(word).is_ok() && word != same
        })
    };
    let start = (0..id.start.saturating_sub(ID_LENGTH - 1))
        .rev()
        .find(|at| is_other(*at))
        .map_or(0, |at| at + ID_LENGTH);
    let end = (id.end..text.len()).find(|at| is_other(*at)).unwrap_or(text.len());
    start..end
}

/// The part of the area without a bracket between it and the id: a section of an
/// INI file, an object, a map.
fn section_of(text: &[u8], id: &Range<usize>, area: &Range<usize>) -> Range<usize> {
    let divides = |byte: &u8| matches!(byte, b'[' | b']' | b'{' | b'}');
    let before = text.get(area.start..id.start).unwrap_or_default();
    let after = text.get(id.end..area.end).unwrap_or_default();
    let start = before.iter().rposition(divides).map_or(area.start, |at| area.start + at + 1);
    let end = after.iter().position(divides).map_or(area.end, |at| id.end + at);
    start..end
}

/// A run of base64 characters.
struct Value {
    range: Range<usize>,
    /// Its characters, escapes undone.
    length: usize,
    /// They themselves where they differ from the bytes.
    plain: Option<Vec<u8>>,
    /// Where the run before it ends that is as long: no name stands before that.
    name_from: usize,
}

/// The runs of base64 characters that have the length of a secret or a token. A
/// slash or plus may be escaped.
fn values(text: &[u8], area: Range<usize>) -> impl Iterator<Item = Value> {
    let mut at = area.start;
    let mut name_from = area.start;
    std::iter::from_fn(move || {
        while at < area.end {
            let start = at;
            let (mut length, mut escaped) = (0, false);
            while at < area.end
                && let Some((_, used)) = text.get(at..).and_then(character)
            {
                length += 1;
                escaped |= used > 1;
                at += used;
            }
            let range = start..at;
            at += 1;
            let joined = |at: Option<usize>| {
                at.and_then(|at| text.get(at)).is_some_and(|byte| matches!(byte, b'-' | b'_'))
            };
            let padded = text.get(range.end) == Some(&b'=');
            let alone = !joined(range.start.checked_sub(1)) && !joined(Some(range.end));
            let fits = length >= MIN_TOKEN_LENGTH || length == SECRET_LENGTH && !padded;
            if fits && alone {
                let plain = escaped.then(|| undo(text.get(range.clone()).unwrap_or_default()));
                let value = Value { length, plain, name_from, range: range.clone() };
                name_from = range.end;
                return Some(value);
            }
        }
        None
    })
}

/// The base64 character at the start of a text, and the bytes it is written in.
fn character(rest: &[u8]) -> Option<(u8, usize)> {
    match rest {
        [byte, ..] if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+') => Some((*byte, 1)),
        [b'\\', b'/', ..] => Some((b'/', 2)),
        [b'%', b'2', b'F' | b'f', ..] => Some((b'/', 3)),
        [b'%', b'2', b'B' | b'b', ..] => Some((b'+', 3)),
        [b'\\', b'u', b'0', b'0', b'2', b'F' | b'f', ..] => Some((b'/', 6)),
        [b'\\', b'u', b'0', b'0', b'2', b'B' | b'b', ..] => Some((b'+', 6)),
        _ => None,
    }
}

fn undo(mut rest: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(SECRET_LENGTH);
    while let Some((byte, used)) = character(rest) {
        plain.push(byte);
        rest = rest.get(used..).unwrap_or_default();
    }
    plain
}

/// The value comes right after the id, with nothing but separators between them.
fn follows(text: &[u8], id: &Range<usize>, value: &Value) -> bool {
    let gap = text.get(id.end..value.range.start).unwrap_or_default();
    value.range.start > id.end && gap.len() <= ROW_REACH && !gap.iter().any(u8::is_ascii_alphanumeric)
}

/// The value has a name with this word before it (`SecretAccessKey": "`), and
/// nothing between them but what belongs to names and to the notation.
fn named(text: &[u8], value: &Value, id: &Range<usize>, word: &[u8]) -> bool {
    let mut from = value.name_from.max(value.range.start.saturating_sub(NAME_REACH));
    if id.end <= value.range.start {
        from = from.max(id.end);
    }
    let before = text.get(from..value.range.start).unwrap_or_default();
    let at = before.windows(word.len()).rposition(|part| part.eq_ignore_ascii_case(word));
    let Some(rest) = at.and_then(|at| before.get(at + word.len()..)) else { return false };
    let letters = rest.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    letters <= MAX_NAME_LETTERS
}

/// What the tokens of STS begin with: base64 of `!`, a newline and `origin_ec`, or
/// of `aws` after a few bytes.
fn is_session_token(value: &[u8]) -> bool {
    const STARTS: [&[u8]; 5] = [b"IQoJb3JpZ2lu", b"FwoGZXIvYXdz", b"FQoGZXIvYXdz", b"AQoDYXdz", b"FQoDYXdz"];
    STARTS.iter().any(|start| value.starts_with(start))
}
