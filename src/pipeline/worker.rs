//! What one thread of a scan has at hand, and what it does with a content.

mod inside;

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inside::{Known, Objects, Seen};
pub(super) use inside::{Siblings, named_steps};

use super::ScanOptions;
use super::bounded::Bounded;
use super::hits::{Collector, Found, InsideStep, Tally};
use super::links::Links;
use super::masking::shown;
use super::measure::{Measure, Stage};
use super::progress::Progress;
use crate::finding::{Coverage, Reason};
use crate::rules::RuleSet;
use crate::scan::{Engine, Scanner};
use crate::source::content::{Extent, Gap, Outcome, ReadAt, Sink, read, read_range};
use crate::source::directory::WalkOptions;
use crate::source::store::{self, Store};
use crate::source::unpack::{Limits, Unpacker, start_of_appended};
use crate::source::{FileStat, ReadBuffer, may_be_disk};

/// Memory for findings of a scan, in bytes.
const FINDINGS_BUDGET: usize = 32 << 20;
/// The most problems that are listed, and the memory for them in bytes.
const MAX_PROBLEMS: usize = 10_000;
const PROBLEMS_BUDGET: usize = 8 << 20;
/// The most ranges of one file that are listed as problems.
const MAX_GAPS: usize = 16;
/// Progress is told in steps of so many files.
const PROGRESS_STEP: u64 = 64;

/// A problem by target, path, offset and reason.
pub(super) type ProblemKey = (u32, Vec<u8>, Option<u64>, Reason);

/// A problem: its message, and the way to it inside of the file.
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) steps: Vec<InsideStep>,
}

/// What the threads of a scan share.
pub(super) struct Shared<'s> {
    pub(super) options: &'s ScanOptions,
    pub(super) engine: &'s Engine,
    pub(super) progress: &'s Progress,
    pub(super) stop: &'s Arc<AtomicBool>,
    /// What may be looked into.
    pub(super) limits: Limits,
    /// What of it is left out.
    pub(super) walk: &'s WalkOptions,
    /// What was looked into before.
    pub(super) seen: Mutex<Seen>,
    /// As many as may open the disks that files are the images of.
    pub(super) disks: [Mutex<()>; 2],
    /// Who may hold a large store that is no file of a disk.
    pub(super) stores: Mutex<()>,
    /// Objects of git that were, with nothing to tell.
    pub(super) objects: Mutex<Objects>,
    pub(super) links: Mutex<Links>,
    pub(super) results: Mutex<Results>,
    pub(super) measure: &'s Measure,
}

/// What a scan has found, within budgets.
pub(super) struct Results {
    pub(super) files: Bounded<(u32, Vec<u8>), Found>,
    pub(super) unlisted: Tally,
    pub(super) problems: Bounded<ProblemKey, Problem>,
    pub(super) problems_unlisted: u64,
    pub(super) coverage: Coverage,
    pub(super) access_times_not_kept: u64,
}

impl Default for Results {
    fn default() -> Self {
        Self {
            files: Bounded::new(FINDINGS_BUDGET),
            unlisted: Tally::default(),
            problems: Bounded::new(PROBLEMS_BUDGET),
            problems_unlisted: 0,
            coverage: Coverage::default(),
            access_times_not_kept: 0,
        }
    }
}

/// A lock that a panicking thread left is as good as any: the panic ends the scan.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One thread's part of a scan. What it counted is added up when it is dropped.
pub(super) struct Worker<'s> {
    pub(super) shared: &'s Shared<'s>,
    pub(super) target: u32,
    pub(super) scanner: Scanner,
    pub(super) buffer: ReadBuffer,
    pub(super) unpacker: Rc<Unpacker>,
    /// What can be asked for beside the files that it is given.
    pub(super) siblings: Option<Siblings<'s>>,
    pub(super) coverage: Coverage,
    pub(super) access_times_not_kept: u64,
    files_untold: u64,
    bytes_untold: u64,
}

impl<'s> Worker<'s> {
    pub(super) fn new(shared: &'s Shared<'s>, target: u32) -> Self {
        let mut scanner = shared.engine.scanner();
        shared.measure.prepare(&mut scanner);
        Self {
            shared,
            target,
            scanner,
            buffer: ReadBuffer::new(),
            unpacker: Rc::new(Unpacker::new(shared.limits.clone())),
            siblings: None,
            coverage: Coverage::default(),
            access_times_not_kept: 0,
            files_untold: 0,
            bytes_untold: 0,
        }
    }

