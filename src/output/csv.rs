//! Findings as comma-separated values, for a spreadsheet.
//!
//! Format: RFC 4180 (CRLF line ends, quotes doubled), UTF-8 without a mark, one
//! header line whose columns are only ever added to at the end. Only findings:
//! keys, problems and the summary are in the wire schema.
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a
//! return (CWE-1236), so such a cell gets a `'` in front. Unsafe characters are
//! visible escapes: see [`super::escape`].

use std::borrow::Cow;
use std::io::{self, Write};

use super::RecordSink;
use super::escape;
use crate::finding::{BaselineState, Finding, Location, Record, TargetExists, Timestamp};

/// The columns, in order.
pub const CSV_HEADER: [&str; 44] = [
    "severity",
    "confidence",
    "secret_type",
    "path",
    "line",
    "column",
    "offset",
    "preview",
    "length",
    "fingerprint",
    "owner",
    "group",
    "uid",
    "gid",
    "mode",
    "size",
    "last_read",
    "last_changed",
    "inode_changed",
    "created",
    "attributes",
    "issued_at",
    "not_before",
    "expires_at",
    "expired",
    "target_kind",
    "target",
    "target_exists",
    "key_fingerprint",
    "remediation",
    "provider",
    "category",
    "rule_id",
    "finding_id",
    "path_hex",
    "secret",
    "known",
    "vendor_package",
    "vendor_version",
    "vendor_verified",
    "ignored",
    "ignore_reason",
    "baseline",
    "member",
];

/// Writes each finding as one row, flushed at the summary.
#[derive(Debug)]
pub struct Csv<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> Csv<W> {
    /// Writes into `writer`; buffers by itself.
    pub fn new(writer: W) -> Self {
        let writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(writer);
        Self { writer }
    }
}

impl<W: Write> RecordSink for Csv<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Scan(_) => self.writer.write_record(CSV_HEADER).map_err(io_error)?,
            Record::Finding(finding) => {
                let cells = row(finding);
                self.writer
                    .write_record(cells.iter().map(|cell| neutral(cell).into_owned()))
                    .map_err(io_error)?;
            }
            Record::Key(_) | Record::Machine(_) | Record::Problem(_) => {}
            Record::Summary(_) => self.writer.flush()?,
        }
        Ok(())
    }
}

/// The error as the system gave it: the crate's own wrapping hides its kind, and
/// with it that the reader went away.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// The cell with a `'` in front where a spreadsheet would run it. The full-width
/// forms count: spreadsheets fold them.
pub(crate) fn neutral(cell: &str) -> Cow<'_, str> {
    let dangerous = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if cell.starts_with(dangerous) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

fn row(finding: &Finding) -> [String; CSV_HEADER.len()] {
    let text = |value: &str| escape::visible(value).into_owned();
    let maybe = |value: &Option<String>| value.as_deref().map(text).unwrap_or_default();
    let time = |value: Option<Timestamp>| value.map(|time| time.to_string()).unwrap_or_default();
    let number = |value: Option<u64>| value.map(|number| number.to_string()).unwrap_or_default();
    let file = finding.file.as_ref();
    let validity = finding.validity.as_ref();
    let target = finding.target.as_ref();
    let vendor = finding.vendor.as_ref();
    let location = &finding.location;
    [
        finding.severity.as_str().into(),
        finding.confidence.as_str().into(),
        text(&finding.secret_type),
        escape::path(&location.path, location.path_hex.as_deref()).into_owned(),
        location.line.to_string(),
        location.column.to_string(),
        location.offset.to_string(),
        text(&finding.secret.preview),
        finding.secret.length.to_string(),
        text(&finding.secret.fingerprint),
        file.map(|file| maybe(&file.owner)).unwrap_or_default(),
        file.map(|file| maybe(&file.group)).unwrap_or_default(),
        number(file.map(|file| file.uid.into())),
        number(file.map(|file| file.gid.into())),
        file.map(|file| text(&file.mode)).unwrap_or_default(),
        number(file.map(|file| file.size)),
        time(file.and_then(|file| file.atime)),
        time(file.and_then(|file| file.mtime)),
        time(file.and_then(|file| file.ctime)),
        time(file.and_then(|file| file.btime)),
        attributes(finding),
        time(validity.and_then(|validity| validity.issued_at)),
        time(validity.and_then(|validity| validity.not_before)),
        time(validity.and_then(|validity| validity.expires_at)),
        validity.and_then(|validity| validity.expired).map(|expired| expired.to_string()).unwrap_or_default(),
        target.map(|target| text(&target.kind)).unwrap_or_default(),
        target.map(|target| text(&target.id)).unwrap_or_default(),
        target.map(|target| exists(target.exists).to_owned()).unwrap_or_default(),
        maybe(&finding.key_fingerprint),
        text(&finding.remediation),
        text(&finding.provider),
        text(&finding.category),
        text(&finding.rule_id),
        text(&finding.id),
        maybe(&location.path_hex),
        finding.secret.raw.as_ref().map(|raw| text(raw.as_str())).unwrap_or_default(),
        maybe(&finding.known),
        vendor.map(|vendor| text(&vendor.package)).unwrap_or_default(),
        vendor.map(|vendor| maybe(&vendor.version)).unwrap_or_default(),
        vendor.map(|vendor| vendor.verified.to_string()).unwrap_or_default(),
        finding.ignored.is_some().to_string(),
        finding.ignored.as_ref().map(|ignored| text(&ignored.reason)).unwrap_or_default(),
        finding.baseline.map(|state| baseline(state).to_owned()).unwrap_or_default(),
        member(location),
    ]
}

