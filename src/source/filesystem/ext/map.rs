//! Where the content of an inode lies: extents, indirect blocks, or in the inode.
//!
//! Specification: Linux, Documentation/filesystems/ext4, "The Contents of
//! inode.i_block". A part of a map that is damaged costs only its own range: it
//! becomes a piece that cannot be read.

use std::collections::HashSet;
use std::sync::Arc;

use super::checksum::crc32c;
use super::inode::{Inode, flag};
use super::volume::{Blocks, Volume, index};
use crate::finding::Reason;
use crate::source::bytes::{u8_at, u16_le, u32_le};
use crate::source::disk::{DiskError, DiskResult};
use crate::source::filesystem::{Content, Piece, PieceSource, Place};

/// The most pieces of one file, 40 bytes each.
const MAX_PIECES: usize = 2 << 20;
/// Extent trees are never deeper: 4 · 340^4 blocks of leaves hold more than can be.
const MAX_DEPTH: u16 = 5;
/// The disk of pieces whose place is not known.
pub(super) const DAMAGED: u16 = u16::MAX;

/// The content of an inode, whatever its type. `blocks` gives the blocks of the map.
pub(super) fn content(volume: &Volume, inode: &Inode, blocks: &dyn Blocks) -> DiskResult<Content> {
    let size = inode.size()?;
    if inode.has(flag::INLINE_DATA) {
        return inline_content(inode, size);
    }
    let mut builder = Builder { volume, size, pieces: Vec::new(), stored: 0 };
    if inode.has(flag::EXTENTS) {
        let root = Node { bytes: &inode.block, offset: inode.offset, root: true };
        let depth = u16_le(&inode.block, 6).unwrap_or(0);
        if depth > MAX_DEPTH {
            return Err(DiskError::corrupt(inode.offset, "an extent tree is deeper than any can be"));
        }
        let mut tree = Extents { builder: &mut builder, blocks, seed: inode.seed, next: 0 };
        tree.node(root, depth, 0, 1 << 32)?;
    } else {
        let mut tree = Indirect { builder: &mut builder, blocks, seen: HashSet::new() };
        tree.root(inode)?;
    }
    Ok(Content { size, pieces: builder.pieces })
}

/// Content in the inode: the bytes in place of the map, then the attribute
/// `system.data`. What is missing was never written.
fn inline_content(inode: &Inode, size: u64) -> DiskResult<Content> {
    let (first, second) = inline(inode)?;
    let bytes: Vec<u8> = [first, second].concat().into_iter().take(index(size)).collect();
    let length = u64::try_from(bytes.len()).unwrap_or(0);
    let piece = Piece { at: 0, length, source: PieceSource::Inline(Arc::from(bytes)) };
    Ok(Content { size, pieces: if length == 0 { Vec::new() } else { vec![piece] } })
}

/// The two parts of what an inode holds itself.
pub(super) fn inline(inode: &Inode) -> DiskResult<(&[u8], &[u8])> {
    Ok((&inode.block, inline_attribute(inode)?))
}

/// The attribute `system.data`; empty where there is none.
fn inline_attribute(inode: &Inode) -> DiskResult<&[u8]> {
    let corrupt = || DiskError::corrupt(inode.offset, "the content in an inode leads out of it");
    if u32_le(&inode.attributes, 0) != Some(0xea02_0000) {
        return Ok(&[]);
    }
    let entries = inode.attributes.get(4..).unwrap_or_default();
    let mut at = 0;
    // Each step goes forward by at least an entry.
    while u32_le(entries, at).is_some_and(|first| first != 0) {
        let (length, space) = (u8_at(entries, at), u8_at(entries, at + 1));
        let length = usize::from(length.ok_or_else(corrupt)?);
        let name = entries.get(at + 16..at + 16 + length).ok_or_else(corrupt)?;
        if space == Some(7) && name == b"data" {
            let start = usize::from(u16_le(entries, at + 2).ok_or_else(corrupt)?);
            let size = index(u32_le(entries, at + 8).ok_or_else(corrupt)?.into());
            if u32_le(entries, at + 4) != Some(0) && size != 0 {
                return Err(DiskError::corrupt(inode.offset, "the content in an inode lies elsewhere"));
            }
            let end = start.checked_add(size).ok_or_else(corrupt)?;
            return if size == 0 { Ok(&[]) } else { entries.get(start..end).ok_or_else(corrupt) };
        }
        at += (16 + length).next_multiple_of(4);
    }
    Ok(&[])
}

