//! The devices of a filesystem as one: addresses, copies, and nodes by their
//! address.
//!
//! A node is read from the first copy that is right; a copy that is wrong is
//! counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::chunk::Chunks;
use super::node::{Node, Pointer};
use super::overlay::Tree;
use super::superblock::Superblock;
use crate::source::disk::{Disk, DiskError, DiskResult, read_exact};
use crate::source::filesystem::{Place, Problems};

/// Nodes that are kept, in bytes.
const KEPT: usize = 32 << 20;

/// A device that is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Device {
    /// Which of the disks.
    pub(super) disk: u16,
    /// It missed the last commits.
    pub(super) stale: bool,
    /// Bytes that the filesystem may use.
    pub(super) size: u64,
}

/// A device's number and UUID.
pub(super) type DeviceId = (u64, [u8; 16]);

/// Where a range of addresses lies: on each of these places, all of it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) length: u64,
    /// Those whose device is there; the best first.
    pub(super) copies: Vec<Place>,
}

/// All that nodes and data are read with.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) disks: Vec<Arc<dyn Disk>>,
    pub(super) superblock: Superblock,
    pub(super) devices: HashMap<DeviceId, Device>,
    pub(super) chunks: Chunks,
    /// The root of the tree of roots.
    pub(super) roots: Tree,
    /// Those that a node may have: its own, and that of a filesystem it grew from.
    uuids: Vec<[u8; 16]>,
    pub(super) problems: Problems,
    nodes: Vec<Mutex<Option<Arc<Node>>>>,
}

impl Volume {
    pub(super) fn new(
        disks: Vec<Arc<dyn Disk>>,
        superblock: Superblock,
        devices: HashMap<DeviceId, Device>,
        uuids: Vec<[u8; 16]>,
    ) -> Self {
        let slots = (KEPT / size(superblock.node)).max(1);
        let (chunks, wrong) = Chunks::of_superblock(&superblock.system_chunks);
        let problems = Problems::default();
        if let Some(message) = wrong {
            problems.add(DiskError::corrupt(superblock.offset, message));
        }
        let nodes = std::iter::repeat_with(Mutex::default).take(slots).collect();
        Self { disks, roots: superblock.roots.into(), superblock, devices, chunks, uuids, problems, nodes }
    }

    /// Where up to `length` bytes from an address on lie.
    pub(super) fn run(&self, logical: u64, length: u64) -> DiskResult<Run> {
        let Some(chunk) = self.chunks.get(logical) else {
            return Err(DiskError::corrupt(logical, "an address lies in no chunk"));
        };
        let located = chunk.locate(logical);
        let devices = located.stripes.iter().filter_map(|stripe| {
            let device = self.devices.get(&(stripe.device, stripe.uuid))?;
            let offset = stripe.offset.saturating_add(located.within);
            Some((device.stale, Place { disk: device.disk, offset }))
        });
        let mut copies: Vec<(bool, Place)> = devices.collect();
        // Stable: of equal ones the first is the first.
        copies.sort_by_key(|(stale, _)| *stale);
        if copies.is_empty() {
            return Err(DiskError::unsupported(logical, "lies on a device that is missing"));
        }
        let copies = copies.into_iter().map(|(_, place)| place).collect();
        Ok(Run { length: located.length.min(length), copies })
    }

    /// Fills `bytes` from one copy of what lies at an address; returns where that
    /// copy begins, and how many copies there are. `None`: there is no such copy.
    fn read_copy(&self, bytes: &mut [u8], logical: u64, copy: usize) -> DiskResult<Option<Place>> {
        let mut begin = None;
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = logical.saturating_add(long(filled));
            let run = self.run(at, long(rest.len()))?;
            let Some(place) = run.copies.get(copy) else { return Ok(None) };
            let length = size(run.length).min(rest.len());
            if let Some(part) = rest.get_mut(..length) {
                self.read_place(part, *place)?;
            }
            begin = begin.or(Some(*place));
            filled += length.max(1);
        }
        Ok(begin)
    }

    pub(super) fn read_place(&self, bytes: &mut [u8], place: Place) -> DiskResult<()> {
        let disk = self.disks.get(usize::from(place.disk));
        let disk = disk.ok_or_else(|| DiskError::unsupported(place.offset, "there is no such disk"))?;
        read_exact(&**disk, bytes, place.offset)
    }

    fn slot(&self, logical: u64) -> Option<&Mutex<Option<Arc<Node>>>> {
        let number = logical / u64::from(self.superblock.node.max(1));
        self.nodes.get(size(number % long(self.nodes.len()).max(1)))
    }

    /// A node, from any copy that is right.
    pub(super) fn node(&self, to: &Pointer) -> DiskResult<Arc<Node>> {
        let (node, wrong) = self.try_node(to)?;
        if let Some(error) = wrong {
            self.count_other(error);
        }
        Ok(node)
    }

    /// Counts what was wrong with a copy where another was right.
    pub(super) fn count_other(&self, mut error: DiskError) {
        error.message = format!("{}; another copy is right", error.message).into();
        self.problems.add(error);
    }

    /// The same, without counting what was wrong with other copies.
    pub(super) fn try_node(&self, to: &Pointer) -> DiskResult<(Arc<Node>, Option<DiskError>)> {
        let slot = self.slot(to.logical);
        let lock = |slot: &'_ Mutex<Option<Arc<Node>>>| {
            let held = slot.lock().unwrap_or_else(PoisonError::into_inner);
            held.as_ref().filter(|node| node.logical == to.logical).map(Arc::clone)
        };
        if let Some(node) = slot.and_then(lock)
            && (node.generation, node.level) == (to.generation, to.level)
        {
            if to.first.is_some() && to.first != node.key(0) {
                let message = "a node begins with another key than its parent says";
                return Err(DiskError::corrupt(to.logical, message));
            }
            return Ok((node, None));
        }
        let mut wrong = None;
        for copy in 0.. {
            match self.read_node(to, copy) {
                Ok(Some(node)) => {
                    let node = Arc::new(node);
                    if let Some(slot) = slot {
                        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&node));
                    }
                    return Ok((node, wrong));
                }
                Ok(None) => break,
                Err(error) => {
                    // Without a place there are no copies either.
                    let last = self.run(to.logical, 1).map_or(true, |run| run.copies.len() <= copy + 1);
                    wrong.get_or_insert(error);
                    if last {
                        break;
                    }
                }
            }
        }
        Err(wrong.unwrap_or_else(|| DiskError::corrupt(to.logical, "a node lies nowhere")))
    }

    /// `None`: there is no such copy.
    fn read_node(&self, to: &Pointer, copy: usize) -> DiskResult<Option<Node>> {
        let mut bytes = vec![0; size(self.superblock.node)].into_boxed_slice();
        let Some(place) = self.read_copy(&mut bytes, to.logical, copy)? else { return Ok(None) };
        let sum = bytes.get(32..).unwrap_or_default();
        if !self.superblock.checksum.holds(sum, &bytes) {
            return Err(DiskError::corrupt(place.offset, "the checksum of a node is wrong"));
        }
        let node = Node::parse(bytes, to, &self.uuids);
        node.map(Some).map_err(|message| DiskError::corrupt(place.offset, message))
    }
}

/// A number as a length in memory.
pub(super) fn size<N>(number: N) -> usize
where
    usize: TryFrom<N>,
{
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A length in memory as a number.
pub(super) fn long(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
