//! Looking things up in a tree, and going over a range of it.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::key::Key;
use super::node::{Node, Pointer};
use super::volume::Volume;
use crate::source::disk::{DiskError, DiskResult};

/// An item that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) key: Key,
    node: Arc<Node>,
    slot: usize,
}

impl Found {
    /// Its bytes.
    pub(super) fn item(&self) -> &[u8] {
        self.node.item(self.slot).unwrap_or_default()
    }
}

impl Volume {
    /// The last item that is not above `key`.
    pub(super) fn find_before(&self, root: &Pointer, key: Key) -> DiskResult<Option<Found>> {
        let mut pointer = *root;
        // Each step leads to a lower level, of which there are eight.
        loop {
            let node = self.node(&pointer)?;
            let Some(slot) = node.not_above(key).checked_sub(1) else { return Ok(None) };
            if let Some(child) = node.child(slot) {
                pointer = child;
            } else {
                return Ok(node.key(slot).map(|key| Found { key, node, slot }));
            }
        }
    }

    /// The item with a key.
    pub(super) fn find(&self, root: &Pointer, key: Key) -> DiskResult<Option<Found>> {
        Ok(self.find_before(root, key)?.filter(|found| found.key == key))
    }

    /// Gives the items from one key up to another, both included, in order.
    ///
    /// # Errors
    ///
    /// The first node that cannot be read; the items of all others have been given
    /// by then. An error of `each` ends it.
    pub(super) fn scan(
        &self,
        root: &Pointer,
        (from, to): (Key, Key),
        each: &mut dyn FnMut(Key, &[u8]) -> DiskResult<ControlFlow<()>>,
    ) -> DiskResult<()> {
        let mut failed: Option<DiskError> = None;
        let mut last: Option<Key> = None;
        let start = |node: &Node| {
            let slot = node.not_above(from);
            // A pointer below may lead to keys above; so may an equal one.
            let exact = slot.checked_sub(1).filter(|slot| !node.is_leaf() || node.key(*slot) == Some(from));
            exact.unwrap_or(if node.is_leaf() { slot } else { 0 })
        };
        let root = self.node(root)?;
        let first = start(&root);
        // Levels fall from one to the next: there are eight at most.
        let mut path: Vec<(Arc<Node>, usize)> = vec![(root, first)];
        while let Some((node, slot)) = path.last_mut() {
            let Some(key) = node.key(*slot).filter(|key| *key <= to) else {
                // What is past the range in one node is so in those above it.
                if node.key(*slot).is_some() {
                    break;
                }
                path.pop();
                continue;
            };
            let here = *slot;
            *slot += 1;
            if let Some(child) = node.child(here) {
                match self.node(&child) {
                    Ok(child) => {
                        let first = start(&child);
                        path.push((child, first));
                    }
                    Err(error) => {
                        failed.get_or_insert(error);
                    }
                }
                continue;
            }
            if last.is_some_and(|last| last >= key) {
                return Err(DiskError::corrupt(node.logical, "the leaves of a tree are not in order"));
            }
            last = Some(key);
            if each(key, node.item(here).unwrap_or_default())?.is_break() {
                return Ok(());
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
