//! What an allocation group says of its space: what is free, and which inodes there are.
//!
//! Follows "XFS Algorithms & Data Structures", part III, "AG Free Space Management" and
//! "AG Inode Management".

use std::ops::{ControlFlow, Range};

use crate::source::bytes::{u16_be, u32_be, u64_be};
use crate::source::disk::{DiskError, DiskResult};

use super::Xfs;
use super::block::{self, Seal};
use super::tree::Tree;

/// "XAFL".
const FREE_LIST: u32 = 0x5841_464c;

/// 64 inodes of which some may not be stored (sparse).
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    /// Number of the first.
    pub(super) first: u64,
    /// One bit for each inode, the lowest for the first: not in use.
    pub(super) free: u64,
    /// One bit for four inodes: not stored.
    pub(super) holes: u16,
}

impl Chunk {
    /// The numbers of the inodes that are stored, and whether each is free.
    pub(super) fn inodes(self) -> impl Iterator<Item = (u64, bool)> {
        (0..64_u64)
            .filter(move |at| self.holes >> (at / 4) & 1 == 0)
            .map(move |at| (self.first + at, self.free >> at & 1 == 1))
    }
}

impl Xfs {
    /// Gives the free blocks of an allocation group in order, by their numbers in it.
    /// Those that are kept for the trees of free space itself are among them: what they
    /// held was freed.
    pub(super) fn free_blocks(
        &self,
        ag: u64,
        each: &mut dyn FnMut(Range<u64>) -> DiskResult<ControlFlow<()>>,
    ) -> DiskResult<()> {
        let header = self.ag_header(ag, 1, Seal::FREE_SPACE, "header of free space")?;
        let offset = self.geometry.in_ag(ag, 0).unwrap_or(0) + self.geometry.sector_size;
        let wrong = |what: &'static str| DiskError::corrupt(offset, what);
        if u32_be(&header, 0) != Some(block::AGF) || u32_be(&header, 8).map(u64::from) != Some(ag) {
            return Err(wrong("there is no header of free space in its place"));
        }
        let kept = self.kept_blocks(ag, &header);
        let root = u32_be(&header, 16).map_or(u64::MAX, u64::from);
        let levels = u32_be(&header, 28).and_then(|levels| u16::try_from(levels).ok()).unwrap_or(u16::MAX);
        let level = levels.checked_sub(1).ok_or_else(|| wrong("the tree of free space has no levels"))?;

        let length = self.geometry.ag_length(ag);
        let mut kept_blocks = kept.iter().flatten().copied().peekable();
        let mut end = 0;
        let mut ended = false;
        self.records((ag, Tree::FREE), &[root], level, &mut |record| {
            let start = u64::from(u32_be(record, 0).unwrap_or(u32::MAX));
            let after = start + u64::from(u32_be(record, 4).unwrap_or(u32::MAX));
            if start < end || after <= start || after > length {
                return Err(wrong("the tree of free space is out of order"));
            }
            while let Some(block) = kept_blocks.next_if(|block| *block < start) {
                if block >= end && each(block..block + 1)?.is_break() {
                    ended = true;
                    return Ok(ControlFlow::Break(()));
                }
            }
            end = after;
            ended = each(start..after)?.is_break();
            Ok(if ended { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        for block in kept_blocks.filter(|block| *block >= end) {
            if ended || each(block..block + 1)?.is_break() {
                break;
            }
        }
        kept.map(|_| ())
    }

    /// The blocks of the free list, sorted.
    fn kept_blocks(&self, ag: u64, header: &[u8]) -> DiskResult<Vec<u64>> {
        let list = self.ag_header(ag, 3, Seal::FREE_LIST, "free list")?;
        let offset = self.geometry.in_ag(ag, 0).unwrap_or(0) + 3 * self.geometry.sector_size;
        let wrong = || DiskError::corrupt(offset, "a free list makes no sense");
        let start = if self.geometry.version == 5 { 36 } else { 0 };
        if start > 0 && u32_be(&list, 0) != Some(FREE_LIST) {
            return Err(wrong());
        }
        let slots: Vec<u64> = list
            .get(start..)
            .unwrap_or_default()
            .chunks_exact(4)
            .filter_map(|bytes| u32_be(bytes, 0).map(u64::from))
            .collect();
        let field =
            |at| u32_be(header, at).and_then(|value| usize::try_from(value).ok()).unwrap_or(usize::MAX);
        let (first, count) = (field(40), field(48));
        if first >= slots.len() || count > slots.len() {
            return Err(wrong());
        }
        // The list is a ring.
        let mut blocks: Vec<u64> = slots.iter().cycle().skip(first).take(count).copied().collect();
        if blocks.iter().any(|block| *block >= self.geometry.ag_length(ag)) {
            return Err(wrong());
        }
        blocks.sort_unstable();
        blocks.dedup();
        Ok(blocks)
    }

    /// Gives the chunks of inodes of an allocation group, in order.
    pub(super) fn chunks(
        &self,
        ag: u64,
        each: &mut dyn FnMut(Chunk) -> DiskResult<ControlFlow<()>>,
    ) -> DiskResult<()> {
        let header = self.ag_header(ag, 2, Seal::INODES, "header of inodes")?;
        let offset = self.geometry.in_ag(ag, 0).unwrap_or(0) + 2 * self.geometry.sector_size;
        let wrong = |what: &'static str| DiskError::corrupt(offset, what);
        if u32_be(&header, 0) != Some(block::AGI) || u32_be(&header, 8).map(u64::from) != Some(ag) {
            return Err(wrong("there is no header of inodes in its place"));
        }
        let root = u32_be(&header, 20).map_or(u64::MAX, u64::from);
        let levels = u32_be(&header, 24).and_then(|levels| u16::try_from(levels).ok()).unwrap_or(u16::MAX);
        let level = levels.checked_sub(1).ok_or_else(|| wrong("the tree of inodes has no levels"))?;
        let mut next = 0;
        self.records((ag, Tree::INODES), &[root], level, &mut |record| {
            let start = u64::from(u32_be(record, 0).unwrap_or(u32::MAX));
            if start < next {
                return Err(wrong("the tree of inodes is out of order"));
            }
            next = start + 64;
            let first = (ag << (self.geometry.ag_log + self.geometry.inodes_log)) | start;
            // Without sparse inodes there is a count of 32 bits in the place of the
            // holes: at most 64, so that its upper half is no hole.
            let holes = u16_be(record, 4).unwrap_or(0);
            each(Chunk { first, free: u64_be(record, 8).unwrap_or(0), holes })
        })
    }
}
