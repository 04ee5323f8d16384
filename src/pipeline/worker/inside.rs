//! What a thread does with what is inside of archives and compressed files.
//!
//! Role: gives each content to the scanner, whole where it fits in a window, else in
//! windows, and counts it. Not for: formats and nesting (see `source::unpack`).

mod disks;
mod git;
mod held_store;
mod names;
mod nested;
mod seen;
mod stored;

use std::io::Read;
use std::sync::Arc;

pub(super) use git::Objects;
pub(in crate::pipeline) use names::named_steps;
pub(super) use names::text_of;
pub(super) use seen::Seen;
pub(in crate::pipeline) use stored::Siblings;
pub(super) use stored::{Known, scan as scan_store};

use super::super::hits::{Collector, InsideHits, InsideStep, MAX_INSIDE_COST, PassingLines, Tally};
use super::{Worker, lock};
use crate::finding::{Coverage, Inside as Counts, MemberFacts, Reason};
use crate::source::content::{Extent, ReadAt};
use crate::source::store;
use crate::source::unpack::git::ObjectId;
use crate::source::unpack::{Effort, Input, Place, Step, Stop, Visitor, seven_zip};
use crate::source::{MAX_CARRY, WINDOW, test_content};
use names::{innermost, named, text};

/// The most problems inside of one file that are listed.
const MAX_PROBLEMS: usize = 16;
/// The most parts of a member's name that are looked at.
const MAX_NAMES: usize = 128;

/// Scans what is inside of a file. Returns how many bytes of the file were understood.
pub(super) fn scan(
    worker: &mut Worker<'_>,
    path: &dyn Fn() -> Vec<u8>,
    medium: &impl ReadAt,
    (start, extent): (u64, Extent),
    hits: &mut Collector,
) -> u64 {
    if start == 0 && git::detects(medium) {
        return git::scan(worker, path, medium, extent, hits);
    }
    let known = seen::key(worker, medium, start, extent);
    worker.unpacker.begin(extent.stored.min(extent.size));
    let room = worker.unpacker.room();
    if let Some(outcome) = known.as_ref().and_then(|key| lock(&worker.shared.seen).of_file(key, &room)) {
        let rules = worker.rules();
        outcome.found.iter().for_each(|found| hits.take_inside(Arc::clone(found), rules));
        tell(worker, path, &outcome);
        return extent.size;
    }
    let unpacker = std::rc::Rc::clone(&worker.unpacker);
    let is_seven_zip = start == 0 && git::begins_with(medium, seven_zip::MAGIC);
    let mut digest = (known.is_none() && !is_seven_zip).then(blake3::Hasher::new);
    let file = Box::new(FileReader { medium, at: start, size: extent.size, digest: digest.as_mut() });
    let mut outcome = Outcome { is_whole: start == 0, ..Outcome::default() };
    let way = Way::default();
    let mut inside = Inside::new(worker, hits, &mut outcome, &way);
    let understood = if is_seven_zip {
        let understood = unpacker.unpack_seven_zip(0, &git::Medium(medium), extent.size, &mut inside);
        unpacker.tell_stop(&mut inside);
        understood
    } else {
        unpacker.unpack(file, extent.stored.min(extent.size), &mut inside)
    };
    if unpacker.stop().is_some_and(|stop| stop != Stop::Interrupted) {
        outcome.cut_off(Vec::new(), extent.stored.min(extent.size));
    }
    tell(worker, path, &outcome);
    outcome.set_took(unpacker.took());
    if outcome.is_whole && understood == extent.size && !unpacker.was_stopped() {
        let key = known.or_else(|| Some((extent.size, digest?.finalize())));
        if let Some(key) = key.filter(|_| extent.size >= seen::FROM) {
            lock(&worker.shared.seen).keep(key, outcome);
        }
    }
    understood
}

