//! The end of the text: what was covered, what was found, and whether the scan
//! is complete.

use std::io::{self, Write};

use super::block::{inside, openable};
use super::layout::{Paint, count, counted, list, size, wrap};
use super::{Held, marks};
use crate::finding::{Coverage, Inside, LeftOut, ProblemRecord, Reason, Severity, SummaryRecord};
use crate::output::escape;

/// How many of the largest that a limit left out are shown.
const MAX_CUT: usize = 5;
/// Columns of the labels and the blanks after them.
const LABEL: usize = 10;

pub(super) fn write(
    out: &mut impl Write,
    held: &Held,
    summary: &SummaryRecord,
    paint: Paint,
    columns: usize,
) -> io::Result<()> {
    let mut page = Page { out, paint, columns };
    page.lines("Scanned", &scanned(held, summary))?;
    if let Some(text) = looked_into(&summary.coverage.inside) {
        page.lines("Inside", &text)?;
    }
    for machine in &held.machines {
        page.lines("Machine", machine)?;
    }
    page.lines("Findings", &findings(held, summary))?;
    if summary.keys > 0 {
        page.lines("Keys", &keys(held, summary))?;
    }
    marks::write(&mut page, held, &summary.marks)?;
    page.left_out(&summary.coverage)?;
    page.cut(&summary.coverage)?;
    page.problems(&held.problems, summary)?;
    page.verdict(summary)
}

pub(super) struct Page<'w, W> {
    out: &'w mut W,
    paint: Paint,
    columns: usize,
}

impl<W: Write> Page<'_, W> {
    fn line(&mut self, label: &str, value: &str) -> io::Result<()> {
        let fill = LABEL.saturating_sub(label.len());
        let label = if label.is_empty() { String::new() } else { self.paint.strong(label) };
        writeln!(self.out, "{label}{:fill$}{value}", "")
    }

    /// A label and a text, wrapped beside it.
    pub(super) fn lines(&mut self, label: &str, text: &str) -> io::Result<()> {
        let mut label = label;
        for line in wrap(text, self.columns.saturating_sub(LABEL)) {
            self.line(label, &line)?;
            label = "";
        }
        Ok(())
    }

    fn left_out(&mut self, coverage: &Coverage) -> io::Result<()> {
        let entries: Vec<(&Reason, &LeftOut)> =
            coverage.left_out.iter().filter(|(_, left)| left.files > 0 || left.bytes > 0).collect();
        let digits = entries.iter().map(|(_, left)| count(left.files).len()).max().unwrap_or(0);
        let mut label = "Left out";
        for (reason, left) in entries {
            // Only a part of some file, such as a hole: there is no file to count.
            let number = if left.files == 0 { String::new() } else { count(left.files) };
            let bytes = if left.bytes == 0 { String::new() } else { format!(", {}", size(left.bytes)) };
            let (what, note) = describe(*reason, left.files);
            self.line(label, &format!("{number:>digits$} {what}{bytes}{}", self.paint.dim(note)))?;
            label = "";
        }
        Ok(())
    }

    /// The largest of what limits left out.
    fn cut(&mut self, coverage: &Coverage) -> io::Result<()> {
        let mut label = "Cut off";
        for cut in coverage.cut.iter().take(MAX_CUT) {
            let why = if cut.reason == Reason::OutOfTime { "out of time" } else { "over a limit" };
            let text = format!("{} ({}, {why})", escape::visible(&cut.path), size(cut.bytes));
            self.line(label, &text)?;
            label = "";
        }
        Ok(())
    }

    fn problems(&mut self, shown: &[ProblemRecord], summary: &SummaryRecord) -> io::Result<()> {
        let total = summary.problems.saturating_add(summary.problems_not_listed);
        let mut label = "Problems";
        for problem in shown {
            let (target, path) = openable(&problem.provenance, &problem.path, problem.path_hex.as_deref());
            let offset = problem.offset.map(|at| format!(" at byte {}", count(at))).unwrap_or_default();
            let inside = inside(&problem.provenance);
            self.line(
                label,
                &format!("{target}{path}{inside}{offset}: {}", escape::visible(&problem.message)),
            )?;
            label = "";
        }
        let more = total.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
        if more > 0 {
            self.line(label, &format!("and {} more (--format jsonl lists them)", count(more)))?;
        }
        Ok(())
    }

    fn verdict(&mut self, summary: &SummaryRecord) -> io::Result<()> {
        if summary.access_times_not_kept > 0 {
            let files = counted(summary.access_times_not_kept, "file", "files");
            let text = format!(
                "reading may have changed the access time of {files} of other owners: run as root, or on a \
                 read-only mount, to keep them"
            );
            self.lines("Note", &text)?;
        }
        if !summary.coverage.is_balanced() {
            self.lines(
                "Note",
                "the counts above do not add up: this is a fault of snapsift, please report it",
            )?;
        }
        if summary.complete {
            return self.lines("Complete", "every file was scanned or left out on purpose");
        }
        writeln!(self.out)?;
        let text = format!("This scan is incomplete because {}.", list(&why_incomplete(summary)));
        for line in wrap(&text, self.columns) {
            writeln!(self.out, "{}", self.paint.warning(&line))?;
        }
        Ok(())
    }
}

