//! STAND-IN, to be removed: the shapes of the library that the command line is
//! written against (`rules::{LoadOptions, LoadError, Diagnostic}`,
//! `scan::{Engine, examples}`, `source::Snapshot`, `pipeline::{Scan, …}`), with
//! just enough behind them that the program can be tested: a plain walk that
//! knows the shape of one GitHub token.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use snapsift::finding::{
    Confidence, Coverage, FileFacts, Finding, Fingerprinter, Location, ProblemRecord, ProvenanceStep, Reason,
    Record, SCHEMA, ScanRecord, Secret, SecretFacts, Severity, SummaryRecord, Timestamp,
};
use snapsift::output::RecordSink;
use snapsift::rules::{Rule, RuleSet};

#[derive(Clone, Debug)]
pub(super) struct LoadOptions {
    pub(super) builtin: bool,
    pub(super) paths: Vec<PathBuf>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { builtin: true, paths: Vec::new() }
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("cannot read the rules at {path:?}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("rule packs are wrong")]
    Packs(Vec<Diagnostic>),
}

#[derive(Clone, Debug)]
pub(super) struct Diagnostic {
    pub(super) message: String,
    pub(super) file: Arc<str>,
    pub(super) help: Option<String>,
}

impl Diagnostic {
    pub(super) fn line_column(&self) -> (usize, usize) {
        (1, 1)
    }

