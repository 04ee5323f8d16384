//! Values: their names, their bytes, and what these say.

use std::ops::Range;

use super::cell::{Cell, Cells, le16, le32, utf16};
use super::{HiveError, Value};
use crate::formats::sqlite::ReadPages;

/// Flag: the name is ISO 8859-1.
const NARROW: u16 = 1;
/// Bit of the length: the bytes stand in the place of their offset.
const RESIDENT: u32 = 1 << 31;
/// The most bytes of a part of big data; longer values are big data.
const PART: usize = 16_344;

/// A key value without its bytes.
#[derive(Debug)]
pub(super) struct Head {
    cell: Cell,
    pub(super) name: String,
    pub(super) kind: u32,
    /// The length of its bytes.
    pub(super) length: usize,
    /// The cell with them, if they are not here.
    data: Option<u32>,
}

impl Head {
    pub(super) fn read(cells: &mut Cells<impl ReadPages>, offset: u32) -> Result<Self, HiveError> {
        let cell = cells.take(offset)?;
        Self::parse(cells, cell).ok_or(HiveError::Cell(cell.at()))
    }

    fn parse(cells: &mut Cells<impl ReadPages>, cell: Cell) -> Option<Self> {
        let mut head = [0; 20];
        cells.fill(cell, 0, &mut head)?;
        if !head.starts_with(b"vk") {
            return None;
        }
        let is_narrow = le16(&head, 16)? & NARROW != 0;
        let name = cells.name(cell, 20, le16(&head, 2)?, is_narrow)?;
        let length = le32(&head, 4)?;
        let is_resident = length & RESIDENT != 0;
        let length = usize::try_from(length & !RESIDENT).ok()?;
        if is_resident && length > 4 {
            return None;
        }
        let data = (!is_resident).then_some(le32(&head, 8)?);
        Some(Self { cell, name, kind: le32(&head, 12)?, length, data })
    }
}

/// Reads the bytes of a value into `data`, at most `max`, fewer where parts are missing;
/// returns where they lie.
pub(super) fn data(
    cells: &mut Cells<impl ReadPages>,
    head: &Head,
    max: usize,
    data: &mut Vec<u8>,
) -> Result<Vec<Range<u64>>, HiveError> {
    data.clear();
    let want = head.length.min(max);
    let mut stored = Vec::new();
    if want == 0 {
        return Ok(stored);
    }
    let Some(offset) = head.data else {
        add(cells, head.cell, 8, want, data, &mut stored)?;
        return Ok(stored);
    };
    let cell = cells.take(offset)?;
    let mut start = [0; 8];
    let is_big = head.length > PART
        && cells.fill(cell, 0, &mut start).is_some()
        && start.starts_with(b"db")
        // Before version 1.4 it may be the value itself.
        && cell.length < u64::try_from(head.length).unwrap_or(u64::MAX);
    if !is_big {
        add(cells, cell, 0, want, data, &mut stored)?;
        return Ok(stored);
    }
    let damaged = HiveError::Cell(cell.at());
    let parts = le16(&start, 2).ok_or(damaged)?;
    let list = cells.take(le32(&start, 4).ok_or(damaged)?)?;
    for index in 0..u64::from(parts) {
        let more = want.saturating_sub(data.len()).min(PART);
        if more == 0 {
            break;
        }
        // What was read is given, without what is missing.
        let Some(part) = cells.number(list, index.saturating_mul(4)) else { break };
        let Ok(part) = cells.take(part) else { break };
        if add(cells, part, 0, more, data, &mut stored).is_err() {
            break;
        }
    }
    Ok(stored)
}

fn add(
    cells: &mut Cells<impl ReadPages>,
    cell: Cell,
    place: u64,
    length: usize,
    data: &mut Vec<u8>,
    stored: &mut Vec<Range<u64>>,
) -> Result<(), HiveError> {
    let damaged = HiveError::Cell(cell.at());
    let wide = u64::try_from(length).unwrap_or(u64::MAX);
    if place.saturating_add(wide) > cell.length {
        return Err(damaged);
    }
    let before = data.len();
    data.resize(before.saturating_add(length), 0);
    let room = data.get_mut(before..).ok_or(damaged)?;
    if cells.fill(cell, place, room).is_none() {
        data.truncate(before);
        return Err(damaged);
    }
    let start = cell.start.saturating_add(place);
    stored.push(start..start.saturating_add(wide));
    Ok(())
}

/// What the bytes of a value say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'v> {
    /// A text, or several, one a line.
    Text(String),
    /// A number.
    Number(u64),
    /// Bytes.
    Binary(&'v [u8]),
}

impl Value<'_> {
    /// What its bytes say by its type.
    #[must_use]
    pub fn content(&self) -> Content<'_> {
        let fixed = <[u8; 4]>::try_from(self.data);
        match self.kind {
            // REG_SZ, REG_EXPAND_SZ, REG_LINK, REG_MULTI_SZ.
            1 | 2 | 6 | 7 => {
                let text = utf16(self.data);
                // Many have rests of a longer text behind their end: they count as text.
                Content::Text(text.trim_end_matches('\0').replace('\0', "\n"))
            }
            4 if let Ok(bytes) = fixed => Content::Number(u32::from_le_bytes(bytes).into()),
            5 if let Ok(bytes) = fixed => Content::Number(u32::from_be_bytes(bytes).into()),
            11 if let Ok(bytes) = <[u8; 8]>::try_from(self.data) => {
                Content::Number(u64::from_le_bytes(bytes))
            }
            _ => Content::Binary(self.data),
        }
    }
}
