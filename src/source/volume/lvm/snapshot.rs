//! A snapshot whose changed chunks lie in an exception store.
//!
//! Format: `drivers/md/dm-snap-persistent.c` of the Linux kernel: a header in the
//! first chunk; then areas of one chunk of exceptions (which chunk of the origin is
//! kept where in the store) with the chunks themselves behind each, up to an
//! exception that is empty.

use std::ops::Range;
use std::sync::Arc;

use crate::source::bytes::{u32_le, u64_le};
use crate::source::disk::{Disk, DiskError, DiskResult, read_exact, read_vec};

/// The largest chunk: LVM gives 512 KiB at most.
const MAX_CHUNK: u32 = 16 << 20;

/// The origin as it was when the snapshot was taken.
#[derive(Debug)]
pub(super) struct Snapshot {
    origin: Arc<dyn Disk>,
    store: Arc<dyn Disk>,
    chunk: u64,
    /// Chunk of the origin, chunk of the store; in order.
    exceptions: Vec<(u64, u64)>,
}

impl Snapshot {
    /// Reads the exceptions.
    /// `afford` is asked for each piece of memory that stays.
    pub(super) fn open(
        origin: Arc<dyn Disk>,
        store: Arc<dyn Disk>,
        afford: &mut dyn FnMut(usize) -> bool,
    ) -> DiskResult<Self> {
        let header = read_vec(&*store, 0, 16)?;
        let field = |at| u32_le(&header, at).unwrap_or(0);
        if field(0) != 0x7041_6e53 {
            return Err(DiskError::corrupt(0, "a snapshot's store has no header"));
        }
        if field(4) == 0 {
            return Err(DiskError::corrupt(0, "a snapshot whose store ran full: its content is lost"));
        }
        if field(8) != 1 {
            return Err(DiskError::unsupported(0, "a snapshot's store of another version"));
        }
        let chunk = field(12).checked_mul(512).filter(|chunk| chunk.is_power_of_two() && *chunk <= MAX_CHUNK);
        let Some(chunk) = chunk else {
            return Err(DiskError::corrupt(0, "the chunks of a snapshot's store have a size that cannot be"));
        };
        let per_area = u64::from(chunk / 16);
        let chunk = u64::from(chunk);
        let chunks = store.size() / chunk;
        let mut exceptions = Vec::new();
        let mut area = 1_u64;
        'areas: while area < chunks {
            if !afford(usize::try_from(chunk).unwrap_or(usize::MAX)) {
                let message = "more chunks of snapshots than are read";
                return Err(DiskError::over_budget(area.saturating_mul(chunk), message));
            }
            let table = read_vec(&*store, area.saturating_mul(chunk), usize::try_from(chunk).unwrap_or(0))?;
            for entry in table.chunks_exact(16) {
                let (Some(old), Some(new)) = (u64_le(entry, 0), u64_le(entry, 8)) else { break };
                if new == 0 {
                    break 'areas;
                }
                if new >= chunks {
                    let message = "a snapshot's chunk lies past the end of its store";
                    return Err(DiskError::corrupt(area.saturating_mul(chunk), message));
                }
                exceptions.push((old, new));
            }
            area = area.saturating_add(per_area).saturating_add(1);
        }
        exceptions.sort_unstable();
        Ok(Self { origin, store, chunk, exceptions })
    }
}

impl Disk for Snapshot {
    fn size(&self) -> u64 {
        self.origin.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let left = usize::try_from(self.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(left);
        let mut done = 0;
        while done < wanted {
            let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            let number = at / self.chunk;
            let next = self.exceptions.partition_point(|(old, _)| *old < number);
            let exception = self.exceptions.get(next).copied();
            // Up to the end of the chunk, or to the next chunk that was kept.
            let (from, end) = match exception {
                Some((old, new)) if old == number => (
                    Some(new.saturating_mul(self.chunk).saturating_add(at % self.chunk)),
                    number.saturating_add(1).saturating_mul(self.chunk),
                ),
                Some((old, _)) => (None, old.saturating_mul(self.chunk)),
                None => (None, u64::MAX),
            };
            let length =
                usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(wanted - done).max(1);
            let here = bytes.get_mut(done..done.saturating_add(length)).unwrap_or_default();
            let read = match from {
                Some(from) => read_exact(&*self.store, here, from),
                None => read_exact(&*self.origin, here, at),
            };
            read.map_err(|error| DiskError { offset: at, ..error })?;
            done += length;
        }
        Ok(done)
    }
    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        let origin = self.origin.next_data(from)?;
        let next = self.exceptions.partition_point(|(old, _)| *old < from / self.chunk);
        let kept = self.exceptions.get(next).map(|(old, _)| {
            let start = old.saturating_mul(self.chunk);
            start.max(from)..start.saturating_add(self.chunk).min(self.size())
        });
        Ok([origin, kept.filter(|kept| !kept.is_empty())]
            .into_iter()
            .flatten()
            .min_by_key(|range| range.start))
    }
}
