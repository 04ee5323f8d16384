//! FAT12, FAT16 and FAT32.
//!
//! Role: what a FAT volume holds, by its structures on the disk. Follows the "Microsoft FAT
//! Specification" of 2005, and where drivers read more than it allows, what they do.
//!
//! A file has no inode: it is known by the place of its entry, in units of 32 bytes, and
//! the root directory, which has none, by 1. Times are those of a clock whose zone is not
//! told and are taken as UTC. There are no owners and no permissions: directories are
//! given as 0755, files as 0644 or, read-only, 0444, all of root. The size of a directory
//! is not kept and given as 0.

mod boot;
mod deleted;
mod directory;
mod name;
mod table;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use self::boot::{Boot, Width};
use self::directory::ROOT;
pub(super) use self::name::is_name;
use super::clusters::{self, Next, Owners, add, cut_repeated};
use super::free_ranges::FreeRanges;
use super::{About, Content, DeletedFile, Entry, Filesystem, NodeId, Problems};
use crate::source::disk::{CachedDisk, Disk, DiskError, DiskResult};
use crate::source::stat::FileStat;

/// A FAT filesystem.
#[derive(Debug)]
pub struct Fat {
    about: About,
    boot: Boot,
    disks: [Arc<dyn Disk>; 1],
    metadata: CachedDisk,
    problems: Problems,
    owners: Owners,
}

/// Whether there is a FAT filesystem on a disk.
#[must_use]
pub fn detect(disk: &dyn Disk) -> bool {
    Boot::read(disk, 0).is_some()
}

/// Whether there is one whose boot sector is lost.
#[must_use]
pub fn detect_copy(disk: &dyn Disk) -> bool {
    Boot::read_copy(disk).is_some()
}

/// Reads what says how the filesystem is laid out.
///
/// # Errors
///
/// No boot sector that makes sense.
pub fn open(disk: Arc<dyn Disk>) -> DiskResult<Fat> {
    let problems = Problems::default();
    let mut notes = Vec::new();
    let boot = match Boot::read(&*disk, 0) {
        Some(boot) => boot,
        None => {
            let none = || DiskError::corrupt(0, "there is no FAT boot sector");
            let boot = Boot::read_copy(&*disk).ok_or_else(none)?;
            notes.push("the boot sector is damaged; its copy is used".to_owned());
            problems.add(DiskError::corrupt(0, "the boot sector is damaged; its copy is used"));
            boot
        }
    };
    if boot.is_dirty {
        notes.push("it was not unmounted".to_owned());
    }
    if boot.size > disk.size() {
        problems.add(DiskError::corrupt(disk.size(), "the disk ends before the filesystem does"));
    }
    let kind = match boot.width {
        Width::Twelve => "fat12",
        Width::Sixteen => "fat16",
        Width::ThirtyTwo => "fat32",
    };
    let about = About {
        kind,
        label: boot.label.as_ref().and_then(name::label),
        uuid: boot.serial.map(|serial| format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff)),
        size: boot.size,
        block_size: u32::try_from(boot.cluster).unwrap_or(0),
        notes,
    };
    let metadata = CachedDisk::new(Arc::clone(&disk));
    let mut fat = Fat { about, boot, disks: [disk], metadata, problems, owners: Owners::default() };
    if let Some(label) = fat.root_label() {
        fat.about.label = name::label(&label);
    }
    Ok(fat)
}

impl Fat {
    fn is_wide(&self) -> bool {
        self.boot.width == Width::ThirtyTwo
    }

    /// The label in the root directory, which is newer than that of the boot sector.
    fn root_label(&self) -> Option<[u8; 11]> {
        let mut label = None;
        // What is wrong with the directory is told where it is listed.
        let _ = self.raw_entries(self.directory(ROOT).ok()?, &mut |record| {
            label = record.label().filter(|_| !record.is_long_name());
            if label.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        label
    }
}

impl Filesystem for Fat {
    fn about(&self) -> &About {
        &self.about
    }

    fn root(&self) -> NodeId {
        NodeId { tree: 0, inode: ROOT }
    }

    fn stat(&self, id: NodeId) -> DiskResult<FileStat> {
        if id.inode == ROOT {
            return Ok(clusters::root(ROOT));
        }
        Ok(self.record(id.inode)?.stat(self.boot.cluster))
    }

    fn list(&self, dir: NodeId, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> DiskResult<()> {
        let directory = self.directory(dir.inode)?;
        self.entries(directory, &mut |named| {
            if named.is_deleted {
                return ControlFlow::Continue(());
            }
            let id = NodeId { tree: 0, inode: named.record.offset / 32 };
            each(Entry { name: &named.name, id })
        })
    }

    fn link_target(&self, _id: NodeId) -> DiskResult<Vec<u8>> {
        Err(DiskError::unsupported(0, "FAT has no symbolic links"))
    }

    fn content(&self, id: NodeId) -> DiskResult<Content> {
        let record = self.record(id.inode)?;
        if record.is_directory() {
            return Err(DiskError::corrupt(record.offset, "a directory is read as a file"));
        }
        let cluster = self.boot.cluster;
        let wanted = record.size().div_ceil(cluster);
        let mut content = Content { size: record.size(), pieces: Vec::new() };
        let mut at = 0;
        if wanted == 0 {
            return Ok(content);
        }
        let followed = self.chain(record.cluster(self.is_wide()), wanted, &mut |_, offset| {
            add(&mut content.pieces, at, cluster, offset);
            at += cluster;
            Ok(ControlFlow::Continue(()))
        });
        at = cut_repeated(&mut content.pieces).unwrap_or(at);
        if at < content.size {
            // What is left is given; what is not, is told.
            let error = followed.err();
            let message = match &error {
                Some(error) => format!("a file ends before its size: {error}"),
                None => "a file ends before its size: its chain ends, or leads to itself".to_owned(),
            };
            self.problems.add(DiskError::corrupt(record.offset, message));
            content.size = at;
        }
        Ok(content)
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
        for number in 2..self.boot.clusters + 2 {
            match self.next(number) {
                Ok(Next::Free) => {}
                Ok(_) => continue,
                Err(error) => {
                    first_error.get_or_insert(error);
                    continue;
                }
            }
            let Some(start) = self.boot.at(number) else { continue };
            if free.add(start..start + self.boot.cluster).is_break() {
                return Ok(());
            }
        }
        free.finish();
        first_error.map_or(Ok(()), Err)
    }

    fn problems(&self) -> Vec<(DiskError, u64)> {
        self.problems.list()
    }
}
