//! A disk, or a part of one: bytes at offsets, read-only.
//!
//! Everything below a filesystem is one of these: a raw image, what a container
//! such as qcow2 shows, a partition, a logical volume. All are read by copying
//! (`pread` into the caller's buffer): into a buffer that is used again that costs
//! what a populated map costs, and neither a bad block nor an image that is cut
//! short while it is read can end in a signal.

use std::borrow::Cow;
use std::fmt::Debug;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use crate::finding::Reason;

/// What a read gives.
pub type DiskResult<T> = Result<T, DiskError>;

/// Why something on a disk cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DiskError {
    /// `Unreadable` (the medium), `Corrupt` (the structure), `Unsupported`,
    /// `Encrypted` or `OverBudget`.
    pub reason: Reason,
    /// Where on the disk that was read, in bytes.
    pub offset: u64,
    /// What is wrong, for a person; without the offset.
    pub message: Cow<'static, str>,
}

impl DiskError {
    /// A structure that cannot be right.
    pub fn corrupt(offset: u64, message: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Reason::Corrupt, offset, message: message.into() }
    }

    /// A form that this version does not read.
    pub fn unsupported(offset: u64, message: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Reason::Unsupported, offset, message: message.into() }
    }

    /// Content that cannot be read without a key.
    pub fn encrypted(offset: u64, message: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Reason::Encrypted, offset, message: message.into() }
    }

    /// More than is read of such a thing.
    pub fn over_budget(offset: u64, message: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Reason::OverBudget, offset, message: message.into() }
    }

    /// What the system says about a byte.
    #[must_use]
    pub fn io(offset: u64, error: &std::io::Error) -> Self {
        Self { reason: Reason::Unreadable, offset, message: error.to_string().into() }
    }
}

/// Bytes at offsets.
pub trait Disk: Send + Sync + Debug {
    /// How many bytes there are.
    fn size(&self) -> u64;

    /// Fills `bytes` from `offset` on; returns how many were filled, fewer than
    /// asked for only where the disk ends.
    ///
    /// # Errors
    ///
    /// Any byte of the range that cannot be read; the error's offset is at or
    /// before the first such byte.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize>;

    /// The first range at or after `from` of which bytes are stored; what lies
    /// before it reads as zero. `None` where only zeros follow.
    ///
    /// # Errors
    ///
    /// Where that cannot be told.
    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        Ok((from < self.size()).then(|| from..self.size()))
    }
}

/// Fills all of `bytes`.
///
/// # Errors
///
/// That of the disk; `Corrupt` where the disk ends before.
pub fn read_exact(disk: &(impl Disk + ?Sized), bytes: &mut [u8], offset: u64) -> DiskResult<()> {
    if disk.read_at(bytes, offset)? == bytes.len() {
        return Ok(());
    }
    Err(DiskError::corrupt(offset, "lies past the end of the disk"))
}

/// Reads `length` bytes, for structures of bounded size.
///
/// # Errors
///
/// As [`read_exact`].
pub fn read_vec(disk: &(impl Disk + ?Sized), offset: u64, length: usize) -> DiskResult<Vec<u8>> {
    let mut bytes = vec![0; length];
    read_exact(disk, &mut bytes, offset)?;
    Ok(bytes)
}

/// A file or block device.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    size: u64,
}

impl FileDisk {
    /// Takes an open file of `size` bytes.
    #[must_use]
    pub fn new(file: File, size: u64) -> Self {
        Self { file, size }
    }
}

impl Disk for FileDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(left);
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..wanted).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            match self.file.read_at(rest, at) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DiskError::io(at, &error)),
            }
        }
        Ok(filled)
    }

    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        use rustix::fs::{SeekFrom, seek};
        use rustix::io::Errno;
        if from >= self.size {
            return Ok(None);
        }
        // A block device has no holes that could be asked for.
        let start = match seek(&self.file, SeekFrom::Data(from)) {
            Ok(start) => start.max(from),
            Err(Errno::NXIO) => return Ok(None),
            Err(_) => return Ok(Some(from..self.size)),
        };
        let end = seek(&self.file, SeekFrom::Hole(start)).unwrap_or(self.size).min(self.size);
        Ok((start < self.size).then(|| start..end.max(start + 1)))
    }
}

/// A range of another disk.
#[derive(Clone, Debug)]
pub struct Part {
    disk: Arc<dyn Disk>,
    start: u64,
    size: u64,
}

impl Part {
    /// The range, cut to where the disk ends.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, range: Range<u64>) -> Self {
        let end = range.end.min(disk.size());
        Self { start: range.start, size: end.saturating_sub(range.start), disk }
    }
}

