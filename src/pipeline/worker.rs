//! What one thread does with the files that the walk gives it.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, FileType, StatxFlags, statx};
use rustix::io::Errno;

use super::ScanOptions;
use super::bounded::Bounded;
use super::hits::{Collector, Found, Tally};
use super::links::Links;
use super::measure::{Measure, Stage};
use super::progress::Progress;
use crate::finding::{Coverage, Reason};
use crate::rules::RuleSet;
use crate::scan::{Engine, Scanner};
use crate::source::content::{Extent, FileContent, Gap, Outcome, Sink, read};
use crate::source::directory::{OpenDir, Root, Visitor, open_problem};
use crate::source::{FileStat, ReadBuffer};

/// Memory for findings of a scan, in bytes.
const FINDINGS_BUDGET: usize = 32 << 20;
/// The most problems that are listed, and the memory for them in bytes.
const MAX_PROBLEMS: usize = 10_000;
const PROBLEMS_BUDGET: usize = 8 << 20;
/// The most ranges of one file that are listed as problems.
const MAX_GAPS: usize = 16;
/// The most bytes that are read of a file that says it has none (a filesystem
/// that makes content up), in bytes; and of any file of a pseudo filesystem.
const MAX_UNSIZED: u64 = 64 << 20;
const MAX_PSEUDO: u64 = 1 << 20;
/// Progress is told in steps of so many files.
const PROGRESS_STEP: u64 = 64;

/// A problem by target, path, offset and reason.
pub(super) type ProblemKey = (u32, Vec<u8>, Option<u64>, Reason);

/// What the threads of a scan share.
pub(super) struct Shared<'s> {
    pub(super) options: &'s ScanOptions,
    pub(super) engine: &'s Engine,
    pub(super) progress: &'s Progress,
    pub(super) stop: &'s AtomicBool,
    pub(super) links: Mutex<Links>,
    pub(super) results: Mutex<Results>,
    pub(super) measure: &'s Measure,
}

/// What a scan has found, within budgets.
pub(super) struct Results {
    pub(super) files: Bounded<(u32, Vec<u8>), Found>,
    pub(super) unlisted: Tally,
    pub(super) problems: Bounded<ProblemKey, String>,
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
    shared: &'s Shared<'s>,
    root: &'s Root,
    target: u32,
    scanner: Scanner,
    buffer: ReadBuffer,
    coverage: Coverage,
    access_times_not_kept: u64,
    files_untold: u64,
    bytes_untold: u64,
}

impl<'s> Worker<'s> {
    pub(super) fn new(shared: &'s Shared<'s>, root: &'s Root, target: u32) -> Self {
        let mut scanner = shared.engine.scanner();
        shared.measure.prepare(&mut scanner);
        Self {
            shared,
            root,
            target,
            scanner,
            buffer: ReadBuffer::new(),
            coverage: Coverage::default(),
            access_times_not_kept: 0,
            files_untold: 0,
            bytes_untold: 0,
        }
    }

