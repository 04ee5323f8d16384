//! The rows of a table of an SQLite database, read page by page.
//!
//! Facts: "Database File Format" of sqlite.org, sections 1.3 (header), 1.6
//! (b-trees), 2.1 (records), 2.6 (`sqlite_schema`). Nothing is written, no index is
//! used, a write-ahead log is not looked at. No statement is run: what the database
//! says cannot do anything but be wrong.

/// Gives bytes of a database.
pub trait ReadPages {
    /// Fills `page` from `offset` on; false where there is not so much.
    fn read(&mut self, offset: u64, page: &mut [u8]) -> bool;
}

/// A database in memory.
impl ReadPages for &[u8] {
    fn read(&mut self, offset: u64, page: &mut [u8]) -> bool {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let part = self.get(start..).and_then(|rest| rest.get(..page.len()));
        part.map(|part| page.copy_from_slice(part)).is_some()
    }
}

/// Why a database cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqliteError {
    /// No header, or one of a form that this does not read.
    #[error("not an SQLite database")]
    Header,
    /// A page that is not there, or not what it should be.
    #[error("page {0} is damaged")]
    Page(u32),
    /// More pages than the database has, or a tree deeper than any: a cycle.
    #[error("its pages form no tree")]
    Cycle,
    /// A row that is longer than the caller allows.
    #[error("a row is too long")]
    TooLong,
}

/// The most bytes of pages that are read of one database.
const MAX_READ: u64 = 4 << 30;
/// The greatest depth of a tree; 2^32 pages have no more than 20.
const MAX_DEPTH: usize = 40;
/// No page has more cells.
const MAX_CELLS: u16 = 32_767;

/// An open database.
#[derive(Debug)]
pub struct Database<R> {
    reader: R,
    page_size: u32,
    /// Bytes of a page that are in use.
    usable: usize,
    /// Pages that may still be read: no honest walk needs more than there are.
    pages_left: u64,
}

/// One row: its record.
#[derive(Debug)]
pub struct Row(Vec<u8>);

impl<R: ReadPages> Database<R> {
    /// Reads the header of a database of `length` bytes.
    ///
    /// # Errors
    ///
    /// [`SqliteError::Header`].
    pub fn open(mut reader: R, length: u64) -> Result<Self, SqliteError> {
        let mut header = [0; 100];
        if !reader.read(0, &mut header) || !header.starts_with(b"SQLite format 3\0") {
            return Err(SqliteError::Header);
        }
        let page_size = match be16(&header, 16).ok_or(SqliteError::Header)? {
            1 => 65_536,
            size if size >= 512 && size.is_power_of_two() => u32::from(size),
            _ => return Err(SqliteError::Header),
        };
        let reserved = header.get(20).copied().unwrap_or(0);
        let usable = page_size.saturating_sub(reserved.into());
        let usable =
            usize::try_from(usable).ok().filter(|usable| *usable >= 480).ok_or(SqliteError::Header)?;
        let pages = length.checked_div(page_size.into()).unwrap_or(0);
        // The schema is read, and then one table; each page at most once a walk.
        let pages_left = pages.saturating_mul(2).saturating_add(16);
        let most = MAX_READ.checked_div(page_size.into()).unwrap_or(0);
        Ok(Self { reader, page_size, usable, pages_left: pages_left.min(most) })
    }

    /// The root page of a table; `None` where there is none of that name.
    ///
    /// # Errors
    ///
    /// Where the schema cannot be read.
    pub fn table(&mut self, name: &str) -> Result<Option<u32>, SqliteError> {
        let mut root = None;
        self.rows(1, 1 << 20, &mut |row| {
            let is = |column, text: &str| row.column(column) == Some(text.as_bytes());
            if is(0, "table") && is(1, name) {
                root = row.integer(3).and_then(|page| u32::try_from(page).ok());
            }
        })?;
        Ok(root)
    }

    /// Gives every row of the table at a root page, in order. `max` is the most
    /// bytes of a row.
    ///
    /// # Errors
    ///
    /// The first page that is damaged or row that is too long; the rows before it
    /// have been given.
    pub fn rows(&mut self, root: u32, max: usize, visit: &mut dyn FnMut(&Row)) -> Result<(), SqliteError> {
        // Pages to visit, the next one last, each with its depth.
        let mut open = vec![(root, 0_usize)];
        while let Some((number, depth)) = open.pop() {
            let page = self.page(number)?;
            let damaged = SqliteError::Page(number);
            let start = if number == 1 { 100 } else { 0 };
            let kind = page.get(start).copied().ok_or(damaged)?;
            let at = |offset: usize| start.saturating_add(offset);
            let cells = be16(&page, at(3)).filter(|cells| *cells <= MAX_CELLS).ok_or(damaged)?;
            let pointers = if kind == 5 { at(12) } else { at(8) };
            let cell = |index: u16| {
                let offset = be16(&page, pointers.saturating_add(usize::from(index).saturating_mul(2)))?;
                page.get(usize::from(offset)..)
            };
            match kind {
                // A table's inner page: a child to the left of each key, and the last.
                5 => {
                    if depth >= MAX_DEPTH {
                        return Err(SqliteError::Cycle);
                    }
                    let deeper = depth.saturating_add(1);
                    open.push((be32(&page, at(8)).ok_or(damaged)?, deeper));
                    for index in (0..cells).rev() {
                        let child = cell(index).and_then(|cell| be32(cell, 0)).ok_or(damaged)?;
                        open.push((child, deeper));
                    }
                }
                13 => {
                    for index in 0..cells {
                        let row = self.row(cell(index).ok_or(damaged)?, max, number)?;
                        visit(&row);
                    }
                }
                _ => return Err(damaged),
            }
        }
        Ok(())
    }

