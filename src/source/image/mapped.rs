//! What a container's tables show, as a disk: a format says what a range is (zeros,
//! the parent's bytes, bytes of the file, compressed), all else is here.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::disk::{Disk, DiskError, DiskResult};
use super::inflate::{Form, Key};
use super::store::{Store, WINDOW};

/// How many runs one question for the next data looks at: a table of 2³⁰ entries
/// that all say "nothing" is an attack, not a disk.
const MAX_RUNS: u32 = 1 << 22;

/// How much data one answer covers at most, where it is in several runs.
const MAX_DATA: u64 = 256 << 20;

/// What lies at a place of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// What the parent shows there; zeros without a parent.
    Parent,
    /// Zeros.
    Zero,
    /// Bytes of the file, from there on.
    At(u64),
    /// A unit of the container, compressed.
    Packed(Packed),
}

/// Where compressed bytes lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) at: u64,
    pub(super) length: usize,
    pub(super) form: Form,
}

/// A range of the disk that is the same throughout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) place: Place,
    /// At least 1; may be more than was asked for.
    pub(super) length: u64,
}

/// The tables of a container.
pub(super) trait Map: Send + Sync + Debug {
    /// Size of the disk in bytes.
    fn size(&self) -> u64;

    /// What the tables count in: bytes to a cluster, grain or block.
    fn unit(&self) -> u64;

    /// The file with the tables and what is compressed.
    fn store(&self) -> &Store;

    /// The file that [`Place::At`] is about.
    fn data(&self) -> &Arc<dyn Disk> {
        self.store().disk()
    }

    /// What lies at `offset`, which is below the size, and how far that goes;
    /// more than `limit` need not be looked at.
    fn run(&self, offset: u64, limit: u64) -> DiskResult<Run>;
}

/// How many bytes of a table, `entry` for each unit, tell of `limit` bytes from
/// `offset` on, where it has `left` entries from there.
pub(super) fn table_bytes(offset: u64, limit: u64, unit: u64, left: u64, entry: u64) -> usize {
    let unit = unit.max(1);
    let units = (offset % unit).saturating_add(limit).div_ceil(unit).clamp(1, left.max(1));
    usize::try_from(units.saturating_mul(entry)).unwrap_or(WINDOW)
}

/// Joins the units that follow each other: `units` begins with the one that holds
/// `offset`, each `unit` bytes long.
pub(super) fn coalesce(
    offset: u64,
    limit: u64,
    unit: u64,
    units: impl IntoIterator<Item = DiskResult<Place>>,
) -> DiskResult<Run> {
    let inside = offset.checked_rem(unit).unwrap_or(0);
    let mut units = units.into_iter();
    let first = units.next().unwrap_or_else(|| Err(DiskError::corrupt(offset, "the table ends before")))?;
    let mut length = unit.saturating_sub(inside);
    let place = match first {
        Place::At(at) => {
            let at = at.checked_add(inside);
            Place::At(at.ok_or(DiskError::corrupt(offset, "data lies past any file's end"))?)
        }
        other => other,
    };
    for next in units {
        let goes_on = match (place, next) {
            (Place::Parent, Ok(Place::Parent)) | (Place::Zero, Ok(Place::Zero)) => true,
            (Place::At(at), Ok(Place::At(next))) => at.checked_add(length) == Some(next),
            _ => false,
        };
        if !goes_on || length >= limit {
            break;
        }
        length = length.saturating_add(unit);
    }
    Ok(Run { place, length })
}

/// A disk by the tables of a container.
#[derive(Debug)]
pub(super) struct Mapped<M> {
    map: M,
    parent: Option<Arc<dyn Disk>>,
    parents_next: Ahead,
    files_next: Ahead,
}

/// Where the next data of another disk is, from some place on: a child in many
/// pieces must not make its parent look through all its tables for each.
#[derive(Debug, Default)]
struct Ahead(Mutex<Option<(u64, Option<Range<u64>>)>>);

