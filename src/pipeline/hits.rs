//! The matches of one content, bounded, with their lines and columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use memchr::{memchr_iter, memrchr};

use crate::finding::{MemberFacts, Secret, Severity};
use crate::rules::RuleSet;
use crate::scan::Match;
use crate::source::FileStat;
use crate::source::content::ReadAt;

/// The most bytes of matches that are kept of one file, in memory.
const MAX_FILE_COST: usize = 4 << 20;
/// The most bytes of matches that are kept of all that is inside of one file.
pub(super) const MAX_INSIDE_COST: usize = 16 << 20;
/// What a match costs besides its bytes: the struct, its maps, its records.
const MATCH_COST: usize = 512;

/// Counts by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally([u64; Severity::ALL.len()]);

impl Tally {
    pub(super) fn add(&mut self, severity: Severity, number: u64) {
        for (known, count) in Severity::ALL.iter().zip(&mut self.0) {
            if *known == severity {
                *count = count.saturating_add(number);
            }
        }
    }

    pub(super) fn add_all(&mut self, other: &Self, times: u64) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count = count.saturating_add(more.saturating_mul(times));
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Severities that occur, with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Severity, u64)> {
        Severity::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

/// A match and where it stands.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) hit: Match,
    pub(super) line: u64,
    pub(super) column: u64,
}

/// Collects the matches of one content.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pub(super) listed: Vec<Placed>,
    /// Those beyond the limits.
    pub(super) unlisted: Tally,
    cost: usize,
    /// Those inside of the content, where it is an archive or compressed.
    pub(super) inside: Vec<Arc<InsideHits>>,
    inside_cost: usize,
}

/// The matches of one content inside of a file.
#[derive(Debug)]
pub(super) struct InsideHits {
    /// The way to it from the file.
    pub(super) steps: Vec<InsideStep>,
    /// What the innermost archive says of it.
    pub(super) member: Option<MemberFacts>,
    pub(super) hits: Arc<[Placed]>,
    /// Those beyond the limits.
    pub(super) unlisted: Tally,
    cost: usize,
}

/// A step of the way inside of a file: its kind, and its name where it has one.
pub(super) type InsideStep = (&'static str, Option<String>);

impl InsideHits {
    pub(super) fn new(steps: Vec<InsideStep>, member: Option<MemberFacts>, hits: Collector) -> Self {
        let Collector { listed, unlisted, .. } = hits;
        let cost =
            256 + cost_of_steps(&steps) + listed.iter().map(|placed| cost_of(&placed.hit)).sum::<usize>();
        Self { steps, member, hits: listed.into(), unlisted, cost }
    }

    /// The same where what it is in lies at the end of a further way.
    pub(super) fn beneath(&self, way: &[InsideStep], member: Option<&MemberFacts>) -> Self {
        Self {
            steps: way.iter().chain(&self.steps).cloned().collect(),
            member: self.member.as_ref().or(member).cloned(),
            hits: Arc::clone(&self.hits),
            unlisted: self.unlisted,
            cost: self.cost.saturating_add(cost_of_steps(way)),
        }
    }

    /// Memory that it takes, roughly, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    pub(super) fn tally(&self, rules: &RuleSet) -> Tally {
        let mut tally = self.unlisted;
        for placed in &*self.hits {
            tally.add(severity_of(&placed.hit, rules), 1);
        }
        tally
    }
}