    fn rules(&self) -> &'s RuleSet {
        self.shared.engine.rules()
    }

    fn scan_file(&mut self, dir: &OpenDir, name: &CStr) -> Result<(), (Reason, u64, Option<String>)> {
        let opened = self.root.open_file(dir.fd(), name).map_err(|errno| match errno {
            // A FIFO without a writer, a socket: the name changed its meaning.
            Errno::NXIO => (Reason::SpecialFile, 0, None),
            errno => {
                let (reason, message) = open_problem(errno);
                (reason, 0, Some(message))
            }
        })?;
        let stat =
            FileStat::of(&opened.fd).map_err(|errno| (Reason::Unreadable, 0, Some(errno.to_string())))?;
        match stat.file_type {
            FileType::RegularFile => {}
            FileType::Directory => {
                let (reason, message) = open_problem(Errno::NOTDIR);
                return Err((reason, 0, Some(message)));
            }
            _ => return Err((Reason::SpecialFile, 0, None)),
        }
        let Some(size) = stat.size else {
            return Err((Reason::Corrupt, 0, Some("the filesystem gives a negative size".into())));
        };
        if self.shared.options.max_file_size.is_some_and(|max| size > max) {
            return Err((Reason::OverBudget, size, None));
        }
        let linked = stat.links > 1;
        if linked {
            let path = || dir.node().path_of(name.to_bytes());
            if !lock(&self.shared.links).meet(self.target, &stat, path, self.rules()) {
                return Err((Reason::HardLink, size, None));
            }
        }
        if !opened.access_time_kept {
            self.access_times_not_kept += 1;
        }
        if self.shared.measure.stage == Stage::Open {
            self.coverage.scan_file(0);
            return Ok(());
        }
        let collector = self.read_content(dir, name, &opened.fd, &stat, size);
        let found = self.found(collector, &opened.fd, &stat);
        if linked {
            lock(&self.shared.links).done(self.target, &stat, found, self.rules());
        } else if let Some(found) = found {
            let cost = found.cost();
            let key = (self.target, dir.node().path_of(name.to_bytes()));
            let cost = cost.saturating_add(key.1.len());
            let mut results = lock(&self.shared.results);
            for (_, dropped) in results.files.insert(key, found, cost) {
                results.unlisted.add_all(&dropped.tally(self.shared.engine.rules()), 1);
            }
        }
        Ok(())
    }

    /// Reads and scans an open file and counts its bytes.
    fn read_content(
        &mut self,
        dir: &OpenDir,
        name: &CStr,
        fd: &OwnedFd,
        stat: &FileStat,
        size: u64,
    ) -> Collector {
        let mut extent = Extent { size, stored: stat.stored, max_unsized: MAX_UNSIZED };
        let mut capped = 0;
        if self.root.is_pseudo() {
            extent.max_unsized = MAX_PSEUDO;
            capped = size.saturating_sub(MAX_PSEUDO);
            extent.size = size.min(MAX_PSEUDO);
        }
        let medium = FileContent(fd.as_fd());
        let mut sink = ScanSink {
            scanner: &mut self.scanner,
            shared: self.shared,
            hits: Collector::default(),
            windowed: false,
        };
        let outcome = read(&medium, extent, &mut self.buffer, &mut sink);
        let ScanSink { mut hits, windowed, .. } = sink;
        if windowed && !hits.is_empty() {
            hits.place_by_reading(&medium, stat.stored < size);
        }
        self.bytes_untold += if windowed { 0 } else { outcome.scanned };
        self.count(dir, name, &outcome);
        if capped > 0 {
            self.coverage.leave_out_bytes(Reason::OverBudget, capped);
        }
        hits
    }

    /// Counts what became of a file's bytes.
    fn count(&mut self, dir: &OpenDir, name: &CStr, outcome: &Outcome) {
        let mut gaps = outcome.gaps.as_slice();
        match gaps.split_first() {
            // Nothing of it was scanned: it is left out as a whole.
            Some((first, rest)) if outcome.scanned == 0 && outcome.holes == 0 && first.length > 0 => {
                self.coverage.leave_out_file(first.reason, first.length);
                self.gap_problem(dir, name, first);
                gaps = rest;
            }
            _ => self.coverage.scan_file(outcome.scanned),
        }
        if outcome.holes > 0 {
            self.coverage.leave_out_bytes(Reason::Hole, outcome.holes);
        }
        for (number, gap) in gaps.iter().enumerate() {
            self.coverage.leave_out_bytes(gap.reason, gap.length);
            if number < MAX_GAPS {
                self.gap_problem(dir, name, gap);
            } else {
                lock(&self.shared.results).problems_unlisted += 1;
            }
        }
    }

    fn gap_problem(&mut self, dir: &OpenDir, name: &CStr, gap: &Gap) {
        let message = match (gap.reason, &gap.error) {
            (Reason::Interrupted, _) => return,
            (Reason::ChangedWhileRead, _) => "became shorter while it was read".to_owned(),
            (Reason::OverBudget, _) => "has no size and did not end: only its beginning was read".to_owned(),
            (_, Some(error)) => format!("{} bytes cannot be read: {error}", gap.length),
            (_, None) => format!("{} bytes cannot be read", gap.length),
        };
        self.add_problem(dir.node().path_of(name.to_bytes()), gap.reason, Some(gap.offset), message);
    }

    fn add_problem(&mut self, path: Vec<u8>, reason: Reason, offset: Option<u64>, message: String) {
        let cost = (path.len() + message.len() + 128).max(PROBLEMS_BUDGET / MAX_PROBLEMS);
        let mut results = lock(&self.shared.results);
        let dropped = results.problems.insert((self.target, path, offset, reason), message, cost).len();
        results.problems_unlisted += u64::try_from(dropped).unwrap_or(0);
    }

    /// What was found in a file, with what is asked only then.
    fn found(&mut self, hits: Collector, fd: &OwnedFd, stat: &FileStat) -> Option<Found> {
        if hits.is_empty() {
            return None;
        }
        let listed = u64::try_from(hits.listed.len()).unwrap_or(u64::MAX);
        self.shared.progress.add(0, 0, listed.saturating_add(hits.unlisted.total()));
        let btime = statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BTIME).ok().and_then(|facts| {
            let known = facts.stx_mask & StatxFlags::BTIME.bits() != 0;
            known.then_some((facts.stx_btime.tv_sec, facts.stx_btime.tv_nsec))
        });
        Some(Found { stat: FileStat { btime, ..*stat }, hits: hits.listed, unlisted: hits.unlisted })
    }

    fn tell_progress(&mut self) {
        self.shared.progress.add(self.files_untold, self.bytes_untold, 0);
        (self.files_untold, self.bytes_untold) = (0, 0);
    }

    fn one_more_file(&mut self) {
        self.files_untold += 1;
        if self.files_untold >= PROGRESS_STEP {
            self.tell_progress();
        }
    }
}

