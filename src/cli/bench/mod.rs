//! `snapsift bench`: what a scan costs, measured by running it.
//!
//! Role: decides which runs are made and in which order; what they gave is a
//! [`Report`], written as text or JSON. A run is the one that `scan` makes.

mod machine;
mod report;
mod text;

use std::io::Write as _;
use std::time::Instant;

use anyhow::Context as _;
use snapsift::finding::SummaryRecord;
use snapsift::output::{JsonLines, escape};
use snapsift::pipeline::measure::{Cost, Stage};
use snapsift::pipeline::{Scan, ScanOptions};
use snapsift::rules::RuleSet;
use snapsift::scan::{Engine, Stats};

use self::report::{Cache, Profile, Report, Row, RuleCost, Sample, StageCost};
use super::args::{BenchArgs, BenchFormat, Colour};
use super::exit::Exit;
use super::{open, process, rules, scan};

/// How often each stage is run to find out where the time goes: the least of them
/// counts, since noise only ever adds.
const STAGE_RUNS: u32 = 5;

pub(super) fn run(args: &BenchArgs, colour: Colour) -> anyhow::Result<Exit> {
    process::forbid_core_dumps();
    let began = Instant::now();
    let rules = match rules::load(&args.rules) {
        Ok(rules) => rules,
        Err(error) => return Ok(rules::refuse(&error, colour)),
    };
    let load_seconds = began.elapsed().as_secs_f64();
    let bench = Bench { args, rules, jobs: jobs(&args.jobs) };
    let report = bench.report(load_seconds)?;
    let mut out = std::io::stdout().lock();
    match args.format {
        BenchFormat::Text => out.write_all(text::render(&report).as_bytes())?,
        BenchFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &report)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(if report.complete { Exit::Complete } else { Exit::Incomplete })
}

/// The numbers of threads, by default 1 and one for each core.
fn jobs(given: &[u16]) -> Vec<usize> {
    let mut jobs: Vec<usize> = given.iter().copied().map(usize::from).collect();
    if jobs.is_empty() {
        jobs = vec![1, machine::cores()];
    }
    jobs.dedup();
    jobs
}

struct Bench<'a> {
    args: &'a BenchArgs,
    rules: RuleSet,
    jobs: Vec<usize>,
}