impl Collector {
    pub(super) fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.unlisted.total() == 0 && self.inside.is_empty()
    }

    /// Takes what was found inside of this content; beyond a limit it is counted only.
    pub(super) fn take_inside(&mut self, found: Arc<InsideHits>, rules: &RuleSet) {
        if self.inside_cost.saturating_add(found.cost) > MAX_INSIDE_COST {
            self.unlisted.add_all(&found.tally(rules), 1);
            // Nothing later is listed, so that what is does not depend on sizes.
            self.inside_cost = MAX_INSIDE_COST;
            return;
        }
        self.inside_cost += found.cost;
        self.inside.push(found);
    }

    /// Takes what was found inside of this content beyond a limit.
    pub(super) fn take_unlisted_inside(&mut self, unlisted: &Tally) {
        if unlisted.total() > 0 {
            self.unlisted.add_all(unlisted, 1);
            self.inside_cost = MAX_INSIDE_COST;
        }
    }

    /// Takes a match, if fewer than `max` are listed.
    pub(super) fn take(&mut self, hit: Match, max: u64, rules: &RuleSet) {
        let cost = cost_of(&hit);
        let full = u64::try_from(self.listed.len()).unwrap_or(u64::MAX) >= max;
        if full || self.cost.saturating_add(cost) > MAX_FILE_COST {
            self.unlisted.add(severity_of(&hit, rules), 1);
            // Nothing later is listed, so that what is does not depend on sizes.
            self.cost = MAX_FILE_COST;
            return;
        }
        self.cost += cost;
        self.listed.push(Placed { hit, line: 0, column: 0 });
    }

    /// Finds lines and columns in a content that is at hand as a whole.
    pub(super) fn place_in(&mut self, bytes: &[u8]) {
        self.sort();
        Lines::default().pass(bytes, 0, &mut self.listed);
    }

    /// Finds lines and columns in a content that must be read again, up to the
    /// last match. What cannot be read has no lines; holes have none.
    pub(super) fn place_by_reading(&mut self, medium: &impl ReadAt, sparse: bool) {
        self.sort();
        let Some(last) = self.listed.last().map(|last| last.hit.secret_start) else { return };
        let mut lines = Lines::default();
        let mut window = vec![0; 256 << 10];
        let mut at = 0;
        while at <= last {
            let mut end = u64::MAX;
            if sparse {
                match medium.next_data(at) {
                    Ok(Some((start, stop))) => (at, end) = (start, stop),
                    Ok(None) => break,
                    Err(_) => {}
                }
            }
            while at < end && at <= last {
                let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(window.len());
                let Some(part) = window.get_mut(..want) else { break };
                match medium.read_at(part, at) {
                    Ok(0) => at = u64::MAX,
                    Ok(read) => {
                        lines.pass(part.get(..read).unwrap_or_default(), at, &mut self.listed);
                        at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                    }
                    Err(_) => at = (at - at % 4096).saturating_add(4096),
                }
            }
        }
        // Not reached: the content is shorter now.
        for placed in self.listed.iter_mut().skip(lines.placed) {
            (placed.line, placed.column) = (lines.line(), 1);
        }
    }

    pub(super) fn sort(&mut self) {
        self.listed.sort_by_key(|placed| (placed.hit.secret_start, placed.hit.rule, placed.hit.start));
    }
}

/// The severity by the rule: what is known without looking closer.
pub(super) fn severity_of(hit: &Match, rules: &RuleSet) -> Severity {
    rules.rules().get(hit.rule).map_or(Severity::Info, |rule| rule.severity)
}

fn cost_of_steps(steps: &[InsideStep]) -> usize {
    steps.iter().map(|(_, name)| name.as_ref().map_or(0, String::len) + 64).sum()
}

fn cost_of(hit: &Match) -> usize {
    let attributes: usize = hit.attributes.iter().map(|(name, value)| name.len() + value.len() + 64).sum();
    MATCH_COST + hit.secret.len() + attributes
}

/// Counts lines over a content that passes in order.
#[derive(Debug, Default)]
struct Lines {
    newlines: u64,
    line_start: u64,
    /// How many matches have been placed.
    placed: usize,
}

impl Lines {
    fn line(&self) -> u64 {
        self.newlines.saturating_add(1)
    }

    /// Takes the bytes at `base` and places the matches that begin in them.
    fn pass(&mut self, bytes: &[u8], base: u64, listed: &mut [Placed]) {
        let mut done = 0;
        while let Some(placed) = listed.get_mut(self.placed) {
            let at = usize::try_from(placed.hit.secret_start.saturating_sub(base)).unwrap_or(usize::MAX);
            if at >= bytes.len() {
                break;
            }
            self.count(bytes.get(done..at).unwrap_or_default(), base, done);
            done = at.max(done);
            placed.line = self.line();
            placed.column = placed.hit.secret_start.saturating_sub(self.line_start).saturating_add(1);
            self.placed += 1;
        }
        self.count(bytes.get(done..).unwrap_or_default(), base, done);
    }

