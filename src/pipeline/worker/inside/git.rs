//! Files of git: read at offsets, and each object scanned once in a scan.

use std::collections::HashSet;
use std::io;

use super::super::{Worker, lock};
use super::{Inside, Outcome, Way, tell};
use crate::pipeline::hits::Collector;
use crate::source::content::{Extent, ReadAt};
use crate::source::unpack::git::{self, Bytes, ObjectId};

/// The most objects that are remembered: 20 bytes each, and as much for the table.
const MAX: usize = 1_000_000;
/// What a file is told by.
const START: usize = 512;

/// Objects in which nothing was found, nothing was wrong and nothing was opened. A further
/// one of the same id is counted as if it had been scanned, so that the counts do not depend
/// on which thread came first.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Objects(HashSet<ObjectId>);

/// How many findings, problems and opened things there were.
pub(super) type Told = (usize, u64, u64);

/// Whether the file is one of git's.
pub(super) fn detects(medium: &impl ReadAt) -> bool {
    let mut start = [0; START];
    let read = medium.read_at(&mut start, 0).unwrap_or(0);
    git::detect(start.get(..read).unwrap_or_default())
}

/// Scans a pack or a loose object. Returns how many bytes of the file were understood.
pub(super) fn scan(
    worker: &mut Worker<'_>,
    path: &dyn Fn() -> Vec<u8>,
    medium: &impl ReadAt,
    extent: Extent,
    hits: &mut Collector,
) -> u64 {
    let unpacker = std::rc::Rc::clone(&worker.unpacker);
    let mut outcome = Outcome::default();
    let way = Way::default();
    let mut inside = Inside::new(worker, hits, &mut outcome, &way);
    let stored = extent.stored.min(extent.size);
    let understood = unpacker.unpack_git(Box::new(Medium(medium)), (extent.size, stored), &mut inside);
    tell(worker, path, &outcome);
    understood
}

/// A medium of which any byte can be read.
pub(super) struct Medium<'m, M>(pub(super) &'m M);

/// Whether a file begins so.
pub(super) fn begins_with(medium: &impl ReadAt, magic: &[u8]) -> bool {
    let mut start = [0; 8];
    let read = medium.read_at(&mut start, 0).unwrap_or(0);
    start.get(..read).is_some_and(|start| start.starts_with(magic))
}

impl<M: ReadAt> Bytes for Medium<'_, M> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(bytes, offset).map_err(|error| io::Error::other(error.to_string()))
    }
}

fn told(inside: &mut Inside<'_, '_>) -> Told {
    let outcome = inside.outcome();
    let problems = outcome.counts.problems.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
    (outcome.found.len(), problems, outcome.counts.opened)
}

pub(super) fn knows(inside: &mut Inside<'_, '_>, object: &ObjectId, size: u64) -> bool {
    let known = lock(&inside.worker.shared.objects).0.contains(object);
    if known {
        inside.outcome().counts.scan(size);
    } else {
        inside.before = Some(told(inside));
    }
    known
}

pub(super) fn went_through(inside: &mut Inside<'_, '_>, object: &ObjectId) {
    let before = inside.before.take();
    if before == Some(told(inside)) {
        let mut objects = lock(&inside.worker.shared.objects);
        if objects.0.len() < MAX {
            objects.0.insert(*object);
        }
    }
}
