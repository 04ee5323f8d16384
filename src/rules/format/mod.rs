//! The canonical form of a pack's text: order of keys, quotes, spacing, length of
//! lines. Comments are kept.
//!
//! Role: text → text, and the proof that nothing but the form has changed. Not for:
//! whether the pack is right (see [`super::parse`]); any TOML is formatted.

mod comments;
mod layout;
pub(super) mod quote;
#[cfg(test)]
mod tests;

use std::ops::Range;

use toml_edit::DocumentMut;

use super::Diagnostic;
use super::pack::MAX_FILE;

/// The canonical form of a pack. `file_name` is only for messages.
///
/// ```
/// let text = snapsift::rules::format("acme.toml", "[pack]\nname='acme'   # ours\n").unwrap();
/// assert_eq!(text, "[pack]\nname = \"acme\" # ours\n");
/// ```
///
/// # Errors
///
/// The text is too long, is not TOML, or has a comment at a place where it cannot
/// be kept: within a table in braces.
pub fn format(file_name: &str, text: &str) -> Result<String, Box<Diagnostic>> {
    let error = |span: Range<usize>, message: String, help: &str| {
        Box::new(Diagnostic::error(&file_name.into(), &text.into(), span, message).with_help(help))
    };
    if text.len() > MAX_FILE {
        let message = format!("the file has {} bytes, at most {MAX_FILE} are read", text.len());
        return Err(error(0..0, message, "cut the pack into several files"));
    }
    let document: DocumentMut = text.parse().map_err(|wrong: toml_edit::TomlError| {
        let message = format!("not TOML: {}", wrong.message().replace('\n', "; "));
        error(wrong.span().unwrap_or(0..0), message, "correct it first: `rules check` tells more")
    })?;
    let formatted = layout::document(&document);
    let (before, after) = (comments::of(text), comments::of(&formatted));
    if let Some((comment, span)) = lost(&before, &after) {
        return Err(error(
            span,
            format!("the comment {comment:?} stands where it cannot be kept"),
            "move it to a line of its own before the key",
        ));
    }
    let same = text.parse::<toml::Table>().ok() == formatted.parse::<toml::Table>().ok();
    if !same {
        return Err(error(
            0..0,
            "formatting would change what the pack says".to_owned(),
            "leave it as it is",
        ));
    }
    Ok(formatted)
}

/// A comment that is among the first and not as often among the second.
fn lost<'t>(
    before: &[(&'t str, Range<usize>)],
    after: &[(&str, Range<usize>)],
) -> Option<(&'t str, Range<usize>)> {
    let mut left: Vec<&str> = after.iter().map(|(comment, _)| *comment).collect();
    left.sort_unstable();
    let mut wanted: Vec<&(&str, Range<usize>)> = before.iter().collect();
    wanted.sort_unstable_by_key(|(comment, _)| *comment);
    let mut left = left.into_iter().peekable();
    for (comment, span) in wanted {
        while left.peek().is_some_and(|other| other < comment) {
            left.next();
        }
        if left.peek() == Some(comment) {
            left.next();
        } else {
            return Some((comment, span.clone()));
        }
    }
    None
}
