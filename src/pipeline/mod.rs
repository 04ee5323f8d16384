//! A whole scan: source → scan → enrich → records.
//!
//! Role: threads, limits, progress, coverage, and the order of the records. Input:
//! open snapshots, an engine, options; output: a stream of records into a sink.
//! Not for: how bytes are read, matched or written.
//!
//! The stream depends on the input alone: not on the number of threads, nor on
//! which of them was faster. Memory does not grow with the size of the target.

mod bounded;
pub mod compare;
mod deadline;
mod directory;
mod emit;
pub mod evaluate;
mod histories;
mod hits;
mod in_order;
pub mod labels;
mod links;
pub mod listing;
mod marking;
mod masking;
pub mod measure;
mod medium;
mod progress;
mod targets;
mod volume;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deadline::{Deadline, EndOnDrop};
use directory::FileVisitor;
use emit::{NamedFile, TargetFacts};
use in_order::Reading;
use marking::Marking;
use measure::{Measure, Stage};
pub use progress::Progress;
use targets::{Target, TargetKind};
use worker::{Results, Shared, Worker, lock};

use crate::enrich::Enricher;
use crate::facts::{Accounts, Machine, Packages};
use crate::finding::{
    Fingerprinter, MachineRecord, ProvenanceStep, Reason, Record, SCHEMA, ScanRecord, SummaryRecord,
    Timestamp,
};
pub use crate::output::RecordSink;
use crate::scan::Engine;
use crate::source::directory::{WalkOptions, Walker};
use crate::source::unpack::Limits;
use crate::source::{Exclude, ExcludeError, Snapshot};
use crate::threads::{self, Pool};
use crate::triage::{Baseline, IgnoreFile};

/// How to scan.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    /// Threads; 0: as many as there are cores.
    pub jobs: usize,
    /// Globs of what to leave out: see [`Exclude`].
    pub exclude: Vec<String>,
    /// Leave out files larger than this, in bytes.
    pub max_file_size: Option<u64>,
    /// Enter other filesystems that are mounted below a target.
    pub cross_filesystems: bool,
    /// Read directories of test content too.
    pub include_test_content: bool,
    /// Of disk images, read deleted files and free space too.
    pub unallocated: bool,
    /// How deep archives and compressed files are looked into; 0: not at all. Each archive
    /// and each compression is a level.
    pub max_archive_depth: usize,
    /// The most bytes that are unpacked of one file, all levels together.
    pub max_unpacked_size: u64,
    /// The most bytes that are unpacked in the scan.
    pub max_unpacked_total: u64,
    /// End the scan after so long; what was not reached by then is counted.
    pub max_scan_time: Option<Duration>,
    /// Makes the fingerprints of secrets.
    pub fingerprinter: Fingerprinter,
    /// Put raw secrets into the records.
    pub reveal: bool,
    /// The most findings of one file that are listed; the rest is counted.
    pub max_findings_per_file: u64,
    /// Which findings to mark as ignored.
    pub ignore: Option<Arc<IgnoreFile>>,
    /// The earlier scan by which findings are marked as new or unchanged.
    pub baseline: Option<Arc<Baseline>>,
}

impl ScanOptions {
    /// How deep archives are looked into by default.
    pub const MAX_ARCHIVE_DEPTH: usize = 8;
    /// How many bytes of one file are unpacked by default.
    pub const MAX_UNPACKED_SIZE: u64 = 64 << 30;
    /// How many bytes are unpacked in a scan by default.
    pub const MAX_UNPACKED_TOTAL: u64 = 1 << 40;

    /// Whether a limit of the whole scan may be reached: then what is worth most is scanned
    /// first.
    fn is_short(&self) -> bool {
        self.max_scan_time.is_some() || self.max_unpacked_total < Self::MAX_UNPACKED_TOTAL
    }
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            jobs: 0,
            exclude: Vec::new(),
            max_file_size: None,
            cross_filesystems: false,
            include_test_content: false,
            unallocated: true,
            max_archive_depth: Self::MAX_ARCHIVE_DEPTH,
            max_unpacked_size: Self::MAX_UNPACKED_SIZE,
            max_unpacked_total: Self::MAX_UNPACKED_TOTAL,
            max_scan_time: None,
            fingerprinter: Fingerprinter::unkeyed(),
            reveal: false,
            max_findings_per_file: 1000,
            ignore: None,
            baseline: None,
        }
    }
}

