//! Deleted files: inodes without a name that wait to be deleted (they were open),
//! subvolumes that are being deleted, and what the trees of former transactions had.
//!
//! Of the trees of former transactions the superblock keeps the last roots. Their
//! nodes may have been written over: that is no damage, there is then less to find.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};

use rustix::fs::FileType;

use super::directory::Reference;
use super::inode::Inode;
use super::key::{Key, kind, object, tree};
use super::node::Pointer;
use super::overlay::Tree;
use super::walk::Order;
use super::{Btrfs, ROOT_DIRECTORY, roots, space};
use crate::source::bytes::{u16_le, u64_le};
use crate::source::disk::DiskResult;
use crate::source::filesystem::{Content, DeletedFile, PieceSource};

/// The deepest path that is told in full.
const MAX_DEPTH: usize = 255;
/// Files that are remembered, so that each is told once.
const MAX_TOLD: usize = 1 << 20;

type Each<'e> = dyn FnMut(DeletedFile) -> ControlFlow<()> + 'e;

/// A search for deleted files.
struct Search<'s> {
    btrfs: &'s Btrfs,
    each: &'s mut Each<'s>,
    /// Tree, inode and generation.
    told: HashSet<(u64, u64, u64)>,
}

/// A tree whose files are deleted.
struct Old {
    id: u64,
    tree: Tree,
    /// The tree of roots that it is of, for the way to it.
    roots: Tree,
    /// Whether its extents are still its own.
    is_live: bool,
}

