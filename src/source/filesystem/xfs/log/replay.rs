//! What transactions changed: buffers, inodes, new inodes.
//!
//! A change is left out where the disk has a later one already, by the number that a
//! structure keeps, and where its buffer was given up later.

use std::collections::{BTreeMap, BTreeSet};

use super::overlay::{Overlay, SECTOR};
use super::transaction::{Item, Transaction, kind};
use crate::source::bytes::{array, u8_at, u16_be, u16_le, u32_be, u32_le, u64_be, u64_le};
use crate::source::disk::{DiskError, DiskResult, read_vec};
use crate::source::filesystem::xfs::block::{Seal, checksum};
use crate::source::filesystem::xfs::inode::{BIG_TIME, MANY_EXTENTS};
use crate::source::filesystem::xfs::superblock::Superblock;

/// Kinds of items.
const INODE: u16 = 0x123b;
const BUFFER: u16 = 0x123c;
const NEW_INODES: u16 = 0x123f;

/// Items that say what is to be done, and that it was done: extents to be freed, and
/// those from here on in pairs.
const TO_FREE: u16 = 0x1236;
const FREED: u16 = 0x1237;
const FIRST_INTENT: u16 = 0x1240;
const LAST_INTENT: u16 = 0x1260;

/// Flags of a buffer: of inodes, of which only their list of those to be freed is
/// changed; given up.
const OF_INODES: u16 = 1 << 0;
const GIVEN_UP: u16 = 1 << 1;

/// Bytes for which a buffer has one bit that says that they are logged.
const CHUNK: usize = 128;

/// The largest buffer in sectors.
const MAX_BUFFER: u64 = 1024;

/// Fields of an inode that are logged: its data fork as content, extents, or root of a
/// tree; its device.
const FORK_CONTENT: u32 = 0x2;
const FORK_EXTENTS: u32 = 0x4;
const FORK_ROOT: u32 = 0x8;
const DEVICE: u32 = 0x10;

/// A number that stands for none.
const NO_LSN: u64 = u64::MAX;

/// Replays transactions in memory.
#[derive(Debug)]
pub(super) struct Replay<'g> {
    geometry: &'g Superblock,
    pub(super) disk: Overlay,
    /// How often each buffer, by sector and sectors, is still given up later.
    given_up: BTreeMap<(u64, u64), u64>,
    /// Buffers that were changed.
    changed: BTreeMap<u64, u64>,
    /// What is to be done and was not yet.
    intents: BTreeSet<u64>,
    pub(super) transactions: u64,
    pub(super) items: u64,
}

/// A buffer's first region.
#[derive(Clone, Copy, Debug)]
struct Buffer {
    sector: u64,
    sectors: u64,
    flags: u16,
}

impl Buffer {
    fn parse(item: &Item) -> Option<Self> {
        let first = item.first()?;
        Some(Self {
            flags: u16_le(first, 4)?,
            sectors: u64::from(u16_le(first, 6)?),
            sector: u64_le(first, 8)?,
        })
    }
}

impl<'g> Replay<'g> {
    pub(super) fn new(geometry: &'g Superblock, disk: Overlay) -> Self {
        Self {
            geometry,
            disk,
            given_up: BTreeMap::new(),
            changed: BTreeMap::new(),
            intents: BTreeSet::new(),
            transactions: 0,
            items: 0,
        }
    }

    /// The first pass: notes what is given up.
    pub(super) fn note(&mut self, transaction: &Transaction) {
        for item in transaction.items.iter().filter(|item| kind(item) == BUFFER) {
            if let Some(buffer) = Buffer::parse(item).filter(|buffer| buffer.flags & GIVEN_UP != 0) {
                *self.given_up.entry((buffer.sector, buffer.sectors)).or_default() += 1;
            }
        }
    }

    /// How many operations the log began and did not end.
    pub(super) fn unfinished(&self) -> usize {
        self.intents.len()
    }

