//! Makes names and values from a disk safe to show.
//!
//! A file name can hold any byte but NUL and `/`; a value can hold any at all. On
//! a terminal, ESC and the C1 controls start commands (set the title, write the
//! clipboard, answer as if typed), a newline forges a line of output, and the
//! bidirectional and invisible characters make a name read as another. All of
//! them become visible escapes here: `\x1b`, `\u{202e}`.
//!
//! Facts: ECMA-48 (C0 and C1), Unicode UAX #9 (bidirectional formatting), Unicode
//! Technical Report #36 section 2 (invisible characters).

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::formats::hex;

/// Whether a character must not reach a terminal as it is.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'   // C0, DEL, C1
        | '\u{ad}'                          // soft hyphen
        | '\u{34f}'                         // combining grapheme joiner
        | '\u{61c}'                         // Arabic letter mark
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'           // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'           // Mongolian separators
        | '\u{200b}'..='\u{200f}'           // zero width, left-to-right and right-to-left marks
        | '\u{2028}'..='\u{202e}'           // line and paragraph separator, embeddings, overrides
        | '\u{2060}'..='\u{206f}'           // word joiner, invisible operators, isolates
        | '\u{fe00}'..='\u{fe0f}'           // variation selectors
        | '\u{feff}'                        // byte order mark
        | '\u{fff0}'..='\u{fffb}'           // specials
        | '\u{e0000}'..='\u{e0fff}'         // tags, more variation selectors
    )
}

/// The text with every unsafe character as a visible escape: `\n`, `\t`, `\x1b`,
/// `\u{202e}`. A backslash stays as it is, so this is for reading, not for
/// reversing; see [`path`] for that.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| push(&mut out, c));
    Cow::Owned(out)
}

/// A path as [`visible`], with a backslash doubled, so that no name can pretend
/// to be the escape of another, and with bytes that are not UTF-8 as `\xff`.
///
/// `hex` are the exact bytes where they are not UTF-8, as the records have them;
/// what is no hex is ignored.
#[must_use]
pub fn path<'t>(text: &'t str, hex: Option<&str>) -> Cow<'t, str> {
    if let Some(bytes) = hex.and_then(|hex| hex::decode(hex.as_bytes())) {
        return Cow::Owned(bytes_of_path(&bytes));
    }
    if !text.chars().any(|c| c == '\\' || is_unsafe(c)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(bytes_of_path(text.as_bytes()))
}

/// As [`path`], from the bytes of a path.
#[must_use]
pub fn bytes_of_path(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' { out.push_str("\\\\") } else { push(&mut out, c) }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

fn push(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if !is_unsafe(c) => out.push(c),
        c if c.is_ascii() => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        c => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        for text in ["/etc/passwd", "", "/srv/größe/日本/файл", "a b", "😀"] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text));
            assert!(matches!(path(text, None), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn what_drives_a_terminal_is_shown() {
        assert_eq!(visible("a\x1b]0;own\x07b"), "a\\x1b]0;own\\x07b");
        assert_eq!(visible("\u{9b}2J\u{9d}"), "\\u{9b}2J\\u{9d}");
        assert_eq!(visible("one\ntwo\r\tthree\x7f\0"), "one\\ntwo\\r\\tthree\\x7f\\x00");
        assert_eq!(
            visible("exe\u{202e}gpj\u{2066}x\u{200b}y\u{feff}"),
            "exe\\u{202e}gpj\\u{2066}x\\u{200b}y\\u{feff}"
        );
        assert_eq!(visible("\u{e0041}"), "\\u{e0041}");
        assert_eq!(visible("DOMAIN\\user"), "DOMAIN\\user");
    }

    #[test]
    fn no_path_can_pretend_to_be_another() {
        assert_eq!(path("/a\\x1b", None), "/a\\\\x1b");
        assert_eq!(path("/a\x1b", None), "/a\\x1b");
        assert_eq!(path("/\u{fffd}", Some("2fff41c3a9")), "/\\xffAé");
        assert_eq!(path("/x", Some("zz")), "/x");
        assert_eq!(path("/x", Some("2f7")), "/x");
    }

    #[test]
    fn every_byte_alone_is_printable_in_a_path() {
        for byte in 0..=255_u8 {
            let shown = bytes_of_path(&[byte]);
            assert!(!shown.chars().any(is_unsafe), "{byte:#x} → {shown:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_unsafe_character_is_left(text in ".*") {
            proptest::prop_assert!(!visible(&text).chars().any(is_unsafe));
        }

        /// Names of few bytes, chosen so that escapes could meet.
        #[test]
        fn two_paths_never_look_the_same(
            one in proptest::collection::vec(proptest::sample::select(b"\\x1bnu{}\n\x1b\xc2\x9b\xff".as_slice()), 0..6),
            other in proptest::collection::vec(proptest::sample::select(b"\\x1bnu{}\n\x1b\xc2\x9b\xff".as_slice()), 0..6),
        ) {
            proptest::prop_assert_eq!(one == other, bytes_of_path(&one) == bytes_of_path(&other));
        }
    }
}
