//! What a thread does with what is inside of archives and compressed files.
//!
//! Role: gives each content to the scanner, whole where it fits in a window, else in
//! windows, and counts it. Not for: formats and nesting (see `source::unpack`).

mod disks;
mod git;
mod seen;
mod stored;

use std::io::Read;
use std::sync::Arc;

pub(super) use git::Objects;
pub(super) use seen::Seen;
pub(in crate::pipeline) use stored::Siblings;
pub(super) use stored::{Known, scan as scan_store};

use super::super::hits::{Collector, InsideHits, InsideStep, MAX_INSIDE_COST, PassingLines};
use super::{Worker, lock};
use crate::finding::{Inside as Counts, MemberFacts, ProvenanceStep, Reason, Timestamp};
use crate::source::content::{Extent, ReadAt};
use crate::source::unpack::git::ObjectId;
use crate::source::unpack::{Input, Member, Place, Step, Stop, Visitor};
use crate::source::{MAX_CARRY, WINDOW, test_content};

/// The most problems inside of one file that are listed.
const MAX_PROBLEMS: usize = 16;
/// The most parts of a member's name that are looked at.
const MAX_NAMES: usize = 128;
/// What compressed files are called by their endings, and their contents.
const ENDINGS: [(&str, &str); 11] = [
    (".tgz", ".tar"),
    (".tbz2", ".tar"),
    (".tbz", ".tar"),
    (".txz", ".tar"),
    (".tzst", ".tar"),
    (".gz", ""),
    (".bz2", ""),
    (".xz", ""),
    (".zst", ""),
    (".lz4", ""),
    (".z", ""),
];

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
    if let Some(outcome) = known.as_ref().and_then(|key| lock(&worker.shared.seen).get(key)) {
        let rules = worker.rules();
        outcome.found.iter().for_each(|found| hits.take_inside(Arc::clone(found), rules));
        tell(worker, path, &outcome);
        return extent.size;
    }
    let unpacker = std::rc::Rc::clone(&worker.unpacker);
    let mut digest = known.is_none().then(blake3::Hasher::new);
    let file = Box::new(FileReader { medium, at: start, size: extent.size, digest: digest.as_mut() });
    let mut outcome = Outcome { is_whole: start == 0, ..Outcome::default() };
    let mut inside = Inside { worker, hits, outcome: &mut outcome, way: &Way::default(), before: None };
    let understood = unpacker.unpack(file, extent.stored.min(extent.size), &mut inside);
    tell(worker, path, &outcome);
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
    if let Some(outcome) = key.as_ref().and_then(|key| lock(&worker.shared.seen).get(key)) {
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
    problems: Vec<(Vec<InsideStep>, Reason, Option<u64>, String)>,
    problems_unlisted: u64,
    /// Nothing of the file itself belongs to it.
    is_whole: bool,
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
}

impl Visitor for Inside<'_, '_> {
    fn content(&mut self, place: &Place<'_>, input: &mut Input<'_>) {
        let mut found = Collector::default();
        let scanned = self.scan(place, input, &mut found);
        let inside = &mut self.outcome.counts;
        if place.is_part {
            inside.bytes_scanned = inside.bytes_scanned.saturating_add(scanned);
        } else {
            inside.scan(scanned);
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
        let member = place.steps.iter().rev().find_map(|step| match step {
            Step::Member(member) => Some(facts(member)),
            Step::Stream(_) => None,
        });
        let member = member.or_else(|| self.way.member.clone());
        let found = Arc::new(InsideHits::new(self.steps(place), member, found));
        self.outcome.keep(Arc::clone(&found));
        self.hits.take_inside(found, rules);
    }

    fn knows(&mut self, object: &ObjectId, size: u64) -> bool {
        git::knows(self, object, size)
    }

    fn went_through(&mut self, object: &ObjectId) {
        git::went_through(self, object);
    }

    fn opened(&mut self) {
        self.outcome.counts.opened = self.outcome.counts.opened.saturating_add(1);
    }

    fn left_out(&mut self, _: &Place<'_>, reason: Reason, size: u64) {
        self.outcome.counts.leave_out(reason, size);
    }

    fn problem(&mut self, place: &Place<'_>, reason: Reason, offset: Option<u64>, message: String) {
        self.outcome.problem(self.steps(place), reason, offset, message);
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
    /// Scans a content; returns how many bytes it had.
    fn scan(&mut self, place: &Place<'_>, input: &mut Input<'_>, found: &mut Collector) -> u64 {
        let Worker { shared, scanner, buffer, .. } = &mut *self.worker;
        let (rules, max) = (shared.engine.rules(), shared.options.max_findings_per_file);
        // One byte more than a window tells a content that ends there from one that goes on.
        let mut length = fill(input, buffer.window_mut(WINDOW + 1));
        scanner.begin(place.base);
        if length <= WINDOW {
            let bytes = buffer.filled(0, length);
            scanner.feed(bytes, place.base, true, &mut |hit| found.take(hit, max, rules));
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
            let keep = scanner.feed(bytes, base, last, &mut |hit| found.take(hit, max, rules));
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
fn fill(input: &mut Input<'_>, bytes: &mut [u8]) -> usize {
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
    /// The way with its names, as far as there are any.
    fn steps(&self, place: &Place<'_>) -> Vec<InsideStep> {
        let step = |step: &Step| match step {
            Step::Member(member) if member.object.is_some() => {
                (ProvenanceStep::GIT_OBJECT, Some(text(&member.name)))
            }
            Step::Member(member) => (ProvenanceStep::MEMBER, Some(text(&member.name))),
            Step::Stream(name) => (ProvenanceStep::STREAM, name.as_deref().map(text)),
        };
        self.way.steps.iter().cloned().chain(place.steps.iter().map(step)).collect()
    }
}

/// The way as the records have it: what has no name is called after what it is in.
pub(in crate::pipeline) fn named_steps(path: &[u8], steps: &[InsideStep]) -> Vec<ProvenanceStep> {
    let mut parent = text(path.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
    let named = |(kind, name): &InsideStep| {
        let name = name.clone().unwrap_or_else(|| unpacked_name(&parent));
        parent = name.rsplit('/').next().unwrap_or_default().to_owned();
        ProvenanceStep { kind: (*kind).to_owned(), name }
    };
    steps.iter().map(named).collect()
}

/// What the content of a compressed file is called that does not say it.
fn unpacked_name(name: &str) -> String {
    for (ending, without) in ENDINGS {
        let cut = name.len().saturating_sub(ending.len());
        if cut > 0 && name.get(cut..).is_some_and(|end| end.eq_ignore_ascii_case(ending)) {
            return name.get(..cut).unwrap_or_default().to_owned() + without;
        }
    }
    name.to_owned()
}

/// A name as text; bytes that are not UTF-8 as `\xNN`.
fn text(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

fn facts(member: &Member) -> MemberFacts {
    let name = |name: &Option<Vec<u8>>| name.as_deref().map(text);
    MemberFacts {
        size: member.size,
        mode: member.mode.map(|mode| format!("{mode:04o}")),
        uid: member.uid,
        gid: member.gid,
        owner: name(&member.owner),
        group: name(&member.group),
        mtime: member.mtime.and_then(|(seconds, nanoseconds)| Timestamp::from_unix(seconds, nanoseconds)),
    }
}