/// Why a scan ended without a summary.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A glob is wrong; nothing was scanned.
    #[error(transparent)]
    Exclude(#[from] ExcludeError),
    /// Threads could not be started.
    #[error("threads cannot be started: {0}; try a smaller number of jobs")]
    Threads(String),
    /// The sink did not take a record.
    #[error("the output cannot be written: {0}")]
    Sink(#[from] std::io::Error),
}

/// A scan, ready to run.
///
/// ```no_run
/// use snapsift::finding::Record;
/// use snapsift::pipeline::{Scan, ScanOptions};
/// use snapsift::rules::RuleSet;
/// use snapsift::scan::Engine;
/// use snapsift::source::Snapshot;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::new(&RuleSet::default());
/// let scan = Scan::new(Snapshot::open("/mnt/snapshot")?, engine, ScanOptions::default());
/// let mut records: Vec<Record> = Vec::new();
/// let summary = scan.run(&mut records)?;
/// assert!(summary.complete && summary.coverage.is_balanced());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Scan {
    snapshots: Vec<Snapshot>,
    engine: Engine,
    options: ScanOptions,
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
}

impl Scan {
    /// A scan of one target.
    #[must_use]
    pub fn new(snapshot: Snapshot, engine: Engine, options: ScanOptions) -> Self {
        let (progress, stop) = (Arc::default(), Arc::default());
        Self { snapshots: vec![snapshot], engine, options, progress, stop }
    }

    /// One target more; it comes after the others.
    #[must_use]
    pub fn with_snapshot(mut self, snapshot: Snapshot) -> Self {
        self.snapshots.push(snapshot);
        self
    }

    /// Counts that grow while the scan runs.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Set it from another thread or a signal handler, and the scan ends soon with
    /// a summary that says it was interrupted.
    #[must_use]
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Scans: gives the header, the machines, findings, keys, problems, and the summary, which
    /// is also returned.
    ///
    /// # Errors
    ///
    /// A wrong glob, no threads, or the sink's error; then no summary was given.
    pub fn run(self, sink: &mut dyn RecordSink) -> Result<SummaryRecord, ScanError> {
        self.run_measured(&Measure::default(), sink)
    }

    fn run_measured(self, measure: &Measure, sink: &mut dyn RecordSink) -> Result<SummaryRecord, ScanError> {
        let begun = Instant::now();
        let (walk, pool) = (self.walk_options()?, self.pool()?);
        let in_use: Option<u64> = self.snapshots.iter().map(Snapshot::bytes_in_use).sum();
        self.progress.set_bytes_in_use(in_use);
        let header = self.header();
        let scan_id = header.scan_id.clone();
        sink.record(&Record::Scan(header))?;
        let targets = self.targets();
        let machines = machines(&targets);
        for (machine, target) in machines.iter().zip(&targets) {
            if let Some(machine) = machine {
                let record =
                    MachineRecord { provenance: target.provenance.clone(), ..machine.record.clone() };
                sink.record(&Record::Machine(Box::new(record)))?;
            }
        }
        let (links, results) = self.read_all(&targets, measure, (&walk, &pool), begun)?;
        let mut summary = self.emit(links, results, &targets, &machines, &pool, sink)?;
        summary.scan_id = scan_id;
        summary.elapsed_seconds = begun.elapsed().as_secs_f64();
        sink.record(&Record::Summary(Box::new(summary.clone())))?;
        Ok(summary)
    }

