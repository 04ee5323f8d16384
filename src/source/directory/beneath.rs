//! Things in the target by their path, outside any walk: what the snapshot's own
//! machine would see there. Nothing outside can be reached.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

use rustix::fs::{Dir, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use super::super::stat::FileStat;
use super::root::{DIRECTORY_FLAGS, FILE_FLAGS, Root, is_regular};

impl Root {
    /// Opens a regular file, links followed inside the snapshot.
    ///
    /// # Errors
    ///
    /// What the system says; `EINVAL` where it is no regular file.
    pub fn open_beneath(&self, path: &CStr) -> Result<File, Errno> {
        // Here the file itself may be a link.
        self.open_regular(path, FILE_FLAGS.difference(OFlags::NOFOLLOW), ResolveFlags::IN_ROOT)
    }

    /// Opens a regular file that a walk has met, by its path: no link is followed.
    ///
    /// # Errors
    ///
    /// As for [`Self::open_beneath`]; `ELOOP` where a part of the path is a link now.
    pub fn open_met(&self, path: &CStr) -> Result<File, Errno> {
        self.open_regular(path, FILE_FLAGS, ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS)
    }

    fn open_regular(&self, path: &CStr, flags: OFlags, resolve: ResolveFlags) -> Result<File, Errno> {
        let fd = self.open_resolved(path, flags, resolve)?;
        if is_regular(&FileStat::of(&fd)?) { Ok(fd.into()) } else { Err(Errno::INVAL) }
    }

    /// Reads a file by its path in the snapshot, as the snapshot's own machine
    /// would see it: links are followed, and cannot lead out. At most `max` bytes;
    /// `None` where there is no such regular file or it cannot be read.
    #[must_use]
    pub fn read_beneath(&self, path: &CStr, max: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(max).unwrap_or(u64::MAX);
        let file = self.open_beneath(path).ok()?;
        std::io::Read::read_to_end(&mut std::io::Read::take(file, limit), &mut bytes).ok()?;
        Some(bytes)
    }

    /// The names in a directory, in order, `.` and `..` left out, at most `max` of
    /// them (which ones, where there are more, is up to the filesystem). Links are
    /// followed inside the snapshot.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn list_beneath(&self, path: &CStr, max: usize) -> Result<Vec<Vec<u8>>, Errno> {
        let flags = DIRECTORY_FLAGS.difference(OFlags::NOFOLLOW);
        let fd = self.open_resolved(path, flags, ResolveFlags::IN_ROOT)?;
        let mut names = Vec::new();
        for entry in Dir::new(fd)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                names.push(name.to_vec());
            }
            if names.len() >= max {
                break;
            }
        }
        names.sort();
        Ok(names)
    }

    fn open_resolved(&self, path: &CStr, flags: OFlags, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
        let open = |flags| openat2(self.fd(), path, flags, Mode::empty(), resolve);
        match open(flags | OFlags::NOATIME) {
            Err(Errno::PERM) => open(flags),
            other => other,
        }
        .or_else(|errno| if errno == Errno::NOSYS { self.open_by_steps(path, flags) } else { Err(errno) })
    }

    /// What an old kernel allows: each name in turn, no link at all.
    fn open_by_steps(&self, path: &CStr, last: OFlags) -> Result<OwnedFd, Errno> {
        self.openat2.store(false, Ordering::Relaxed);
        let mut at = self.fd().try_clone_to_owned().map_err(|_| Errno::MFILE)?;
        let mut names =
            path.to_bytes().split(|byte| *byte == b'/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            if name == b".." {
                return Err(Errno::INVAL);
            }
            let flags = if names.peek().is_some() { DIRECTORY_FLAGS } else { last | OFlags::NOFOLLOW };
            at = openat(&at, name, flags, Mode::empty())?;
        }
        Ok(at)
    }
}
