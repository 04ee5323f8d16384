//! The wire schema `snapsift/1`: one JSON object a line.
//!
//! Valid JSON for any parser, and safe on a terminal too: see [`super::json`].

use std::io::{self, Write};

use super::{RecordSink, json};
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
        json::write(&mut self.writer, record)?;
        self.writer.write_all(b"\n")?;
        if matches!(record, Record::Summary(_)) { self.writer.flush() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::escape::is_unsafe;
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
