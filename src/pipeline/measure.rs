//! What a scan costs, and where: the same scan, ended after a certain stage, or
//! watched.
//!
//! Role: for `snapsift bench` and for programs that measure. A stage is measured
//! by running a scan up to it, so that the code measured is the code that scans;
//! what one stage costs is the difference to the run before. An ordinary scan
//! pays a comparison per file for this.

use std::ffi::CStr;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};
use rustix::io::Errno;

use super::{RecordSink, Scan, ScanError};
use crate::finding::{Coverage, Reason, SummaryRecord};
use crate::scan::{Scanner, Stats, Step};
use crate::source::directory::{OpenDir, Root, Visitor, Walker};
use crate::source::{Snapshot, SnapshotKind};

/// How far the part of a scan goes that reads. Each includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Directories are listed, files are met and not opened.
    Walk,
    /// Files are opened, asked about and closed.
    Open,
    /// Their content is read and not looked at.
    Read,
    /// The engine ends after its prefilter.
    Prefilter,
    /// The engine ends after its confirm step.
    Confirm,
    /// Everything.
    #[default]
    Verify,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 6] =
        [Self::Walk, Self::Open, Self::Read, Self::Prefilter, Self::Confirm, Self::Verify];

    /// Its name, as `bench` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Walk => "walk",
            Self::Open => "open",
            Self::Read => "read",
            Self::Prefilter => "prefilter",
            Self::Confirm => "confirm",
            Self::Verify => "verify",
        }
    }
}

/// What something cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Wall clock.
    pub wall: Duration,
    /// Processor time of all threads, user and system.
    pub cpu: Duration,
}

impl Cost {
    /// Runs something and takes its cost; processor time is that of the process.
    pub fn of<T>(run: impl FnOnce() -> T) -> (T, Self) {
        let (began, cpu) = (Instant::now(), cpu_time());
        let result = run();
        (result, Self { wall: began.elapsed(), cpu: cpu_time().saturating_sub(cpu) })
    }
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// How the workers of a scan are measured; by default not at all.
#[derive(Debug, Default)]
pub(super) struct Measure {
    pub(super) stage: Stage,
    /// Where the threads add up what they did, each rule's time included.
    stats: Option<Mutex<Stats>>,
    /// What is kept of the content that is read.
    sample: Option<Mutex<Sample>>,
}

/// A part of a content, taken evenly.
#[derive(Debug)]
struct Sample {
    /// Of so many pieces one is kept.
    every: u64,
    pieces: u64,
    most: usize,
    bytes: Vec<u8>,
}

/// Large enough that few literals are cut, small enough that a large file does not
/// stand for all.
const PIECE: usize = 64 << 10;

impl Sample {
    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            let kept = self.pieces.is_multiple_of(self.every);
            self.pieces += 1;
            if kept && self.bytes.len() + piece.len() <= self.most {
                self.bytes.extend_from_slice(piece);
            }
        }
    }
}

impl Measure {
    /// Is given all content of a scan that only reads.
    pub(super) fn read(&self, bytes: &[u8]) {
        if let Some(sample) = &self.sample {
            sample.lock().unwrap_or_else(PoisonError::into_inner).take(bytes);
        }
    }

    pub(super) fn prepare(&self, scanner: &mut Scanner) {
        scanner.take_times(self.stats.is_some());
        scanner.stop_after(match self.stage {
            Stage::Confirm => Step::Confirm,
            Stage::Verify => Step::Verify,
            _ => Step::Prefilter,
        });
    }

    pub(super) fn add(&self, scanner: &Scanner) {
        if let Some(stats) = &self.stats {
            stats.lock().unwrap_or_else(PoisonError::into_inner).add(scanner.stats());
        }
    }
}

/// What [`Scan::evict`] came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Files whose pages the system was advised to drop.
    pub files: u64,
    /// Files that could not be opened, or of which it would not hear.
    pub failed: u64,
}

impl Scan {
    /// Scans up to a stage; gives no record. Returns what was covered, as far as
    /// the stage tells, and the cost.
    ///
    /// # Errors
    ///
    /// A wrong glob, or no threads.
    pub fn run_stage(&self, stage: Stage) -> Result<(Coverage, Cost), ScanError> {
        let (walk, pool) = (self.walk_options()?, self.pool()?);
        let measure = Measure { stage, ..Measure::default() };
        let begun = Instant::now();
        let (read, cost) = Cost::of(|| self.read_all(&self.targets(), &measure, (&walk, &pool), begun));
        let (_, results) = read?;
        Ok((results.coverage, cost))
    }

