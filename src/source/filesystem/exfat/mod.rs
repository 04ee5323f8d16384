//! exFAT.
//!
//! Role: what an exFAT volume holds, by its structures on the disk. Follows the "exFAT file
//! system specification" of Microsoft, version 1.0.
//!
//! A file has no inode: it is known by the place of its first entry. Times have a zone in
//! most cases; those without are taken as UTC. There are no owners and no permissions:
//! directories are given as 0755, files as 0644 or, read-only, 0444, all of root.

mod boot;
mod deleted;
mod directory;
mod entry;
mod space;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use self::boot::Boot;
use self::directory::{Found, ROOT};
use self::entry::{BITMAP, IN_USE, LABEL};
use self::space::Allocation;
use super::clusters::{self, Owners};
use super::fat::is_name;
use super::free_ranges::FreeRanges;
use super::wtf8::wtf8;
use super::{About, Content, DeletedFile, Entry, Filesystem, NodeId, Piece, PieceSource, Problems};
use crate::source::bytes::{u8_at, u32_le, u64_le};
use crate::source::disk::{CachedDisk, Disk, DiskError, DiskResult};
use crate::source::stat::FileStat;

/// An exFAT filesystem.
#[derive(Debug)]
pub struct ExFat {
    about: About,
    boot: Boot,
    disks: [Arc<dyn Disk>; 1],
    metadata: CachedDisk,
    problems: Problems,
    owners: Owners,
    /// Where the bitmap of clusters in use lies.
    bitmap: Vec<Piece>,
}

/// Whether there is an exFAT filesystem on a disk.
#[must_use]
pub fn detect(disk: &dyn Disk) -> bool {
    Boot::read(disk).is_some()
}

/// Whether there is one whose boot region is lost.
#[must_use]
pub fn detect_copy(disk: &dyn Disk) -> bool {
    Boot::read_copy(disk).is_some()
}

/// Reads what says how the filesystem is laid out.
///
/// # Errors
///
/// No boot region that makes sense.
pub fn open(disk: Arc<dyn Disk>) -> DiskResult<ExFat> {
    let problems = Problems::default();
    let mut notes = Vec::new();
    let boot = match Boot::read(&*disk) {
        Some(boot) if boot.is_intact => boot,
        damaged => match (Boot::read_copy(&*disk), damaged) {
            (Some(copy), _) => {
                notes.push("the boot region is damaged; its copy is used".to_owned());
                problems.add(DiskError::corrupt(0, "the boot region is damaged; its copy is used"));
                copy
            }
            (None, Some(boot)) => {
                problems.add(DiskError::corrupt(0, "boot region: the checksum is wrong"));
                boot
            }
            (None, None) => return Err(DiskError::corrupt(0, "there is no exFAT boot region")),
        },
    };
    if boot.is_dirty {
        notes.push("it was not unmounted".to_owned());
    }
    if boot.size > disk.size() {
        problems.add(DiskError::corrupt(disk.size(), "the disk ends before the filesystem does"));
    }
    let about = About {
        kind: "exfat",
        label: None,
        uuid: Some(format!("{:04X}-{:04X}", boot.serial >> 16, boot.serial & 0xffff)),
        size: boot.size,
        block_size: u32::try_from(boot.cluster).unwrap_or(0),
        notes,
    };
    let metadata = CachedDisk::new(Arc::clone(&disk));
    let owners = Owners::default();
    let mut filesystem = ExFat { about, boot, disks: [disk], metadata, problems, owners, bitmap: Vec::new() };
    filesystem.read_special_entries();
    Ok(filesystem)
}

