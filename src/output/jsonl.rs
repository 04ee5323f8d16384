//! The wire schema `snapsift/1`: one JSON object a line.
//!
//! Valid JSON for any parser, and safe on a terminal too: what [`escape`] calls
//! unsafe is written as `\u001b`, which a parser reads as the very same text.
//!
//! [`escape`]: super::escape

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::RecordSink;
use super::escape::is_unsafe;
use crate::finding::Record;

/// Writes each record as one line of JSON, flushed at the summary.
#[derive(Debug)]
pub struct JsonLines<W> {
    writer: W,
}

impl<W: Write> JsonLines<W> {
    /// Writes into `writer`; give it a buffered one.
    pub fn new(writer: W) -> Self {
        Self { writer }
    }
}

impl<W: Write> RecordSink for JsonLines<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        record.serialize(&mut Serializer::with_formatter(&mut self.writer, SafeFormatter))?;
        self.writer.write_all(b"\n")?;
        if matches!(record, Record::Summary(_)) { self.writer.flush() } else { Ok(()) }
    }
}

/// serde_json's compact form, with unsafe characters escaped. serde_json itself
/// escapes the C0 controls; this adds DEL, C1, the bidirectional and the invisible.
struct SafeFormatter;

impl Formatter for SafeFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unsafe(*c)) {
            let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            writer.write_all(before.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = from.get(c.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn lines(records: &[Record]) -> String {
        let mut out = Vec::new();
        let mut sink = JsonLines::new(&mut out);
        for record in records {
            sink.record(record).expect("a vector takes all");
        }
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn one_line_a_record_and_each_reads_back() {
        let records = samples::scan();
        let text = lines(&records);
        let read: Vec<Record> =
            text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
        assert_eq!(read, records);
    }

    #[test]
    fn hostile_19_20_names_are_valid_json_and_drive_no_terminal() {
        let mut finding = samples::finding("/tmp/\x1b]52;c;x\x07\n\u{9b}2J\u{202e}\u{e0041}\x7f\"\\end", 1);
        finding.location.path_hex = Some("2f746d702fff".into());
        let record = Record::Finding(Box::new(finding));
        let text = lines(std::slice::from_ref(&record));
        assert_eq!(text.lines().count(), 1);
        assert!(!text.trim_end_matches('\n').chars().any(is_unsafe), "{text:?}");
        assert!(text.contains("\\u009b2J\\u202e\\udb40\\udc41\\u007f"), "{text}");
        assert_eq!(serde_json::from_str::<Record>(&text).expect("a record"), record);
        assert!(text.contains("\"path_hex\":\"2f746d702fff\""));
    }

    #[test]
    fn hostile_42_a_full_disk_is_an_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = JsonLines::new(Full).record(&samples::scan()[0]).expect_err("nothing fits");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
