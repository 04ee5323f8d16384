//! Inodes.
//!
//! Specification: Linux, Documentation/filesystems/ext4, "Index Nodes" and
//! "Inode Timestamps".

use rustix::fs::FileType;

use super::checksum::crc32c;
use super::superblock::{Superblock, incompat, ro_compat};
use super::volume::Volume;
use crate::source::bytes::{array, u16_le, u32_le};
use crate::source::disk::{DiskError, DiskResult, read_vec};
use crate::source::stat::{FileStat, UnixTime};

/// `i_flags`.
pub(super) mod flag {
    pub(in super::super) const COMPRESSED: u32 = 0x4;
    pub(in super::super) const ENCRYPTED: u32 = 0x800;
    pub(in super::super) const INDEXED: u32 = 0x1000;
    pub(in super::super) const HUGE_FILE: u32 = 0x4_0000;
    pub(in super::super) const EXTENTS: u32 = 0x8_0000;
    pub(in super::super) const INLINE_DATA: u32 = 0x1000_0000;
}

/// The size of an inode of ext2, to which later ones add.
const OLD_SIZE: usize = 128;

/// An inode.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) number: u32,
    /// Where it was read.
    pub(super) offset: u64,
    pub(super) stat: FileStat,
    pub(super) flags: u32,
    pub(super) generation: u32,
    /// When it was deleted, or the next orphan.
    pub(super) deleted: u32,
    /// `i_block`: the map of its blocks, or what is in place of one.
    pub(super) block: [u8; 60],
    /// Whether a block of extended attributes belongs to it.
    has_attribute_block: bool,
    /// The attributes in the inode, only where the content may be among them.
    pub(super) attributes: Vec<u8>,
    /// What checksums of its blocks begin with.
    pub(super) seed: u32,
    /// Whether its checksum is right, or it has none.
    pub(super) sound: bool,
}

impl Inode {
    /// Reads an inode in use.
    pub(super) fn read(volume: &Volume, number: u32) -> DiskResult<Self> {
        let inode = Self::read_any(volume, number)?;
        if inode.stat.file_type == FileType::Unknown {
            let message = match inode.stat.permissions {
                0 => "an inode is not in use",
                _ => "an inode is of no known type",
            };
            return Err(DiskError::corrupt(inode.offset, message));
        }
        if !inode.sound {
            volume.problems.add(DiskError::corrupt(inode.offset, "the checksum of an inode is wrong"));
        }
        Ok(inode)
    }

    /// Reads an inode whether or not it is in use.
    pub(super) fn read_any(volume: &Volume, number: u32) -> DiskResult<Self> {
        let offset = volume.inode_offset(number)?;
        let raw = read_vec(&*volume.disk, offset, volume.superblock.inode_size)?;
        Self::parse(&volume.superblock, number, &raw, offset)
            .ok_or_else(|| DiskError::corrupt(offset, "an inode is cut short"))
    }