    /// Reads what a scan reads and returns about `most` bytes of it, at most twice as
    /// many: all of it, or pieces of up to 64 KiB from everywhere, where there are
    /// more (`total`, as in the coverage of a scan).
    ///
    /// # Errors
    ///
    /// A wrong glob, or no threads.
    pub fn sample(&self, most: usize, total: u64) -> Result<Vec<u8>, ScanError> {
        let (walk, pool) = (self.walk_options()?, self.pool()?);
        let every = total.div_ceil(most.max(1) as u64).max(1);
        let sample = Sample { every, pieces: 0, most: most.saturating_mul(2), bytes: Vec::new() };
        let measure = Measure { stage: Stage::Read, stats: None, sample: Some(Mutex::new(sample)) };
        self.read_all(&self.targets(), &measure, (&walk, &pool), Instant::now())?;
        Ok(measure.sample.map(|sample| super::into_inner(sample).bytes).unwrap_or_default())
    }

    /// [`Scan::run`], and what the engine did, with the time of each rule, which
    /// makes it slower.
    ///
    /// # Errors
    ///
    /// As [`Scan::run`].
    pub fn run_profiled(self, sink: &mut dyn RecordSink) -> Result<(SummaryRecord, Stats), ScanError> {
        let measure = Measure { stats: Some(Mutex::default()), ..Measure::default() };
        let summary = self.run_measured(&measure, sink)?;
        Ok((summary, measure.stats.map(super::into_inner).unwrap_or_default()))
    }

    /// Advises the system to drop the pages of every file that this scan would
    /// read (`posix_fadvise`, `DONTNEED`), so that it has to read them again. Pages
    /// that wait to be written or are mapped by a process stay, and so do
    /// directories and inodes.
    ///
    /// # Errors
    ///
    /// A wrong glob.
    pub fn evict(&self) -> Result<Evicted, ScanError> {
        let options = self.walk_options()?;
        let mut evicted = Evicted::default();
        for snapshot in &self.snapshots {
            match snapshot.kind() {
                SnapshotKind::Directory(root) => {
                    let mut visitor = Evict { root, scan: self, evicted: &mut evicted };
                    Walker::new(root, snapshot.path(), options.clone(), 1).work(&mut visitor);
                }
                SnapshotKind::File { parent, name } => {
                    let mut visitor = Evict { root: parent, scan: self, evicted: &mut evicted };
                    if let Ok(dir) = OpenDir::of_root(parent) {
                        visitor.file(&dir, name);
                    }
                }
                SnapshotKind::Disks(disks) => {
                    for path in disks.images.iter().flat_map(|image| &image.files) {
                        let dropped = std::fs::File::open(path).map_err(|_| Errno::IO);
                        match dropped.and_then(|file| fadvise(&file, 0, None, Advice::DontNeed)) {
                            Ok(()) => evicted.files += 1,
                            Err(_) => evicted.failed += 1,
                        }
                    }
                }
            }
        }
        Ok(evicted)
    }

    /// The targets, in order.
    #[must_use]
    pub fn snapshots(&self) -> &[Snapshot] {
        &self.snapshots
    }
}

/// Advises the system to drop each file of a walk.
struct Evict<'e> {
    root: &'e Root,
    scan: &'e Scan,
    evicted: &'e mut Evicted,
}

impl Visitor for Evict<'_> {
    fn directory(&mut self) {}

    fn file(&mut self, dir: &OpenDir, name: &CStr) {
        let opened = self.root.open_file(dir.fd(), name);
        match opened.and_then(|opened| fadvise(&opened.fd, 0, None, Advice::DontNeed)) {
            Ok(()) => self.evicted.files += 1,
            Err(_) => self.evicted.failed += 1,
        }
    }

    fn left_out(&mut self, _: Reason, _: u64) {}

    fn problem(&mut self, _: Vec<u8>, _: Reason, _: String) {}

    fn should_stop(&self) -> bool {
        self.scan.stop.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_taken_evenly() {
        let sample = |every| Sample { every, pieces: 0, most: 1 << 20, bytes: Vec::new() };
        let mut all = sample(1);
        [&b"ab"[..], b"", b"c"].iter().for_each(|bytes| all.take(bytes));
        assert_eq!(all.bytes, b"abc");
        let mut third = sample(3);
        let file: Vec<u8> = (0..6).flat_map(|number| vec![number; PIECE]).collect();
        third.take(&file);
        third.take(b"next");
        assert_eq!(third.bytes.len(), 2 * PIECE + 4);
        assert_eq!((third.bytes[0], third.bytes[PIECE], &third.bytes[2 * PIECE..]), (0, 3, &b"next"[..]));
        let mut full = sample(1);
        (0..100).for_each(|_| full.take(&file));
        assert_eq!(full.bytes.len(), 1 << 20);
    }
}