    /// The second pass: makes the changes. Buffers come first, since new inodes must be
    /// there before what is in them; what is given up comes last.
    pub(super) fn apply(&mut self, transaction: &Transaction) -> DiskResult<()> {
        self.transactions += 1;
        for item in &transaction.items {
            match kind(item) {
                BUFFER => self.buffer(item, transaction.lsn)?,
                NEW_INODES => self.new_inodes(item)?,
                _ => {}
            }
        }
        for item in &transaction.items {
            match kind(item) {
                INODE => self.inode(item, transaction.lsn)?,
                kind @ (TO_FREE | FREED | FIRST_INTENT..=LAST_INTENT) => {
                    let id = item.first().and_then(|first| u64_le(first, 8)).ok_or_else(|| wrong(0))?;
                    if kind % 2 == 0 {
                        self.intents.insert(id);
                    } else {
                        self.intents.remove(&id);
                    }
                }
                _ => {}
            }
        }
        for item in transaction.items.iter().filter(|item| kind(item) == BUFFER) {
            let buffer = Buffer::parse(item).ok_or_else(|| wrong(0))?;
            if buffer.flags & GIVEN_UP != 0
                && let Some(count) = self.given_up.get_mut(&(buffer.sector, buffer.sectors))
            {
                *count = count.saturating_sub(1);
            }
        }
        Ok(())
    }

    fn is_given_up(&self, sector: u64, sectors: u64) -> bool {
        self.given_up.get(&(sector, sectors)).is_some_and(|count| *count > 0)
    }

    /// Offset of sectors that must lie in the filesystem.
    fn place(&self, sector: u64, sectors: u64) -> Option<u64> {
        let end = sector.checked_add(sectors)?.checked_mul(512)?;
        let size = self.geometry.blocks << self.geometry.block_log;
        (sectors > 0 && sectors <= MAX_BUFFER && end <= size).then(|| sector * 512)
    }

    fn buffer(&mut self, item: &Item, lsn: u64) -> DiskResult<()> {
        let buffer = Buffer::parse(item).ok_or_else(|| wrong(0))?;
        if buffer.flags & (GIVEN_UP | OF_INODES) != 0 || self.is_given_up(buffer.sector, buffer.sectors) {
            return Ok(());
        }
        let offset = self.place(buffer.sector, buffer.sectors).ok_or_else(|| wrong(0))?;
        let length = usize::try_from(buffer.sectors).unwrap_or(0) * SECTOR;
        let mut bytes = read_vec(&self.disk, offset, length)?;
        if self.is_newer(&bytes, lsn) {
            return Ok(());
        }
        let first = item.first().map_or(&[][..], Vec::as_slice);
        let words =
            u32_le(first, 16).and_then(|words| usize::try_from(words).ok()).ok_or_else(|| wrong(offset))?;
        let map: Vec<bool> = first
            .get(20..)
            .unwrap_or_default()
            .chunks_exact(4)
            .take(words)
            .flat_map(|word| (0..32).map(move |bit| u32_le(word, 0).is_some_and(|word| word >> bit & 1 == 1)))
            .collect();
        let mut regions = item.iter().skip(1);
        let mut at = 0;
        while let Some(skip) = map.get(at..).and_then(|rest| rest.iter().position(|logged| *logged)) {
            at += skip;
            let run = map.get(at..).map_or(0, |rest| rest.iter().take_while(|logged| **logged).count());
            let region = regions.next().ok_or_else(|| wrong(offset))?;
            // A run of logged bytes may be in several regions.
            let run = run.min(region.len() / CHUNK);
            let target = bytes.get_mut(at * CHUNK..).and_then(|rest| rest.get_mut(..run * CHUNK));
            let (Some(target), Some(source), 1..) = (target, region.get(..run * CHUNK), run) else {
                return Err(wrong(offset));
            };
            target.copy_from_slice(source);
            at += run;
        }
        self.items += 1;
        self.changed.insert(offset, buffer.sectors);
        self.disk.write(offset, &bytes)
    }

    /// Whether what is on the disk has this change already. The bytes of another
    /// filesystem say nothing.
    fn is_newer(&self, bytes: &[u8], lsn: u64) -> bool {
        let Some(seal) = Seal::of(bytes) else { return false };
        let uuid: Option<[u8; 16]> = array(bytes, seal.uuid);
        let is_ours = uuid == Some(self.geometry.meta_uuid) || uuid == Some(self.geometry.uuid);
        u64_be(bytes, seal.lsn).is_some_and(|own| is_ours && own != 0 && own != NO_LSN && own >= lsn)
    }

