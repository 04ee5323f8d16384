//! What a stream of records says, as far as the store keeps it.
//!
//! A stream is read in pieces of whole lines. What is wrong with one that is of one piece
//! is known before any row of it is written.

mod key;

use std::borrow::Cow;
use std::io::{BufRead, Read as _};

use serde::Deserialize;

pub(super) use self::key::{KeyLine, Text};
use crate::finding::{FileFacts, Finding, MachineRecord, Reason, ScanRecord, SummaryRecord};

/// No line of a scan is longer.
const LONGEST_LINE: u64 = 64 << 20;
/// So much of a stream is read before its rows are written; the line that ends it comes
/// on top.
const PIECE: u64 = 16 << 20;

#[derive(Deserialize)]
struct Kind<'l> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'l, str>,
}

/// What is kept of a record.
#[expect(clippy::large_enum_variant, reason = "nearly all are keys: in boxes each would be allocated")]
pub(super) enum Row<'l> {
    Machine(Box<MachineRecord>),
    /// A key, and of one that lies somewhere what the filesystem says of its file.
    Key(KeyLine<'l>, Option<Box<FileFacts>>),
    Finding(Box<Finding>),
}

/// How far a stream has been read. Its errors say why it is kept out.
#[derive(Default)]
pub(super) struct Stream {
    /// Lines that were read.
    lines: u64,
    /// Its first record.
    scan: Option<ScanRecord>,
    /// By its last record: whether the scan could read everything.
    whole: Option<bool>,
    /// Files that the user had left out.
    pub(super) left_out: u64,
}

impl Stream {
    /// Reads whole lines until there are enough of them; says whether there may be more.
    pub(super) fn piece(&self, from: &mut dyn BufRead, piece: &mut Vec<u8>) -> Result<bool, String> {
        piece.clear();
        let read = from
            .take(PIECE)
            .read_to_end(piece)
            .and_then(|length| Ok((length, from.take(LONGEST_LINE).read_until(b'\n', piece)?)));
        match read {
            Ok((_, rest)) => Ok(rest > 0),
            Err(error) => {
                let complete = piece.iter().filter(|byte| **byte == b'\n').count();
                let line = self.lines.saturating_add(u64::try_from(complete).unwrap_or(u64::MAX));
                Err(format!("line {}: {error}", line.saturating_add(1)))
            }
        }
    }

    /// The record that a stream begins with, by its first piece.
    pub(super) fn begin(&self, piece: &[u8]) -> Result<ScanRecord, String> {
        let mut first = Self { lines: self.lines, ..Self::default() };
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            first.line(line)?;
            if let Some(scan) = first.scan {
                return Ok(scan);
            }
        }
        Err("it is empty".to_owned())
    }

    /// What the lines of a piece say.
    pub(super) fn rows<'l>(&mut self, piece: &'l [u8]) -> Result<Vec<Row<'l>>, String> {
        let mut rows = Vec::new();
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            rows.extend(self.line(line)?);
        }
        Ok(rows)
    }

    fn line<'l>(&mut self, line: &'l [u8]) -> Result<Option<Row<'l>>, String> {
        self.lines = self.lines.saturating_add(1);
        let number = self.lines;
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(None);
        }
        let broken = |_| format!("line {number} is no record of snapsift/1");
        // Nearly all lines are of keys: those are not read twice.
        let kind = if line.starts_with(br#"{"type":"key","#) {
            Cow::Borrowed("key")
        } else {
            serde_json::from_slice::<Kind<'_>>(line).map_err(broken)?.kind
        };
        if self.whole.is_some() {
            return Err(format!("line {number} comes after the summary"));
        }
        match (&*kind, &self.scan) {
            ("scan", None) => {
                let scan: ScanRecord = serde_json::from_slice(line).map_err(broken)?;
                if scan.schema != "snapsift/1" {
                    return Err(format!("line {number} is no record of snapsift/1"));
                }
                self.scan = Some(scan);
            }
            ("scan", Some(_)) => return Err(format!("line {number}: a second scan begins")),
            (_, None) => return Err("it does not begin with a scan record".to_owned()),
            ("machine", _) => return Ok(Some(Row::Machine(serde_json::from_slice(line).map_err(broken)?))),
            ("key", _) => {
                let key: KeyLine<'l> = serde_json::from_slice(line).map_err(broken)?;
                let file = key.held_file().transpose().map_err(broken)?;
                return Ok(Some(Row::Key(key, file)));
            }
            ("finding", _) => return Ok(Some(Row::Finding(serde_json::from_slice(line).map_err(broken)?))),
            ("summary", Some(scan)) => {
                let summary: SummaryRecord = serde_json::from_slice(line).map_err(broken)?;
                if summary.scan_id != scan.scan_id {
                    return Err("its summary is another scan's".to_owned());
                }
                let by_choice = [Reason::Excluded, Reason::OverBudget];
                let left_out = by_choice.iter().filter_map(|reason| summary.coverage.left_out.get(reason));
                self.left_out = left_out.map(|one| one.files).fold(0, u64::saturating_add);
                self.whole = Some(summary.complete);
            }
            // Problems, and what later versions add.
            _ => {}
        }
        Ok(None)
    }

    /// At its end: whether the scan could read everything.
    pub(super) fn end(&self) -> Result<bool, String> {
        match (&self.scan, self.whole) {
            (Some(_), Some(whole)) => Ok(whole),
            (Some(_), None) => Err("it has no summary: the scan did not end".to_owned()),
            (None, _) => Err("it is empty".to_owned()),
        }
    }
}