/// Scans what is on the disk that a file is the image of. `None`: it is none, or one that
/// is to be scanned as it is stored.
pub(super) fn scan_disk(
    worker: &mut Worker<'_>,
    path: &dyn Fn() -> Vec<u8>,
    medium: &impl ReadAt,
    extent: Extent,
    hits: &mut Collector,
) -> Option<()> {
    let key = seen::key(worker, medium, 0, extent);
    let room = Effort::default();
    if let Some(outcome) = key.as_ref().and_then(|key| lock(&worker.shared.seen).of_file(key, &room)) {
        let rules = worker.rules();
        outcome.found.iter().for_each(|found| hits.take_inside(Arc::clone(found), rules));
        tell(worker, path, &outcome);
        return Some(());
    }
    let unpacker = std::rc::Rc::clone(&worker.unpacker);
    unpacker.begin(extent.stored.min(extent.size));
    let mut outcome = Outcome { is_whole: true, ..Outcome::default() };
    let disk = medium.to_disk(extent.size)?;
    let free = extent.stored.min(extent.size);
    let scanned = {
        // So many are open at a time as memory is there for.
        let turns = &worker.shared.disks;
        let _turn = turns.iter().find_map(|turn| turn.try_lock().ok()).or_else(|| turns.first().map(lock));
        disks::Disks { worker, hits, outcome: &mut outcome, free }.scan(&Way::default(), disk)
    };
    let stopped = unpacker.stop().filter(|stop| *stop != Stop::Interrupted);
    if let Some(stop) = stopped {
        outcome.cut_off(Vec::new(), free);
        outcome.problem(Vec::new(), Reason::OverBudget, None, stop.message().to_owned());
    }
    tell(worker, path, &outcome);
    if let Some(key) = key.filter(|_| scanned.is_some() && outcome.is_whole && !unpacker.was_stopped()) {
        lock(&worker.shared.seen).keep(key, outcome);
    }
    scanned.filter(|()| stopped.is_none())
}

/// The way to a content on a disk inside of a file.
#[derive(Clone, Debug, Default)]
struct Way {
    steps: Vec<InsideStep>,
    /// What the innermost filesystem says of the file.
    member: Option<MemberFacts>,
    /// How many levels were opened, and how many disks of them.
    levels: usize,
    disks: usize,
}

/// Counts what became of the inside of a file.
fn tell(worker: &mut Worker<'_>, path: &dyn Fn() -> Vec<u8>, outcome: &Outcome) {
    worker.coverage.inside.merge(&outcome.counts);
    for (steps, bytes) in &outcome.cut {
        worker.cut_off(path, steps, *bytes, Reason::OverBudget);
    }
    if outcome.problems_unlisted > 0 {
        lock(&worker.shared.results).problems_unlisted += outcome.problems_unlisted;
    }
    for (number, (steps, reason, offset, message)) in outcome.problems.iter().enumerate() {
        let mut path = path();
        // Several of one file: in the order in which they were met.
        path.extend_from_slice(format!("\0{number:02}").as_bytes());
        worker.add_problem_inside(path, steps.clone(), *reason, *offset, message.clone());
    }
}

/// What became of the inside of a file.
#[derive(Debug, Default)]
struct Outcome {
    counts: Counts,
    found: Vec<Arc<InsideHits>>,
    cost: usize,
    /// Of a member: what was found beyond what is kept.
    unlisted: Tally,
    problems: Vec<(Vec<InsideStep>, Reason, Option<u64>, String)>,
    problems_unlisted: u64,
    /// The largest of what limits left out.
    cut: Vec<(Vec<InsideStep>, u64)>,
    /// Nothing of the file itself belongs to it.
    is_whole: bool,
    /// What it took, where the same is told of it in any place.
    took: Option<Effort>,
    /// Whether it is one of a member, and whether bytes of the member itself were counted.
    is_member: bool,
    has_parts: bool,
}

impl Outcome {
    /// Keeps what was found, as far as it is kept for a file that is the same.
    fn keep(&mut self, found: Arc<InsideHits>) {
        self.cost = self.cost.saturating_add(found.cost());
        if self.cost <= MAX_INSIDE_COST {
            self.found.push(found);
        } else {
            (self.is_whole, self.found) = (false, Vec::new());
        }
    }

    /// Lists what a limit left out, if it is one of the largest.
    fn cut_off(&mut self, steps: Vec<InsideStep>, bytes: u64) {
        self.cut.push((steps, bytes));
        if self.cut.len() > Coverage::MAX_CUT {
            self.cut.sort_by(|(one, size), (other, bytes)| bytes.cmp(size).then_with(|| one.cmp(other)));
            self.cut.truncate(Coverage::MAX_CUT);
        }
    }

    fn problem(&mut self, steps: Vec<InsideStep>, reason: Reason, offset: Option<u64>, message: String) {
        let number = self.counts.problems.entry(reason).or_default();
        *number = number.saturating_add(1);
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push((steps, reason, offset, message));
        } else {
            self.problems_unlisted += 1;
        }
    }
}

