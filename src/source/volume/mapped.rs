//! A disk that is put together from ranges of others: what a RAID array or a
//! logical volume is.
//!
//! Role: from a list of segments to a [`Disk`]. Not for: where the segments come
//! from (see `raid` and `lvm`).

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::finding::Reason;
use crate::source::disk::{Disk, DiskError, DiskResult, read_exact};

/// A place on another disk.
pub(super) type Place = (Arc<dyn Disk>, u64);

/// Where the bytes of a segment are.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// The same bytes at each of these places: the first that can be read gives
    /// them. One place is the usual case.
    Copies(Vec<Place>),
    /// In chunks over these places in turn.
    Striped {
        /// Bytes of a chunk; not 0.
        chunk: u64,
        /// Which place has the first chunk.
        first: u64,
        /// Not empty.
        places: Vec<Place>,
    },
    /// Nowhere: zeros.
    Zero,
    /// They cannot be read.
    Missing {
        /// Why.
        reason: Reason,
        /// The same for a person.
        message: Cow<'static, str>,
    },
}

/// A range of the disk that is put together.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// How many bytes; the segment begins where the one before it ends.
    pub(super) length: u64,
    /// Where they are.
    pub(super) target: Target,
}

/// The disk.
#[derive(Debug)]
pub(super) struct Mapped {
    /// Each with where it begins.
    segments: Vec<(u64, Segment)>,
    size: u64,
}

impl Mapped {
    /// Puts the segments one after the other; what would lie past 2^64 is left out.
    pub(super) fn new(segments: Vec<Segment>) -> Self {
        let mut size = 0_u64;
        let mut placed = Vec::with_capacity(segments.len());
        for segment in segments {
            if segment.length == 0 {
                continue;
            }
            let Some(end) = size.checked_add(segment.length) else { break };
            placed.push((size, segment));
            size = end;
        }
        Self { segments: placed, size }
    }

    /// The segment at an offset, with how far in it the offset lies.
    fn find(&self, offset: u64) -> Option<(&Segment, u64)> {
        let after = self.segments.partition_point(|(start, _)| *start <= offset);
        let (start, segment) = self.segments.get(after.checked_sub(1)?)?;
        let inside = offset - start;
        (inside < segment.length).then_some((segment, inside))
    }
}

impl Segment {
    /// Fills all of `bytes` from `inside` on; the caller keeps to the length.
    fn read(&self, bytes: &mut [u8], inside: u64) -> DiskResult<()> {
        match &self.target {
            Target::Copies(places) => {
                let mut first_error = None;
                for (disk, offset) in places {
                    match read_exact(&**disk, bytes, offset.saturating_add(inside)) {
                        Ok(()) => return Ok(()),
                        Err(error) => first_error = first_error.or(Some(error)),
                    }
                }
                Err(first_error.unwrap_or_else(|| DiskError::unsupported(inside, "no copy is there")))
            }
            Target::Striped { chunk, first, places } => {
                let count = u64::try_from(places.len()).unwrap_or(u64::MAX);
                let mut done = 0;
                while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
                    let at = inside.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
                    let number = at.checked_div(*chunk).unwrap_or(0);
                    let within = at.checked_rem(*chunk).unwrap_or(0);
                    let which = number.saturating_add(*first).checked_rem(count).unwrap_or(0);
                    let row = number.checked_div(count).unwrap_or(0);
                    let left = usize::try_from(chunk - within).unwrap_or(usize::MAX).max(1);
                    let length = left.min(rest.len());
                    let place = usize::try_from(which).ok().and_then(|which| places.get(which));
                    let Some((disk, offset)) = place else {
                        return Err(DiskError::corrupt(at, "has no stripes"));
                    };
                    let from = offset.saturating_add(row.saturating_mul(*chunk)).saturating_add(within);
                    let here = rest.get_mut(..length).unwrap_or_default();
                    read_exact(&**disk, here, from)?;
                    done += length;
                }
                Ok(())
            }
            Target::Zero => {
                bytes.fill(0);
                Ok(())
            }
            Target::Missing { reason, message } => {
                Err(DiskError { reason: *reason, offset: inside, message: message.clone() })
            }
        }
    }

    /// The first stored range at or after `inside`, both within the segment.
    fn next_data(&self, inside: u64) -> DiskResult<Option<Range<u64>>> {
        match &self.target {
            Target::Zero => Ok(None),
            Target::Copies(places) => {
                let Some((disk, offset)) = places.first() else { return Ok(None) };
                let next = match disk.next_data(offset.saturating_add(inside)) {
                    Ok(next) => next,
                    // Another copy may be whole.
                    Err(_) if places.len() > 1 => return Ok(Some(inside..self.length)),
                    Err(error) => return Err(error),
                };
                let within = |at: u64| at.saturating_sub(*offset).clamp(inside, self.length);
                Ok(next.map(|next| within(next.start)..within(next.end)).filter(|next| !next.is_empty()))
            }
            // Stored as far as can be told at a price that is worth it.
            _ => Ok(Some(inside..self.length)),
        }
    }
}

impl Disk for Mapped {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(left);
        let mut done = 0;
        while done < wanted {
            let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            let Some((segment, inside)) = self.find(at) else { break };
            let here = usize::try_from(segment.length - inside).unwrap_or(usize::MAX).min(wanted - done);
            let rest = bytes.get_mut(done..done.saturating_add(here)).unwrap_or_default();
            // Where on the disks below it failed is told by the message; the offset
            // is one of this disk.
            segment.read(rest, inside).map_err(|error| DiskError { offset: at, ..error })?;
            done += here;
        }
        Ok(done)
    }

    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        let after = self.segments.partition_point(|(start, segment)| start + segment.length <= from);
        for (start, segment) in self.segments.get(after..).unwrap_or_default() {
            let inside = from.saturating_sub(*start);
            if let Some(next) = segment.next_data(inside)? {
                return Ok(Some(start + next.start..start + next.end));
            }
        }
        Ok(None)
    }
}
