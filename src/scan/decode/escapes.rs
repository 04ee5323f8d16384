//! Escapes around a literal: of JSON, C, URLs and XML.
//!
//! They are undone only where a rule's literal stands, the rule found nothing in the
//! text as it is, and an escape is near: nearly all text pays nothing.

use std::ops::Range;

use memchr::{memchr_iter, memrchr3};

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
/// The most positions of a disk (by the background model) at which the part of a
/// literal may stand by which the escaped literal is found.
const MAX_SHARE: f32 = 1e-4;

/// The part of a literal that has nothing to escape and is the rarest, unless that is
/// the whole literal or there is none.
pub(crate) fn unescaped_part(literal: &Literal) -> Option<Range<usize>> {
    let bytes = &literal.bytes;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'~');
    let mut best: Option<(f32, Range<usize>)> = None;
    let mut start = 0;
    for part in bytes.split(|byte| !plain(byte)) {
        let range = start..start + part.len();
        start = range.end + 1;
        let windows = part.windows(part.len().clamp(3, 4));
        let share = windows.map(|window| BACKGROUND.window(window, literal.fold)).min_by(f32::total_cmp);
        let Some(share) = share.filter(|share| *share <= MAX_SHARE) else { continue };
        if best.as_ref().is_none_or(|(least, _)| share < *least) {
            best = Some((share, range));
        }
    }
    best.map(|(_, range)| range).filter(|range| range.len() < bytes.len())
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

/// Whether a part of a literal that stands at `range` can be followed (or, at the
/// literal's end, be preceded) by an escape in place of the next character.
#[inline]
pub(crate) fn may_continue(text: &[u8], range: &Range<usize>, is_end: bool) -> bool {
    if !is_end {
        return text.get(range.end).is_some_and(|byte| is_sign(*byte));
    }
    memrchr3(b'\\', b'%', b'&', text.get(range.start.saturating_sub(8)..range.start).unwrap_or_default())
        .is_some()
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
    let plain = unescape(raw, kind.escapes());
    let places = (0..=plain.bytes.len())
        .map(|index| u32::try_from(plain.raw_offset(index)).unwrap_or(u32::MAX))
        .collect();
    let encoding = kind.encoding(raw);
    Layer::new(outer, range.start, Decoded { text: plain.bytes.into_owned(), places }, encoding)
}
