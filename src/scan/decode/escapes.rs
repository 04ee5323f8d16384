//! Escapes around a literal: of JSON, C, URLs and XML.
//!
//! They are undone only where a rule's literal stands, the rule found nothing in the
//! text as it is, and an escape is near: nearly all text pays nothing.

use std::ops::Range;

use memchr::memchr_iter;

use super::{Decoded, Layer, View};
use crate::finding::Encoding;
use crate::formats::escape::{Escapes, unescape};
use crate::rules::Literal;
use crate::scan::background::BACKGROUND;

/// How far before and after a literal's first byte escapes are undone.
pub(crate) const BEFORE: usize = 2048;
pub(crate) const AFTER: usize = 8192;
/// How near to a literal an escape must stand.
const NEAR: (usize, usize) = (16, 192);

/// The longest entity after its `&`: `#x10FFFF;`.
const MAX_ENTITY: usize = 9;
/// The most positions of a disk (by the background model) at which a text may stand by
/// which an escaped literal is found.
const MAX_SHARE: f32 = 1e-4;

/// The fewest bytes of a literal beside an escape by which it is found.
const MIN_PART: usize = 3;

/// A text that stands where a literal is written with escapes: a part of the literal
/// that is as it was, and the byte of the escape beside it.
pub(crate) struct Beside {
    pub(crate) text: Vec<u8>,
    /// The part of the literal.
    pub(crate) part: Range<usize>,
    /// How many bytes of the text are before it.
    pub(crate) before: usize,
}

/// What to look for to find a literal of which characters are escaped.
///
/// For each sign of an escape the rarest part before a character that may be escaped
/// with it, and the rarest before one that is never left as it is. Where the only such
/// character is the first of the literal, what follows it, with what its escape ends in.
pub(crate) fn beside(literal: &Literal) -> Vec<Beside> {
    let mut found: Vec<Beside> = Vec::new();
    for (sign, always) in SIGNS {
        for escapable in [is_escapable as Escapable, always] {
            let Some(beside) = before_sign(literal, sign, escapable) else { continue };
            if found.iter().all(|known| known.text != beside.text) {
                found.push(beside);
            }
        }
    }
    if found.is_empty() {
        found = after_escape(literal);
    }
    found
}

/// Whether a character is written in another way.
type Escapable = fn(u8) -> bool;

/// The signs that escapes begin with, and the characters that writers of such escapes
/// never leave as they are: JSON (and PHP's `\/`), `encodeURI`, XML.
const SIGNS: [(u8, Escapable); 3] = [
    (b'\\', |byte| byte.is_ascii_control() || matches!(byte, b'"' | b'\\' | b'/')),
    (b'%', |byte| byte <= b' ' || matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'%' | b'{' | b'}' | b'|')),
    (b'&', |byte| matches!(byte, b'"' | b'<' | b'>' | b'&' | b'\'')),
];

/// Whether some way of escaping writes a character in another way.
fn is_escapable(byte: u8) -> bool {
    !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'~'))
}

/// The rarest part of a literal that ends before such a character, with the sign.
fn before_sign(literal: &Literal, sign: u8, escapable: Escapable) -> Option<Beside> {
    let mut best: Option<(f32, Beside)> = None;
    let mut start = 0;
    for (end, byte) in literal.bytes.iter().enumerate().filter(|(_, byte)| escapable(**byte)) {
        let part = start..end;
        start = end + 1;
        if part.len() < MIN_PART || *byte == sign {
            continue;
        }
        let text = [literal.bytes.get(part.clone()).unwrap_or_default(), &[sign]].concat();
        let Some(share) = share(&text, literal.fold) else { continue };
        if best.as_ref().is_none_or(|(least, _)| share < *least) {
            best = Some((share, Beside { text, part, before: 0 }));
        }
    }
    best.map(|(_, beside)| beside)
}

