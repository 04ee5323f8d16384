//! `snapsift scan`: targets → a scan → a format → an exit code.

use std::collections::BTreeMap;
use std::io::{self, BufWriter};

use anyhow::Context as _;
use snapsift::finding::{Fingerprinter, Record, Severity, SummaryRecord};
use snapsift::output::{Csv, JsonLines, Ocsf, RecordSink, Sarif, Text, TextOptions};
use snapsift::pipeline::ScanOptions;
use snapsift::rules::RuleSet;

use super::args::{Colour, Format, ScanArgs, Selection};
use super::destination::Destination;
use super::exit::Exit;
use super::interrupt::Interrupt;
use super::progress::ProgressLine;
use super::{decisions, fingerprint_key, message, open, process, rules};

/// Enough that a line of JSON is not a system call.
const BUFFER: usize = 64 * 1024;

pub(super) fn run(args: &ScanArgs, colour: Colour) -> anyhow::Result<Exit> {
    process::forbid_core_dumps();
    let mut options = options(args)?;
    if let Some(path) = &args.ignore {
        match decisions::ignore(path)? {
            Ok(ignore) => options.ignore = Some(ignore),
            Err(faults) => return Ok(rules::show_faults(&faults, "the ignore file", colour)),
        }
    }
    if let Some(path) = &args.baseline {
        options.baseline = Some(decisions::baseline(path, options.fingerprinter.is_keyed())?);
    }
    let rules = match rules::load(&args.rules) {
        Ok(rules) => rules,
        Err(error) => return Ok(rules::refuse(&error, colour)),
    };
    let scan = open::scan(&args.targets, args.machine.as_deref(), &rules, options)?;
    let stop = scan.stop_flag();
    let interrupt = Interrupt::install(&stop)?;
    // Before the scan, so that an output that cannot be written costs no hour.
    let mut destination = Destination::open(args.output.as_deref())?;
    let progress = ProgressLine::start(scan.progress(), stop, args.quiet);

    let outcome = {
        let hold = destination.is_terminal() && progress.is_drawn();
        let format = format(args.format, colour, &rules, &mut destination);
        let mut sink = Sink { format, progress, hold, held: Vec::new(), failure: None };
        let outcome = scan.run(&mut sink);
        sink.progress.clear();
        match sink.failure {
            // Our own error says more than the scan's word that the sink failed.
            Some(error) => Err(anyhow::Error::new(error).context("cannot write the output")),
            None => outcome.context("the scan failed"),
        }
    };
    let summary = outcome?;
    let told = args.format == Format::Text && destination.is_stdout();
    destination.finish()?;
    if !summary.complete && !told {
        message::note(&incomplete(&summary), args.quiet);
    }
    Ok(verdict(&summary, args.fail_on, args.new_only, interrupt.received()))
}

fn options(args: &ScanArgs) -> anyhow::Result<ScanOptions> {
    let fingerprinter = match &args.fingerprint_key_file {
        Some(path) => fingerprint_key::read(path)?,
        None => Fingerprinter::unkeyed(),
    };
    Ok(ScanOptions {
        jobs: args.jobs.map_or(0, usize::from),
        fingerprinter,
        reveal: args.reveal,
        max_findings_per_file: args.max_findings_per_file,
        ..selected(&args.what)
    })
}

/// The options for these files, all others as by default.
pub(super) fn selected(what: &Selection) -> ScanOptions {
    ScanOptions {
        exclude: what.exclude.clone(),
        max_file_size: what.max_file_size,
        cross_filesystems: what.cross_filesystems,
        include_test_content: what.include_test_content,
        unallocated: !what.no_unallocated,
        max_archive_depth: if what.no_archives { 0 } else { what.max_archive_depth },
        max_unpacked_size: what.max_unpacked_size,
        max_unpacked_total: what.max_unpacked_total,
        max_scan_time: what.max_scan_time,
        ..ScanOptions::default()
    }
}

fn format<'d>(
    format: Format,
    colour: Colour,
    rules: &RuleSet,
    destination: &'d mut Destination,
) -> Box<dyn RecordSink + 'd> {
    let colour = if destination.is_stdout() { colour.on_stdout() } else { colour.on_file() };
    let width = if destination.is_terminal() { terminal_width() } else { TextOptions::default().width };
    let writer = BufWriter::with_capacity(BUFFER, destination);
    match format {
        Format::Text => Box::new(Text::new(writer, TextOptions { colour, width })),
        Format::Jsonl => Box::new(JsonLines::new(writer)),
        Format::Csv => Box::new(Csv::new(writer)),
        Format::Sarif => Box::new(Sarif::new(writer, rules)),
        Format::Ocsf => Box::new(Ocsf::new(writer)),
    }
}

fn terminal_width() -> usize {
    rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(TextOptions::default().width)
}

