//! Deleted files: inodes that are free, whose list of extents is there still.
//!
//! When a file is deleted its size and the count of its extents become 0 and its mode
//! too; the bytes of the list stay in the inode until it is used again. So there is no
//! size, owner and times are those of the deletion, and what was in a tree of extents is
//! not found. A name is found where the directory still has it in unused space.
//!
//! A file that was deleted while it was open and the machine stopped is whole.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

use rustix::fs::FileType;

use crate::source::bytes::{u8_at, u16_be, u32_be, u64_be};
use crate::source::disk::{DiskError, DiskResult, read_vec};
use crate::source::filesystem::{Content, DeletedFile, PieceSource};

use super::Xfs;
use super::directory;
use super::extents::{Extent, add};
use super::inode::{Format, Inode};
use super::superblock::Superblock;

/// The most ranges of free space that are held, 16 bytes each: 64 MiB.
const MAX_RANGES: usize = 4 << 20;

/// The most names of deleted files that are held.
const MAX_NAMES: usize = 256 << 10;

/// The largest content that is believed of a list that nothing vouches for: 16 TiB.
const MAX_SIZE: u64 = 16 << 40;

/// Free space by allocation group, sorted.
#[derive(Debug, Default)]
struct FreeSpace(Vec<Vec<Range<u64>>>);

impl FreeSpace {
    /// The parts of blocks of a group that are free.
    fn within(&self, ag: u64, blocks: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let group = usize::try_from(ag).ok().and_then(|ag| self.0.get(ag)).map_or(&[][..], Vec::as_slice);
        let first = group.partition_point(|range| range.end <= blocks.start);
        let rest = group.get(first..).unwrap_or_default();
        rest.iter()
            .take_while({
                let end = blocks.end;
                move |range| range.start < end
            })
            .map(move |range| range.start.max(blocks.start)..range.end.min(blocks.end))
    }
}

