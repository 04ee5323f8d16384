//! Base64 (RFC 4648, section 4) of text: where it stands, and what it says.
//!
//! A run of the alphabet is worth decoding when some of it comes out as text, which
//! [three lanes](crate::scan::prefilter::lanes) in a row tell. Lines of one blob are
//! joined.

use std::cmp::Reverse;
use std::ops::Range;

use super::Decoded;

/// The fewest characters of a run that are looked at: 24 bytes of text.
pub(crate) const MIN_RUN: usize = 32;
/// The characters of one look: 15 bytes.
const SAMPLE: usize = 20;
/// So many of a sample's bytes are printable, or the zeros of UTF-16.
const MIN_TEXT: usize = 14;
/// Blanks that may stand before each line of a blob.
const MAX_INDENT: usize = 64;

const NONE: u8 = 0xff;

const VALUES: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 64 {
        values[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    values
};

#[inline]
fn value(byte: u8) -> u8 {
    // A byte is less than 256.
    VALUES[usize::from(byte)]
}

/// Whether a byte is of the alphabet.
#[inline]
pub(crate) fn is_member(byte: u8) -> bool {
    value(byte) != NONE
}

/// The run of the alphabet around a part of it, within `bounds`.
pub(crate) fn widen(text: &[u8], part: Range<usize>, bounds: &Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (part.start, part.end);
    while start > bounds.start && text.get(start - 1).is_some_and(|byte| is_member(*byte)) {
        start -= 1;
    }
    while end < bounds.end && text.get(end).is_some_and(|byte| is_member(*byte)) {
        end += 1;
    }
    // The last lane may be cut.
    while end > start && !text.get(end - 1).is_some_and(|byte| is_member(*byte)) {
        end -= 1;
    }
    start..end
}

/// Where the text around a place in a run begins: the first of four characters among
/// the next ones from which on they decode to text. Capital letters look like text of
/// signs at the wrong place too: of several the one with the most letters and digits.
pub(crate) fn text_start(text: &[u8], place: usize) -> Option<usize> {
    let words = (place..place + 4).filter_map(|start| Some((sample(text, start)?, Reverse(start))));
    words.max().map(|(_, Reverse(start))| start)
}

/// How many letters, digits and zeros of UTF-16 the characters from `at` on decode to,
/// where they decode to text.
fn sample(text: &[u8], at: usize) -> Option<usize> {
    let quads = text.get(at..at + SAMPLE)?;
    if !quads.iter().all(|byte| is_member(*byte)) {
        return None;
    }
    let (mut words, mut signs, mut zeros) = (0, 0, 0);
    for quad in quads.as_chunks::<4>().0 {
        let bits = quad.iter().fold(0_u32, |bits, byte| bits << 6 | u32::from(value(*byte) & 63));
        for byte in bits.to_be_bytes().into_iter().skip(1) {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => words += 1,
                b' '..=b'~' | b'\t' | b'\n' | b'\r' => signs += 1,
                0 => zeros += 1,
                _ => {}
            }
        }
    }
    (words + signs + zeros >= MIN_TEXT && zeros <= words + signs + 1).then_some(words + zeros)
}

/// The blob that a run is a line of: the lines before it of its length and those
/// after it of at most that, within `bounds`.
pub(crate) fn blob(text: &[u8], run: &Range<usize>, bounds: &Range<usize>) -> Range<usize> {
    let mut blob = run.clone();
    let mut width = run.len();
    while let Some(end) = line_break_before(text, blob.start) {
        if end <= bounds.start || !text.get(end - 1).is_some_and(|byte| is_member(*byte)) {
            break;
        }
        let line = widen(text, end - 1..end, bounds);
        // The last line, which may be short, is the only one of another length.
        if line.len() != width && !(blob == *run && line.len() > width) {
            break;
        }
        width = line.len();
        blob.start = line.start;
    }
    let mut last = run.len();
    while let Some(start) = line_break_after(text, blob.end) {
        if last < width || start >= bounds.end || !text.get(start).is_some_and(|byte| is_member(*byte)) {
            break;
        }
        let line = widen(text, start..start, &(start..bounds.end));
        if line.len() > width {
            break;
        }
        last = line.len();
        blob.end = line.end;
    }
    blob
}

