//! What every match of a pattern looks like at its start: a set of bytes for each
//! of its first places.
//!
//! A handful of look-ups in these sets turns away nearly everything that has a
//! rule's literal and is no match, before the regex is asked, or even built: a file
//! of nothing but `AKIA` costs a few nanoseconds for each instead of a search.

use std::ops::RangeInclusive;

use regex_syntax::hir::{Class, Hir, HirKind};

use super::decode::escapes::is_sign;
use crate::rules::{ByteSet, Rule};

/// A pattern, parsed as patterns of rules are.
pub(crate) fn hir(pattern: &str) -> Option<Hir> {
    regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).ok()
}

/// The byte before `from`, where no match may follow it.
#[inline]
pub(crate) fn byte_before(rule: &Rule, text: &[u8], from: usize) -> Option<u8> {
    text.get(from.checked_sub(1)?).copied().filter(|byte| rule.not_before.contains(*byte))
}

/// As many places as are looked at: the rest is the regex's.
const MAX_PLACES: usize = 48;
/// So many steps through a pattern are taken: nested repetitions multiply.
const MAX_STEPS: usize = 100_000;
/// So many places more than one are looked at one by one.
const FEW_STARTS: usize = 8;
/// An escape, and one that is escaped itself, has a sign among so many last bytes.
const ESCAPE: usize = 32;

/// The sets of the first places.
#[derive(Clone, Default)]
pub(crate) struct Shape {
    places: Vec<ByteSet>,
    /// The one byte that every match begins with, if there is one.
    first: Option<u8>,
}

impl Shape {
    /// Of a rule's pattern.
    pub(crate) fn new(rule: &Rule) -> Self {
        hir(&rule.pattern).map_or_else(Self::default, |hir| Self::of(&hir))
    }

    /// Every match has at least as many bytes as there are places.
    pub(crate) fn of(hir: &Hir) -> Self {
        let mut walk = Walk { places: vec![ByteSet::empty(); MAX_PLACES], steps: 0 };
        let whole = walk.pass(hir, 1).is_some();
        let least = if whole { hir.properties().minimum_len().unwrap_or(0) } else { 0 };
        walk.places.truncate(least);
        let first = walk.places.first().filter(|set| set.len() == 1);
        let first = first.and_then(|set| (0..=255).find(|byte| set.contains(*byte)));
        Self { places: walk.places, first }
    }

    /// What the first byte of a match is one of, where that is known.
    pub(crate) fn first_set(&self) -> Option<&ByteSet> {
        self.places.first()
    }

    /// The places of a range at which a match may begin, by its first byte where
    /// every match has the same one.
    #[inline]
    pub(crate) fn starts(&self, text: &[u8], range: RangeInclusive<usize>) -> impl Iterator<Item = usize> {
        let (mut next, last) = range.into_inner();
        // A call of `memchr` costs as much as looking at a few places.
        let first = self.first.filter(|_| last.saturating_sub(next) >= FEW_STARTS);
        std::iter::from_fn(move || {
            if let Some(byte) = first {
                next += memchr::memchr(byte, text.get(next..=last)?)?;
            }
            let from = next;
            next += 1;
            (from <= last).then_some(from)
        })
    }

    /// Whether a match may begin at a place.
    #[inline]
    pub(crate) fn may_begin(&self, rule: &Rule, text: &[u8], from: usize) -> bool {
        if byte_before(rule, text, from).is_some() {
            return false;
        }
        let Some(bytes) = text.get(from..from + self.places.len()) else { return false };
        self.places.iter().zip(bytes).all(|(set, byte)| set.contains(*byte))
    }

    /// Whether a match may hold the literal at `start..`, which stands in it within
    /// these offsets.
    #[inline]
    pub(crate) fn may_match(&self, rule: &Rule, text: &[u8], start: usize, offsets: (usize, usize)) -> bool {
        let Some(last) = start.checked_sub(offsets.0) else { return false };
        self.starts(text, start.saturating_sub(offsets.1)..=last).any(|from| self.may_begin(rule, text, from))
    }

    /// The same, when escapes near the literal may be undone first. What comes
    /// before the first escape is as it was: where that is no beginning of a match,
    /// no escape after it makes it one.
    pub(crate) fn may_match_undone(
        &self,
        rule: &Rule,
        text: &[u8],
        literal: std::ops::Range<usize>,
        (min_offset, max_offset): (usize, usize),
    ) -> bool {
        let start = literal.start;
        let before = start.saturating_sub(max_offset.saturating_add(ESCAPE));
        if text.get(before..literal.end).is_none_or(|before| before.iter().any(|byte| is_sign(*byte))) {
            return true;
        }
        let Some(last) = start.checked_sub(min_offset) else { return false };
        self.starts(text, start.saturating_sub(max_offset)..=last).any(|from| {
            byte_before(rule, text, from).is_none() && {
                let bytes = text.get(from..).unwrap_or_default();
                let differs = |(set, byte): (&ByteSet, &u8)| is_sign(*byte) || !set.contains(*byte);
                match self.places.iter().zip(bytes).find(|(set, byte)| differs((set, byte))) {
                    Some((_, byte)) => is_sign(*byte),
                    None => bytes.len() >= self.places.len(),
                }
            }
        })
    }
}

/// A way through a pattern from all places at once at which a part may begin.
struct Walk {
    places: Vec<ByteSet>,
    steps: usize,
}

