//! `snapsift scan`: targets → a scan → a format → an exit code.

use std::io::{self, BufWriter};

use anyhow::Context as _;
use snapsift::finding::{Fingerprinter, Record, Severity, SummaryRecord};
use snapsift::output::{Csv, JsonLines, RecordSink, Text, TextOptions};
use snapsift::pipeline::ScanOptions;

use super::args::{Colour, Format, ScanArgs, Selection};
use super::destination::Destination;
use super::exit::Exit;
use super::interrupt::Interrupt;
use super::progress::ProgressLine;
use super::{fingerprint_key, message, open, process, rules};

/// Enough that a line of JSON is not a system call.
const BUFFER: usize = 64 * 1024;

pub(super) fn run(args: &ScanArgs, colour: Colour) -> anyhow::Result<Exit> {
    process::forbid_core_dumps();
    let options = options(args)?;
    let rules = match rules::load(&args.rules) {
        Ok(rules) => rules,
        Err(error) => return Ok(rules::refuse(&error, colour)),
    };
    let scan = open::scan(&args.targets, &rules, options)?;
    let stop = scan.stop_flag();
    let interrupt = Interrupt::install(&stop)?;
    // Before the scan, so that an output that cannot be written costs no hour.
    let mut destination = Destination::open(args.output.as_deref())?;
    let progress = ProgressLine::start(scan.progress(), stop, args.quiet);

    let outcome = {
        let hold = destination.is_terminal() && progress.is_drawn();
        let format = format(args.format, colour, &mut destination);
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
    Ok(verdict(&summary, args.fail_on, interrupt.received()))
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
        ..ScanOptions::default()
    }
}

fn format<'d>(format: Format, colour: Colour, destination: &'d mut Destination) -> Box<dyn RecordSink + 'd> {
    let colour = if destination.is_stdout() { colour.on_stdout() } else { colour.on_file() };
    let width = if destination.is_terminal() { terminal_width() } else { TextOptions::default().width };
    let writer = BufWriter::with_capacity(BUFFER, destination);
    match format {
        Format::Text => Box::new(Text::new(writer, TextOptions { colour, width })),
        Format::Jsonl => Box::new(JsonLines::new(writer)),
        Format::Csv => Box::new(Csv::new(writer)),
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

fn verdict(summary: &SummaryRecord, fail_on: Option<Severity>, signal: Option<u8>) -> Exit {
    let found = fail_on.is_some_and(|least| {
        summary.findings.iter().any(|(severity, number)| *severity >= least && *number > 0)
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
    use std::collections::BTreeMap;

    use snapsift::finding::{Coverage, Timestamp};

    use super::*;

    fn summary(complete: bool, interrupted: bool, high: u64) -> SummaryRecord {
        SummaryRecord {
            scan_id: String::new(),
            complete,
            interrupted,
            coverage: Coverage::default(),
            findings: BTreeMap::from([(Severity::High, high), (Severity::Critical, 0)]),
            findings_not_listed: 0,
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
        assert_eq!(verdict(&summary(true, false, 9), None, None), Exit::Complete);
        assert_eq!(verdict(&summary(true, false, 0), high, None), Exit::Complete);
        assert_eq!(verdict(&summary(true, false, 1), Some(Severity::Critical), None), Exit::Complete);
        assert_eq!(verdict(&summary(true, false, 1), high, None), Exit::Found);
        assert_eq!(verdict(&summary(true, false, 1), Some(Severity::Low), None), Exit::Found);
        assert_eq!(verdict(&summary(false, false, 0), high, None), Exit::Incomplete);
        assert_eq!(verdict(&summary(false, false, 1), high, None), Exit::Found);
        assert_eq!(verdict(&summary(false, true, 1), high, Some(2)), Exit::Signal(2));
        // The signal came when all was done.
        assert_eq!(verdict(&summary(true, false, 0), high, Some(2)), Exit::Complete);
    }
}
