//! What no file uses: free blocks by their bitmaps, and deleted files.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

use rustix::fs::FileType;

use super::superblock::Group;
use super::{Ext, ROOT, directory};
use crate::source::disk::{DiskResult, read_vec};
use crate::source::filesystem::{Content, DeletedFile, Filesystem as _, NodeId, PieceSource};

/// The most names of deleted entries that are kept.
const MAX_NAMES: usize = 1 << 18;

/// Gives the free ranges, in order, in bytes.
pub(super) fn ranges(ext: &Ext, each: &mut dyn FnMut(Range<u64>) -> ControlFlow<()>) -> DiskResult<()> {
    let mut open: Option<Range<u64>> = None;
    let mut first_error = None;
    for group in 0..ext.superblock.groups() {
        let bitmap = match bitmap(ext, group) {
            Ok(bitmap) => bitmap,
            Err(error) => {
                first_error = first_error.or(Some(error));
                continue;
            }
        };
        for free in bitmap {
            match &mut open {
                Some(open) if open.end == free.start => open.end = free.end,
                _ => {
                    if let Some(done) = open.replace(free)
                        && each(done).is_break()
                    {
                        return Ok(());
                    }
                }
            }
        }
    }
    if let Some(done) = open {
        let _ = each(done);
    }
    first_error.map_or(Ok(()), Err)
}

/// The free ranges of a group.
fn bitmap(ext: &Ext, group: u64) -> DiskResult<Vec<Range<u64>>> {
    let superblock = &ext.superblock;
    let descriptor = superblock.group(&ext.metadata, group)?;
    if superblock.has_uninit_groups() && descriptor.flags & Group::BLOCKS_UNINIT != 0 {
        // Never written to since the filesystem was made, but for its structures:
        // what lies there is older than the filesystem, and is not sought.
        return Ok(Vec::new());
    }
    let start = superblock.group_start(group).saturating_mul(superblock.block_size);
    let end = superblock.blocks.saturating_mul(superblock.block_size).min(ext.about.size);
    let length = usize::try_from(superblock.block_size).unwrap_or(0);
    let place = descriptor.block_bitmap.saturating_mul(superblock.block_size);
    let bytes = read_vec(&ext.metadata, place, length)?;
    let mut free: Vec<Range<u64>> = Vec::new();
    let clusters = superblock.clusters_per_group.min(superblock.block_size.saturating_mul(8));
    for cluster in 0..clusters {
        let byte = usize::try_from(cluster / 8).ok().and_then(|at| bytes.get(at)).copied().unwrap_or(0xff);
        let from = start.saturating_add(cluster.saturating_mul(superblock.cluster_size));
        if from >= end {
            break;
        }
        if byte >> (cluster % 8) & 1 == 0 {
            let to = from.saturating_add(superblock.cluster_size).min(end);
            match free.last_mut() {
                Some(last) if last.end == from => last.end = to,
                _ => free.push(from..to),
            }
        }
    }
    Ok(free)
}

/// Whether all stored pieces lie in free space.
fn is_free(ext: &Ext, content: &Content, groups: &mut HashMap<u64, Vec<Range<u64>>>) -> bool {
    let superblock = &ext.superblock;
    let group_bytes = superblock.blocks_per_group.saturating_mul(superblock.block_size).max(1);
    let first = superblock.group_start(0).saturating_mul(superblock.block_size);
    content.pieces.iter().all(|piece| {
        let PieceSource::Stored(place) = piece.source else { return true };
        let mut at = place.offset;
        let end = place.offset.saturating_add(piece.length);
        while at < end {
            let group = at.saturating_sub(first) / group_bytes;
            if groups.len() > 64 {
                groups.clear();
            }
            let free = groups.entry(group).or_insert_with(|| bitmap(ext, group).unwrap_or_default());
            let number = free.partition_point(|range| range.end <= at);
            match free.get(number) {
                Some(range) if range.start <= at => at = range.end,
                _ => return false,
            }
        }
        true
    })
}

/// Gives the inodes that are deleted and whose blocks are still free.
pub(super) fn deleted(ext: &Ext, each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>) -> DiskResult<()> {
    let names = old_names(ext);
    let mut groups = HashMap::new();
    let superblock = &ext.superblock;
    let mut first_error = None;
    for group in 0..superblock.groups() {
        let descriptor = match superblock.group(&ext.metadata, group) {
            Ok(descriptor) => descriptor,
            Err(error) => {
                first_error = first_error.or(Some(error));
                continue;
            }
        };
        let uninit = superblock.has_uninit_groups() && descriptor.flags & Group::INODES_UNINIT != 0;
        let unused = if superblock.has_uninit_groups() { descriptor.unused_inodes } else { 0 };
        let used = if uninit { 0 } else { superblock.inodes_per_group.saturating_sub(unused) };
        for within in 0..used {
            let number = group.saturating_mul(superblock.inodes_per_group).saturating_add(within + 1);
            let Ok(inode) = ext.inode(number) else { continue };
            let stat = inode.stat();
            if inode.deleted_at == 0 || inode.links != 0 || stat.file_type != FileType::RegularFile {
                continue;
            }
            // A map that makes no sense any more is no file any more.
            let Ok(content) = ext.map(&inode) else { continue };
            if content.pieces.is_empty() || content.size == 0 || !is_free(ext, &content, &mut groups) {
                continue;
            }
            let path = names.get(&number).cloned().unwrap_or_else(|| format!("/inode {number}").into_bytes());
            if each(DeletedFile { path, stat, content }).is_break() {
                return Ok(());
            }
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Paths of deleted entries, by inode.
fn old_names(ext: &Ext) -> HashMap<u64, Vec<u8>> {
    let mut names = HashMap::new();
    let mut met = std::collections::HashSet::from([ROOT]);
    let mut waiting: Vec<(Vec<u8>, u64)> = vec![(Vec::new(), ROOT)];
    while let Some((path, number)) = waiting.pop() {
        if names.len() >= MAX_NAMES || met.len() >= 4 * MAX_NAMES {
            break;
        }
        let Ok(inode) = ext.live(number) else { continue };
        let Ok(content) = ext.content(NodeId { tree: 0, inode: number }) else { continue };
        if inode.is_inline() {
            continue;
        }
        // What cannot be read is told where the directory itself is listed.
        let _ = directory::blocks(ext, &content, ext.superblock.block_size, &mut |found| {
            let path = || [&path, &b"/"[..], found.name].concat();
            if found.deleted {
                names.entry(found.inode).or_insert_with(path);
            } else if ext.inode(found.inode).is_ok_and(|inode| inode.stat().file_type == FileType::Directory)
                && met.insert(found.inode)
            {
                waiting.push((path(), found.inode));
            }
            ControlFlow::Continue(())
        });
    }
    names
}
