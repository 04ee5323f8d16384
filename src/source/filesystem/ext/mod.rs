//! ext2, ext3 and ext4.
//!
//! Role: a [`Filesystem`] over a disk, as after recovery: transactions that the
//! journal has and the disk has not are laid over it in memory. Checksums are
//! verified and wrong ones counted, never fatal.
//!
//! Specification: Linux, Documentation/filesystems/ext4; what it leaves open is as
//! the kernel of version 6 does it.

mod bitmap;
mod checksum;
mod deleted;
mod directory;
mod history;
mod inode;
mod journal;
mod map;
mod overlay;
mod replay;
mod superblock;
mod volume;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use rustix::fs::FileType;

use super::{About, Content, ContentReader, DeletedFile, Entry, Filesystem, NodeId, Place, Problems};
use crate::source::bytes::uuid;
use crate::source::disk::{CachedDisk, Disk, DiskError, DiskResult, read_exact, read_vec};
use crate::source::stat::FileStat;
use bitmap::Bitmaps;
use inode::{Inode, flag};
use journal::Log;
use overlay::Overlay;
use superblock::{Superblock, incompat};
use volume::{Volume, index};

/// The inode of the root directory.
const ROOT: u64 = 2;
/// The longest target of a link is shorter than a page; blocks may be larger.
const MAX_TARGET: u64 = 65536;

/// Whether a volume begins as an ext filesystem does.
pub fn detect(disk: &dyn Disk) -> bool {
    read_vec(disk, superblock::OFFSET + 0x38, 2).is_ok_and(|magic| magic == [0x53, 0xef])
}

/// Whether a volume that begins as nothing known holds an ext filesystem of which
/// only the first superblock is lost. To be asked last: such copies stay behind when
/// another filesystem is made over an old one.
pub fn detect_copy(disk: &dyn Disk) -> bool {
    superblock::find_copy(disk).is_some()
}

/// Opens a filesystem, with a copy of the superblock where the first one is damaged.
///
/// # Errors
///
/// No superblock makes sense, or it has features that are not read.
pub fn open(disk: Arc<dyn Disk>) -> DiskResult<Ext> {
    let (offset, superblock) = find_superblock(&*disk)?;
    let mut about = About {
        kind: superblock.kind(),
        label: Some(String::from_utf8_lossy(&superblock.label).into_owned()).filter(|l| !l.is_empty()),
        uuid: (superblock.uuid != [0; 16]).then(|| uuid(&superblock.uuid)),
        size: superblock.blocks << superblock.block_bits,
        block_size: 1 << superblock.block_bits,
        notes: Vec::new(),
    };
    let volume = Volume::new(Arc::new(CachedDisk::new(Arc::clone(&disk))), superblock, Problems::default());
    if offset != superblock::OFFSET {
        about.notes.push(format!("read by the copy of the superblock at byte {offset}"));
        volume.problems.add(DiskError::corrupt(superblock::OFFSET, "the first superblock is damaged"));
    } else if !volume.superblock.sound {
        volume.problems.add(DiskError::corrupt(offset, "the checksum of the superblock is wrong"));
    }
    if about.size > disk.size() {
        about.notes.push(format!("the volume ends at byte {} of {}", disk.size(), about.size));
        volume.problems.add(DiskError::corrupt(disk.size(), "the filesystem is cut short"));
    }
    let (disk, volume) = recovered(disk, volume, offset, &mut about.notes);
    Ok(Ext { about, disks: [disk], volume, bitmaps: Bitmaps::default() })
}

/// The first superblock, or the first copy where that is not right.
fn find_superblock(disk: &dyn Disk) -> DiskResult<(u64, Superblock)> {
    let first = Superblock::read(disk, superblock::OFFSET);
    if let Ok(found) = &first
        && found.sound
    {
        return first.map(|found| (superblock::OFFSET, found));
    }
    if let Some((offset, copy)) = superblock::find_copy(disk)
        && (copy.sound || first.is_err())
        // Features that are not read are not damage, and a copy may be of another, older filesystem.
        && first.as_ref().map_or_else(|error| error.reason != crate::finding::Reason::Unsupported, |first| first.uuid == copy.uuid)
    {
        return Ok((offset, copy));
    }
    first.map(|found| (superblock::OFFSET, found))
}

/// The disk and volume as after recovery.
fn recovered(
    disk: Arc<dyn Disk>,
    volume: Volume,
    offset: u64,
    notes: &mut Vec<String>,
) -> (Arc<dyn Disk>, Volume) {
    let superblock = &volume.superblock;
    // A copy of the superblock does not know whether there is something to replay.
    let copy = offset != superblock::OFFSET;
    if superblock.incompat & incompat::RECOVER == 0 && !copy {
        return (disk, volume);
    }
    if superblock.journal.external {
        notes.push("the journal lies on another device and was not replayed".to_owned());
        return (disk, volume);
    }
    if superblock.journal.inode == 0 {
        return (disk, volume);
    }
    let log = match Log::find(&volume) {
        Ok(log) => log,
        Err(error) => {
            notes.push(format!("the journal was not replayed: {error}"));
            volume.problems.add(error);
            return (disk, volume);
        }
    };
    if !log.sound {
        let message = "the checksum of the superblock of the journal is wrong";
        volume.problems.add(DiskError::corrupt(log.offset(0).unwrap_or(0), message));
    }
    if log.start == 0 {
        return (disk, volume);
    }
    let replay = replay::replay(&volume, &log);
    notes.push(format!("the journal was replayed: {} transactions", replay.transactions));
    if log.has_fast_commits(&*volume.disk, replay.next) {
        notes.push("fast commits after the last transaction of the journal were not replayed".to_owned());
        let message = "the journal has fast commits, which are not replayed";
        volume.problems.add(DiskError::unsupported(log.offset(log.end).unwrap_or(0), message));
    }
    if replay.blocks.is_empty() {
        return (disk, volume);
    }
    let size = superblock.block_size();
    let over: Arc<dyn Disk> = Arc::new(Overlay::new(disk, size, replay.blocks));
    let superblock = Superblock::read(&*over, offset).unwrap_or_else(|_| superblock.clone());
    let cached = Arc::new(CachedDisk::new(Arc::clone(&over)));
    (over, Volume::new(cached, superblock, volume.problems))
}

