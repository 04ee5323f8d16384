//! The log of what was synced after the last transaction, laid over the trees of
//! files as the kernel does it when it mounts: a disk of a running machine is shown
//! as after recovery.
//!
//! A log has items of the same form as the tree: inodes, names of directories, names
//! of inodes, extents, checksums; and ranges of directories outside of which nothing
//! is told and inside of which what is not told is gone.
//!
//! Specification: the comments in the kernel's `fs/btrfs/tree-log.c`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use rustix::fs::FileType;

use super::directory::{Name, Reference};
use super::inode::Inode;
use super::key::{Key, kind, object, tree};
use super::overlay::{Overlay, Tree};
use super::roots::{Root, Roots};
use super::volume::Volume;
use crate::source::bytes::{u8_at, u64_le};
use crate::source::disk::{DiskError, DiskResult};

/// The most that is read of all logs, and of the directories that they change.
const MAX_ITEMS: usize = 1 << 20;
const MAX_BYTES: usize = 64 << 20;

/// What logs change, by tree.
#[derive(Debug, Default)]
pub(super) struct Log(HashMap<u64, Arc<Overlay>>);

impl Log {
    /// Replays the logs, if there are some; `notes` are for a person.
    pub(super) fn replay(volume: &Volume, roots: &Roots, notes: &mut Vec<String>) -> Self {
        let Some(root) = volume.superblock.log else { return Self::default() };
        let mut log = Self::default();
        match log.replay_all(volume, roots, &root.into()) {
            Ok(()) => notes.push("what was synced after the last transaction was replayed".to_owned()),
            Err(mut error) => {
                error.message =
                    format!("what was synced after the last transaction is not shown: {}", error.message)
                        .into();
                notes.push(error.message.clone().into_owned());
                volume.problems.add(error);
            }
        }
        log
    }

    /// A tree with what its log changes.
    pub(super) fn over(&self, id: u64, tree: &Tree) -> Tree {
        Tree { root: tree.root, over: self.0.get(&id).map(Arc::clone) }
    }

    fn replay_all(&mut self, volume: &Volume, roots: &Roots, logs: &Tree) -> DiskResult<()> {
        if volume.roots.root.generation != volume.superblock.generation {
            return Err(DiskError::corrupt(logs.root.logical, "the trees are older than their log"));
        }
        let mut found: Vec<(u64, Tree)> = Vec::new();
        volume.scan(logs, Key::all(object::LOGS, kind::ROOT), &mut |key, item| {
            found.extend(Root::read(item).map(|root| (key.offset, root.tree)));
            Ok(ControlFlow::Continue(()))
        })?;
        let mut checksums = Overlay::default();
        let mut budget = (MAX_ITEMS, MAX_BYTES);
        for (id, log) in found {
            let files = roots.get(volume, id)?.tree;
            let items = read(volume, &log, &mut budget)?;
            for (key, item) in items.iter().filter(|(key, _)| key.object == object::CHECKSUMS) {
                checksums.put(*key, Arc::clone(item));
            }
            let replayed = Replay::new(volume, &files, items).run()?;
            self.0.insert(id, Arc::new(replayed));
        }
        if !checksums.is_empty() {
            self.0.insert(tree::CHECKSUMS, Arc::new(checksums));
        }
        Ok(())
    }
}

/// The items of a log.
type Items = BTreeMap<Key, Arc<[u8]>>;

