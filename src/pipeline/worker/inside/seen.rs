//! Archives that were seen before: the same layer in several images, the same jar in
//! several applications. Each is looked into once, and what was found is reported at
//! every place.
//!
//! Two are the same where size and BLAKE3 of their bytes are. The first of a size is
//! hashed while it is read; only further ones of that size are read to be hashed first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::{Worker, lock};
use super::Outcome;
use crate::source::content::{Extent, ReadAt};
use crate::source::unpack::Effort;

/// Smaller ones are faster looked into than looked up.
pub(super) const FROM: u64 = 64 << 10;
/// Memory for what was found in them, in bytes, and the most that are remembered.
const BUDGET: usize = 16 << 20;
const MAX: usize = 200_000;
/// How much is hashed at a time.
const STEP: usize = 64 << 10;

/// Size and digest.
pub(super) type Key = (u64, blake3::Hash);

/// What was looked into before. What is not remembered is looked into again, with the
/// same result.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Seen {
    sizes: HashSet<u64>,
    outcomes: HashMap<Key, Arc<Outcome>>,
    cost: usize,
}

impl Seen {
    /// Whether this is the first of its size.
    fn is_first(&mut self, size: u64) -> bool {
        self.sizes.len() >= MAX || self.sizes.insert(size)
    }

    /// What became of a file, or of a member where that is the same of a file that may take
    /// as much as `room`.
    pub(super) fn of_file(&self, key: &Key, room: &Effort) -> Option<Arc<Outcome>> {
        let fits = |outcome: &Outcome| outcome.took.is_some_and(|took| took.fits(room));
        let is_same = |outcome: &Outcome| !outcome.is_member || (!outcome.has_parts && fits(outcome));
        self.outcomes.get(key).filter(|outcome| is_same(outcome)).cloned()
    }

    /// What became of a member, or of a file where that is the same of a member.
    pub(super) fn of_member(&self, key: &Key, room: &Effort) -> Option<Arc<Outcome>> {
        let fits = |outcome: &Outcome| outcome.took.is_some_and(|took| took.fits(room));
        self.outcomes.get(key).filter(|outcome| fits(outcome)).cloned()
    }

    pub(super) fn keep(&mut self, key: Key, outcome: Outcome) {
        if self.outcomes.contains_key(&key) {
            return;
        }
        if self.sizes.len() < MAX {
            self.sizes.insert(key.0);
        }
        let cost = outcome.found.iter().map(|found| found.cost()).sum::<usize>() + 256;
        if self.cost.saturating_add(cost) <= BUDGET && self.outcomes.len() < MAX {
            self.cost += cost;
            self.outcomes.insert(key, Arc::new(outcome));
        }
    }
}

/// The key of a content that is at hand.
pub(super) fn key_of(bytes: &[u8]) -> Key {
    (u64::try_from(bytes.len()).unwrap_or(u64::MAX), blake3::hash(bytes))
}

/// The key of a file that may have been seen before: there was one of its size.
pub(super) fn key(worker: &Worker<'_>, medium: &impl ReadAt, start: u64, extent: Extent) -> Option<Key> {
    let whole = start == 0 && extent.size >= FROM && extent.stored >= extent.size;
    if !whole || lock(&worker.shared.seen).is_first(extent.size) {
        return None;
    }
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; STEP];
    let mut at = 0;
    while at < extent.size {
        let want = usize::try_from(extent.size - at).unwrap_or(STEP).min(STEP);
        let read = medium.read_at(buffer.get_mut(..want)?, at).ok().filter(|read| *read > 0)?;
        hasher.update(buffer.get(..read)?);
        at = at.saturating_add(u64::try_from(read).ok()?);
    }
    Some((extent.size, hasher.finalize()))
}
