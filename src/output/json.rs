//! JSON that is safe on a terminal: what [`escape`] calls unsafe is written as
//! `\u001b`, which a parser reads as the very same text.
//!
//! [`escape`]: super::escape

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::escape::is_unsafe;

/// Writes a value in compact form, without a line end.
pub(crate) fn write(writer: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(writer, SafeFormatter))?)
}

/// serde_json's compact form, with unsafe characters escaped. serde_json itself
/// escapes the C0 controls; this adds DEL, C1, the bidirectional and the invisible.
struct SafeFormatter;

impl Formatter for SafeFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly all text is printable ASCII, which eight and more bytes at a time tell.
        if fragment.bytes().fold(0, u8::max) < 0x7f {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unsafe(*c)) {
            let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            writer.write_all(before.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = from.get(c.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}