fn scanned(held: &Held, summary: &SummaryRecord) -> String {
    let coverage = &summary.coverage;
    let files = if coverage.files_scanned == coverage.files_seen {
        counted(coverage.files_seen, "file", "files")
    } else {
        format!("{} of {}", count(coverage.files_scanned), counted(coverage.files_seen, "file", "files"))
    };
    let bytes = size(coverage.bytes_scanned);
    let seconds = summary.elapsed_seconds;
    let rate = rate(coverage.bytes_scanned, seconds);
    let mut text = format!("{files}, {bytes} in {seconds:.1} s{rate}");
    if let Some(scan) = &held.scan {
        let targets: Vec<String> =
            scan.targets.iter().map(|target| escape::path(target, None).into_owned()).collect();
        text = format!("{} with {}: {text}", list(&targets), counted(scan.rules, "rule", "rules"));
    }
    text
}

/// What was inside of archives, and what of it was left out, links aside.
fn looked_into(inside: &Inside) -> Option<String> {
    if inside.is_empty() {
        return None;
    }
    let mut text = format!(
        "{} with {}, {}",
        counted(inside.opened, "archive or compressed file", "archives and compressed files"),
        counted(inside.members_scanned, "content", "contents"),
        size(inside.bytes_scanned)
    );
    let failures = inside.problems.iter().map(|(reason, number)| {
        let what = match reason {
            Reason::Corrupt => "damaged",
            Reason::OverBudget => "over a limit",
            Reason::Encrypted => "encrypted",
            Reason::Unsupported => "of a form that is not read yet",
            _ => "not read",
        };
        format!("{} {what}", count(*number))
    });
    let failures: Vec<String> = failures.collect();
    if !failures.is_empty() {
        text.push_str(&format!("; {}", list(&failures)));
    }
    if inside.not_replayed > 0 {
        let hives = counted(inside.not_replayed, "registry hive", "registry hives");
        text.push_str(&format!("; {hives} in use, read without newer logs"));
    }
    Some(text)
}