impl Disk for Part {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(left);
        let bytes = bytes.get_mut(..wanted).unwrap_or_default();
        let inside =
            |error: DiskError| DiskError { offset: error.offset.saturating_sub(self.start), ..error };
        self.disk.read_at(bytes, self.start.saturating_add(offset)).map_err(inside)
    }

    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        if from >= self.size {
            return Ok(None);
        }
        let end = self.start + self.size;
        let next = self.disk.next_data(self.start + from)?;
        Ok(next
            .filter(|range| range.start < end)
            .map(|range| range.start.max(self.start + from) - self.start..range.end.min(end) - self.start))
    }
}

/// How much a [`CachedDisk`] reads at a time, and how many such pieces it keeps:
/// 16 MiB in all.
const CHUNK: usize = 32 << 10;
const CHUNKS: usize = 512;

/// A disk whose small reads (inodes, directories, nodes of trees) are served from
/// pieces that were read a moment ago.
#[derive(Debug)]
pub struct CachedDisk {
    disk: Arc<dyn Disk>,
    /// The piece with number `n` can only be in slot `n % CHUNKS`.
    slots: Vec<Slot>,
}

/// A piece by its number; what it holds is short where the disk ends.
type Slot = Mutex<Option<(u64, Arc<[u8]>)>>;

impl CachedDisk {
    /// Reads `disk` through a cache.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, slots: std::iter::repeat_with(Mutex::default).take(CHUNKS).collect() }
    }

    fn chunk(&self, number: u64) -> DiskResult<Arc<[u8]>> {
        let index = usize::try_from(number % 512).unwrap_or(0);
        let Some(slot) = self.slots.get(index) else {
            return Err(DiskError::corrupt(0, "no such place in the cache"));
        };
        let lock = || slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((held, bytes)) = &*lock()
            && *held == number
        {
            return Ok(Arc::clone(bytes));
        }
        let mut bytes = vec![0; CHUNK];
        let filled = self.disk.read_at(&mut bytes, number.saturating_mul(32 << 10))?;
        bytes.truncate(filled);
        let bytes: Arc<[u8]> = bytes.into();
        *lock() = Some((number, Arc::clone(&bytes)));
        Ok(bytes)
    }
}

impl Disk for CachedDisk {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        if bytes.len() > CHUNK {
            return self.disk.read_at(bytes, offset);
        }
        let mut filled = 0;
        while filled < bytes.len() {
            let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            if at >= self.size() {
                break;
            }
            let Ok(chunk) = self.chunk(at / (32 << 10)) else {
                // A bad block beside what is wanted must not hide it.
                let rest = bytes.get_mut(filled..).unwrap_or_default();
                return Ok(filled + self.disk.read_at(rest, at)?);
            };
            let from = usize::try_from(at % (32 << 10)).unwrap_or(0);
            let Some(here) = chunk.get(from..).filter(|here| !here.is_empty()) else { break };
            let length = here.len().min(bytes.len() - filled);
            if let (Some(to), Some(from)) = (bytes.get_mut(filled..filled + length), here.get(..length)) {
                to.copy_from_slice(from);
            }
            filled += length;
        }
        Ok(filled)
    }

    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        self.disk.next_data(from)
    }
}

/// Bytes in memory as a disk, for tests and for structures that were taken apart.
#[derive(Clone, Debug)]
pub struct MemoryDisk(pub Arc<[u8]>);

impl Disk for MemoryDisk {
    fn size(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let here = self.0.get(from..).unwrap_or_default();
        let length = here.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..length), here.get(..length)) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(length: usize) -> Arc<[u8]> {
        (0..length).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect()
    }

    #[test]
    fn a_part_ends_where_its_disk_ends() {
        let disk = Arc::new(MemoryDisk(numbered(100)));
        let part = Part::new(disk, 90..200);
        assert_eq!(part.size(), 10);
        let mut bytes = [0; 20];
        assert_eq!(part.read_at(&mut bytes, 5).expect("bytes"), 5);
        assert_eq!(bytes[..5], [95, 96, 97, 98, 99]);
        assert_eq!(part.read_at(&mut bytes, 10).expect("the end"), 0);
        assert_eq!(part.next_data(3).expect("data"), Some(3..10));
        assert_eq!(part.next_data(10).expect("data"), None);
    }

    #[test]
    fn a_cache_gives_what_the_disk_gives() {
        let bytes = numbered(3 * CHUNK + 100);
        let disk = CachedDisk::new(Arc::new(MemoryDisk(Arc::clone(&bytes))));
        for (offset, length) in [(0, 10), (CHUNK - 5, 10), (3 * CHUNK, 200), (CHUNK, CHUNK), (7, 2 * CHUNK)] {
            for _ in 0..2 {
                let mut read = vec![0; length];
                let filled = disk.read_at(&mut read, offset as u64).expect("bytes");
                assert_eq!(read[..filled], bytes[offset..(offset + length).min(bytes.len())]);
            }
        }
        assert_eq!(disk.read_at(&mut [0; 4], u64::MAX).expect("the end"), 0);
    }
}
