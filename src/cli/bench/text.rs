//! The figures for a person.

use std::fmt::Write as _;

use super::report::{Cache, Profile, Report, Row, Spread};
use crate::cli::figures::{fixed, grouped};

/// Rules that are listed by their cost; the rest cost less than each of them.
const MAX_RULES: usize = 20;

/// The whole report.
pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = head(&mut text, report);
    let _ = rows(&mut text, report);
    if let Some(profile) = &report.profile {
        let _ = stages(&mut text, profile);
        let _ = rules(&mut text, profile);
    }
    text
}

fn head(text: &mut String, report: &Report) -> std::fmt::Result {
    let machine = &report.machine;
    let processor = machine.processor.as_deref().unwrap_or("processor unknown");
    write!(text, "machine  {processor}, {} cores", machine.cores)?;
    if let Some(bytes) = machine.memory_bytes {
        write!(text, ", {} GiB", (bytes + (1 << 29)) >> 30)?;
    }
    writeln!(text, ", {}", machine.system)?;
    writeln!(
        text,
        "engine   snapsift {}, kernel {}, {} rules ({} ms to load), {} literals, {} windows",
        report.version,
        report.kernel,
        report.rules,
        fixed(report.rules_load_seconds * 1e3, 1),
        report.literals,
        report.windows
    )?;
    writeln!(text, "target   {}", report.targets.join(", "))?;
    writeln!(
        text,
        "scanned  {} files, {} bytes, in {} directories{}",
        grouped(report.files),
        grouped(report.bytes),
        grouped(report.directories),
        if report.complete { "" } else { "; something could not be read: see `snapsift scan`" }
    )?;
    writeln!(text, "runs     {} of each, in turns, after one to warm up", report.runs)
}

fn rows(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text)?;
    writeln!(
        text,
        "{:<12} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>9} {:>9} {:>10} {:>9}",
        "", "", "wall s", "", "", "CPU s", "", "", "", "GB per", "files", "MB from", "peak"
    )?;
    writeln!(
        text,
        "{:<12} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>9} {:>9} {:>10} {:>9}",
        "cache",
        "threads",
        "min",
        "median",
        "max",
        "min",
        "median",
        "max",
        "GB/s",
        "CPU s",
        "per s",
        "disk",
        "MiB"
    )?;
    for row in &report.rows {
        self::row(text, row)?;
    }
    if report.rows.iter().any(|row| row.cache == Cache::ColdAdvised) {
        writeln!(text, "cold: each file's pages were dropped before each run (posix_fadvise)")?;
    }
    if report.rows.iter().any(|row| row.cache == Cache::ColdDropped) {
        writeln!(text, "cold: all caches of the machine were dropped before each run (drop_caches)")?;
    }
    if report.rows.iter().any(|row| !row.same_input) {
        writeln!(text, "The target changed between runs (!): these figures are void.")?;
    }
    Ok(())
}

fn row(text: &mut String, row: &Row) -> std::fmt::Result {
    let cache = match row.cache {
        Cache::Warm => "warm",
        Cache::ColdAdvised | Cache::ColdDropped => "cold",
    };
    let changed = if row.same_input { "" } else { " (!)" };
    write!(text, "{:<12} {:>7}", format!("{cache}{changed}"), row.threads)?;
    for Spread { min, median, max } in [row.wall_seconds, row.cpu_seconds] {
        write!(text, " {:>8} {:>8} {:>8}", fixed(min, 3), fixed(median, 3), fixed(max, 3))?;
    }
    let millions = |bytes: Option<u64>| bytes.map_or("-".to_owned(), |bytes| grouped(bytes / 1_000_000));
    writeln!(
        text,
        " {:>7} {:>9} {:>9} {:>10} {:>9}",
        fixed(row.gigabytes_per_second, 2),
        fixed(row.gigabytes_per_cpu_second, 2),
        fixed(row.files_per_second, 0),
        millions(row.bytes_from_disk),
        row.peak_memory_bytes.map_or("-".to_owned(), |bytes| grouped(bytes >> 20)),
    )
}

fn stages(text: &mut String, profile: &Profile) -> std::fmt::Result {
    writeln!(text)?;
    writeln!(
        text,
        "Where the CPU time goes: {} threads, warm, scans that end after each stage, the least of {}",
        profile.threads, profile.runs
    )?;
    for stage in &profile.stages {
        let meaning = match stage.name {
            "start" => "opening the targets, preparing the engine",
            "walk" => "listing directories",
            "open" => "opening, asking about and closing files",
            "read" => "copying their content",
            "prefilter" => "finding candidates",
            "confirm" => "telling which literals stand there",
            "verify" => "patterns, conditions, checks, lines",
            _ => "keys, fingerprints, order, JSON",
        };
        writeln!(
            text,
            "  {:<10} {:>8} s {:>5} %  {meaning}",
            stage.name,
            fixed(stage.cpu_seconds, 3),
            fixed(stage.share * 100.0, 1)
        )?;
    }
    Ok(())
}

fn rules(text: &mut String, profile: &Profile) -> std::fmt::Result {
    writeln!(text)?;
    writeln!(
        text,
        "{} candidates, {} literals; {} false candidates a million bytes",
        grouped(profile.candidates),
        grouped(profile.literals),
        fixed(profile.false_candidates_per_byte * 1e6, 1)
    )?;
    writeln!(
        text,
        "{:>10} {:>9} {:>9} {:>9}  verified by rule (one profiled run)",
        "ms", "literals", "matched", "verified"
    )?;
    for rule in profile.rules.iter().take(MAX_RULES) {
        writeln!(
            text,
            "{:>10} {:>9} {:>9} {:>9}  {}",
            fixed(rule.seconds * 1e3, 2),
            grouped(rule.literals),
            grouped(rule.matched),
            grouped(rule.verified),
            rule.id
        )?;
    }
    let others = profile.rules.get(MAX_RULES..).unwrap_or_default();
    if !others.is_empty() {
        let seconds: f64 = others.iter().map(|rule| rule.seconds).sum();
        writeln!(text, "{:>10} in {} other rules", fixed(seconds * 1e3, 2), others.len())?;
    }
    Ok(())
}