    pub(super) fn rules(&self) -> &'s RuleSet {
        self.shared.engine.rules()
    }

    pub(super) fn should_stop(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    /// Whether this is the first name of a file; the caller then reads it.
    pub(super) fn is_first_name(&self, stat: &FileStat, path: impl FnOnce() -> Vec<u8>) -> bool {
        stat.links <= 1 || lock(&self.shared.links).meet(self.target, stat, path, self.rules())
    }

    /// Reads and scans a file's content and counts its bytes.
    pub(super) fn scan(
        &mut self,
        path: &dyn Fn() -> Vec<u8>,
        medium: &impl ReadAt,
        extent: Extent,
    ) -> Collector {
        let looks_inside = self.shared.measure.stage >= Stage::Prefilter;
        let mut sink = ScanSink {
            unpacker: looks_inside.then_some(&*self.unpacker),
            ..ScanSink::new(&mut self.scanner, self.shared, Collector::default())
        };
        let outcome = read(medium, extent, &mut self.buffer, &mut sink);
        if let Some(store) = sink.store {
            return self.scan_store(path, medium, extent, store);
        }
        if outcome.taken_over {
            let is_disk = sink.is_disk;
            return self.scan_inside(path, medium, extent, is_disk);
        }
        let ScanSink { mut hits, windowed, appended, .. } = sink;
        if windowed && !hits.is_empty() {
            hits.place_by_reading(medium, extent.stored < extent.size);
        }
        self.bytes_untold += if windowed { 0 } else { outcome.scanned };
        self.count(path, &outcome);
        if let Some(start) = appended {
            inside::scan(self, path, medium, (start, extent), &mut hits);
        }
        hits
    }

    /// Scans what is inside of a file, then what of the file is no archive.
    fn scan_inside(
        &mut self,
        path: &dyn Fn() -> Vec<u8>,
        medium: &impl ReadAt,
        extent: Extent,
        is_disk: bool,
    ) -> Collector {
        let mut hits = Collector::default();
        if is_disk && inside::scan_disk(self, path, medium, extent, &mut hits).is_some() {
            let scanned = extent.stored.min(extent.size);
            let outcome = Outcome { scanned, holes: extent.size - scanned, ..Outcome::default() };
            self.bytes_untold += scanned;
            self.count(path, &outcome);
            return hits;
        }
        let understood = inside::scan(self, path, medium, (0, extent), &mut hits).min(extent.size);
        let mut sink = ScanSink::new(&mut self.scanner, self.shared, hits);
        let mut outcome = Outcome::default();
        if understood == 0 {
            outcome = read(medium, extent, &mut self.buffer, &mut sink);
        } else if understood < extent.size {
            outcome = read_range(medium, understood..extent.size, &mut self.buffer, &mut sink);
        }
        outcome.scanned = outcome.scanned.saturating_add(understood);
        let ScanSink { mut hits, windowed, .. } = sink;
        if windowed && !hits.listed.is_empty() {
            hits.place_by_reading(medium, extent.stored < extent.size);
        }
        self.bytes_untold += if windowed { understood } else { outcome.scanned };
        self.count(path, &outcome);
        hits
    }

    /// Scans the records of a file that keeps such, then the file as it is stored, in
    /// which what was found in records is not told again.
    fn scan_store(
        &mut self,
        path: &dyn Fn() -> Vec<u8>,
        medium: &impl ReadAt,
        extent: Extent,
        store: &dyn Store,
    ) -> Collector {
        let mut hits = Collector::default();
        let known = inside::scan_store(self, path, (medium, extent.size), self.siblings, store, &mut hits);
        let mut sink =
            ScanSink { known: Some(&known), ..ScanSink::new(&mut self.scanner, self.shared, hits) };
        let outcome = read(medium, extent, &mut self.buffer, &mut sink);
        let ScanSink { mut hits, windowed, .. } = sink;
        if windowed && !hits.listed.is_empty() {
            hits.place_by_reading(medium, extent.stored < extent.size);
        }
        self.bytes_untold += if windowed { 0 } else { outcome.scanned };
        self.count(path, &outcome);
        hits
    }

    /// Scans a range that is no file's: free space, swap. What is found has an offset
    /// and no lines.
    pub(super) fn scan_range(&mut self, medium: &impl ReadAt, range: std::ops::Range<u64>) {
        let start = range.start;
        self.scan_range_of(&|| format!("/\0{start:016x}").into_bytes(), medium, range);
    }

    /// The same of a range that belongs to a path.
    pub(super) fn scan_range_of(
        &mut self,
        path: &dyn Fn() -> Vec<u8>,
        medium: &impl ReadAt,
        range: std::ops::Range<u64>,
    ) {
        let length = range.end.saturating_sub(range.start);
        if self.should_stop() {
            return self.coverage.leave_out_bytes(Reason::Interrupted, length);
        }
        let mut sink = ScanSink::new(&mut self.scanner, self.shared, Collector::default());
        let outcome = read_range(medium, range.clone(), &mut self.buffer, &mut sink);
        let ScanSink { mut hits, .. } = sink;
        for placed in &mut hits.listed {
            (placed.line, placed.column) = (1, placed.hit.secret_start.saturating_add(1));
        }
        self.coverage.scan_bytes(outcome.scanned);
        if outcome.holes > 0 {
            self.coverage.leave_out_bytes(Reason::Hole, outcome.holes);
        }
        self.count_gaps(path, &outcome.gaps);
        self.keep(path, hits, None, false, || None);
    }

    /// Counts what became of a file's bytes.
    fn count(&mut self, path: &dyn Fn() -> Vec<u8>, outcome: &Outcome) {
        let mut gaps = outcome.gaps.as_slice();
        match gaps.split_first() {
            // Nothing of it was scanned: it is left out as a whole.
            Some((first, rest)) if outcome.scanned == 0 && outcome.holes == 0 && first.length > 0 => {
                self.coverage.leave_out_file(first.reason, first.length);
                self.cut_off(path, &[], first.length, first.reason);
                self.gap_problem(path, first);
                gaps = rest;
            }
            _ => self.coverage.scan_file(outcome.scanned),
        }
        if outcome.holes > 0 {
            self.coverage.leave_out_bytes(Reason::Hole, outcome.holes);
        }
        self.count_gaps(path, gaps);
    }

    fn count_gaps(&mut self, path: &dyn Fn() -> Vec<u8>, gaps: &[Gap]) {
        for (number, gap) in gaps.iter().enumerate() {
            self.coverage.leave_out_bytes(gap.reason, gap.length);
            self.cut_off(path, &[], gap.length, gap.reason);
            if number < MAX_GAPS {
                self.gap_problem(path, gap);
            } else {
                lock(&self.shared.results).problems_unlisted += 1;
            }
        }
    }

    fn gap_problem(&mut self, path: &dyn Fn() -> Vec<u8>, gap: &Gap) {
        let message = match (gap.reason, &gap.error) {
            (Reason::Interrupted, _) => return,
            (Reason::ChangedWhileRead, _) => "became shorter while it was read".to_owned(),
            (_, Some(error)) => format!("{} bytes cannot be read: {error}", gap.length),
            (Reason::OverBudget, _) => "has no size and did not end: only its beginning was read".to_owned(),
            (_, None) => format!("{} bytes cannot be read", gap.length),
        };
        self.add_problem(path(), gap.reason, Some(gap.offset), message);
    }

    /// Lists what a limit left out, or ended in the middle, if it is one of the largest.
    pub(super) fn cut_off(
        &mut self,
        path: &dyn Fn() -> Vec<u8>,
        steps: &[InsideStep],
        bytes: u64,
        reason: Reason,
    ) {
        let is_limit = match reason {
            Reason::OverBudget => true,
            // Ended by a person: nobody asks what it would have been.
            Reason::Interrupted => self.shared.options.max_scan_time.is_some(),
            _ => false,
        };
        if is_limit {
            self.coverage.cut_off(bytes, reason, || inside::text_of(shown(&path()), steps));
        }
    }

    pub(super) fn add_problem(
        &mut self,
        path: Vec<u8>,
        reason: Reason,
        offset: Option<u64>,
        message: String,
    ) {
        self.add_problem_inside(path, Vec::new(), reason, offset, message);
    }

    /// The same inside of a file.
    pub(super) fn add_problem_inside(
        &mut self,
        path: Vec<u8>,
        steps: Vec<InsideStep>,
        reason: Reason,
        offset: Option<u64>,
        message: String,
    ) {
        let names: usize = steps.iter().map(|(_, name)| name.as_ref().map_or(0, String::len) + 64).sum();
        let cost = (path.len() + message.len() + names + 128).max(PROBLEMS_BUDGET / MAX_PROBLEMS);
        let message = Problem { message, steps };
        let mut results = lock(&self.shared.results);
        let dropped = results.problems.insert((self.target, path, offset, reason), message, cost).len();
        results.problems_unlisted += u64::try_from(dropped).unwrap_or(0);
    }

    /// Keeps what was found in a content; `stat` is asked for only where something was.
    pub(super) fn keep(
        &mut self,
        path: &dyn Fn() -> Vec<u8>,
        hits: Collector,
        linked: Option<&FileStat>,
        deleted: bool,
        stat: impl FnOnce() -> Option<FileStat>,
    ) {
        let found = (!hits.is_empty()).then(|| {
            let Collector { listed, unlisted, inside, .. } = hits;
            let found = Found { stat: stat(), deleted, hits: listed, unlisted, inside };
            self.shared.progress.add(0, 0, found.tally(self.rules()).total());
            found
        });
        if let Some(stat) = linked {
            return lock(&self.shared.links).done(self.target, stat, found, self.rules());
        }
        if let Some(found) = found {
            self.keep_found(path(), found);
        }
    }

    fn keep_found(&mut self, path: Vec<u8>, found: Found) {
        let cost = found.cost().saturating_add(path.len());
        let mut results = lock(&self.shared.results);
        for (_, dropped) in results.files.insert((self.target, path), found, cost) {
            results.unlisted.add_all(&dropped.tally(self.shared.engine.rules()), 1);
        }
    }

    fn tell_progress(&mut self) {
        self.shared.progress.add(self.files_untold, self.bytes_untold, 0);
        (self.files_untold, self.bytes_untold) = (0, 0);
    }

    pub(super) fn one_more_file(&mut self) {
        self.files_untold += 1;
        if self.files_untold >= PROGRESS_STEP {
            self.tell_progress();
        }
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.tell_progress();
        self.shared.measure.add(&self.scanner);
        let mut results = lock(&self.shared.results);
        results.coverage.merge(&self.coverage);
        results.access_times_not_kept += self.access_times_not_kept;
    }
}