/// An ext2, ext3 or ext4 filesystem.
#[derive(Debug)]
pub struct Ext {
    about: About,
    /// As after recovery.
    disks: [Arc<dyn Disk>; 1],
    volume: Volume,
    bitmaps: Bitmaps,
}

impl Ext {
    fn inode(&self, id: NodeId) -> DiskResult<Inode> {
        let number = u32::try_from(id.inode).unwrap_or(u32::MAX);
        Inode::read(&self.volume, number)
    }

    fn content_of(&self, inode: &Inode) -> DiskResult<Content> {
        if inode.has(flag::ENCRYPTED) {
            return Err(DiskError::encrypted(inode.offset, "the content is encrypted"));
        }
        if inode.has(flag::COMPRESSED) && self.volume.superblock.incompat & incompat::COMPRESSION != 0 {
            return Err(DiskError::unsupported(inode.offset, "the content is compressed"));
        }
        map::content(&self.volume, inode, &self.volume)
    }
}

impl Filesystem for Ext {
    fn about(&self) -> &About {
        &self.about
    }

    fn root(&self) -> NodeId {
        NodeId { tree: 0, inode: ROOT }
    }

    fn stat(&self, id: NodeId) -> DiskResult<FileStat> {
        self.inode(id).map(|inode| inode.stat)
    }

    fn list(&self, dir: NodeId, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> DiskResult<()> {
        let inode = self.inode(dir)?;
        if inode.stat.file_type != FileType::Directory {
            return Err(DiskError::corrupt(inode.offset, "an inode is not a directory"));
        }
        directory::list(&self.volume, &inode, each)
    }

    fn link_target(&self, id: NodeId) -> DiskResult<Vec<u8>> {
        let inode = self.inode(id)?;
        let corrupt = |message: &'static str| DiskError::corrupt(inode.offset, message);
        if inode.stat.file_type != FileType::Symlink {
            return Err(corrupt("an inode is not a symbolic link"));
        }
        let size = inode.size()?;
        if size == 0 || size >= MAX_TARGET {
            return Err(corrupt("the target of a symbolic link has an impossible length"));
        }
        if inode.is_fast_link(&self.volume.superblock) && !inode.has(flag::ENCRYPTED) {
            let target = inode.block.get(..index(size)).map(<[u8]>::to_vec);
            return target.ok_or_else(|| corrupt("the target of a symbolic link is longer than its inode"));
        }
        let content = self.content_of(&inode)?;
        let reader = ContentReader::new(self, &content);
        let mut target = vec![0; index(size)];
        let mut filled = 0;
        while let Some(rest) = target.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let read = reader.read_at(rest, u64::try_from(filled).unwrap_or(u64::MAX))?;
            if read == 0 {
                return Err(corrupt("the target of a symbolic link is cut short"));
            }
            filled += read;
        }
        Ok(target)
    }

    fn content(&self, id: NodeId) -> DiskResult<Content> {
        let inode = self.inode(id)?;
        if inode.stat.file_type != FileType::RegularFile {
            return Err(DiskError::corrupt(inode.offset, "an inode is not a regular file"));
        }
        self.content_of(&inode)
    }

    fn disks(&self) -> &[Arc<dyn Disk>] {
        &self.disks
    }

    fn read_stored(&self, bytes: &mut [u8], from: Place) -> DiskResult<()> {
        if from.disk == map::DAMAGED {
            return Err(DiskError::corrupt(from.offset, "the map of the blocks of a file is damaged"));
        }
        let [disk] = &self.disks;
        read_exact(&**disk, bytes, from.offset)
    }

    fn deleted(&self, each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>) -> DiskResult<()> {
        deleted::deleted(&self.volume, &self.bitmaps, each)
    }

    fn free(&self, each: &mut dyn FnMut(u16, Range<u64>) -> ControlFlow<()>) -> DiskResult<()> {
        self.bitmaps.free(&self.volume, &mut |range| each(0, range))
    }

    fn journal(&self) -> DiskResult<Vec<(u16, Range<u64>)>> {
        let journal = &self.volume.superblock.journal;
        if journal.external || journal.inode == 0 {
            return Ok(Vec::new());
        }
        Log::find(&self.volume).map(|log| log.ranges().map(|range| (0, range)).collect())
    }

    fn problems(&self) -> Vec<(DiskError, u64)> {
        self.volume.problems.list()
    }
}