/// The start of the next line's text, when a line ends at `at`: after a line feed
/// (or one that is written `\n`) and blanks.
fn line_break_after(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let length = match rest {
        [b'\r', b'\n', ..] | [b'\\', b'n', ..] => 2,
        [b'\\', b'r', b'\\', b'n', ..] => 4,
        [b'\n', ..] => 1,
        _ => return None,
    };
    let blanks = rest.get(length..)?.iter().take(MAX_INDENT);
    Some(at + length + blanks.take_while(|byte| matches!(byte, b' ' | b'\t')).count())
}

/// The end of the line before, when a line's text begins at `at`.
fn line_break_before(text: &[u8], at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let blanks = before.iter().rev().take(MAX_INDENT).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let before = before.get(..at - blanks)?;
    let length = match before {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => return None,
    };
    Some(before.len() - length)
}

/// Decodes the characters of `text`, what is none left out. Places are from the
/// start of `text`.
pub(crate) fn decode(text: &[u8]) -> Decoded {
    let mut decoded = Decoded {
        text: Vec::with_capacity(text.len() / 4 * 3 + 3),
        places: Vec::with_capacity(text.len() / 4 * 3 + 4),
    };
    let (mut bits, mut count) = (0_u32, 0_u32);
    // Where the byte that is being put together begins.
    let mut began = 0;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let digit = value(*byte);
        if digit == NONE {
            at = line_break_after(text, at).unwrap_or(at + 1);
            continue;
        }
        if count == 0 {
            began = at;
        }
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            let [.., whole] = (bits >> count).to_be_bytes();
            decoded.push(whole, began);
            began = at;
        }
        at += 1;
    }
    decoded.end(text.len());
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(decoded: &Decoded) -> &str {
        std::str::from_utf8(&decoded.text).expect("text")
    }

    /// The vectors of RFC 4648, section 10, without their padding.
    #[test]
    fn vectors() {
        for (encoded, plain) in [
            ("", ""),
            ("Zg", "f"),
            ("Zm8", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg", "foob"),
            ("Zm9vYmFy", "foobar"),
        ] {
            let decoded = decode(encoded.as_bytes());
            assert_eq!(text(&decoded), plain);
            assert_eq!(decoded.places.len(), plain.len() + 1);
            assert_eq!(decoded.places.last().copied(), u32::try_from(encoded.len()).ok());
        }
        assert_eq!(decode(b"Zm9vYmFy").places, [0, 1, 2, 4, 5, 6, 8]);
    }

    /// `printf 'password=Kd93lqWzRt5v\nuser=deploy\n' | base64 -w 24`
    #[test]
    fn lines_are_joined() {
        let file = b"data: |\n  cGFzc3dvcmQ9S2Q5M2xxV3pS\n  dDV2CnVzZXI9ZGVwbG95Cg==\nend";
        let bounds = 0..file.len();
        for place in [12, 45] {
            let run = widen(file, place..place, &bounds);
            let blob = blob(file, &run, &bounds);
            assert_eq!(text(&decode(&file[blob])), "password=Kd93lqWzRt5v\nuser=deploy\n");
        }
    }

    #[test]
    fn text_is_told_from_the_rest() {
        // `printf 'DB_HOST=10.0.0.5 DB_PORT=5432' | base64`
        let plain = b"REJfSE9TVD0xMC4wLjAuNSBEQl9QT1JUPTU0MzI";
        assert_eq!(text_start(plain, 0), Some(0));
        assert_eq!(text_start(plain, 1), Some(4));
        // `printf 'Write-Host $env:PATH' | iconv -t utf-16le | base64 -w 0`
        let wide = b"VwByAGkAdABlAC0ASABvAHMAdAAgACQAZQBuAHYAOgBQAEEAVABIAA";
        assert_eq!(text_start(wide, 0), Some(0));
        // `printf 'WEB_PUB_SUB_CONNECTION_STRING=' | base64`: text of signs three later.
        let capitals = b"V0VCX1BVQl9TVUJfQ09OTkVDVElPTl9TVFJJTkc9";
        assert_eq!(
            (0..4).map(|place| text_start(capitals, place)).collect::<Vec<_>>(),
            [Some(0), Some(4), Some(4), Some(4)]
        );
        for other in [&b"e3b0c44298fc1c149afbf4c8996fb924"[..], b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(text_start(other, 0), None, "{}", String::from_utf8_lossy(other));
        }
    }
}
