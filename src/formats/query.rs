//! The query of a URL, found from a place inside it: `name=value` pairs joined by
//! `&`, which files also write as `&amp;`, `\u0026`, `^&` or, percent-encoded
//! once more, `%26`. Values are percent-encoded (RFC 3986 section 2.1); batch
//! files double the percent sign.

use std::borrow::Cow;
use std::ops::Range;

use super::escape::{Escapes, unescape};

/// How far to either side of the given place a URL may reach, in bytes.
pub const MAX_SIDE: usize = 2048;
/// The most pairs that are read.
const MAX_PAIRS: usize = 64;

/// The joints between pairs, longer ones first.
const JOINTS: [&[u8]; 6] = [b"&amp;", b"&#38;", b"\\u0026", b"^&", b"&", b"?"];

/// A query with the URL before it.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// What stands before the `?`: scheme, host and path; empty for a bare query.
    pub base: &'a [u8],
    /// Where URL and query stand in the text that was searched.
    pub span: Range<usize>,
    pairs: Vec<Pair<'a>>,
}

/// A name and a value with its place.
#[derive(Clone, Debug)]
struct Pair<'a> {
    name: Cow<'a, [u8]>,
    raw: &'a [u8],
    start: usize,
}

impl<'a> Query<'a> {
    /// Finds and reads the query around the byte at `at`.
    #[must_use]
    pub fn around(text: &'a [u8], at: usize) -> Self {
        Self::around_within(text, at, MAX_SIDE)
    }

    /// The same for queries that hold long values: a URL may reach `side` bytes to
    /// either side.
    #[must_use]
    pub fn around_within(text: &'a [u8], at: usize, side: usize) -> Self {
        let left = at.saturating_sub(side);
        let right = at.saturating_add(side).min(text.len());
        let mut start = at;
        loop {
            let plain = text.get(left..start).unwrap_or_default().iter().rev();
            start = start.saturating_sub(plain.take_while(|byte| is_plain(**byte)).count());
            if start <= left || !belongs(text, start.saturating_sub(1)) {
                break;
            }
            start = start.saturating_sub(1);
        }
        let mut end = at;
        loop {
            let plain = text.get(end..right).unwrap_or_default().iter();
            end = end.saturating_add(plain.take_while(|byte| is_plain(**byte)).count());
            if end >= right || !belongs(text, end) {
                break;
            }
            end = end.saturating_add(1);
        }
        let whole = text.get(start..end).unwrap_or_default();
        let mark = memchr::memchr(b'?', whole);
        let (base, query_at) = match mark {
            Some(mark) => (whole.get(..mark).unwrap_or_default(), mark.saturating_add(1)),
            None => (&[][..], 0),
        };
        let mut pairs = Vec::new();
        let mut rest = whole.get(query_at..).unwrap_or_default();
        let mut place = start.saturating_add(query_at);
        while !rest.is_empty() && pairs.len() < MAX_PAIRS {
            let (pair, joint) = split_at_joint(rest);
            let setting = if mark.is_none() && pairs.is_empty() { setting_before(pair) } else { 0 };
            let (pair, place_of_pair) =
                (pair.get(setting..).unwrap_or_default(), place.saturating_add(setting));
            if let Some(equals) = memchr::memchr(b'=', pair) {
                let name = pair.get(..equals).unwrap_or_default();
                let value = equals.saturating_add(1);
                pairs.push(Pair {
                    name: unescape(name, Escapes { percent: true, ..Escapes::default() }).bytes,
                    raw: pair.get(value..).unwrap_or_default(),
                    start: place_of_pair.saturating_add(value),
                });
            }
            let used = setting.saturating_add(pair.len()).saturating_add(joint);
            place = place.saturating_add(used);
            rest = rest.get(used..).unwrap_or_default();
        }
        Self { base, span: start..end, pairs }
    }

