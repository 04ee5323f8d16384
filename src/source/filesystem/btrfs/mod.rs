//! Btrfs.
//!
//! Role: a [`Filesystem`] over one or several devices, as a mount of the top-level
//! subvolume shows it: other subvolumes are directories, and [`NodeId::tree`] tells
//! which one an inode is of. Checksums of nodes and data are verified; what is wrong
//! in one copy is read from another and counted. The addresses of a [`Place`] are
//! those that the filesystem itself uses, so that an extent that several files
//! share has one place; [`Filesystem::physical`] tells where it lies.
//!
//! Specification: Btrfs documentation, "On-disk Format"; what it leaves open is as
//! the kernel of version 6 does it.

mod checksum;
mod chunk;
mod compression;
mod content;
mod data;
mod deleted;
mod directory;
mod inode;
mod key;
mod log;
mod node;
mod opening;
mod overlay;
mod roots;
mod space;
mod superblock;
mod volume;
mod walk;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use rustix::fs::FileType;

use super::{About, Content, ContentReader, DeletedFile, Encoded, Entry, Filesystem, NodeId, Place};
use crate::source::bytes::uuid;
use crate::source::disk::{Disk, DiskError, DiskResult};
use crate::source::stat::FileStat;
use directory::Name;
use inode::Inode;
use key::{Key, kind, tree};
use log::Log;
use overlay::Tree;
use roots::Roots;
use volume::{Volume, size};

/// The root directory of every subvolume.
const ROOT_DIRECTORY: u64 = 256;
/// The inode that the kernel shows where a name leads to no subvolume.
const EMPTY_DIRECTORY: u64 = 2;
/// In the number of a tree: not an inode of it, but such an empty directory, by the
/// subvolume that is not there. No subvolume has so high a number.
const EMPTY: u64 = 1 << 63;
/// The longest target of a link is shorter than a page.
const MAX_TARGET: u64 = 65536;

/// Whether a volume begins as a device of Btrfs does.
pub fn detect(disk: &dyn Disk) -> bool {
    superblock::has_magic(disk)
}

/// Whether a volume that begins as nothing known is a device of Btrfs of which only
/// the first superblock is lost. To be asked last: copies stay behind when another
/// filesystem is made over an old one.
pub fn detect_copy(disk: &dyn Disk) -> bool {
    superblock::find(disk).is_ok_and(|found| found.sound)
}

/// The UUID of the filesystem that a disk is a device of, which all its devices
/// have.
pub fn fsid(disk: &dyn Disk) -> Option<[u8; 16]> {
    superblock::find(disk).ok().map(|found| found.fsid)
}

/// Opens the filesystem that the first disk is a device of. Others may be given that
/// have no part in it; they are read if it grew from them ("seed devices"). What is
/// on a device that is not given is read from copies, if there are some.
///
/// # Errors
///
/// No superblock makes sense, it has features that are not read, or there is no
/// tree of roots.
pub fn open(disks: Vec<Arc<dyn Disk>>) -> DiskResult<Btrfs> {
    let mut notes = Vec::new();
    let volume = opening::volume(disks, &mut notes)?;
    let roots = Roots::default();
    let log = Log::replay(&volume, &roots, &mut notes);
    let checksums = roots.get(&volume, tree::CHECKSUMS).map(|root| log.over(tree::CHECKSUMS, &root.tree));
    let checksums = checksums.map_err(|error| volume.problems.add(error)).ok();
    let superblock = &volume.superblock;
    if let Ok(Some(id)) = roots::default_subvolume(&volume)
        && id != tree::FILES
    {
        notes.push(format!("a mount shows subvolume {id}; here it is part of the whole"));
    }
    let about = About {
        kind: "btrfs",
        label: Some(String::from_utf8_lossy(&superblock.label).into_owned()).filter(|l| !l.is_empty()),
        uuid: Some(uuid(&superblock.fsid)),
        size: superblock.total_bytes,
        block_size: superblock.sector,
        notes,
    };
    Ok(Btrfs { about, volume, roots, checksums, log })
}

/// A Btrfs filesystem.
#[derive(Debug)]
pub struct Btrfs {
    about: About,
    volume: Volume,
    roots: Roots,
    /// The tree of the checksums of data.
    checksums: Option<Tree>,
    /// What was synced after the last transaction.
    log: Log,
}

impl Btrfs {
    fn tree_of(&self, id: u64) -> DiskResult<Tree> {
        if !is_subvolume(id) {
            return Err(self.corrupt("an inode is of a tree that has none"));
        }
        Ok(self.log.over(id, &self.roots.get(&self.volume, id)?.tree))
    }

    fn corrupt(&self, message: &'static str) -> DiskError {
        DiskError::corrupt(self.volume.roots.root.logical, message)
    }

    fn inode(&self, tree: &Tree, number: u64) -> DiskResult<Inode> {
        let found = self.volume.find(tree, Key::new(number, kind::INODE, 0))?;
        let corrupt = |message: &'static str| DiskError::corrupt(tree.root.logical, message);
        let found = found.ok_or_else(|| corrupt("an inode is missing"))?;
        Inode::read(number, found.item()).ok_or_else(|| corrupt("an inode is cut short"))
    }

    fn content_of(&self, tree: &Tree, inode: &Inode) -> DiskResult<Content> {
        let corrupt = || DiskError::corrupt(tree.root.logical, "an inode has an impossible size");
        let size = inode.stat.size.ok_or_else(corrupt)?;
        content::content(&self.volume, tree, inode.stat.ino, size)
    }

