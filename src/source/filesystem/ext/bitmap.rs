//! Which blocks and inodes are in use.
//!
//! Specification: Linux, Documentation/filesystems/ext4, "Block and Inode Bitmaps",
//! "Bigalloc".

use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, PoisonError};

use super::checksum::crc32c;
use super::superblock::incompat;
use super::volume::{Group, MAX_UNKNOWN, Volume, index};
use crate::source::disk::{DiskError, DiskResult, read_vec};

/// The bits of a group: at most one block of them.
#[derive(Debug)]
struct Bits(Vec<u8>);

impl Bits {
    fn get(&self, number: u64) -> bool {
        self.0.get(index(number / 8)).is_some_and(|byte| byte >> (number % 8) & 1 == 1)
    }

    fn set(&mut self, number: u64) {
        if let Some(byte) = self.0.get_mut(index(number / 8)) {
            *byte |= 1 << (number % 8);
        }
    }

    /// The first of `range` that is free or in use; its end where there is none.
    fn next(&self, range: Range<u64>, used: bool) -> u64 {
        let mut at = range.start;
        let skip = if used { 0 } else { 0xff };
        while at < range.end {
            if at.is_multiple_of(8) && self.0.get(index(at / 8)) == Some(&skip) {
                at += 8;
            } else if self.get(at) == used {
                return at;
            } else {
                at += 1;
            }
        }
        range.end
    }
}

/// The bitmaps of a volume; the last ones that were asked for are kept.
#[derive(Debug, Default)]
pub(super) struct Bitmaps {
    blocks: Mutex<Option<(u32, Arc<Bits>)>>,
    inodes: Mutex<Option<(u32, Arc<Bits>)>>,
}

impl Bitmaps {
    /// Whether an inode is in use.
    pub(super) fn inode_in_use(&self, volume: &Volume, number: u32) -> DiskResult<bool> {
        let zero_based = number.saturating_sub(1);
        let per_group = volume.superblock.inodes_per_group;
        let group = zero_based / per_group;
        let bits = kept(&self.inodes, group, || {
            let told = volume.group(group)?;
            let length = index(volume.superblock.block_size());
            let unset = told.inodes_unset();
            let read = || read_vec(&*volume.disk, volume.offset(told.inode_bitmap), length);
            Ok(Bits(if unset { vec![0; length] } else { read()? }))
        })?;
        Ok(bits.get((zero_based % per_group).into()))
    }

    fn of_blocks(&self, volume: &Volume, group: u32) -> DiskResult<Arc<Bits>> {
        kept(&self.blocks, group, || {
            let told = volume.group(group)?;
            if told.blocks_unset() {
                return Ok(unset(volume, group, &told));
            }
            let offset = volume.offset(told.block_bitmap);
            let bits = read_vec(&*volume.disk, offset, index(volume.superblock.block_size()))?;
            if volume.superblock.has_checksums() {
                let clusters = volume.superblock.blocks_per_group >> volume.superblock.cluster_bits;
                let covered = bits.get(..index(clusters / 8)).unwrap_or_default();
                let mask = if volume.superblock.descriptor_size >= 64 { u32::MAX } else { 0xffff };
                if crc32c(volume.superblock.seed, covered) & mask != told.block_bitmap_checksum {
                    volume.problems.add(DiskError::corrupt(offset, "the checksum of a bitmap is wrong"));
                }
            }
            Ok(Bits(bits))
        })
    }

