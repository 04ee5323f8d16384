//! Inodes (`inodes.rst`, `inline_data.rst`).

use rustix::fs::FileType;

use super::superblock::Superblock;
use crate::source::bytes::{array, u8_at, u16_le, u32_le};
use crate::source::disk::{Disk, DiskError, DiskResult, read_vec};
use crate::source::stat::{FileStat, UnixTime};

const ENCRYPTED: u32 = 0x800;
const HUGE_FILE: u32 = 0x4_0000;
const EXTENTS: u32 = 0x8_0000;
const INLINE: u32 = 0x1000_0000;
const XATTR_MAGIC: u32 = 0xea02_0000;
/// The index of names that begin with `system.`.
const XATTR_SYSTEM: u8 = 7;

/// An inode.
#[derive(Debug)]
pub(super) struct Inode {
    pub(super) number: u64,
    /// Where it lies.
    pub(super) offset: u64,
    pub(super) mode: u16,
    pub(super) size: u64,
    pub(super) links: u16,
    pub(super) deleted_at: u32,
    flags: u32,
    /// What leads to its blocks, or its content.
    pub(super) block: [u8; 60],
    stored: u64,
    uid: u32,
    gid: u32,
    times: [Option<UnixTime>; 4],
    /// All of it, for attributes.
    bytes: Vec<u8>,
}

impl Inode {
    pub(super) fn parse(bytes: &[u8], number: u64, offset: u64) -> Option<Self> {
        let extra = if bytes.len() > 128 { usize::from(u16_le(bytes, 0x80)?) } else { 0 };
        // A field of the extra part counts where that part reaches past it.
        let extra_field = |at: usize| if at + 4 <= 128 + extra { u32_le(bytes, at) } else { None };
        let time = |at: usize, more: usize| -> Option<UnixTime> {
            // Signed, and two bits of the extra field stand for 2^32 seconds each.
            let low = i64::from(i32::from_le_bytes(array(bytes, at)?));
            let (epoch, nanoseconds) = extra_field(more).map_or((0, 0), |more| (more & 3, more >> 2));
            Some((low + (i64::from(epoch) << 32), nanoseconds))
                .filter(|(_, nanoseconds)| *nanoseconds < 1_000_000_000)
        };
        let mode = u16_le(bytes, 0)?;
        let flags = u32_le(bytes, 0x20)?;
        let low = u64::from(u32_le(bytes, 4)?);
        let high = u64::from(u32_le(bytes, 0x6c)?);
        let blocks = u64::from(u32_le(bytes, 0x1c)?) | u64::from(u16_le(bytes, 0x74)?) << 32;
        let made = extra_field(0x90).and_then(|_| time(0x90, 0x94));
        Some(Self {
            number,
            offset,
            mode,
            size: low | high << 32,
            links: u16_le(bytes, 0x1a)?,
            deleted_at: u32_le(bytes, 0x14)?,
            flags,
            block: array(bytes, 0x28)?,
            // In units of 512 bytes, or of blocks, of which 4 KiB is a good guess.
            stored: blocks.saturating_mul(if flags & HUGE_FILE == 0 { 512 } else { 4096 }),
            uid: u32::from(u16_le(bytes, 2)?) | u32::from(u16_le(bytes, 0x78)?) << 16,
            gid: u32::from(u16_le(bytes, 0x18)?) | u32::from(u16_le(bytes, 0x7a)?) << 16,
            times: [time(8, 0x8c), time(0x10, 0x88), time(0xc, 0x84), made],
            bytes: bytes.to_vec(),
        })
    }

    pub(super) fn stat(&self) -> FileStat {
        let [atime, mtime, ctime, btime] = self.times;
        FileStat {
            file_type: FileType::from_raw_mode(self.mode.into()),
            size: i64::try_from(self.size).is_ok().then_some(self.size),
            stored: self.stored,
            permissions: u32::from(self.mode & 0o7777),
            uid: self.uid,
            gid: self.gid,
            dev: 0,
            ino: self.number,
            links: self.links.into(),
            atime,
            mtime,
            ctime,
            btime,
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0
    }

    pub(super) fn has_extents(&self) -> bool {
        self.flags & EXTENTS != 0
    }

    pub(super) fn is_inline(&self) -> bool {
        self.flags & INLINE != 0
    }

    /// The target of a link that is kept in the inode itself.
    pub(super) fn fast_link(&self) -> Option<Vec<u8>> {
        let is_link = FileType::from_raw_mode(self.mode.into()) == FileType::Symlink;
        let size = usize::try_from(self.size).ok()?;
        if !is_link || size >= self.block.len() || self.has_extents() || self.is_inline() {
            return None;
        }
        self.block.get(..size).map(<[u8]>::to_vec)
    }

    /// Content that is kept in the inode: 60 bytes where the map would be, the rest in
    /// the attribute `system.data`.
    pub(super) fn inline_data(&self, disk: &dyn Disk, superblock: &Superblock) -> DiskResult<Vec<u8>> {
        let mut data = self.block.to_vec();
        if self.size > 60 {
            match self.attribute_in_inode().or_else(|| self.attribute_in_block(disk, superblock)) {
                Some(rest) => data.extend_from_slice(&rest),
                None => return Err(DiskError::corrupt(self.offset, "the rest of inline data is missing")),
            }
        }
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        data.truncate(size);
        Ok(data)
    }

    fn attribute_in_inode(&self) -> Option<Vec<u8>> {
        let start = 128 + usize::from(u16_le(&self.bytes, 0x80)?);
        if u32_le(&self.bytes, start)? != XATTR_MAGIC {
            return None;
        }
        let entries = self.bytes.get(start.checked_add(4)?..)?;
        data_attribute(entries, entries)
    }

    fn attribute_in_block(&self, disk: &dyn Disk, superblock: &Superblock) -> Option<Vec<u8>> {
        let high = if superblock.is_64() { u16_le(&self.bytes, 0x76)? } else { 0 };
        let block = u64::from(u32_le(&self.bytes, 0x68)?) | u64::from(high) << 32;
        if block == 0 || block >= superblock.blocks {
            return None;
        }
        let size = usize::try_from(superblock.block_size).ok()?;
        let bytes = read_vec(disk, block.checked_mul(superblock.block_size)?, size).ok()?;
        if u32_le(&bytes, 0)? != XATTR_MAGIC {
            return None;
        }
        data_attribute(bytes.get(32..)?, &bytes)
    }
}

/// The value of `system.data` among attributes; offsets count from the start of `values`.
fn data_attribute(entries: &[u8], values: &[u8]) -> Option<Vec<u8>> {
    let mut at = 0_usize;
    while u32_le(entries, at)? != 0 {
        let length = usize::from(u8_at(entries, at)?);
        let name = entries.get(at.checked_add(16)?..at.checked_add(16 + length)?)?;
        if u8_at(entries, at + 1)? == XATTR_SYSTEM && name == b"data" {
            let from = usize::from(u16_le(entries, at + 2)?);
            let size = usize::try_from(u32_le(entries, at + 8)?).ok()?;
            return values.get(from..from.checked_add(size)?).map(<[u8]>::to_vec);
        }
        at = at.checked_add((16 + length).next_multiple_of(4))?;
    }
    None
}
