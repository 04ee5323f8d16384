//! Chunks: from the addresses that all structures use to places on devices.
//!
//! Specification: Btrfs documentation, "On-disk Format", section "Chunk item";
//! where a stripe lies, as the kernel's `btrfs_map_block` has it.

use std::collections::BTreeMap;

use super::key::{KEY_SIZE, Key, kind, object};
use crate::source::bytes::{array, u16_le, u64_le};

/// Bytes of a chunk item without its stripes, and of a stripe.
const ITEM: usize = 48;
const STRIPE: usize = 32;
/// The only length of a stripe that there is.
pub(super) const STRIPE_LENGTH: u64 = 64 << 10;

/// How a chunk is laid over its stripes; the profile and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Each stripe is a copy (single, DUP, RAID1 and its kin).
    Copies,
    /// Stripes in turn, each so many times (RAID0: 1, RAID10: 2).
    Striped { copies: u64 },
    /// Stripes in turn, so many of each row for parity (RAID5: 1, RAID6: 2).
    Parity { parity: u64 },
}

/// A place on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stripe {
    pub(super) device: u64,
    pub(super) uuid: [u8; 16],
    pub(super) offset: u64,
}

/// A range of addresses, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) start: u64,
    pub(super) length: u64,
    pub(super) layout: Layout,
    pub(super) stripes: Vec<Stripe>,
}

impl Chunk {
    /// The chunk of an item.
    pub(super) fn read(start: u64, item: &[u8]) -> Result<Self, &'static str> {
        let field = |at| u64_le(item, at).ok_or("a chunk is cut short");
        let (length, stripe_length, flags) = (field(0)?, field(16)?, field(24)?);
        let count = usize::from(u16_le(item, 44).ok_or("a chunk is cut short")?);
        let sub_stripes = u16_le(item, 46).ok_or("a chunk is cut short")?;
        if stripe_length != STRIPE_LENGTH {
            return Err("a chunk has an impossible length of stripes");
        }
        if length == 0 || start.checked_add(length).is_none() {
            return Err("a chunk has an impossible length");
        }
        let listed = item.get(ITEM..).unwrap_or_default();
        if count == 0 || listed.len() / STRIPE < count {
            return Err("a chunk has an impossible number of stripes");
        }
        let (layout, right) = match (flags >> 3) & 0xff {
            0 => (Layout::Copies, count == 1),
            0x01 => (Layout::Striped { copies: 1 }, true),
            0x02 | 0x04 => (Layout::Copies, count == 2),
            0x08 => (Layout::Striped { copies: 2 }, sub_stripes == 2 && count.is_multiple_of(2)),
            0x10 => (Layout::Parity { parity: 1 }, count >= 2),
            0x20 => (Layout::Parity { parity: 2 }, count >= 3),
            0x40 => (Layout::Copies, count == 3),
            0x80 => (Layout::Copies, count == 4),
            _ => return Err("a chunk has several profiles at once"),
        };
        if !right {
            return Err("a chunk has a number of stripes that its profile cannot have");
        }
        let stripes = listed.chunks_exact(STRIPE).take(count);
        let stripes = stripes.map(|stripe| {
            Some(Stripe { device: u64_le(stripe, 0)?, offset: u64_le(stripe, 8)?, uuid: array(stripe, 16)? })
        });
        let stripes = stripes.collect::<Option<Vec<_>>>().ok_or("a chunk is cut short")?;
        Ok(Self { start, length, layout, stripes })
    }

    fn count(&self) -> u64 {
        u64::try_from(self.stripes.len()).unwrap_or(u64::MAX)
    }

    /// How many stripes of a row hold different bytes.
    pub(super) fn columns(&self) -> u64 {
        let columns = match self.layout {
            Layout::Copies => 1,
            Layout::Striped { copies } => self.count() / copies,
            Layout::Parity { parity } => self.count().saturating_sub(parity),
        };
        columns.max(1)
    }

    /// How many bytes each of its stripes has on its device.
    pub(super) fn stripe_size(&self) -> u64 {
        if self.layout == Layout::Copies { self.length } else { self.length / self.columns() }
    }

    /// Whether all stripes hold the same.
    pub(super) fn is_copied(&self) -> bool {
        self.layout == Layout::Copies
    }

    /// Where an address inside of it lies: the stripes that hold it, how far into
    /// them, and for how many bytes from there on that goes on.
    pub(super) fn locate(&self, logical: u64) -> Located<'_> {
        let within = logical.saturating_sub(self.start);
        let left = self.length.saturating_sub(within);
        if self.layout == Layout::Copies {
            return Located { stripes: &self.stripes, within, length: left };
        }
        let (number, inside) = (within / STRIPE_LENGTH, within % STRIPE_LENGTH);
        let (row, column) = (number / self.columns(), number % self.columns());
        let (first, copies) = match self.layout {
            Layout::Copies => (0, self.count()),
            Layout::Striped { copies } => (column * copies, copies),
            // Parity moves on by one stripe with every row.
            Layout::Parity { .. } => (row.wrapping_add(column) % self.count().max(1), 1),
        };
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let copies = usize::try_from(copies).unwrap_or(0);
        let stripes = self.stripes.get(first..).and_then(|from| from.get(..copies)).unwrap_or_default();
        let within = row.saturating_mul(STRIPE_LENGTH).saturating_add(inside);
        Located { stripes, within, length: left.min(STRIPE_LENGTH - inside) }
    }
}

/// Where an address lies.
#[derive(Debug)]
pub(super) struct Located<'c> {
    /// Each holds a copy.
    pub(super) stripes: &'c [Stripe],
    /// Bytes from where a stripe begins on its device.
    pub(super) within: u64,
    /// Bytes that follow there.
    pub(super) length: u64,
}

/// All chunks that are known, by where they start.
#[derive(Debug, Default)]
pub(super) struct Chunks(BTreeMap<u64, Chunk>);

impl Chunks {
    /// The chunks that a superblock lists, and what is wrong with them.
    pub(super) fn of_superblock(listed: &[u8]) -> (Self, Option<&'static str>) {
        let mut chunks = Self::default();
        let mut rest = listed;
        while !rest.is_empty() {
            let Some(key) =
                Key::read(rest, 0).filter(|key| (key.object, key.kind) == (object::CHUNKS, kind::CHUNK))
            else {
                return (chunks, Some("the superblock lists something that is no chunk"));
            };
            let item = rest.get(KEY_SIZE..).unwrap_or_default();
            let added = Chunk::read(key.offset, item).and_then(|chunk| {
                let length = KEY_SIZE + ITEM + chunk.stripes.len() * STRIPE;
                chunks.add(chunk).map(|()| length)
            });
            match added {
                Ok(length) => rest = rest.get(length..).unwrap_or_default(),
                Err(message) => return (chunks, Some(message)),
            }
        }
        (chunks, None)
    }

    /// Adds a chunk; one that is known already is no news.
    pub(super) fn add(&mut self, chunk: Chunk) -> Result<(), &'static str> {
        let end = chunk.start.saturating_add(chunk.length);
        if let Some((_, before)) = self.0.range(..end).next_back()
            && before.start.saturating_add(before.length) > chunk.start
        {
            return if *before == chunk { Ok(()) } else { Err("chunks overlap") };
        }
        self.0.insert(chunk.start, chunk);
        Ok(())
    }

    /// The chunk that has an address.
    pub(super) fn get(&self, logical: u64) -> Option<&Chunk> {
        let (_, chunk) = self.0.range(..=logical).next_back()?;
        (logical - chunk.start < chunk.length).then_some(chunk)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Chunk> {
        self.0.values()
    }
}
