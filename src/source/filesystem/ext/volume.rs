//! Blocks and group descriptors of one filesystem.
//!
//! Specification: Linux, Documentation/filesystems/ext4, "Block Group Descriptors",
//! "Meta Block Groups", "Flexible Block Groups".

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::checksum::{crc16, crc32c};
use super::superblock::{Superblock, incompat, ro_compat};
use crate::source::bytes::{u16_le, u32_le};
use crate::source::disk::{Disk, DiskError, DiskResult, read_exact, read_vec};
use crate::source::filesystem::Problems;

/// Blocks of descriptors that are kept: at most 64 groups each of the usual size.
const MAX_KEPT: usize = 4096;
/// The most groups of which nothing is known before no more are asked for.
pub(super) const MAX_UNKNOWN: usize = 100_000;
/// Copies of a block of descriptors that are looked at.
const MAX_COPIES: usize = 8;

/// A number as an index; one that is too large is past everything.
pub(super) fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Where blocks of metadata come from.
pub(super) trait Blocks {
    /// Reads a block.
    fn block(&self, number: u64) -> DiskResult<Vec<u8>>;
}

/// A group of blocks.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) block_bitmap: u64,
    pub(super) inode_bitmap: u64,
    pub(super) inode_table: u64,
    /// Inodes at the end of the table that were never used.
    pub(super) unused_inodes: u32,
    pub(super) block_bitmap_checksum: u32,
    flags: u16,
}

impl Group {
    /// The table and bitmap of inodes were never written.
    pub(super) fn inodes_unset(&self) -> bool {
        self.flags & 1 != 0
    }

    /// The bitmap of blocks was never written: all are free but those of structures.
    pub(super) fn blocks_unset(&self) -> bool {
        self.flags & 2 != 0
    }
}

/// A block of descriptors, taken apart.
type Descriptors = Arc<[DiskResult<Group>]>;

/// A filesystem as blocks.
#[derive(Debug)]
pub(super) struct Volume {
    /// Reads through a cache, and as after recovery.
    pub(super) disk: Arc<dyn Disk>,
    pub(super) superblock: Superblock,
    pub(super) problems: Problems,
    descriptors: Mutex<HashMap<u64, Descriptors>>,
}

impl Blocks for Volume {
    fn block(&self, number: u64) -> DiskResult<Vec<u8>> {
        let offset = self.offset(number);
        if !self.covers(number, 1) {
            return Err(DiskError::corrupt(offset, "a block lies past the end of the filesystem"));
        }
        read_vec(&*self.disk, offset, index(self.superblock.block_size()))
    }
}

impl Volume {
    /// Blocks of `disk`, as the superblock tells.
    pub(super) fn new(disk: Arc<dyn Disk>, superblock: Superblock, problems: Problems) -> Self {
        Self { disk, superblock, problems, descriptors: Mutex::default() }
    }

    /// Where a block begins.
    pub(super) fn offset(&self, block: u64) -> u64 {
        block.saturating_mul(self.superblock.block_size())
    }

    /// Whether blocks that hold something can lie there.
    pub(super) fn covers(&self, block: u64, count: u64) -> bool {
        let first = self.superblock.first_block.max(1);
        block >= first && block.checked_add(count).is_some_and(|end| end <= self.superblock.blocks)
    }

    /// Reads a block into `bytes`, which are as long as one.
    pub(super) fn read_block(&self, number: u64, bytes: &mut [u8]) -> DiskResult<()> {
        let offset = self.offset(number);
        if !self.covers(number, 1) {
            return Err(DiskError::corrupt(offset, "a block lies past the end of the filesystem"));
        }
        read_exact(&*self.disk, bytes, offset)
    }

    /// How many groups begin before the disk ends: what is told of the others need
    /// not be true, and there may be billions.
    pub(super) fn groups_on_disk(&self) -> u32 {
        let blocks = self.disk.size() >> self.superblock.block_bits;
        let groups = blocks.div_ceil(self.superblock.blocks_per_group);
        u32::try_from(groups).unwrap_or(u32::MAX).min(self.superblock.groups)
    }

    /// What is told of a group.
    pub(super) fn group(&self, group: u32) -> DiskResult<Group> {
        let per_block = self.descriptors_per_block();
        let number = u64::from(group) / per_block;
        let lock = || self.descriptors.lock().unwrap_or_else(PoisonError::into_inner);
        let held = lock().get(&number).map(Arc::clone);
        let descriptors = match held {
            Some(held) => held,
            None => {
                let read = self.read_descriptors(number)?;
                let mut kept = lock();
                if kept.len() >= MAX_KEPT {
                    kept.clear();
                }
                kept.insert(number, Arc::clone(&read));
                read
            }
        };
        let found = descriptors.get(index(u64::from(group) % per_block));
        found.cloned().unwrap_or_else(|| Err(DiskError::corrupt(0, "there is no such group")))
    }

    fn descriptors_per_block(&self) -> u64 {
        let size = u64::try_from(self.superblock.descriptor_size).unwrap_or(32);
        (self.superblock.block_size() / size.max(1)).max(1)
    }

    /// The blocks in which the block of descriptors with this number is kept, the
    /// one that counts first.
    pub(super) fn descriptor_copies(&self, number: u64) -> Vec<u64> {
        let superblock = &self.superblock;
        // The first superblock is in block 1 only where a block has 1024 bytes.
        let lead = u64::from(superblock.block_bits == 10 && superblock.first_block == 0);
        let behind = |group: u32| {
            let lead = if group == 0 { lead } else { 0 };
            superblock.group_start(group).saturating_add(u64::from(superblock.has_copy(group)) + lead)
        };
        if superblock.incompat & incompat::META_BG == 0 || number < superblock.first_meta_bg {
            let all = std::iter::once(0).chain(superblock.copies());
            return all.take(MAX_COPIES).map(|group| behind(group).saturating_add(number)).collect();
        }
        let first = number.saturating_mul(self.descriptors_per_block());
        let last = first.saturating_add(self.descriptors_per_block() - 1);
        let groups = [first, first.saturating_add(1), last].map(|group| u32::try_from(group).ok());
        groups.into_iter().flatten().filter(|group| *group < superblock.groups).map(behind).collect()
    }

