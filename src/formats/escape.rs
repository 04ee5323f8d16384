//! Undoing the escapes in which a value stands in a file, while keeping the way
//! back: each byte of the result knows where it was written.

use std::borrow::Cow;

use memchr::memchr3;

/// Which escapes to undo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Escapes {
    /// Backslash escapes as in JSON, C, Java and `.properties`: `\"`, `\\`, `\/`,
    /// `\n`, `\u002B`, `\x2b`, `\053`, `\=`.
    pub backslash: bool,
    /// XML and HTML: `&amp;`, `&quot;`, `&#43;`, `&#x2B;`.
    pub xml: bool,
    /// URLs: `%2B`, and `%%2B` as batch files double it.
    pub percent: bool,
}

impl Escapes {
    /// All of them: for values whose alphabet holds none of `\`, `&` and `%`.
    pub const ALL: Self = Self { backslash: true, xml: true, percent: true };
}

/// Bytes with their escapes undone.
#[derive(Clone, Debug)]
pub struct Unescaped<'a> {
    /// The bytes.
    pub bytes: Cow<'a, [u8]>,
    /// Where each of them, and the end, was in the raw bytes; empty when nothing
    /// was escaped.
    places: Vec<u32>,
}

impl Unescaped<'_> {
    /// Where a byte of the result, or its end, was in the raw bytes.
    #[must_use]
    pub fn raw_offset(&self, index: usize) -> usize {
        let place = self.places.get(index).and_then(|place| usize::try_from(*place).ok());
        place.unwrap_or(index)
    }

    /// The bytes, and for each of them and the end [where it was](Self::raw_offset).
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, Vec<u32>) {
        let bytes = self.bytes.into_owned();
        let untouched = self.places.is_empty();
        let places = if untouched { (0..=offset(bytes.len())).collect() } else { self.places };
        (bytes, places)
    }
}

/// An offset as it is kept: in the first 4 GiB.
fn offset(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Undoes escapes. Allocates only when there is one.
#[must_use]
pub fn unescape(raw: &[u8], escapes: Escapes) -> Unescaped<'_> {
    let sign = |on: bool, sign: u8, other: u8| if on { sign } else { other };
    // Of the signs that stand for nothing here another takes the place.
    let any = if escapes.backslash { b'\\' } else { sign(escapes.xml, b'&', b'%') };
    let signs = [any, sign(escapes.xml, b'&', any), sign(escapes.percent, b'%', any)];
    let next = |from: usize| {
        memchr3(signs[0], signs[1], signs[2], raw.get(from..)?).map(|at| from.saturating_add(at))
    };
    let Some(first) = next(0).filter(|_| escapes != Escapes::default()) else {
        return Unescaped { bytes: Cow::Borrowed(raw), places: Vec::new() };
    };
    let mut bytes = Vec::with_capacity(raw.len());
    let mut places = Vec::with_capacity(raw.len().saturating_add(1));
    let (mut at, mut sign) = (0, Some(first));
    loop {
        let end = sign.unwrap_or(raw.len());
        bytes.extend_from_slice(raw.get(at..end).unwrap_or_default());
        places.extend(offset(at)..offset(end));
        let Some(rest) = sign.and_then(|at| raw.get(at..)) else { break };
        let (character, length) = step(rest, escapes);
        let mut buffer = [0; 4];
        let decoded: &[u8] = match character {
            Decoded::Byte(byte) => {
                buffer[0] = byte;
                buffer.get(..1).unwrap_or_default()
            }
            Decoded::Char(character) => character.encode_utf8(&mut buffer).as_bytes(),
        };
        bytes.extend_from_slice(decoded);
        places.resize(bytes.len(), offset(end));
        at = end.saturating_add(length);
        sign = next(at);
    }
    places.push(offset(raw.len()));
    Unescaped { bytes: Cow::Owned(bytes), places }
}

enum Decoded {
    Byte(u8),
    Char(char),
}

