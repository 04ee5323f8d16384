//! The comments of a TOML text.

use std::ops::Range;

/// Each comment, without blanks at its end, with its place. The text is TOML.
pub(super) fn of(text: &str) -> Vec<(&str, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(next) = rest.find(['#', '"', '\'']) else { break };
        let (start, here) = (at + next, rest.get(next..).unwrap_or_default());
        if here.starts_with('#') {
            let line = here.split('\n').next().unwrap_or_default();
            let comment = line.trim_end();
            found.push((comment, start..start + comment.len()));
            at = start + line.len();
        } else {
            at = start + string(here);
        }
    }
    found
}

/// The length of the string that the text starts with.
fn string(text: &str) -> usize {
    let escapes = text.starts_with('"');
    let one = if escapes { "\"" } else { "'" };
    let three = one.repeat(3);
    let quotes = if text.starts_with(&three) { three.as_str() } else { one };
    let mut at = quotes.len();
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(quotes) {
            // Up to two quotes before the three that end it belong to the string.
            let run = rest.len() - rest.trim_start_matches(one).len();
            return at + if quotes.len() == 3 { run.min(5) } else { 1 };
        }
        let step = if escapes && rest.starts_with('\\') { 2 } else { 1 };
        at += rest.char_indices().nth(step).map_or(rest.len(), |(index, _)| index);
    }
    text.len()
}
