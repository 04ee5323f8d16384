//! Thin pools: volumes whose blocks are mapped by a B-tree.
//!
//! Format: `drivers/md/dm-thin-metadata.c` (superblock, the tree of trees from
//! device to block to place) and `drivers/md/persistent-data/dm-btree-internal.h`
//! (nodes) of the Linux kernel. Nodes are read when they are needed, through a
//! cache, each held against its checksum and its own number.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::source::bytes::{array, u32_le, u64_le};
use crate::source::disk::{Disk, DiskError, DiskResult, read_exact, read_vec};

/// Bytes of a block of the metadata.
const NODE: u64 = 4096;
/// What the checksums are mixed with (`SUPERBLOCK_CSUM_XOR`, `BTREE_CSUM_XOR`).
const SUPERBLOCK_XOR: u32 = 160_774;
const NODE_XOR: u32 = 121_107;
/// The deepest tree: far above what 2^32 leaves need.
const MAX_DEPTH: usize = 12;
/// How many leaves a search for the next mapped block may find empty.
const MAX_EMPTY: usize = 16;
/// The most blocks of a pool whose use is told: a bit each, 16 MiB.
const MAX_BLOCKS: u64 = 1 << 27;
/// The most ranges that are told.
const MAX_RANGES: usize = 1 << 20;
/// The largest metadata: dm-thin stops a little below 16 GiB.
const MAX_NODES: u64 = 1 << 22;

/// A pool.
#[derive(Debug)]
pub(super) struct Pool {
    metadata: Arc<dyn Disk>,
    /// The node with number `n` can only be in place `n % NODES`.
    nodes: Vec<Slot>,
    data: Arc<dyn Disk>,
    /// Bytes of a block of data.
    block: u64,
    /// The tree of trees.
    root: u64,
}

/// How many nodes a pool keeps, and the memory that it takes with them.
const NODES: u64 = 128;
pub(super) const MEMORY: usize = 1 << 20;

/// A node by its number.
type Slot = Mutex<Option<(u64, Arc<Node>)>>;

/// A node of a tree: keys in order, each with its value.
#[derive(Debug)]
struct Node {
    internal: bool,
    entries: Vec<(u64, u64)>,
}

/// Where a search ended.
struct Leaf {
    /// The leaf; `None` where every key is greater.
    node: Option<Arc<Node>>,
    /// The first key of the leaf behind it, where there is one.
    next: Option<u64>,
}

impl Leaf {
    fn entries(&self) -> &[(u64, u64)] {
        self.node.as_ref().map_or(&[], |node| &node.entries)
    }
}

impl Pool {
    /// Reads the superblock.
    pub(super) fn open(metadata: Arc<dyn Disk>, data: Arc<dyn Disk>) -> DiskResult<Self> {
        let superblock = read_vec(&*metadata, 0, 4096)?;
        let corrupt = |message: &'static str| DiskError::corrupt(0, message);
        if u64_le(&superblock, 32) != Some(27_022_010) {
            return Err(corrupt("a thin pool's metadata has no superblock"));
        }
        if !is_sound(&superblock, SUPERBLOCK_XOR) {
            return Err(corrupt("the checksum of a thin pool's superblock is wrong"));
        }
        if !matches!(u32_le(&superblock, 40), Some(1 | 2)) {
            return Err(DiskError::unsupported(0, "a thin pool of another version"));
        }
        let block = u64::from(u32_le(&superblock, 336).unwrap_or(0)).saturating_mul(512);
        if block == 0 || block > 1 << 30 {
            return Err(corrupt("the blocks of a thin pool have a size that cannot be"));
        }
        let root = u64_le(&superblock, 320).unwrap_or(0);
        let nodes = (0..NODES).map(|_| Mutex::default()).collect();
        Ok(Self { metadata, nodes, data, block, root })
    }