    /// The part of a scan that reads: all targets, by all threads.
    fn read_all(
        &self,
        targets: &[Target<'_>],
        measure: &Measure,
        (walk, pool): (&WalkOptions, &Pool),
        begun: Instant,
    ) -> Result<(links::Links, Results), ScanError> {
        let shared = Shared {
            options: &self.options,
            engine: &self.engine,
            progress: &self.progress,
            stop: &self.stop,
            limits: Limits {
                depth: self.options.max_archive_depth,
                file: self.options.max_unpacked_size,
                total: Arc::new(AtomicU64::new(self.options.max_unpacked_total)),
                stop: Arc::clone(&self.stop),
            },
            walk,
            seen: std::sync::Mutex::default(),
            disks: Default::default(),
            stores: std::sync::Mutex::default(),
            objects: std::sync::Mutex::default(),
            links: std::sync::Mutex::default(),
            results: std::sync::Mutex::default(),
            measure,
        };
        let deadline = Deadline::default();
        std::thread::scope(|scope| {
            let _end = EndOnDrop(&deadline);
            if let Some(limit) = self.options.max_scan_time {
                let watched = deadline.watch(scope, begun, limit, &self.stop);
                watched.map_err(|error| ScanError::Threads(error.to_string()))?;
            }
            for (number, target) in (0_u32..).zip(targets) {
                scan_target(target, number, &shared, walk, pool);
            }
            Ok::<(), ScanError>(())
        })?;
        if deadline.was_met(&self.stop) {
            lock(&shared.results).coverage.ran_out_of_time();
            let message = "--max-scan-time was over: what was not reached is counted as out_of_time";
            Worker::new(&shared, 0).add_problem(b"/".to_vec(), Reason::OutOfTime, None, message.to_owned());
        }
        let Shared { links, results, .. } = shared;
        Ok((into_inner(links), into_inner(results)))
    }

    fn targets(&self) -> Vec<Target<'_>> {
        targets::of(&self.snapshots, self.options.unallocated)
    }

    fn walk_options(&self) -> Result<WalkOptions, ScanError> {
        Ok(WalkOptions {
            cross_filesystems: self.options.cross_filesystems,
            include_test_content: self.options.include_test_content,
            exclude: Exclude::new(&self.options.exclude)?,
            by_worth: self.options.is_short(),
        })
    }

    fn pool(&self) -> Result<Pool, ScanError> {
        Pool::new(self.threads()).map_err(|error| ScanError::Threads(error.to_string()))
    }

    fn threads(&self) -> usize {
        let wanted = if self.options.jobs == 0 { threads::cores() } else { self.options.jobs };
        wanted.min(Walker::max_threads())
    }

    fn header(&self) -> ScanRecord {
        let rules = self.engine.rules();
        ScanRecord {
            schema: SCHEMA.into(),
            scan_id: random_id(),
            engine_version: env!("CARGO_PKG_VERSION").into(),
            rules_blake3: rules.digest().into(),
            rules: u64::try_from(rules.rules().len()).unwrap_or(u64::MAX),
            rule_ids: rules.rules().iter().map(|rule| rule.id.clone()).collect(),
            targets: self.snapshots.iter().map(target_name).collect(),
            started_at: Timestamp::now(),
            fingerprints_keyed: self.options.fingerprinter.is_keyed(),
        }
    }

