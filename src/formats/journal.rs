//! Journals of systemd: their objects from the first to the last, and of an entry its time
//! and its fields.
//!
//! Facts: "Journal File Format" (<https://systemd.io/JOURNAL_FILE_FORMAT/>): "Header",
//! "Objects" and the sections on data, entry and compact mode. Hash tables and arrays of
//! entries only lead to objects faster: they are not read. No number is believed: an object
//! is read once, in the order of the file.

use std::ops::Range;

use super::sqlite::ReadPages;

const SIGNATURE: &[u8; 8] = b"LPKSHHRH";
/// Flags of the header without which a journal can be read wrongly: xz, lz4, keyed hashes,
/// zstd, compact.
const KNOWN: u32 = 0x1f;
const COMPACT: u32 = 0x10;
/// Kinds of objects.
const DATA: u8 = 1;
const ENTRY: u8 = 3;
const LAST_KIND: u8 = 7;
/// What every object begins with: kind, flags, length.
const HEAD: u64 = 16;
/// The most fields of an entry, as systemd has it.
const MAX_FIELDS: u64 = 1024;

/// Why a journal cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// No header, or one of lengths that cannot be.
    #[error("systemd journal: its header is damaged")]
    Header,
    /// Flags that are not known.
    #[error("systemd journal: it is written in a newer form (flags {0:#x})")]
    Newer(u32),
}

/// How the payload of an object is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Plain,
    /// A file of xz.
    Xz,
    /// A block of LZ4, the length of what it holds in 8 bytes before it.
    Lz4,
    /// A frame of zstd.
    Zstd,
    /// In a way that is not known.
    Unknown,
}

/// A field as it is stored, once for all entries that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Where its payload, `NAME=value`, lies in the file.
    pub payload: Range<u64>,
    /// How.
    pub packing: Packing,
    /// The offset of the first entry that has it.
    pub entry: u64,
}

/// What is told of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Microseconds since 1970.
    pub realtime: u64,
    /// The offsets of its fields.
    pub fields: Vec<u64>,
}

/// Whether a file that begins so is a journal.
#[must_use]
pub fn is_journal(start: &[u8]) -> bool {
    start.starts_with(SIGNATURE)
}

/// An open journal.
#[derive(Debug)]
pub struct Journal<R> {
    reader: R,
    /// Of the file.
    length: u64,
    is_compact: bool,
    /// The offset of the last object, as the header has it.
    tail: u64,
    at: u64,
    /// The file has all of its objects.
    pub is_whole: bool,
}

/// The head of an object.
#[derive(Clone, Copy, Debug)]
struct Head {
    kind: u8,
    flags: u8,
    length: u64,
}

impl<R: ReadPages> Journal<R> {
    /// Reads the header of a journal of `length` bytes.
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub fn open(mut reader: R, length: u64) -> Result<Self, JournalError> {
        // What every version has.
        let mut header = [0; 208];
        if !reader.read(0, &mut header) || !is_journal(&header) {
            return Err(JournalError::Header);
        }
        let flags = le32(&header, 12).ok_or(JournalError::Header)?;
        if flags & !KNOWN != 0 {
            return Err(JournalError::Newer(flags));
        }
        let number = |at| le64(&header, at).ok_or(JournalError::Header);
        let (size, arena, tail) = (number(88)?, number(96)?, number(136)?);
        if size < 208 || size % 8 != 0 {
            return Err(JournalError::Header);
        }
        let is_whole = size.saturating_add(arena) <= length;
        Ok(Self { reader, length, is_compact: flags & COMPACT != 0, tail, at: size, is_whole })
    }

    /// The next field; `Err`: from there on up to the next object nothing is one.
    ///
    /// # Errors
    ///
    /// The offset of what is damaged.
    pub fn next_field(&mut self) -> Option<Result<Data, u64>> {
        loop {
            let at = self.at;
            let head = match self.head(at) {
                Some(head) => head,
                // Behind the last there is room for more.
                None if at > self.tail || at.saturating_add(HEAD) > self.length => return None,
                None => {
                    self.find_next();
                    return Some(Err(at));
                }
            };
            self.at = at.saturating_add(head.length).saturating_add(7) & !7;
            if head.kind != DATA {
                continue;
            }
            let begin: u64 = if self.is_compact { 72 } else { 64 };
            let mut numbers = [0; 24];
            if head.length < begin || !self.reader.read(at.saturating_add(40), &mut numbers) {
                return Some(Err(at));
            }
            let packing = match head.flags & 7 {
                0 => Packing::Plain,
                1 => Packing::Xz,
                2 => Packing::Lz4,
                4 => Packing::Zstd,
                _ => Packing::Unknown,
            };
            let payload = at.saturating_add(begin)..at.saturating_add(head.length);
            return Some(Ok(Data { payload, packing, entry: le64(&numbers, 0).unwrap_or(0) }));
        }
    }

    /// The head of an object, where there is one that can be.
    fn head(&mut self, at: u64) -> Option<Head> {
        let mut bytes = [0; 16];
        if at.checked_add(HEAD)? > self.length || !self.reader.read(at, &mut bytes) {
            return None;
        }
        let [kind, flags, reserved @ .., _, _, _, _, _, _, _, _] = bytes;
        let head = Head { kind, flags, length: le64(&bytes, 8)? };
        let ends = at.checked_add(head.length)?;
        let is_one = (DATA..=LAST_KIND).contains(&kind) && flags <= 7 && reserved == [0; 6];
        (is_one && head.length > HEAD && ends <= self.length).then_some(head)
    }

    /// Goes to the next place where an object can be, or to the end.
    fn find_next(&mut self) {
        loop {
            self.at = self.at.saturating_add(8);
            if self.at.saturating_add(HEAD) > self.length || self.head(self.at).is_some() {
                return;
            }
        }
    }

    /// The entry at an offset, where there is one.
    pub fn entry(&mut self, at: u64) -> Option<Entry> {
        let head = self.head(at).filter(|head| head.kind == ENTRY)?;
        let mut time = [0; 8];
        self.reader.read(at.checked_add(24)?, &mut time).then_some(())?;
        let step: u64 = if self.is_compact { 4 } else { 16 };
        let count = head.length.checked_sub(64)?.checked_div(step)?.min(MAX_FIELDS);
        let mut bytes = vec![0; usize::try_from(count.checked_mul(step)?).ok()?];
        self.reader.read(at.checked_add(64)?, &mut bytes).then_some(())?;
        let items = bytes.chunks_exact(usize::try_from(step).ok()?);
        let offset = |item: &[u8]| match self.is_compact {
            true => le32(item, 0).map(u64::from),
            false => le64(item, 0),
        };
        Some(Entry { realtime: u64::from_le_bytes(time), fields: items.filter_map(offset).collect() })
    }

    /// The first bytes of a field at an offset, at most `most`, where they are stored as they
    /// are.
    pub fn field(&mut self, at: u64, most: usize) -> Option<Vec<u8>> {
        let head = self.head(at).filter(|head| head.kind == DATA && head.flags & 7 == 0)?;
        let begin: u64 = if self.is_compact { 72 } else { 64 };
        let length = usize::try_from(head.length.checked_sub(begin)?).ok()?.min(most);
        let mut bytes = vec![0; length];
        self.reader.read(at.checked_add(begin)?, &mut bytes).then_some(bytes)
    }

    /// Fills `bytes` from an offset on.
    pub fn read(&mut self, at: u64, bytes: &mut [u8]) -> bool {
        self.reader.read(at, bytes)
    }
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
