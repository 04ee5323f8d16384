//! The superblock: the geometry by which everything else is found.
//!
//! Follows "XFS Algorithms & Data Structures", part III, "Superblocks". Each
//! allocation group begins with a copy, which is used where the first is damaged.

use crate::source::bytes::{array, u8_at, u16_be, u32_be, u64_be};
use crate::source::disk::{Disk, DiskError, DiskResult, read_vec};

use super::block::{self, Seal};

/// "XFSB".
const MAGIC: u32 = 0x5846_5342;

/// `sb_versionnum`: sectors other than 512 bytes, directories of version 2, more
/// features in `sb_features2`.
const SECTOR_BIT: u16 = 0x0800;
const DIRECTORY_V2_BIT: u16 = 0x2000;
const MORE_BITS: u16 = 0x8000;

/// `sb_features2`: directory entries name the type of what they name.
const FEATURES2_FTYPE: u32 = 0x0200;

/// `sb_features_incompat`.
const FTYPE: u32 = 1 << 0;
const META_UUID: u32 = 1 << 2;
const NEEDS_REPAIR: u32 = 1 << 4;
/// All that this reader understands: ftype, sparse inodes, meta UUID, bigtime, needs
/// repair, nrext64, exchange range, parent pointers; and those that only concern
/// metadata that is not read here or the realtime device: metadata directory, zoned,
/// zone gaps.
const KNOWN_INCOMPAT: u32 = 0x7ff;

/// Bytes of the superblock that are read; the smallest sector.
const LENGTH: usize = 512;

/// An inode number or block that is none.
const NULL: u64 = u64::MAX;

/// What the superblock says, checked: shifts are in range and products fit.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    /// 4 or 5.
    pub(super) version: u16,
    /// Logarithm of the size of a block: 9 to 16.
    pub(super) block_log: u32,
    /// Bytes of a sector, in which the headers of an allocation group lie.
    pub(super) sector_size: u64,
    /// Bytes of an inode: 256 to 2048.
    pub(super) inode_size: usize,
    /// Logarithm of the inodes in a block.
    pub(super) inodes_log: u32,
    /// Blocks of the filesystem.
    pub(super) blocks: u64,
    /// Blocks of an allocation group; the last may have fewer.
    pub(super) ag_blocks: u64,
    /// Logarithm of the above, rounded up: the shift in block and inode numbers.
    pub(super) ag_log: u32,
    /// Allocation groups.
    pub(super) ag_count: u64,
    /// Logarithm of the size of a directory block: at most 16.
    pub(super) directory_log: u32,
    /// Directory entries have a type.
    pub(super) has_ftype: bool,
    /// The inode of the root directory.
    pub(super) root: u64,
    /// First block of the log; 0 where it lies on another device.
    pub(super) log_start: u64,
    /// Blocks of the log.
    pub(super) log_blocks: u64,
    /// There is a realtime device.
    pub(super) has_realtime: bool,
    /// The kernel would refuse it until it is repaired.
    pub(super) needs_repair: bool,
    /// The UUID that a person sees.
    pub(super) uuid: [u8; 16],
    /// The UUID in the headers of structures.
    pub(super) meta_uuid: [u8; 16],
    /// The label, without the zeros at its end.
    pub(super) label: Vec<u8>,
    /// Its checksum is right, or it has none.
    pub(super) is_intact: bool,
}

impl Superblock {
    /// Reads the superblock at an offset.
    fn read(disk: &dyn Disk, offset: u64) -> DiskResult<Self> {
        let bytes = read_vec(disk, offset, LENGTH)?;
        if u32_be(&bytes, 0) != Some(MAGIC) {
            return Err(DiskError::corrupt(offset, "there is no XFS superblock"));
        }
        let wrong = || DiskError::corrupt(offset, "the XFS superblock makes no sense");
        let mut this = Self::parse(&bytes, offset)?.ok_or_else(wrong)?;
        if this.version == 5 {
            // The checksum is that of the whole sector.
            let length = usize::try_from(this.sector_size).map_err(|_| wrong())?;
            let sector = read_vec(disk, offset, length)?;
            this.is_intact = block::is_intact(&sector, Seal::SUPERBLOCK.crc);
        }
        Ok(this)
    }