/// A file from its start to its end.
struct FileReader<'m, M> {
    medium: &'m M,
    at: u64,
    size: u64,
    /// What was read goes into it.
    digest: Option<&'m mut blake3::Hasher>,
}

impl<M: ReadAt> Read for FileReader<'_, M> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = bytes.len().min(left);
        let Some(room) = bytes.get_mut(..most).filter(|room| !room.is_empty()) else { return Ok(0) };
        let read =
            self.medium.read_at(room, self.at).map_err(|error| std::io::Error::other(error.to_string()))?;
        if let Some(digest) = self.digest.as_mut().filter(|_| self.size >= seen::FROM) {
            digest.update(room.get(..read).unwrap_or_default());
        }
        self.at = self.at.saturating_add(u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}

struct Inside<'i, 's> {
    worker: &'i mut Worker<'s>,
    /// Those of the file.
    hits: &'i mut Collector,
    outcome: &'i mut Outcome,
    /// The way to the file, where it is on a disk inside of another.
    way: &'i Way,
    /// What was told before the object of git that is gone through now.
    before: Option<git::Told>,
    /// Members that are gone through and may be remembered, the innermost last.
    nested: Vec<nested::Nested>,
}

impl<'i, 's> Inside<'i, 's> {
    fn new(
        worker: &'i mut Worker<'s>,
        hits: &'i mut Collector,
        outcome: &'i mut Outcome,
        way: &'i Way,
    ) -> Self {
        Self { worker, hits, outcome, way, before: None, nested: Vec::new() }
    }

    /// That to which what is told now belongs.
    fn outcome(&mut self) -> &mut Outcome {
        self.nested.last_mut().map_or(&mut *self.outcome, |nested| &mut nested.outcome)
    }
}

impl Visitor for Inside<'_, '_> {
    fn content(&mut self, place: &Place<'_>, input: &mut Input<'_>) {
        let mut found = Collector::default();
        let store = match place.is_part {
            true => None,
            false => {
                let start = input.peek(store::START);
                store::detect(start).or_else(|| store::guess(start))
            }
        };
        let scanned = match store {
            Some(store) => self.scan_store(place, input, store, &mut found),
            None => self.scan(place, input, None, &mut found),
        };
        let steps = self.own_steps(place);
        let outcome = self.outcome();
        if place.is_part {
            outcome.counts.bytes_scanned = outcome.counts.bytes_scanned.saturating_add(scanned);
            outcome.has_parts |= steps.is_empty();
        } else {
            outcome.counts.scan(scanned);
        }
        if found.is_empty() {
            return;
        }
        let rules = self.worker.rules();
        if place.steps.is_empty() {
            // Bytes of the file itself, which can be read again for their lines.
            let max = self.worker.shared.options.max_findings_per_file;
            self.outcome.is_whole = false;
            found.listed.into_iter().for_each(|placed| self.hits.take(placed.hit, max, rules));
            self.hits.unlisted.add_all(&found.unlisted, 1);
            return;
        }
        let member = innermost(steps);
        let steps = named(steps);
        self.take(InsideHits::new(steps, member, found));
    }

    fn member_again(&mut self, place: &Place<'_>, bytes: &[u8], room: &Effort) -> Option<Effort> {
        nested::again(self, place, bytes, room)
    }

    fn went_through_member(&mut self, place: &Place<'_>, took: Option<Effort>) {
        nested::went_through(self, place, took);
    }

    fn knows(&mut self, object: &ObjectId, size: u64) -> bool {
        git::knows(self, object, size)
    }

    fn went_through(&mut self, object: &ObjectId) {
        git::went_through(self, object);
    }

    fn opened(&mut self) {
        let counts = &mut self.outcome().counts;
        counts.opened = counts.opened.saturating_add(1);
    }

    fn left_out(&mut self, place: &Place<'_>, reason: Reason, size: u64) {
        self.outcome().counts.leave_out(reason, size);
        if reason == Reason::OverBudget {
            let steps = self.whole_steps(place);
            self.outcome().cut_off(steps, size);
        }
    }

    fn problem(&mut self, place: &Place<'_>, reason: Reason, offset: Option<u64>, message: String) {
        let steps = self.whole_steps(place);
        self.outcome().problem(steps, reason, offset, message);
    }

