//! `snapsift rules bench`: what each rule costs over a corpus.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context as _;
use serde::Serialize;
use snapsift::output::{JsonLines, escape};
use snapsift::pipeline::measure::Cost;
use snapsift::pipeline::{Scan, ScanOptions};
use snapsift::rules::RuleSet;
use snapsift::scan::{Engine, RuleStats};

use super::{packs, refuse};
use crate::cli::args::Colour;
use crate::cli::args::tools::{RulesBenchArgs, ToolFormat};
use crate::cli::exit::Exit;
use crate::cli::figures::{fixed, grouped};
use crate::cli::{open, process};

/// So many bytes of the corpus, or up to twice as many, show how many candidates each
/// rule has alone: by hundreds of rules, more take minutes.
const SAMPLE: usize = 32 << 20;

/// The figures, as `--format json` writes them.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    version: &'static str,
    corpus: Vec<String>,
    files: u64,
    bytes: u64,
    complete: bool,
    runs: u32,
    /// Of the whole scan, by one thread, nothing profiled.
    cpu_seconds: f64,
    /// Positions that the prefilter lets through, all rules together.
    candidates: u64,
    /// So much of the corpus was searched for the candidates of each rule alone.
    sample_bytes: u64,
    /// The dearest first.
    rules: Vec<RuleCost>,
}

#[derive(Debug, Serialize)]
struct RuleCost {
    id: String,
    secret_type: String,
    /// Positions that the prefilter lets through for this rule alone, by the sample.
    candidates_per_gigabyte: Option<f64>,
    literals: u64,
    literals_per_gigabyte: f64,
    matched: u64,
    verified: u64,
    seconds: f64,
    /// Of the whole scan.
    share: f64,
}

pub(super) fn run(args: &RulesBenchArgs, colour: Colour) -> anyhow::Result<Exit> {
    process::forbid_core_dumps();
    let rules = match RuleSet::load(&packs(&args.pack, &args.choice)) {
        Ok(rules) => rules,
        Err(error) => return Ok(refuse(&error, colour)),
    };
    let report = measure(args, &rules)?;
    let mut out = std::io::stdout().lock();
    match args.format {
        ToolFormat::Text => out.write_all(text(&report)?.as_bytes())?,
        ToolFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &report)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(if report.complete { Exit::Complete } else { Exit::Incomplete })
}

fn measure(args: &RulesBenchArgs, rules: &RuleSet) -> anyhow::Result<Report> {
    let prepare = |rules: &RuleSet| -> anyhow::Result<Scan> {
        let options = ScanOptions { jobs: 1, include_test_content: true, ..ScanOptions::default() };
        open::scan(&args.corpus, None, rules, options)
    };
    // The warm-up, whose coverage is what is told.
    let summary = prepare(rules)?.run(&mut JsonLines::new(std::io::sink()))?;
    let mut cpu_seconds = f64::INFINITY;
    let mut least: Vec<RuleStats> = Vec::new();
    let mut candidates = 0;
    for _ in 0..args.runs {
        let (result, cost) =
            Cost::of(|| Ok::<_, anyhow::Error>(prepare(rules)?.run(&mut JsonLines::new(std::io::sink()))?));
        result.context("a run failed")?;
        cpu_seconds = cpu_seconds.min(cost.cpu.as_secs_f64());
        let (_, stats) = prepare(rules)?.run_profiled(&mut JsonLines::new(std::io::sink()))?;
        candidates = stats.candidates;
        if least.is_empty() {
            least.clone_from(&stats.by_rule);
        }
        for (least, now) in least.iter_mut().zip(&stats.by_rule) {
            least.time = least.time.min(now.time);
        }
    }
    let bytes = summary.coverage.bytes_scanned;
    let sample = if args.no_candidates { Vec::new() } else { prepare(rules)?.sample(SAMPLE, bytes)? };
    let sample_bytes = sample.len() as u64;
    let mut costs = Vec::new();
    for (number, rule) in rules.rules().iter().enumerate() {
        let stats = least.get(number).copied().unwrap_or_default();
        let candidates = (!args.no_candidates).then(|| {
            let only = RuleSet::new(vec![rule.clone()], String::new());
            Engine::new(&only).count_candidates(&sample)
        });
        let seconds = stats.time.as_secs_f64();
        costs.push(RuleCost {
            id: rule.id.clone(),
            secret_type: rule.secret_type.clone(),
            candidates_per_gigabyte: candidates.map(|number| per_gigabyte(number, sample_bytes)),
            literals: stats.literals,
            literals_per_gigabyte: per_gigabyte(stats.literals, bytes),
            matched: stats.matched,
            verified: stats.verified,
            seconds,
            share: if cpu_seconds > 0.0 { seconds / cpu_seconds } else { 0.0 },
        });
    }
    costs.sort_by(|a, b| b.seconds.total_cmp(&a.seconds).then_with(|| a.id.cmp(&b.id)));
    Ok(Report {
        schema: "snapsift-rules-bench/1",
        version: env!("CARGO_PKG_VERSION"),
        corpus: args
            .corpus
            .iter()
            .map(|path| escape::bytes_of_path(path.as_os_str().as_encoded_bytes()))
            .collect(),
        files: summary.coverage.files_scanned,
        bytes,
        complete: summary.complete,
        runs: args.runs,
        cpu_seconds,
        candidates,
        sample_bytes,
        rules: costs,
    })
}

#[expect(clippy::cast_precision_loss, reason = "rates need no more than 53 bits")]
fn per_gigabyte(number: u64, bytes: u64) -> f64 {
    if bytes == 0 { 0.0 } else { number as f64 * 1e9 / bytes as f64 }
}

fn text(report: &Report) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(text, "corpus   {}", report.corpus.join(", "))?;
    writeln!(
        text,
        "scanned  {} files, {} bytes, in {} s of processor time{}",
        grouped(report.files),
        grouped(report.bytes),
        fixed(report.cpu_seconds, 3),
        if report.complete { "" } else { "; something could not be read: see `snapsift scan`" }
    )?;
    writeln!(
        text,
        "\n{:>8} {:>7} {:>13} {:>12} {:>9} {:>9}",
        "ms", "share", "candidates", "literals", "matched", "verified"
    )?;
    writeln!(text, "{:>8} {:>7} {:>13} {:>12} {:>9} {:>9}  rule", "", "", "per GB", "per GB", "", "")?;
    let mut unseen = 0;
    for rule in &report.rules {
        if rule.literals == 0 && rule.candidates_per_gigabyte.unwrap_or(0.0) == 0.0 {
            unseen += 1;
            continue;
        }
        writeln!(
            text,
            "{:>8} {:>5} % {:>13} {:>12} {:>9} {:>9}  {}",
            fixed(rule.seconds * 1e3, 2),
            fixed(rule.share * 100.0, 1),
            rule.candidates_per_gigabyte.map_or("-".to_owned(), |number| fixed(number, 0)),
            fixed(rule.literals_per_gigabyte, 0),
            grouped(rule.matched),
            grouped(rule.verified),
            escape::visible(&rule.id)
        )?;
    }
    if unseen > 0 {
        let rules = if unseen == 1 { "rule sees" } else { "rules see" };
        writeln!(text, "{unseen} {rules} nothing at all")?;
    }
    Ok(text)
}
