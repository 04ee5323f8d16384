//! Deleted files: by the inodes that are left of them, on the disk or as the journal
//! remembers them, and by names that are left in directories, there as well.
//!
//! Since Linux 2.6 a deleted inode of ext3 and ext4 keeps no map of its blocks, and
//! since 5.13 a deleted name is wiped: then the journal is all there is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use rustix::fs::FileType;

use super::bitmap::Bitmaps;
use super::directory::{self, RawEntry};
use super::history::{History, Past};
use super::inode::{Inode, flag};
use super::journal::Log;
use super::map;
use super::volume::{Blocks, Group, MAX_UNKNOWN, Volume, index};
use crate::source::disk::{DiskError, DiskResult};
use crate::source::filesystem::{Content, DeletedFile, Piece, PieceSource, Place};

/// The most past inodes and names that are remembered, some 100 bytes each.
const MAX_PAST: usize = 500_000;
const MAX_NAMES: usize = 500_000;
/// The most bytes of a path.
const MAX_PATH: usize = 4096;

/// A file over its life: the number of its inode and the generation of that.
type Life = (u32, u32);

/// Gives deleted files.
pub(super) fn deleted(
    volume: &Volume,
    bitmaps: &Bitmaps,
    each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>,
) -> DiskResult<()> {
    let history = if volume.superblock.journal.inode == 0 {
        None
    } else {
        match Log::find(volume) {
            Ok(log) => Some(History::read(volume, log)),
            Err(error) => {
                volume.problems.add(error);
                None
            }
        }
    };
    let mut search = Search {
        volume,
        bitmaps,
        history: history.as_ref(),
        past: BTreeMap::new(),
        names: HashMap::new(),
        unknown_groups: 0,
        wrong: None,
    };
    search.collect_past();
    search.collect_names();
    search.give(each);
    search.wrong.map_or(Ok(()), Err)
}

struct Search<'v> {
    volume: &'v Volume,
    bitmaps: &'v Bitmaps,
    history: Option<&'v History>,
    /// The last copy of each inode that is not in use any more.
    past: BTreeMap<Life, Past>,
    names: HashMap<Life, Vec<u8>>,
    /// How often nothing could be told of a group.
    unknown_groups: usize,
    /// The first thing that could not be searched.
    wrong: Option<DiskError>,
}

/// A directory to look for names in.
struct Directory {
    path: Vec<u8>,
    inode: Inode,
    /// For a deleted one, the transaction as of which it is read.
    until: Option<u32>,
}

impl<'v> Search<'v> {
    fn failed(&mut self, error: DiskError) {
        self.volume.problems.add(error.clone());
        self.wrong.get_or_insert(error);
    }

    /// The inode as it is on the disk, and whether it is in use.
    fn current(&self, number: u32) -> Option<(Inode, bool)> {
        let inode = Inode::read_any(self.volume, number).ok()?;
        let live = self.is_live(&inode);
        Some((inode, live))
    }

    fn is_live(&self, inode: &Inode) -> bool {
        // Some programs delete without taking the names from the count.
        let freed =
            || inode.deleted != 0 && !self.bitmaps.inode_in_use(self.volume, inode.number).unwrap_or(true);
        inode.stat.links > 0 && inode.stat.file_type != FileType::Unknown && !freed()
    }

    /// An inode as it was.
    fn past_inode(&self, number: u32, past: &Past) -> Option<Inode> {
        let history = self.history?;
        let bytes = history.block(self.volume, past)?;
        let offset = self.volume.inode_offset(number).ok()?;
        let within = index(offset % self.volume.superblock.block_size());
        let raw = bytes.get(within..within + self.volume.superblock.inode_size)?;
        let inode = Inode::parse(&self.volume.superblock, number, raw, offset)?;
        let used = inode.stat.links > 0 && inode.deleted == 0 && inode.sound;
        (used && inode.stat.file_type != FileType::Unknown).then_some(inode)
    }

