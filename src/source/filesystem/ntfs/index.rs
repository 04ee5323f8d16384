//! Directories: the index of `$FILE_NAME` in `$INDEX_ROOT` and `$INDEX_ALLOCATION`.
//!
//! The blocks of the index form a B-tree. For a listing its order does not matter,
//! and each name stands in it once: so the root is read, then every block that the
//! index's bitmap has in use, in the order of the disk. No pointer is followed, so
//! no cycle can be met, and a damaged block costs its own names only.
//!
//! The alternative, a map from each directory to the records that name it as parent,
//! needs the whole $MFT and memory for every file before the first name is given. It
//! is the second way, for directories with damaged blocks: see `lost`.

use std::ops::ControlFlow;

use super::node::{DIRECTORY_INDEX, Node, Stream};
use super::record::{fix_up, kind};
use super::volume::Volume;
use crate::source::bytes::{array, u16_le, u32_le, u64_le};
use crate::source::disk::{DiskError, DiskResult};

/// The largest index that is read: some 500 million names.
const MAX_INDEX: u64 = 64 << 30;
/// After so many damaged blocks the rest of an index is not looked at.
const MAX_DAMAGED: u32 = 1000;
/// Sizes of an index block.
const BLOCK_SIZES: std::ops::RangeInclusive<u64> = 512..=65536;
/// Bytes of the bitmap that are read at a time.
const BITMAP_STEP: u64 = 512;

/// Gives the reference and the key of every entry. Returns what is damaged, where
/// all else was given.
///
/// # Errors
///
/// A directory without an index.
pub(super) fn entries(
    volume: &Volume,
    node: &Node,
    each: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
) -> DiskResult<Option<DiskError>> {
    let offset = node.base.offset;
    let corrupt = |message: &'static str| DiskError::corrupt(offset, message);
    let root = node.bytes(volume, kind::INDEX_ROOT, DIRECTORY_INDEX, 65536)?;
    let root = root.ok_or_else(|| corrupt("a directory has no index"))?;
    if u32_le(&root, 0) != Some(kind::FILE_NAME) {
        return Err(corrupt("the index of a directory is not one of names"));
    }
    let block_size = u32_le(&root, 8).map_or(0, u64::from);
    let has_blocks = u32_le(&root, 28).is_some_and(|flags| flags & 1 != 0);
    let mut damage = None;
    match header(root.get(16..).unwrap_or_default(), each) {
        Ok(ControlFlow::Break(())) => return Ok(None),
        Ok(ControlFlow::Continue(())) => {}
        Err(message) => damage = Some(corrupt(message)),
    }
    if has_blocks {
        let blocks = Blocks::open(volume, node, block_size);
        let found = blocks.and_then(|blocks| blocks.entries(volume, each));
        damage = found.unwrap_or_else(Some).or(damage);
    }
    Ok(damage)
}

/// The blocks of an index.
#[derive(Debug)]
struct Blocks {
    all: Stream,
    bitmap: Stream,
    block_size: u64,
}

impl Blocks {
    fn open(volume: &Volume, node: &Node, block_size: u64) -> DiskResult<Self> {
        let corrupt = |message: &'static str| DiskError::corrupt(node.base.offset, message);
        let all = node.stream(volume, kind::INDEX_ALLOCATION, DIRECTORY_INDEX)?;
        let all = all.ok_or_else(|| corrupt("a directory has no blocks for its index"))?;
        let bitmap = node.stream(volume, kind::BITMAP, DIRECTORY_INDEX)?;
        let bitmap = bitmap.ok_or_else(|| corrupt("the index of a directory has no bitmap"))?;
        if !BLOCK_SIZES.contains(&block_size) || !block_size.is_power_of_two() {
            return Err(corrupt("the blocks of an index have a size that none can have"));
        }
        if all.size > MAX_INDEX {
            return Err(DiskError::over_budget(node.base.offset, "a directory is larger than is read"));
        }
        Ok(Self { all, bitmap, block_size })
    }

    fn entries(
        &self,
        volume: &Volume,
        each: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> DiskResult<Option<DiskError>> {
        let count = self.all.size.checked_div(self.block_size).unwrap_or(0);
        let mut block = vec![0; usize::try_from(self.block_size).unwrap_or(0)];
        let mut used = Vec::new();
        let mut damage = None;
        let mut damaged = 0;
        for number in 0..count {
            let bit = number % (8 * BITMAP_STEP);
            if bit == 0 {
                let from = number / 8;
                let length = self.bitmap.size.saturating_sub(from).min(BITMAP_STEP);
                used.resize(usize::try_from(length).unwrap_or(0), 0);
                self.bitmap.read(volume, &mut used, from)?;
            }
            let byte = usize::try_from(bit / 8).ok().and_then(|at| used.get(at)).copied().unwrap_or(0);
            if byte >> (bit % 8) & 1 == 0 {
                continue;
            }
            let offset = number.saturating_mul(self.block_size);
            let given = self.all.read(volume, &mut block, offset).and_then(|()| {
                let result = self.block(volume, &mut block, offset, each);
                result.map_err(|message| DiskError::corrupt(self.all.offset, message))
            });
            match given {
                Ok(ControlFlow::Break(())) => return Ok(None),
                Ok(ControlFlow::Continue(())) => {}
                Err(error) => {
                    volume.problems.add(error.clone());
                    damage = Some(error);
                    damaged += 1;
                    if damaged > MAX_DAMAGED {
                        break;
                    }
                }
            }
        }
        Ok(damage)
    }

    fn block(
        &self,
        volume: &Volume,
        block: &mut [u8],
        offset: u64,
        each: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, &'static str> {
        if array(block, 0) != Some(*b"INDX") {
            return Err("a block of an index does not begin with INDX");
        }
        fix_up(block)?;
        // Counted in clusters or, where a cluster is larger than a block, in sectors.
        let unit = if volume.boot.cluster_size <= self.block_size { volume.boot.cluster_size } else { 512 };
        if u64_le(block, 16) != offset.checked_div(unit) {
            return Err("a block of an index belongs elsewhere");
        }
        header(block.get(24..).unwrap_or_default(), each)
    }
}

/// Gives the entries after an index header.
fn header(
    area: &[u8],
    each: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, &'static str> {
    const CUT: &str = "the entries of an index end outside of it";
    let size = |at: usize| u32_le(area, at).and_then(|size| usize::try_from(size).ok());
    let (first, used) = (size(0).ok_or(CUT)?, size(4).ok_or(CUT)?);
    let mut rest = area.get(first..used).ok_or(CUT)?;
    loop {
        let length = usize::from(u16_le(rest, 8).ok_or(CUT)?);
        let key_length = usize::from(u16_le(rest, 10).ok_or(CUT)?);
        let flags = u16_le(rest, 12).ok_or(CUT)?;
        if flags & 2 != 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let entry = rest.get(..length).filter(|_| length >= 16).ok_or(CUT)?;
        let key = entry.get(16..16 + key_length).ok_or("the name of an entry ends outside of it")?;
        if each(u64_le(entry, 0).ok_or(CUT)?, key).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}