impl Bench<'_> {
    fn report(&self, load_seconds: f64) -> anyhow::Result<Report> {
        let last = self.jobs.last().copied().unwrap_or(1);
        // The warm-up, whose coverage is what the others must have as well.
        let (summary, _) = self.measure(last)?;
        let mut rows = self.rows(Cache::Warm, &summary)?;
        // Before the cold runs, which leave a cold cache behind.
        let profile = if self.args.no_profile {
            None
        } else {
            Some(self.profile(last, summary.coverage.bytes_scanned)?)
        };
        if self.args.cold {
            let cache = if self.args.drop_caches { Cache::ColdDropped } else { Cache::ColdAdvised };
            rows.extend(self.rows(cache, &summary)?);
        }
        let engine = Engine::new(&self.rules);
        let (literals, windows, expected) = engine.prefilter_size();
        Ok(Report {
            schema: "snapsift-bench/1",
            version: env!("CARGO_PKG_VERSION"),
            machine: machine::facts(),
            targets: self
                .args
                .targets
                .iter()
                .map(|path| escape::bytes_of_path(path.as_os_str().as_encoded_bytes()))
                .collect(),
            kernel: engine.kernel().name(),
            rules: self.rules.rules().len(),
            literals,
            windows,
            expected_candidate_share: f64::from(expected),
            rules_load_seconds: load_seconds,
            directories: summary.coverage.directories,
            files: summary.coverage.files_scanned,
            bytes: summary.coverage.bytes_scanned,
            complete: summary.complete,
            runs: self.args.runs,
            rows,
            profile,
        })
    }

    fn scan(&self, jobs: usize) -> anyhow::Result<Scan> {
        let options = ScanOptions { jobs, ..scan::selected(&self.args.what) };
        open::scan(&self.args.targets, None, &self.rules, options)
    }

    /// One run, as `scan --format jsonl` does it, into nowhere.
    fn measure(&self, jobs: usize) -> anyhow::Result<(SummaryRecord, Cost)> {
        let (summary, cost) = Cost::of(|| -> anyhow::Result<SummaryRecord> {
            Ok(self.scan(jobs)?.run(&mut JsonLines::new(std::io::sink()))?)
        });
        Ok((summary.context("a run failed")?, cost))
    }

    /// All runs with this cache, the numbers of threads in turns.
    fn rows(&self, cache: Cache, expected: &SummaryRecord) -> anyhow::Result<Vec<Row>> {
        let mut rows: Vec<Row> = self.jobs.iter().map(|jobs| Row::new(cache, *jobs)).collect();
        for _ in 0..self.args.runs {
            for row in &mut rows {
                self.prepare(cache)?;
                machine::reset_peak_memory();
                let disk = machine::bytes_from_disk();
                let (summary, cost) = self.measure(row.threads)?;
                row.samples.push(Sample {
                    wall_seconds: cost.wall.as_secs_f64(),
                    cpu_seconds: cost.cpu.as_secs_f64(),
                    bytes_from_disk: machine::bytes_from_disk()
                        .zip(disk)
                        .map(|(after, before)| after - before),
                    peak_memory_bytes: machine::peak_memory(),
                });
                row.same_input &= summary.coverage.files_scanned == expected.coverage.files_scanned
                    && summary.coverage.bytes_scanned == expected.coverage.bytes_scanned;
            }
        }
        for row in &mut rows {
            row.sum_up(expected.coverage.files_scanned, expected.coverage.bytes_scanned);
        }
        Ok(rows)
    }

    fn prepare(&self, cache: Cache) -> anyhow::Result<()> {
        match cache {
            Cache::Warm => {}
            Cache::ColdAdvised => {
                self.scan(1)?.evict()?;
            }
            Cache::ColdDropped => machine::drop_caches().context(
                "cannot write to /proc/sys/vm/drop_caches; run as root, or leave --drop-caches out",
            )?,
        }
        Ok(())
    }

    /// Where the time goes.
    fn profile(&self, threads: usize, bytes: u64) -> anyhow::Result<Profile> {
        let mut reached = [f64::INFINITY; Stage::ALL.len()];
        let (mut start, mut whole) = (f64::INFINITY, f64::INFINITY);
        let runs = self.args.runs.min(STAGE_RUNS);
        for _ in 0..runs {
            let (scan, cost) = Cost::of(|| self.scan(threads));
            drop(scan?);
            start = start.min(cost.cpu.as_secs_f64());
            for (stage, least) in Stage::ALL.into_iter().zip(&mut reached) {
                let (result, cost) =
                    Cost::of(|| self.scan(threads)?.run_stage(stage).map_err(anyhow::Error::from));
                result.context("a run failed")?;
                *least = least.min(cost.cpu.as_secs_f64());
            }
            whole = whole.min(self.measure(threads)?.1.cpu.as_secs_f64());
        }
        let mut stages = Vec::new();
        let mut before = 0.0;
        let ends = Stage::ALL.into_iter().map(Stage::name).zip(reached);
        let ends = std::iter::once(("start", start)).chain(ends).chain([("records", whole)]);
        for (name, end) in ends {
            stages.push(StageCost::new(name, end - before, whole));
            before = end;
        }
        let (_, stats) = self.scan(threads)?.run_profiled(&mut JsonLines::new(std::io::sink()))?;
        Ok(self.profiled(threads, runs, stages, &stats, bytes))
    }

    fn profiled(
        &self,
        threads: usize,
        runs: u32,
        stages: Vec<StageCost>,
        stats: &Stats,
        bytes: u64,
    ) -> Profile {
        let rule = |(rule, stats): (&snapsift::rules::Rule, &snapsift::scan::RuleStats)| RuleCost {
            id: rule.id.clone(),
            literals: stats.literals,
            matched: stats.matched,
            verified: stats.verified,
            seconds: stats.time.as_secs_f64(),
        };
        let mut rules: Vec<RuleCost> = self.rules.rules().iter().zip(&stats.by_rule).map(rule).collect();
        rules.retain(|rule| rule.literals > 0);
        rules.sort_by(|a, b| b.seconds.total_cmp(&a.seconds).then_with(|| a.id.cmp(&b.id)));
        Profile {
            threads,
            runs,
            stages,
            bytes: stats.bytes,
            candidates: stats.candidates,
            literals: stats.literals,
            false_candidates_per_byte: report::ratio(stats.candidates.saturating_sub(stats.literals), bytes),
            rules,
        }
    }
}