impl Ahead {
    /// The first data of `disk` at or after `at`.
    fn next_data(&self, disk: &dyn Disk, at: u64) -> DiskResult<Option<Range<u64>>> {
        let mut ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((from, next)) = &*ahead
            && *from <= at
            && next.as_ref().is_none_or(|next| at < next.end)
        {
            return Ok(next.as_ref().map(|next| next.start.max(at)..next.end));
        }
        let next = disk.next_data(at)?;
        *ahead = Some((at, next.clone()));
        Ok(next)
    }
}

impl<M: Map> Mapped<M> {
    pub(super) fn new(map: M, parent: Option<Arc<dyn Disk>>) -> Self {
        Self { map, parent, parents_next: Ahead::default(), files_next: Ahead::default() }
    }

    /// The run at a place of this disk; errors tell that place, and that of the
    /// file in words.
    fn run(&self, at: u64, limit: u64) -> DiskResult<Run> {
        let run = self.map.run(at, limit).map_err(|error| in_file(&error, at))?;
        if run.length == 0 {
            return Err(DiskError::corrupt(at, "a table goes nowhere"));
        }
        Ok(run)
    }

    /// Bytes of the file. Writers fill the last unit, as far as the disk goes: what
    /// lies past the end of the file is missing, not zero.
    fn read_file(&self, bytes: &mut [u8], at: u64, from: u64) -> DiskResult<()> {
        let read = self.map.data().read_at(bytes, from);
        let filled = read.map_err(|error| {
            let done = error.offset.saturating_sub(from);
            in_file(&error, at.saturating_add(done))
        })?;
        if filled == bytes.len() {
            return Ok(());
        }
        let missing = u64::try_from(filled).unwrap_or(u64::MAX);
        let error = DiskError::corrupt(from.saturating_add(missing), "the file of the image is cut short");
        Err(in_file(&error, at.saturating_add(missing)))
    }

    fn read_parent(&self, bytes: &mut [u8], at: u64) -> DiskResult<()> {
        let filled = match &self.parent {
            Some(parent) => parent.read_at(bytes, at)?,
            None => 0,
        };
        // A parent may be shorter.
        bytes.get_mut(filled..).unwrap_or_default().fill(0);
        Ok(())
    }

    fn read_packed(&self, bytes: &mut [u8], at: u64, packed: Packed) -> DiskResult<()> {
        let unit = self.map.unit().max(1);
        let start = at / unit * unit;
        let unit_length = usize::try_from(unit).unwrap_or(usize::MAX);
        if start == at && bytes.len() == unit_length {
            return self.unpack(bytes, start, packed);
        }
        let key: Key = (self.map.store().number(), packed.at, packed.length);
        let inflater = self.map.store().inflater();
        let whole = if let Some(kept) = inflater.kept(key) {
            kept
        } else {
            let mut whole = vec![0; unit_length];
            self.unpack(&mut whole, start, packed)?;
            let whole: Arc<[u8]> = whole.into();
            inflater.keep(key, &whole);
            whole
        };
        let from = usize::try_from(at - start).unwrap_or(usize::MAX);
        let to = from.saturating_add(bytes.len());
        let Some(here) = whole.get(from..to) else {
            return Err(DiskError::corrupt(at, "a compressed unit is too short"));
        };
        bytes.copy_from_slice(here);
        Ok(())
    }