impl Xfs {
    pub(super) fn find_deleted(
        &self,
        each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        let mut errors = FirstError(None);
        let free = self.free_space(&mut errors);
        let names = self.deleted_names(&mut errors);
        let mut ended = false;
        for ag in 0..self.geometry.ag_count {
            let walked = self.chunks(ag, &mut |chunk| {
                for (number, is_free) in chunk.inodes() {
                    match self.deleted_file(number, is_free, &free, &names) {
                        Ok(Some(file)) => ended = each(file).is_break(),
                        Ok(None) => {}
                        Err(error) => errors.add(error),
                    }
                    if ended {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(ControlFlow::Continue(()))
            });
            errors.take(walked);
            if ended {
                return Ok(());
            }
        }
        errors.0.map_or(Ok(()), Err)
    }

    fn free_space(&self, errors: &mut FirstError) -> FreeSpace {
        let mut free = FreeSpace::default();
        let mut held = 0;
        for ag in 0..self.geometry.ag_count {
            let mut ranges: Vec<Range<u64>> = Vec::new();
            let walked = self.free_blocks(ag, &mut |range| {
                held += 1;
                if held > MAX_RANGES {
                    let message = "free space lies in more ranges than are held to find deleted files";
                    return Err(DiskError::over_budget(0, message));
                }
                ranges.push(range);
                Ok(ControlFlow::Continue(()))
            });
            errors.take(walked);
            free.0.push(ranges);
            if held > MAX_RANGES {
                break;
            }
        }
        free
    }

    fn deleted_file(
        &self,
        number: u64,
        is_free: bool,
        free: &FreeSpace,
        names: &HashMap<u64, Vec<u8>>,
    ) -> DiskResult<Option<DeletedFile>> {
        let Some(offset) = self.geometry.inode_at(number) else { return Ok(None) };
        let bytes = read_vec(&self.metadata, offset, self.geometry.inode_size)?;
        let Some(mut inode) = Inode::parse(&bytes, number, offset) else { return Ok(None) };
        let path = || names.get(&number).cloned().unwrap_or_else(|| format!("inode {number}").into_bytes());
        if !is_free {
            let is_orphan = inode.mode != 0 && inode.links == 0 && inode.file_type() == FileType::RegularFile;
            if !is_orphan {
                return Ok(None);
            }
            let content = self.file_content(&inode)?;
            let stat = inode.stat(self.geometry.block_size());
            return Ok(Some(DeletedFile { path: path(), stat, content }));
        }
        if inode.mode != 0 || inode.format != Format::Extents {
            return Ok(None);
        }
        let content = self.remains(&inode, free);
        if content.pieces.is_empty() {
            return Ok(None);
        }
        inode.size = content.size;
        let mut stat = inode.stat(self.geometry.block_size());
        stat.file_type = FileType::RegularFile;
        Ok(Some(DeletedFile { path: path(), stat, content }))
    }

    /// What the bytes of a list of extents lead to, as far as it is free and they make
    /// sense.
    fn remains(&self, inode: &Inode, free: &FreeSpace) -> Content {
        let geometry = &self.geometry;
        let mut content = Content::default();
        let mut end = 0;
        for record in inode.fork.chunks_exact(16) {
            let Some(extent) = Extent::parse(record, geometry) else { break };
            let size = extent.end() << geometry.block_log;
            if extent.at < end || size > MAX_SIZE {
                break;
            }
            end = extent.end();
            if extent.is_unwritten {
                continue;
            }
            let (ag, first) = (extent.start >> geometry.ag_log, extent.start & ((1 << geometry.ag_log) - 1));
            for part in free.within(ag, first..first + extent.count) {
                let skip = part.start - first;
                let part = Extent {
                    at: extent.at + skip,
                    start: extent.start + skip,
                    offset: extent.offset + (skip << geometry.block_log),
                    count: part.end - part.start,
                    is_unwritten: false,
                };
                add(&mut content.pieces, part, geometry.block_log);
                content.size = part.end() << geometry.block_log;
            }
        }
        content.pieces.retain(|piece| matches!(piece.source, PieceSource::Stored(_)));
        content
    }

    /// Names in the unused space of directories, by the inode's number as far as it is
    /// left.
    fn deleted_names(&self, errors: &mut FirstError) -> HashMap<u64, Vec<u8>> {
        let mut names = HashMap::new();
        for ag in 0..self.geometry.ag_count {
            let walked = self.chunks(ag, &mut |chunk| {
                for (number, is_free) in chunk.inodes() {
                    if is_free {
                        continue;
                    }
                    let Ok(inode) = self.inode(number) else { continue };
                    if inode.file_type() != FileType::Directory || inode.format == Format::Local {
                        continue;
                    }
                    // What is wrong with a directory is told where it is listed.
                    let _ = self.directory_blocks(&inode, &mut |block, _| {
                        if let Ok(block) = block {
                            names_in_unused(block, &self.geometry, number, &mut names);
                        }
                        if names.len() < MAX_NAMES {
                            ControlFlow::Continue(())
                        } else {
                            ControlFlow::Break(())
                        }
                    });
                    if names.len() >= MAX_NAMES {
                        return Err(DiskError::over_budget(
                            0,
                            "there are more names of deleted files than are held",
                        ));
                    }
                }
                Ok(ControlFlow::Continue(()))
            });
            errors.take(walked);
            if names.len() >= MAX_NAMES {
                break;
            }
        }
        names
    }
}

/// Finds entries in unused space. Where one was freed by itself the first four bytes of
/// its inode's number are overwritten; they are then those of the directory, whose
/// inodes are most often near.
fn names_in_unused(block: &[u8], geometry: &Superblock, parent: u64, names: &mut HashMap<u64, Vec<u8>>) {
    let Some(range) = directory::entries(block, geometry.version == 5) else { return };
    let mut at = range.start;
    while at < range.end {
        match directory::slot(block, at, range.end, geometry.has_ftype) {
            None => return,
            Some(directory::Slot::Used(_, _, length)) => at += length,
            Some(directory::Slot::Unused(length)) => {
                for place in (at..at + length).step_by(8) {
                    if let Some((number, name)) = remnant(block, place, at..at + length, geometry, parent) {
                        names.insert(number, name.to_vec());
                    }
                }
                at += length;
            }
        }
    }
}

/// The entry that was at a place of an unused range, if its last bytes say that it was.
fn remnant<'b>(
    block: &'b [u8],
    at: usize,
    unused: Range<usize>,
    geometry: &Superblock,
    parent: u64,
) -> Option<(u64, &'b [u8])> {
    let length = usize::from(u8_at(block, at + 8)?);
    let name = block.get(at + 9..at + 9 + length).filter(|name| directory::is_name(name))?;
    let end = at + directory::size(length, geometry.has_ftype);
    let tag = usize::from(u16_be(block, end.checked_sub(2)?)?);
    let is_entry = end <= unused.end && (tag == at || (end == unused.end && tag == unused.start));
    let number = if u16_be(block, at)? == 0xffff {
        (parent & !0xffff_ffff) | u64::from(u32_be(block, at + 4)?)
    } else {
        u64_be(block, at)?
    };
    (is_entry && name != b"." && name != b".." && geometry.inode_at(number).is_some())
        .then_some((number, name))
}

/// The first error of several parts that are searched all the same.
struct FirstError(Option<DiskError>);

impl FirstError {
    fn add(&mut self, error: DiskError) {
        self.0.get_or_insert(error);
    }

    fn take(&mut self, result: DiskResult<()>) {
        if let Err(error) = result {
            self.add(error);
        }
    }
}
