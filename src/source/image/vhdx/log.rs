//! The log of a VHDX (MS-VHDX 2.3): writes to its metadata that may not have
//! reached their places when the machine stopped. They are replayed in memory.

use std::cell::Cell;
use std::sync::Arc;

use super::super::super::bytes::{array, u32_le, u64_le};
use super::super::super::disk::{Disk, DiskError, DiskResult, read_exact};
use super::header::{Header, sum_holds};
use super::overlay::{Overlay, Patch};

/// What all of the log counts in.
const SECTOR: u64 = 4096;
const SECTOR_BYTES: usize = 4096;

/// The longest log: writers make one of a megabyte.
const MAX_LOG: u64 = 32 << 20;

/// How much of a log is read in all: each entry two or three times, and what only
/// looks like one.
const MAX_READ: u64 = 512 << 20;

/// How many writes of a log are replayed.
const MAX_WRITES: u64 = 1 << 18;

const ENTRY_HEADER: usize = 64;
const DESCRIPTOR: usize = 32;

/// The log, a ring in the file.
struct Log<'a> {
    disk: &'a dyn Disk,
    guid: [u8; 16],
    offset: u64,
    length: u64,
    /// How much may still be read.
    budget: Cell<u64>,
}

/// An entry whose checksum holds.
struct Entry {
    bytes: Vec<u8>,
    sequence: u64,
    tail: u64,
    descriptors: u64,
    /// How long the file was when the entry was written, at least.
    flushed: u64,
    last: u64,
}

/// Entries that follow each other.
#[derive(Clone, Copy)]
struct Sequence {
    /// Number and tail of the last one.
    head: u64,
    tail: u64,
}

/// The file as it would be with its log replayed.
pub(super) fn replayed(disk: &Arc<dyn Disk>, header: &Header) -> DiskResult<Arc<dyn Disk>> {
    let at = header.log_offset;
    if header.log_length == 0 || !header.log_length.is_multiple_of(SECTOR) || !at.is_multiple_of(SECTOR) {
        return Err(DiskError::corrupt(at, "the log of the VHDX has no proper place"));
    }
    if header.log_length > MAX_LOG {
        return Err(DiskError::over_budget(at, format!("a VHDX log of {} bytes", header.log_length)));
    }
    if at.saturating_add(header.log_length) > disk.size() {
        return Err(DiskError::corrupt(at, "the log of the VHDX lies past the end of the file"));
    }
    let log = Log {
        disk: &**disk,
        guid: header.log_guid,
        offset: at,
        length: header.log_length,
        budget: Cell::new(MAX_READ),
    };
    let active = log.active()?.ok_or(DiskError::corrupt(at, "the log of the VHDX has no valid entry"))?;
    let mut overlay = Overlay::new(Arc::clone(disk));
    let mut writes = 0;
    let mut position = active.tail;
    // From the tail of the newest entry to itself.
    for _ in 0..log.length / SECTOR {
        let entry =
            log.entry(position)?.ok_or(DiskError::corrupt(at, "an entry of the VHDX log is damaged"))?;
        if entry.flushed > disk.size() {
            return Err(DiskError::corrupt(disk.size(), "the VHDX is cut short: its log tells of more"));
        }
        writes += entry.descriptors;
        if writes > MAX_WRITES {
            return Err(DiskError::over_budget(at, "too many writes in the log of the VHDX"));
        }
        entry.replay(&mut overlay)?;
        overlay.grow(entry.last);
        if entry.sequence == active.head {
            return Ok(Arc::new(overlay));
        }
        position = log.after(position, &entry);
    }
    Err(DiskError::corrupt(at, "the log of the VHDX does not end"))
}