    /// Inflates the unit that starts at `start`.
    fn unpack(&self, out: &mut [u8], start: u64, packed: Packed) -> DiskResult<()> {
        let store = self.map.store();
        let mut stored = vec![0; packed.length];
        // The length is often rounded up past the end of the file.
        let filled = store.disk().read_at(&mut stored, packed.at).map_err(|error| in_file(&error, start))?;
        let stored = stored.get(..filled).unwrap_or_default();
        let filled = store
            .inflater()
            .inflate(packed.form, stored, out)
            .map_err(|error| in_file(&DiskError { offset: packed.at, ..error }, start))?;
        // Past the end of the disk nothing need be.
        let needed = self.map.size().saturating_sub(start);
        if u64::try_from(filled).unwrap_or(0) < needed.min(self.map.unit()) {
            let error = DiskError::corrupt(packed.at, "compressed data ends before its unit is full");
            return Err(in_file(&error, start));
        }
        out.get_mut(filled..).unwrap_or_default().fill(0);
        Ok(())
    }

    /// The first data of a range that lies in the file, which has holes of its own
    /// where space was set aside.
    fn stored_data(&self, range: Range<u64>, from: u64) -> Option<Range<u64>> {
        let length = range.end - range.start;
        let end = from.saturating_add(length);
        if end > self.map.data().size() {
            // What is missing is no hole.
            return Some(range);
        }
        match self.files_next.next_data(&**self.map.data(), from) {
            Ok(next) => next.filter(|next| next.start < end).map(|next| {
                let place = |at: u64| range.start + (at - from);
                place(next.start)..place(next.end.min(end))
            }),
            // The read will tell.
            Err(_) => Some(range),
        }
    }
}

/// An error of the file as one of the disk.
fn in_file(error: &DiskError, at: u64) -> DiskError {
    DiskError {
        offset: at,
        message: format!("{} (byte {} of the file)", error.message, error.offset).into(),
        ..error.clone()
    }
}

impl<M: Map> Disk for Mapped<M> {
    fn size(&self) -> u64 {
        self.map.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let left = usize::try_from(self.map.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(left);
        let mut filled = 0;
        while filled < wanted {
            let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            let limit = wanted - filled;
            let run = self.run(at, u64::try_from(limit).unwrap_or(u64::MAX))?;
            let length = usize::try_from(run.length).unwrap_or(usize::MAX).min(limit);
            let here = bytes.get_mut(filled..filled + length).unwrap_or_default();
            match run.place {
                Place::Zero => here.fill(0),
                Place::Parent => self.read_parent(here, at)?,
                Place::At(from) => self.read_file(here, at, from)?,
                Place::Packed(packed) => self.read_packed(here, at, packed)?,
            }
            filled += length;
        }
        Ok(filled)
    }

    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        let size = self.map.size();
        let mut at = from;
        let mut data: Option<Range<u64>> = None;
        for _ in 0..MAX_RUNS {
            if at >= size {
                return Ok(data);
            }
            let run = match self.run(at, size - at) {
                Ok(run) => run,
                // What was found is told first; the error comes with the next question.
                Err(_) if data.is_some() => return Ok(data),
                Err(error) => return Err(error),
            };
            let end = at.saturating_add(run.length).min(size);
            let found = match (run.place, &self.parent) {
                (Place::Zero, _) | (Place::Parent, None) => None,
                (Place::Parent, Some(parent)) => self
                    .parents_next
                    .next_data(&**parent, at)?
                    .filter(|next| next.start < end)
                    .map(|next| next.start..next.end.min(end)),
                (Place::At(from), _) => self.stored_data(at..end, from),
                (Place::Packed(_), _) => Some(at..end),
            };
            match (&mut data, found) {
                (None, None) => at = end,
                (Some(_), None) => return Ok(data),
                (Some(known), Some(more)) if more.start > known.end => return Ok(data),
                (known, Some(more)) => {
                    let start = known.as_ref().map_or(more.start, |known| known.start);
                    at = more.end.max(at + 1);
                    if at - start >= MAX_DATA {
                        return Ok(Some(start..at));
                    }
                    *known = Some(start..at);
                }
            }
        }
        match data {
            Some(_) => Ok(data),
            None => {
                Err(DiskError::over_budget(at, "the tables of the image are too long to look for data in"))
            }
        }
    }
}