    fn count(&mut self, bytes: &[u8], base: u64, done: usize) {
        let widen = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        if let Some(last) = memrchr(b'\n', bytes) {
            self.newlines = self.newlines.saturating_add(widen(memchr_iter(b'\n', bytes).count()));
            self.line_start = base.saturating_add(widen(done)).saturating_add(widen(last)).saturating_add(1);
        }
    }
}

/// Finds lines and columns in a content that passes in windows and cannot be read again.
#[derive(Debug, Default)]
pub(super) struct PassingLines {
    lines: Lines,
    /// Up to where lines have been counted.
    at: u64,
    /// Lines and columns of matches that the scanner still holds back.
    known: BTreeMap<u64, (u64, u64)>,
    /// How many matches have been placed.
    placed: usize,
}

impl PassingLines {
    /// Takes a window that begins at `base`, of which the bytes from `next` on come again:
    /// places the matches that were given with it, and notes where those stand that
    /// `pending` tells of.
    pub(super) fn pass(
        &mut self,
        bytes: &[u8],
        base: u64,
        next: u64,
        pending: impl Iterator<Item = u64>,
        listed: &mut [Placed],
    ) {
        let held: Vec<u64> = pending.collect();
        let new = listed.get_mut(self.placed..).unwrap_or_default();
        let mut wanted: Vec<u64> =
            new.iter().map(|placed| placed.hit.secret_start).chain(held.iter().copied()).collect();
        wanted.retain(|at| !self.known.contains_key(at));
        wanted.sort_unstable();
        wanted.dedup();
        let part = |from: u64, to: u64| {
            let index =
                |at: u64| usize::try_from(at.saturating_sub(base)).unwrap_or(usize::MAX).min(bytes.len());
            bytes.get(index(from)..index(to)).unwrap_or_default()
        };
        let mut ahead = Lines { newlines: self.lines.newlines, line_start: self.lines.line_start, placed: 0 };
        let mut from = self.at;
        for at in wanted {
            ahead.count(part(from, at), from, 0);
            from = from.max(at);
            self.known.insert(at, (ahead.line(), at.saturating_sub(ahead.line_start).saturating_add(1)));
        }
        for placed in new {
            (placed.line, placed.column) =
                self.known.get(&placed.hit.secret_start).copied().unwrap_or((1, 1));
            self.placed += 1;
        }
        self.known.retain(|at, _| held.contains(at));
        self.lines.count(part(self.at, next), self.at, 0);
        self.at = self.at.max(next);
    }
}

/// The findings of one file.
#[derive(Debug)]
pub(super) struct Found {
    /// What the filesystem says; none where the content is no file.
    pub(super) stat: Option<FileStat>,
    /// Whether the file was deleted.
    pub(super) deleted: bool,
    pub(super) hits: Vec<Placed>,
    /// Findings beyond the limits of one file, by the severities of their rules.
    pub(super) unlisted: Tally,
    /// What was found inside of it.
    pub(super) inside: Vec<Arc<InsideHits>>,
}

impl Found {
    /// Memory that it takes, roughly, in bytes.
    pub(super) fn cost(&self) -> usize {
        let inside: usize = self.inside.iter().map(|inside| inside.cost).sum();
        self.hits.iter().map(|placed| cost_of(&placed.hit)).sum::<usize>() + inside + 256
    }

    /// Every secret, inside of it too.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let inside = self.inside.iter().flat_map(|inside| &*inside.hits);
        self.hits.iter().chain(inside).map(|placed| &placed.hit.secret)
    }

    /// Findings beyond the limits, inside of it too.
    pub(super) fn all_unlisted(&self) -> Tally {
        let mut tally = self.unlisted;
        self.inside.iter().for_each(|inside| tally.add_all(&inside.unlisted, 1));
        tally
    }

    /// How many there are, listed or not, by the severities of their rules.
    pub(super) fn tally(&self, rules: &RuleSet) -> Tally {
        let mut tally = self.unlisted;
        for placed in &self.hits {
            tally.add(severity_of(&placed.hit, rules), 1);
        }
        self.inside.iter().for_each(|inside| tally.add_all(&inside.tally(rules), 1));
        tally
    }
}
