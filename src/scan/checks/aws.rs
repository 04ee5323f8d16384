//! AWS access keys: what an id says, and which secret belongs to it. The facts are
//! in [`crate::formats::aws_key_id`].

use std::ops::Range;

use super::{Hit, Refusal};
use crate::formats::aws_key_id;

/// Access key ids are 20 characters.
const LENGTH: usize = 20;

pub(super) fn key_id(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let matched = hit.matched();
    let named = hit.attribute("key_id").map(str::as_bytes).filter(|id| id.len() == LENGTH);
    let id = named.unwrap_or(matched);
    let kind = aws_key_id::kind(id).ok_or(Refusal("not the prefix of an access key"))?;
    let account = aws_key_id::account(id).map_err(|_| Refusal("not an access key id"))?;
    let text = String::from_utf8_lossy(id).into_owned();
    if text.ends_with("EXAMPLE") {
        return Err(Refusal("a documented sample"));
    }
    if hit.secret.start >= hit.span.end || hit.secret.end <= hit.span.start {
        stay_in_section(hit);
    }
    hit.add_attribute("key_id", text);
    hit.add_attribute("key_kind", kind);
    hit.add_attribute("account", account.unwrap_or_default());
    Ok(())
}

/// The companion that stands nearest may belong to the next profile: where a
/// section begins between it and the id, the nearest secret of the id's own
/// section is taken, if it has one.
fn stay_in_section(hit: &mut Hit<'_>) {
    let gap = if hit.secret.start >= hit.span.end {
        hit.span.end..hit.secret.start
    } else {
        hit.secret.end..hit.span.start
    };
    if !hit.text.get(gap).unwrap_or_default().iter().any(|byte| divides(*byte)) {
        return;
    }
    let low = hit.span.start.saturating_sub(SECTION_REACH);
    let before = hit.text.get(low..hit.span.start).unwrap_or_default();
    let start = before.iter().rposition(|byte| divides(*byte)).map_or(low, |at| low + at + 1);
    let after = hit.text.get(hit.span.end..).unwrap_or_default();
    let room = after.get(..after.len().min(SECTION_REACH)).unwrap_or_default();
    let end = hit.span.end + room.iter().position(|byte| divides(*byte)).unwrap_or(room.len());
    let distance = |found: &Range<usize>| {
        found.start.saturating_sub(hit.span.end).max(hit.span.start.saturating_sub(found.end))
    };
    if let Some(found) = secrets(hit.text, start..end).min_by_key(distance) {
        hit.claims.push(found.clone());
        hit.secret = found;
    }
}

/// How far from an id its section is searched, in bytes.
const SECTION_REACH: usize = 512;
/// How far before a secret its name may stand, in bytes.
const NAME_REACH: usize = 32;
/// A secret access key is 40 characters.
const SECRET_LENGTH: usize = 40;

/// A byte at which a section, an object or a map ends or begins.
fn divides(byte: u8) -> bool {
    matches!(byte, b'[' | b']' | b'{' | b'}')
}

/// The runs of 40 characters that have a name with `secret` before them.
fn secrets(text: &[u8], area: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let in_secret = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'/' || byte == b'+';
    let mut at = area.start;
    let mut name_from = area.start;
    std::iter::from_fn(move || {
        while at < area.end {
            let rest = text.get(at..area.end)?;
            let length = rest.iter().take_while(|byte| in_secret(**byte)).count();
            let run = at..at + length;
            at = run.end + 1;
            let named_from = name_from.max(run.start.saturating_sub(NAME_REACH));
            let name = text.get(named_from..run.start).unwrap_or_default();
            if length == SECRET_LENGTH && name.windows(6).any(|word| word.eq_ignore_ascii_case(b"secret")) {
                name_from = run.end;
                return Some(run);
            }
        }
        None
    })
}