impl ScanSink<'_, '_> {
    /// Looks at the end of a content.
    fn look_for_appended(&mut self, bytes: &[u8], base: u64) {
        let end = base.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.unpacker.is_some_and(Unpacker::is_on) {
            self.appended = start_of_appended(bytes, end);
        }
    }
}

/// Gives what is read to the engine.
struct ScanSink<'w, 's> {
    scanner: &'w mut Scanner,
    shared: &'s Shared<'s>,
    hits: Collector,
    /// The content came in windows and is not at hand as a whole.
    windowed: bool,
    /// Tells what can be looked into.
    unpacker: Option<&'w Unpacker>,
    /// Where an archive begins that follows something else.
    appended: Option<u64>,
    /// It may be the image of a disk.
    is_disk: bool,
    /// What of it keeps records.
    store: Option<&'static dyn Store>,
    /// What was found in records: it is not taken again.
    known: Option<&'w Known>,
}

impl<'w, 's> ScanSink<'w, 's> {
    /// One that only searches the bytes.
    fn new(scanner: &'w mut Scanner, shared: &'s Shared<'s>, hits: Collector) -> Self {
        Self {
            scanner,
            shared,
            hits,
            windowed: false,
            unpacker: None,
            appended: None,
            is_disk: false,
            store: None,
            known: None,
        }
    }
}

