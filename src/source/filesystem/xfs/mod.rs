//! XFS, versions 4 and 5.
//!
//! Role: what an XFS volume holds, by its structures on the disk. Each module follows a
//! chapter of "XFS Algorithms & Data Structures" (kernel.org) and the headers that the
//! kernel shares with its tools.
//!
//! Numbers are stored with the highest byte first. A block's number is that of its
//! allocation group, shifted, with its number in the group below; an inode's number goes
//! on with its number in the block.
//!
//! What is read: local, extent and tree forks; directories of all forms; links in inodes
//! and blocks. What is not: attributes, quotas, files on the realtime device, an external
//! log.

mod block;
mod deleted;
mod directory;
mod extents;
mod inode;
mod link;
mod log;
mod space;
mod superblock;
mod tree;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use rustix::fs::FileType;

use self::inode::Inode;
use self::log::Recovery;
use self::superblock::{Origin, Superblock};
use super::free_ranges::FreeRanges;
use super::{About, Content, DeletedFile, Entry, Filesystem, NodeId, Problems};
use crate::source::bytes::uuid;
use crate::source::disk::{CachedDisk, Disk, DiskError, DiskResult};
use crate::source::stat::FileStat;

/// An XFS filesystem.
#[derive(Debug)]
pub struct Xfs {
    about: About,
    geometry: Superblock,
    disks: [Arc<dyn Disk>; 1],
    /// The disk as it is after recovery, for all but the content of files.
    metadata: CachedDisk,
    problems: Problems,
}

/// Whether there is an XFS filesystem on a disk, its first superblock damaged or not.
#[must_use]
pub fn detect(disk: &dyn Disk) -> bool {
    superblock::is_there(disk)
}

/// Whether there is one whose beginning is lost.
#[must_use]
pub fn detect_copy(disk: &dyn Disk) -> bool {
    superblock::find(disk).is_ok()
}

/// Reads what says how the filesystem is laid out, and its log.
///
/// # Errors
///
/// No superblock that makes sense, or features that this version does not read.
pub fn open(disk: Arc<dyn Disk>) -> DiskResult<Xfs> {
    let (geometry, origin) = superblock::find(&*disk)?;
    let problems = Problems::default();
    let mut notes = Vec::new();
    if let Origin::Copy(offset) = origin {
        notes.push(format!("the superblock is damaged; its copy at {offset} is used"));
        problems.add(DiskError::corrupt(0, "the superblock is damaged; a copy of it is used"));
    } else if !geometry.is_intact {
        problems.add(DiskError::corrupt(0, "superblock: the checksum is wrong"));
    }
    let (metadata, geometry) = recovered(&disk, geometry, &mut notes, &problems);
    let size = geometry.blocks << geometry.block_log;
    if size > disk.size() {
        problems.add(DiskError::corrupt(disk.size(), "the disk ends before the filesystem does"));
    }
    if geometry.needs_repair {
        notes.push("it is marked as in need of repair".to_owned());
    }
    if geometry.has_realtime {
        notes.push("files on its realtime device are not read".to_owned());
    }
    let about = About {
        kind: "xfs",
        label: (!geometry.label.is_empty()).then(|| String::from_utf8_lossy(&geometry.label).into_owned()),
        uuid: Some(uuid(&geometry.uuid)),
        size,
        block_size: u32::try_from(geometry.block_size()).unwrap_or(0),
        notes,
    };
    let metadata = CachedDisk::new(metadata);
    Ok(Xfs { about, geometry, disks: [disk], metadata, problems })
}

/// The disk after recovery, and its superblock then, since the filesystem may have grown.
fn recovered(
    disk: &Arc<dyn Disk>,
    geometry: Superblock,
    notes: &mut Vec<String>,
    problems: &Problems,
) -> (Arc<dyn Disk>, Superblock) {
    match log::recover(disk, &geometry) {
        Recovery::Clean => (Arc::clone(disk), geometry),
        Recovery::Replayed(overlay, note) => {
            notes.push(note);
            let geometry = match superblock::find(&overlay) {
                Ok((after, _)) if after.uuid == geometry.uuid => after,
                _ => geometry,
            };
            (Arc::new(overlay), geometry)
        }
        Recovery::Not(error) => {
            notes.push(format!("its state is the one before recovery: {error}"));
            let message = format!("the log was not replayed, the state is the one before recovery: {error}");
            problems.add(DiskError { message: message.into(), ..error });
            (Arc::clone(disk), geometry)
        }
    }
}

impl Xfs {
    fn inode_of_type(&self, id: NodeId, wanted: FileType, what: &'static str) -> DiskResult<Inode> {
        let inode = self.inode(id.inode)?;
        if inode.file_type() == wanted {
            return Ok(inode);
        }
        Err(DiskError::corrupt(inode.offset, what))
    }
}

impl Filesystem for Xfs {
    fn about(&self) -> &About {
        &self.about
    }

    fn root(&self) -> NodeId {
        NodeId { tree: 0, inode: self.geometry.root }
    }

    fn stat(&self, id: NodeId) -> DiskResult<FileStat> {
        Ok(self.inode(id.inode)?.stat(self.geometry.block_size()))
    }

    fn list(&self, dir: NodeId, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> DiskResult<()> {
        let inode = self.inode_of_type(dir, FileType::Directory, "an inode is not a directory")?;
        self.list_directory(&inode, each)
    }

    fn link_target(&self, id: NodeId) -> DiskResult<Vec<u8>> {
        let inode = self.inode_of_type(id, FileType::Symlink, "an inode is not a symbolic link")?;
        self.read_link(&inode)
    }

    fn content(&self, id: NodeId) -> DiskResult<Content> {
        let inode = self.inode_of_type(id, FileType::RegularFile, "an inode is not a regular file")?;
        self.file_content(&inode)
    }

    fn disks(&self) -> &[Arc<dyn Disk>] {
        &self.disks
    }

    fn deleted(&self, each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>) -> DiskResult<()> {
        self.find_deleted(each)
    }

    fn free(&self, each: &mut dyn FnMut(u16, Range<u64>) -> ControlFlow<()>) -> DiskResult<()> {
        let mut first_error = None;
        let mut free = FreeRanges::new(each);
        for ag in 0..self.geometry.ag_count {
            let mut ended = false;
            let walked = self.free_blocks(ag, &mut |blocks| {
                let (Some(start), Some(last)) =
                    (self.geometry.in_ag(ag, blocks.start), self.geometry.in_ag(ag, blocks.end - 1))
                else {
                    return Ok(ControlFlow::Continue(()));
                };
                let flow = free.add(start..last + self.geometry.block_size());
                ended = flow.is_break();
                Ok(flow)
            });
            if ended {
                return Ok(());
            }
            if let Err(error) = walked {
                first_error.get_or_insert(error);
            }
        }
        free.finish();
        first_error.map_or(Ok(()), Err)
    }

    fn journal(&self) -> DiskResult<Vec<(u16, Range<u64>)>> {
        let (start, blocks) = (self.geometry.log_start, self.geometry.log_blocks);
        if start == 0 {
            return Ok(Vec::new());
        }
        let start = self.geometry.at(start, blocks);
        let start = start.ok_or_else(|| DiskError::corrupt(0, "the log lies outside of the filesystem"))?;
        Ok(vec![(0, start..start.saturating_add(blocks << self.geometry.block_log))])
    }

    fn problems(&self) -> Vec<(DiskError, u64)> {
        self.problems.list()
    }
}
