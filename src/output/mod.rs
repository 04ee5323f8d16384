//! Records → what a person or a program reads.
//!
//! Role: one sink per format: [`JsonLines`] (the wire schema itself), [`Csv`]
//! (findings for a spreadsheet), [`Sarif`] (for code scanning), [`Ocsf`] (for an event
//! store) and [`Text`] (for a person). Input: the records
//! of one scan, in the order in which the scan gives them. Output: bytes into any
//! writer. Not for: choosing a format, opening files, progress (see the command
//! line), nor for deciding what a finding means (see `enrich`).
//!
//! Names and values come from disks that nobody vouches for. No sink ever writes
//! a character of theirs that can drive a terminal, hide text or start a formula:
//! see [`escape`].

pub(crate) mod csv;
pub mod escape;
pub(crate) mod json;
mod jsonl;
pub(crate) mod ocsf;
pub(crate) mod sarif;
pub(crate) mod text;

pub use self::csv::{CSV_HEADER, Csv};
pub use jsonl::JsonLines;
pub use ocsf::Ocsf;
pub use sarif::Sarif;
pub use text::{Text, TextOptions};

use crate::finding::Record;

/// Takes the records of a scan, one by one.
///
/// A scan gives the header first, then findings, keys and problems, each in the
/// order of their paths, and the summary last; no summary comes after an error.
/// So a sink may hold back what it has until the summary is there.
pub trait RecordSink {
    /// Takes one record.
    ///
    /// # Errors
    ///
    /// What the writer beneath says; the scan stops then.
    fn record(&mut self, record: &Record) -> std::io::Result<()>;
}

impl<S: RecordSink + ?Sized> RecordSink for &mut S {
    fn record(&mut self, record: &Record) -> std::io::Result<()> {
        (**self).record(record)
    }
}

impl<S: RecordSink + ?Sized> RecordSink for Box<S> {
    fn record(&mut self, record: &Record) -> std::io::Result<()> {
        (**self).record(record)
    }
}

/// Keeps every record: for a program that wants them as values.
impl RecordSink for Vec<Record> {
    fn record(&mut self, record: &Record) -> std::io::Result<()> {
        self.push(record.clone());
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod samples;
