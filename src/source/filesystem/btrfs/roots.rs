//! The tree of roots: where each other tree begins, and how subvolumes hang
//! together.
//!
//! Specification: Btrfs documentation, "On-disk Format", sections "Root item" and
//! "Root ref".

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{PoisonError, RwLock};

use super::key::{Key, kind, object, tree};
use super::node::Pointer;
use super::overlay::Tree;
use super::volume::Volume;
use crate::source::bytes::{u8_at, u16_le, u32_le, u64_le};
use crate::source::disk::{DiskError, DiskResult};

/// Trees whose roots are kept.
const MAX_KEPT: usize = 1 << 16;

/// Where a tree begins.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) tree: Tree,
    /// 0 where it is being deleted.
    pub(super) references: u32,
    /// Where the deletion of it has come to.
    pub(super) dropped: Key,
}

impl Root {
    /// The root that an item describes.
    pub(super) fn read(item: &[u8]) -> Option<Self> {
        let pointer = Pointer::root(u64_le(item, 176)?, u64_le(item, 160)?, u8_at(item, 238)?);
        Some(Self { tree: pointer.into(), references: u32_le(item, 216)?, dropped: Key::read(item, 220)? })
    }
}

/// Roots that were looked up.
#[derive(Debug, Default)]
pub(super) struct Roots(RwLock<HashMap<u64, Root>>);

impl Roots {
    /// The root of a tree.
    pub(super) fn get(&self, volume: &Volume, id: u64) -> DiskResult<Root> {
        if let Some(root) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(root.clone());
        }
        let root = find(volume, &volume.roots, id)?;
        let root = root
            .ok_or_else(|| DiskError::corrupt(volume.roots.root.logical, format!("tree {id} is missing")))?;
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(id, root.clone());
        Ok(root)
    }
}

/// The root of a tree in a tree of roots; the last where there are several.
pub(super) fn find(volume: &Volume, roots: &Tree, id: u64) -> DiskResult<Option<Root>> {
    let (_, last) = Key::all(id, kind::ROOT);
    let found = volume.find_before(roots, last)?;
    let Some(found) = found.filter(|found| (found.key.object, found.key.kind) == (id, kind::ROOT)) else {
        return Ok(None);
    };
    let corrupt = || DiskError::corrupt(roots.root.logical, format!("the root of tree {id} is cut short"));
    Root::read(found.item()).map(Some).ok_or_else(corrupt)
}

/// Gives the trees of files that a tree of roots has.
pub(super) fn subvolumes(
    volume: &Volume,
    roots: &Tree,
    each: &mut dyn FnMut(u64, Root) -> DiskResult<ControlFlow<()>>,
) -> DiskResult<()> {
    let range = (Key::new(tree::FILES, kind::ROOT, 0), Key::new(tree::LAST, kind::ROOT, u64::MAX));
    volume.scan(roots, range, &mut |key, item| {
        let is_files = key.object == tree::FILES || (tree::FIRST..=tree::LAST).contains(&key.object);
        match Root::read(item).filter(|_| is_files && key.kind == kind::ROOT) {
            Some(root) => each(key.object, root),
            None => Ok(ControlFlow::Continue(())),
        }
    })
}

/// Whether a subvolume hangs where a name says. In a snapshot, names of subvolumes
/// that were below the original lead nowhere: the kernel shows empty directories.
pub(super) fn hangs(volume: &Volume, parent: u64, child: u64, dir: u64, name: &[u8]) -> DiskResult<bool> {
    let found = volume.find(&volume.roots, Key::new(parent, kind::ROOT_REF, child))?;
    Ok(found.is_some_and(|found| {
        let item = found.item();
        let length = u16_le(item, 16).map_or(usize::MAX, usize::from);
        u64_le(item, 0) == Some(dir) && item.get(18..).and_then(|from| from.get(..length)) == Some(name)
    }))
}

/// The subvolume that a mount shows when none is asked for.
pub(super) fn default_subvolume(volume: &Volume) -> DiskResult<Option<u64>> {
    let mut found = None;
    let range = Key::all(object::ROOT_DIRECTORY, kind::DIR_ITEM);
    volume.scan(&volume.roots, range, &mut |_, item| {
        let length = u16_le(item, 27).map_or(usize::MAX, usize::from);
        if item.get(30..).and_then(|from| from.get(..length)) == Some(b"default") {
            found = Key::read(item, 0).map(|key| key.object);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}