    /// `Ok(None)` where a field is out of its range.
    fn parse(bytes: &[u8], offset: u64) -> DiskResult<Option<Self>> {
        let version_bits = u16_be(bytes, 100).unwrap_or(0);
        let version = version_bits & 0xf;
        if !(4..=5).contains(&version) {
            return Err(DiskError::unsupported(offset, format!("XFS version {version} is not read")));
        }
        if version == 4 && version_bits & DIRECTORY_V2_BIT == 0 {
            return Err(DiskError::unsupported(offset, "XFS directories of version 1 are not read"));
        }
        let incompat = if version == 5 { u32_be(bytes, 216).unwrap_or(0) } else { 0 };
        let unknown = incompat & !KNOWN_INCOMPAT;
        if unknown != 0 {
            let message = format!("XFS has features that are not known: incompatible {unknown:#x}");
            return Err(DiskError::unsupported(offset, message));
        }
        Ok(Self::fields(bytes, version, version_bits, incompat))
    }

    fn fields(bytes: &[u8], version: u16, version_bits: u16, incompat: u32) -> Option<Self> {
        let block_log = u32::from(u8_at(bytes, 120)?);
        let sector_log = u32::from(u8_at(bytes, 121)?);
        let inode_log = u32::from(u8_at(bytes, 122)?);
        let inodes_log = u32::from(u8_at(bytes, 123)?);
        let ag_log = u32::from(u8_at(bytes, 124)?);
        let directory_log = u32::from(u8_at(bytes, 192)?) + block_log;
        let sector_size = u64::from(u16_be(bytes, 102)?);
        let (blocks, ag_blocks) = (u64_be(bytes, 8)?, u64::from(u32_be(bytes, 84)?));
        let ag_count = u64::from(u32_be(bytes, 88)?);
        let log_blocks = u64::from(u32_be(bytes, 96)?);

        let sizes = (9..=16).contains(&block_log)
            && u64::from(u32_be(bytes, 4)?) == 1 << block_log
            && (9..=15).contains(&sector_log)
            && sector_size == 1 << sector_log
            && (version_bits & SECTOR_BIT != 0 || version == 5 || sector_size == 512)
            && (8..=11).contains(&inode_log)
            && u64::from(u16_be(bytes, 104)?) == 1 << inode_log
            && inode_log + inodes_log == block_log
            && directory_log <= 16;
        let groups = ag_count > 0
            && ag_blocks >= 64
            && ag_log <= 31
            && ag_blocks.next_power_of_two() == 1 << ag_log
            && blocks <= ag_count * ag_blocks
            && blocks > (ag_count - 1) * ag_blocks
            && blocks.checked_mul(1 << block_log).is_some();
        if !sizes || !groups {
            return None;
        }
        let features2 = if version_bits & MORE_BITS != 0 { u32_be(bytes, 200)? } else { 0 };
        let uuid = array(bytes, 32)?;
        let label: [u8; 12] = array(bytes, 108)?;
        let meta_uuid = if incompat & META_UUID != 0 { array(bytes, 248)? } else { uuid };
        Some(Self {
            version,
            block_log,
            sector_size,
            inode_size: 1 << inode_log,
            inodes_log,
            blocks,
            ag_blocks,
            ag_log,
            ag_count,
            directory_log,
            has_ftype: if version == 5 { incompat & FTYPE != 0 } else { features2 & FEATURES2_FTYPE != 0 },
            root: u64_be(bytes, 56)?,
            log_start: u64_be(bytes, 48)?,
            log_blocks,
            has_realtime: u64_be(bytes, 16)? != 0,
            needs_repair: incompat & NEEDS_REPAIR != 0,
            uuid,
            meta_uuid,
            label: label.iter().copied().take_while(|byte| *byte != 0).collect(),
            is_intact: true,
        })
    }

    /// Bytes of a block.
    pub(super) fn block_size(&self) -> u64 {
        1 << self.block_log
    }

    /// Bytes of a directory block.
    pub(super) fn directory_block(&self) -> usize {
        1 << self.directory_log
    }

    /// Blocks of an allocation group.
    pub(super) fn ag_length(&self, ag: u64) -> u64 {
        self.blocks.saturating_sub(ag.saturating_mul(self.ag_blocks)).min(self.ag_blocks)
    }

    /// Offset of a block of an allocation group; `None` outside of it.
    pub(super) fn in_ag(&self, ag: u64, block: u64) -> Option<u64> {
        (ag < self.ag_count && block < self.ag_length(ag))
            .then(|| (ag * self.ag_blocks + block) << self.block_log)
    }

