//! Inodes.
//!
//! Follows "XFS Algorithms & Data Structures", part III, "On-disk Inode".

use rustix::fs::FileType;

use crate::source::bytes::{array, u8_at, u16_be, u32_be, u64_be};
use crate::source::disk::{DiskError, DiskResult, read_vec};
use crate::source::stat::{FileStat, UnixTime};

use super::Xfs;
use super::block::Seal;

/// `di_flags`: the content lies on the realtime device.
const REALTIME: u16 = 1 << 0;

/// `di_flags2`: times count nanoseconds; counts of extents have 64 bits.
pub(super) const BIG_TIME: u64 = 1 << 3;
pub(super) const MANY_EXTENTS: u64 = 1 << 4;

/// The seconds before 1970 at which big times begin.
const BIG_TIME_EPOCH: i64 = 1 << 31;
const NANOSECONDS: u64 = 1_000_000_000;

/// What the data fork holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Content itself: a short link or directory.
    Local,
    /// A list of extents.
    Extents,
    /// The root of a tree of extents.
    Tree,
    /// Something else: the number of a device.
    Other,
}

/// An inode.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) number: u64,
    /// Where it lies.
    pub(super) offset: u64,
    pub(super) mode: u16,
    pub(super) format: Format,
    pub(super) links: u32,
    pub(super) size: u64,
    pub(super) extents: u64,
    pub(super) is_realtime: bool,
    /// The data fork.
    pub(super) fork: Vec<u8>,
    uid: u32,
    gid: u32,
    blocks: u64,
    times: [Option<UnixTime>; 4],
}

impl Inode {
    /// Reads the fields, of an inode that is in use or not; `None` where it is none.
    pub(super) fn parse(bytes: &[u8], number: u64, offset: u64) -> Option<Self> {
        if !bytes.starts_with(b"IN") {
            return None;
        }
        let version = u8_at(bytes, 4)?;
        let core = match version {
            1 | 2 => 100,
            3 => 176,
            _ => return None,
        };
        let flags2 = if version == 3 { u64_be(bytes, 120)? } else { 0 };
        let time = |at| read_time(bytes, at, flags2);
        let fork = bytes.get(core..)?;
        // The attributes begin where the data fork ends.
        let room = match usize::from(u8_at(bytes, 82)?) {
            0 => fork.len(),
            words => words * 8,
        };
        Some(Self {
            number,
            offset,
            mode: u16_be(bytes, 2)?,
            format: match u8_at(bytes, 5)? {
                1 => Format::Local,
                2 => Format::Extents,
                3 => Format::Tree,
                _ => Format::Other,
            },
            links: if version == 1 { u32::from(u16_be(bytes, 6)?) } else { u32_be(bytes, 16)? },
            size: u64_be(bytes, 56)?,
            extents: if flags2 & MANY_EXTENTS != 0 {
                u64_be(bytes, 24)?
            } else {
                u64::from(u32_be(bytes, 76)?)
            },
            is_realtime: u16_be(bytes, 90)? & REALTIME != 0,
            fork: fork.get(..room)?.to_vec(),
            uid: u32_be(bytes, 8)?,
            gid: u32_be(bytes, 12)?,
            blocks: u64_be(bytes, 64)?,
            times: [time(32), time(40), time(48), if version == 3 { time(144) } else { None }],
        })
    }

    pub(super) fn file_type(&self) -> FileType {
        FileType::from_raw_mode(u32::from(self.mode))
    }

    /// What is known of it.
    pub(super) fn stat(&self, block_size: u64) -> FileStat {
        let [atime, mtime, ctime, btime] = self.times;
        FileStat {
            file_type: self.file_type(),
            size: Some(self.size).filter(|size| i64::try_from(*size).is_ok()),
            stored: self.blocks.saturating_mul(block_size),
            permissions: u32::from(self.mode) & 0o7777,
            uid: self.uid,
            gid: self.gid,
            dev: 0,
            ino: self.number,
            links: u64::from(self.links),
            atime,
            mtime,
            ctime,
            btime,
        }
    }
}

/// A time: nanoseconds since 1901, or seconds and nanoseconds with 32 bits each.
fn read_time(bytes: &[u8], at: usize, flags2: u64) -> Option<UnixTime> {
    if flags2 & BIG_TIME != 0 {
        let count = u64_be(bytes, at)?;
        let seconds = i64::try_from(count / NANOSECONDS).ok()? - BIG_TIME_EPOCH;
        return Some((seconds, u32::try_from(count % NANOSECONDS).ok()?));
    }
    let seconds = i32::from_be_bytes(array(bytes, at)?);
    let nanoseconds = u32_be(bytes, at + 4)?;
    (u64::from(nanoseconds) < NANOSECONDS).then_some((i64::from(seconds), nanoseconds))
}

impl Xfs {
    /// Reads an inode that is in use.
    pub(super) fn inode(&self, number: u64) -> DiskResult<Inode> {
        let offset = self.geometry.inode_at(number);
        let offset = offset
            .ok_or_else(|| DiskError::corrupt(0, "an inode's number lies outside of the filesystem"))?;
        let bytes = read_vec(&self.metadata, offset, self.geometry.inode_size)?;
        let wrong = |what: &'static str| DiskError::corrupt(offset, what);
        let inode =
            Inode::parse(&bytes, number, offset).ok_or_else(|| wrong("there is no inode in its place"))?;
        if inode.mode == 0 {
            return Err(wrong("an inode that is named is not in use"));
        }
        if u8_at(&bytes, 4) == Some(3) {
            self.check(&bytes, offset, Seal::INODE, "inode")?;
            if u64_be(&bytes, 152) != Some(number) {
                return Err(wrong("an inode has the number of another"));
            }
        }
        if inode.file_type() == FileType::Unknown {
            return Err(wrong("an inode is of no type that there is"));
        }
        Ok(inode)
    }
}