/// Puts a content together, in units of blocks.
struct Builder<'v> {
    volume: &'v Volume,
    size: u64,
    pieces: Vec<Piece>,
    /// Bytes that are stored so far.
    stored: u64,
}

impl Builder<'_> {
    fn bytes(&self, blocks: u64) -> u64 {
        self.volume.offset(blocks)
    }

    /// The first block past the content.
    fn end(&self) -> u64 {
        self.size.div_ceil(self.volume.superblock.block_size())
    }

    fn stored(&mut self, at: u64, physical: u64, count: u64, offset: u64) -> DiskResult<()> {
        if at >= self.end() {
            return Ok(());
        }
        if !self.volume.covers(physical, count) {
            let error = DiskError::corrupt(offset, "a block of a file lies past the end of the filesystem");
            return self.damaged(at, at.saturating_add(count), error);
        }
        self.stored = self.stored.saturating_add(self.bytes(count));
        if self.stored > self.bytes(self.volume.superblock.blocks) {
            return Err(DiskError::corrupt(offset, "a file has more blocks than the filesystem"));
        }
        let (start, length) = (self.bytes(at), self.bytes(count));
        let place = Place { disk: 0, offset: self.bytes(physical) };
        if let Some(last) = self.pieces.last_mut()
            && let PieceSource::Stored(before) = last.source
            && last.at.checked_add(last.length) == Some(start)
            && before.offset.checked_add(last.length) == Some(place.offset)
            && before.disk == place.disk
        {
            last.length += length;
            return Ok(());
        }
        self.push(Piece { at: start, length, source: PieceSource::Stored(place) })
    }

    fn unwritten(&mut self, at: u64, count: u64) -> DiskResult<()> {
        if at >= self.end() {
            return Ok(());
        }
        self.push(Piece { at: self.bytes(at), length: self.bytes(count), source: PieceSource::Unwritten })
    }

    /// Blocks of which it is not known where they lie.
    fn damaged(&mut self, at: u64, end: u64, error: DiskError) -> DiskResult<()> {
        let end = end.min(self.end());
        let place = Place { disk: DAMAGED, offset: error.offset };
        self.volume.problems.add(error);
        if at >= end {
            return Ok(());
        }
        let length = self.bytes(end - at);
        self.push(Piece { at: self.bytes(at), length, source: PieceSource::Stored(place) })
    }

    fn push(&mut self, piece: Piece) -> DiskResult<()> {
        if self.pieces.len() >= MAX_PIECES {
            return Err(DiskError::over_budget(piece.at, "a file lies in more pieces than are followed"));
        }
        self.pieces.push(piece);
        Ok(())
    }
}

/// An extent tree.
struct Extents<'b, 'v> {
    builder: &'b mut Builder<'v>,
    blocks: &'b dyn Blocks,
    seed: u32,
    /// Every key is at or after this: so no block is of use twice, and even a tree
    /// that leads into itself has an end.
    next: u64,
}

/// A node of an extent tree.
#[derive(Clone, Copy)]
struct Node<'n> {
    bytes: &'n [u8],
    offset: u64,
    root: bool,
}

