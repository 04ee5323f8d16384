//! The files of an image: the one that the user names, and those that it names
//! itself, which are only ever opened inside its own folder.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, statat};
use rustix::io::Errno;

use super::super::disk::{DiskError, DiskResult, FileDisk};
use crate::finding::Reason;

/// `O_NONBLOCK`: what became a FIFO a moment ago must not stop us.
const FILE_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// How many names of a folder are looked at.
const MAX_NAMES: usize = 100_000;

/// An open file or block device.
#[derive(Debug)]
pub(super) struct HostFile {
    pub(super) disk: Arc<FileDisk>,
    pub(super) path: PathBuf,
    pub(super) size: u64,
    /// Device and inode.
    pub(super) id: (u64, u64),
    pub(super) is_device: bool,
}

/// Opens what the user names: a regular file or a block device; a link is followed.
pub(super) fn open_named(path: &Path) -> DiskResult<HostFile> {
    // The type is asked for first: opening a FIFO or a tape drive has effects.
    let stat =
        statat(CWD, path, AtFlags::empty()).map_err(|errno| system(errno, "give the path of an image"))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::BlockDevice => {}
        FileType::Directory => return Err(DiskError::unsupported(0, "is a directory, not an image")),
        _ => return Err(DiskError::unsupported(0, "is neither a regular file nor a block device")),
    }
    let open = |flags| openat(CWD, path, flags, Mode::empty());
    let fd = without_access_time(open).map_err(|errno| system(errno, "run as its owner or as root"))?;
    host_file(fd, path.to_path_buf())
}

/// Reading must not change the access time, where we have the right to that.
fn without_access_time(open: impl Fn(OFlags) -> Result<OwnedFd, Errno>) -> Result<OwnedFd, Errno> {
    match open(FILE_FLAGS | OFlags::NOATIME) {
        Err(Errno::PERM) => open(FILE_FLAGS),
        other => other,
    }
}

fn system(errno: Errno, advice: &str) -> DiskError {
    let error = std::io::Error::from(errno);
    DiskError { reason: Reason::Unreadable, offset: 0, message: format!("{error}; {advice}").into() }
}

fn host_file(fd: OwnedFd, path: PathBuf) -> DiskResult<HostFile> {
    let stat = fstat(&fd).map_err(|errno| DiskError::io(0, &errno.into()))?;
    let mut file = File::from(fd);
    let (size, is_device) = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => (u64::try_from(stat.st_size).unwrap_or(0), false),
        FileType::BlockDevice => {
            let size = file.seek(SeekFrom::End(0)).map_err(|error| DiskError::io(0, &error))?;
            if size == 0 {
                return Err(DiskError::unsupported(0, "is a block device without a medium"));
            }
            (size, true)
        }
        _ => return Err(DiskError::unsupported(0, "is neither a regular file nor a block device")),
    };
    let disk = Arc::new(FileDisk::new(file, size));
    Ok(HostFile { disk, path, size, id: (stat.st_dev, stat.st_ino), is_device })
}

/// The folder that holds an image.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// The folder of a file, links resolved, and the file's name there.
    pub(super) fn of(path: &Path) -> DiskResult<(Self, Vec<u8>)> {
        let real = path.canonicalize().map_err(|error| DiskError::io(0, &error))?;
        let folder = real.parent().unwrap_or(Path::new("/")).to_path_buf();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(CWD, &folder, flags, Mode::empty())
            .map_err(|errno| system(errno, "its folder cannot be opened"))?;
        let name = real.file_name().unwrap_or_default().as_bytes().to_vec();
        Ok((Self { fd, path: folder }, name))
    }

    /// Opens a regular file of the folder by a name that the image gives, which
    /// nobody need trust: no way leads out of the folder, by `..`, by an absolute
    /// path or by a link.
    pub(super) fn open(&self, name: &[u8]) -> DiskResult<HostFile> {
        let inside = self.inside(name)?;
        let shown = shown(name);
        let refused = |errno| match errno {
            Errno::NOENT | Errno::NOTDIR => DiskError {
                reason: Reason::Unreadable,
                offset: 0,
                message: format!("the image needs {shown}, which is not in its folder; copy it there").into(),
            },
            Errno::XDEV | Errno::LOOP => outside(name),
            _ => system(errno, &format!("the image needs {shown}")),
        };
        // Nothing but a regular file is opened, so it is looked at first.
        let place = self.resolve(&inside, OFlags::PATH | OFlags::CLOEXEC).map_err(refused)?;
        let stat = fstat(&place).map_err(refused)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(DiskError::unsupported(
                0,
                format!("the image needs {shown}, which is no regular file"),
            ));
        }
        let fd = without_access_time(|flags| self.resolve(&inside, flags)).map_err(refused)?;
        let path = self.path.join(OsStr::from_bytes(inside.to_bytes()));
        let file = host_file(fd, path)?;
        if file.is_device {
            return Err(DiskError::unsupported(
                0,
                format!("the image needs {shown}, which is no regular file"),
            ));
        }
        Ok(file)
    }

    /// The name as one below the folder.
    fn inside(&self, name: &[u8]) -> DiskResult<CString> {
        let below = match name.strip_prefix(b"/") {
            None => name,
            Some(_) => name
                .strip_prefix(self.path.as_os_str().as_bytes())
                .and_then(|rest| rest.strip_prefix(b"/"))
                .ok_or_else(|| outside(name))?,
        };
        let mut parts = Vec::new();
        for part in below.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => return Err(outside(name)),
                part => parts.push(part),
            }
        }
        let below = parts.join(&b'/');
        if below.is_empty() {
            return Err(DiskError::corrupt(0, "the image names a file without a name"));
        }
        CString::new(below)
            .map_err(|_| DiskError::corrupt(0, "the image names a file with a NUL in its name"))
    }

    fn resolve(&self, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        match openat2(&self.fd, name, flags, Mode::empty(), resolve) {
            // An old kernel: each name in turn, no link at all.
            Err(Errno::NOSYS) => self.by_steps(name, flags),
            other => other,
        }
    }

    fn by_steps(&self, name: &CStr, last: OFlags) -> Result<OwnedFd, Errno> {
        let mut at = self.fd.try_clone().map_err(|_| Errno::MFILE)?;
        let mut names = name.to_bytes().split(|byte| *byte == b'/').peekable();
        let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        while let Some(name) = names.next() {
            let flags = if names.peek().is_some() { folder } else { last | OFlags::NOFOLLOW };
            at = openat(&at, name, flags, Mode::empty())?;
        }
        Ok(at)
    }

    /// The names in the folder, in order.
    pub(super) fn names(&self) -> DiskResult<Vec<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let failed = |errno| system(errno, "the folder of the image cannot be listed");
        let fd = openat(&self.fd, c".", flags, Mode::empty()).map_err(failed)?;
        let mut names = Vec::new();
        for entry in Dir::new(fd).map_err(failed)?.take(MAX_NAMES) {
            names.push(entry.map_err(failed)?.file_name().to_bytes().to_vec());
        }
        names.sort();
        Ok(names)
    }
}

fn outside(name: &[u8]) -> DiskError {
    let shown = shown(name);
    DiskError::unsupported(
        0,
        format!(
            "the image names {shown}, outside its folder: not opened; copy it beside the image and name it so"
        ),
    )
}

/// Bytes that an image gives, as text for a person: nothing in it acts on a terminal.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..1024).unwrap_or(bytes));
    format!("'{}'", text.escape_debug())
}