    pub(super) fn render(&self, _colour: bool) -> String {
        let text = format!("error: {}\n --> {}:1:1", self.message.trim(), self.file);
        text.lines().map(|line| snapsift::output::escape::visible(line).into_owned() + "\n").collect()
    }
}

pub(super) fn check_examples(_rules: &RuleSet) -> Vec<Diagnostic> {
    Vec::new()
}

pub(super) trait RuleSetExt: Sized {
    fn load(options: &LoadOptions) -> Result<Self, LoadError>;
}

impl RuleSetExt for RuleSet {
    fn load(options: &LoadOptions) -> Result<Self, LoadError> {
        let mut faults = Vec::new();
        for path in &options.paths {
            let text = std::fs::read_to_string(path)
                .map_err(|source| LoadError::Read { path: path.clone(), source })?;
            if let Err(error) = toml::from_str::<toml::Table>(&text) {
                let file = path.to_string_lossy().as_ref().into();
                faults.push(Diagnostic { message: error.to_string(), file, help: None });
            }
        }
        if !faults.is_empty() {
            return Err(LoadError::Packs(faults));
        }
        let rules = if options.builtin { vec![rule()] } else { Vec::new() };
        Ok(Self::new(rules, "00".repeat(32)))
    }
}

fn rule() -> Rule {
    Rule {
        id: "github-pat".into(),
        name: "GitHub token".into(),
        secret_type: "GitHub personal access token".into(),
        provider: "GitHub".into(),
        category: "source-control".into(),
        severity: Severity::High,
        confidence: Confidence::High,
        description: "Acts as the account that made it.".into(),
        remediation: "Revoke it in the account's settings.".into(),
        references: Vec::new(),
        pattern: r"ghp_[0-9A-Za-z]{36}".into(),
        literals: Vec::new(),
        max_length: 40,
        not_before: snapsift::rules::ByteSet::empty(),
        not_after: snapsift::rules::ByteSet::empty(),
        public_prefix: 4,
        priority: 0,
        context: Vec::new(),
        nearby: Vec::new(),
        checks: Vec::new(),
        ignore: snapsift::rules::Ignore::default(),
        target: None,
        validity: snapsift::rules::ValidityFields::default(),
        examples: Vec::new(),
        counter_examples: Vec::new(),
    }
}

pub(super) struct Engine {
    rules: RuleSet,
}

impl Engine {
    pub(super) fn new(rules: &RuleSet) -> Self {
        Self { rules: rules.clone() }
    }
}

pub(super) struct Snapshot {
    path: PathBuf,
}

impl Snapshot {
    pub(super) fn open(path: &Path) -> Result<Self, std::io::Error> {
        std::fs::metadata(path)?;
        Ok(Self { path: path.to_owned() })
    }
}

#[derive(Clone, Debug)]
pub(super) struct ScanOptions {
    #[expect(dead_code, reason = "the stand-in has one thread")]
    pub(super) jobs: usize,
    pub(super) exclude: Vec<String>,
    pub(super) max_file_size: Option<u64>,
    #[expect(dead_code, reason = "the stand-in crosses all")]
    pub(super) cross_filesystems: bool,
    #[expect(dead_code, reason = "the stand-in knows no test content")]
    pub(super) include_test_content: bool,
    pub(super) fingerprinter: Fingerprinter,
    pub(super) reveal: bool,
    #[expect(dead_code, reason = "the stand-in has no limit")]
    pub(super) max_findings_per_file: u64,
}

#[derive(Debug, Default)]
pub(super) struct Progress {
    files: AtomicU64,
    bytes: AtomicU64,
    findings: AtomicU64,
}

impl Progress {
    pub(super) fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
    pub(super) fn findings(&self) -> u64 {
        self.findings.load(Ordering::Relaxed)
    }
    #[expect(clippy::unused_self, reason = "the shape of the real one")]
    pub(super) fn bytes_in_use(&self) -> Option<u64> {
        None
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the output could not be written")]
pub(super) struct ScanError(#[from] std::io::Error);

pub(super) struct Scan {
    snapshots: Vec<Snapshot>,
    engine: Engine,
    options: ScanOptions,
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
}

#[derive(Default)]
struct Seen {
    coverage: Coverage,
    findings: Vec<Finding>,
    problems: Vec<ProblemRecord>,
}

impl Scan {
    pub(super) fn new(snapshot: Snapshot, engine: Engine, options: ScanOptions) -> Self {
        let (progress, stop) = Default::default();
        Self { snapshots: vec![snapshot], engine, options, progress, stop }
    }

    pub(super) fn with_snapshot(mut self, snapshot: Snapshot) -> Self {
        self.snapshots.push(snapshot);
        self
    }

    pub(super) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    pub(super) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    pub(super) fn run(self, sink: &mut dyn RecordSink) -> Result<SummaryRecord, ScanError> {
        let begun = Instant::now();
        let scan_id = "00".repeat(16);
        sink.record(&Record::Scan(ScanRecord {
            schema: SCHEMA.into(),
            scan_id: scan_id.clone(),
            engine_version: env!("CARGO_PKG_VERSION").into(),
            rules_blake3: self.engine.rules.digest().into(),
            rules: u64::try_from(self.engine.rules.rules().len()).unwrap_or(0),
            targets: self.snapshots.iter().map(|s| s.path.to_string_lossy().into_owned()).collect(),
            started_at: Timestamp::now(),
            fingerprints_keyed: self.options.fingerprinter.is_keyed(),
        }))?;
        let mut seen = Seen::default();
        for snapshot in &self.snapshots {
            self.walk(&snapshot.path, &snapshot.path, &mut seen);
        }
        let mut findings = BTreeMap::new();
        for finding in &seen.findings {
            *findings.entry(finding.severity).or_insert(0) += 1;
            sink.record(&Record::Finding(Box::new(finding.clone())))?;
        }
        for problem in &seen.problems {
            sink.record(&Record::Problem(problem.clone()))?;
        }
        let interrupted = self.stop.load(Ordering::Relaxed);
        let summary = SummaryRecord {
            scan_id,
            complete: !interrupted && seen.problems.is_empty(),
            interrupted,
            findings,
            findings_not_listed: 0,
            keys: 0,
            problems: u64::try_from(seen.problems.len()).unwrap_or(0),
            problems_not_listed: 0,
            access_times_not_kept: 0,
            finished_at: Timestamp::now(),
            elapsed_seconds: begun.elapsed().as_secs_f64(),
            coverage: seen.coverage,
        };
        sink.record(&Record::Summary(Box::new(summary.clone())))?;
        Ok(summary)
    }

    fn walk(&self, root: &Path, path: &Path, seen: &mut Seen) {
        let Ok(facts) = std::fs::symlink_metadata(path) else { return };
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        if facts.is_dir() {
            seen.coverage.directories += 1;
            let Ok(entries) = std::fs::read_dir(path) else {
                self.problem(root, path, seen);
                return;
            };
            let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            entries.sort();
            for entry in entries {
                self.walk(root, &entry, seen);
            }
        } else if facts.is_symlink() {
            seen.coverage.leave_out_file(Reason::SymbolicLink, 0);
        } else if !facts.is_file() {
            seen.coverage.leave_out_file(Reason::SpecialFile, 0);
        } else if self.options.max_file_size.is_some_and(|most| facts.len() > most) {
            seen.coverage.leave_out_file(Reason::OverBudget, facts.len());
        } else if self.excluded(path) {
            seen.coverage.leave_out_file(Reason::Excluded, facts.len());
        } else if let Ok(bytes) = std::fs::read(path) {
            let read = u64::try_from(bytes.len()).unwrap_or(0);
            seen.coverage.scan_file(read);
            self.progress.files.fetch_add(1, Ordering::Relaxed);
            self.progress.bytes.fetch_add(read, Ordering::Relaxed);
            self.search(root, path, &bytes, &facts, seen);
        } else {
            seen.coverage.leave_out_file(Reason::Unreadable, facts.len());
            self.problem(root, path, seen);
        }
    }

    fn excluded(&self, path: &Path) -> bool {
        self.options.exclude.iter().any(|glob| {
            globset::Glob::new(glob).is_ok_and(|glob| {
                let glob = glob.compile_matcher();
                glob.is_match(path) || path.file_name().is_some_and(|name| glob.is_match(name))
            })
        })
    }

    fn location(root: &Path, path: &Path) -> Location {
        use std::os::unix::ffi::OsStrExt as _;
        let inner = path.strip_prefix(root).ok().filter(|inner| !inner.as_os_str().is_empty());
        let mut bytes = b"/".to_vec();
        bytes.extend(inner.map_or(path.as_os_str(), Path::as_os_str).as_bytes());
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let provenance =
            vec![ProvenanceStep { kind: "directory".into(), name: root.to_string_lossy().into_owned() }];
        Location {
            path: String::from_utf8_lossy(&bytes).into_owned(),
            path_hex: std::str::from_utf8(&bytes).is_err().then_some(hex),
            line: 1,
            column: 1,
            offset: 0,
            provenance,
            deleted: false,
        }
    }

    #[expect(clippy::unused_self, reason = "a stand-in")]
    fn problem(&self, root: &Path, path: &Path, seen: &mut Seen) {
        let Location { path, path_hex, .. } = Self::location(root, path);
        let message = "cannot be read".to_owned();
        seen.problems.push(ProblemRecord {
            path,
            path_hex,
            reason: Reason::Unreadable,
            offset: None,
            message,
        });
    }

    fn search(&self, root: &Path, path: &Path, bytes: &[u8], facts: &std::fs::Metadata, seen: &mut Seen) {
        use std::os::unix::fs::MetadataExt as _;
        for rule in self.engine.rules.rules() {
            let Ok(regex) = regex::bytes::Regex::new(&rule.pattern) else { continue };
            for found in regex.find_iter(bytes) {
                let secret = Secret::new(found.as_bytes());
                let before = bytes.get(..found.start()).unwrap_or_default();
                let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let mut location = Self::location(root, path);
                location.line =
                    1 + u64::try_from(before.iter().filter(|b| **b == b'\n').count()).unwrap_or(0);
                location.column = 1 + u64::try_from(before.len() - line_start).unwrap_or(0);
                // A secret in a path is masked as anywhere else.
                let raw = String::from_utf8_lossy(secret.expose()).into_owned();
                location.path = location.path.replace(&raw, &secret.preview(4));
                self.progress.findings.fetch_add(1, Ordering::Relaxed);
                seen.findings.push(Finding {
                    id: format!("{:x}", found.start()),
                    rule_id: rule.id.clone(),
                    secret_type: rule.secret_type.clone(),
                    provider: rule.provider.clone(),
                    category: rule.category.clone(),
                    severity: rule.severity,
                    confidence: rule.confidence,
                    secret: SecretFacts {
                        preview: secret.preview(4),
                        length: 40,
                        fingerprint: self.options.fingerprinter.fingerprint(secret.expose()),
                        raw: self.options.reveal.then(|| secret.reveal()),
                    },
                    location,
                    file: Some(FileFacts {
                        size: facts.len(),
                        mode: format!("{:04o}", facts.mode() & 0o7777),
                        uid: facts.uid(),
                        gid: facts.gid(),
                        mtime: Timestamp::from_unix(facts.mtime(), 0),
                        atime: Timestamp::from_unix(facts.atime(), 0),
                        inode: facts.ino(),
                        links: facts.nlink(),
                        ..FileFacts::default()
                    }),
                    attributes: BTreeMap::new(),
                    validity: None,
                    target: None,
                    key_fingerprint: None,
                    remediation: rule.remediation.clone(),
                });
            }
        }
    }
}
