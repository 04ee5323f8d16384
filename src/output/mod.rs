//! output

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