    /// Takes an inode apart; `None` where the bytes are too few.
    pub(super) fn parse(superblock: &Superblock, number: u32, raw: &[u8], offset: u64) -> Option<Self> {
        let half = |at| u16_le(raw, at);
        let word = |at| u32_le(raw, at);
        let mode = half(0)?;
        let flags = word(0x20)?;
        let extra = if raw.len() > OLD_SIZE { usize::from(half(0x80)?) } else { 0 };
        let sane = extra.checked_add(OLD_SIZE).filter(|end| *end <= raw.len() && extra % 4 == 0);
        let end = sane.unwrap_or(OLD_SIZE);
        // A field is there only where the inode says that it reaches so far.
        let later = |at: usize| if at + 4 <= end { word(at) } else { None };
        let file_type = FileType::from_raw_mode(u32::from(mode));
        let both = file_type == FileType::RegularFile || superblock.incompat & incompat::LARGEDIR != 0;
        let high = if both { u64::from(word(0x6c)?) << 32 } else { 0 };
        let size = u64::from(word(4)?) | high;
        let stored = if superblock.ro_compat & ro_compat::HUGE_FILE != 0 {
            let blocks = u64::from(word(0x1c)?) | u64::from(half(0x74)?) << 32;
            let bits = if flags & flag::HUGE_FILE != 0 { superblock.block_bits } else { 9 };
            blocks << bits
        } else {
            u64::from(word(0x1c)?) << 9
        };
        let generation = word(0x64)?;
        let seed = crc32c(crc32c(superblock.seed, &number.to_le_bytes()), &generation.to_le_bytes());
        let sound = !superblock.has_checksums() || checksum_is_right(raw, seed, end)?;
        let attributes = if flags & flag::INLINE_DATA != 0 { raw.get(end..)?.to_vec() } else { Vec::new() };
        Some(Self {
            number,
            offset,
            stat: FileStat {
                file_type,
                size: Some(size).filter(|size| i64::try_from(*size).is_ok()),
                stored,
                permissions: u32::from(mode) & 0o7777,
                uid: u32::from(half(2)?) | u32::from(half(0x78)?) << 16,
                gid: u32::from(half(0x18)?) | u32::from(half(0x7a)?) << 16,
                dev: 0,
                ino: u64::from(number),
                links: u64::from(half(0x1a)?),
                atime: time(word(8)?, later(0x8c)),
                mtime: time(word(0x10)?, later(0x88)),
                ctime: time(word(0xc)?, later(0x84)),
                btime: later(0x90).and_then(|seconds| time(seconds, later(0x94))),
            },
            flags,
            generation,
            deleted: word(0x14)?,
            block: array(raw, 0x28)?,
            has_attribute_block: word(0x68)? != 0 || half(0x76)? != 0,
            attributes,
            seed,
            sound,
        })
    }

    pub(super) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Size in bytes.
    pub(super) fn size(&self) -> DiskResult<u64> {
        self.stat.size.ok_or_else(|| DiskError::corrupt(self.offset, "the size of a file is negative"))
    }

    /// Whether it is a link whose target is in place of the map of blocks.
    pub(super) fn is_fast_link(&self, superblock: &Superblock) -> bool {
        let cluster = superblock.block_size() << superblock.cluster_bits;
        let attributes = if self.has_attribute_block { cluster } else { 0 };
        self.stat.file_type == FileType::Symlink
            && !self.has(flag::INLINE_DATA)
            && !self.has(flag::EXTENTS)
            && self.stat.stored <= attributes
    }
}

/// `end` is where the fields end that the inode says it has.
fn checksum_is_right(raw: &[u8], seed: u32, end: usize) -> Option<bool> {
    let mut crc = [raw.get(..0x7c)?, &[0, 0], raw.get(0x7e..OLD_SIZE)?].into_iter().fold(seed, crc32c);
    let low = u32::from(u16_le(raw, 0x7c)?);
    if raw.len() == OLD_SIZE {
        return Some(crc & 0xffff == low);
    }
    crc = crc32c(crc, raw.get(OLD_SIZE..0x82)?);
    if end < 0x84 {
        return Some(crc32c(crc, raw.get(0x82..)?) & 0xffff == low);
    }
    crc = crc32c(crc32c(crc, &[0, 0]), raw.get(0x84..)?);
    Some(crc == low | u32::from(u16_le(raw, 0x82)?) << 16)
}

/// Two bits of the extra field continue the seconds upward from their signed 32
/// bits, the others are nanoseconds. More than a second of them is no time.
fn time(seconds: u32, extra: Option<u32>) -> Option<UnixTime> {
    let extra = extra.unwrap_or(0);
    let nanoseconds = extra >> 2;
    let seconds = i64::from(i32::from_le_bytes(seconds.to_le_bytes()));
    (nanoseconds < 1_000_000_000).then(|| (seconds + (i64::from(extra & 3) << 32), nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_reach_from_1901_to_2446() {
        assert_eq!(time(0x8000_0000, None), Some((-0x8000_0000, 0)));
        assert_eq!(time(0x7fff_ffff, Some(3)), Some((0x3_7fff_ffff, 0)));
        assert_eq!(time(0xffff_ffff, Some(999_999_999 << 2)), Some((-1, 999_999_999)));
        assert_eq!(time(0, Some(1_000_000_000 << 2)), None);
    }
}