    /// Looks through the copies of inode tables for inodes that are gone since.
    fn collect_past(&mut self) {
        let Some(history) = self.history else { return };
        let superblock = &self.volume.superblock;
        let inode_size = superblock.inode_size;
        let per_block = superblock.block_size() / u64::try_from(inode_size).unwrap_or(128);
        let table = u64::from(superblock.inodes_per_group).div_ceil(per_block);
        let blocks = history.blocks();
        for group in 0..self.volume.groups_on_disk() {
            let Some(told) = self.group(group) else { continue };
            let first = blocks.partition_point(|block| *block < told.inode_table);
            let here = blocks.iter().skip(first).take_while(|block| **block < told.inode_table + table);
            for block in here {
                let slot = (block - told.inode_table) * per_block;
                let base = u64::from(group) * u64::from(superblock.inodes_per_group) + slot + 1;
                for past in history.of(*block) {
                    let Some(bytes) = history.block(self.volume, past) else { continue };
                    for (raw, number) in bytes.chunks_exact(inode_size).zip(base..) {
                        let Ok(number) = u32::try_from(number) else { continue };
                        self.remember(number, raw, past);
                    }
                }
            }
        }
    }

    fn remember(&mut self, number: u32, raw: &[u8], past: &Past) {
        let Some(inode) = Inode::parse(&self.volume.superblock, number, raw, 0) else { return };
        let was_used = inode.stat.links > 0 && inode.deleted == 0 && inode.sound;
        let life = (number, inode.generation);
        let known =
            matches!(inode.stat.file_type, FileType::RegularFile | FileType::Directory | FileType::Symlink);
        if !was_used || !known || self.past.contains_key(&life) || self.past.len() >= MAX_PAST {
            return;
        }
        let Some((now, live)) = self.current(number) else { return };
        if !live || now.generation != inode.generation {
            self.past.insert(life, *past);
        }
    }

    /// Goes through all directories, also deleted ones as far as they are known.
    fn collect_names(&mut self) {
        let Some((root, _)) = self.current(2) else { return };
        let mut seen = HashSet::from([(2, root.generation)]);
        let mut waiting = vec![Directory { path: Vec::new(), inode: root, until: None }];
        while let Some(directory) = waiting.pop() {
            let mut found = Vec::new();
            if let Err(error) = self.entries(&directory, &mut found) {
                self.failed(error);
            }
            for (number, name, sequence) in found {
                self.name(&directory, number, &name, sequence, &mut seen, &mut waiting);
            }
        }
    }

