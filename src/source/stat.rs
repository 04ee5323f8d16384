//! What `fstat` says about an open file, in types that cannot be misread.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, Stat, StatxFlags, statx};
use rustix::io::Errno;

/// Seconds since 1970 and nanoseconds within the second, as stored.
pub type UnixTime = (i64, u32);

/// The facts of one inode, taken after the file was opened and before it was
/// read, so that they cannot belong to another file and so that the access time
/// is the one from before the scan.
#[derive(Clone, Copy, Debug)]
pub struct FileStat {
    /// What it is.
    pub file_type: FileType,
    /// Size in bytes; `None` where the filesystem gives a negative one.
    pub size: Option<u64>,
    /// Bytes that the filesystem stores for it (512 per block as `stat` counts).
    pub stored: u64,
    /// Permission bits, type bits removed.
    pub permissions: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device of the filesystem.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Number of names.
    pub links: u64,
    /// Last read.
    pub atime: Option<UnixTime>,
    /// Content last changed.
    pub mtime: Option<UnixTime>,
    /// Inode last changed.
    pub ctime: Option<UnixTime>,
    /// Made; never known from `fstat`.
    pub btime: Option<UnixTime>,
}

impl FileStat {
    /// Asks the kernel about an open file.
    ///
    /// # Errors
    ///
    /// What `fstat(2)` gives.
    pub fn of(fd: impl AsFd) -> Result<Self, Errno> {
        rustix::fs::fstat(fd).map(|stat| Self::from_raw(&stat))
    }

    /// When an open file was made, where the filesystem knows: `fstat` does not tell.
    #[must_use]
    pub fn made(fd: impl AsFd) -> Option<UnixTime> {
        let facts = statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BTIME).ok()?;
        let known = facts.stx_mask & StatxFlags::BTIME.bits() != 0;
        known.then_some((facts.stx_btime.tv_sec, facts.stx_btime.tv_nsec))
    }

    /// Field types differ between architectures, so the conversions that are
    /// identities on one of them are needed on another.
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_fallible_conversions,
        reason = "identities on some architectures only"
    )]
    pub(crate) fn from_raw(stat: &Stat) -> Self {
        let time = |seconds: i64, nanoseconds| Some((seconds, u32::try_from(nanoseconds).ok()?));
        Self {
            file_type: FileType::from_raw_mode(stat.st_mode),
            size: u64::try_from(stat.st_size).ok(),
            stored: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
            permissions: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            dev: u64::try_from(stat.st_dev).unwrap_or(u64::MAX),
            ino: u64::try_from(stat.st_ino).unwrap_or(u64::MAX),
            links: u64::try_from(stat.st_nlink).unwrap_or(u64::MAX),
            atime: time(stat.st_atime, stat.st_atime_nsec),
            mtime: time(stat.st_mtime, stat.st_mtime_nsec),
            ctime: time(stat.st_ctime, stat.st_ctime_nsec),
            btime: None,
        }
    }
}
