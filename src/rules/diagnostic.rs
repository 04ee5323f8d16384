//! What is wrong with a rule pack, where, and what to do about it.
//!
//! Role: one message with its place in the source, and its rendering with the
//! offending text underlined. Nothing that stands in a pack reaches a terminal
//! unescaped.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level as Shown, Renderer, Snippet};

/// A line longer than this many bytes is shown from near the offending text only.
const MAX_LINE: usize = 4096;
/// How many bytes are shown before and after the offending text in such a line.
const LONG_LINE_CONTEXT: usize = 200;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The pack is refused.
    Error,
    /// The pack is used; something in it is probably not meant, or costs too much.
    Warning,
    /// The pack is used; worth knowing.
    Note,
}

impl Level {
    /// The level in one lower case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One message about a pack.
#[derive(Clone)]
pub struct Diagnostic {
    /// Refused, or worth knowing.
    pub level: Level,
    /// A short name of the kind of objection, for programs; empty where it has none.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// The name of the file.
    pub file: Arc<str>,
    /// The text of the file.
    pub source: Arc<str>,
    /// The offending bytes of the text.
    pub span: Range<usize>,
    /// What stands beside the underlined text; may be empty.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place of a file.
    #[must_use]
    pub fn error(file: &Arc<str>, source: &Arc<str>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            code: "",
            message: message.into(),
            file: Arc::clone(file),
            source: Arc::clone(source),
            span,
            label: String::new(),
            help: None,
        }
    }

    /// The same as a note.
    #[must_use]
    pub fn note(mut self) -> Self {
        self.level = Level::Note;
        self
    }

    /// The same as a warning of a kind.
    #[must_use]
    pub fn warning(mut self, code: &'static str) -> Self {
        self.level = Level::Warning;
        self.code = code;
        self
    }

    /// Says what kind of objection it is.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// Adds what stands beside the underlined text.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column of the offending text, both from 1; the column in characters.
    #[must_use]
    pub fn line_column(&self) -> (usize, usize) {
        let start = floor(&self.source, self.span.start);
        let before = self.source.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before.get(line_start..).unwrap_or_default().chars().count() + 1)
    }

    /// The message with the lines it is about, the offending text underlined, and
    /// the advice; with colours where asked. Control characters are shown as
    /// visible ones. Ends without a line break.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let window = Window::around(&self.source, self.span.clone());
        let level = match self.level {
            Level::Error => Shown::ERROR,
            Level::Warning => Shown::WARNING,
            Level::Note => Shown::NOTE,
        };
        let mut annotation = AnnotationKind::Primary.span(window.span.clone());
        let label = visible(&self.label);
        if !label.is_empty() {
            annotation = annotation.label(label.as_ref());
        }
        let path = visible(&self.file);
        let message = visible(&self.message);
        let snippet = Snippet::source(window.text.as_str())
            .line_start(window.first_line)
            .path(path.as_ref())
            .annotation(annotation);
        let mut title = level.primary_title(message.as_ref());
        if !self.code.is_empty() {
            title = title.id(self.code);
        }
        let mut group: Group<'_> = title.element(snippet);
        let help = self.help.as_deref().map(visible);
        if let Some(help) = &help {
            group = group.element(Shown::HELP.message(help.as_ref()));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

/// Renders one after the other, an empty line between them.
#[must_use]
pub fn render_all(diagnostics: &[Diagnostic], colour: bool) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.render(colour)).collect::<Vec<_>>().join("\n\n")
}

/// `file:line:column: message`: one line, for logs.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}: {}", visible(&self.file), visible(&self.message))
    }
}

/// Without the text of the file.
impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.level)
    }
}

impl PartialEq for Diagnostic {
    fn eq(&self, other: &Self) -> bool {
        self.level == other.level
            && self.code == other.code
            && self.message == other.message
            && self.file == other.file
            && self.span == other.span
            && self.label == other.label
            && self.help == other.help
    }
}

/// The lines that a message shows, every control character made visible.
struct Window {
    text: String,
    span: Range<usize>,
    first_line: usize,
}