/// The rate, where it says something: not for a blink or a few bytes.
fn rate(bytes: u64, seconds: f64) -> String {
    if seconds < 0.05 || bytes < 1_000_000 || !seconds.is_finite() {
        return String::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let gigabytes = bytes as f64 / seconds / 1e9;
    format!(" ({gigabytes:.2} GB/s)")
}

fn findings(held: &Held, summary: &SummaryRecord) -> String {
    let total: u64 = summary.findings.values().sum();
    if total == 0 {
        return if summary.complete { "none".into() } else { "none in what was scanned".into() };
    }
    let by_severity: Vec<String> = Severity::ALL
        .iter()
        .rev()
        .filter_map(|severity| {
            let number = summary.findings.get(severity).copied().filter(|number| *number > 0)?;
            Some(format!("{} {severity}", count(number)))
        })
        .collect();
    let different = u64::try_from(held.groups.len()).unwrap_or(u64::MAX);
    let mut text = list(&by_severity);
    if by_severity.len() > 1 {
        text = format!("{}: {text}", count(total));
    }
    if different == 1 && total > 1 {
        text.push_str("; all the same secret");
    } else if different < total && different > 0 {
        text.push_str(&format!("; {}", counted(different, "different secret", "different secrets")));
    }
    let expired = held.groups.iter().filter(|group| group.is_expired()).count();
    if expired > 0 {
        text.push_str(&format!(", {expired} of them expired"));
    }
    let ignored: u64 = summary.marks.ignored.values().sum();
    if ignored > 0 {
        text.push_str(&format!("; {} ignored", count(ignored)));
    }
    if summary.findings_not_listed > 0 {
        let rest = count(summary.findings_not_listed);
        text.push_str(&format!("; {rest} more were counted and not listed (--max-findings-per-file)"));
    }
    text
}

fn keys(held: &Held, summary: &SummaryRecord) -> String {
    let keys = held.keys;
    let mut parts = Vec::new();
    if keys.private > 0 {
        let encrypted = match keys.encrypted {
            0 => String::new(),
            number => format!(" ({} with a passphrase)", count(number)),
        };
        parts.push(format!("{} private{encrypted}", count(keys.private)));
    }
    if keys.public > 0 {
        parts.push(format!("{} public", count(keys.public)));
    }
    if parts.is_empty() { count(summary.keys) } else { list(&parts) }
}

/// What was left out in plain words, and how to have it scanned.
fn describe(reason: Reason, files: u64) -> (&'static str, &'static str) {
    let one = files == 1;
    let pick = |singular, plural| if one { singular } else { plural };
    match reason {
        Reason::SymbolicLink => (pick("symbolic link", "symbolic links"), " (never followed)"),
        Reason::SpecialFile => (pick("device, pipe or socket", "devices, pipes and sockets"), ""),
        Reason::OtherFilesystem => ("on other filesystems", " (--cross-filesystems scans them)"),
        Reason::HardLink => {
            (pick("further name of a scanned file", "further names of scanned files"), " (hard links)")
        }
        Reason::Excluded => ("excluded", " (--exclude)"),
        Reason::TestContent => ("in directories of test content", " (--include-test-content scans them)"),
        Reason::OverBudget => ("over a limit", " (--max-file-size)"),
        Reason::Hole => ("holes", " (nothing is stored there)"),
        Reason::Unreadable => ("could not be read", ""),
        Reason::ChangedWhileRead => ("changed while being read", ""),
        Reason::Corrupt => ("damaged", ""),
        Reason::Unsupported => ("of a form that is not read yet", ""),
        Reason::Encrypted => ("encrypted", ""),
        Reason::Interrupted => ("not reached before the interruption", ""),
        Reason::OutOfTime => ("not reached in time", " (--max-scan-time)"),
    }
}

fn why_incomplete(summary: &SummaryRecord) -> Vec<String> {
    let mut reasons = Vec::new();
    if summary.interrupted {
        reasons.push("it was interrupted".to_owned());
    }
    for (reason, left) in summary.coverage.left_out.iter().filter(|(reason, _)| reason.is_failure()) {
        if *reason == Reason::Interrupted && summary.interrupted {
            continue;
        }
        let what = match reason {
            Reason::Unreadable => "could not be read",
            Reason::ChangedWhileRead => "changed while being read",
            Reason::Corrupt => "damaged",
            Reason::Unsupported => "of a form that is not read yet",
            Reason::Encrypted => "encrypted",
            _ => "not reached",
        };
        let verb = match (reason, left.files) {
            (Reason::Unreadable | Reason::ChangedWhileRead, _) => "",
            (_, 0 | 1) => "was ",
            _ => "were ",
        };
        match (left.files, left.bytes) {
            (0, 0) => {}
            (0, bytes) => reasons.push(format!("{} of a file {verb}{what}", size(bytes))),
            (files, _) => reasons.push(format!("{} {verb}{what}", counted(files, "file", "files"))),
        }
    }
    let problems = summary.problems.saturating_add(summary.problems_not_listed);
    if reasons.is_empty() && problems > 0 {
        reasons.push(format!("of {}", counted(problems, "problem", "problems")));
    }
    if reasons.is_empty() {
        reasons.push("its summary says so without a reason, which is a fault: please report it".to_owned());
    }
    reasons
}
