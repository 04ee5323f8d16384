//! Event logs of Windows (`.evtx`): the records of a chunk, and what an event says in the
//! places that its template leaves open.
//!
//! Facts: "Windows XML Event Log (EVTX) format" of libevtx
//! (<https://github.com/libyal/libevtx/blob/main/documentation/Windows%20XML%20Event%20Log%20(EVTX).asciidoc>),
//! "Chunk", "Event record" and "Binary XML". An event is XML of which the tokens are read in
//! turn: only which element or attribute a value belongs to is kept. No number is believed:
//! everything lies in the chunk.

mod tokens;

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use tokens::{Slot, Tokens};

/// How many bytes a chunk has, and where the first begins in a file.
pub const CHUNK: usize = 64 << 10;
/// What stands before the chunks.
pub const FILE_HEADER: u64 = 4096;
const FIRST_RECORD: usize = 512;
/// Magic, length, number, time; behind a record its length again.
const RECORD_HEAD: usize = 24;
/// How deep events may stand in one another's values.
const MAX_DEPTH: usize = 4;
/// The most values of an event.
const MAX_VALUES: usize = 1024;
/// The most bytes of templates that are read in a chunk.
const MAX_TEMPLATES: usize = 1 << 20;

/// Whether a file that begins so is such a log.
#[must_use]
pub fn is_event_log(start: &[u8]) -> bool {
    start.starts_with(b"ElfFile\0")
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its number in the log.
    pub number: u64,
    /// When it was written: hundreds of nanoseconds since 1601.
    pub time: u64,
    /// What wrote it.
    pub provider: String,
    /// What it says, each with its name.
    pub values: Vec<(String, Vec<u8>)>,
    /// Not all of it could be read.
    pub is_cut: bool,
}

/// What a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkEnd {
    /// All of its records were read.
    Whole,
    /// It is none, or unused.
    None,
    /// From this byte on nothing is a record.
    Damaged(usize),
}

/// Gives the events of a chunk.
pub fn events(chunk: &[u8], told: &mut dyn FnMut(Event)) -> ChunkEnd {
    if !chunk.starts_with(b"ElfChnk\0") {
        return ChunkEnd::None;
    }
    let used = le32(chunk, 48).and_then(|used| usize::try_from(used).ok()).unwrap_or(0);
    let mut templates = Templates { chunk, known: HashMap::new(), left: MAX_TEMPLATES };
    let mut at = FIRST_RECORD;
    loop {
        let read = || {
            let length = usize::try_from(le32(chunk, at.checked_add(4)?)?).ok()?;
            let end = at.checked_add(length).filter(|end| *end <= chunk.len())?;
            let is_one = le32(chunk, at)? == 0x2a2a
                && length >= RECORD_HEAD.saturating_add(4)
                && le32(chunk, end.checked_sub(4)?)? == le32(chunk, at.checked_add(4)?)?;
            is_one.then_some(end)
        };
        let Some(end) = read() else {
            // What lies behind the used part need be nothing.
            return if at >= used { ChunkEnd::Whole } else { ChunkEnd::Damaged(at) };
        };
        let mut event = Event {
            number: le64(chunk, at.saturating_add(8)).unwrap_or(0),
            time: le64(chunk, at.saturating_add(16)).unwrap_or(0),
            ..Event::default()
        };
        let body = at.saturating_add(RECORD_HEAD)..end.saturating_sub(4);
        event.is_cut = templates.fragment(body, 0, &mut event).is_none();
        told(event);
        at = end;
    }
}

/// The templates of a chunk, each read once.
struct Templates<'c> {
    chunk: &'c [u8],
    known: HashMap<usize, Rc<Vec<Slot>>>,
    /// Bytes of them that may still be read.
    left: usize,
}