    fn node(&self, number: u64) -> DiskResult<Arc<Node>> {
        let slot = usize::try_from(number % NODES).ok().and_then(|at| self.nodes.get(at));
        let lock = |slot: &'_ Slot| slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((held, node)) = slot.and_then(lock)
            && held == number
        {
            return Ok(node);
        }
        let node = Arc::new(self.read_node(number)?);
        if let Some(slot) = slot {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, Arc::clone(&node)));
        }
        Ok(node)
    }

    fn read_node(&self, number: u64) -> DiskResult<Node> {
        let offset = number.saturating_mul(NODE);
        let corrupt = |message: &'static str| DiskError::corrupt(offset, message);
        let bytes = read_vec(&*self.metadata, offset, 4096)?;
        if !is_sound(&bytes, NODE_XOR) || u64_le(&bytes, 8) != Some(number) {
            return Err(corrupt("a node of a thin pool's tree is damaged"));
        }
        let field =
            |at| u32_le(&bytes, at).and_then(|field| usize::try_from(field).ok()).unwrap_or(usize::MAX);
        let (count, most, value) = (field(16), field(20), field(24));
        // 32 bytes of header, the keys, and the values behind room for all keys.
        if count > most || most > (4096 - 32) / 16 || value != 8 {
            return Err(corrupt("a node of a thin pool's tree cannot be"));
        }
        let mut entries = Vec::with_capacity(count);
        for at in 0..count {
            let (Some(key), Some(value)) =
                (u64_le(&bytes, 32 + 8 * at), u64_le(&bytes, 32 + 8 * (most + at)))
            else {
                return Err(corrupt("a node of a thin pool's tree cannot be"));
            };
            if entries.last().is_some_and(|(before, _)| *before >= key) {
                return Err(corrupt("the keys of a thin pool's tree are not in order"));
            }
            entries.push((key, value));
        }
        Ok(Node { internal: u32_le(&bytes, 4).unwrap_or(0) & 1 != 0, entries })
    }

    /// The leaf in which a key is or would be.
    fn leaf(&self, root: u64, key: u64) -> DiskResult<Leaf> {
        let mut number = root;
        let mut next = None;
        for _ in 0..MAX_DEPTH {
            let node = self.node(number)?;
            if !node.internal {
                return Ok(Leaf { node: Some(node), next });
            }
            // The last child whose first key is not greater.
            let after = node.entries.partition_point(|(other, _)| *other <= key);
            next = node.entries.get(after).map(|(key, _)| *key).or(next);
            match after.checked_sub(1).and_then(|at| node.entries.get(at)) {
                Some((_, child)) => number = *child,
                None => return Ok(Leaf { node: None, next }),
            }
        }
        Err(DiskError::corrupt(root.saturating_mul(NODE), "a thin pool's tree is deeper than can be"))
    }

    fn lookup(&self, root: u64, key: u64) -> DiskResult<Option<u64>> {
        let leaf = self.leaf(root, key)?;
        let entries = leaf.entries();
        let at = entries.binary_search_by_key(&key, |(key, _)| *key);
        Ok(at.ok().and_then(|at| entries.get(at)).map(|(_, value)| *value))
    }

    /// The numbers of its volumes' trees, from the tree of trees. At most `most`.
    fn walk(&self, root: u64, seen: &mut Bits, each: &mut dyn FnMut(u64, u64)) -> Vec<DiskError> {
        let mut errors = Vec::new();
        let mut waiting = vec![(root, 0)];
        while let Some((number, depth)) = waiting.pop() {
            // Snapshots share nodes; a cycle ends here too.
            if !seen.set(number) || depth > MAX_DEPTH {
                continue;
            }
            match self.node(number) {
                Ok(node) if node.internal => {
                    waiting.extend(node.entries.iter().map(|(_, child)| (*child, depth + 1)));
                }
                Ok(node) => node.entries.iter().for_each(|(key, value)| each(*key, *value)),
                Err(error) if errors.len() < 16 => errors.push(error),
                Err(_) => {}
            }
        }
        errors
    }

    /// The ranges of the pool's data that a volume uses, for telling what is left,
    /// and what is wrong with the trees. `None` where there are too many.
    pub(super) fn used(&self) -> (Option<Vec<Range<u64>>>, Vec<DiskError>) {
        let blocks = self.data.size() / self.block;
        let nodes = self.metadata.size() / NODE;
        if blocks > MAX_BLOCKS || nodes > MAX_NODES {
            return (
                None,
                vec![DiskError::over_budget(0, "a thin pool too large to tell its unused blocks")],
            );
        }
        let mut used = Bits::new(blocks);
        let mut seen = Bits::new(nodes);
        let mut trees = Vec::new();
        let mut errors = self.walk(self.root, &mut seen, &mut |_, tree| trees.push(tree));
        for tree in trees {
            let mut past = false;
            errors.extend(self.walk(tree, &mut seen, &mut |_, value| {
                let block = value >> 24;
                past |= block >= blocks;
                used.set(block);
            }));
            if past {
                let message = "a thin volume's blocks lie past the end of its pool";
                errors.push(DiskError::corrupt(tree.saturating_mul(NODE), message));
            }
        }
        errors.truncate(64);
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for number in 0..blocks {
            if !used.get(number) {
                continue;
            }
            let start = number.saturating_mul(self.block);
            let end = start.saturating_add(self.block);
            let at_most = ranges.len() >= MAX_RANGES;
            match ranges.last_mut() {
                Some(last) if last.end == start => last.end = end,
                Some(last) if at_most => {
                    // What comes behind is all told as used.
                    last.end = self.data.size();
                    let message = "more unused ranges of a thin pool than are told";
                    errors.push(DiskError::over_budget(start, message));
                    break;
                }
                _ => ranges.push(start..end),
            }
        }
        (Some(ranges), errors)
    }
}

