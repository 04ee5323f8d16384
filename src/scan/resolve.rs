//! One secret, one finding per place: which of several overlapping matches stay.
//!
//! A match is dropped when its secret lies in what a better match claims (its
//! text, its secret, its companions). Better is the higher priority of the rule,
//! then text that was base64 (it is the value that the text as it is only encodes), then
//! the longer match, then the earlier start, then the earlier rule. Matches
//! whose claims do not touch are independent, so a group can be settled as soon
//! as no later match can touch it; that keeps the list short, and the result does
//! not depend on when it is done.

use std::ops::Range;

use super::Match;
use super::watch::Claimant;
use crate::finding::Encoding;

/// Whether a secret that was found behind these encodings is text that was base64.
pub(super) fn is_decoded(encodings: &[Encoding], secret: &[u8]) -> bool {
    encodings.last() == Some(&Encoding::Base64) && std::str::from_utf8(secret).is_ok()
}

/// A match with what it claims.
pub(crate) struct Pending {
    pub(crate) found: Match,
    pub(crate) priority: i32,
    pub(crate) secret: Range<u64>,
    /// Everything that belongs to it, the match itself first.
    pub(crate) claims: Vec<Range<u64>>,
}

impl Pending {
    fn hull(&self) -> Range<u64> {
        let start = self.claims.iter().map(|claim| claim.start).min().unwrap_or(self.secret.start);
        let end = self.claims.iter().map(|claim| claim.end).max().unwrap_or(self.secret.end);
        start.min(self.secret.start)..end.max(self.secret.end)
    }

    fn is_decoded(&self) -> bool {
        is_decoded(&self.found.encodings, self.found.secret.expose())
    }

    /// The greater, the better.
    pub(crate) fn rank(&self) -> impl Ord + use<> {
        let length = self.found.end - self.found.start;
        let decoded = self.is_decoded();
        (
            self.priority,
            decoded,
            length,
            std::cmp::Reverse((self.found.start, self.found.rule, self.secret.start)),
        )
    }

    fn claimant(&self) -> Claimant {
        let Match { rule, start, end, .. } = self.found;
        Claimant { rule, priority: self.priority, start, end, decoded: self.is_decoded() }
    }

    pub(crate) fn claims_secret_of(&self, other: &Self) -> bool {
        let touches = |claim: &Range<u64>| claim.start < other.secret.end && other.secret.start < claim.end;
        touches(&self.secret) || self.claims.iter().any(touches)
    }
}

/// Matches that are not settled yet.
#[derive(Default)]
pub(crate) struct Resolver {
    pending: Vec<Pending>,
    /// How many may be pending before groups are settled.
    limit: usize,
    /// Which matches were dropped, each with the better one, where that is asked.
    dropped: Option<Vec<(Claimant, Claimant)>>,
}

/// Below this many pending matches nothing is settled early.
const SETTLE_FROM: usize = 256;
/// Above this many, all are settled, whatever may follow: content of one rule's
/// matches without end, which touch each other.
const SETTLE_ALL: usize = 8192;

impl Resolver {
    /// Whether to note which matches are dropped.
    pub(super) fn tell_dropped(&mut self, on: bool) {
        self.dropped = on.then(Vec::new);
    }

    /// The matches that were dropped since this was last asked, each with the one
    /// that it was dropped for.
    pub(super) fn take_dropped(&mut self) -> Vec<(Claimant, Claimant)> {
        self.dropped.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Where the secrets of matches stand that are not settled.
    pub(crate) fn pending(&self) -> impl Iterator<Item = u64> + '_ {
        self.pending.iter().map(|pending| pending.found.secret_start)
    }

    /// Adds a match. `horizon`: no match that is added later claims anything
    /// before it.
    pub(crate) fn push(&mut self, pending: Pending, horizon: u64, sink: &mut dyn FnMut(Match)) {
        let twin = |other: &Pending| {
            other.found.rule == pending.found.rule
                && other.found.start == pending.found.start
                && other.found.end == pending.found.end
                && other.is_decoded() == pending.is_decoded()
        };
        // A match that holds several of its rule's literals is found by each.
        if self.pending.iter().rev().take(64).any(twin) {
            return;
        }
        self.pending.push(pending);
        if self.pending.len() >= SETTLE_ALL {
            self.settle(u64::MAX, sink);
        } else if self.pending.len() >= self.limit.max(SETTLE_FROM) {
            self.settle(horizon, sink);
            self.limit = self.pending.len() * 2;
        }
    }

    /// Settles everything.
    pub(crate) fn finish(&mut self, sink: &mut dyn FnMut(Match)) {
        self.settle(u64::MAX, sink);
        self.limit = 0;
    }

    fn settle(&mut self, horizon: u64, sink: &mut dyn FnMut(Match)) {
        if self.pending.is_empty() {
            return;
        }
        let mut all = std::mem::take(&mut self.pending);
        all.sort_by_key(|pending| (pending.hull().start, pending.found.rule, pending.found.start));
        let mut group: Vec<Pending> = Vec::new();
        let mut end = 0;
        for pending in all {
            let hull = pending.hull();
            if !group.is_empty() && hull.start >= end {
                self.settle_group(&mut group, end, horizon, sink);
            }
            end = end.max(hull.end);
            group.push(pending);
        }
        self.settle_group(&mut group, end, horizon, sink);
    }

    fn settle_group(
        &mut self,
        group: &mut Vec<Pending>,
        end: u64,
        horizon: u64,
        sink: &mut dyn FnMut(Match),
    ) {
        if end > horizon {
            self.pending.append(group);
            return;
        }
        group.sort_by_key(|pending| std::cmp::Reverse(pending.rank()));
        let mut kept: Vec<Pending> = Vec::new();
        for pending in group.drain(..) {
            match kept.iter().find(|better| better.claims_secret_of(&pending)) {
                None => kept.push(pending),
                Some(better) => {
                    if let Some(dropped) = &mut self.dropped {
                        dropped.push((pending.claimant(), better.claimant()));
                    }
                }
            }
        }
        kept.sort_by_key(|pending| (pending.secret.start, pending.found.rule));
        kept.into_iter().for_each(|pending| sink(pending.found));
    }
}
