//! A block of a child that is there in part: a bitmap says of each sector whether
//! it is the child's own or the parent's.

use super::super::disk::DiskResult;
use super::mapped::{Place, Run, coalesce};
use super::store::{Store, WINDOW};

/// The block and its bitmap.
#[derive(Debug)]
pub(super) struct PartialBlock<'a> {
    pub(super) store: &'a Store,
    /// Where the bitmap starts, and which bit is that of the block's first sector.
    pub(super) bitmap: u64,
    pub(super) first: u64,
    /// Whether the lowest bit of a byte is that of its first sector.
    pub(super) lowest_first: bool,
    /// Bytes to a sector, and to a block.
    pub(super) sector: u64,
    pub(super) block: u64,
    /// Where the data of the block starts.
    pub(super) data: u64,
}

impl PartialBlock<'_> {
    /// The sectors at and after `offset`, a place of the disk in this block, that
    /// are all the child's or all the parent's.
    pub(super) fn run(&self, offset: u64, limit: u64) -> DiskResult<Run> {
        let inside = offset % self.block / self.sector;
        let bit = self.first.saturating_add(inside);
        let left = (self.block / self.sector).saturating_sub(inside);
        let sectors = (offset % self.sector).saturating_add(limit).div_ceil(self.sector).min(left);
        let wanted = usize::try_from((bit % 8).saturating_add(sectors).div_ceil(8)).unwrap_or(WINDOW);
        let window = self.store.window(self.bitmap.saturating_add(bit / 8), wanted)?;
        let is_own = |byte: u8, bit: u32| {
            if self.lowest_first { byte >> bit & 1 == 1 } else { byte << bit & 0x80 != 0 }
        };
        let bits = window.bytes().iter().flat_map(|byte| (0..8).map(move |bit| is_own(*byte, bit)));
        let bits = bits.skip(usize::try_from(bit % 8).unwrap_or(0));
        let places = bits.zip(inside..inside.saturating_add(left)).map(|(own, sector)| {
            let place = self.data.saturating_add(sector.saturating_mul(self.sector));
            Ok(if own { Place::At(place) } else { Place::Parent })
        });
        coalesce(offset, limit, self.sector, places)
    }
}