impl Sink for ScanSink<'_, '_> {
    fn takes_over(&mut self, start: &[u8]) -> bool {
        let Some(unpacker) = self.unpacker.filter(|unpacker| unpacker.is_on()) else { return false };
        self.store = store::detect(start);
        self.is_disk = may_be_disk(start);
        if self.store.is_some() || self.is_disk || unpacker.detects(start) {
            return true;
        }
        self.store = store::guess(start);
        self.store.is_some()
    }

    fn whole(&mut self, bytes: &[u8]) {
        self.look_for_appended(bytes, 0);
        if self.shared.measure.stage == Stage::Read {
            self.shared.measure.read(bytes);
            return;
        }
        let (shared, hits, known) = (self.shared, &mut self.hits, self.known);
        let max = shared.options.max_findings_per_file;
        self.scanner.scan(bytes, &mut |hit| {
            if known.is_none_or(|known| !known.has(&hit)) {
                hits.take(hit, max, shared.engine.rules());
            }
        });
        if !self.hits.is_empty() {
            self.hits.place_in(bytes);
        }
    }

    fn begin(&mut self, base: u64) {
        self.windowed = true;
        self.scanner.begin(base);
    }

    fn window(&mut self, bytes: &[u8], base: u64, last: bool) -> u64 {
        if last {
            self.look_for_appended(bytes, base);
        }
        let (shared, hits, known) = (self.shared, &mut self.hits, self.known);
        let max = shared.options.max_findings_per_file;
        shared.progress.add(0, u64::try_from(bytes.len()).unwrap_or(0), 0);
        if shared.measure.stage == Stage::Read {
            shared.measure.read(bytes);
            return base.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        }
        self.scanner.feed(bytes, base, last, &mut |hit| {
            if known.is_none_or(|known| !known.has(&hit)) {
                hits.take(hit, max, shared.engine.rules());
            }
        })
    }

    fn should_stop(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }
}
