//! Filesystems, read by their structures on the disk and never mounted.
//!
//! Role: from the bytes of a volume to a tree of files, with all that is kept
//! about each, where its content lies, and what is deleted or free. Not for: who
//! walks the tree and in which order files are read (see `source::snapshot` and
//! `pipeline`).
//!
//! Adding one: a module with `detect` and `open`, and a line in [`open`].

pub mod btrfs;
mod clusters;
pub(super) mod dos_time;
pub mod exfat;
pub mod ext;
pub mod fat;
mod free_ranges;
pub mod iso;
mod lzo;
pub mod ntfs;
mod read_ahead;
mod reader;
pub mod squashfs;
mod tree;
mod wtf8;
pub mod xfs;

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, PoisonError};

pub use read_ahead::ReadAhead;
pub use reader::{ContentDisk, ContentReader};
pub use tree::FilesystemTree;

use super::disk::{Disk, DiskError, DiskResult};
use super::stat::FileStat;

/// The most different problems of one filesystem that are kept.
const MAX_PROBLEMS: usize = 1000;

/// An inode: `tree` is 0 but where a filesystem has several trees of inodes (the
/// subvolumes of Btrfs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// Which tree.
    pub tree: u64,
    /// The number of the inode, or whatever names it on this filesystem.
    pub inode: u64,
}

/// What a filesystem says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// `ext2`, `ext3`, `ext4`, `xfs`, `btrfs`, `ntfs`, `fat12`, `fat16`, `fat32`, `exfat`, `squashfs`, `iso9660`.
    pub kind: &'static str,
    /// Its label.
    pub label: Option<String>,
    /// Its UUID or serial number, as `blkid` prints it.
    pub uuid: Option<String>,
    /// Bytes that it covers.
    pub size: u64,
    /// The unit in which it gives out space, in bytes.
    pub block_size: u32,
    /// What a person should know of its state, such as that its journal was replayed.
    pub notes: Vec<String>,
}

/// One name in a directory. `.` and `..` are not given.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'e> {
    /// Any bytes but `/` and NUL; not empty, not `.` or `..`.
    pub name: &'e [u8],
    /// What it names.
    pub id: NodeId,
}

/// A named stream beside a file's content (NTFS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedStream {
    /// Its name in UTF-8 as far as it can be.
    pub name: Vec<u8>,
    /// Its size in bytes.
    pub size: u64,
}

/// A deleted file of which something is left.
#[derive(Clone, Debug)]
pub struct DeletedFile {
    /// Its path as far as it is known; its name alone, or a number, else.
    pub path: Vec<u8>,
    /// What is left of its inode.
    pub stat: FileStat,
    /// What of its content lies in blocks that are free still.
    pub content: Content,
}

/// Where the content of a file lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Its size in bytes.
    pub size: u64,
    /// In the order of the content, without overlap; what is between them, and from
    /// the last to `size`, is a hole. A piece may end past `size`.
    pub pieces: Vec<Piece>,
}

/// A range of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins in the content.
    pub at: u64,
    /// Bytes of the content that it gives.
    pub length: u64,
    /// Where they come from.
    pub source: PieceSource,
}

/// Where bytes of a content come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PieceSource {
    /// They are stored as they are.
    Stored(Place),
    /// Space was set aside and never written: zeros.
    Unwritten,
    /// They were in the inode itself, or in a tree's leaf.
    Inline(Arc<[u8]>),
    /// They are compressed.
    Encoded(Box<Encoded>),
}

/// A place among the addresses of a filesystem: see [`Filesystem::read_stored`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which of its disks, from 0.
    pub disk: u16,
    /// Offset in bytes.
    pub offset: u64,
}

/// A compressed unit of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// How; a number that means something to the filesystem only.
    pub codec: u8,
    /// Where the stored bytes lie, in order, with lengths in bytes.
    pub stored: Vec<(Place, u64)>,
    /// How many bytes the unit has when it is decoded.
    pub decoded: u64,
    /// How many of them come before those that the piece gives.
    pub skip: u64,
}

