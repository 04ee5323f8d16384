//! Directories of the walk: names linked to their parents, and open handles.
//!
//! A path is built only where somebody wants to read it (a problem, a finding,
//! an exclude glob): a tree 50,000 levels deep has paths of 100 KB.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A directory by its name and its parent.
#[derive(Debug)]
pub struct DirNode {
    parent: Option<Arc<DirNode>>,
    name: Box<[u8]>,
    /// Whether its files are counted and not read: see [`super::super::test_content`].
    test_content: bool,
}

impl DirNode {
    /// The root of a walk; its path is `/`.
    #[must_use]
    pub fn root() -> Self {
        Self { parent: None, name: Box::default(), test_content: false }
    }

    /// A directory in another.
    #[must_use]
    pub fn child(parent: &Arc<Self>, name: &[u8], test_content: bool) -> Self {
        Self { parent: Some(Arc::clone(parent)), name: name.into(), test_content }
    }

    /// Whether its files are counted and not read.
    #[must_use]
    pub fn is_test_content(&self) -> bool {
        self.test_content
    }

    /// The names from the root down to this directory; none for the root.
    #[must_use]
    pub fn components(&self) -> Vec<&[u8]> {
        let mut names = Vec::new();
        let mut node = self;
        while let Some(parent) = &node.parent {
            names.push(&*node.name);
            node = parent;
        }
        names.reverse();
        names
    }

    /// The path of something in this directory, `/` first; with an empty name,
    /// the path of the directory itself.
    #[must_use]
    pub fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let mut path = Vec::with_capacity(64);
        for component in self.components() {
            path.push(b'/');
            path.extend_from_slice(component);
        }
        if !name.is_empty() || path.is_empty() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        path
    }
}

impl Drop for DirNode {
    /// Unlinks the chain of parents in a loop: the drop that the compiler makes
    /// would recurse as deep as the tree.
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(node) = next {
            match Arc::into_inner(node) {
                Some(mut last) => next = last.parent.take(),
                None => break,
            }
        }
    }
}

/// How many directory handles are open, to stay below the limit of descriptors.
#[derive(Debug)]
pub(super) struct HandleCount(AtomicUsize, usize);

impl HandleCount {
    pub(super) fn new(budget: usize) -> Self {
        Self(AtomicUsize::new(0), budget)
    }

    /// Whether so many are open that those that only wait should be closed.
    pub(super) fn is_over_budget(&self) -> bool {
        self.0.load(Ordering::Relaxed) > self.1
    }
}

/// An open directory.
#[derive(Debug)]
pub struct OpenDir {
    fd: OwnedFd,
    node: Arc<DirNode>,
    count: Arc<HandleCount>,
}

impl OpenDir {
    pub(super) fn new(fd: OwnedFd, node: Arc<DirNode>, count: &Arc<HandleCount>) -> Self {
        count.0.fetch_add(1, Ordering::Relaxed);
        Self { fd, node, count: Arc::clone(count) }
    }

    /// The root as a directory of its own, outside any walk.
    ///
    /// # Errors
    ///
    /// Where no more descriptors are to be had.
    pub fn of_root(root: &super::Root) -> Result<Self, rustix::io::Errno> {
        let fd = root.fd().try_clone_to_owned().map_err(|_| rustix::io::Errno::MFILE)?;
        Ok(Self::new(fd, Arc::new(DirNode::root()), &Arc::new(HandleCount::new(1))))
    }

    /// Its handle.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Its name and parents.
    #[must_use]
    pub fn node(&self) -> &Arc<DirNode> {
        &self.node
    }
}

impl Drop for OpenDir {
    fn drop(&mut self) {
        self.count.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_with_a_slash() {
        let root = Arc::new(DirNode::root());
        assert_eq!(root.path_of(b""), b"/");
        assert_eq!(root.path_of(b"x"), b"/x");
        let etc = Arc::new(DirNode::child(&root, b"etc", false));
        let ssh = DirNode::child(&etc, b"ssh", false);
        assert_eq!(ssh.path_of(b""), b"/etc/ssh");
        assert_eq!(ssh.path_of(b"\xff"), b"/etc/ssh/\xff");
        assert_eq!(ssh.components(), [b"etc".as_slice(), b"ssh"]);
    }

    #[test]
    fn a_deep_chain_is_dropped_without_recursion() {
        let mut node = Arc::new(DirNode::root());
        for _ in 0..1_000_000 {
            node = Arc::new(DirNode::child(&node, b"d", false));
        }
        drop(node);
    }
}