    fn leaves_out(&mut self, place: &Place<'_>) -> Option<Reason> {
        let Some(Step::Member(member)) = place.steps.last() else { return None };
        let walk = self.worker.shared.walk;
        if !walk.exclude.is_empty() && walk.exclude.matches_beneath(&[b"/", &*member.name].concat()) {
            return Some(Reason::Excluded);
        }
        (!walk.include_test_content && is_test_content(&member.name)).then_some(Reason::TestContent)
    }
}

/// Whether a directory of the name is one of test content, as on a disk.
fn is_test_content(name: &[u8]) -> bool {
    let names = name.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    let names: Vec<&[u8]> = names.take(MAX_NAMES).collect();
    let directories = names.len().saturating_sub(1);
    (0..directories).any(|at| {
        names.get(at).is_some_and(|name| {
            test_content::is_candidate(name)
                && test_content::is_test_directory(&[], names.get(..at).unwrap_or_default(), name, |_| false)
        })
    })
}

impl Inside<'_, '_> {
    /// Scans a content; returns how many bytes it had. What is known is not found again.
    fn scan(
        &mut self,
        place: &Place<'_>,
        input: &mut dyn Read,
        known: Option<&Known>,
        found: &mut Collector,
    ) -> u64 {
        let Worker { shared, scanner, buffer, .. } = &mut *self.worker;
        let (rules, max) = (shared.engine.rules(), shared.options.max_findings_per_file);
        let take = |hit, found: &mut Collector| {
            if known.is_none_or(|known| !known.has(&hit)) {
                found.take(hit, max, rules);
            }
        };
        // One byte more than a window tells a content that ends there from one that goes on.
        let mut length = fill(input, buffer.window_mut(WINDOW + 1));
        scanner.begin(place.base);
        if length <= WINDOW {
            let bytes = buffer.filled(0, length);
            scanner.feed(bytes, place.base, true, &mut |hit| take(hit, found));
            match place.is_part {
                true => without_lines(found),
                false if found.is_empty() => {}
                false => found.place_in(bytes),
            }
            return widen(length);
        }
        let mut lines = PassingLines::default();
        let (mut at, mut carry) = (place.base, 0);
        loop {
            let last = length == 0;
            let base = at - widen(carry);
            at += widen(length);
            let bytes = buffer.filled(carry, length);
            let keep = scanner.feed(bytes, base, last, &mut |hit| take(hit, found));
            carry = usize::try_from(at.saturating_sub(keep.max(base))).unwrap_or(0).min(MAX_CARRY);
            if !place.is_part {
                lines.pass(bytes, base, at - widen(carry), scanner.pending(), &mut found.listed);
            }
            if last {
                break;
            }
            buffer.carry_over(carry, length);
            length = fill(input, buffer.window_mut(WINDOW));
        }
        if place.is_part {
            without_lines(found);
        }
        found.sort();
        at - place.base
    }
}

/// Of a part it is not known which line it begins with.
fn without_lines(found: &mut Collector) {
    for placed in &mut found.listed {
        (placed.line, placed.column) = (1, placed.hit.secret_start.saturating_add(1));
    }
}

/// Fills all of `bytes`, or as much as there is.
fn fill(input: &mut dyn Read, bytes: &mut [u8]) -> usize {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(read @ 1..) => filled += read,
            // Why is told where it was opened.
            Ok(0) | Err(_) => break,
        }
    }
    filled
}

fn widen(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl Inside<'_, '_> {
    /// The steps from what is gone through now, which is the file or a member in it.
    fn own_steps<'p>(&self, place: &Place<'p>) -> &'p [Step] {
        let level = self.nested.last().map_or(0, |nested| nested.level);
        place.steps.get(level..).unwrap_or_default()
    }

    /// The same with their names, and with the way to the file where that is gone through.
    fn whole_steps(&self, place: &Place<'_>) -> Vec<InsideStep> {
        let steps = named(self.own_steps(place));
        match self.nested.is_empty() {
            true => self.way.steps.iter().cloned().chain(steps).collect(),
            false => steps,
        }
    }

    /// Takes what was found, with the way from what is gone through now.
    fn take(&mut self, found: InsideHits) {
        let rules = self.worker.rules();
        if let Some(nested) = self.nested.last_mut() {
            return nested.outcome.keep_of_member(found, rules);
        }
        let found = match self.way.steps.is_empty() {
            true => found,
            false => found.beneath(&self.way.steps, self.way.member.as_ref()),
        };
        let found = Arc::new(found);
        self.outcome.keep(Arc::clone(&found));
        self.hits.take_inside(found, rules);
    }
}