impl Templates<'_> {
    /// Reads an event, or what of one stands in a value of another.
    fn fragment(&mut self, range: Range<usize>, depth: usize, event: &mut Event) -> Option<()> {
        let mut at = range.start;
        if self.chunk.get(at..)?.starts_with(&[0x0f]) {
            at = at.checked_add(4)?;
        }
        if *self.chunk.get(at)? != 0x0c {
            // Without a template: what it says stands in it.
            let slots = Tokens::new(self.chunk, at..range.end).slots()?;
            for slot in slots {
                if let Some(text) = slot.text {
                    event.say(&slot.element, slot.attribute.as_deref(), text.into_bytes());
                }
            }
            return Some(());
        }
        // Kind, one byte, the template's number, where it is.
        let place = usize::try_from(le32(self.chunk, at.checked_add(6)?)?).ok()?;
        at = at.checked_add(10)?;
        let length = usize::try_from(le32(self.chunk, place.checked_add(20)?)?).ok()?;
        let body = place.checked_add(24)?;
        let ends = body.checked_add(length).filter(|end| *end <= self.chunk.len())?;
        if place == at {
            at = ends;
        }
        let slots = self.template(body..ends);
        let count = usize::try_from(le32(self.chunk, at)?).ok().filter(|count| *count <= MAX_VALUES)?;
        let heads = at.checked_add(4)?;
        let mut value = heads.checked_add(count.checked_mul(4)?)?;
        for index in 0..count {
            let head = heads.checked_add(index.checked_mul(4)?)?;
            let length = usize::from(le16(self.chunk, head)?);
            let kind = *self.chunk.get(head.checked_add(2)?)?;
            let end = value.checked_add(length).filter(|end| *end <= range.end)?;
            let slot = slots.iter().find(|slot| slot.index.is_some_and(|own| usize::from(own) == index));
            if kind == 0x21 {
                if depth < MAX_DEPTH && length > 0 {
                    self.fragment(value..end, depth.saturating_add(1), event)?;
                }
            } else if let Some(text) = text_of(kind, self.chunk.get(value..end)?) {
                match slot {
                    Some(slot) => event.say(&slot.element, slot.attribute.as_deref(), text),
                    None => event.say(&format!("value {index}"), None, text),
                }
            }
            value = end;
        }
        if let Some(name) = slots.iter().find_map(|slot| slot.is_provider().then(|| slot.text.clone())?) {
            event.provider = name;
        }
        Some(())
    }

    /// What a template leaves open; nothing where it cannot be read: values have no names then.
    fn template(&mut self, range: Range<usize>) -> Rc<Vec<Slot>> {
        if let Some(known) = self.known.get(&range.start) {
            return Rc::clone(known);
        }
        let length = range.end.saturating_sub(range.start);
        let slots = match self.left.checked_sub(length) {
            Some(left) => {
                self.left = left;
                Tokens::new(self.chunk, range.clone()).slots().unwrap_or_default()
            }
            None => Vec::new(),
        };
        let slots = Rc::new(slots);
        self.known.insert(range.start, Rc::clone(&slots));
        slots
    }
}

impl Event {
    fn say(&mut self, element: &str, attribute: Option<&str>, text: Vec<u8>) {
        if text.is_empty() || self.values.len() >= MAX_VALUES {
            return;
        }
        if element == "Provider" && attribute == Some("Name") {
            self.provider = String::from_utf8_lossy(&text).into_owned();
            return;
        }
        let name = attribute.unwrap_or(element);
        self.values.push((name.to_owned(), text));
    }
}

/// A value as text; `None`: one that says nothing to be found.
fn text_of(kind: u8, bytes: &[u8]) -> Option<Vec<u8>> {
    match kind {
        // A text, and several.
        0x01 => Some(utf16(bytes).trim_end_matches('\0').as_bytes().to_vec()),
        0x81 => Some(utf16(bytes).trim_end_matches('\0').replace('\0', "\n").into_bytes()),
        0x02 => Some(bytes.iter().copied().take_while(|byte| *byte != 0).collect()),
        0x0e => Some(bytes.to_vec()),
        0x06 => le16(bytes, 0).map(|number| number.to_string().into_bytes()),
        0x08 => le32(bytes, 0).map(|number| number.to_string().into_bytes()),
        _ => None,
    }
}

fn utf16(bytes: &[u8]) -> String {
    let (units, _) = bytes.as_chunks::<2>();
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