    fn inode(&mut self, item: &Item, lsn: u64) -> DiskResult<()> {
        let log = InodeLog::parse(item).ok_or_else(|| wrong(0))?;
        let offset = self.geometry.inode_at(log.number).ok_or_else(|| wrong(0))?;
        if self.is_given_up(log.sector, log.sectors) {
            return Ok(());
        }
        if log.sector.checked_mul(512).and_then(|start| start.checked_add(log.within)) != Some(offset) {
            return Err(wrong(offset));
        }
        let mut bytes = read_vec(&self.disk, offset, self.geometry.inode_size)?;
        if !bytes.starts_with(b"IN") {
            return Err(DiskError::corrupt(offset, "the log changes an inode that is none"));
        }
        let own = u64_be(&bytes, Seal::INODE.lsn).unwrap_or(0);
        if u8_at(&bytes, 4) == Some(3) && own != 0 && own != NO_LSN && own > lsn {
            return Ok(());
        }
        let core = item.get(1).and_then(|core| inode_core(core)).ok_or_else(|| wrong(offset))?;
        for (at, value) in &core {
            put(&mut bytes, *at, value).ok_or_else(|| wrong(offset))?;
        }
        let start = 176;
        let room = match usize::from(u8_at(&bytes, 82).unwrap_or(0)) {
            0 => bytes.len().saturating_sub(start),
            words => words * 8,
        };
        let fork =
            bytes.get_mut(start..).and_then(|rest| rest.get_mut(..room)).ok_or_else(|| wrong(offset))?;
        if log.fields & DEVICE != 0 {
            put(fork, 0, &log.device.to_be_bytes()).ok_or_else(|| wrong(offset))?;
        }
        if log.fields & (FORK_CONTENT | FORK_EXTENTS) != 0 {
            // Regions are padded to four bytes.
            let source = item.get(2).ok_or_else(|| wrong(offset))?;
            put(fork, 0, source).ok_or_else(|| wrong(offset))?;
        } else if log.fields & FORK_ROOT != 0 {
            item.get(2).and_then(|root| put_root(fork, root)).ok_or_else(|| wrong(offset))?;
        }
        seal(&mut bytes, Seal::INODE);
        self.items += 1;
        self.disk.write(offset, &bytes)
    }

    /// Inodes that were made, none of them in use yet.
    fn new_inodes(&mut self, item: &Item) -> DiskResult<()> {
        let first = item.first().map_or(&[][..], Vec::as_slice);
        let field = |at| u32_be(first, at).map(u64::from).ok_or_else(|| wrong(0));
        let (ag, block, count, size, length) = (field(4)?, field(8)?, field(12)?, field(16)?, field(20)?);
        let generation = field(24)?;
        let geometry = self.geometry;
        let expected = u64::try_from(geometry.inode_size).unwrap_or(0);
        let makes_sense = size == expected
            && (1..=64).contains(&count)
            && count == length << geometry.inodes_log
            && block.checked_add(length).is_some_and(|end| geometry.in_ag(ag, end - 1).is_some());
        let offset = geometry.in_ag(ag, block).filter(|_| makes_sense).ok_or_else(|| wrong(0))?;
        let end = offset + (length << geometry.block_log);
        let buffers = self.given_up.range((offset / 512, 0)..(end / 512, 0));
        if buffers.into_iter().any(|(_, count)| *count > 0) {
            return Ok(());
        }
        for at in 0..count {
            let number = (((ag << geometry.ag_log) + block) << geometry.inodes_log) + at;
            let mut bytes = vec![0; geometry.inode_size];
            let fields: [(usize, &[u8]); 6] = [
                (0, b"IN"),
                (4, &[3]),
                (92, &u32::try_from(generation).unwrap_or(0).to_be_bytes()),
                (96, &[0xff; 4]),
                (152, &number.to_be_bytes()),
                (160, &geometry.meta_uuid),
            ];
            for (at, value) in fields {
                put(&mut bytes, at, value).ok_or_else(|| wrong(offset))?;
            }
            seal(&mut bytes, Seal::INODE);
            self.disk.write(offset + at * size, &bytes)?;
        }
        self.items += 1;
        Ok(())
    }