    /// What an entry of a directory leads to.
    fn target(&self, dir: NodeId, name: &Name<'_>) -> DiskResult<NodeId> {
        if name.location.kind == kind::INODE {
            return Ok(NodeId { tree: dir.tree, inode: name.location.object });
        }
        let child = name.location.object;
        if !is_subvolume(child) || child == tree::FILES {
            return Err(self.corrupt("an entry of a directory leads to a tree that is no subvolume"));
        }
        if roots::hangs(&self.volume, dir.tree, child, dir.inode, name.name)? {
            return Ok(NodeId { tree: child, inode: ROOT_DIRECTORY });
        }
        Ok(NodeId { tree: dir.tree | EMPTY, inode: child })
    }

    /// The kernel's owner of such a directory is that of the one above; this is that
    /// of the subvolume.
    fn empty_directory(&self, tree: u64) -> DiskResult<FileStat> {
        let above = self.inode(&self.tree_of(tree)?, ROOT_DIRECTORY)?.stat;
        Ok(FileStat {
            file_type: FileType::Directory,
            size: Some(0),
            stored: 0,
            permissions: 0o755,
            ino: EMPTY_DIRECTORY,
            links: 1,
            atime: None,
            mtime: None,
            ctime: None,
            btime: None,
            ..above
        })
    }
}

/// Whether a tree has inodes.
fn is_subvolume(tree: u64) -> bool {
    tree == tree::FILES || (tree::FIRST..EMPTY).contains(&tree)
}

impl Filesystem for Btrfs {
    fn about(&self) -> &About {
        &self.about
    }

    fn root(&self) -> NodeId {
        NodeId { tree: tree::FILES, inode: ROOT_DIRECTORY }
    }

    fn stat(&self, id: NodeId) -> DiskResult<FileStat> {
        if id.tree & EMPTY != 0 {
            return self.empty_directory(id.tree & !EMPTY);
        }
        Ok(self.inode(&self.tree_of(id.tree)?, id.inode)?.stat)
    }

    fn list(&self, dir: NodeId, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> DiskResult<()> {
        if dir.tree & EMPTY != 0 {
            return Ok(());
        }
        let tree = self.tree_of(dir.tree)?;
        if self.inode(&tree, dir.inode)?.stat.file_type != FileType::Directory {
            return Err(self.corrupt("an inode is not a directory"));
        }
        let mut failed = None;
        self.volume.scan(&tree, Key::all(dir.inode, kind::DIR_INDEX), &mut |_, item| {
            let name = Name::read(item).map_err(|message| DiskError::corrupt(tree.root.logical, message));
            let found = name.and_then(|name| Ok((self.target(dir, &name)?, name.name)));
            match found {
                Ok((id, name)) => Ok(each(Entry { name, id })),
                Err(error) => {
                    failed.get_or_insert(error);
                    Ok(ControlFlow::Continue(()))
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn link_target(&self, id: NodeId) -> DiskResult<Vec<u8>> {
        let tree = self.tree_of(id.tree)?;
        let inode = self.inode(&tree, id.inode)?;
        let corrupt = |message: &'static str| DiskError::corrupt(tree.root.logical, message);
        if inode.stat.file_type != FileType::Symlink {
            return Err(corrupt("an inode is not a symbolic link"));
        }
        let content = self.content_of(&tree, &inode)?;
        if content.size == 0 || content.size >= MAX_TARGET {
            return Err(corrupt("the target of a symbolic link has an impossible length"));
        }
        let mut target = vec![0; size(content.size)];
        let read = ContentReader::new(self, &content).read_at(&mut target, 0)?;
        if read < target.len() || content.pieces.is_empty() {
            return Err(corrupt("the target of a symbolic link is cut short"));
        }
        Ok(target)
    }

    fn content(&self, id: NodeId) -> DiskResult<Content> {
        let tree = self.tree_of(id.tree)?;
        let inode = self.inode(&tree, id.inode)?;
        if inode.stat.file_type != FileType::RegularFile {
            return Err(self.corrupt("an inode is not a regular file"));
        }
        self.content_of(&tree, &inode)
    }

    fn disks(&self) -> &[Arc<dyn Disk>] {
        &self.volume.disks
    }

    fn read_stored(&self, bytes: &mut [u8], from: Place) -> DiskResult<()> {
        data::read(&self.volume, self.checksums.as_ref(), bytes, from.offset)
    }

    fn physical(&self, place: Place) -> Place {
        let run = self.volume.run(place.offset, 1);
        run.ok().and_then(|run| run.copies.first().copied()).unwrap_or(place)
    }

    fn decode(&self, unit: &Encoded, stored: &[u8]) -> DiskResult<Vec<u8>> {
        let offset = unit.stored.first().map_or(0, |(place, _)| self.physical(*place).offset);
        let decoded = compression::decode(unit.codec, stored, unit.decoded, self.volume.superblock.sector);
        decoded.map_err(|error| error.at(offset))
    }

    fn deleted(&self, each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>) -> DiskResult<()> {
        deleted::deleted(self, each)
    }

    fn free(&self, each: &mut dyn FnMut(u16, Range<u64>) -> ControlFlow<()>) -> DiskResult<()> {
        let extents = self.roots.get(&self.volume, tree::EXTENTS).map(|root| root.tree);
        space::free(&self.volume, extents, each)
    }

    fn problems(&self) -> Vec<(DiskError, u64)> {
        self.volume.problems.list()
    }
}
