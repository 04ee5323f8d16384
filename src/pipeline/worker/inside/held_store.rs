//! Stores that are members of archives or were compressed: read at any place, which a
//! stream is not.
//!
//! Role: holds such a content, within a limit, or of a large one the parts that its store
//! reads, and gives it to the scanner by records and then as it is stored. Not for: stores
//! that can be read where they lie (see [`super::stored`]).

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use super::super::lock;
use super::stored::{Told, records};
use super::{Inside, innermost, named, widen};
use crate::finding::Reason;
use crate::pipeline::hits::{Collector, InsideHits};
use crate::source::content::ReadAt;
use crate::source::disk::DiskError;
use crate::source::store::{Source, Store};
use crate::source::unpack::{Input, Place};

/// So much of one is held by any thread: the headers of a core dump lie in it.
const FIRST: usize = 4 << 20;
/// So much by one thread at a time.
const MAX_HELD: usize = 64 << 20;
/// The most bytes of parts.
const MAX_PARTS: u64 = 16 << 20;

impl Inside<'_, '_> {
    /// Scans a content that is a store; returns how many bytes it had.
    pub(super) fn scan_store(
        &mut self,
        place: &Place<'_>,
        input: &mut Input<'_>,
        store: &dyn Store,
        found: &mut Collector,
    ) -> u64 {
        let mut first = Vec::new();
        let is_whole = hold(input, &mut first, FIRST);
        if is_whole {
            return self.scan_held(place, &first, store, found);
        }
        if let Some(parts) = store.parts(&first).filter(|parts| length(parts) <= MAX_PARTS) {
            return self.scan_parts(place, (first, input), &parts, store, found);
        }
        let shared = self.worker.shared;
        let _turn = lock(&shared.stores);
        if hold(input, &mut first, MAX_HELD) {
            return self.scan_held(place, &first, store, found);
        }
        let message = format!(
            "this {} is larger than is read where it is no file of a disk ({} MiB): it is searched as it is \
             stored",
            store.name(),
            MAX_HELD >> 20
        );
        let steps = self.whole_steps(place);
        self.outcome().problem(steps, Reason::OverBudget, None, message);
        self.scan(place, &mut first.as_slice().chain(input), None, found)
    }

    fn scan_held(
        &mut self,
        place: &Place<'_>,
        bytes: &[u8],
        store: &dyn Store,
        found: &mut Collector,
    ) -> u64 {
        let told = self.records(place, &Held(bytes), widen(bytes.len()), store);
        self.scan(place, &mut &*bytes, Some(&told), found)
    }

    /// Scans one of which only parts are held while it passes.
    fn scan_parts(
        &mut self,
        place: &Place<'_>,
        (first, input): (Vec<u8>, &mut Input<'_>),
        parts: &[Range<u64>],
        store: &dyn Store,
        found: &mut Collector,
    ) -> u64 {
        let parts = parts.iter().map(|part| (part.clone(), Vec::new())).collect();
        let mut tee = Tee { reader: first.as_slice().chain(input), at: 0, parts };
        let size = self.scan(place, &mut tee, None, found);
        let Tee { parts, .. } = tee;
        let known = self.records(place, &Parts { first: &first, parts }, size, store);
        found.listed.retain(|placed| !known.has(&placed.hit));
        size
    }

    /// Scans the records of one, and takes what is found in them.
    fn records(
        &mut self,
        place: &Place<'_>,
        file: &dyn ReadAt,
        size: u64,
        store: &dyn Store,
    ) -> super::Known {
        let source = Source { file, size, path: b"", tree: None, is_scanned: &|_, _| false };
        let Told { hits, outcome, known } = records(self.worker, &source, store, true);
        let own = self.own_steps(place);
        let (way, member) = (named(own), innermost(own));
        let steps = self.whole_steps(place);
        let outer = self.outcome();
        outer.take_in(&steps, &outcome);
        outer.is_whole &= hits.unlisted.total() == 0;
        let found: Vec<Arc<InsideHits>> = hits.inside;
        found.iter().for_each(|found| self.take(found.beneath(&way, member.as_ref())));
        match self.nested.last_mut() {
            Some(nested) => nested.outcome.leave_unlisted(&hits.unlisted),
            None => self.hits.take_unlisted_inside(&hits.unlisted),
        }
        known
    }
}

/// Reads on until so many bytes are held; whether that is all. What cannot be read further
/// ends there, and why is told where it was opened.
fn hold(input: &mut Input<'_>, held: &mut Vec<u8>, most: usize) -> bool {
    let left = widen(most.saturating_sub(held.len()));
    let _ = input.by_ref().take(left).read_to_end(held);
    held.len() < most || input.peek(1).is_empty()
}

fn length(parts: &[Range<u64>]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(part.end.saturating_sub(part.start)))
}

/// Bytes from an offset on, as far as there are some.
fn copy(from: &[u8], begin: u64, bytes: &mut [u8], offset: u64) -> Option<usize> {
    let place = usize::try_from(offset.checked_sub(begin)?).ok()?;
    let there = from.get(place..).filter(|there| !there.is_empty())?;
    let length = there.len().min(bytes.len());
    bytes.get_mut(..length)?.copy_from_slice(there.get(..length)?);
    Some(length)
}

/// A content that is at hand.
struct Held<'h>(&'h [u8]);

impl ReadAt for Held<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, DiskError> {
        Ok(copy(self.0, 0, bytes, offset).unwrap_or(0))
    }

    fn next_data(&self, from: u64) -> Result<Option<(u64, u64)>, DiskError> {
        let size = widen(self.0.len());
        Ok((from < size).then_some((from, size)))
    }
}

/// A part of a content, by its range, as far as it has passed.
type Part = (Range<u64>, Vec<u8>);

/// A content of which parts are at hand: the others read as if they were cut off.
struct Parts<'h> {
    first: &'h [u8],
    parts: Vec<Part>,
}

impl ReadAt for Parts<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, DiskError> {
        let first = copy(self.first, 0, bytes, offset);
        let of_parts = || {
            let mut parts = self.parts.iter();
            parts.find_map(|(range, held)| copy(held, range.start, bytes, offset))
        };
        Ok(first.or_else(of_parts).unwrap_or(0))
    }

    fn next_data(&self, from: u64) -> Result<Option<(u64, u64)>, DiskError> {
        Ok(Some((from, u64::MAX)))
    }
}

/// Keeps parts of what passes.
struct Tee<R> {
    reader: R,
    at: u64,
    parts: Vec<Part>,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(bytes)?;
        let end = self.at.saturating_add(widen(read));
        for (range, held) in &mut self.parts {
            let (from, to) = (range.start.max(self.at), range.end.min(end));
            let index = |at: u64| usize::try_from(at.saturating_sub(self.at)).unwrap_or(usize::MAX);
            held.extend_from_slice(bytes.get(index(from)..index(to)).unwrap_or_default());
        }
        self.at = end;
        Ok(read)
    }
}