impl Visitor for Worker<'_> {
    fn directory(&mut self) {
        self.coverage.directories += 1;
    }

    fn file(&mut self, dir: &OpenDir, name: &CStr) {
        if self.shared.measure.stage == Stage::Walk {
            return self.coverage.scan_file(0);
        }
        if let Err((reason, bytes, message)) = self.scan_file(dir, name) {
            self.coverage.leave_out_file(reason, bytes);
            if let Some(message) = message {
                self.add_problem(dir.node().path_of(name.to_bytes()), reason, None, message);
            }
        }
        self.one_more_file();
    }

    fn left_out(&mut self, reason: Reason, bytes: u64) {
        self.coverage.leave_out_file(reason, bytes);
        self.one_more_file();
    }

    fn problem(&mut self, path: Vec<u8>, reason: Reason, message: String) {
        self.add_problem(path, reason, None, message);
    }

    fn should_stop(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
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

/// Gives what is read to the engine.
struct ScanSink<'w, 's> {
    scanner: &'w mut Scanner,
    shared: &'s Shared<'s>,
    hits: Collector,
    /// The content came in windows and is not at hand as a whole.
    windowed: bool,
}

impl Sink for ScanSink<'_, '_> {
    fn whole(&mut self, bytes: &[u8]) {
        if self.shared.measure.stage == Stage::Read {
            self.shared.measure.read(bytes);
            return;
        }
        let (shared, hits) = (self.shared, &mut self.hits);
        let max = shared.options.max_findings_per_file;
        self.scanner.scan(bytes, &mut |hit| hits.take(hit, max, shared.engine.rules()));
        if !self.hits.is_empty() {
            self.hits.place_in(bytes);
        }
    }

    fn begin(&mut self, base: u64) {
        self.windowed = true;
        self.scanner.begin(base);
    }

    fn window(&mut self, bytes: &[u8], base: u64, last: bool) -> u64 {
        let (shared, hits) = (self.shared, &mut self.hits);
        let max = shared.options.max_findings_per_file;
        shared.progress.add(0, u64::try_from(bytes.len()).unwrap_or(0), 0);
        if shared.measure.stage == Stage::Read {
            shared.measure.read(bytes);
            return base.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        }
        self.scanner.feed(bytes, base, last, &mut |hit| hits.take(hit, max, shared.engine.rules()))
    }

    fn should_stop(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }
}
