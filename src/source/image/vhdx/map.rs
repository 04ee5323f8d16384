//! The table of blocks of a VHDX (MS-VHDX 2.5).

use super::super::super::bytes::u64_le;
use super::super::super::disk::{DiskError, DiskResult};
use super::super::bitmap::PartialBlock;
use super::super::mapped::{Map, Place, Run, coalesce, table_bytes};
use super::super::store::Store;
use super::header::Region;
use super::metadata::Metadata;

/// States of a block of data.
const NOT_PRESENT: u64 = 0;
const UNDEFINED: u64 = 1;
const ZERO: u64 = 2;
const UNMAPPED: u64 = 3;
/// As drafts of the format had it.
const UNMAPPED_BEFORE: u64 = 5;
const FULLY_PRESENT: u64 = 6;
const PARTIALLY_PRESENT: u64 = 7;

const STATE: u64 = 7;
const OFFSET: u64 = !0xf_ffff;

/// Sectors to a bitmap, which has a bit for each.
const BITMAP_SECTORS: u64 = 1 << 23;

#[derive(Debug)]
pub(super) struct BlockMap {
    store: Store,
    bat: u64,
    size: u64,
    block: u64,
    sector: u64,
    /// Blocks before each entry of a bitmap.
    chunk: u64,
    has_parent: bool,
}

impl BlockMap {
    pub(super) fn new(store: Store, bat: Region, metadata: &Metadata) -> DiskResult<Self> {
        let map = Self {
            store,
            bat: bat.offset,
            size: metadata.size,
            block: metadata.block,
            sector: metadata.sector,
            chunk: (BITMAP_SECTORS * metadata.sector / metadata.block).max(1),
            has_parent: metadata.parent.is_some(),
        };
        let last = map.size.div_ceil(map.block).saturating_sub(1);
        if map.size > 0 && (map.entry_of(last) + 1).saturating_mul(8) > bat.length {
            return Err(DiskError::corrupt(bat.offset, "the table of blocks is too short for the disk"));
        }
        Ok(map)
    }

    /// Number of a block's entry in the table.
    fn entry_of(&self, block: u64) -> u64 {
        block + block / self.chunk
    }

    fn place(&self, at: u64, entry: u64) -> DiskResult<Place> {
        match entry & STATE {
            NOT_PRESENT if self.has_parent => Ok(Place::Parent),
            NOT_PRESENT | UNDEFINED | ZERO | UNMAPPED | UNMAPPED_BEFORE => Ok(Place::Zero),
            FULLY_PRESENT if entry & OFFSET >= self.store.size() => {
                Err(DiskError::corrupt(at, "a block lies past the end of the file"))
            }
            FULLY_PRESENT => Ok(Place::At(entry & OFFSET)),
            state => Err(DiskError::corrupt(at, format!("a block in the state {state}"))),
        }
    }

    /// A range of sectors of one block that are all this image's, or all the parent's.
    fn run_in_block(&self, offset: u64, limit: u64, data: u64) -> DiskResult<Run> {
        let chunk = offset / self.block / self.chunk;
        let at = self.bat.saturating_add((chunk * (self.chunk + 1) + self.chunk) * 8);
        let window = self.store.window(at, 8)?;
        let entry = u64_le(window.bytes(), 0).unwrap_or(0);
        if entry & STATE != FULLY_PRESENT {
            return Err(DiskError::corrupt(
                at,
                "a block is there in part, but not the bitmap that says which",
            ));
        }
        let number = offset / self.block % self.chunk;
        let block = PartialBlock {
            store: &self.store,
            bitmap: entry & OFFSET,
            first: number.saturating_mul(self.block / self.sector),
            lowest_first: true,
            sector: self.sector,
            block: self.block,
            data,
        };
        block.run(offset, limit)
    }
}

impl Map for BlockMap {
    fn size(&self) -> u64 {
        self.size
    }

    fn unit(&self) -> u64 {
        self.block
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn run(&self, offset: u64, limit: u64) -> DiskResult<Run> {
        let index = offset / self.block;
        let at = self.bat.saturating_add(self.entry_of(index) * 8);
        // As far as the next entry of a bitmap.
        let left = (self.chunk - index % self.chunk).min(self.size.div_ceil(self.block) - index);
        let wanted = table_bytes(offset, limit, self.block, left, 8);
        let window = self.store.window(at, wanted)?;
        let entries = window.bytes().chunks_exact(8).map(|entry| u64_le(entry, 0).unwrap_or(0));
        if let Some(first) = entries.clone().next()
            && first & STATE == PARTIALLY_PRESENT
            && self.has_parent
        {
            return self.run_in_block(offset, limit, first & OFFSET);
        }
        coalesce(offset, limit, self.block, entries.map(|entry| self.place(at, entry)))
    }
}
