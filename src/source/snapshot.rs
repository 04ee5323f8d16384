//! A target: what the user points at.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstatvfs, openat, statat};
use rustix::io::Errno;

use super::directory::Root;
use super::image::ImageError;
use super::machine_disks::MachineDisks;
use super::stat::FileStat;

/// A smaller file is never taken for an image, in bytes: the least that holds a
/// container's header or a boot sector.
const SMALLEST_IMAGE: u64 = 512;

/// Why a target cannot be opened. Each names the path and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing has that name.
    #[error("{}: no such file or directory; is the snapshot mounted there?", .0.display())]
    NotFound(PathBuf),
    /// This process may not open it.
    #[error("{}: permission denied; run as its owner or as root", .0.display())]
    Permission(PathBuf),
    /// A disk image or block device that cannot be read as one.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A FIFO, socket or character device.
    #[error("{}: neither a directory nor a regular file", .0.display())]
    NotAFile(PathBuf),
    /// Anything else that the system says.
    #[error("{}: {errno}", path.display())]
    Io {
        /// The target.
        path: PathBuf,
        /// The system's error.
        errno: std::io::Error,
    },
}

impl OpenError {
    /// The path that could not be opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::NotFound(path) | Self::Permission(path) | Self::NotAFile(path) => path,
            Self::Image(error) => &error.path,
            Self::Io { path, .. } => path,
        }
    }

    fn from_errno(path: &Path, errno: Errno) -> Self {
        let path = path.to_path_buf();
        match errno {
            Errno::NOENT => Self::NotFound(path),
            Errno::ACCESS | Errno::PERM => Self::Permission(path),
            _ => Self::Io { path, errno: errno.into() },
        }
    }
}

/// An open target: a directory (a mounted snapshot, or a part of one), the disks of
/// a machine, or one regular file.
#[derive(Debug)]
pub struct Snapshot {
    path: PathBuf,
    kind: SnapshotKind,
    bytes_in_use: Option<u64>,
}

/// What a target is.
#[derive(Debug)]
pub enum SnapshotKind {
    /// Disk images or block devices.
    Disks(MachineDisks),
    /// A directory tree.
    Directory(Root),
    /// One regular file: its directory, opened, and its name there. It is opened
    /// again, by that name, when it is scanned.
    File {
        /// The directory that holds it.
        parent: Root,
        /// Its name there.
        name: std::ffi::CString,
    },
}

impl Snapshot {
    /// Opens a target. The path itself may be a symbolic link; nothing in it is
    /// followed.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when it is missing, may not be opened, or is neither a
    /// directory nor a regular file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let fail = |errno| OpenError::from_errno(path, errno);
        // The type is asked for before anything is opened: opening a FIFO or a
        // tape drive has effects.
        let stat = FileStat::from_raw(&statat(CWD, path, AtFlags::empty()).map_err(fail)?);
        match stat.file_type {
            FileType::Directory => {
                let root = Root::new(open_directory(path).map_err(fail)?).map_err(fail)?;
                let bytes_in_use = root.bytes_in_use();
                Ok(Self { path: path.to_path_buf(), kind: SnapshotKind::Directory(root), bytes_in_use })
            }
            FileType::BlockDevice => Self::open_disks(path.to_path_buf(), &[path.to_path_buf()]),
            FileType::RegularFile => {
                // Told by its content: whatever is no image is a file to be searched.
                let file = Self::open_file(path, &stat).map_err(fail)?;
                if stat.size.is_some_and(|size| size >= SMALLEST_IMAGE) {
                    let disks = MachineDisks::open(&[path.to_path_buf()])?;
                    if disks.is_disk() {
                        return Ok(Self::of_disks(path.to_path_buf(), disks));
                    }
                }
                Ok(file)
            }
            _ => Err(OpenError::NotAFile(path.to_path_buf())),
        }
    }

    /// Opens the disk images or block devices of one machine as one target: volume
    /// groups and arrays may span them.
    ///
    /// # Errors
    ///
    /// [`OpenError::Image`] for the first that cannot be opened.
    pub fn open_machine(name: &str, paths: &[PathBuf]) -> Result<Self, OpenError> {
        Self::open_disks(PathBuf::from(name), paths)
    }

    fn open_disks(name: PathBuf, paths: &[PathBuf]) -> Result<Self, OpenError> {
        Ok(Self::of_disks(name, MachineDisks::open(paths)?))
    }

    fn of_disks(path: PathBuf, disks: MachineDisks) -> Self {
        let bytes_in_use = disks.images.iter().map(|image| image.stored).sum();
        Self { path, kind: SnapshotKind::Disks(disks), bytes_in_use: Some(bytes_in_use) }
    }

    fn open_file(path: &Path, stat: &FileStat) -> Result<Self, Errno> {
        // A link given by the user is resolved here, once.
        let real = path.canonicalize().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        let parent = real.parent().unwrap_or(Path::new("/"));
        let name = std::ffi::CString::new(real.file_name().unwrap_or(OsStr::new("")).as_bytes())
            .map_err(|_| Errno::INVAL)?;
        let parent = Root::new(open_path_only(parent)?)?;
        // Opened once to tell now, not in the middle of a scan, that it cannot be.
        let opened = parent.open_file(parent.fd(), &name)?;
        drop(opened);
        Ok(Self {
            path: path.to_path_buf(),
            kind: SnapshotKind::File { parent, name },
            bytes_in_use: stat.size,
        })
    }

    /// The path as the user gave it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes the filesystem has in use, where the target is the root of
    /// one (or the size, where the target is a file); what a scan of it has to
    /// read at most, apart from holes and links.
    #[must_use]
    pub fn bytes_in_use(&self) -> Option<u64> {
        self.bytes_in_use
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &SnapshotKind {
        &self.kind
    }
}

/// Opens a directory for listing, its access time untouched where that is allowed.
fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(CWD, path, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(CWD, path, flags, Mode::empty()),
        other => other,
    }
}

/// Opens a directory only to open things in it, which needs no right to list it.
fn open_path_only(path: &Path) -> Result<OwnedFd, Errno> {
    openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

impl Root {
    /// Bytes in use of the filesystem whose root this is; `None` for any other
    /// directory, where the number would say nothing.
    fn bytes_in_use(&self) -> Option<u64> {
        let here = FileStat::of(self.fd()).ok()?;
        let above = FileStat::from_raw(&statat(self.fd(), c"..", AtFlags::SYMLINK_NOFOLLOW).ok()?);
        if here.dev == above.dev && here.ino != above.ino {
            return None;
        }
        let vfs = fstatvfs(self.fd()).ok()?;
        let used = vfs.f_blocks.checked_sub(vfs.f_bfree)?.checked_mul(vfs.f_frsize)?;
        (used > 0).then_some(used)
    }
}