/// A set of small numbers.
struct Bits(Vec<u64>, u64);

impl Bits {
    fn new(count: u64) -> Self {
        Self(vec![0; usize::try_from(count.div_ceil(64)).unwrap_or(0)], count)
    }

    /// Whether it was not in the set, and could be.
    fn set(&mut self, number: u64) -> bool {
        let bit = 1_u64 << (number % 64);
        let word = usize::try_from(number / 64).ok().and_then(|at| self.0.get_mut(at));
        match word {
            Some(word) if number < self.1 && *word & bit == 0 => {
                *word |= bit;
                true
            }
            _ => false,
        }
    }

    fn get(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok().and_then(|at| self.0.get(at));
        word.is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

/// Holds a block against its checksum: CRC-32C of all behind it, not inverted.
fn is_sound(block: &[u8], xor: u32) -> bool {
    let sum = block.get(4..).map(|rest| !crc32c::crc32c(rest) ^ xor);
    sum == u32_le(block, 0) && array::<4>(block, 0).is_some()
}

/// A thin volume.
#[derive(Debug)]
pub(super) struct Thin {
    pool: Arc<Pool>,
    /// Its tree; `None` where the pool does not know it yet: nothing was written.
    root: Option<u64>,
    size: u64,
    /// What shows through where nothing was written.
    origin: Option<Arc<dyn Disk>>,
}

impl Thin {
    /// The volume with a number.
    pub(super) fn open(
        pool: Arc<Pool>,
        device: u64,
        size: u64,
        origin: Option<Arc<dyn Disk>>,
    ) -> DiskResult<Self> {
        let root = pool.lookup(pool.root, device)?;
        Ok(Self { pool, root, size, origin })
    }

    /// Fills bytes that no block is mapped for.
    fn unmapped(&self, bytes: &mut [u8], at: u64) -> DiskResult<()> {
        let filled = match &self.origin {
            Some(origin) => origin.read_at(bytes, at)?,
            None => 0,
        };
        bytes.get_mut(filled..).unwrap_or_default().fill(0);
        Ok(())
    }

    /// The first mapped run of blocks at or after one, as far as its leaf tells.
    fn next_run(&self, root: u64, from: u64) -> DiskResult<Option<Range<u64>>> {
        let mut from = from;
        for _ in 0..MAX_EMPTY {
            let leaf = self.pool.leaf(root, from)?;
            let after = leaf.entries().partition_point(|(key, _)| *key < from);
            let mut entries = leaf.entries().get(after..).unwrap_or_default().iter();
            if let Some((start, _)) = entries.next() {
                let mut end = start.saturating_add(1);
                while entries.next().is_some_and(|(key, _)| *key == end) {
                    end = end.saturating_add(1);
                }
                return Ok(Some(*start..end));
            }
            match leaf.next.filter(|next| *next > from) {
                Some(next) => from = next,
                None => return Ok(None),
            }
        }
        Ok(Some(from..u64::MAX))
    }
}

impl Disk for Thin {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(left);
        let block = self.pool.block;
        let mut done = 0;
        while done < wanted {
            let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            let inside = at % block;
            let length = usize::try_from(block - inside).unwrap_or(usize::MAX).min(wanted - done);
            let here = bytes.get_mut(done..done.saturating_add(length)).unwrap_or_default();
            let value = match self.root {
                Some(root) => self.pool.lookup(root, at / block),
                None => Ok(None),
            };
            let read = value.and_then(|value| match value {
                // The place is in the upper bits, the time of the mapping below.
                Some(value) => {
                    let from = (value >> 24).saturating_mul(block).saturating_add(inside);
                    read_exact(&*self.pool.data, here, from)
                }
                None => self.unmapped(here, at),
            });
            read.map_err(|error| DiskError { offset: at, ..error })?;
            done += length;
        }
        Ok(done)
    }

    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        if from >= self.size {
            return Ok(None);
        }
        let origin = match &self.origin {
            Some(origin) => origin.next_data(from)?.filter(|range| range.start < self.size),
            None => None,
        };
        let origin = origin.map(|range| range.start..range.end.min(self.size));
        let Some(root) = self.root else { return Ok(origin) };
        let block = self.pool.block;
        let run = self.next_run(root, from / block).map_err(|error| DiskError { offset: from, ..error })?;
        let run = run.map(|run| {
            let start = run.start.saturating_mul(block).max(from).min(self.size);
            start..run.end.saturating_mul(block).min(self.size).max(start)
        });
        let run = run.filter(|range| !range.is_empty());
        Ok([origin, run].into_iter().flatten().min_by_key(|range| range.start))
    }
}