/// The members of archives on the way to the secret.
fn member(location: &Location) -> String {
    let members = location.provenance.iter().filter(|step| step.is_named());
    let names: Vec<_> = members.map(|step| escape::path(&step.name, None)).collect();
    names.join(" → ")
}

/// `name=value`, joined by `; `.
fn attributes(finding: &Finding) -> String {
    let pairs: Vec<String> = finding
        .attributes
        .iter()
        .map(|(name, value)| format!("{}={}", escape::visible(name), escape::visible(value)))
        .collect();
    pairs.join("; ")
}

fn baseline(state: BaselineState) -> &'static str {
    match state {
        BaselineState::New => "new",
        BaselineState::Unchanged => "unchanged",
    }
}

fn exists(exists: TargetExists) -> &'static str {
    match exists {
        TargetExists::Yes => "yes",
        TargetExists::No => "no",
        TargetExists::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn table(records: &[Record]) -> Vec<Vec<String>> {
        let mut out = Vec::new();
        let mut sink = Csv::new(&mut out);
        for record in records {
            sink.record(record).expect("a vector takes all");
        }
        drop(sink);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(out.as_slice());
        reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn one_row_a_finding_under_the_header() {
        let rows = table(&samples::scan());
        assert_eq!(rows[0], CSV_HEADER);
        assert_eq!(rows.len(), 1 + samples::findings().len());
        assert_eq!(&rows[1][..5], ["critical", "high", "GitHub personal access token", "/srv/app/.env", "3"]);
        assert_eq!(rows[1][35], "", "no raw secret unless it was asked for");
    }

    #[test]
    fn hostile_21_no_cell_starts_a_formula() {
        for start in ["=", "+", "-", "@", "\t", "\r", "＝", "－"] {
            let mut finding = samples::finding(&format!("{start}cmd|' /C calc'!A0"), 1);
            finding.attributes.insert(format!("{start}name"), format!("{start}value"));
            finding.secret.preview = format!("{start}SUM(A1)");
            let rows = table(&[samples::header(), Record::Finding(Box::new(finding))]);
            for cell in &rows[1] {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '－']), "{cell:?}");
            }
        }
        assert_eq!(neutral("=1+1"), "'=1+1");
        assert_eq!(neutral("\t=1"), "'\t=1");
        assert_eq!(neutral("a=1"), "a=1");
    }

    #[test]
    fn hostile_19_20_names_stay_in_their_cell() {
        let finding = samples::finding("/a,b\"c\r\nd\x1b[2J\u{202e}", 1);
        let rows = table(&[samples::header(), Record::Finding(Box::new(finding))]);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1][3], "/a,b\"c\\r\\nd\\x1b[2J\\u{202e}");
    }
}
