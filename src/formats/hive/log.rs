//! Transaction logs of a hive: what was to be written to it and may not be there yet.
//!
//! Facts: "Windows registry file format specification" by Maxim Suhanov
//! (<https://github.com/msuhanov/regf>), "Format of transaction log files", the old form
//! (a bitmap of pages that are dirty) and that of Windows 8.1 (entries), "Dirty state of a
//! hive", and his note "Missing log entries for a dirty primary file", by which the first
//! entries may be gone. Nothing is written: what is read of the hive is read from the log
//! where that has it.

use std::collections::HashMap;
use std::sync::Arc;

use super::cell::{le32, le64};
use super::{BINS, base_block_sum};
use crate::formats::marvin32::marvin64;
use crate::formats::sqlite::ReadPages;

/// The seed of the sums over entries: the hexadecimal bytes of the specification.
const SEED: u64 = 0x82ef_4d88_7a4e_55c5;
const SECTOR: u64 = 512;
/// What an entry begins with, and how long it may be: more than a log is allowed to have.
const HEAD: u64 = 40;
const MAX_ENTRY: u32 = 64 << 20;
/// The most entries of all logs.
const MAX_ENTRIES: usize = 1 << 16;

/// Where the newest pages of a hive are, and what its base block says with them.
#[derive(Debug, Default)]
pub struct Replay {
    /// Sectors behind the base block, by number: the log, and the offset in it.
    sectors: HashMap<u64, (usize, u64)>,
    /// How many bytes the bins have.
    bins: u64,
    /// The root, where the base block of the hive is damaged.
    pub(super) root: Option<u32>,
}

/// An entry that may be applied.
struct Entry {
    number: u32,
    log: usize,
    bins: u32,
    /// Pages: the offset behind the base block, in the log, and the length.
    pages: Vec<(u64, u64, u64)>,
}

impl Replay {
    /// What the logs, each with its length, have for a hive of which this is the base block.
    pub fn read<R: ReadPages>(block: &[u8; 512], logs: &mut [(R, u64)]) -> Self {
        let is_sound = le32(block, 508) == Some(base_block_sum(block));
        let mut replay = Self::default();
        let mut known = le32(block, 8).unwrap_or(0);
        let mut entries = Vec::new();
        for (number, (log, length)) in logs.iter_mut().enumerate() {
            let mut own = [0; 512];
            let is_log = log.read(0, &mut own)
                && own.starts_with(b"regf")
                && le32(&own, 508) == Some(base_block_sum(&own));
            if !is_log {
                continue;
            }
            if !is_sound && replay.root.is_none() {
                replay.root = le32(&own, 36);
                known = le32(&own, 8).unwrap_or(0);
            }
            match le32(&own, 28) {
                Some(1 | 2) if le64(&own, 12) == le64(block, 12) || !is_sound => {
                    replay.old(&own, number, log, *length);
                }
                Some(6) => new(number, log, *length, &mut entries),
                _ => {}
            }
        }
        // From the hive's own number on, in the order in which they were written.
        entries.retain(|entry| entry.number.wrapping_sub(known) < 1 << 31);
        entries.sort_by_key(|entry| entry.number.wrapping_sub(known));
        entries.dedup_by_key(|entry| entry.number);
        let mut last: Option<u32> = None;
        for entry in entries {
            if last.is_some_and(|last| last.wrapping_add(1) != entry.number) {
                break;
            }
            last = Some(entry.number);
            replay.bins = entry.bins.into();
            for (page, at, length) in entry.pages {
                replay.page(page / SECTOR, entry.log, at, length / SECTOR);
            }
        }
        replay
    }

    /// Whether the logs have anything that the hive has not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sectors.is_empty()
    }

    /// How many bytes the hive has with it, where its own file has `length` and the logs have
    /// `logs`: no more than there can be.
    #[must_use]
    pub fn length(&self, length: u64, logs: u64) -> u64 {
        length.max(BINS.saturating_add(self.bins).min(length.saturating_add(logs)))
    }

    fn page(&mut self, first: u64, log: usize, at: u64, sectors: u64) {
        for number in 0..sectors {
            let from = at.saturating_add(number.saturating_mul(SECTOR));
            self.sectors.insert(first.saturating_add(number), (log, from));
        }
    }

    /// The old form: a bit for each sector of the bins, then those that are dirty.
    fn old(&mut self, own: &[u8; 512], number: usize, log: &mut impl ReadPages, length: u64) {
        let bins = u64::from(le32(own, 40).unwrap_or(0));
        // Written to its end.
        if le32(own, 4) != le32(own, 8) || bins / SECTOR / 8 > length {
            return;
        }
        let mut bitmap = vec![0; usize::try_from(bins.div_ceil(SECTOR).div_ceil(8)).unwrap_or(0)];
        let mut sign = [0; 4];
        if !log.read(SECTOR, &mut sign)
            || &sign != b"DIRT"
            || !log.read(SECTOR.saturating_add(4), &mut bitmap)
        {
            return;
        }
        let vector = u64::try_from(bitmap.len()).unwrap_or(0).saturating_add(4);
        let mut at = SECTOR.saturating_add(vector).next_multiple_of(SECTOR);
        self.bins = bins;
        for (place, byte) in (0_u64..).zip(&bitmap) {
            for bit in (0..8_u64).filter(|bit| byte >> bit & 1 != 0) {
                if at.saturating_add(SECTOR) > length {
                    return;
                }
                self.page(place.saturating_mul(8).saturating_add(bit), number, at, 1);
                at = at.saturating_add(SECTOR);
            }
        }
    }
}

