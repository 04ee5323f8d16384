//! What every match of a pattern looks like at its start: a set of bytes for each
//! of its first places.
//!
//! A handful of look-ups in these sets turns away nearly everything that has a
//! rule's literal and is no match, before the regex is asked: a file of nothing
//! but `AKIA` costs a few nanoseconds for each instead of a search.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::rules::ByteSet;

/// As many places as are looked at: the rest is the regex's.
const MAX_PLACES: usize = 48;

/// The sets of the first places. Every match has at least as many bytes.
pub(crate) fn of(hir: &Hir) -> Vec<ByteSet> {
    let mut places = Vec::new();
    append(hir, &mut places);
    places
}

/// Appends the places of `hir`. Returns whether the places are all that it
/// matches, so that what follows it can be appended too.
fn append(hir: &Hir, places: &mut Vec<ByteSet>) -> bool {
    if places.len() >= MAX_PLACES {
        return false;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => {
            for byte in &literal.0 {
                let mut set = ByteSet::empty();
                set.insert(*byte);
                places.push(set);
            }
            true
        }
        HirKind::Class(class) => match byte_set(class) {
            Some(set) => {
                places.push(set);
                true
            }
            None => false,
        },
        HirKind::Capture(capture) => append(&capture.sub, places),
        HirKind::Concat(parts) => parts.iter().all(|part| append(part, places)),
        HirKind::Repetition(repetition) => {
            for _ in 0..repetition.min {
                if !append(&repetition.sub, places) {
                    return false;
                }
            }
            repetition.max == Some(repetition.min)
        }
        HirKind::Alternation(branches) => {
            let mut whole = true;
            let mut joined: Option<Vec<ByteSet>> = None;
            for branch in branches {
                let mut own = Vec::new();
                whole &= append(branch, &mut own);
                joined = Some(match joined {
                    None => own,
                    Some(before) => {
                        whole &= before.len() == own.len();
                        before.iter().zip(&own).map(|(a, b)| union(a, b)).collect()
                    }
                });
            }
            places.extend(joined.unwrap_or_default());
            whole
        }
    }
}

fn union(a: &ByteSet, b: &ByteSet) -> ByteSet {
    let mut both = *a;
    (0..=255).filter(|byte| b.contains(*byte)).for_each(|byte| both.insert(byte));
    both
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
        of(&hir)
    }

    #[test]
    fn fixed_parts_become_places() {
        let places = places(r"(?P<secret>\bAKIA[A-Z2-7]{16})\b");
        assert_eq!(places.len(), 20);
        assert!(places[0].contains(b'A') && places[0].len() == 1);
        assert!(places[4].contains(b'7') && !places[4].contains(b'a') && places[4].len() == 32);
    }

    #[test]
    fn what_varies_in_length_ends_them() {
        assert_eq!(places("ab[0-9]{2,5}c").len(), 4);
        assert_eq!(places("(?:ghp|gho)_x").len(), 5);
        assert_eq!(places("(?:ab|c)_x").len(), 1);
        assert_eq!(places("a?bc").len(), 0);
        assert_eq!(places("(?i)k")[0].len(), 2);
    }
}