fn read(volume: &Volume, log: &Tree, budget: &mut (usize, usize)) -> DiskResult<Items> {
    let mut items = Items::new();
    volume.scan(log, (Key::MIN, Key::MAX), &mut |key, item| {
        let left = budget.0.checked_sub(1).zip(budget.1.checked_sub(item.len()));
        *budget = left.ok_or_else(|| DiskError::over_budget(log.root.logical, "the log is too large"))?;
        items.insert(key, item.into());
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(items)
}

/// The names of a directory: where in its index, and which inode.
type Names = HashMap<Vec<u8>, (u64, Key)>;

/// The replay of one log.
struct Replay<'r> {
    volume: &'r Volume,
    /// The tree below, and what has been changed so far.
    files: Tree,
    log: Arc<Items>,
    directories: HashMap<u64, Names>,
    /// How many names may be read still.
    budget: usize,
    /// Inodes whose names changed.
    renamed: BTreeSet<u64>,
    /// Inodes that had no name when they were synced: nothing of them is shown.
    nameless: BTreeSet<u64>,
}

impl<'r> Replay<'r> {
    fn new(volume: &'r Volume, files: &Tree, log: Items) -> Self {
        Self {
            volume,
            files: Tree { root: files.root, over: Some(Arc::default()) },
            log: Arc::new(log),
            directories: HashMap::new(),
            budget: MAX_ITEMS,
            renamed: BTreeSet::new(),
            nameless: BTreeSet::new(),
        }
    }

    fn run(mut self) -> DiskResult<Overlay> {
        let log = Arc::clone(&self.log);
        for (key, item) in log.iter().filter(|(key, _)| key.kind == kind::INODE) {
            self.inode(*key, item)?;
        }
        let is_shown = |nameless: &BTreeSet<u64>, key: &Key| !nameless.contains(&key.object);
        for (key, item) in log.iter().filter(|(key, _)| key.kind == kind::DIR_INDEX) {
            let name = Name::read(item).map_err(|message| self.corrupt(message))?;
            if is_shown(&self.nameless, key)
                && name.location.kind == kind::INODE
                && self.get(Key::new(name.location.object, kind::INODE, 0))?.is_some()
            {
                self.link(key.object, key.offset, name)?;
            }
        }
        for (key, item) in log.iter() {
            if !is_shown(&self.nameless, key) {
                continue;
            }
            match key.kind {
                kind::INODE_REF | kind::INODE_EXTREF => self.references(*key, item)?,
                kind::EXTENT_DATA => self.extent(*key, item)?,
                _ => {}
            }
        }
        for inode in std::mem::take(&mut self.renamed) {
            self.count_names(inode)?;
        }
        let over = self.files.over.take().and_then(Arc::into_inner);
        over.ok_or_else(|| self.corrupt("a log cannot be replayed"))
    }

    fn corrupt(&self, message: &'static str) -> DiskError {
        DiskError::corrupt(self.files.root.logical, message)
    }

    fn get(&self, key: Key) -> DiskResult<Option<Vec<u8>>> {
        Ok(self.volume.find(&self.files, key)?.map(|found| found.item().to_vec()))
    }

    fn change(&mut self, key: Key, item: Option<Vec<u8>>) -> DiskResult<()> {
        let Some(over) = self.files.over.as_mut().and_then(Arc::get_mut) else {
            return Err(DiskError::corrupt(self.files.root.logical, "a log cannot be replayed"));
        };
        match item {
            Some(item) => over.put(key, item),
            None => over.remove(key),
        }
        Ok(())
    }

    fn items(&self, range: (Key, Key)) -> DiskResult<Vec<(Key, Vec<u8>)>> {
        let mut found = Vec::new();
        self.volume.scan(&self.files, range, &mut |key, item| {
            found.push((key, item.to_vec()));
            if found.len() > MAX_ITEMS {
                return Err(DiskError::over_budget(self.files.root.logical, "a log changes too much"));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// An inode of the log. Those of which only is told that they exist have the
    /// generation 0.
    fn inode(&mut self, key: Key, item: &[u8]) -> DiskResult<()> {
        const SHORT: &str = "an inode of the log is cut short";
        let inode = Inode::read(key.object, item).ok_or_else(|| self.corrupt(SHORT))?;
        if inode.stat.links == 0 {
            self.nameless.insert(key.object);
            return Ok(());
        }
        if inode.stat.file_type == FileType::Directory {
            self.remove_names(key.object)?;
        }
        let mut new = item.to_vec();
        let old = self.get(key)?;
        if inode.generation == 0 {
            if let Some(old) = old {
                new = old;
                // 0: the size was not synced.
                if inode.stat.file_type == FileType::RegularFile && inode.stat.size != Some(0) {
                    copy(&mut new, item, 16..24);
                }
            } else {
                copy_at(&mut new, 0, &self.volume.superblock.generation.saturating_add(1).to_le_bytes());
            }
        }
        let size = u64_le(&new, 16).unwrap_or(0);
        self.change(key, Some(new))?;
        if inode.stat.file_type != FileType::Directory {
            self.renamed.insert(key.object);
        }
        if inode.stat.file_type == FileType::RegularFile {
            let sector = u64::from(self.volume.superblock.sector);
            self.drop_extents(key.object, size.next_multiple_of(sector.max(1)).max(size), u64::MAX)?;
        }
        Ok(())
    }

    /// The names of a directory, read once.
    fn names(&mut self, dir: u64) -> DiskResult<&mut Names> {
        if !self.directories.contains_key(&dir) {
            let mut names = Names::new();
            for (key, item) in self.items(Key::all(dir, kind::DIR_INDEX))? {
                if let Ok(found) = Name::read(&item) {
                    names.insert(found.name.to_vec(), (key.offset, found.location));
                }
            }
            let left = self.budget.checked_sub(names.len());
            let too_much = || DiskError::over_budget(self.files.root.logical, "a log changes too much");
            self.budget = left.ok_or_else(too_much)?;
            self.directories.insert(dir, names);
        }
        Ok(self.directories.entry(dir).or_default())
    }

    /// Removes what the log does not have of the ranges that it tells in full.
    fn remove_names(&mut self, dir: u64) -> DiskResult<()> {
        let log = Arc::clone(&self.log);
        let (first, last) = Key::all(dir, kind::DIR_LOG);
        for (key, item) in log.range(first..=last) {
            let Some(end) = u64_le(item, 0) else { continue };
            let there = self.names(dir)?.iter();
            let there =
                there.filter(|(_, (index, to))| (key.offset..=end).contains(index) && to.kind == kind::INODE);
            let gone = there.filter(|(name, (index, _))| {
                let logged = log.get(&Key::new(dir, kind::DIR_INDEX, *index));
                let logged = logged.and_then(|item| Name::read(item).ok());
                logged.is_none_or(|logged| logged.name != name.as_slice())
            });
            let gone: Vec<Vec<u8>> = gone.map(|(name, _)| name.clone()).collect();
            for name in gone {
                self.unlink(dir, &name)?;
            }
        }
        Ok(())
    }

    fn unlink(&mut self, dir: u64, name: &[u8]) -> DiskResult<()> {
        let Some((index, location)) = self.names(dir)?.remove(name) else { return Ok(()) };
        self.change(Key::new(dir, kind::DIR_INDEX, index), None)?;
        let inode = location.object;
        for (key, item) in self.items(references_of(inode))? {
            let mut all = Reference::read_all(key, &item);
            let before = all.len();
            all.retain(|reference| (reference.dir, reference.name.as_slice()) != (dir, name));
            if all.len() < before {
                let left = (!all.is_empty()).then(|| write_references(key, &all));
                self.change(key, left)?;
            }
        }
        self.renamed.insert(inode);
        Ok(())
    }

    /// Gives an inode a name; whatever had that name or that place has none then.
    fn link(&mut self, dir: u64, index: u64, name: Name<'_>) -> DiskResult<()> {
        let is_same = (index, name.location);
        match self.names(dir)?.get(name.name) {
            Some(there) if *there == is_same => return Ok(()),
            Some((_, there)) if there.kind != kind::INODE => return Ok(()),
            Some(_) => self.unlink(dir, name.name)?,
            None => {}
        }
        let place = Key::new(dir, kind::DIR_INDEX, index);
        if let Some(item) = self.get(place)?
            && let Ok(other) = Name::read(&item)
        {
            self.unlink(dir, other.name)?;
        }
        self.change(place, Some(name.write()))?;
        self.names(dir)?.insert(name.name.to_vec(), (index, name.location));
        let inode = name.location.object;
        let reference = Reference { dir, index, name: name.name.to_vec() };
        let mut known = false;
        for (key, item) in self.items(references_of(inode))? {
            known |= Reference::read_all(key, &item).contains(&reference);
        }
        if !known {
            let key = Key::new(inode, kind::INODE_REF, dir);
            let mut all = self.get(key)?.map_or_else(Vec::new, |item| Reference::read_all(key, &item));
            all.push(reference);
            self.change(key, Some(write_references(key, &all)))?;
        }
        self.renamed.insert(inode);
        Ok(())
    }

    /// The names of an inode in one directory, as they were synced.
    fn references(&mut self, key: Key, item: &[u8]) -> DiskResult<()> {
        let logged = Reference::read_all(key, item);
        let is_there =
            |this: &Self, inode| this.get(Key::new(inode, kind::INODE, 0)).map(|found| found.is_some());
        if !is_there(self, key.object)? {
            return Ok(());
        }
        let before = self.get(key)?.map_or_else(Vec::new, |item| Reference::read_all(key, &item));
        let location = Key::new(key.object, kind::INODE, 0);
        for old in before.iter().filter(|old| !logged.contains(old)) {
            let same = self.names(old.dir)?.get(&old.name).is_some_and(|(_, there)| *there == location);
            if same && !logged.iter().any(|new| (new.dir, &new.name) == (old.dir, &old.name)) {
                self.unlink(old.dir, &old.name)?;
            }
        }
        for new in &logged {
            // The root directory is its own; others must be there.
            if new.name != b".." && is_there(self, new.dir)? {
                self.link(new.dir, new.index, Name { name: &new.name, location })?;
            }
        }
        Ok(())
    }

    /// Counts the names of an inode; without one it waits to be deleted.
    fn count_names(&mut self, inode: u64) -> DiskResult<()> {
        let key = Key::new(inode, kind::INODE, 0);
        let Some(mut item) = self.get(key)? else { return Ok(()) };
        let is_directory =
            Inode::read(inode, &item).is_none_or(|inode| inode.stat.file_type == FileType::Directory);
        if is_directory {
            return Ok(());
        }
        let all = self.items(references_of(inode))?;
        let count: usize = all.iter().map(|(key, item)| Reference::read_all(*key, item).len()).sum();
        copy_at(&mut item, 40, &u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        self.change(key, Some(item))?;
        if count == 0 {
            self.change(Key::new(object::ORPHANS, kind::ORPHAN, inode), Some(Vec::new()))?;
        }
        Ok(())
    }

    fn extent(&mut self, key: Key, item: &[u8]) -> DiskResult<()> {
        let end = self.extent_end(key, item)?;
        self.drop_extents(key.object, key.offset, end)?;
        self.change(key, Some(item.to_vec()))
    }

    /// Where an extent ends in its file.
    fn extent_end(&self, key: Key, item: &[u8]) -> DiskResult<u64> {
        let is_inline = u8_at(item, 20) == Some(0);
        let length = if is_inline { u64_le(item, 8) } else { u64_le(item, 45) };
        let sector = u64::from(self.volume.superblock.sector.max(1));
        let end = length.and_then(|length| key.offset.checked_add(length)?.checked_next_multiple_of(sector));
        end.ok_or_else(|| self.corrupt("an extent has an impossible length"))
    }

    /// Takes a range out of the extents of a file.
    fn drop_extents(&mut self, inode: u64, start: u64, end: u64) -> DiskResult<()> {
        for (key, item) in self.items(Key::all(inode, kind::EXTENT_DATA))? {
            let here = self.extent_end(key, &item)?;
            if here <= start || key.offset >= end {
                continue;
            }
            self.change(key, None)?;
            if u8_at(&item, 20) == Some(0) {
                continue;
            }
            if key.offset < start {
                let mut before = item.clone();
                copy_at(&mut before, 45, &(start - key.offset).to_le_bytes());
                self.change(key, Some(before))?;
            }
            if here > end {
                let mut after = item;
                // What is no hole begins further into what is stored.
                let skip = u64_le(&after, 37).unwrap_or(0).saturating_add(end - key.offset);
                if u64_le(&after, 21) != Some(0) {
                    copy_at(&mut after, 37, &skip.to_le_bytes());
                }
                copy_at(&mut after, 45, &(here - end).to_le_bytes());
                self.change(Key { offset: end, ..key }, Some(after))?;
            }
        }
        Ok(())
    }
}

/// Where the names of an inode are kept.
fn references_of(inode: u64) -> (Key, Key) {
    (Key::new(inode, kind::INODE_REF, 0), Key::new(inode, kind::INODE_EXTREF, u64::MAX))
}

fn write_references(key: Key, all: &[Reference]) -> Vec<u8> {
    let is_long = key.kind == kind::INODE_EXTREF;
    all.iter().flat_map(|reference| reference.write(is_long)).collect()
}

fn copy(to: &mut [u8], from: &[u8], range: std::ops::Range<usize>) {
    if let Some(bytes) = from.get(range.clone()) {
        copy_at(to, range.start, bytes);
    }
}

fn copy_at(to: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(to) = to.get_mut(at..).and_then(|to| to.get_mut(..bytes.len())) {
        to.copy_from_slice(bytes);
    }
}
