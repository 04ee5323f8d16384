//! The head of a page of a b-tree, and where its cells are.

use super::row::varint;

/// No page has more cells.
const MAX_CELLS: u16 = 32_767;

/// Inner page of an index, inner page of a table, leaf of an index, leaf of a table.
const INNER_INDEX: u8 = 2;
const INNER_TABLE: u8 = 5;
const LEAF_INDEX: u8 = 10;
const LEAF_TABLE: u8 = 13;

/// The head of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) number: u32,
    kind: u8,
    pub(super) cells: u16,
    /// Where it begins: behind the header of the database on the first page.
    start: usize,
}

/// A cell that holds a row.
#[derive(Debug)]
pub(super) struct Cell<'p> {
    /// The length of the whole record.
    pub(super) length: u64,
    pub(super) id: Option<i64>,
    /// The page from the start of the record on.
    pub(super) record: &'p [u8],
    /// How long the cell is before that.
    pub(super) head_length: usize,
}

impl Head {
    pub(super) fn parse(page: &[u8], number: u32) -> Option<Self> {
        let start = if number == 1 { 100 } else { 0 };
        let kind = page.get(start).copied()?;
        let cells = be16(page, start.saturating_add(3)).filter(|cells| *cells <= MAX_CELLS)?;
        let is_known = matches!(kind, INNER_INDEX | INNER_TABLE | LEAF_INDEX | LEAF_TABLE);
        is_known.then_some(Self { number, kind, cells, start })
    }

    pub(super) fn is_inner(&self) -> bool {
        matches!(self.kind, INNER_INDEX | INNER_TABLE)
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.kind, INNER_TABLE | LEAF_TABLE)
    }

    /// All but the inner pages of tables, which have keys only.
    pub(super) fn has_rows(&self) -> bool {
        self.kind != INNER_TABLE
    }

    pub(super) fn last_child(&self, page: &[u8]) -> Option<u32> {
        be32(page, self.start.saturating_add(8))
    }

    /// The page from the start of a cell on.
    pub(super) fn cell<'p>(&self, page: &'p [u8], index: u16) -> Option<&'p [u8]> {
        let pointers = self.start.saturating_add(if self.is_inner() { 12 } else { 8 });
        let at = be16(page, pointers.saturating_add(usize::from(index).saturating_mul(2)))?;
        page.get(usize::from(at)..)
    }

    pub(super) fn row_cell<'p>(&self, page: &'p [u8], index: u16) -> Option<Cell<'p>> {
        let cell = self.cell(page, index)?;
        let rest = if self.is_inner() { cell.get(4..)? } else { cell };
        let (length, mut record) = varint(rest)?;
        let mut id = None;
        if self.kind == LEAF_TABLE {
            let (number, rest) = varint(record)?;
            (id, record) = (Some(number.cast_signed()), rest);
        }
        Some(Cell { length, id, record, head_length: cell.len().saturating_sub(record.len()) })
    }
}

pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}
