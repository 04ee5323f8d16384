//! Cells: the pieces of a hive, each with its length before it.

use super::{BINS, HiveError};
use crate::formats::sqlite::ReadPages;

/// The content of a cell in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// Where it begins in the file, behind the length.
    pub(super) start: u64,
    pub(super) length: u64,
}

impl Cell {
    /// Where the whole cell begins in the file.
    pub(super) fn at(self) -> u64 {
        self.start.saturating_sub(4)
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Cells<R> {
    reader: R,
    length: u64,
    /// Bytes of cells that may still be taken: they share none.
    left: u64,
    /// Those that were taken, a bit for each place where one can begin.
    taken: Vec<u64>,
}

impl<R: ReadPages> Cells<R> {
    pub(super) fn new(reader: R, length: u64) -> Self {
        // Offsets are of 31 bits, and cells begin every 8 bytes.
        let length = length.min(BINS.saturating_add(1 << 31));
        let places = length.saturating_sub(BINS).div_ceil(8 * 64);
        Self { reader, length, left: length, taken: vec![0; usize::try_from(places).unwrap_or(0)] }
    }

    /// Takes the cell with this offset: each can be taken once.
    pub(super) fn take(&mut self, offset: u32) -> Result<Cell, HiveError> {
        let at = BINS.saturating_add(offset.into());
        let damaged = HiveError::Cell(at);
        let mut head = [0; 4];
        if offset & 7 != 0 || at >= self.length || !self.reader.read(at, &mut head) {
            return Err(damaged);
        }
        // Those in use have a negative length.
        let size = i32::from_le_bytes(head).checked_neg().and_then(|size| u64::try_from(size).ok());
        let size =
            size.filter(|size| *size >= 8 && at.saturating_add(*size) <= self.length).ok_or(damaged)?;
        let place = usize::try_from(offset >> 3).unwrap_or(usize::MAX);
        let word = self.taken.get_mut(place >> 6).ok_or(damaged)?;
        let bit = 1_u64 << (place & 63);
        if *word & bit != 0 {
            return Err(HiveError::Twice(at));
        }
        *word |= bit;
        self.left = self.left.checked_sub(size).ok_or(HiveError::Overlap)?;
        Ok(Cell { start: at.saturating_add(4), length: size.saturating_sub(4) })
    }

    /// Fills `bytes` from a place in a cell on; `None` where it has not so many.
    pub(super) fn fill(&mut self, cell: Cell, place: u64, bytes: &mut [u8]) -> Option<()> {
        let end = place.checked_add(u64::try_from(bytes.len()).ok()?)?;
        (end <= cell.length && self.reader.read(cell.start.checked_add(place)?, bytes)).then_some(())
    }

    /// The number of 4 bytes at a place in a cell.
    pub(super) fn number(&mut self, cell: Cell, place: u64) -> Option<u32> {
        let mut bytes = [0; 4];
        self.fill(cell, place, &mut bytes)?;
        Some(u32::from_le_bytes(bytes))
    }

    /// A name of `length` bytes at a place in a cell; `is_narrow`: ISO 8859-1, not UTF-16.
    pub(super) fn name(&mut self, cell: Cell, place: u64, length: u16, is_narrow: bool) -> Option<String> {
        let mut bytes = vec![0; length.into()];
        self.fill(cell, place, &mut bytes)?;
        Some(if is_narrow { bytes.into_iter().map(char::from).collect() } else { utf16(&bytes) })
    }
}

/// What is no character becomes U+FFFD.
pub(super) fn utf16(bytes: &[u8]) -> String {
    let (units, _) = bytes.as_chunks::<2>();
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

pub(super) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

pub(super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

pub(super) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