/// Decodes one character at the start of `rest`, which is not empty.
fn step(rest: &[u8], escapes: Escapes) -> (Decoded, usize) {
    let decoded = match rest.first() {
        Some(b'\\') if escapes.backslash => backslash(rest),
        Some(b'&') if escapes.xml => entity(rest),
        Some(b'%') if escapes.percent => percent(rest),
        _ => None,
    };
    decoded.unwrap_or((Decoded::Byte(rest.first().copied().unwrap_or_default()), 1))
}

fn backslash(rest: &[u8]) -> Option<(Decoded, usize)> {
    let plain = match rest.get(1)? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => {
            let code = hex_number(rest.get(2..6)?)?;
            return Some((Decoded::Char(char::from_u32(code)?), 6));
        }
        b'x' => {
            let code = hex_number(rest.get(2..4)?)?;
            return Some((Decoded::Byte(u8::try_from(code).ok()?), 4));
        }
        b'0'..=b'3' => {
            let digits = rest.get(1..4)?.iter();
            let code = digits.map(|digit| digit.wrapping_sub(b'0')).try_fold(0_u8, |code, digit| {
                (digit < 8).then(|| code.wrapping_mul(8).wrapping_add(digit))
            })?;
            return Some((Decoded::Byte(code), 4));
        }
        other if other.is_ascii_punctuation() => *other,
        _ => return None,
    };
    Some((Decoded::Byte(plain), 2))
}

/// The longest entity that is read: `&#x10FFFF;`.
const MAX_ENTITY: usize = 10;

fn entity(rest: &[u8]) -> Option<(Decoded, usize)> {
    let end = rest.iter().take(MAX_ENTITY).position(|byte| *byte == b';')?;
    let length = end.checked_add(1)?;
    let character = match rest.get(1..end)? {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(hex_number(digits)?)?,
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    };
    Some((Decoded::Char(character), length))
}

fn percent(rest: &[u8]) -> Option<(Decoded, usize)> {
    let (digits, length) = match rest {
        [b'%', b'%', digits @ ..] => (digits.get(..2)?, 4),
        _ => (rest.get(1..3)?, 3),
    };
    Some((Decoded::Byte(u8::try_from(hex_number(digits)?).ok()?), length))
}

/// Reads 1 to 8 hex digits.
fn hex_number(digits: &[u8]) -> Option<u32> {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Turns escaped line ends (any number of backslashes before `n` or `r`) into
/// real ones and drops the backslashes of other escapes.
pub(crate) fn break_escaped_lines(text: &[u8]) -> Cow<'_, [u8]> {
    // In a file of its own a comment may hold a backslash; only a text without
    // any line end within its first line's length is an escaped one.
    let first_line = text.get(..text.len().min(128)).unwrap_or_default();
    if first_line.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        while bytes.peek() == Some(&b'\\') {
            bytes.next();
        }
        match bytes.next() {
            Some(b'n' | b'r') => out.push(b'\n'),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> String {
        String::from_utf8(unescape(text.as_bytes(), Escapes::ALL).bytes.into_owned()).expect("UTF-8")
    }

    #[test]
    fn every_form() {
        assert_eq!(all(r"a\u002Bb\u002b\/\x3d\075\\"), "a+b+/==\\");
        assert_eq!(all("&amp;&lt;&#43;&#x2B;&quot;"), "&<++\"");
        assert_eq!(all("%2B%2b%%3D"), "++=");
        assert_eq!(all(r"100% \q &x &#xZZ; %zz \u12"), r"100% \q &x &#xZZ; %zz \u12");
        assert_eq!(all(r"\u00e4"), "ä");
    }

    #[test]
    fn the_way_back() {
        let raw = br"ab\u002Bc";
        let plain = unescape(raw, Escapes::ALL);
        assert_eq!(plain.bytes.as_ref(), b"ab+c");
        assert_eq!((0..=4).map(|i| plain.raw_offset(i)).collect::<Vec<_>>(), [0, 1, 2, 8, 9]);
        let untouched = unescape(b"abc", Escapes::ALL);
        assert!(matches!(untouched.bytes, Cow::Borrowed(_)));
        assert_eq!(untouched.raw_offset(3), 3);
    }
}