impl Walk {
    /// Adds what `hir` matches when it begins at any of the places whose bits are
    /// set. Returns the places after it; `None` when that takes too many steps.
    fn pass(&mut self, hir: &Hir, starts: u64) -> Option<u64> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return None;
        }
        if starts == 0 {
            return Some(0);
        }
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Some(starts),
            HirKind::Literal(literal) => Some(literal.0.iter().fold(starts, |starts, byte| {
                let mut set = ByteSet::empty();
                set.insert(*byte);
                self.add(&set, starts)
            })),
            HirKind::Class(class) => Some(match byte_set(class) {
                Some(set) => self.add(&set, starts),
                None => return None,
            }),
            HirKind::Capture(capture) => self.pass(&capture.sub, starts),
            HirKind::Concat(parts) => parts.iter().try_fold(starts, |starts, part| self.pass(part, starts)),
            HirKind::Alternation(branches) => {
                branches.iter().try_fold(0, |ends, branch| Some(ends | self.pass(branch, starts)?))
            }
            HirKind::Repetition(repetition) => {
                let mut here = starts;
                // Nothing changes any more after as many rounds as there are places.
                for _ in 0..repetition.min {
                    let next = self.pass(&repetition.sub, here)?;
                    if next == here {
                        break;
                    }
                    here = next;
                }
                let (mut ends, mut new) = (here, here);
                for _ in repetition.min..repetition.max.unwrap_or(u32::MAX) {
                    new = self.pass(&repetition.sub, new)? & !ends;
                    if new == 0 {
                        break;
                    }
                    ends |= new;
                }
                Some(ends)
            }
        }
    }

    /// Adds a set at all these places. Returns the places after them.
    fn add(&mut self, set: &ByteSet, starts: u64) -> u64 {
        for (at, place) in self.places.iter_mut().enumerate() {
            if starts >> at & 1 == 1 {
                place.insert_all(set);
            }
        }
        starts << 1 & ((1 << MAX_PLACES) - 1)
    }
}

fn byte_set(class: &Class) -> Option<ByteSet> {
    let mut set = ByteSet::empty();
    match class {
        Class::Bytes(class) => {
            for range in class.ranges() {
                set.insert_range(range.start(), range.end());
            }
        }
        Class::Unicode(class) => {
            for range in class.ranges() {
                set.insert_range(u8::try_from(range.start()).ok()?, u8::try_from(range.end()).ok()?);
            }
            // A code point above 127 is two bytes or more.
            if class.ranges().iter().any(|range| !range.end().is_ascii()) {
                return None;
            }
        }
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(pattern: &str) -> Vec<ByteSet> {
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .build()
            .parse(pattern)
            .expect("a pattern");
        Shape::of(&hir).places
    }

    #[test]
    fn fixed_parts_become_places() {
        let places = places(r"(?P<secret>\bAKIA[A-Z2-7]{16})\b");
        assert_eq!(places.len(), 20);
        assert!(places[0].contains(b'A') && places[0].len() == 1);
        assert!(places[4].contains(b'7') && !places[4].contains(b'a') && places[4].len() == 32);
    }

    #[test]
    fn what_varies_in_length_joins_them() {
        let sets = |pattern: &str| -> Vec<String> {
            let bytes =
                |set: &ByteSet| (0..=255).filter(|byte| set.contains(*byte)).map(char::from).collect();
            places(pattern).iter().map(bytes).collect()
        };
        assert_eq!(sets("ab[01]{2,3}c"), ["a", "b", "01", "01", "01c"]);
        assert_eq!(sets("(?:ghp|gho)_x"), ["g", "h", "op", "_", "x"]);
        assert_eq!(sets("(?:ab|c)_x"), ["ac", "_b", "_x"]);
        assert_eq!(sets("a?bc"), ["ab", "bc"]);
        assert_eq!(sets("a*(?:b?c?){2,9}d"), ["abcd"]);
        assert_eq!(sets("(?i)k"), ["Kk"]);
        assert_eq!(sets("x{100}").len(), MAX_PLACES);
    }

    #[test]
    fn nested_repetitions_end_soon() {
        let nested = (0..12).fold("[ab]".to_owned(), |inner, _| format!("(?:{inner}?){{0,50}}"));
        assert!(places(&format!("{nested}c")).len() <= 1);
    }

    #[test]
    fn an_escape_matters_only_where_a_match_reaches_it() {
        let rule = |pattern: &str| Rule::new("x", pattern, Vec::new());
        let undone = |pattern: &str, text: &str, at: usize, offsets: (usize, usize)| {
            let rule = rule(pattern);
            Shape::new(&rule).may_match_undone(&rule, text.as_bytes(), at..at + 3, offsets)
        };
        assert!(undone("pat[0-9]{8}", "pat12%33", 0, (0, 0)));
        assert!(!undone("pat[0-9]{8}", "pat1x%33", 0, (0, 0)));
        assert!(undone("pat[0-9]{8}", "pat123456789%33", 0, (0, 0)));
        assert!(!undone("pat[0-9]{8}", "pat12", 0, (0, 0)));
        assert!(undone("[0-9]pat", "&#49;pat", 5, (1, 1)));
        assert!(!undone("[0-9]pat", "xpat &#49;", 1, (1, 1)));
    }
}
