//! An image in memory whose nodes can be changed so that their checksums hold.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use snapsift::source::disk::{Disk, DiskResult};

const BLOCK: u64 = 4096;
/// Bytes of the header of a node.
pub(crate) const HEADER: usize = 101;

/// An image of which only blocks that are not zero are kept. A copy costs only what
/// was changed in it.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) size: u64,
    base: Arc<BTreeMap<u64, [u8; 4096]>>,
    changed: BTreeMap<u64, [u8; 4096]>,
    node: usize,
}

impl Disk for Image {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let length = bytes.len().min(usize::try_from(self.size.saturating_sub(offset)).expect("a size"));
        let mut filled = 0;
        while filled < length {
            let at = offset + filled as u64;
            let within = (at % BLOCK) as usize;
            let part = (length - filled).min(4096 - within);
            let block = self.changed.get(&(at / BLOCK)).or_else(|| self.base.get(&(at / BLOCK)));
            match block {
                Some(block) => bytes[filled..filled + part].copy_from_slice(&block[within..within + part]),
                None => bytes[filled..filled + part].fill(0),
            }
            filled += part;
        }
        Ok(length)
    }
}

/// A key: object, kind, offset.
pub(crate) type Key = (u64, u8, u64);

impl Image {
    pub(crate) fn read(path: &Path, node: u32) -> Self {
        let file = File::open(path).expect("an image");
        let size = file.metadata().expect("facts").len();
        let mut base = BTreeMap::new();
        let mut piece = vec![0; 1 << 20];
        let mut at = 0;
        while at < size {
            let length = piece.len().min((size - at) as usize);
            file.read_exact_at(&mut piece[..length], at).expect("bytes");
            for (number, block) in piece[..length].chunks_exact(4096).enumerate() {
                if block.iter().any(|byte| *byte != 0) {
                    base.insert(at / BLOCK + number as u64, block.try_into().expect("a block"));
                }
            }
            at += length as u64;
        }
        Self { size, base: Arc::new(base), changed: BTreeMap::new(), node: node as usize }
    }

    pub(crate) fn bytes(&self, at: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        assert_eq!(self.read_at(&mut bytes, at).expect("bytes"), length);
        bytes
    }

    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) {
        for (number, byte) in bytes.iter().enumerate() {
            let at = at + number as u64;
            let base = self.base.get(&(at / BLOCK)).copied().unwrap_or([0; 4096]);
            self.changed.entry(at / BLOCK).or_insert(base)[(at % BLOCK) as usize] = *byte;
        }
    }

    /// Where nodes lie that were written with a right checksum, all copies.
    pub(crate) fn nodes(&self) -> Vec<u64> {
        let superblock = self.bytes(65536, 4096);
        let is_node = |at: u64| {
            let bytes = self.bytes(at, self.node);
            bytes[32..48] == superblock[32..48] && bytes[..4] == crc32c::crc32c(&bytes[32..]).to_le_bytes()
        };
        let last = self.size.saturating_sub(self.node as u64);
        let starts = self.base.keys().map(|block| block * BLOCK).filter(|at| *at <= last);
        // A superblock has the UUID at the same place.
        let starts = starts.filter(|at| ![65536, 64 << 20].contains(at));
        starts.filter(|at| is_node(*at)).collect()
    }

    /// The nodes of a tree that are not outdated.
    pub(crate) fn nodes_of(&self, owner: u64) -> Vec<u64> {
        let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
        let nodes = self.nodes();
        for at in &nodes {
            let held = newest.entry(self.number(*at + 48)).or_default();
            *held = (*held).max(self.number(*at + 80));
        }
        let is_new = |at: &u64| newest[&self.number(*at + 48)] == self.number(*at + 80);
        nodes.into_iter().filter(|at| self.number(*at + 88) == owner && is_new(at)).collect()
    }

    pub(crate) fn number(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.bytes(at, 8).try_into().expect("eight"))
    }

    /// Makes the checksum of a node right.
    pub(crate) fn seal(&mut self, at: u64) {
        let bytes = self.bytes(at, self.node);
        self.write(at, &crc32c::crc32c(&bytes[32..]).to_le_bytes());
    }

    /// Makes the checksum of the superblocks right.
    pub(crate) fn seal_superblocks(&mut self) {
        let size = self.size;
        for at in [65536, 64 << 20].into_iter().filter(|at| at + 4096 <= size) {
            let bytes = self.bytes(at, 4096);
            self.write(at, &crc32c::crc32c(&bytes[32..]).to_le_bytes());
        }
    }

    /// The items of a leaf: key, where it is, how long.
    pub(crate) fn items(&self, node: u64) -> Vec<(Key, u64, usize)> {
        let bytes = self.bytes(node, self.node);
        if bytes[100] != 0 {
            return Vec::new();
        }
        let count = u32::from_le_bytes(bytes[96..100].try_into().expect("four")) as usize;
        let item = |number: usize| {
            let at = &bytes[HEADER + number * 25..];
            let number = |from: usize| u64::from_le_bytes(at[from..from + 8].try_into().expect("eight"));
            let short = |from: usize| u32::from_le_bytes(at[from..from + 4].try_into().expect("four"));
            let place = node + HEADER as u64 + u64::from(short(17));
            ((number(0), at[8], number(9)), place, short(21) as usize)
        };
        (0..count).map(item).collect()
    }

    /// Changes the item with a key in all copies of its leaf; returns in how many.
    pub(crate) fn change(&mut self, owner: u64, key: Key, change: impl Fn(&mut Vec<u8>)) -> usize {
        let mut changed = 0;
        for node in self.nodes_of(owner) {
            for (here, at, length) in self.items(node) {
                if here == key {
                    let mut item = self.bytes(at, length);
                    change(&mut item);
                    assert_eq!(item.len(), length, "an item keeps its length");
                    self.write(at, &item);
                    self.seal(node);
                    changed += 1;
                }
            }
        }
        changed
    }

    /// All items of a kind in a tree.
    pub(crate) fn keys(&self, owner: u64, kind: u8) -> Vec<Key> {
        let nodes = self.nodes_of(owner);
        let mut keys: Vec<Key> = nodes
            .into_iter()
            .flat_map(|node| self.items(node))
            .map(|(key, ..)| key)
            .filter(|key| key.1 == kind)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}
