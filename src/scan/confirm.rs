//! From a candidate position to the literals that stand there.
//!
//! A hash table leads from the window's bytes to the literals that it represents,
//! which are compared whole.

use super::windows::{FOLD, Placed, Window};
use crate::rules::Literal;

/// Literals by their windows.
pub(crate) struct Confirm {
    /// Folded windows of 4 bytes, then those of 3.
    four: Table,
    three: Table,
    entries: Vec<Entry>,
}

/// One literal and the place of its window in it.
struct Entry {
    key: u32,
    /// The word of 8 bytes, little endian, in which the window and as much beside it
    /// as there is room for stand, and the bits in which a text may differ from it:
    /// the case of letters, and what is not of the literal. Nearly all that has the
    /// window and is not the literal differs here, where it costs no look at the
    /// literal itself.
    exact: u64,
    free: u64,
    /// How many bytes before the window that word begins.
    back: u32,
    literal: u32,
    /// Where the window begins in the literal.
    offset: u32,
}

/// Bytes of a word.
const WORD: usize = 8;

impl Entry {
    fn new(window: &Window, place: Placed, number: usize, literal: &Literal) -> Option<Self> {
        let after = literal.bytes.len().checked_sub(place.offset)?;
        let back = WORD.saturating_sub(after).min(place.offset);
        let part = literal.bytes.get(place.offset - back..)?;
        let (mut exact, mut free) = ([0xff; WORD], [0xff; WORD]);
        for ((exact, free), byte) in exact.iter_mut().zip(&mut free).zip(part) {
            *free = if literal.fold && byte.is_ascii_alphabetic() { 0x20 } else { 0 };
            *exact = *byte | *free;
        }
        Some(Self {
            key: window.key(),
            exact: u64::from_le_bytes(exact),
            free: u64::from_le_bytes(free),
            back: u32::try_from(back).ok()?,
            literal: u32::try_from(number).ok()?,
            offset: u32::try_from(place.offset).ok()?,
        })
    }

    /// Where the literal begins, unless its word stands nowhere around a window.
    #[inline]
    fn start(&self, text: &[u8], position: usize) -> Option<usize> {
        let word = word_at(text, position.checked_sub(usize::try_from(self.back).ok()?)?);
        let start = position.checked_sub(usize::try_from(self.offset).ok()?)?;
        (word | self.free == self.exact).then_some(start)
    }
}

/// A set of keys with their entries: `range` of the sorted list of entries.
#[derive(Default)]
struct Table {
    /// log2 of the number of slots; 0: no keys.
    slots: u32,
    /// Open addressing: the first entry + 1 of a key, 0 for free.
    index: Vec<u32>,
}

fn hash(key: u32, bits: u32) -> usize {
    // Fibonacci hashing: the high bits of the product are well mixed.
    usize::try_from(key.wrapping_mul(0x9e37_79b1) >> (32 - bits)).unwrap_or(0)
}

impl Table {
    /// Over the entries `from..` of the sorted list that have consecutive keys.
    fn new(entries: &[Entry], from: usize, to: usize) -> Self {
        let Some(part) = entries.get(from..to).filter(|part| !part.is_empty()) else {
            return Self::default();
        };
        // At most a quarter full.
        let slots = (usize::BITS - (part.len() * 4).leading_zeros()).clamp(4, 26);
        let mut table = Self { slots, index: vec![0; 1 << slots] };
        let mut before = None;
        for (number, entry) in part.iter().enumerate() {
            if before.replace(entry.key) == Some(entry.key) {
                continue;
            }
            // `hash` gives less than `1 << slots`, and the mask keeps it so.
            let mut slot = hash(entry.key, slots);
            while table.index[slot] != 0 {
                slot = (slot + 1) & ((1 << slots) - 1);
            }
            table.index[slot] = u32::try_from(from + number + 1).unwrap_or(u32::MAX);
        }
        table
    }

    /// The first entry of the key.
    fn find(&self, key: u32, entries: &[Entry]) -> Option<usize> {
        if self.slots == 0 {
            return None;
        }
        let mut slot = hash(key, self.slots);
        loop {
            let first = usize::try_from(*self.index.get(slot)?).ok()?.checked_sub(1)?;
            if entries.get(first)?.key == key {
                return Some(first);
            }
            slot = (slot + 1) & ((1 << self.slots) - 1);
        }
    }
}

impl Confirm {
    pub(crate) fn new(windows: &[Window], placed: &[Placed], literals: &[Literal]) -> Self {
        let entries = placed.iter().zip(literals).enumerate().filter_map(|(number, (place, literal))| {
            let window = windows.get(place.window)?;
            Some((window.len, Entry::new(window, *place, number, literal)?))
        });
        let mut entries: Vec<(u8, Entry)> = entries.collect();
        entries.sort_by_key(|(len, entry)| (std::cmp::Reverse(*len), entry.key, entry.literal));
        let border = entries.iter().filter(|(len, _)| *len == 4).count();
        let entries: Vec<Entry> = entries.into_iter().map(|(_, entry)| entry).collect();
        Self {
            four: Table::new(&entries, 0, border),
            three: Table::new(&entries, border, entries.len()),
            entries,
        }
    }

    /// Gives the literals (index and start) that stand around the window at
    /// `position`, in a fixed order.
    #[inline]
    pub(crate) fn literals_at(
        &self,
        text: &[u8],
        position: usize,
        literals: &[Literal],
        mut found: impl FnMut(usize, usize),
    ) {
        let word = u32::try_from(word_at(text, position) & u64::from(u32::MAX)).unwrap_or(0) | FOLD;
        self.of(&self.four, word, text, position, literals, &mut found);
        self.of(&self.three, word & 0x00ff_ffff, text, position, literals, &mut found);
    }

    #[inline]
    fn of(
        &self,
        table: &Table,
        key: u32,
        text: &[u8],
        position: usize,
        literals: &[Literal],
        found: &mut impl FnMut(usize, usize),
    ) {
        let Some(first) = table.find(key, &self.entries) else { return };
        for entry in self.entries.iter().skip(first).take_while(|entry| entry.key == key) {
            let Some(start) = entry.start(text, position) else { continue };
            let index = usize::try_from(entry.literal).unwrap_or(usize::MAX);
            let Some(literal) = literals.get(index) else { continue };
            let Some(bytes) = text.get(start..start.saturating_add(literal.bytes.len())) else { continue };
            let equal = if literal.fold {
                bytes.eq_ignore_ascii_case(&literal.bytes)
            } else {
                *bytes == *literal.bytes
            };
            if equal {
                found(index, start);
            }
        }
    }
}

/// 8 bytes of a text, little endian, zeros after its end.
#[inline(always)]
fn word_at(text: &[u8], position: usize) -> u64 {
    match text.get(position..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => last_word(text, position),
    }
}

#[cold]
fn last_word(text: &[u8], position: usize) -> u64 {
    let mut bytes = [0; WORD];
    for (slot, byte) in bytes.iter_mut().zip(text.get(position..).unwrap_or_default()) {
        *slot = *byte;
    }
    u64::from_le_bytes(bytes)
}