impl Extents<'_, '_> {
    /// Goes through a node for the blocks from `start` to `end`. Depth is bounded by
    /// that of the root, which was checked.
    fn node(&mut self, node: Node<'_>, depth: u16, start: u64, end: u64) -> DiskResult<()> {
        let corrupt = |message: &'static str| DiskError::corrupt(node.offset, message);
        let half = |at| u16_le(node.bytes, at).unwrap_or(0);
        let (magic, entries, max) = (half(0), usize::from(half(2)), usize::from(half(4)));
        if magic != 0xf30a {
            return Err(corrupt("a node of an extent tree is none"));
        }
        let tail = (max + 1) * 12;
        if half(6) != depth || entries > max || tail > node.bytes.len() {
            return Err(corrupt("the head of a node of an extent tree is impossible"));
        }
        if entries == 0 && (depth > 0 || !node.root) {
            return Err(corrupt("a node of an extent tree is empty"));
        }
        if !node.root && self.builder.volume.superblock.has_checksums() {
            let covered = node.bytes.get(..tail).unwrap_or_default();
            if u32_le(node.bytes, tail) != Some(crc32c(self.seed, covered)) {
                let error = corrupt("the checksum of a node of an extent tree is wrong");
                self.builder.volume.problems.add(error);
            }
        }
        let mut keys = node.bytes.chunks_exact(12).skip(1).take(entries).peekable();
        self.next = self.next.max(start);
        while let Some(entry) = keys.next() {
            let word = |at| u64::from(u32_le(entry, at).unwrap_or(0));
            let key = word(0);
            if key < self.next || key >= end {
                return Err(corrupt("the keys of an extent tree are not in order"));
            }
            if depth == 0 {
                let length = u16_le(entry, 4).unwrap_or(0);
                let high = u64::from(u16_le(entry, 6).unwrap_or(0));
                let (count, unwritten) =
                    if length > 0x8000 { (length - 0x8000, true) } else { (length, false) };
                let count = u64::from(count);
                if count == 0 || key + count > end {
                    return Err(corrupt("an extent has an impossible length"));
                }
                self.next = key + count;
                if unwritten {
                    self.builder.unwritten(key, count)?;
                } else {
                    self.builder.stored(key, word(8) | high << 32, count, node.offset)?;
                }
                continue;
            }
            let until =
                keys.peek().and_then(|next| u32_le(next, 0)).map_or(end, |next| u64::from(next).min(end));
            if self.builder.end() <= key {
                return Ok(());
            }
            let block = word(4) | u64::from(u16_le(entry, 8).unwrap_or(0)) << 32;
            let offset = self.builder.volume.offset(block);
            let below = self.blocks.block(block).and_then(|bytes| {
                self.node(Node { bytes: &bytes, offset, root: false }, depth - 1, key, until)
            });
            if let Err(error) = below {
                if error.reason == Reason::OverBudget {
                    return Err(error);
                }
                self.builder.damaged(self.next.max(key), until, error)?;
            }
            self.next = self.next.max(until);
        }
        Ok(())
    }
}

/// Blocks of block numbers.
struct Indirect<'b, 'v> {
    builder: &'b mut Builder<'v>,
    blocks: &'b dyn Blocks,
    /// Blocks of numbers that were met: none belongs to a file twice.
    seen: HashSet<u32>,
}

impl Indirect<'_, '_> {
    fn root(&mut self, inode: &Inode) -> DiskResult<()> {
        let per_block = self.builder.volume.superblock.block_size() / 4;
        let mut at = 0;
        for (slot, number) in inode.block.chunks_exact(4).enumerate() {
            let number = u32_le(number, 0).unwrap_or(0);
            let level = u32::try_from(slot.saturating_sub(11)).unwrap_or(0);
            self.subtree(number, level, at, inode.offset)?;
            at += per_block.saturating_pow(level);
        }
        Ok(())
    }

    /// What a number stands for: a block of content where `level` is 0, otherwise a
    /// block of numbers; there are three levels at most.
    fn subtree(&mut self, number: u32, level: u32, at: u64, offset: u64) -> DiskResult<()> {
        if number == 0 || at >= self.builder.end() {
            return Ok(());
        }
        if level == 0 {
            return self.builder.stored(at, number.into(), 1, offset);
        }
        let per_block = self.builder.volume.superblock.block_size() / 4;
        let step = per_block.saturating_pow(level - 1);
        let until = at.saturating_add(step.saturating_mul(per_block));
        let offset = self.builder.volume.offset(number.into());
        if !self.seen.insert(number) {
            let error = DiskError::corrupt(offset, "an indirect block is met twice");
            return self.builder.damaged(at, until, error);
        }
        if self.seen.len() > MAX_PIECES {
            return Err(DiskError::over_budget(offset, "a file has more indirect blocks than are followed"));
        }
        let bytes = match self.blocks.block(number.into()) {
            Ok(bytes) => bytes,
            Err(error) => return self.builder.damaged(at, until, error),
        };
        let mut at = at;
        for number in bytes.chunks_exact(4) {
            self.subtree(u32_le(number, 0).unwrap_or(0), level - 1, at, offset)?;
            at = at.saturating_add(step);
        }
        Ok(())
    }
}
