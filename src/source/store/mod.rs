//! Inside of stores: files that keep text in records and pages, in which a value is not
//! where a search of the file's bytes finds it whole.
//!
//! Role: tells a store by the first bytes of a file, and gives each record to a
//! [`Visitor`] with its fields and where they lie. The file itself is searched as any
//! other besides: nothing that is in no record is lost. Not for: what is looked for.
//!
//! Numbers of the file are not believed: work is bounded by its size, memory by
//! constants, and what is wrong is told while the rest goes on.

mod blocks;
mod core_dump;
mod events;
mod hive;
mod journal;
mod packed;
mod sqlite;
mod sqlite_log;
mod table;

use std::ops::Range;

use crate::finding::Reason;
use crate::source::Tree;
use crate::source::content::ReadAt;

/// All stores.
const STORES: [&dyn Store; 6] = [
    &sqlite::Sqlite,
    &sqlite_log::SqliteLog,
    &hive::Registry,
    &core_dump::CoreDump,
    &journal::SystemdJournal,
    &events::EventLog,
];
/// Those that their first bytes do not tell for sure: their end does.
const GUESSED: [&dyn Store; 1] = [&table::SortedTable];

/// How many bytes a store is told by.
pub const START: usize = 512;

/// A kind of store.
pub trait Store: Sync {
    /// What it is called: `SQLite database`.
    fn name(&self) -> &'static str;

    /// Whether a file that begins so is one.
    fn detect(&self, start: &[u8]) -> bool;

    /// Whether it is one after all, where the first bytes do not tell.
    fn is_one(&self, source: &Source<'_>) -> bool {
        let _ = source;
        true
    }

    /// Which ranges of a content are read, told by its first bytes, besides these; `None`:
    /// any.
    fn parts(&self, start: &[u8]) -> Option<Vec<Range<u64>>> {
        let _ = start;
        None
    }

    /// Gives its records.
    fn read(&self, source: &Source<'_>, visitor: &mut dyn Visitor);
}

/// A file that is a store.
pub struct Source<'s> {
    /// It.
    pub file: &'s dyn ReadAt,
    /// Its size in bytes.
    pub size: u64,
    /// Its path in the tree.
    pub path: &'s [u8],
    /// The tree that it is in, where others in it can be asked for.
    pub tree: Option<&'s dyn Tree>,
    /// Whether a file in the same directory, by its path and size, is scanned as well.
    pub is_scanned: &'s dyn Fn(&[u8], u64) -> bool,
}

/// The store that a file with these first bytes is.
#[must_use]
pub fn detect(start: &[u8]) -> Option<&'static dyn Store> {
    STORES.into_iter().find(|store| store.detect(start))
}

/// The store that a file with these first bytes may be, where it is nothing else: see
/// [`Store::is_one`].
#[must_use]
pub fn guess(start: &[u8]) -> Option<&'static dyn Store> {
    GUESSED.into_iter().find(|store| store.detect(start))
}

/// A record.
pub struct Record<'r> {
    /// What a field of it is called in the way to a finding: `row`, `registry_value`, `environ`.
    pub kind: &'static str,
    /// Its fields as text, each with its name before it: `name=value`.
    pub text: &'r [u8],
    /// Them.
    pub fields: &'r [Field],
    /// It is also in another file that is scanned, and told there.
    pub is_told: bool,
    /// The full name of a field.
    pub name: &'r dyn Fn(&Field) -> String,
}

/// A field of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Which it is, from 0.
    pub number: usize,
    /// Its value in the text.
    pub value: Range<usize>,
    /// Where the value lies in the file, where its bytes are there as they are in the text.
    pub stored: Vec<Range<u64>>,
}

impl Field {
    /// Where a range of the text lies in the file.
    pub fn places(&self, range: Range<usize>) -> impl Iterator<Item = Range<u64>> {
        let offset = |at: usize| u64::try_from(at.saturating_sub(self.value.start)).unwrap_or(u64::MAX);
        let (from, to) = (offset(range.start), offset(range.end));
        let mut before = 0_u64;
        self.stored.iter().filter_map(move |part| {
            let start = before;
            before = before.saturating_add(part.end.saturating_sub(part.start));
            let (first, last) = (from.max(start), to.min(before));
            let at = |offset: u64| part.start.saturating_add(offset.saturating_sub(start));
            (first < last).then(|| at(first)..at(last))
        })
    }
}

/// What is told of a store.
pub trait Visitor {
    /// A record.
    fn record(&mut self, record: &Record<'_>);

    /// Something is wrong. `offset`: in the file.
    fn problem(&mut self, reason: Reason, offset: Option<u64>, message: String);

    /// These bytes of the file were given unpacked, all of them: what a search of them as they
    /// are finds is a piece of that, or chance.
    fn unpacked(&mut self, range: Range<u64>);

    /// Its newest changes may be only in its logs, which are not at hand: it was read as it is.
    fn not_replayed(&mut self);

    /// Whether to end soon.
    fn should_stop(&self) -> bool;
}
