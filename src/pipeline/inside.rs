//! What a thread does with what is inside of archives and compressed files.
//!
//! Role: gives each content to the scanner, whole where it fits in a window, else in
//! windows, and counts it. Not for: formats and nesting (see `source::unpack`).

use std::io::Read;
use std::sync::Arc;

use super::hits::{Collector, InsideHits, PassingLines};
use super::worker::Worker;
use crate::finding::{MemberFacts, ProvenanceStep, Reason, Timestamp};
use crate::source::content::{Extent, ReadAt};
use crate::source::unpack::{Input, Member, Place, Step, Visitor};
use crate::source::{MAX_CARRY, WINDOW};

/// The most problems inside of one file that are listed.
const MAX_PROBLEMS: u64 = 16;
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
    extent: Extent,
    hits: &mut Collector,
) -> u64 {
    let unpacker = std::rc::Rc::clone(&worker.unpacker);
    let file = Box::new(FileReader { medium, at: 0, size: extent.size });
    let mut inside = Inside { worker, path, hits, problems: 0 };
    unpacker.unpack(file, extent.stored.min(extent.size), &mut inside)
}

/// A file from its start to its end.
struct FileReader<'m, M> {
    medium: &'m M,
    at: u64,
    size: u64,
}

impl<M: ReadAt> Read for FileReader<'_, M> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = bytes.len().min(left);
        let Some(room) = bytes.get_mut(..most).filter(|room| !room.is_empty()) else { return Ok(0) };
        let read = self.medium.read_at(room, self.at).map_err(|error| std::io::Error::other(error.to_string()))?;
        self.at = self.at.saturating_add(u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}

struct Inside<'i, 's> {
    worker: &'i mut Worker<'s>,
    path: &'i dyn Fn() -> Vec<u8>,
    /// Those of the file.
    hits: &'i mut Collector,
    problems: u64,
}

impl Visitor for Inside<'_, '_> {
    fn content(&mut self, place: &Place<'_>, input: &mut Input<'_>) {
        let mut found = Collector::default();
        let scanned = self.scan(place, input, &mut found);
        let inside = &mut self.worker.coverage.inside;
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
            found.listed.into_iter().for_each(|placed| self.hits.take(placed.hit, max, rules));
            self.hits.unlisted.add_all(&found.unlisted, 1);
            return;
        }
        let member = place.steps.iter().rev().find_map(|step| match step {
            Step::Member(member) => Some(facts(member)),
            Step::Stream(_) => None,
        });
        let found = InsideHits::new(steps(place, &(self.path)()), member, found);
        self.hits.take_inside(Arc::new(found), rules);
    }

    fn opened(&mut self) {
        let opened = &mut self.worker.coverage.inside.opened;
        *opened = opened.saturating_add(1);
    }

    fn left_out(&mut self, _: &Place<'_>, reason: Reason, size: u64) {
        self.worker.coverage.inside.leave_out(reason, size);
    }

    fn problem(&mut self, place: &Place<'_>, reason: Reason, offset: Option<u64>, message: String) {
        let number = self.worker.coverage.inside.problems.entry(reason).or_default();
        *number = number.saturating_add(1);
        self.problems += 1;
        if self.problems > MAX_PROBLEMS {
            return super::worker::lock(&self.worker.shared.results).problems_unlisted += 1;
        }
        let mut path = (self.path)();
        let steps = steps(place, &path);
        // Several of one file: in the order in which they were met.
        path.extend_from_slice(format!("\0{:02}", self.problems).as_bytes());
        self.worker.add_problem_inside(path, steps, reason, offset, message);
    }
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

/// The way as the records have it.
fn steps(place: &Place<'_>, path: &[u8]) -> Vec<ProvenanceStep> {
    let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut parent = text(path.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
    let mut steps = Vec::with_capacity(place.steps.len());
    for step in place.steps {
        let (kind, name) = match step {
            Step::Member(member) => (ProvenanceStep::MEMBER, text(&member.name)),
            Step::Stream(Some(name)) => (ProvenanceStep::STREAM, text(name)),
            Step::Stream(None) => (ProvenanceStep::STREAM, unpacked_name(&parent)),
        };
        parent = name.rsplit('/').next().unwrap_or_default().to_owned();
        steps.push(ProvenanceStep { kind: kind.to_owned(), name });
    }
    steps
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
