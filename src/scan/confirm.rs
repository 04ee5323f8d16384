//! From a candidate position to the literals that stand there.
//!
//! A small filter of bits (in the first-level cache) turns away nearly all false
//! candidates after one multiplication; then a hash table leads from the window's
//! bytes to the literals that it represents, which are compared whole.

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
    literal: u32,
    offset: u32,
}

/// A set of keys with their entries: `range` of the sorted list of entries.
#[derive(Default)]
struct Table {
    /// log2 of the number of bits in the filter; 0: no keys.
    bits: u32,
    filter: Vec<u64>,
    /// log2 of the number of slots.
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
        // About 1 in 64 bits set, and slots at most a quarter full.
        let bits = (usize::BITS - (part.len() * 64).leading_zeros()).clamp(12, 22);
        let slots = (usize::BITS - (part.len() * 4).leading_zeros()).clamp(4, 26);
        let mut table = Self { bits, filter: vec![0; 1 << (bits - 6)], slots, index: vec![0; 1 << slots] };
        for (number, entry) in part.iter().enumerate() {
            if number > 0 && part[number - 1].key == entry.key {
                continue;
            }
            let bit = hash(entry.key, bits);
            table.filter[bit / 64] |= 1 << (bit % 64);
            let mut slot = hash(entry.key, slots);
            while table.index[slot] != 0 {
                slot = (slot + 1) & ((1 << slots) - 1);
            }
            table.index[slot] = u32::try_from(from + number + 1).unwrap_or(u32::MAX);
        }
        table
    }

    #[inline(always)]
    fn may_have(&self, key: u32) -> bool {
        if self.bits == 0 {
            return false;
        }
        let bit = hash(key, self.bits);
        self.filter.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// The first entry of the key.
    fn find(&self, key: u32, entries: &[Entry]) -> Option<usize> {
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
    pub(crate) fn new(windows: &[Window], placed: &[Placed]) -> Self {
        let mut entries: Vec<(u8, Entry)> = placed
            .iter()
            .enumerate()
            .filter_map(|(literal, place)| {
                let window = windows.get(place.window)?;
                let literal = u32::try_from(literal).ok()?;
                let offset = u32::try_from(place.offset).ok()?;
                Some((window.len, Entry { key: window.key(), literal, offset }))
            })
            .collect();
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
        let word = match text.get(position..).and_then(|rest| rest.first_chunk::<4>()) {
            Some(bytes) => u32::from_le_bytes(*bytes),
            None => last_word(text, position),
        } | FOLD;
        if self.four.may_have(word) {
            self.of(&self.four, word, text, position, literals, &mut found);
        }
        let word = word & 0x00ff_ffff;
        if self.three.may_have(word) {
            self.of(&self.three, word, text, position, literals, &mut found);
        }
    }

    #[inline(never)]
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
            let index = usize::try_from(entry.literal).unwrap_or(usize::MAX);
            let offset = usize::try_from(entry.offset).unwrap_or(usize::MAX);
            let (Some(literal), Some(start)) = (literals.get(index), position.checked_sub(offset)) else {
                continue;
            };
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

/// The last bytes of the text as a word, zeros after its end.
#[cold]
fn last_word(text: &[u8], position: usize) -> u32 {
    let mut bytes = [0; 4];
    for (slot, byte) in bytes.iter_mut().zip(text.get(position..).unwrap_or_default()) {
        *slot = *byte;
    }
    u32::from_le_bytes(bytes)
}