    /// All entries that are or were in a directory, with the transaction of the copy
    /// in which they stand.
    fn entries(&self, directory: &Directory, found: &mut Vec<(u32, Vec<u8>, Option<u32>)>) -> DiskResult<()> {
        let volume = self.volume;
        let inode = &directory.inode;
        if inode.has(flag::ENCRYPTED) {
            return Ok(());
        }
        let inodes = volume.superblock.inodes;
        if inode.has(flag::INLINE_DATA) {
            let (first, second) = map::inline(inode)?;
            for part in [first.get(4..).unwrap_or_default(), second] {
                directory::entries_and_slack(part, inodes, &mut |entry| {
                    found.push((entry.inode, entry.name.to_vec(), directory.until));
                });
            }
            return Ok(());
        }
        let blocks = PastBlocks { search: self, until: directory.until };
        let content = map::content(volume, inode, &blocks)?;
        let mut wrong = None;
        let all = directory::stored_blocks(volume, &content, &mut |error| {
            wrong.get_or_insert(error);
        });
        for block in all {
            let mut take = |bytes: &[u8], sequence: Option<u32>| {
                let dead = |entry: &RawEntry<'_>| {
                    // Most names are of files that are there: they need no copy.
                    sequence.is_none() || !self.is_same_life(entry.inode, sequence)
                };
                directory::entries_and_slack(bytes, inodes, &mut |entry| {
                    if dead(&entry) && found.len() < MAX_NAMES {
                        found.push((entry.inode, entry.name.to_vec(), sequence));
                    }
                });
            };
            let free = || self.is_free(block);
            if directory.until.is_none() || free() {
                match volume.block(block) {
                    Ok(bytes) => take(&bytes, directory.until),
                    Err(error) => {
                        wrong.get_or_insert(error);
                    }
                }
            }
            let Some(history) = self.history else { continue };
            for past in history.of(block) {
                if let Some(bytes) = history.block(volume, past)
                    && directory::belongs(volume, inode, &bytes)
                {
                    take(&bytes, Some(past.sequence));
                }
            }
        }
        wrong.map_or(Ok(()), Err)
    }

    fn is_free(&self, block: u64) -> bool {
        let mut free = false;
        let told = self.bitmaps.free_in(self.volume, block..block + 1, &mut |_| {
            free = true;
            ControlFlow::Break(())
        });
        told.is_ok() && free
    }

    /// The generation that an inode had at a transaction, as far as that is known.
    fn generation_at(&self, number: u32, sequence: Option<u32>) -> Option<u32> {
        let (history, sequence) = (self.history?, sequence?);
        let block = self.volume.inode_offset(number).ok()? / self.volume.superblock.block_size();
        let past = history.until(block, sequence)?;
        self.past_inode(number, past).map(|inode| inode.generation)
    }

    /// Whether a name of that time is of what the inode is now.
    fn is_same_life(&self, number: u32, sequence: Option<u32>) -> bool {
        let Some((now, true)) = self.current(number) else { return false };
        // Where nothing else is known, the inode was not given out anew.
        self.generation_at(number, sequence).is_none_or(|generation| generation == now.generation)
    }

    /// Takes a name that was found in a directory.
    fn name(
        &mut self,
        directory: &Directory,
        number: u32,
        name: &[u8],
        sequence: Option<u32>,
        seen: &mut HashSet<Life>,
        waiting: &mut Vec<Directory>,
    ) {
        let Some((now, live)) = self.current(number) else { return };
        let generation = self.generation_at(number, sequence).unwrap_or(now.generation);
        let path = || [&directory.path[..], b"/", name].concat();
        if directory.path.len() + name.len() >= MAX_PATH {
            return;
        }
        if live && generation == now.generation {
            let is_directory = now.stat.file_type == FileType::Directory;
            // Only what a directory holds now is below it.
            let here = directory.until.is_none() && sequence.is_none();
            if is_directory && here && seen.insert((number, generation)) {
                waiting.push(Directory { path: path(), inode: now, until: None });
            }
            return;
        }
        let life = (number, generation);
        if self.names.len() >= MAX_NAMES || self.names.contains_key(&life) {
            return;
        }
        self.names.insert(life, path());
        if let Some(past) = self.past.get(&life)
            && let Some(inode) = self.past_inode(number, past)
            && inode.stat.file_type == FileType::Directory
            && seen.insert(life)
        {
            waiting.push(Directory { path: path(), inode, until: Some(past.sequence) });
        }
    }

    /// A group, if something is known of it.
    fn group(&mut self, group: u32) -> Option<Group> {
        if self.unknown_groups > MAX_UNKNOWN {
            return None;
        }
        let told = self.volume.group(group).map_err(|error| {
            self.unknown_groups += 1;
            self.failed(error);
        });
        told.ok()
    }

    /// Gives what was found: inodes that are on the disk, then those of the journal.
    fn give(&mut self, each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>) {
        for group in 0..self.volume.groups_on_disk() {
            let Some(told) = self.group(group) else { continue };
            if !told.inodes_unset() && self.give_group(group, &told, each).is_break() {
                return;
            }
        }
        let past = std::mem::take(&mut self.past);
        for ((number, generation), past) in &past {
            let Some(inode) = self.past_inode(*number, past) else { continue };
            let path = self.names.remove(&(*number, *generation));
            let content = self.left_of(&inode, Some(past.sequence));
            if give(&inode, path, content, each).is_break() {
                return;
            }
        }
    }

    /// Gives the inodes of a table that are not in use.
    fn give_group(
        &mut self,
        group: u32,
        told: &Group,
        each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let superblock = &self.volume.superblock;
        let size = u64::try_from(superblock.inode_size).unwrap_or(128);
        let first = u64::from(group) * u64::from(superblock.inodes_per_group) + 1;
        let used = superblock.inodes_per_group.saturating_sub(told.unused_inodes);
        let table = self.volume.offset(told.inode_table);
        let mut slot = 0;
        while slot < u64::from(used) {
            // A table that was never written may be a hole.
            let at = table.saturating_add(slot.saturating_mul(size));
            let data = match self.volume.disk.next_data(at) {
                Ok(Some(data)) => data,
                Ok(None) => break,
                Err(error) => {
                    self.failed(error);
                    break;
                }
            };
            let until = data.end.saturating_sub(table).div_ceil(size).min(used.into());
            if until <= slot {
                break;
            }
            slot = slot.max(data.start.saturating_sub(table) / size);
            while slot < until {
                let number = u32::try_from(first + slot).ok();
                let Some(number) = number.filter(|number| *number <= self.volume.superblock.inodes) else {
                    return ControlFlow::Continue(());
                };
                slot += 1;
                let inode = match Inode::read_any(self.volume, number) {
                    Ok(inode) => inode,
                    Err(error) => {
                        self.failed(error);
                        return ControlFlow::Continue(());
                    }
                };
                let unused = inode.stat.file_type != FileType::Unknown && !self.is_live(&inode);
                if unused && inode.sound && self.give_current(&inode, each).is_break() {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Gives an inode without names that is on the disk.
    fn give_current(
        &mut self,
        inode: &Inode,
        each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let life = (inode.number, inode.generation);
        // Deleted while it was open: recovery would free it, so all of it is there.
        let open = self.bitmaps.inode_in_use(self.volume, inode.number).unwrap_or(false);
        let content = if open {
            map::content(self.volume, inode, self.volume).unwrap_or_default()
        } else {
            self.left_of(inode, None)
        };
        if content.pieces.is_empty() && self.past.contains_key(&life) {
            // The journal knows more.
            return ControlFlow::Continue(());
        }
        self.past.remove(&life);
        let path = self.names.remove(&life);
        give(inode, path, content, each)
    }

    /// What of a file's content lies in blocks that are free still.
    fn left_of(&mut self, inode: &Inode, until: Option<u32>) -> Content {
        let regular = matches!(inode.stat.file_type, FileType::RegularFile);
        if !regular || inode.has(flag::ENCRYPTED) {
            return Content::default();
        }
        let blocks = PastBlocks { search: self, until };
        let Ok(content) = map::content(self.volume, inode, &blocks) else { return Content::default() };
        let size = self.volume.superblock.block_size();
        let mut pieces = Vec::new();
        let mut wrong = None;
        for piece in content.pieces {
            match piece.source {
                PieceSource::Stored(place) if place.disk != map::DAMAGED => {
                    let blocks = place.offset / size..(place.offset + piece.length).div_ceil(size);
                    let told = self.bitmaps.free_in(self.volume, blocks, &mut |free| {
                        let offset = free.start * size;
                        pieces.push(Piece {
                            at: piece.at + (offset - place.offset),
                            length: (free.end - free.start) * size,
                            source: PieceSource::Stored(Place { disk: 0, offset }),
                        });
                        ControlFlow::Continue(())
                    });
                    if let Err(error) = told {
                        wrong.get_or_insert(error);
                    }
                }
                PieceSource::Inline(_) => pieces.push(piece),
                _ => {}
            }
        }
        if let Some(error) = wrong {
            self.failed(error);
        }
        Content { size: content.size, pieces }
    }
}

/// Gives a file, if a name or content is left of it.
fn give(
    inode: &Inode,
    path: Option<Vec<u8>>,
    content: Content,
    each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>,
) -> ControlFlow<()> {
    if path.is_none() && content.pieces.is_empty() {
        return ControlFlow::Continue(());
    }
    let path = path.unwrap_or_else(|| inode.number.to_string().into_bytes());
    each(DeletedFile { path, stat: inode.stat, content })
}

/// The blocks of a map as they were at a transaction; as they are where the journal
/// does not know or none is given.
struct PastBlocks<'s, 'v> {
    search: &'s Search<'v>,
    until: Option<u32>,
}

impl Blocks for PastBlocks<'_, '_> {
    fn block(&self, number: u64) -> DiskResult<Vec<u8>> {
        let volume = self.search.volume;
        if let (Some(history), Some(until)) = (self.search.history, self.until)
            && let Some(past) = history.until(number, until)
            && let Some(bytes) = history.block(volume, past)
        {
            return Ok(bytes);
        }
        volume.block(number)
    }
}