impl Log<'_> {
    /// The sequence with the highest number whose tail is one of its own entries.
    fn active(&self) -> DiskResult<Option<Sequence>> {
        let mut best: Option<Sequence> = None;
        let mut at = 0;
        while at < self.length {
            let Some(found) = self.sequence(at)? else {
                at += SECTOR;
                continue;
            };
            if best.is_none_or(|best| found.0.head > best.head) && found.2 {
                best = Some(found.0);
            }
            // Past the end of the ring all was seen.
            at = if found.1 > at { found.1 } else { self.length };
        }
        Ok(best)
    }

    /// The entries from a place on, the place after them, and whether the tail of
    /// the last is the start of one of them.
    fn sequence(&self, start: u64) -> DiskResult<Option<(Sequence, u64, bool)>> {
        let mut found: Option<Sequence> = None;
        let mut position = start;
        let mut starts = Vec::new();
        let mut used = 0;
        while let Some(entry) = self.entry(position)? {
            if found.is_some_and(|found| found.head.checked_add(1) != Some(entry.sequence)) {
                break;
            }
            used += entry.length();
            if used > self.length {
                break;
            }
            found = Some(Sequence { head: entry.sequence, tail: entry.tail });
            starts.push(position);
            position = self.after(position, &entry);
        }
        Ok(found.map(|found| (found, position, starts.contains(&found.tail))))
    }

    fn after(&self, position: u64, entry: &Entry) -> u64 {
        (position + entry.length()) % self.length
    }

    /// The entry at a place, if a valid one is there.
    fn entry(&self, position: u64) -> DiskResult<Option<Entry>> {
        let mut bytes = vec![0; SECTOR_BYTES];
        self.read(&mut bytes, position)?;
        let (Some(length), Some(count)) = (u32_le(&bytes, 8), u32_le(&bytes, 24)) else { return Ok(None) };
        let (length, count) = (u64::from(length), u64::from(count));
        let is_entry = bytes.starts_with(b"loge") && array(&bytes, 32) == Some(self.guid);
        if !is_entry || length == 0 || length % SECTOR != 0 || length > self.length {
            return Ok(None);
        }
        let left = self.budget.get().checked_sub(length);
        let too_much = DiskError::over_budget(self.offset, "the log of the VHDX takes too long to read");
        self.budget.set(left.ok_or(too_much)?);
        let head = bytes.len();
        bytes.resize(usize::try_from(length).unwrap_or(head), 0);
        self.read(bytes.get_mut(head..).unwrap_or_default(), (position + SECTOR) % self.length)?;
        if !sum_holds(&bytes, 4) {
            return Ok(None);
        }
        let field = |at| u64_le(&bytes, at).unwrap_or(0);
        let (sequence, flushed, last) = (field(16), field(48), field(56));
        let tail = u64::from(u32_le(&bytes, 12).unwrap_or(0));
        Ok(Some(Entry { sequence, tail, descriptors: count, flushed, last, bytes }))
    }

    /// Bytes of the ring.
    fn read(&self, bytes: &mut [u8], position: u64) -> DiskResult<()> {
        let left = usize::try_from(self.length - position).unwrap_or(usize::MAX).min(bytes.len());
        let (first, second) = bytes.split_at_mut_checked(left).unwrap_or_default();
        read_exact(self.disk, first, self.offset + position)?;
        read_exact(self.disk, second, self.offset)
    }
}

impl Entry {
    fn length(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }

    /// Descriptors first, then a sector of data for each that has any.
    fn replay(&self, overlay: &mut Overlay) -> DiskResult<()> {
        let corrupt = || DiskError::corrupt(0, "an entry of the VHDX log contradicts itself");
        let count = usize::try_from(self.descriptors).map_err(|_| corrupt())?;
        let end = count.checked_mul(DESCRIPTOR).and_then(|bytes| bytes.checked_add(ENTRY_HEADER));
        let end = end.ok_or_else(corrupt)?;
        let descriptors = self.bytes.get(ENTRY_HEADER..end).ok_or_else(corrupt)?;
        let data = self.bytes.get(end.next_multiple_of(SECTOR_BYTES)..).unwrap_or_default();
        let mut sectors = data.chunks_exact(SECTOR_BYTES);
        for descriptor in descriptors.chunks_exact(DESCRIPTOR) {
            let field = |at| u64_le(descriptor, at).unwrap_or(u64::MAX);
            let (at, sequence) = (field(16), field(24));
            if sequence != self.sequence || at % SECTOR != 0 {
                return Err(corrupt());
            }
            if descriptor.starts_with(b"zero") {
                let length = field(8);
                if length % SECTOR != 0 {
                    return Err(corrupt());
                }
                overlay.insert(at, length, Patch::Zero)?;
            } else if descriptor.starts_with(b"desc") {
                let sector = sectors.next().ok_or_else(corrupt)?;
                let bytes = self.sector(descriptor, sector).ok_or_else(corrupt)?;
                overlay.insert(at, SECTOR, Patch::Data(bytes))?;
            } else {
                return Err(corrupt());
            }
        }
        Ok(())
    }

    /// The sector to write: its first 8 and last 4 bytes are in the descriptor,
    /// where the log has its own signature and number.
    fn sector(&self, descriptor: &[u8], stored: &[u8]) -> Option<Arc<[u8]>> {
        let (high, low) = (u32_le(stored, 4)?, u32_le(stored, 4092)?);
        let number = u64::from(high) << 32 | u64::from(low);
        if !stored.starts_with(b"data") || number != self.sequence {
            return None;
        }
        let mut bytes = Vec::with_capacity(SECTOR_BYTES);
        bytes.extend(descriptor.get(8..16)?);
        bytes.extend(stored.get(8..4092)?);
        bytes.extend(descriptor.get(4..8)?);
        Some(bytes.into())
    }
}
