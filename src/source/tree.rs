//! The files of a snapshot by their paths, as its own machine would see them,
//! whether the kernel has mounted it or we read its filesystem ourselves.

use std::ffi::CStr;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Read};

use rustix::io::Errno;

use super::directory::{Resolved, Root};
use super::stat::FileStat;
use crate::formats::sqlite::ReadPages;

/// A tree of files that can be asked for by path. Nothing outside can be reached:
/// `..` at its root stays there, and links are followed inside it.
pub trait Tree: Sync + Debug {
    /// Opens a regular file, links followed.
    ///
    /// # Errors
    ///
    /// What the system says, or would say; `EINVAL` where it is no regular file.
    fn open_beneath(&self, path: &CStr) -> Result<TreeFile<'_>, Errno>;

    /// Opens a regular file that a walk has met, by its path: no link is followed.
    ///
    /// # Errors
    ///
    /// As for [`Self::open_beneath`]; `ELOOP` where a part of the path is a link.
    fn open_met(&self, path: &CStr) -> Result<TreeFile<'_>, Errno>;

    /// The names in a directory, in order, `.` and `..` left out, at most `max` of
    /// them (which ones, where there are more, is up to the filesystem). Links are
    /// followed.
    ///
    /// # Errors
    ///
    /// What the system says, or would say.
    fn list_beneath(&self, path: &CStr, max: usize) -> Result<Vec<Vec<u8>>, Errno>;

    /// Follows a path from the root, with the owner and mode of all that it passes.
    ///
    /// # Errors
    ///
    /// There is nothing there, or there are too many links.
    fn resolve(&self, path: &[u8]) -> Result<Resolved, Errno>;

    /// Reads a file, links followed; at most `max` bytes. `None` where there is no
    /// such regular file or it cannot be read.
    fn read_beneath(&self, path: &CStr, max: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(max).unwrap_or(u64::MAX);
        self.open_beneath(path).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// Bytes at offsets.
pub trait FileBytes: Debug {
    /// As `pread(2)`.
    ///
    /// # Errors
    ///
    /// What the medium says about the byte at `offset`.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl FileBytes for File {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, bytes, offset)
    }
}

/// An open file of a tree.
#[derive(Debug)]
pub struct TreeFile<'t> {
    /// What is known of it.
    pub stat: FileStat,
    bytes: Box<dyn FileBytes + 't>,
    at: u64,
}

impl<'t> TreeFile<'t> {
    /// A file of the tree, to be read from its start.
    #[must_use]
    pub fn new(stat: FileStat, bytes: Box<dyn FileBytes + 't>) -> Self {
        Self { stat, bytes, at: 0 }
    }

    /// The same file, to be read from an offset on.
    #[must_use]
    pub fn starting_at(self, offset: u64) -> Self {
        Self { at: offset, ..self }
    }

    /// Reads from `offset` on; 0 is the end.
    ///
    /// # Errors
    ///
    /// What the medium says.
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.bytes.read_at(bytes, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Fills all of `bytes` from `offset` on.
    ///
    /// # Errors
    ///
    /// What the medium says; `UnexpectedEof` where the file ends before.
    pub fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            match self.bytes.read_at(rest, at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl ReadPages for &TreeFile<'_> {
    fn read(&mut self, offset: u64, page: &mut [u8]) -> bool {
        self.read_exact_at(page, offset).is_ok()
    }
}

impl Read for TreeFile<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read_at(bytes, self.at)?;
        self.at = self.at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

impl Tree for Root {
    fn open_beneath(&self, path: &CStr) -> Result<TreeFile<'_>, Errno> {
        of_file(self.open_beneath(path)?)
    }

    fn open_met(&self, path: &CStr) -> Result<TreeFile<'_>, Errno> {
        of_file(self.open_met(path)?)
    }

    fn list_beneath(&self, path: &CStr, max: usize) -> Result<Vec<Vec<u8>>, Errno> {
        self.list_beneath(path, max)
    }

    fn resolve(&self, path: &[u8]) -> Result<Resolved, Errno> {
        self.resolve(path)
    }
}

fn of_file(file: File) -> Result<TreeFile<'static>, Errno> {
    let stat = FileStat { btime: FileStat::made(&file), ..FileStat::of(&file)? };
    Ok(TreeFile::new(stat, Box::new(file)))
}