impl ExFat {
    /// The label and the bitmap, which the root directory names.
    fn read_special_entries(&mut self) {
        let (mut label, mut bitmap) = (None, None);
        let second = u8::from(self.boot.uses_second);
        // What is wrong with the directory is told where it is listed.
        let _ = self.entries((ROOT, self.root_allocation()), &mut |found| {
            let Found::Other(entry) = found else { return ControlFlow::Continue(()) };
            match u8_at(&entry, 0).map(|kind| (kind & !IN_USE, kind & IN_USE != 0)) {
                Some((LABEL, true)) => {
                    let length = u8_at(&entry, 1).map_or(0, usize::from) * 2;
                    label = entry.get(2..).and_then(|units| units.get(..length)).map(wtf8);
                }
                Some((BITMAP, true)) if u8_at(&entry, 1).is_some_and(|flags| flags & 1 == second) => {
                    bitmap = u32_le(&entry, 20).map(u64::from).zip(u64_le(&entry, 24));
                }
                _ => {}
            }
            if bitmap.is_some() && label.is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let label = label.filter(|label| !label.is_empty());
        self.about.label = label.map(|label| String::from_utf8_lossy(&label).into_owned());
        let length = self.boot.clusters.div_ceil(8);
        if let Some((first, _)) = bitmap.filter(|(_, stored)| *stored >= length) {
            let (pieces, _, _) = self.pieces(Allocation { first, is_contiguous: false, length });
            self.bitmap = pieces;
        }
    }
}

impl Filesystem for ExFat {
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
        Ok(self.set(id.inode)?.stat(id.inode, self.boot.cluster))
    }

    fn list(&self, dir: NodeId, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> DiskResult<()> {
        self.entries((dir.inode, self.directory(dir.inode)?), &mut |found| {
            let Found::Set(set, is_contiguous) = found else { return ControlFlow::Continue(()) };
            if set.is_deleted() {
                return ControlFlow::Continue(());
            }
            let problem = |what: &'static str| self.problems.add(DiskError::corrupt(set.offset, what));
            if !set.is_intact() {
                problem("entries of a file: the checksum is wrong");
            }
            let Some(name) = set.name().filter(|name| is_name(name)) else {
                problem("a directory has a name that none can have");
                return ControlFlow::Continue(());
            };
            each(Entry { name: &name, id: NodeId { tree: 0, inode: Self::number(&set, is_contiguous) } })
        })
    }

    fn link_target(&self, _id: NodeId) -> DiskResult<Vec<u8>> {
        Err(DiskError::unsupported(0, "exFAT has no symbolic links"))
    }

    fn content(&self, id: NodeId) -> DiskResult<Content> {
        let set = self.set(id.inode)?;
        let wrong = |what: &'static str| DiskError::corrupt(set.offset, what);
        if set.is_directory() {
            return Err(wrong("a directory is read as a file"));
        }
        let allocation = set.allocation().ok_or_else(|| wrong("a file has no entry for its content"))?;
        if allocation.length > self.boot.clusters * self.boot.cluster {
            return Err(wrong("a file is larger than the filesystem"));
        }
        let (mut pieces, found, error) = self.pieces(allocation);
        let mut size = allocation.length;
        if found < size {
            // What is left is given; what is not, is told.
            let error = error
                .map_or_else(|| "its chain ends, or leads to itself".to_owned(), |error| error.to_string());
            self.problems
                .add(DiskError::corrupt(set.offset, format!("a file ends before its size: {error}")));
            size = found;
        }
        let written = set.written();
        if written < size {
            pieces.retain(|piece| piece.at < written);
            if let Some(last) = pieces.last_mut() {
                last.length = last.length.min(written - last.at);
            }
            pieces.push(Piece { at: written, length: size - written, source: PieceSource::Unwritten });
        }
        Ok(Content { size, pieces })
    }

    fn disks(&self) -> &[Arc<dyn Disk>] {
        &self.disks
    }

    fn deleted(&self, each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>) -> DiskResult<()> {
        self.find_deleted(each)
    }

    fn free(&self, each: &mut dyn FnMut(u16, Range<u64>) -> ControlFlow<()>) -> DiskResult<()> {
        let mut free = FreeRanges::new(each);
        let flow = self.free_clusters(&mut |number| {
            let start = self.boot.at(number);
            start.map_or(ControlFlow::Continue(()), |start| free.add(start..start + self.boot.cluster))
        })?;
        if flow.is_continue() {
            free.finish();
        }
        Ok(())
    }

    fn problems(&self) -> Vec<(DiskError, u64)> {
        self.problems.list()
    }
}