    /// Descriptors come from the first place where they are right.
    fn read_descriptors(&self, number: u64) -> DiskResult<Descriptors> {
        let first = number.saturating_mul(self.descriptors_per_block());
        let count = u64::from(self.superblock.groups).saturating_sub(first);
        let count = index(count.min(self.descriptors_per_block()));
        let copies = self.descriptor_copies(number);
        let mut all: Vec<DiskResult<Group>> = Vec::new();
        for (copy, block) in copies.iter().enumerate() {
            let bytes = match self.block(*block) {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.problems.add(error.clone());
                    if all.is_empty() {
                        all = vec![Err(error); count];
                    }
                    continue;
                }
            };
            let offset = self.offset(*block);
            let size = self.superblock.descriptor_size;
            let read = bytes.chunks_exact(size).take(count).zip(first..);
            let read = read.map(|(bytes, group)| self.parse_descriptor(bytes, group, offset));
            if copy == 0 {
                all = read.collect();
            } else {
                for (kept, read) in all.iter_mut().zip(read) {
                    if kept.is_err() && read.is_ok() {
                        *kept = read;
                    }
                }
            }
            if copy == 0 {
                all.iter().filter_map(|read| read.as_ref().err()).for_each(|e| self.problems.add(e.clone()));
            }
            if all.iter().all(Result::is_ok) {
                break;
            }
        }
        // A wrong checksum with places that can be is still the best there is.
        if all.iter().any(Result::is_err)
            && let Some(block) = copies.first()
            && let Ok(bytes) = self.block(*block)
        {
            for (kept, bytes) in all.iter_mut().zip(bytes.chunks_exact(self.superblock.descriptor_size)) {
                if kept.is_err()
                    && let Some(group) = self.places(bytes)
                {
                    *kept = Ok(group);
                }
            }
        }
        Ok(all.into())
    }

    fn parse_descriptor(&self, bytes: &[u8], group: u64, offset: u64) -> DiskResult<Group> {
        let number = u32::try_from(group).unwrap_or(u32::MAX).to_le_bytes();
        let head = bytes.get(..0x1e).unwrap_or_default();
        let rest = bytes.get(0x20..).unwrap_or_default();
        let stored = u16_le(bytes, 0x1e).unwrap_or(0);
        let superblock = &self.superblock;
        let right = if superblock.has_checksums() {
            let crc = [&number, head, &[0, 0], rest].into_iter().fold(superblock.seed, crc32c);
            crc & 0xffff == u32::from(stored)
        } else if superblock.ro_compat & ro_compat::GDT_CSUM != 0 {
            [&superblock.uuid[..], &number, head, rest].into_iter().fold(u16::MAX, crc16) == stored
        } else {
            true
        };
        if !right {
            return Err(DiskError::corrupt(offset, "the checksum of a group descriptor is wrong"));
        }
        self.places(bytes)
            .ok_or_else(|| DiskError::corrupt(offset, "a group descriptor leads out of the filesystem"))
    }

    /// A descriptor, if what it names can be there.
    fn places(&self, bytes: &[u8]) -> Option<Group> {
        let wide = bytes.len() >= 64;
        let place = |low, high| {
            let high = if wide { u64::from(u32_le(bytes, high)?) << 32 } else { 0 };
            Some(u64::from(u32_le(bytes, low)?) | high)
        };
        let half = |low, high| {
            let high = if wide { u32::from(u16_le(bytes, high)?) << 16 } else { 0 };
            Some(u32::from(u16_le(bytes, low)?) | high)
        };
        let superblock = &self.superblock;
        let sums = superblock.ro_compat & (ro_compat::GDT_CSUM | ro_compat::METADATA_CSUM) != 0;
        let group = Group {
            block_bitmap: place(0, 0x20)?,
            inode_bitmap: place(4, 0x24)?,
            inode_table: place(8, 0x28)?,
            // Both mean something only where the descriptor has a checksum.
            flags: if sums { u16_le(bytes, 0x12)? } else { 0 },
            unused_inodes: if sums { half(0x1c, 0x32)? } else { 0 },
            block_bitmap_checksum: half(0x18, 0x38)?,
        };
        let inode_size = u64::try_from(superblock.inode_size).ok()?;
        let table = u64::from(superblock.inodes_per_group).saturating_mul(inode_size);
        let table = table.div_ceil(superblock.block_size());
        let right = self.covers(group.block_bitmap, 1)
            && self.covers(group.inode_bitmap, 1)
            && self.covers(group.inode_table, table);
        right.then_some(group)
    }

    /// Where an inode is stored.
    pub(super) fn inode_offset(&self, number: u32) -> DiskResult<u64> {
        let superblock = &self.superblock;
        let Some(zero_based) = number.checked_sub(1).filter(|_| number <= superblock.inodes) else {
            return Err(DiskError::corrupt(0, "there is no inode with such a number"));
        };
        let group = self.group(zero_based / superblock.inodes_per_group)?;
        let within = u64::from(zero_based % superblock.inodes_per_group);
        let within = within.saturating_mul(u64::try_from(superblock.inode_size).unwrap_or(u64::MAX));
        Ok(self.offset(group.inode_table).saturating_add(within))
    }
}
