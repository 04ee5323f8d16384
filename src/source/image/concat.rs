//! Several disks one after another, as one.

use std::ops::Range;
use std::sync::Arc;

use super::super::disk::{Disk, DiskError, DiskResult};

/// Parts at their places, each with the length it is declared to have: where the
/// disk behind it is shorter, its bytes are missing, not zero.
#[derive(Debug, Default)]
pub(super) struct Concat {
    parts: Vec<Segment>,
    size: u64,
}

#[derive(Debug)]
struct Segment {
    /// Where it starts in the whole.
    start: u64,
    end: u64,
    /// `None` for zeros.
    disk: Option<Arc<dyn Disk>>,
    /// Where it starts in `disk`.
    from: u64,
}

impl Concat {
    /// Appends `length` bytes of `disk` from `from` on; zeros without a disk.
    pub(super) fn push(&mut self, disk: Option<Arc<dyn Disk>>, from: u64, length: u64) -> DiskResult<()> {
        let end = self.size.checked_add(length).filter(|_| from.checked_add(length).is_some());
        let end = end.ok_or(DiskError::corrupt(0, "the parts are longer than any disk"))?;
        self.parts.push(Segment { start: self.size, end, disk, from });
        self.size = end;
        Ok(())
    }

    /// The parts from the one that holds `offset` on.
    fn parts_from(&self, offset: u64) -> &[Segment] {
        let first = self.parts.partition_point(|part| part.end <= offset);
        self.parts.get(first..).unwrap_or_default()
    }
}

impl Disk for Concat {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let mut filled = 0;
        let mut at = offset;
        for part in self.parts_from(offset) {
            let left = usize::try_from(part.end.saturating_sub(at)).unwrap_or(usize::MAX);
            let length = left.min(bytes.len() - filled);
            let here = bytes.get_mut(filled..filled + length).unwrap_or_default();
            if here.is_empty() {
                continue;
            }
            if let Some(disk) = &part.disk {
                let inside = at - part.start + part.from;
                let whole = |error: DiskError| {
                    let offset = error.offset.saturating_sub(inside).saturating_add(at);
                    DiskError { offset, ..error }
                };
                let read = disk.read_at(here, inside).map_err(whole)?;
                if read < length {
                    let missing = at.saturating_add(u64::try_from(read).unwrap_or(0));
                    return Err(DiskError::corrupt(missing, "a file of the image is cut short"));
                }
            } else {
                here.fill(0);
            }
            filled += length;
            at = part.end;
            if filled >= bytes.len() {
                break;
            }
        }
        Ok(filled)
    }

    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        for part in self.parts_from(from) {
            let Some(disk) = &part.disk else { continue };
            let at = from.max(part.start);
            if at >= part.end {
                continue;
            }
            let inside = at - part.start + part.from;
            // Past the end of a file that is cut short: missing, not a hole.
            let data = if inside >= disk.size() { Some(inside..u64::MAX) } else { disk.next_data(inside)? };
            let hole_to = part.from + (part.end - part.start);
            let data = match data {
                None if disk.size() < hole_to => Some(disk.size()..u64::MAX),
                other => other,
            };
            if let Some(data) = data.filter(|data| data.start < hole_to) {
                let place = |at: u64| at.clamp(part.from, hole_to) - part.from + part.start;
                return Ok(Some(place(data.start).max(at)..place(data.end)));
            }
        }
        Ok(None)
    }
}