    /// The first value of a name (in whatever case), decoded. Values that are not
    /// UTF-8 are `None`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let pair = self.find(name)?;
        let plain = unescape(pair.raw, Escapes::ALL).bytes;
        String::from_utf8(plain.into_owned()).ok()
    }

    /// Where the first value of a name stands, escaped as it is.
    #[must_use]
    pub fn span_of(&self, name: &str) -> Option<Range<usize>> {
        self.find(name).map(|pair| pair.start..pair.start.saturating_add(pair.raw.len()))
    }

    /// The host of the URL before the query, in lower case.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let scheme = memchr::memmem::find(self.base, b"://")?;
        let rest = self.base.get(scheme.saturating_add(3)..)?;
        let end = rest.iter().position(|byte| b"/:\\%".contains(byte)).unwrap_or(rest.len());
        let host = std::str::from_utf8(rest.get(..end)?).ok()?.to_ascii_lowercase();
        Some(host).filter(|host| !host.is_empty())
    }

    /// The path of the URL before the query, without its first slash, decoded.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        let scheme = memchr::memmem::find(self.base, b"://")?;
        let rest = unescape(self.base.get(scheme.saturating_add(3)..)?, Escapes::ALL).bytes;
        let slash = memchr::memchr(b'/', &rest)?;
        let path = String::from_utf8(rest.get(slash.saturating_add(1)..)?.to_vec()).ok()?;
        Some(path).filter(|path| !path.is_empty())
    }

    fn find(&self, name: &str) -> Option<&Pair<'a>> {
        self.pairs.iter().find(|pair| pair.name.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// A bare query is often the value of a setting: `SharedAccessSignature=sv=…`.
/// The length of such a name with its `=`.
fn setting_before(pair: &[u8]) -> usize {
    const LONGEST_NAME: usize = 16;
    let Some(first) = memchr::memchr(b'=', pair) else { return 0 };
    let value = first.saturating_add(1);
    let rest = pair.get(value..).unwrap_or_default();
    match memchr::memchr(b'=', rest) {
        Some(name @ 1..=LONGEST_NAME)
            if rest.get(..name).is_some_and(|name| name.iter().all(u8::is_ascii_alphabetic))
                && rest.len() > name.saturating_add(1) =>
        {
            value
        }
        _ => 0,
    }
}

/// The bytes up to the next joint, and the joint's length.
fn split_at_joint(rest: &[u8]) -> (&[u8], usize) {
    for at in 0..rest.len() {
        let tail = rest.get(at..).unwrap_or_default();
        if let Some(joint) = JOINTS.iter().find(|joint| tail.starts_with(joint)) {
            return (rest.get(..at).unwrap_or_default(), joint.len());
        }
    }
    (rest, 0)
}

/// The bytes that can be part of a URL wherever they stand, as a table, since up to
/// 4 KiB are looked at for every signature.
#[expect(clippy::as_conversions, clippy::indexing_slicing, reason = "a byte, at compile time")]
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut rest: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%&=+/:?,@$!";
    while let [byte, others @ ..] = rest {
        plain[*byte as usize] = true;
        rest = others;
    }
    plain
};

fn is_plain(byte: u8) -> bool {
    PLAIN.get(usize::from(byte)).copied().unwrap_or(false)
}

/// Whether a byte can be part of a URL where it stands.
fn belongs(text: &[u8], at: usize) -> bool {
    let Some(byte) = text.get(at).copied() else { return false };
    match byte {
        byte if is_plain(byte) => true,
        // Only as the end of an entity.
        b';' => before(text, at, b"&amp") || before(text, at, b"&#38"),
        // Only where it escapes something of a URL.
        b'\\' => after(text, at, b"\\u00") || after(text, at, b"\\/"),
        b'^' => after(text, at, b"^&"),
        b'#' => after(text, at, b"#38;"),
        _ => false,
    }
}

fn before(text: &[u8], at: usize, word: &[u8]) -> bool {
    text.get(..at).is_some_and(|head| head.ends_with(word))
}

fn after(text: &[u8], at: usize, word: &[u8]) -> bool {
    text.get(at..).is_some_and(|tail| tail.starts_with(word))
}
