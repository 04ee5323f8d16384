//! Nodes of trees: a header, then keys that point to other nodes, or items.
//!
//! A node is checked as a whole when it is read, so that what is in it can be
//! looked up by halving.
//!
//! Specification: Btrfs documentation, "On-disk Format", sections "Header", "Node"
//! and "Leaf".

use super::key::{KEY_SIZE, Key};
use crate::source::bytes::{array, u8_at, u32_le, u64_le};

/// Bytes of a header, of an item's place in a leaf, of a pointer in a node.
const HEADER: usize = 101;
const ITEM: usize = 25;
const POINTER: usize = 33;

/// How many levels a tree can have.
pub(super) const LEVELS: usize = 8;

/// Where a node lies and what must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) logical: u64,
    pub(super) generation: u64,
    pub(super) level: u8,
    /// Its first key; nobody tells that of a root.
    pub(super) first: Option<Key>,
}

impl Pointer {
    pub(super) fn root(logical: u64, generation: u64, level: u8) -> Self {
        Self { logical, generation, level, first: None }
    }
}

/// A node that has been checked.
#[derive(Debug)]
pub(super) struct Node {
    bytes: Box<[u8]>,
    pub(super) logical: u64,
    pub(super) generation: u64,
    pub(super) level: u8,
    count: usize,
}

impl Node {
    /// Takes the bytes of a node whose checksum is right.
    ///
    /// # Errors
    ///
    /// Why it is not the node that the pointer means, or is none at all.
    pub(super) fn parse(bytes: Box<[u8]>, to: &Pointer, uuids: &[[u8; 16]]) -> Result<Self, &'static str> {
        let header = |bytes: &[u8]| {
            let (fsid, logical) = (array::<16>(bytes, 32)?, u64_le(bytes, 48)?);
            let (generation, count) = (u64_le(bytes, 80)?, u32_le(bytes, 96)?);
            Some((fsid, logical, generation, usize::try_from(count).ok()?, u8_at(bytes, 100)?))
        };
        let (fsid, logical, generation, count, level) = header(&bytes).ok_or("a node is cut short")?;
        if logical != to.logical {
            return Err("a node belongs to another place");
        }
        if !uuids.contains(&fsid) {
            return Err("a node is of another filesystem");
        }
        if generation != to.generation {
            return Err("a node is of another generation than its parent says");
        }
        if level != to.level || usize::from(level) >= LEVELS {
            return Err("a node has another level than its parent says");
        }
        let node = Self { bytes, logical, generation, level, count };
        node.check()?;
        if to.first.is_some() && to.first != node.key(0) {
            return Err("a node begins with another key than its parent says");
        }
        Ok(node)
    }

    /// Keys must rise and items must lie between the last key and the end.
    fn check(&self) -> Result<(), &'static str> {
        let each = if self.is_leaf() { ITEM } else { POINTER };
        let room = self.bytes.len().saturating_sub(HEADER) / each;
        if self.count > room {
            return Err("a node has more items than there is room for");
        }
        let mut last = None;
        let table = self.count.saturating_mul(each);
        for slot in 0..self.count {
            let key = self.key(slot).ok_or("a node is cut short")?;
            if last.is_some_and(|last| last >= key) {
                return Err("the keys of a node are not in order");
            }
            last = Some(key);
            if self.is_leaf() {
                let (offset, size) = self.item_place(slot).ok_or("a node is cut short")?;
                if offset < table || offset.saturating_add(size) > self.bytes.len() - HEADER {
                    return Err("an item lies outside of its node");
                }
            }
        }
        Ok(())
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.level == 0
    }

    /// How many items or pointers it has.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    fn entry(&self, slot: usize) -> Option<&[u8]> {
        let each = if self.is_leaf() { ITEM } else { POINTER };
        let at = HEADER.checked_add(slot.checked_mul(each)?)?;
        if slot < self.count { self.bytes.get(at..at.checked_add(each)?) } else { None }
    }

    /// The key of an item or pointer.
    pub(super) fn key(&self, slot: usize) -> Option<Key> {
        Key::read(self.entry(slot)?, 0)
    }

    fn item_place(&self, slot: usize) -> Option<(usize, usize)> {
        let entry = self.entry(slot)?;
        let offset = usize::try_from(u32_le(entry, KEY_SIZE)?).ok()?;
        Some((offset, usize::try_from(u32_le(entry, KEY_SIZE + 4)?).ok()?))
    }

    /// An item of a leaf.
    pub(super) fn item(&self, slot: usize) -> Option<&[u8]> {
        let (offset, size) = self.item_place(slot)?;
        self.bytes.get(HEADER.checked_add(offset)?..)?.get(..size)
    }

    /// A pointer of a node that is no leaf.
    pub(super) fn child(&self, slot: usize) -> Option<Pointer> {
        let entry = self.entry(slot).filter(|_| !self.is_leaf())?;
        Some(Pointer {
            logical: u64_le(entry, KEY_SIZE)?,
            generation: u64_le(entry, KEY_SIZE + 8)?,
            level: self.level.checked_sub(1)?,
            first: Key::read(entry, 0),
        })
    }

    /// How many of its keys are not above `key`.
    pub(super) fn not_above(&self, key: Key) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle).is_some_and(|here| here <= key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}
