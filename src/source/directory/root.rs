//! The directory that a walk stays in, and how things in it are opened.

use std::collections::HashSet;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{
    FileType, Mode, OFlags, ResolveFlags, StatVfsMountFlags, fstatfs, fstatvfs, openat, openat2,
};
use rustix::io::Errno;

use super::super::stat::FileStat;
use super::node::DirNode;

/// Filesystems that show state of the kernel instead of stored data: their files
/// may be endless, may block, and may act when read. Magic numbers from the
/// kernel's `include/uapi/linux/magic.h`.
const PSEUDO_FILESYSTEMS: [i64; 17] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x1cd1,      // devpts
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0xcafe_4a11, // bpf
    0x7363_6673, // securityfs
    0xf97c_ff8c, // selinuxfs
    0x4341_5d53, // smackfs
    0x6265_6570, // configfs
    0x1980_0202, // mqueue
    0x6165_676c, // pstore
    0xde5e_81e4, // efivarfs
    0x4249_4e4d, // binfmt_misc
    0x6e73_6673, // nsfs
];

/// Open flags for a file's content: not through a link, without waiting for the
/// other end of a FIFO, and not as a controlling terminal.
pub(super) const FILE_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);
pub(super) const DIRECTORY_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW).union(OFlags::DIRECTORY);
/// The most bytes of a path that are given to the kernel at once (it takes 4,095).
const PATH_PIECE: usize = 3500;

/// Something that was opened, and whether the system kept its access time.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub fd: OwnedFd,
    /// False where this process may not read without a trace (it is not the
    /// owner) and the mount does not forbid access times anyway.
    pub access_time_kept: bool,
}

/// The directory that a walk stays in.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    dev: u64,
    /// The mount writes no access times: it is read-only or `noatime`.
    no_access_times: bool,
    pseudo: bool,
    /// Whether the kernel has `openat2` (Linux 5.6) and lets us call it.
    pub(super) openat2: AtomicBool,
    /// Roots of other filesystems that were entered: device and inode.
    crossed: Mutex<HashSet<(u64, u64)>>,
}

/// Why a directory was not entered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refused {
    /// It is the root of a mount, or of another filesystem.
    OtherFilesystem,
    /// The system's error.
    Error(Errno),
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        // EXDEV is what openat2 says of a mount it was told not to cross.
        if errno == Errno::XDEV { Self::OtherFilesystem } else { Self::Error(errno) }
    }
}

impl Root {
    /// Takes an open directory as root.
    ///
    /// # Errors
    ///
    /// What the system says when asked about it.
    pub fn new(fd: OwnedFd) -> Result<Self, Errno> {
        let stat = FileStat::of(&fd)?;
        let flags = fstatvfs(&fd).map(|vfs| vfs.f_flag).unwrap_or(StatVfsMountFlags::empty());
        Ok(Self {
            dev: stat.dev,
            no_access_times: flags.intersects(StatVfsMountFlags::RDONLY | StatVfsMountFlags::NOATIME),
            pseudo: is_pseudo(&fd),
            openat2: AtomicBool::new(true),
            crossed: Mutex::default(),
            fd,
        })
    }

    /// Its handle.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Whether it lies on a filesystem such as procfs, whose files may be endless.
    #[must_use]
    pub fn is_pseudo(&self) -> bool {
        self.pseudo
    }

    /// Opens a file in a directory for reading.
    ///
    /// # Errors
    ///
    /// What `openat(2)` says; `ELOOP` where the name is now a symbolic link.
    #[inline]
    pub fn open_file(&self, dir: BorrowedFd<'_>, name: &CStr) -> Result<Opened, Errno> {
        if self.no_access_times {
            let fd = openat(dir, name, FILE_FLAGS, Mode::empty())?;
            return Ok(Opened { fd, access_time_kept: true });
        }
        match openat(dir, name, FILE_FLAGS | OFlags::NOATIME, Mode::empty()) {
            Ok(fd) => Ok(Opened { fd, access_time_kept: true }),
            Err(Errno::PERM) => {
                let fd = openat(dir, name, FILE_FLAGS, Mode::empty())?;
                Ok(Opened { fd, access_time_kept: false })
            }
            Err(errno) => Err(errno),
        }
    }

    /// Opens the root itself again, as a directory to list.
    pub(super) fn open_self(&self) -> Result<OwnedFd, Errno> {
        self.without_trace(|flags| openat(&self.fd, c".", flags, Mode::empty()))
    }

