//! A row: its record, and where the record is stored.

use std::borrow::Cow;
use std::ops::Range;

/// How texts are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-16, the lowest byte first.
    Utf16Le,
    /// UTF-16, the highest byte first.
    Utf16Be,
}

impl Encoding {
    pub(super) fn of(number: u32) -> Self {
        match number {
            2 => Self::Utf16Le,
            3 => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }

    /// A text as UTF-8; of UTF-8 the bytes as they are.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        let read = match self {
            Self::Utf8 => return Cow::Borrowed(bytes),
            Self::Utf16Le => u16::from_le_bytes,
            Self::Utf16Be => u16::from_be_bytes,
        };
        let (units, _) = bytes.as_chunks::<2>();
        let text: String = char::decode_utf16(units.iter().map(|unit| read(*unit)))
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        Cow::Owned(text.into_bytes())
    }
}

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'r> {
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A number that is none.
    Float(f64),
    /// A text, encoded as the database says.
    Text(&'r [u8]),
    /// Bytes.
    Blob(&'r [u8]),
}

/// One row: its record.
#[derive(Clone, Debug, Default)]
pub struct Row {
    record: Vec<u8>,
    id: Option<i64>,
    page: u32,
    cell_length: usize,
    cut: bool,
    /// Where the record lies in the database: where each part ends in the record, and
    /// where it begins there.
    parts: Vec<(usize, u64)>,
}

impl Row {
    pub(super) fn begin(&mut self, id: Option<i64>, (page, cell_length): (u32, usize), cut: bool) {
        self.record.clear();
        self.parts.clear();
        (self.id, self.page, self.cell_length, self.cut) = (id, page, cell_length, cut);
    }

    pub(super) fn add(&mut self, bytes: &[u8], offset: u64) {
        self.record.extend_from_slice(bytes);
        self.parts.push((self.record.len(), offset));
    }

    pub(super) fn len(&self) -> usize {
        self.record.len()
    }

    pub(super) fn cell_length(&self) -> usize {
        self.cell_length
    }

    /// Whether its end was not read.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Its number, where its table has such.
    #[must_use]
    pub fn id(&self) -> Option<i64> {
        self.id
    }

    /// The page on which it begins.
    #[must_use]
    pub fn page(&self) -> u32 {
        self.page
    }

    /// The record, as far as it was read.
    #[must_use]
    pub fn record(&self) -> &[u8] {
        &self.record
    }

    /// Where a range of the record lies in the database.
    pub fn stored(&self, range: Range<usize>) -> impl Iterator<Item = Range<u64>> {
        let mut begin = 0_usize;
        self.parts.iter().filter_map(move |(end, offset)| {
            let part = begin..*end;
            begin = *end;
            let (from, to) = (range.start.max(part.start), range.end.min(part.end));
            let at = |index: usize| offset.saturating_add(super::widen(index.saturating_sub(part.start)));
            (from < to).then(|| at(from)..at(to))
        })
    }

    /// The bytes of a column that is a text or a blob; columns count from 0.
    #[must_use]
    pub fn column(&self, index: usize) -> Option<&[u8]> {
        match self.values().nth(index)?.0 {
            Value::Text(bytes) | Value::Blob(bytes) => Some(bytes),
            Value::Null | Value::Integer(_) | Value::Float(_) => None,
        }
    }

    /// The value of a column that is an integer.
    #[must_use]
    pub fn integer(&self, index: usize) -> Option<i64> {
        match self.values().nth(index)?.0 {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// All values, with where each stands in the record; they end where the record is
    /// damaged or cut.
    #[must_use]
    pub fn values(&self) -> Values<'_> {
        let header = || {
            let (header, rest) = varint(&self.record)?;
            let before = self.record.len().checked_sub(rest.len())?;
            rest.get(..usize::try_from(header).ok()?.checked_sub(before)?)
        };
        let kinds = header();
        let start = kinds.map_or(usize::MAX, |kinds| {
            let (_, rest) = varint(&self.record).unwrap_or_default();
            self.record.len().saturating_sub(rest.len()).saturating_add(kinds.len())
        });
        Values { record: &self.record, kinds: kinds.unwrap_or_default(), at: start }
    }
}

/// The values of a row.
#[derive(Clone, Debug)]
pub struct Values<'r> {
    record: &'r [u8],
    kinds: &'r [u8],
    at: usize,
}

impl<'r> Iterator for Values<'r> {
    type Item = (Value<'r>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = varint(self.kinds)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => kind.saturating_sub(12) >> 1,
        };
        // Of a record that is cut, what there is of its last value.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let end = self.at.saturating_add(length).min(self.record.len());
        let range = self.at..end;
        let bytes = self.record.get(range.clone())?;
        if kind < 12 && bytes.len() < length {
            return None;
        }
        let value = match kind {
            0 => Value::Null,
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            7 => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
            1..=6 => {
                let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
                let fill = if negative { -1 } else { 0 };
                Value::Integer(bytes.iter().fold(fill, |value: i64, byte| value << 8 | i64::from(*byte)))
            }
            _ if kind & 1 == 1 => Value::Text(bytes),
            _ => Value::Blob(bytes),
        };
        (self.kinds, self.at) = (rest, end);
        Some((value, range))
    }
}

/// Seven bits a byte, the ninth byte whole.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for at in 0..9_usize {
        let byte = *bytes.get(at)?;
        let rest = bytes.get(at.saturating_add(1)..).unwrap_or_default();
        if at == 8 {
            return Some((value << 8 | u64::from(byte), rest));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, rest));
        }
    }
    None
}