    /// Gives the parts of `blocks` that are free.
    pub(super) fn free_in(
        &self,
        volume: &Volume,
        blocks: Range<u64>,
        each: &mut dyn FnMut(Range<u64>) -> ControlFlow<()>,
    ) -> DiskResult<ControlFlow<()>> {
        let superblock = &volume.superblock;
        let bits = superblock.cluster_bits;
        let mut at = blocks.start.max(superblock.first_block);
        let end = blocks.end.min(superblock.blocks);
        while at < end {
            let group = (at - superblock.first_block) / superblock.blocks_per_group;
            let group = u32::try_from(group).unwrap_or(u32::MAX);
            let start = superblock.group_start(group);
            let until = end.min(start.saturating_add(superblock.blocks_per_group));
            let bitmap = self.of_blocks(volume, group)?;
            let last = (until - start).div_ceil(1 << bits);
            let mut cluster = bitmap.next((at - start) >> bits..last, false);
            while cluster < last {
                let used = bitmap.next(cluster..last, true);
                let free = start + (cluster << bits)..start + (used << bits);
                if each(free.start.max(at)..free.end.min(until)).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                cluster = bitmap.next(used..last, false);
            }
            at = until;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Gives all that is free, in bytes, in order. A group that cannot be told costs
    /// only itself.
    pub(super) fn free(
        &self,
        volume: &Volume,
        each: &mut dyn FnMut(Range<u64>) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        let mut waiting: Range<u64> = 0..0;
        let mut wrong = None;
        let mut unknown = 0;
        for group in 0..volume.groups_on_disk() {
            let start = volume.superblock.group_start(group);
            let blocks = start..start.saturating_add(volume.superblock.blocks_per_group);
            let told = self.free_in(volume, blocks, &mut |free| {
                if free.start == waiting.end {
                    waiting.end = free.end;
                    return ControlFlow::Continue(());
                }
                let ready = std::mem::replace(&mut waiting, free);
                if ready.is_empty() {
                    return ControlFlow::Continue(());
                }
                each(volume.offset(ready.start)..volume.offset(ready.end))
            });
            match told {
                Ok(ControlFlow::Break(())) => return Ok(()),
                Ok(ControlFlow::Continue(())) => {}
                Err(error) => {
                    volume.problems.add(error.clone());
                    wrong.get_or_insert(error);
                    unknown += 1;
                    if unknown > MAX_UNKNOWN {
                        break;
                    }
                }
            }
        }
        if !waiting.is_empty() && each(volume.offset(waiting.start)..volume.offset(waiting.end)).is_break() {
            return Ok(());
        }
        wrong.map_or(Ok(()), Err)
    }
}

fn kept(
    slot: &Mutex<Option<(u32, Arc<Bits>)>>,
    group: u32,
    read: impl FnOnce() -> DiskResult<Bits>,
) -> DiskResult<Arc<Bits>> {
    let lock = || slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((held, bits)) = &*lock()
        && *held == group
    {
        return Ok(Arc::clone(bits));
    }
    let bits = Arc::new(read()?);
    *lock() = Some((group, Arc::clone(&bits)));
    Ok(bits)
}

/// The bitmap of a group in which nothing but structures was ever stored.
fn unset(volume: &Volume, group: u32, told: &Group) -> Bits {
    let superblock = &volume.superblock;
    let mut bits = Bits(vec![0; index(superblock.block_size())]);
    let start = superblock.group_start(group);
    let end = start.saturating_add(superblock.blocks_per_group);
    let mut mark = |blocks: Range<u64>| {
        for block in blocks.start.max(start)..blocks.end.min(end) {
            bits.set((block - start) >> superblock.cluster_bits);
        }
    };
    let size = u64::try_from(superblock.descriptor_size).unwrap_or(32);
    let per_block = (superblock.block_size() / size).max(1);
    let all = u64::from(superblock.groups).div_ceil(per_block);
    let meta = superblock.incompat & incompat::META_BG != 0;
    if superblock.has_copy(group) {
        let plain = if meta { all.min(superblock.first_meta_bg) } else { all };
        let behind = if meta { plain } else { plain.saturating_add(superblock.reserved_descriptor_blocks) };
        mark(start..start.saturating_add(1).saturating_add(behind));
    }
    if meta {
        let number = u64::from(group) / per_block;
        if number >= superblock.first_meta_bg {
            volume
                .descriptor_copies(number)
                .into_iter()
                .for_each(|block| mark(block..block.saturating_add(1)));
        }
    }
    let inode_size = u64::try_from(superblock.inode_size).unwrap_or(128);
    let table = u64::from(superblock.inodes_per_group).saturating_mul(inode_size);
    let table = table.div_ceil(superblock.block_size());
    mark(told.block_bitmap..told.block_bitmap.saturating_add(1));
    mark(told.inode_bitmap..told.inode_bitmap.saturating_add(1));
    mark(told.inode_table..told.inode_table.saturating_add(table));
    bits
}