    /// Offset of `count` blocks from one on, by its number in the filesystem; `None`
    /// where they do not lie in one allocation group.
    pub(super) fn at(&self, block: u64, count: u64) -> Option<u64> {
        let (ag, within) = (block >> self.ag_log, block & ((1 << self.ag_log) - 1));
        let last = within.checked_add(count)?.checked_sub(1)?;
        self.in_ag(ag, last)?;
        self.in_ag(ag, within)
    }

    /// Offset of an inode; `None` where there can be none.
    pub(super) fn inode_at(&self, number: u64) -> Option<u64> {
        let block = self.at(number >> self.inodes_log, 1)?;
        let within = number & ((1 << self.inodes_log) - 1);
        let size = u64::try_from(self.inode_size).ok()?;
        (number != 0).then_some(block + within * size)
    }
}

/// Where the superblock in use came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The beginning of the disk.
    First,
    /// The copy at this offset: the first is damaged.
    Copy(u64),
}

/// Finds the superblock: the first, or a copy of it.
///
/// # Errors
///
/// What is wrong with the first, where there is no better copy.
pub(super) fn find(disk: &dyn Disk) -> DiskResult<(Superblock, Origin)> {
    let first = Superblock::read(disk, 0);
    let error = match first {
        Ok(first) if first.is_intact && first.root != NULL => return Ok((first, Origin::First)),
        Ok(first) => {
            let group = first.ag_blocks << first.block_log;
            let copy = checked_copy(disk, group, first.block_log);
            return Ok(copy.unwrap_or((first, Origin::First)));
        }
        Err(error) if error.reason == crate::finding::Reason::Unsupported => return Err(error),
        Err(error) => error,
    };
    by_headers(disk).or_else(|| by_size(disk)).ok_or(error)
}

/// The copy at the beginning of the second allocation group, if that is where it says
/// that it is. Copies but those in the middle and at the end do not know the root
/// directory, since they were written before it was.
fn checked_copy(disk: &dyn Disk, offset: u64, block_log: u32) -> Option<(Superblock, Origin)> {
    let copy = Superblock::read(disk, offset).ok()?;
    let group = copy.ag_blocks << copy.block_log;
    if !copy.is_intact || copy.block_log != block_log || group != offset || group == 0 {
        return None;
    }
    if copy.inode_at(copy.root).is_some() {
        return Some((copy, Origin::Copy(offset)));
    }
    [copy.ag_count / 2, copy.ag_count - 1].into_iter().find_map(|ag| {
        let offset = group.checked_mul(ag)?;
        let other = Superblock::read(disk, offset).ok()?;
        let same = other.is_intact && other.uuid == copy.uuid && other.ag_blocks == copy.ag_blocks;
        (same && other.inode_at(other.root).is_some()).then_some((other, Origin::Copy(offset)))
    })
}

/// By the length of the first allocation group, which the header of its free space
/// tells as well.
fn by_headers(disk: &dyn Disk) -> Option<(Superblock, Origin)> {
    let sector_logs = 9..=12;
    sector_logs.into_iter().find_map(|log| {
        let header = read_vec(disk, 1 << log, 16).ok()?;
        let inodes = read_vec(disk, 2 << log, 16).ok()?;
        let is_first = u32_be(&header, 0) == Some(block::AGF)
            && u32_be(&inodes, 0) == Some(block::AGI)
            && u32_be(&header, 8) == Some(0);
        let length = u64::from(u32_be(&header, 12).filter(|_| is_first)?);
        (9..=16).find_map(|block_log| checked_copy(disk, length << block_log, block_log))
    })
}

/// By where `mkfs.xfs` puts the second allocation group on a disk of this size, for
/// disks whose beginning is zeros. Another filesystem may have been made there since:
/// the root directory must be in its place.
fn by_size(disk: &dyn Disk) -> Option<(Superblock, Origin)> {
    let beginning = read_vec(disk, 0, LENGTH).ok()?;
    if beginning.iter().any(|byte| *byte != 0) {
        return None;
    }
    (9..=16).rev().find_map(|block_log| {
        let blocks = disk.size() >> block_log;
        (1..=9).find_map(|count_log: u32| {
            let offset = blocks.div_ceil(1 << count_log) << block_log;
            let (copy, origin) = checked_copy(disk, offset, block_log)?;
            let root = read_vec(disk, copy.inode_at(copy.root)?, copy.inode_size).ok()?;
            let is_root = root.starts_with(b"IN")
                && u16_be(&root, 2).is_some_and(|mode| mode & 0xf000 == 0x4000)
                && (copy.version == 4 || block::is_intact(&root, Seal::INODE.crc));
            is_root.then_some((copy, origin))
        })
    })
}
