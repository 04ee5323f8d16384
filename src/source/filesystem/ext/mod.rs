//! ext2, ext3 and ext4, after `Documentation/filesystems/ext4` of Linux.
//!
//! Role: superblock → groups → inodes → maps and directories. Directories are read
//! from end to end, hash trees too, whose inner nodes look like empty entries.

mod directory;
mod free;
mod inode;
mod map;
mod superblock;

#[cfg(test)]
mod tests;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use rustix::fs::FileType;

use super::{About, Content, DeletedFile, Entry, Filesystem, NodeId, Piece, PieceSource, Problems};
use crate::source::disk::{CachedDisk, Disk, DiskError, DiskResult, read_vec};
use crate::source::stat::FileStat;
use inode::Inode;
use superblock::Superblock;

/// The inode of the root directory.
const ROOT: u64 = 2;
/// The longest link target that is read, in bytes.
const MAX_LINK: u64 = 64 << 10;

/// Whether a volume begins like one of the family.
#[must_use]
pub fn detect(disk: &dyn Disk) -> bool {
    Superblock::find(disk).is_ok()
}

/// Opens a filesystem.
///
/// # Errors
///
/// No superblock makes sense, or it needs a feature that is not read.
pub fn open(disk: Arc<dyn Disk>) -> DiskResult<Ext> {
    let (superblock, mut notes) = Superblock::find(&*disk)?;
    superblock.check_features()?;
    if superblock.needs_recovery() {
        notes.push("the journal was not replayed: files are as before recovery".to_owned());
    }
    let about = About {
        kind: superblock.kind(),
        label: superblock.label.clone(),
        uuid: Some(superblock.uuid.clone()),
        size: superblock.blocks.saturating_mul(superblock.block_size),
        block_size: u32::try_from(superblock.block_size).unwrap_or(0),
        notes,
    };
    let metadata = CachedDisk::new(Arc::clone(&disk));
    let problems = Problems::default();
    if about.size > disk.size() {
        problems.add(DiskError::corrupt(
            disk.size(),
            "the filesystem is larger than its volume: the end is missing",
        ));
    }
    Ok(Ext { superblock, about, disks: [disk], metadata, problems })
}

/// An open filesystem.
#[derive(Debug)]
pub struct Ext {
    superblock: Superblock,
    about: About,
    disks: [Arc<dyn Disk>; 1],
    metadata: CachedDisk,
    problems: Problems,
}

impl Ext {
    fn inode(&self, number: u64) -> DiskResult<Inode> {
        let (offset, size) = self.superblock.inode_place(&self.metadata, number)?;
        let bytes = read_vec(&self.metadata, offset, size)?;
        Inode::parse(&bytes, number, offset)
            .ok_or_else(|| DiskError::corrupt(offset, format!("inode {number} is cut short")))
    }

    /// The inode of something that is in use.
    fn live(&self, number: u64) -> DiskResult<Inode> {
        let inode = self.inode(number)?;
        if inode.mode == 0 {
            return Err(DiskError::corrupt(inode.offset, format!("inode {number} is not in use")));
        }
        Ok(inode)
    }

    fn map(&self, inode: &Inode) -> DiskResult<Content> {
        if inode.is_inline() {
            let inline: Arc<[u8]> = inode.inline_data(&self.metadata, &self.superblock)?.into();
            let length = u64::try_from(inline.len()).unwrap_or(0);
            let piece = Piece { at: 0, length, source: PieceSource::Inline(inline) };
            return Ok(Content { size: inode.size, pieces: vec![piece] });
        }
        map::content(inode, &self.superblock, &self.metadata)
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
        Ok(self.live(id.inode)?.stat())
    }

    fn list(&self, dir: NodeId, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> DiskResult<()> {
        let inode = self.live(dir.inode)?;
        if inode.stat().file_type != FileType::Directory {
            return Err(DiskError::corrupt(inode.offset, "is no directory"));
        }
        if inode.is_encrypted() {
            return Err(DiskError::encrypted(inode.offset, "the directory is encrypted"));
        }
        let mut give = |found: directory::Found<'_>| {
            if found.deleted {
                return ControlFlow::Continue(());
            }
            each(Entry { name: found.name, id: NodeId { tree: 0, inode: found.inode } })
        };
        if inode.is_inline() {
            let bytes = inode.inline_data(&self.metadata, &self.superblock)?;
            return directory::inline(&bytes, inode.offset, &mut give);
        }
        directory::blocks(self, &self.map(&inode)?, self.superblock.block_size, &mut give)
    }

    fn link_target(&self, id: NodeId) -> DiskResult<Vec<u8>> {
        let inode = self.live(id.inode)?;
        if inode.is_encrypted() {
            return Err(DiskError::encrypted(inode.offset, "the link is encrypted"));
        }
        if let Some(target) = inode.fast_link() {
            return Ok(target);
        }
        if inode.size > MAX_LINK {
            return Err(DiskError::corrupt(inode.offset, "the target of a link is longer than any path"));
        }
        let content = self.map(&inode)?;
        let reader = super::ContentReader::new(self, &content);
        let mut target = vec![0; usize::try_from(inode.size).unwrap_or(0)];
        let mut filled = 0;
        while let Some(rest) = target.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match reader.read_at(rest, u64::try_from(filled).unwrap_or(u64::MAX))? {
                0 => break,
                read => filled += read,
            }
        }
        target.truncate(filled);
        Ok(target)
    }

    fn content(&self, id: NodeId) -> DiskResult<Content> {
        let inode = self.live(id.inode)?;
        if inode.is_encrypted() {
            return Err(DiskError::encrypted(inode.offset, "the file is encrypted"));
        }
        self.map(&inode)
    }

    fn disks(&self) -> &[Arc<dyn Disk>] {
        &self.disks
    }

    fn deleted(&self, each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>) -> DiskResult<()> {
        free::deleted(self, each)
    }

    fn free(&self, each: &mut dyn FnMut(u16, Range<u64>) -> ControlFlow<()>) -> DiskResult<()> {
        free::ranges(self, &mut |range| each(0, range))
    }

    fn problems(&self) -> Vec<(DiskError, u64)> {
        self.problems.list()
    }
}