/// The entries of a log of the new form, up to the first that is damaged.
fn new(number: usize, log: &mut impl ReadPages, length: u64, entries: &mut Vec<Entry>) {
    let mut at = SECTOR;
    while entries.len() < MAX_ENTRIES
        && let Some((entry, size)) = entry(number, log, length, at)
    {
        entries.push(entry);
        at = at.saturating_add(size);
    }
}

fn entry(number: usize, log: &mut impl ReadPages, length: u64, at: u64) -> Option<(Entry, u64)> {
    let mut head = [0; 40];
    if at.checked_add(HEAD)? > length || !log.read(at, &mut head) || !head.starts_with(b"HvLE") {
        return None;
    }
    let size = le32(&head, 4).filter(|size| *size <= MAX_ENTRY)?;
    let rest = u64::from(size).checked_sub(HEAD)?;
    if size % 512 != 0 || at.checked_add(size.into())? > length {
        return None;
    }
    if le64(&head, 32)? != marvin64(SEED, head.get(..32)?) {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(rest).ok()?];
    if !log.read(at.checked_add(HEAD)?, &mut bytes) || le64(&head, 24)? != marvin64(SEED, &bytes) {
        return None;
    }
    let (bins, count) = (le32(&head, 16)?, usize::try_from(le32(&head, 20)?).ok()?);
    let references = bytes.get(..count.checked_mul(8)?)?;
    let mut from = at.checked_add(HEAD)?.checked_add(u64::try_from(references.len()).ok()?)?;
    let mut pages = Vec::new();
    for reference in references.chunks_exact(8) {
        let (page, length) = (le32(reference, 0)?, le32(reference, 4)?);
        let ends = page.checked_add(length)? <= bins;
        if page % 512 != 0 || length % 512 != 0 || !ends {
            return None;
        }
        pages.push((page.into(), from, length.into()));
        from = from.checked_add(length.into())?;
    }
    let is_one = bins % 4096 == 0 && from <= at.checked_add(size.into())?;
    let entry = Entry { number: le32(&head, 12)?, log: number, bins, pages };
    is_one.then_some((entry, size.into()))
}

/// A hive with what its logs have for it.
#[derive(Debug)]
pub struct Replayed<P, L> {
    /// Its own file.
    pub hive: P,
    /// Its logs, in the order in which they were given to [`Replay::read`].
    pub logs: Vec<(L, u64)>,
    /// What they have.
    pub replay: Arc<Replay>,
}

impl<P: ReadPages, L: ReadPages> ReadPages for Replayed<P, L> {
    fn read(&mut self, mut offset: u64, mut page: &mut [u8]) -> bool {
        while !page.is_empty() {
            let left = usize::try_from(SECTOR.saturating_sub(offset % SECTOR)).unwrap_or(1);
            let Some((now, rest)) = page.split_at_mut_checked(left.min(page.len())) else { return false };
            let sector = offset.checked_sub(BINS).map(|behind| behind / SECTOR);
            let place = sector.and_then(|sector| self.replay.sectors.get(&sector));
            let is_read = match place {
                Some((log, at)) => {
                    let at = at.saturating_add(offset % SECTOR);
                    self.logs.get_mut(*log).is_some_and(|(log, _)| log.read(at, now))
                }
                None => self.hive.read(offset, now),
            };
            if !is_read {
                return false;
            }
            (page, offset) = (rest, offset.saturating_add(u64::try_from(left).unwrap_or(SECTOR)));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Results of the sum with this seed, as other readers of hives test theirs: the halves
    /// of it, combined.
    #[test]
    fn the_sum_is_that_of_the_specification() {
        let sum = |bytes: &[u8]| {
            let sum = marvin64(SEED, bytes).to_le_bytes();
            let half = |at: usize| u32::from_le_bytes(sum[at..at + 4].try_into().expect("four"));
            half(0) ^ half(4)
        };
        assert_eq!([sum(b""), sum(b"h"), sum(b"he")], [0xb008_92ac, 0xf41a_608e, 0x1110_7c6b]);
    }
}
