//! Trees with changes laid over them in memory, as the log of what was synced makes
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::key::Key;
use super::node::Pointer;

/// Items by their keys; `None`: the item of the tree below is gone.
#[derive(Debug, Default)]
pub(super) struct Overlay(BTreeMap<Key, Option<Arc<[u8]>>>);

impl Overlay {
    pub(super) fn put(&mut self, key: Key, item: impl Into<Arc<[u8]>>) {
        self.0.insert(key, Some(item.into()));
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.0.insert(key, None);
    }

    /// What lies over an item: `Some(None)` where it is gone.
    pub(super) fn get(&self, key: Key) -> Option<Option<&Arc<[u8]>>> {
        self.0.get(&key).map(Option::as_ref)
    }

    /// Items from one key up to another, both included.
    pub(super) fn range(&self, from: Key, to: Key) -> impl DoubleEndedIterator<Item = (Key, &Arc<[u8]>)> {
        let range = (from <= to).then(|| self.0.range(from..=to));
        range.into_iter().flatten().filter_map(|(key, item)| Some((*key, item.as_ref()?)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A tree: where its root is, and what lies over it.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) root: Pointer,
    pub(super) over: Option<Arc<Overlay>>,
}

impl From<Pointer> for Tree {
    fn from(root: Pointer) -> Self {
        Self { root, over: None }
    }
}