impl Window {
    fn around(source: &str, span: Range<usize>) -> Self {
        let start = floor(source, span.start);
        let end = floor(source, span.end.max(start));
        // A long literal is underlined on its first lines only.
        let end = source
            .get(start..end)
            .and_then(|text| text.match_indices('\n').nth(4))
            .map_or(end, |(at, _)| start + at);
        let line_start = source.get(..start).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
        let line_end = source.get(end..).and_then(|text| text.find('\n')).map_or(source.len(), |at| end + at);
        let (from, to, end) = if line_end - line_start > MAX_LINE {
            let end = floor(source, end.min(start.saturating_add(LONG_LINE_CONTEXT)));
            let from = floor(source, line_start.max(start.saturating_sub(LONG_LINE_CONTEXT)));
            (from, floor(source, line_end.min(end.saturating_add(LONG_LINE_CONTEXT))), end)
        } else {
            (line_start, line_end, end)
        };
        let first_line =
            source.get(..line_start).unwrap_or_default().bytes().filter(|byte| *byte == b'\n').count() + 1;
        let part = |range: Range<usize>| visible_lines(source.get(range).unwrap_or_default());
        let (before, inside, after) = (part(from..start), part(start..end), part(end..to));
        let span = before.len()..before.len() + inside.len();
        Self { text: before + &inside + &after, span, first_line }
    }
}

/// The greatest character boundary that is not after `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The place of a part of a TOML string's value in the file, where the string is
/// written as it is, without escapes.
pub(super) fn within_literal(
    file: &str,
    whole: &Range<usize>,
    value: &str,
    part: &Range<usize>,
) -> Option<Range<usize>> {
    let written = file.get(whole.clone())?;
    let quotes = ["'''", "\"\"\"", "'", "\""].into_iter().find(|quotes| written.starts_with(quotes))?;
    let mut start = quotes.len();
    if quotes.len() == 3 {
        // A line break right after the opening quotes is not of the value.
        let inside = written.get(start..)?;
        start += if inside.starts_with("\r\n") { 2 } else { usize::from(inside.starts_with('\n')) };
    }
    if written.get(start..)?.get(..value.len())? != value {
        return None;
    }
    let from = whole.start + start;
    Some(from + part.start.min(value.len())..from + part.end.min(value.len()))
}

/// Text of one line with its control characters and the characters that reorder
/// text made visible.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(visible_char).collect())
}

fn visible_lines(text: &str) -> String {
    // The carriage return of a line end is dropped: it stands at no place of its own.
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if matches!(c, '\n' | '\t') { c } else { visible_char(c) })
        .collect()
}

/// Whether the character is a control character or reorders text.
pub(super) fn is_hidden(c: char) -> bool {
    visible_char(c) != c
}

/// One character for one, so that columns stay what they are: the control
/// pictures of Unicode (U+2400 onwards) for C0, the replacement character for the
/// rest.
fn visible_char(c: char) -> char {
    match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(source: &str, span: Range<usize>) -> Diagnostic {
        Diagnostic::error(&"a.toml".into(), &source.into(), span, "wrong")
    }

    #[test]
    fn shows_the_line_underlined_with_advice() {
        let shown = diagnostic("[pack]\nnmae = 'x'\n", 7..11)
            .with_label("unknown")
            .with_help("did you mean `name`?")
            .render(false);
        let expected = "error: wrong\n --> a.toml:2:1\n  |\n2 | nmae = 'x'\n  | ^^^^ unknown\n  |\n  = help: did you mean `name`?";
        assert_eq!(shown, expected);
    }

    #[test]
    fn no_control_character_gets_out() {
        let mut bad = diagnostic("x = \"\x1b[31m\u{9b}2J\u{202e}\"\r\n", 5..9);
        bad.message = "a\x1bb\nc".to_owned();
        bad.file = "\x1b]0;x\x07.toml".into();
        bad.label = "\x1b".to_owned();
        bad.help = Some("\x1b\u{85}".to_owned());
        for text in [bad.render(false), bad.to_string()] {
            assert!(text.chars().all(|c| c == '\n' || visible_char(c) == c), "{text:?}");
        }
    }

    #[test]
    fn survives_any_span() {
        let source = "é\nü = 'ß'\n";
        for start in 0..source.len() + 3 {
            for end in 0..source.len() + 3 {
                let bad = diagnostic(source, start..end);
                assert!(bad.render(false).contains("wrong"));
                assert!(bad.line_column().0 >= 1);
            }
        }
        let long = "x".repeat(1 << 20);
        assert!(diagnostic(&long, 500_000..900_000).render(true).len() < 4000);
    }

    #[test]
    fn counts_lines_and_columns_in_characters() {
        assert_eq!(diagnostic("é\nüx", 5..6).line_column(), (2, 2));
    }
}