/// A filesystem that can be read.
///
/// All methods may be called by several threads at once. Nothing here recurses
/// without a bound, loops without an end or takes memory by a number from the disk
/// that has not been checked.
pub trait Filesystem: Send + Sync + std::fmt::Debug {
    /// What it says of itself.
    fn about(&self) -> &About;

    /// The root directory.
    fn root(&self) -> NodeId;

    /// All that is known about an inode. `ino` and `links` as the kernel shows them.
    ///
    /// # Errors
    ///
    /// An inode that is not there, is not in use, or makes no sense.
    fn stat(&self, id: NodeId) -> DiskResult<FileStat>;

    /// Gives every name in a directory, in the order in which they are stored.
    ///
    /// # Errors
    ///
    /// What is wrong with it; all that can be read has been given by then. `Ok`
    /// where `each` ended it.
    fn list(&self, dir: NodeId, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> DiskResult<()>;

    /// Where a symbolic link leads.
    ///
    /// # Errors
    ///
    /// As [`Self::content`].
    fn link_target(&self, id: NodeId) -> DiskResult<Vec<u8>>;

    /// Where the content of a regular file lies.
    ///
    /// # Errors
    ///
    /// `Encrypted`, or a map that makes no sense.
    fn content(&self, id: NodeId) -> DiskResult<Content>;

    /// The named streams of a file or directory.
    ///
    /// # Errors
    ///
    /// As [`Self::stat`].
    fn streams(&self, _id: NodeId) -> DiskResult<Vec<NamedStream>> {
        Ok(Vec::new())
    }

    /// Where the content of a named stream lies.
    ///
    /// # Errors
    ///
    /// As [`Self::content`].
    fn stream(&self, _id: NodeId, _name: &[u8]) -> DiskResult<Content> {
        Err(DiskError::unsupported(0, "this filesystem has no named streams"))
    }

    /// The disks that it lies on.
    fn disks(&self) -> &[Arc<dyn Disk>];

    /// Fills `bytes` with stored bytes, all of them.
    ///
    /// # Errors
    ///
    /// That of the disk; a checksum that is wrong on every copy.
    fn read_stored(&self, bytes: &mut [u8], from: Place) -> DiskResult<()> {
        let disk = self.disks().get(usize::from(from.disk));
        let disk =
            disk.ok_or_else(|| DiskError::unsupported(from.offset, "lies on a disk that is missing"))?;
        super::disk::read_exact(&**disk, bytes, from.offset)
    }

    /// Where a place lies on its disk, for reading in the order of the disk.
    fn physical(&self, place: Place) -> Place {
        place
    }

    /// Decodes a compressed unit; `decoded` is how many bytes it must give at most.
    ///
    /// # Errors
    ///
    /// A unit that is damaged, or whose codec is not read.
    fn decode(&self, unit: &Encoded, _stored: &[u8]) -> DiskResult<Vec<u8>> {
        let offset = unit.stored.first().map_or(0, |(place, _)| place.offset);
        Err(DiskError::unsupported(offset, "compressed in a way that is not read"))
    }

    /// Gives deleted files of which a name or content is left.
    ///
    /// # Errors
    ///
    /// What could not be searched; the rest has been given by then.
    fn deleted(&self, _each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>) -> DiskResult<()> {
        Ok(())
    }

    /// Gives the ranges of its disks that no file and no structure uses, in order.
    ///
    /// # Errors
    ///
    /// Where free space cannot be told; the rest has been given by then.
    fn free(&self, _each: &mut dyn FnMut(u16, Range<u64>) -> ControlFlow<()>) -> DiskResult<()> {
        Ok(())
    }

    /// Where the journal lies, which keeps copies of what was written before.
    ///
    /// # Errors
    ///
    /// It cannot be found.
    fn journal(&self) -> DiskResult<Vec<(u16, Range<u64>)>> {
        Ok(Vec::new())
    }

    /// What was found to be wrong without stopping anything, such as checksums.
    fn problems(&self) -> Vec<(DiskError, u64)> {
        Vec::new()
    }
}

/// Opens whatever filesystem a volume holds; `None` where it holds none that is read.
/// Others are volumes of the same machine: Btrfs may lie on several.
///
/// # Errors
///
/// It holds one that cannot be read.
pub fn open(disk: &Arc<dyn Disk>, others: &[Arc<dyn Disk>]) -> DiskResult<Option<Box<dyn Filesystem>>> {
    let shared = || Arc::clone(disk);
    if ext::detect(&**disk) {
        return Ok(Some(Box::new(ext::open(shared())?)));
    }
    if xfs::detect(&**disk) {
        return Ok(Some(Box::new(xfs::open(shared())?)));
    }
    if ntfs::detect(&**disk) {
        return Ok(Some(Box::new(ntfs::open(shared())?)));
    }
    if btrfs::detect(&**disk) {
        return Ok(Some(Box::new(btrfs::open(spanning(disk, others))?)));
    }
    if exfat::detect(&**disk) {
        return Ok(Some(Box::new(exfat::open(shared())?)));
    }
    if fat::detect(&**disk) {
        return Ok(Some(Box::new(fat::open(shared())?)));
    }
    if squashfs::detect(&**disk) {
        return Ok(Some(Box::new(squashfs::open(shared())?)));
    }
    if iso::detect(&**disk) {
        return Ok(Some(Box::new(iso::open(shared())?)));
    }
    Ok(None)
}

/// Opens a filesystem whose beginning is lost, by the copy that it keeps elsewhere.
/// Only for volumes that begin like nothing known: a copy may be of an older filesystem.
///
/// # Errors
///
/// As [`open`].
pub fn open_by_copy(
    disk: &Arc<dyn Disk>,
    others: &[Arc<dyn Disk>],
) -> DiskResult<Option<Box<dyn Filesystem>>> {
    let shared = || Arc::clone(disk);
    if ext::detect_copy(&**disk) {
        return Ok(Some(Box::new(ext::open(shared())?)));
    }
    if ntfs::detect_copy(&**disk) {
        return Ok(Some(Box::new(ntfs::open(shared())?)));
    }
    if xfs::detect_copy(&**disk) {
        return Ok(Some(Box::new(xfs::open(shared())?)));
    }
    if btrfs::detect_copy(&**disk) {
        return Ok(Some(Box::new(btrfs::open(spanning(disk, others))?)));
    }
    if exfat::detect_copy(&**disk) {
        return Ok(Some(Box::new(exfat::open(shared())?)));
    }
    if fat::detect_copy(&**disk) {
        return Ok(Some(Box::new(fat::open(shared())?)));
    }
    Ok(None)
}

/// A volume first, then every other that is a device of some Btrfs.
fn spanning(disk: &Arc<dyn Disk>, others: &[Arc<dyn Disk>]) -> Vec<Arc<dyn Disk>> {
    let devices = others.iter().filter(|other| !Arc::ptr_eq(other, disk) && btrfs::detect(&***other));
    std::iter::once(disk).chain(devices).cloned().collect()
}

/// Counts what is wrong without stopping anything.
#[derive(Debug, Default)]
pub struct Problems(Mutex<BTreeMap<String, (DiskError, u64)>>);

impl Problems {
    /// Counts a problem; those with the same message are one, at its first offset.
    pub fn add(&self, error: DiskError) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, count)) = all.get_mut(&*error.message) {
            *count += 1;
        } else if all.len() < MAX_PROBLEMS {
            all.insert(error.message.clone().into_owned(), (error, 1));
        }
    }

    /// Each with how often it was met.
    #[must_use]
    pub fn list(&self) -> Vec<(DiskError, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