    /// Gives what was changed the checksum that the kernel would give it when it writes it.
    pub(super) fn finish(&mut self) -> DiskResult<()> {
        for (offset, sectors) in std::mem::take(&mut self.changed) {
            let length = usize::try_from(sectors).unwrap_or(0) * SECTOR;
            let mut bytes = read_vec(&self.disk, offset, length)?;
            if let Some(kind) = Seal::of(&bytes) {
                seal(&mut bytes, kind);
                self.disk.write(offset, &bytes)?;
            }
        }
        Ok(())
    }
}

fn wrong(offset: u64) -> DiskError {
    DiskError::corrupt(offset, "a change in the log makes no sense")
}

fn seal(bytes: &mut [u8], seal: Seal) {
    if let Some(sum) = checksum(bytes, seal.crc) {
        let _ = put(bytes, seal.crc, &sum.to_le_bytes());
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    bytes.get_mut(at..)?.get_mut(..value.len())?.copy_from_slice(value);
    Some(())
}

/// The first region of an inode: two forms, the older without padding.
#[derive(Debug)]
struct InodeLog {
    fields: u32,
    number: u64,
    device: u32,
    sector: u64,
    sectors: u64,
    within: u64,
}

impl InodeLog {
    fn parse(item: &Item) -> Option<Self> {
        let first = item.first()?;
        let shift = match first.len() {
            52 => 4,
            56.. => 0,
            _ => return None,
        };
        Some(Self {
            fields: u32_le(first, 4)?,
            number: u64_le(first, 16 - shift)?,
            device: u32_le(first, 24 - shift)?,
            sector: u64_le(first, 40 - shift)?,
            sectors: u64::from(u32_le(first, 48 - shift)?),
            within: u64::from(u32_le(first, 52 - shift)?),
        })
    }
}

/// The fields of an inode as the disk has them, from those in the log, which have the
/// lowest byte first; `None` where it is no inode of version 3.
fn inode_core(core: &[u8]) -> Option<Vec<(usize, Vec<u8>)>> {
    if u16_le(core, 0)? != 0x494e || u8_at(core, 4)? != 3 || core.len() < 176 {
        return None;
    }
    let flags2 = u64_le(core, 120)?;
    let mut fields = Vec::new();
    let mut turned = |at: usize, size: usize| -> Option<()> {
        let mut value = core.get(at..)?.get(..size)?.to_vec();
        value.reverse();
        fields.push((at, value));
        Some(())
    };
    // Mode; owner, group, links, the halves of the project; attributes' words.
    for (at, size) in [(2, 2), (8, 4), (12, 4), (16, 4), (20, 2), (22, 2), (56, 8), (64, 8), (72, 4)] {
        turned(at, size)?;
    }
    for (at, size) in [(84, 4), (88, 2), (90, 2), (92, 4), (104, 8), (112, 8), (120, 8), (128, 4), (152, 8)] {
        turned(at, size)?;
    }
    // A time is one number, or two of four bytes.
    for at in [32, 40, 48, 144] {
        if flags2 & BIG_TIME != 0 {
            turned(at, 8)?;
        } else {
            turned(at, 4)?;
            turned(at + 4, 4)?;
        }
    }
    // The counts of extents have other sizes where there may be more of them.
    turned(24, 8)?;
    turned(76, 4)?;
    if flags2 & MANY_EXTENTS == 0 {
        turned(80, 2)?;
    }
    let single = |at: usize, size: usize| Some((at, core.get(at..)?.get(..size)?.to_vec()));
    // Version and format; where the attributes begin and their format; the UUID.
    let as_they_are = [single(4, 2)?, single(82, 2)?, single(160, 16)?];
    fields.extend(as_they_are);
    Some(fields)
}

/// Stores the root of a tree of extents in a fork: in the log it is a block of the tree
/// with its header.
fn put_root(fork: &mut [u8], root: &[u8]) -> Option<()> {
    let header = 72;
    let count = usize::from(u16_be(root, 6)?);
    let (from, to) = (root.len().checked_sub(header)? / 16, fork.len().checked_sub(4)? / 16);
    if count > from || count > to {
        return None;
    }
    put(fork, 0, root.get(4..8)?)?;
    put(fork, 4, root.get(header..)?.get(..count * 8)?)?;
    put(fork, 4 + to * 8, root.get(header + from * 8..)?.get(..count * 8)?)
}
