//! Looking things up in a tree, and going over a range of it.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::key::Key;
use super::node::{LEVELS, Node, Pointer};
use super::overlay::Tree;
use super::volume::Volume;
use crate::source::disk::{DiskError, DiskResult};

/// Whether the nodes of a tree are met in its order. Without that, nodes that share
/// what is below them could be met without an end.
#[derive(Debug, Default)]
pub(super) struct Order([Option<Key>; LEVELS]);

impl Order {
    /// Whether a node comes after those of its level that were met before.
    pub(super) fn admits(&mut self, to: &Pointer) -> bool {
        let Some(last) = self.0.get_mut(usize::from(to.level)) else { return false };
        let is_next = to.first.is_none() || *last < to.first;
        *last = to.first.max(*last);
        is_next
    }
}

/// What is done with an item.
type Each<'e> = dyn FnMut(Key, &[u8]) -> DiskResult<ControlFlow<()>> + 'e;

/// An item that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) key: Key,
    held: Held,
}

#[derive(Debug)]
enum Held {
    In(Arc<Node>, usize),
    Over(Arc<[u8]>),
}

impl Found {
    /// Its bytes.
    pub(super) fn item(&self) -> &[u8] {
        match &self.held {
            Held::In(node, slot) => node.item(*slot).unwrap_or_default(),
            Held::Over(item) => item,
        }
    }
}

impl Volume {
    /// The last item that is not above `key`.
    pub(super) fn find_before(&self, tree: &Tree, key: Key) -> DiskResult<Option<Found>> {
        let Some(over) = &tree.over else { return self.find_in_nodes(&tree.root, key) };
        let mut below = key;
        // Each step passes an item that something lies over.
        let found = loop {
            let found = self.find_in_nodes(&tree.root, below)?;
            let hidden = found.as_ref().map(|found| found.key).filter(|key| over.get(*key).is_some());
            let Some(hidden) = hidden else { break found };
            match hidden.before() {
                Some(before) => below = before,
                None => break None,
            }
        };
        let least = found.as_ref().map_or(Key::MIN, |found| found.key);
        let laid = over.range(least, key).next_back();
        Ok(laid.map(|(key, item)| Found { key, held: Held::Over(Arc::clone(item)) }).or(found))
    }

    fn find_in_nodes(&self, root: &Pointer, key: Key) -> DiskResult<Option<Found>> {
        let mut pointer = *root;
        // Each step leads to a lower level, of which there are eight.
        loop {
            let node = self.node(&pointer)?;
            let Some(slot) = node.not_above(key).checked_sub(1) else { return Ok(None) };
            if let Some(child) = node.child(slot) {
                pointer = child;
            } else {
                return Ok(node.key(slot).map(|key| Found { key, held: Held::In(node, slot) }));
            }
        }
    }

    /// The item with a key.
    pub(super) fn find(&self, tree: &Tree, key: Key) -> DiskResult<Option<Found>> {
        Ok(self.find_before(tree, key)?.filter(|found| found.key == key))
    }

    /// Gives the items from one key up to another, both included, in order.
    ///
    /// # Errors
    ///
    /// The first node that cannot be read; the items of all others have been given
    /// by then. An error of `each` ends it.
    pub(super) fn scan(&self, tree: &Tree, (from, to): (Key, Key), each: &mut Each<'_>) -> DiskResult<()> {
        let Some(over) = &tree.over else { return self.scan_nodes(&tree.root, (from, to), each) };
        let mut next = Some(from);
        let mut flow = ControlFlow::Continue(());
        let told = self.scan_nodes(&tree.root, (from, to), &mut |key, item| {
            for (key, item) in next.zip(key.before()).into_iter().flat_map(|(from, to)| over.range(from, to))
            {
                flow = each(key, item)?;
                if flow.is_break() {
                    return Ok(flow);
                }
            }
            next = key.after();
            flow = match over.get(key) {
                None => each(key, item)?,
                Some(Some(item)) => each(key, item)?,
                Some(None) => flow,
            };
            Ok(flow)
        });
        if flow.is_continue() {
            for (key, item) in next.into_iter().flat_map(|from| over.range(from, to)) {
                if each(key, item)?.is_break() {
                    break;
                }
            }
        }
        told
    }

    fn scan_nodes(&self, root: &Pointer, (from, to): (Key, Key), each: &mut Each<'_>) -> DiskResult<()> {
        let mut failed: Option<DiskError> = None;
        let mut last: Option<Key> = None;
        let mut order = Order::default();
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
                if !order.admits(&child) {
                    return Err(DiskError::corrupt(node.logical, "the nodes of a tree are not in order"));
                }
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