    /// Opens a directory in another. Unless `cross` is set, a mount is refused.
    pub(super) fn open_dir(&self, dir: BorrowedFd<'_>, name: &CStr, cross: bool) -> Result<OwnedFd, Refused> {
        match self.open_same_mount(dir, name) {
            Err(Refused::OtherFilesystem) if cross => self.open_mount(dir, name),
            other => other,
        }
    }

    /// Opens the root of a mount, once for each filesystem.
    fn open_mount(&self, dir: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Refused> {
        let fd = self.without_trace(|flags| openat(dir, name, flags, Mode::empty()))?;
        let stat = FileStat::of(&fd)?;
        // A bind mount of the target's own filesystem shows what is met elsewhere,
        // or an ancestor of itself.
        if stat.dev == self.dev || is_pseudo(&fd) {
            return Err(Refused::OtherFilesystem);
        }
        let mut crossed = self.crossed.lock().unwrap_or_else(PoisonError::into_inner);
        if crossed.insert((stat.dev, stat.ino)) { Ok(fd) } else { Err(Refused::OtherFilesystem) }
    }

    fn open_same_mount(&self, dir: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Refused> {
        if self.openat2.load(Ordering::Relaxed) {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
            match self.without_trace(|flags| openat2(dir, name, flags, Mode::empty(), resolve)) {
                // An old kernel, or a sandbox that does not know the call: the
                // latter may say EPERM, which then openat decides about.
                Err(Errno::NOSYS) => self.openat2.store(false, Ordering::Relaxed),
                Err(Errno::PERM) => {}
                other => return Ok(other?),
            }
        }
        // Without openat2 a bind mount of the same filesystem cannot be told from
        // a directory; a mount of another one can.
        let fd = self.without_trace(|flags| openat(dir, name, flags, Mode::empty()))?;
        if FileStat::of(&fd)?.dev == self.dev { Ok(fd) } else { Err(Refused::OtherFilesystem) }
    }

    /// Opens a directory anew by its names from the root, in pieces that are
    /// short enough for the kernel.
    pub(super) fn reopen(&self, node: &DirNode) -> Result<OwnedFd, Errno> {
        let mut at = self.open_self()?;
        let mut piece = Vec::with_capacity(PATH_PIECE);
        // Without openat2 a piece of more than one name could go through a link.
        let limit = if self.openat2.load(Ordering::Relaxed) { PATH_PIECE } else { 0 };
        for component in node.components() {
            if !piece.is_empty() && piece.len() + component.len() + 1 > limit {
                at = self.open_piece(&at, &mut piece)?;
            }
            if !piece.is_empty() {
                piece.push(b'/');
            }
            piece.extend_from_slice(component);
        }
        if piece.is_empty() { Ok(at) } else { self.open_piece(&at, &mut piece) }
    }

    /// Mounts are not looked at: they were when the directory was met first.
    fn open_piece(&self, at: &OwnedFd, piece: &mut Vec<u8>) -> Result<OwnedFd, Errno> {
        piece.push(0);
        let name = CStr::from_bytes_with_nul(piece).map_err(|_| Errno::INVAL)?;
        let opened = if self.openat2.load(Ordering::Relaxed) {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            self.without_trace(|flags| openat2(at, name, flags, Mode::empty(), resolve))
        } else {
            self.without_trace(|flags| openat(at, name, flags, Mode::empty()))
        };
        piece.clear();
        opened
    }

    pub(super) fn without_trace(
        &self,
        open: impl Fn(OFlags) -> Result<OwnedFd, Errno>,
    ) -> Result<OwnedFd, Errno> {
        if self.no_access_times {
            return open(DIRECTORY_FLAGS);
        }
        match open(DIRECTORY_FLAGS | OFlags::NOATIME) {
            Err(Errno::PERM) => open(DIRECTORY_FLAGS),
            other => other,
        }
    }
}

fn is_pseudo(fd: impl AsFd) -> bool {
    fstatfs(fd).is_ok_and(|fs| {
        // The field's type differs between architectures.
        #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions, reason = "see above")]
        let magic = i64::try_from(fs.f_type).unwrap_or(0);
        PSEUDO_FILESYSTEMS.contains(&(magic & 0xffff_ffff))
    })
}

/// What an entry is when the directory does not say.
pub(super) fn entry_type(dir: BorrowedFd<'_>, name: &CStr) -> Result<FileStat, Errno> {
    rustix::fs::statat(dir, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).map(|stat| FileStat::from_raw(&stat))
}

/// Whether it is a regular file.
pub(super) fn is_regular(stat: &FileStat) -> bool {
    stat.file_type == FileType::RegularFile
}