/// The end of a literal of which only what is before it may be escaped: after the last
/// digit of an escape, the end of an entity, or a letter for a control character.
fn after_escape(literal: &Literal) -> Vec<Beside> {
    let Some(escaped) = literal.bytes.iter().rposition(|byte| is_escapable(*byte)) else { return Vec::new() };
    let part = escaped + 1..literal.bytes.len();
    if part.len() < MIN_PART {
        return Vec::new();
    }
    let byte = literal.bytes.get(escaped).copied().unwrap_or_default();
    let hex = char::from_digit(u32::from(byte & 15), 16).unwrap_or('0');
    let octal = char::from_digit(u32::from(byte & 7), 8).unwrap_or('0');
    let letter = [(b'\n', 'n'), (b'\t', 't'), (b'\r', 'r')].iter().find(|(control, _)| *control == byte);
    let mut last = vec![';', octal, hex, hex.to_ascii_uppercase()];
    last.extend(letter.map(|(_, letter)| *letter));
    last.sort_unstable();
    last.dedup();
    last.into_iter()
        .filter_map(|last| u8::try_from(last).ok())
        .map(|last| [&[last], literal.bytes.get(part.clone()).unwrap_or_default()].concat())
        .filter(|text| share(text, literal.fold).is_some())
        .map(|text| Beside { text, part: part.clone(), before: 1 })
        .collect()
}

/// The share of the rarest window of a text, unless the text is too short or frequent.
fn share(text: &[u8], fold: bool) -> Option<f32> {
    let windows = text.windows(text.len().clamp(3, 4));
    let share = windows.map(|window| BACKGROUND.window(window, fold)).min_by(f32::total_cmp);
    share.filter(|share| *share <= MAX_SHARE)
}

/// The kinds of escapes that stand near a literal.
pub(crate) fn kinds_near(text: &[u8], start: usize, end: usize) -> impl Iterator<Item = Kind> + use<> {
    let near = text
        .get(start.saturating_sub(NEAR.0)..text.len().min(end.saturating_add(NEAR.1)))
        .unwrap_or_default();
    // The first of each kind is enough: text of nothing but escapes has one at once.
    let stands = |kind: Kind| {
        memchr_iter(kind.sign(), near).any(|at| near.get(at..).is_some_and(|here| kind.stands(here)))
    };
    let found = Kind::ALL.map(stands);
    Kind::ALL.into_iter().zip(found).filter_map(|(kind, found)| found.then_some(kind))
}

/// Whether a byte begins an escape.
#[inline]
pub(crate) fn is_sign(byte: u8) -> bool {
    matches!(byte, b'\\' | b'%' | b'&')
}

/// One way of escaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Backslash,
    Percent,
    Entity,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Backslash, Self::Percent, Self::Entity];

    /// The byte that begins it.
    fn sign(self) -> u8 {
        match self {
            Self::Backslash => b'\\',
            Self::Percent => b'%',
            Self::Entity => b'&',
        }
    }

    fn stands(self, text: &[u8]) -> bool {
        let hex = |digits: Option<&[u8]>| digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit));
        match (self, text) {
            (Self::Backslash, [b'\\', next, ..]) => {
                next.is_ascii_punctuation() || b"nrtux0123".contains(next)
            }
            (Self::Percent, [b'%', b'%', ..]) => hex(text.get(2..4)),
            (Self::Percent, [b'%', ..]) => hex(text.get(1..3)),
            (Self::Entity, [b'&', rest @ ..]) => rest
                .iter()
                .take(MAX_ENTITY)
                .take_while(|byte| !matches!(byte, b'&' | b' '))
                .any(|b| *b == b';'),
            _ => false,
        }
    }

    fn escapes(self) -> Escapes {
        match self {
            Self::Backslash => Escapes { backslash: true, ..Escapes::default() },
            Self::Percent => Escapes { percent: true, ..Escapes::default() },
            Self::Entity => Escapes { xml: true, ..Escapes::default() },
        }
    }

    /// What it is called: a backslash is JSON's unless only C has what follows it.
    fn encoding(self, text: &[u8]) -> Encoding {
        let only_c = |at: usize| matches!(text.get(at + 1), Some(b'x' | b'0'..=b'3'));
        match self {
            Self::Backslash if memchr_iter(b'\\', text).any(only_c) => Encoding::C,
            Self::Backslash => Encoding::Json,
            Self::Percent => Encoding::Url,
            Self::Entity => Encoding::Xml,
        }
    }
}

/// Undoes one way of escaping in a range of a text.
pub(crate) fn decode(outer: &View<'_>, range: Range<usize>, kind: Kind) -> Layer {
    let raw = outer.text.get(range.clone()).unwrap_or_default();
    let (text, places) = unescape(raw, kind.escapes()).into_parts();
    Layer::new(outer, range.start, Decoded { text, places }, kind.encoding(raw))
}
