//! B-trees: those of an allocation group (free space, inodes) and those of the extents
//! of a file.
//!
//! Follows "XFS Algorithms & Data Structures", part III, "Variable Length Record
//! B+trees".

use std::ops::ControlFlow;

use crate::source::bytes::{u16_be, u32_be, u64_be};
use crate::source::disk::{DiskError, DiskResult, read_vec};

use super::Xfs;
use super::block::Seal;

/// What kind of B-tree a node belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    /// For messages.
    pub(super) name: &'static str,
    /// The magic numbers of its nodes in versions 4 and 5.
    pub(super) magic: [u32; 2],
    /// Block numbers have 8 bytes and count through the filesystem; else 4 bytes, and
    /// they count through the allocation group.
    pub(super) is_long: bool,
    /// Bytes of a record and of a key.
    pub(super) record: usize,
    /// As above.
    pub(super) key: usize,
}

impl Tree {
    /// Extents of a file.
    pub(super) const EXTENTS: Self = Self {
        name: "tree of extents",
        magic: [0x424d_4150, 0x424d_4133],
        is_long: true,
        record: 16,
        key: 8,
    };
    /// Free space by block number.
    pub(super) const FREE: Self = Self {
        name: "tree of free space",
        magic: [0x4142_5442, 0x4142_3342],
        is_long: false,
        record: 8,
        key: 8,
    };
    /// Chunks of inodes.
    pub(super) const INODES: Self = Self {
        name: "tree of inodes",
        magic: [0x4941_4254, 0x4941_4233],
        is_long: false,
        record: 16,
        key: 4,
    };

    /// Bytes of a block number in a node.
    pub(super) fn pointer(self) -> usize {
        if self.is_long { 8 } else { 4 }
    }
}

/// The highest tree: levels above the leaves. The kernel has at most 9.
const MAX_LEVEL: u16 = 12;

/// A node that has been read and checked.
#[derive(Debug)]
struct Node {
    bytes: Vec<u8>,
    level: u16,
    count: usize,
    header: usize,
}

impl Xfs {
    fn node(&self, tree: Tree, offset: u64, level: u16) -> DiskResult<Node> {
        let length = usize::try_from(self.geometry.block_size()).unwrap_or(0);
        let bytes = read_vec(&self.metadata, offset, length)?;
        let wrong = |what: &str| DiskError::corrupt(offset, format!("{}: {what}", tree.name));
        let is_new = self.geometry.version == 5;
        let magic = if is_new { tree.magic[1] } else { tree.magic[0] };
        if u32_be(&bytes, 0) != Some(magic) {
            return Err(wrong("a block is no node of it"));
        }
        self.check(&bytes, offset, if tree.is_long { Seal::LONG_TREE } else { Seal::SHORT_TREE }, tree.name)?;
        let header = match (tree.is_long, is_new) {
            (true, true) => 72,
            (true, false) => 24,
            (false, true) => 56,
            (false, false) => 16,
        };
        let found = u16_be(&bytes, 4).unwrap_or(u16::MAX);
        let count = usize::from(u16_be(&bytes, 6).unwrap_or(0));
        let each = if found == 0 { tree.record } else { tree.key + tree.pointer() };
        if found != level {
            return Err(wrong("a node is at the wrong level"));
        }
        if count > length.saturating_sub(header) / each {
            return Err(wrong("a node has more records than fit"));
        }
        Ok(Node { bytes, level, count, header })
    }

    /// Offset of a node by its number in a parent.
    fn node_at(&self, ag: u64, tree: Tree, number: u64) -> DiskResult<u64> {
        let at = if tree.is_long { self.geometry.at(number, 1) } else { self.geometry.in_ag(ag, number) };
        at.ok_or_else(|| {
            DiskError::corrupt(0, format!("{}: a node lies outside of the filesystem", tree.name))
        })
    }

    /// Gives the records of the leaves below nodes, in order, as they are stored.
    ///
    /// `each` must fail on a record that does not come after the one before: that,
    /// and that no leaf is empty but the only one, is what ends the walk in a damaged
    /// tree that leads to a node twice.
    pub(super) fn records(
        &self,
        (ag, tree): (u64, Tree),
        roots: &[u64],
        level: u16,
        each: &mut dyn FnMut(&[u8]) -> DiskResult<ControlFlow<()>>,
    ) -> DiskResult<()> {
        if level > MAX_LEVEL {
            return Err(DiskError::corrupt(0, format!("{}: is higher than any can be", tree.name)));
        }
        let mut waiting: Vec<(u64, u16)> = roots.iter().rev().map(|root| (*root, level)).collect();
        while let Some((number, level)) = waiting.pop() {
            let offset = self.node_at(ag, tree, number)?;
            let node = self.node(tree, offset, level)?;
            let is_only = roots.len() == 1 && waiting.is_empty() && !tree.is_long;
            if node.count == 0 && !is_only {
                return Err(DiskError::corrupt(offset, format!("{}: a node is empty", tree.name)));
            }
            if node.level == 0 {
                let records = node.bytes.get(node.header..).unwrap_or_default();
                for record in records.chunks_exact(tree.record).take(node.count) {
                    if each(record)?.is_break() {
                        return Ok(());
                    }
                }
                continue;
            }
            let room = node.bytes.len().saturating_sub(node.header) / (tree.key + tree.pointer());
            let pointers = node.bytes.get(node.header + room * tree.key..).unwrap_or_default();
            for pointer in pointers.chunks_exact(tree.pointer()).take(node.count).rev() {
                let number =
                    if tree.is_long { u64_be(pointer, 0) } else { u32_be(pointer, 0).map(u64::from) };
                waiting.push((number.unwrap_or(u64::MAX), node.level - 1));
            }
        }
        Ok(())
    }
}