    fn page(&mut self, number: u32) -> Result<Vec<u8>, SqliteError> {
        self.pages_left = self.pages_left.checked_sub(1).ok_or(SqliteError::Cycle)?;
        let damaged = SqliteError::Page(number);
        let offset = u64::from(number.checked_sub(1).ok_or(damaged)?).saturating_mul(self.page_size.into());
        let mut page = vec![0; self.usable];
        if self.reader.read(offset, &mut page) { Ok(page) } else { Err(damaged) }
    }

    /// A cell of a leaf: length, row id, the start of the record, and the page on
    /// which it goes on.
    fn row(&mut self, cell: &[u8], max: usize, number: u32) -> Result<Row, SqliteError> {
        let damaged = SqliteError::Page(number);
        let (length, rest) = varint(cell).ok_or(damaged)?;
        let (_, rest) = varint(rest).ok_or(damaged)?;
        let length = usize::try_from(length).map_err(|_| SqliteError::TooLong)?;
        if length > max {
            return Err(SqliteError::TooLong);
        }
        let local = self.local(length);
        let mut record = rest.get(..local).ok_or(damaged)?.to_vec();
        let mut next = if local < length { be32(rest, local).ok_or(damaged)? } else { 0 };
        while record.len() < length {
            let page = self.page(next)?;
            next = be32(&page, 0).ok_or(damaged)?;
            let want = length.saturating_sub(record.len()).min(page.len().saturating_sub(4));
            record.extend_from_slice(page.get(4..4_usize.saturating_add(want)).ok_or(damaged)?);
        }
        Ok(Row(record))
    }

    /// How much of a record stands in the leaf itself (section 1.6 of the format).
    fn local(&self, length: usize) -> usize {
        let most = self.usable.saturating_sub(35);
        if length <= most {
            return length;
        }
        let least = self
            .usable
            .saturating_sub(12)
            .saturating_mul(32)
            .checked_div(255)
            .unwrap_or(0)
            .saturating_sub(23);
        let chunk = self.usable.saturating_sub(4).max(1);
        let surplus = length.saturating_sub(least).checked_rem(chunk).unwrap_or(0);
        let local = least.saturating_add(surplus);
        if local <= most { local } else { least }
    }
}

impl Row {
    /// The bytes of a column that is a text or a blob; columns count from 0.
    #[must_use]
    pub fn column(&self, index: usize) -> Option<&[u8]> {
        let (kind, bytes) = self.field(index)?;
        (kind >= 12).then_some(bytes)
    }

    /// The value of a column that is an integer.
    #[must_use]
    pub fn integer(&self, index: usize) -> Option<i64> {
        let (kind, bytes) = self.field(index)?;
        match kind {
            8 => Some(0),
            9 => Some(1),
            1..=6 => {
                let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
                let fill = if negative { -1 } else { 0 };
                Some(bytes.iter().fold(fill, |value: i64, byte| value << 8 | i64::from(*byte)))
            }
            _ => None,
        }
    }

    /// The serial type and the bytes of a column.
    fn field(&self, index: usize) -> Option<(u64, &[u8])> {
        let (header, rest) = varint(&self.0)?;
        let header_rest = usize::try_from(header).ok()?.checked_sub(self.0.len().checked_sub(rest.len())?)?;
        let (mut kinds, mut values) = rest.split_at_checked(header_rest)?;
        let mut left = index;
        loop {
            let (kind, more) = varint(kinds)?;
            kinds = more;
            let length = match kind {
                0 | 8 | 9 => 0,
                1..=4 => kind,
                5 => 6,
                6 | 7 => 8,
                10 | 11 => return None,
                _ => kind.saturating_sub(12) >> 1,
            };
            let (value, after) = values.split_at_checked(usize::try_from(length).ok()?)?;
            if left == 0 {
                return Some((kind, value));
            }
            left = left.saturating_sub(1);
            values = after;
        }
    }
}

/// Seven bits a byte, the ninth byte whole.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
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

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

#[cfg(test)]
mod tests;
