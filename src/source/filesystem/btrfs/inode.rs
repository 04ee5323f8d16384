//! Inodes.
//!
//! Specification: Btrfs documentation, "On-disk Format", section "Inode item".

use rustix::fs::FileType;

use crate::source::bytes::{u32_le, u64_le};
use crate::source::stat::{FileStat, UnixTime};

/// What an inode item says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inode {
    pub(super) stat: FileStat,
    /// The transaction that made it.
    pub(super) generation: u64,
}

impl Inode {
    /// `None`: the item is cut short.
    pub(super) fn read(number: u64, item: &[u8]) -> Option<Self> {
        let time = |at| -> Option<Option<UnixTime>> {
            let (seconds, nanoseconds) = (u64_le(item, at)?.cast_signed(), u32_le(item, at + 8)?);
            Some((nanoseconds < 1_000_000_000).then_some((seconds, nanoseconds)))
        };
        let mode = u32_le(item, 52)?;
        let size = u64_le(item, 16)?;
        let stat = FileStat {
            file_type: FileType::from_raw_mode(mode),
            size: Some(size).filter(|size| i64::try_from(*size).is_ok()),
            stored: u64_le(item, 24)?,
            permissions: mode & 0o7777,
            uid: u32_le(item, 44)?,
            gid: u32_le(item, 48)?,
            dev: 0,
            ino: number,
            links: u64::from(u32_le(item, 40)?),
            atime: time(112)?,
            ctime: time(124)?,
            mtime: time(136)?,
            // Filesystems of old kernels have none.
            btime: time(148)?.filter(|time| *time != (0, 0)),
        };
        Some(Self { stat, generation: u64_le(item, 0)? })
    }
}
