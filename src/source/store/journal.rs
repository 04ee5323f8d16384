//! Journals of systemd: each field of their entries, of which the long ones are compressed.
//! See `formats::journal`.
//!
//! A journal keeps a field once, however many entries have it: it is told once, with the
//! time of the first of them and what wrote that.

use std::ops::Range;

use super::blocks::Blocks;
use super::packed::{self, Unpacked};
use super::sqlite::Pages;
use super::{Field, Record, Source, Store, Visitor};
use crate::finding::{ProvenanceStep, Reason, Timestamp};
use crate::formats::journal::{Data, Journal, Packing, is_journal};

/// The most bytes of a field that are unpacked, and of one that is read to be unpacked.
const MAX_FIELD: usize = 16 << 20;
/// The most bytes of text that are made, against the bytes of the file.
const MAX_RATIO: u64 = 32;
const FLOOR: u64 = 64 << 20;
/// Names of fields are at most so long.
const MAX_NAME: usize = 64;
/// What tells who wrote an entry, the best first.
const WRITERS: [&[u8]; 4] = [b"_SYSTEMD_UNIT=", b"_SYSTEMD_USER_UNIT=", b"SYSLOG_IDENTIFIER=", b"_COMM="];
/// Of a longer name of one the beginning is told.
const MAX_WRITER: usize = 128;

pub(super) struct SystemdJournal;

impl Store for SystemdJournal {
    fn name(&self) -> &'static str {
        "systemd journal"
    }

    fn detect(&self, start: &[u8]) -> bool {
        is_journal(start)
    }

    fn read(&self, source: &Source<'_>, visitor: &mut dyn Visitor) {
        let mut journal = match Journal::open(Blocks::new(source.file), source.size) {
            Ok(journal) => journal,
            Err(error) => return visitor.problem(Reason::Unsupported, Some(0), error.to_string()),
        };
        if !journal.is_whole {
            let message = "systemd journal: is cut short".to_owned();
            visitor.problem(Reason::Corrupt, Some(source.size), message);
        }
        let mut left = source.size.saturating_mul(MAX_RATIO).max(FLOOR);
        while let Some(data) = journal.next_field()
            && !visitor.should_stop()
        {
            let told = match data {
                Ok(data) => tell(&mut journal, &data, source, &mut left, visitor),
                Err(at) => Err(Trouble::Damaged(at)),
            };
            match told {
                Ok(()) => {}
                Err(Trouble::Damaged(at)) => {
                    let message = "systemd journal: an object is damaged".to_owned();
                    visitor.problem(Reason::Corrupt, Some(at), message);
                }
                Err(Trouble::Cut(at)) => {
                    let message = "systemd journal: a field is longer than is unpacked".to_owned();
                    visitor.problem(Reason::OverBudget, Some(at), message);
                }
                Err(Trouble::Spent) => {
                    let message =
                        "has more text in its fields than its size allows: only the first were read";
                    return visitor.problem(Reason::OverBudget, None, message.to_owned());
                }
            }
        }
    }
}

/// Why a field is not told, or not to its end.
enum Trouble {
    Damaged(u64),
    Cut(u64),
    Spent,
}

/// Gives a field.
fn tell(
    journal: &mut Journal<Blocks<'_>>,
    data: &Data,
    source: &Source<'_>,
    left: &mut u64,
    visitor: &mut dyn Visitor,
) -> Result<(), Trouble> {
    let at = data.payload.start;
    let length = usize::try_from(data.payload.end.saturating_sub(at)).unwrap_or(usize::MAX);
    if length > MAX_FIELD {
        // One that is plain is found in the bytes of the file.
        return if data.packing == Packing::Plain { Ok(()) } else { Err(Trouble::Cut(at)) };
    }
    let mut stored = vec![0; length];
    if !journal.read(at, &mut stored) {
        return Err(Trouble::Damaged(at));
    }
    let unpacked = match data.packing {
        Packing::Plain => Some(Unpacked { bytes: stored, is_cut: false }),
        Packing::Xz => packed::xz(&stored, MAX_FIELD),
        Packing::Zstd => packed::zstd(&stored, MAX_FIELD),
        Packing::Lz4 => stored
            .split_first_chunk()
            .and_then(|(length, block)| packed::lz4(block, u64::from_le_bytes(*length), MAX_FIELD)),
        Packing::Unknown => None,
    };
    let Unpacked { bytes, is_cut } = unpacked.ok_or(Trouble::Damaged(at))?;
    *left = left.checked_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX)).ok_or(Trouble::Spent)?;
    let name = memchr::memchr(b'=', bytes.get(..MAX_NAME.min(bytes.len())).unwrap_or_default());
    let begin = name.map_or(0, |name| name.saturating_add(1));
    let place = |index: usize| at.saturating_add(u64::try_from(index).unwrap_or(u64::MAX));
    let whole: Range<u64> = place(begin)..place(bytes.len());
    let stored = if data.packing == Packing::Plain { vec![whole] } else { Vec::new() };
    let fields = [Field { number: 0, value: begin..bytes.len(), stored }];
    let label = String::from_utf8_lossy(bytes.get(..begin.saturating_sub(1)).unwrap_or_default());
    // Asked for only where something is found.
    let name = |_: &Field| match written(source, data.entry) {
        Some(written) => format!("{written} {label}"),
        None => label.to_string(),
    };
    let kind = ProvenanceStep::JOURNAL_FIELD;
    visitor.record(&Record { kind, text: &bytes, fields: &fields, is_told: false, name: &name });
    if is_cut {
        return Err(Trouble::Cut(at));
    }
    if data.packing != Packing::Plain {
        visitor.unpacked(data.payload.clone());
    }
    Ok(())
}

/// When an entry was written, and by what: `2026-11-29T20:48:20.5Z app.service`.
fn written(source: &Source<'_>, entry: u64) -> Option<String> {
    let mut journal = Journal::open(Pages(source.file), source.size).ok()?;
    let entry = journal.entry(entry)?;
    let seconds = i64::try_from(entry.realtime / 1_000_000).ok()?;
    let nanoseconds = u32::try_from(entry.realtime % 1_000_000).ok()?.checked_mul(1000)?;
    let time = Timestamp::from_unix(seconds, nanoseconds)?;
    let mut best: Option<(usize, String)> = None;
    for field in entry.fields {
        let Some(start) = journal.field(field, MAX_WRITER) else { continue };
        let rank = WRITERS.iter().position(|name| start.starts_with(name));
        let Some(rank) = rank.filter(|rank| best.as_ref().is_none_or(|(known, _)| rank < known)) else {
            continue;
        };
        let name = WRITERS.get(rank).map_or(0, |name| name.len());
        best = Some((rank, String::from_utf8_lossy(start.get(name..).unwrap_or_default()).into_owned()));
    }
    Some(best.map_or_else(|| time.to_string(), |(_, writer)| format!("{time} {writer}")))
}