/// Between the scan and the format: keeps the progress line and the output apart,
/// and the error that writing gave.
struct Sink<'d> {
    format: Box<dyn RecordSink + 'd>,
    progress: ProgressLine,
    /// Whether output and progress share a terminal: then the header, which comes
    /// while the scan still runs, waits for the first record after it.
    hold: bool,
    held: Vec<Record>,
    failure: Option<io::Error>,
}

impl RecordSink for Sink<'_> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        if self.hold && matches!(record, Record::Scan(_)) {
            self.held.push(record.clone());
            return Ok(());
        }
        if self.hold {
            self.progress.clear();
        }
        let held = std::mem::take(&mut self.held);
        held.iter().chain([record]).try_for_each(|record| self.format.record(record)).map_err(|error| {
            let kind = error.kind();
            self.failure = Some(error);
            kind.into()
        })
    }
}

fn incomplete(summary: &SummaryRecord) -> String {
    let problems = summary.problems.saturating_add(summary.problems_not_listed);
    match (summary.interrupted, problems) {
        (true, _) => "this scan is incomplete: it was interrupted".into(),
        (false, 1) => "this scan is incomplete: there was 1 problem; the output says which".into(),
        (false, number) => {
            format!("this scan is incomplete: there were {number} problems; the output says which")
        }
    }
}

/// `new_only`: what the baseline has does not count. What is ignored never does.
fn verdict(summary: &SummaryRecord, fail_on: Option<Severity>, new_only: bool, signal: Option<u8>) -> Exit {
    let counts = |severity: Severity| {
        let of = |counts: &BTreeMap<Severity, u64>| counts.get(&severity).copied().unwrap_or(0);
        match &summary.marks.baseline {
            Some(baseline) if new_only => of(&baseline.new),
            _ => of(&summary.findings).saturating_sub(of(&summary.marks.ignored)),
        }
    };
    let found = fail_on.is_some_and(|least| {
        Severity::ALL.into_iter().any(|severity| severity >= least && counts(severity) > 0)
    });
    match signal {
        Some(number) if summary.interrupted => Exit::Signal(number),
        _ if found => Exit::Found,
        _ if summary.complete => Exit::Complete,
        _ => Exit::Incomplete,
    }
}

#[cfg(test)]
mod tests {
    use snapsift::finding::{BaselineSummary, Coverage, Marks, Timestamp};

    use super::*;

    fn summary(complete: bool, interrupted: bool, high: u64) -> SummaryRecord {
        SummaryRecord {
            scan_id: String::new(),
            complete,
            interrupted,
            coverage: Coverage::default(),
            findings: BTreeMap::from([(Severity::High, high), (Severity::Critical, 0)]),
            findings_not_listed: 0,
            marks: Marks::default(),
            keys: 0,
            problems: 0,
            problems_not_listed: 0,
            access_times_not_kept: 0,
            finished_at: Timestamp::now(),
            elapsed_seconds: 0.0,
        }
    }

    #[test]
    fn exit_codes() {
        let high = Some(Severity::High);
        assert_eq!(verdict(&summary(true, false, 9), None, false, None), Exit::Complete);
        assert_eq!(verdict(&summary(true, false, 0), high, false, None), Exit::Complete);
        assert_eq!(verdict(&summary(true, false, 1), Some(Severity::Critical), false, None), Exit::Complete);
        assert_eq!(verdict(&summary(true, false, 1), high, false, None), Exit::Found);
        assert_eq!(verdict(&summary(true, false, 1), Some(Severity::Low), false, None), Exit::Found);
        assert_eq!(verdict(&summary(false, false, 0), high, false, None), Exit::Incomplete);
        assert_eq!(verdict(&summary(false, false, 1), high, false, None), Exit::Found);
        assert_eq!(verdict(&summary(false, true, 1), high, false, Some(2)), Exit::Signal(2));
        // What is ignored does not count, and what is old where only new counts.
        let mut ignored = summary(true, false, 2);
        ignored.marks.ignored = BTreeMap::from([(Severity::High, 2)]);
        assert_eq!(verdict(&ignored, high, false, None), Exit::Complete);
        ignored.marks.ignored = BTreeMap::from([(Severity::High, 1)]);
        assert_eq!(verdict(&ignored, high, false, None), Exit::Found);
        let mut old = summary(true, false, 2);
        old.marks.baseline = Some(BaselineSummary::default());
        assert_eq!(verdict(&old, high, false, None), Exit::Found);
        assert_eq!(verdict(&old, high, true, None), Exit::Complete);
        old.marks.baseline = Some(BaselineSummary {
            new: BTreeMap::from([(Severity::Critical, 1)]),
            ..BaselineSummary::default()
        });
        assert_eq!(verdict(&old, high, true, None), Exit::Found);
        // The signal came when all was done.
        assert_eq!(verdict(&summary(true, false, 0), high, false, Some(2)), Exit::Complete);
    }
}
