//! Where the blocks of a file lie: extent trees and indirect blocks (`ifork.rst`).

use super::inode::Inode;
use super::superblock::Superblock;
use crate::source::bytes::{u16_le, u32_le};
use crate::source::disk::{Disk, DiskError, DiskResult, read_vec};
use crate::source::filesystem::{Content, Piece, PieceSource, Place};

const EXTENT_MAGIC: u16 = 0xf30a;
/// The kernel makes no deeper trees.
const MAX_DEPTH: u16 = 5;
/// An extent with a length above this was never written.
const MAX_EXTENT: u16 = 32768;
/// The most pieces of one file: at 16 TiB of 4 KiB blocks fragments have 1 MiB.
const MAX_PIECES: usize = 1 << 24;

/// Builds a map.
struct Builder<'b> {
    superblock: &'b Superblock,
    disk: &'b dyn Disk,
    pieces: Vec<Piece>,
    /// How many blocks of the tree may still be read.
    budget: u64,
}

/// The map of a file.
pub(super) fn content(inode: &Inode, superblock: &Superblock, disk: &dyn Disk) -> DiskResult<Content> {
    let blocks = inode.size.div_ceil(superblock.block_size);
    // A tree has fewer blocks than its file, but for a sparse one; and never more
    // than the filesystem.
    let budget = superblock.blocks.min(1 << 26);
    let mut builder = Builder { superblock, disk, pieces: Vec::new(), budget };
    if inode.has_extents() {
        builder.extents(inode)?;
    } else {
        builder.indirect(inode, blocks)?;
    }
    let mut pieces = builder.pieces;
    pieces.retain(|piece| piece.at < inode.size);
    let mut end = 0;
    for piece in &pieces {
        if piece.at < end {
            return Err(DiskError::corrupt(inode.offset, "the map of a file overlaps itself"));
        }
        end = piece.at.saturating_add(piece.length);
    }
    Ok(Content { size: inode.size, pieces })
}

impl Builder<'_> {
    fn corrupt(&self, offset: u64, message: &'static str) -> DiskError {
        DiskError::corrupt(offset, message)
    }

    fn node(&mut self, block: u64) -> DiskResult<Vec<u8>> {
        let offset = block.saturating_mul(self.superblock.block_size);
        if block == 0 || block >= self.superblock.blocks {
            return Err(self.corrupt(offset, "a block of a map lies outside of the filesystem"));
        }
        self.budget = self.budget.checked_sub(1).ok_or_else(|| self.corrupt(offset, "a map has no end"))?;
        read_vec(self.disk, offset, usize::try_from(self.superblock.block_size).unwrap_or(0))
    }

    /// One piece more; neighbours become one.
    fn add(&mut self, block: u64, count: u64, physical: Option<u64>, offset: u64) -> DiskResult<()> {
        let size = self.superblock.block_size;
        if let Some(physical) = physical
            && physical.checked_add(count).is_none_or(|end| end > self.superblock.blocks)
        {
            return Err(self.corrupt(offset, "a file's block lies outside of the filesystem"));
        }
        let (at, length) = (block.saturating_mul(size), count.saturating_mul(size));
        if let (Some(last), Some(physical)) = (self.pieces.last_mut(), physical)
            && last.at.saturating_add(last.length) == at
            && let PieceSource::Stored(place) = last.source
            && place.offset.saturating_add(last.length) == physical.saturating_mul(size)
        {
            last.length = last.length.saturating_add(length);
            return Ok(());
        }
        if self.pieces.len() >= MAX_PIECES {
            return Err(DiskError::over_budget(offset, "the file has too many fragments"));
        }
        let source = match physical {
            Some(physical) => PieceSource::Stored(Place { disk: 0, offset: physical.saturating_mul(size) }),
            None => PieceSource::Unwritten,
        };
        self.pieces.push(Piece { at, length, source });
        Ok(())
    }

    fn extents(&mut self, inode: &Inode) -> DiskResult<()> {
        // Nodes that wait, the next one last: bytes, offset, the depth they must have.
        let mut waiting: Vec<(Vec<u8>, u64, Option<u16>)> = vec![(inode.block.to_vec(), inode.offset, None)];
        let mut blocks: Vec<(u64, u16)> = Vec::new();
        loop {
            let (bytes, offset, expected) = match waiting.pop() {
                Some(node) => node,
                None => match blocks.pop() {
                    Some((block, depth)) => {
                        (self.node(block)?, block.saturating_mul(self.superblock.block_size), Some(depth))
                    }
                    None => return Ok(()),
                },
            };
            let header = || Some((u16_le(&bytes, 0)?, u16_le(&bytes, 2)?, u16_le(&bytes, 6)?));
            let (magic, entries, depth) = header().unwrap_or_default();
            if magic != EXTENT_MAGIC
                || depth > MAX_DEPTH
                || expected.is_some_and(|expected| expected != depth)
            {
                return Err(self.corrupt(offset, "a node of an extent tree makes no sense"));
            }
            let first = blocks.len();
            for number in 0..usize::from(entries) {
                let at = 12 + number * 12;
                let entry = || {
                    let (block, length) = (u32_le(&bytes, at)?, u16_le(&bytes, at + 4)?);
                    Some((block, length, u16_le(&bytes, at + 6)?, u32_le(&bytes, at + 8)?))
                };
                let Some((block, length, high, low)) = entry() else {
                    return Err(self.corrupt(offset, "a node of an extent tree has more entries than room"));
                };
                if depth == 0 {
                    let physical = u64::from(low) | u64::from(high) << 32;
                    let written = length <= MAX_EXTENT;
                    let count = if written { length } else { length - MAX_EXTENT };
                    self.add(block.into(), count.into(), written.then_some(physical), offset)?;
                } else {
                    // In an index the low half of the block comes first.
                    let leaf = || {
                        Some(u64::from(u32_le(&bytes, at + 4)?) | u64::from(u16_le(&bytes, at + 8)?) << 32)
                    };
                    blocks.push((leaf().unwrap_or(0), depth - 1));
                }
            }
            if let Some(new) = blocks.get_mut(first..) {
                new.reverse();
            }
        }
    }

    fn indirect(&mut self, inode: &Inode, blocks: u64) -> DiskResult<()> {
        let per_block = self.superblock.block_size / 4;
        let mut at = 0;
        for slot in 0..15 {
            if at >= blocks {
                break;
            }
            let block = u32_le(&inode.block, slot * 4).unwrap_or(0);
            let depth = u32::try_from(slot.saturating_sub(11)).unwrap_or(0);
            let covers = per_block.saturating_pow(depth);
            self.tree(block.into(), depth, at, blocks, inode.offset)?;
            at = at.saturating_add(covers);
        }
        Ok(())
    }

    /// A block of `depth` levels of pointers; depth is at most 3.
    fn tree(&mut self, block: u64, depth: u32, at: u64, blocks: u64, offset: u64) -> DiskResult<()> {
        if block == 0 || at >= blocks {
            return Ok(());
        }
        if depth == 0 {
            return self.add(at, 1, Some(block), offset);
        }
        let bytes = self.node(block)?;
        let here = block.saturating_mul(self.superblock.block_size);
        let covers = (self.superblock.block_size / 4).saturating_pow(depth - 1);
        let mut at = at;
        for pointer in bytes.chunks_exact(4) {
            let next = u32_le(pointer, 0).unwrap_or(0);
            self.tree(next.into(), depth - 1, at, blocks, here)?;
            at = at.saturating_add(covers);
        }
        Ok(())
    }
}
