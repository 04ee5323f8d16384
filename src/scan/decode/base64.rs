//! Base64 (RFC 4648, section 4) of text: where it stands, and what it says.
//!
//! A run of the alphabet is worth decoding when its first bytes, or those in its
//! middle or at its end, come out as text. Digests, identifiers, paths and compressed
//! data do not, and cost a handful of look-ups. Lines of one blob are joined.

use std::ops::Range;

use super::Decoded;

/// The fewest characters of a run that are looked at: 24 bytes of text.
pub(crate) const MIN_RUN: usize = 32;
/// From this length on a run is looked at in its middle and at its end too.
const LONG_RUN: usize = 128;
/// The characters of one look: 24 bytes.
const SAMPLE: usize = 32;
/// So many of a sample's 24 bytes are printable, or the zeros of UTF-16.
const MIN_TEXT: usize = 20;
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
    VALUES[usize::from(byte)]
}

/// Whether a byte is of the alphabet.
#[inline]
pub(crate) fn is_member(byte: u8) -> bool {
    value(byte) != NONE
}

/// The run of the alphabet around a place that is in one, within `bounds`.
pub(crate) fn run_around(text: &[u8], place: usize, bounds: &Range<usize>) -> Range<usize> {
    let before = text.get(bounds.start..place).unwrap_or_default();
    let start =
        before.iter().rposition(|byte| !is_member(*byte)).map_or(bounds.start, |at| bounds.start + at + 1);
    let after = text.get(place..bounds.end.min(text.len())).unwrap_or_default();
    let length = after.iter().position(|byte| !is_member(*byte)).unwrap_or(after.len());
    start..place + length
}

/// Where the text in a run begins, when it holds text: at one of its first four
/// characters, which is the first where `whole` says that the run begins there.
pub(crate) fn text_start(run: &[u8], whole: bool) -> Option<usize> {
    if sample(run, 0) {
        return Some(0);
    }
    if run.len() < LONG_RUN {
        return if whole { None } else { (1..4).find(|phase| sample(run, *phase)) };
    }
    let places = [0, run.len() / 2, run.len() - SAMPLE - 4];
    (0..4).find(|phase| places.iter().any(|place| sample(run, place - place % 4 + phase)))
}

/// Whether the characters from `at` on decode to text.
fn sample(run: &[u8], at: usize) -> bool {
    let Some(quads) = run.get(at..at + SAMPLE) else { return false };
    let (mut text, mut zeros) = (0, 0);
    for (number, quad) in quads.chunks_exact(4).enumerate() {
        let bits = quad.iter().fold(0_u32, |bits, byte| bits << 6 | u32::from(value(*byte) & 63));
        for byte in bits.to_be_bytes().into_iter().skip(1) {
            text += usize::from(matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r'));
            zeros += usize::from(byte == 0);
        }
        // Most runs are no text, and that shows at once.
        if number == 1 && text + zeros < 4 {
            return false;
        }
    }
    text + zeros >= MIN_TEXT && zeros <= text
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
        let line = run_around(text, end - 1, bounds);
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
        let line = run_around(text, start, &(start..bounds.end));
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
            let run = run_around(file, place, &bounds);
            let blob = blob(file, &run, &bounds);
            assert_eq!(text(&decode(&file[blob])), "password=Kd93lqWzRt5v\nuser=deploy\n");
        }
    }

    #[test]
    fn text_is_told_from_the_rest() {
        // `printf 'DB_HOST=10.0.0.5 DB_PORT=5432' | base64`
        let plain = b"REJfSE9TVD0xMC4wLjAuNSBEQl9QT1JUPTU0MzI";
        assert_eq!(text_start(plain, true), Some(0));
        // `printf 'Write-Host $env:PATH' | iconv -t utf-16le | base64 -w 0`
        let wide = b"VwByAGkAdABlAC0ASABvAHMAdAAgACQAZQBuAHYAOgBQAEEAVABIAA";
        assert_eq!(text_start(wide, true), Some(0));
        for other in [
            &b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"[..],
            b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            b"getElementsByClassNameAndAttributeValueOrDefault",
            b"usr/share/doc/packages/some/where/else/and/further",
        ] {
            assert_eq!(text_start(other, true), None, "{}", String::from_utf8_lossy(other));
        }
        // Cut somewhere: the phase is found.
        assert_eq!(text_start(&plain[1..], false), Some(3));
    }
}