    /// Gives everything between the header and the summary; returns the summary
    /// without id and duration.
    fn emit(
        &self,
        links: links::Links,
        results: Results,
        targets: &[Target<'_>],
        machines: &[Option<Machine>],
        pool: &Pool,
        sink: &mut dyn RecordSink,
    ) -> Result<SummaryRecord, ScanError> {
        let rules = self.engine.rules();
        let (linked, mut unlisted) = links.finish(rules);
        unlisted.add_all(&results.unlisted, 1);
        let mut files: Vec<NamedFile> = Vec::new();
        let single =
            results.files.into_items().map(|((target, path), found)| (target, vec![path.into()], found));
        for (target, names, found) in linked.into_iter().chain(single) {
            let found = Arc::new(found);
            for path in names {
                unlisted.add_all(&found.all_unlisted(), 1);
                files.push(NamedFile { target, path, found: Arc::clone(&found) });
            }
        }
        let facts = if files.is_empty() { Vec::new() } else { target_facts(targets, &files, machines) };
        let marking = Marking::new(&self.options);
        let enricher = Enricher::new(
            rules.clone(),
            self.options.fingerprinter.clone(),
            self.options.reveal,
            Timestamp::now(),
        );
        let databases = facts.iter().flat_map(|target| target.packages.databases()).collect();
        let emitted = emit::findings(files, &facts, &enricher, &marking, pool, sink)?;
        let provenance: Vec<&[ProvenanceStep]> = targets.iter().map(|target| &*target.provenance).collect();
        let mut keys = emitted.keys;
        for (machine, target) in machines.iter().zip(targets) {
            let Some(machine) = machine else { continue };
            keys += emit::machine_keys(machine, &target.provenance, pool, sink)?;
        }
        let broken = emit::broken_rules(&self.engine, sink)?;
        let problems = broken + emit::problems(results.problems.into_items(), &provenance, sink)?;
        let coverage = results.coverage;
        debug_assert!(coverage.is_balanced(), "coverage does not add up: {coverage:?}");
        let interrupted = self.stop.load(Ordering::Relaxed);
        let failed = coverage.left_out.keys().any(|reason| reason.is_failure());
        let complete = !interrupted && !failed && problems == 0 && results.problems_unlisted == 0;
        Ok(SummaryRecord {
            scan_id: String::new(),
            complete: complete && coverage.is_balanced(),
            interrupted,
            coverage,
            findings: emit::by_severity(&emitted.findings, &unlisted),
            findings_not_listed: unlisted.total(),
            marks: marking.summary(&emitted.marked, &unlisted, databases),
            keys,
            problems,
            problems_not_listed: results.problems_unlisted,
            access_times_not_kept: results.access_times_not_kept,
            finished_at: Timestamp::now(),
            elapsed_seconds: 0.0,
        })
    }
}

/// What each target says of its machine.
fn machines(targets: &[Target<'_>]) -> Vec<Option<Machine>> {
    let now = Timestamp::now();
    targets.iter().map(|target| Machine::read(target.tree()?, now, None)).collect()
}

fn target_facts<'s>(
    targets: &'s [Target<'_>],
    files: &[NamedFile],
    machines: &'s [Option<Machine>],
) -> Vec<TargetFacts<'s>> {
    let facts = |((number, target), machine): ((u32, &'s Target<'_>), &'s Option<Machine>)| {
        let here = files.iter().filter(|file| file.target == number).map(|file| &*file.path);
        let tree = target.tree();
        TargetFacts {
            provenance: target.provenance.clone(),
            tree,
            accounts: tree.map(Accounts::read).unwrap_or_default(),
            machine: machine.as_ref(),
            packages: tree.map(|tree| Packages::find(tree, here)).unwrap_or_default(),
        }
    };
    (0_u32..).zip(targets).zip(machines).map(facts).collect()
}

fn scan_target(target: &Target<'_>, number: u32, shared: &Shared<'_>, walk: &WalkOptions, pool: &Pool) {
    let reading =
        |filesystem, slack, deleted| Reading { filesystem, target: number, slack, deleted, shared, pool };
    // What no name leads to is neither walked nor opened.
    let reads = shared.measure.stage >= Stage::Read;
    match &target.kind {
        TargetKind::Directory(root, path) => {
            let mut walker = Walker::new(root, path, walk.clone(), pool.threads());
            loop {
                pool.on_each(|| walker.work(&mut FileVisitor::new(shared, root, number)));
                if !walker.has_more(pool.threads()) {
                    break;
                }
            }
        }
        TargetKind::File { parent, name } => directory::scan_single(parent, name, number, shared),
        TargetKind::Disks(disks) => volume::count_closed(disks, number, shared),
        TargetKind::Filesystem { filesystem, with_slack, .. } => {
            let slack = with_slack.then(|| number.saturating_add(1));
            volume::scan_files(&reading(filesystem, slack, false), walk);
        }
        TargetKind::Slack => {}
        TargetKind::Journal(filesystem) if reads => volume::scan_journal(&reading(filesystem, None, false)),
        TargetKind::Free(filesystem) if reads => volume::scan_free(&reading(filesystem, None, true), walk),
        TargetKind::Raw(disk, ranges) if reads => volume::scan_raw(*disk, ranges, number, shared, pool),
        TargetKind::Journal(_) | TargetKind::Free(_) | TargetKind::Raw(..) => {}
    }
}

fn target_name(snapshot: &Snapshot) -> String {
    snapshot.path().to_string_lossy().into_owned()
}

fn into_inner<T>(mutex: std::sync::Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// 128 bits that no other run has: what the standard library draws from the
/// system for its hash tables, with the time and the process mixed in.
fn random_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let mut hasher = blake3::Hasher::new();
    for state in [RandomState::new(), RandomState::new()] {
        hasher.update(&state.hash_one(0).to_le_bytes());
        hasher.update(&state.hash_one(1).to_le_bytes());
    }
    hasher.update(Timestamp::now().to_string().as_bytes());
    hasher.update(&std::process::id().to_le_bytes());
    hasher.finalize().to_hex().as_str().get(..32).unwrap_or_default().to_owned()
}
