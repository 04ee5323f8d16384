//! Event logs of Windows: each event with what it says, as settings that stand together
//! (`CommandLine=…`). See `formats::evtx`.

use super::blocks::fill;
use super::{Field, Record, Source, Store, Visitor};
use crate::finding::{ProvenanceStep, Reason, Timestamp};
use crate::formats::evtx::{CHUNK, ChunkEnd, Event, FILE_HEADER, events, is_event_log};

/// Seconds from 1601 to 1970.
const EPOCH: i64 = 11_644_473_600;
/// Longer names are not written before their values.
const MAX_NAME: usize = 64;

pub(super) struct EventLog;

impl Store for EventLog {
    fn name(&self) -> &'static str {
        "event log of Windows"
    }

    fn detect(&self, start: &[u8]) -> bool {
        is_event_log(start)
    }

    fn read(&self, source: &Source<'_>, visitor: &mut dyn Visitor) {
        let mut chunk = vec![0; CHUNK];
        let mut at = FILE_HEADER;
        while at < source.size && !visitor.should_stop() {
            let filled = fill(source.file, &mut chunk, at);
            let bytes = chunk.get(..filled).unwrap_or_default();
            let mut cut = 0_u64;
            let end = events(bytes, &mut |event| {
                cut = cut.saturating_add(u64::from(event.is_cut));
                tell(&event, visitor);
            });
            let damaged = match end {
                ChunkEnd::Damaged(place) => {
                    Some((u64::try_from(place).unwrap_or(0), "a record is damaged".to_owned()))
                }
                ChunkEnd::None if bytes.iter().any(|byte| *byte != 0) => {
                    Some((0, "a chunk is damaged".to_owned()))
                }
                _ if cut > 0 => Some((0, format!("{cut} records of a chunk cannot be read to their ends"))),
                ChunkEnd::Whole | ChunkEnd::None => None,
            };
            if let Some((place, what)) = damaged {
                let message = format!("event log of Windows: {what}");
                visitor.problem(Reason::Corrupt, Some(at.saturating_add(place)), message);
            }
            at = at.saturating_add(u64::try_from(CHUNK).unwrap_or(u64::MAX));
        }
    }
}

/// Gives an event, one value a line.
fn tell(event: &Event, visitor: &mut dyn Visitor) {
    let mut text = Vec::new();
    let mut fields = Vec::with_capacity(event.values.len());
    for (number, (name, value)) in event.values.iter().enumerate() {
        if name.len() <= MAX_NAME {
            text.extend_from_slice(name.as_bytes());
            text.push(b'=');
        }
        let start = text.len();
        text.extend_from_slice(value);
        // In the file it is UTF-16.
        fields.push(Field { number, value: start..text.len(), stored: Vec::new() });
        text.push(b'\n');
    }
    if fields.is_empty() {
        return;
    }
    let name = |field: &Field| {
        let name = event.values.get(field.number).map_or("", |(name, _)| name.as_str());
        let provider = if event.provider.is_empty() { "event" } else { event.provider.as_str() };
        format!("{}{provider} {} {name}", time_of(event.time).unwrap_or_default(), event.number)
    };
    let kind = ProvenanceStep::EVENT;
    visitor.record(&Record { kind, text: &text, fields: &fields, is_told: false, name: &name });
}

/// A time, with a blank behind it.
fn time_of(hundreds: u64) -> Option<String> {
    let seconds = i64::try_from(hundreds / 10_000_000).ok()?.checked_sub(EPOCH)?;
    let nanoseconds = u32::try_from(hundreds % 10_000_000).ok()?.checked_mul(100)?;
    Timestamp::from_unix(seconds, nanoseconds).map(|time| format!("{time} "))
}
