//! Members that are archives themselves and were gone through before: the same jar in two
//! applications, the same layer in two images.
//!
//! Role: what is found in such a member is collected with the way from the member, and told
//! with the way to it, whether it is met for the first time or again: by one and the same
//! code, so that records and counts are the same. Not for: which members are held to be
//! looked up (see `source::unpack`), and files of the disk (see [`super::seen`]).

use std::sync::Arc;

use super::super::lock;
use super::seen::Key;
use super::{Inside, InsideStep, MAX_PROBLEMS, Outcome, innermost, named, seen};
use crate::finding::Reason;
use crate::pipeline::hits::{InsideHits, MAX_INSIDE_COST, Tally};
use crate::rules::RuleSet;
use crate::source::unpack::{Effort, Place};

/// A member that is gone through.
pub(super) struct Nested {
    pub(super) outcome: Outcome,
    /// How many steps lead to it.
    pub(super) level: usize,
    key: Key,
}

/// Tells of a member again if one with the same bytes was gone through before; what that
/// took.
pub(super) fn again(
    inside: &mut Inside<'_, '_>,
    place: &Place<'_>,
    bytes: &[u8],
    room: &Effort,
) -> Option<Effort> {
    let key = seen::key_of(bytes);
    let known = lock(&inside.worker.shared.seen).of_member(&key, room);
    if let Some(outcome) = known {
        merge(inside, place, &outcome);
        return outcome.took;
    }
    let outcome = Outcome { is_whole: true, is_member: true, ..Outcome::default() };
    inside.nested.push(Nested { outcome, level: place.steps.len(), key });
    None
}

/// Tells of a member that was gone through, and remembers it where it would be told the same
/// in another place.
pub(super) fn went_through(inside: &mut Inside<'_, '_>, place: &Place<'_>, took: Option<Effort>) {
    let Some(Nested { mut outcome, key, .. }) = inside.nested.pop() else { return };
    merge(inside, place, &outcome);
    outcome.set_took(took);
    if outcome.is_whole && outcome.took.is_some() {
        lock(&inside.worker.shared.seen).keep(key, outcome);
    }
}

/// Tells what became of the member at the end of the way.
fn merge(inside: &mut Inside<'_, '_>, place: &Place<'_>, outcome: &Outcome) {
    let own = inside.own_steps(place);
    let (way, member) = (named(own), innermost(own));
    for found in &outcome.found {
        inside.take(found.beneath(&way, member.as_ref()));
    }
    match inside.nested.last_mut() {
        Some(outer) => outer.outcome.leave_unlisted(&outcome.unlisted),
        None => inside.hits.take_unlisted_inside(&outcome.unlisted),
    }
    let way = inside.whole_steps(place);
    let outer = inside.outcome();
    outer.is_whole &= outcome.unlisted.total() == 0;
    outer.take_in(&way, outcome);
}

impl Outcome {
    /// Counts and lists what became of something in it, to which this way leads.
    pub(super) fn take_in(&mut self, way: &[InsideStep], inner: &Self) {
        self.counts.merge(&inner.counts);
        self.problems_unlisted += inner.problems_unlisted;
        for (steps, bytes) in &inner.cut {
            self.cut_off([way, &**steps].concat(), *bytes);
        }
        for (steps, reason, offset, message) in &inner.problems {
            if self.problems.len() < MAX_PROBLEMS {
                let steps = [way, &**steps].concat();
                self.problems.push((steps, *reason, *offset, message.clone()));
            } else {
                self.problems_unlisted += 1;
            }
        }
    }

    pub(super) fn set_took(&mut self, took: Option<Effort>) {
        // What was over a limit may be within it elsewhere.
        let is_limited = self.counts.problems.contains_key(&Reason::OverBudget);
        self.took = took.filter(|_| !is_limited);
    }

    /// Keeps what was found in a member, up to the limit of a file.
    pub(super) fn keep_of_member(&mut self, found: InsideHits, rules: &RuleSet) {
        if self.cost.saturating_add(found.cost()) > MAX_INSIDE_COST {
            return self.leave_unlisted(&found.tally(rules));
        }
        self.cost += found.cost();
        self.found.push(Arc::new(found));
    }

    /// Counts what is not listed; nothing later is, so that what is does not depend on sizes.
    pub(super) fn leave_unlisted(&mut self, unlisted: &Tally) {
        if unlisted.total() > 0 {
            self.unlisted.add_all(unlisted, 1);
            (self.cost, self.is_whole) = (MAX_INSIDE_COST, false);
        }
    }
}