/// Gives all that is found; what former trees had is given as far as they are there.
pub(super) fn deleted(btrfs: &Btrfs, each: &mut Each<'_>) -> DiskResult<()> {
    let mut search = Search { btrfs, each: &mut |file| each(file), told: HashSet::new() };
    let volume = &btrfs.volume;
    let now = volume.roots.clone();
    let mut stopped = false;
    let mut all = Vec::new();
    let listed = roots::subvolumes(volume, &now, &mut |id, root| {
        all.push((id, root));
        Ok(ControlFlow::Continue(()))
    });
    let mut failed = listed.err();
    for (id, root) in all {
        let tree = btrfs.log.over(id, &root.tree);
        let old = Old { id, tree, roots: now.clone(), is_live: true };
        let found =
            if root.references == 0 { search.gone(&old, None, root.dropped) } else { search.orphans(&old) };
        match found {
            Ok(flow) => stopped |= flow.is_break(),
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
        if stopped {
            return Ok(());
        }
    }
    let mut former: Vec<Pointer> = volume.superblock.backups.iter().map(|backup| backup.roots).collect();
    former.retain(|roots| roots.generation < now.root.generation);
    former.sort_by_key(|roots| std::cmp::Reverse(roots.generation));
    for roots in former {
        if search.former(roots).is_break() {
            return Ok(());
        }
    }
    failed.map_or(Ok(()), Err)
}

impl Search<'_> {
    /// Inodes of a tree that wait to be deleted.
    fn orphans(&mut self, tree: &Old) -> DiskResult<ControlFlow<()>> {
        let mut flow = ControlFlow::Continue(());
        let volume = &self.btrfs.volume;
        volume.scan(&tree.tree, Key::all(object::ORPHANS, kind::ORPHAN), &mut |key, _| {
            // One that is gone already is no damage.
            if let Ok(inode) = self.btrfs.inode(&tree.tree, key.offset)
                && inode.stat.links == 0
            {
                flow = self.tell(tree, &inode);
            }
            Ok(flow)
        })?;
        Ok(flow)
    }

    /// What a former tree of roots had and the present one has not.
    fn former(&mut self, roots: Pointer) -> ControlFlow<()> {
        let volume = &self.btrfs.volume;
        if volume.try_node(&roots).is_err() {
            return ControlFlow::Continue(());
        }
        let roots = Tree::from(roots);
        let mut trees = Vec::new();
        // What cannot be read is gone.
        let _ = roots::subvolumes(volume, &roots, &mut |id, root| {
            trees.push((id, root));
            Ok(ControlFlow::Continue(()))
        });
        for (id, root) in trees.into_iter().filter(|(_, root)| root.references > 0) {
            let now = roots::find(volume, &volume.roots, id).ok().flatten();
            let now = now.filter(|now| now.references > 0).map(|now| self.btrfs.log.over(id, &now.tree));
            let old = Old { id, tree: root.tree, roots: roots.clone(), is_live: false };
            if now.as_ref().is_some_and(|now| now.root == old.tree.root && now.over.is_none()) {
                continue;
            }
            if let Ok(flow) = self.gone(&old, now.as_ref(), Key::MIN) {
                flow?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Files of an old tree, from a key on, that are not in the present one; only
    /// nodes that the two do not share are read.
    fn gone(&mut self, old: &Old, now: Option<&Tree>, from: Key) -> DiskResult<ControlFlow<()>> {
        let volume = &self.btrfs.volume;
        let mut waiting = vec![old.tree.root];
        let mut order = Order::default();
        while let Some(pointer) = waiting.pop() {
            if !order.admits(&pointer) || now.is_some_and(|now| self.is_shared(&pointer, &now.root)) {
                continue;
            }
            let Ok((node, _)) = volume.try_node(&pointer) else { continue };
            let first = node.not_above(from).saturating_sub(1);
            if !node.is_leaf() {
                waiting.extend((first..node.count()).rev().filter_map(|slot| node.child(slot)));
                continue;
            }
            for slot in first..node.count() {
                let (Some(key), Some(item)) = (node.key(slot), node.item(slot)) else { continue };
                if key.kind != kind::INODE || key < from {
                    continue;
                }
                let Some(inode) = Inode::read(key.object, item) else { continue };
                let present = now.and_then(|now| self.btrfs.inode(now, key.object).ok());
                if present.is_none_or(|present| present.generation != inode.generation)
                    && self.tell(old, &inode).is_break()
                {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Whether the present tree has a node of an old one.
    fn is_shared(&self, old: &Pointer, now: &Pointer) -> bool {
        let is_same = |now: &Pointer| (now.logical, now.generation) == (old.logical, old.generation);
        let mut here = *now;
        loop {
            if here.level <= old.level {
                return here.level == old.level && is_same(&here);
            }
            let Ok(node) = self.btrfs.volume.node(&here) else { return false };
            let slot = old.first.map_or(0, |first| node.not_above(first).saturating_sub(1));
            let Some(child) = node.child(slot) else { return false };
            here = child;
        }
    }

    fn tell(&mut self, tree: &Old, inode: &Inode) -> ControlFlow<()> {
        let id = (tree.id, inode.stat.ino, inode.generation);
        if inode.stat.file_type != FileType::RegularFile || self.told.contains(&id) {
            return ControlFlow::Continue(());
        }
        if self.told.len() < MAX_TOLD {
            self.told.insert(id);
        }
        let size = inode.stat.size.unwrap_or(0);
        let mut content = self.btrfs.content_of(&tree.tree, inode).unwrap_or_else(|error| {
            // What a former tree had may be gone; what is there still must be right.
            if tree.is_live {
                self.btrfs.volume.problems.add(error);
            }
            Content { size, pieces: Vec::new() }
        });
        if !tree.is_live {
            self.leave_free(&mut content);
        }
        let path = self.path(tree, inode.stat.ino);
        (self.each)(DeletedFile { path, stat: inode.stat, content })
    }

    /// Leaves of a content what no present extent has.
    fn leave_free(&self, content: &mut Content) {
        let volume = &self.btrfs.volume;
        let extents = self.btrfs.roots.get(volume, tree::EXTENTS).map(|root| root.tree);
        let is_free = |start: u64, length: u64| {
            let range: Range<u64> = start..start.saturating_add(length);
            extents
                .as_ref()
                .is_ok_and(|extents| space::is_used(volume, extents, &range).is_ok_and(|used| !used))
        };
        content.pieces.retain(|piece| match &piece.source {
            PieceSource::Stored(place) => is_free(place.offset, piece.length),
            PieceSource::Encoded(unit) => {
                unit.stored.iter().all(|(place, length)| is_free(place.offset, *length))
            }
            PieceSource::Unwritten | PieceSource::Inline(_) => true,
        });
    }

    /// The path of an inode, as far as an old tree has it; its number else.
    fn path(&self, tree: &Old, inode: u64) -> Vec<u8> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        let (mut files, mut id, mut at) = (tree.tree.clone(), tree.id, inode);
        for _ in 0..MAX_DEPTH {
            if at != ROOT_DIRECTORY {
                let Some((above, name)) = self.name_of(&files, at) else { break };
                names.push(name);
                at = above;
            } else if id != tree::FILES {
                let above = self.subvolume_name(&tree.roots, id);
                let Some((above, dir, name)) = above else { break };
                names.push(name);
                let Ok(Some(found)) = roots::find(&self.btrfs.volume, &tree.roots, above) else { break };
                (files, id, at) = (found.tree, above, dir);
            } else {
                break;
            }
        }
        if names.is_empty() {
            names.push(format!("inode {inode}").into_bytes());
        }
        names.reverse();
        names.join(&b'/')
    }

    /// The directory that an inode is in, and its name there; the first of several.
    fn name_of(&self, tree: &Tree, inode: u64) -> Option<(u64, Vec<u8>)> {
        let mut found = None;
        let range = (Key::new(inode, kind::INODE_REF, 0), Key::new(inode, kind::INODE_EXTREF, u64::MAX));
        let _ = self.btrfs.volume.scan(tree, range, &mut |key, item| {
            found = Reference::read_all(key, item).into_iter().next();
            Ok(ControlFlow::Break(()))
        });
        found.map(|reference| (reference.dir, reference.name))
    }

    /// The subvolume, the directory and the name under which another one hangs.
    fn subvolume_name(&self, roots: &Tree, id: u64) -> Option<(u64, u64, Vec<u8>)> {
        let mut found = None;
        let _ = self.btrfs.volume.scan(roots, Key::all(id, kind::ROOT_BACKREF), &mut |key, item| {
            let name = item.get(18..).and_then(|from| from.get(..usize::from(u16_le(item, 16)?)));
            found = u64_le(item, 0).zip(name).map(|(dir, name)| (key.offset, dir, name.to_vec()));
            Ok(ControlFlow::Break(()))
        });
        found.filter(|(_, _, name)| !name.is_empty() && !name.contains(&b'/'))
    }
}
