//! The rows of the tables of an SQLite database, read page by page.
//!
//! Facts: "Database File Format" of sqlite.org, sections 1.3 (header), 1.6
//! (b-trees), 2.1 (records), 2.6 (`sqlite_schema`). Nothing is written, no index is
//! used; a write-ahead log is read by `wal` and laid over the pages. No statement is run: what the database
//! says cannot do anything but be wrong.

mod page;
mod row;
pub mod schema;
pub mod wal;

use std::ops::ControlFlow;

use page::{Head, be16, be32};
pub use row::{Encoding, Row, Value};

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
    /// A page that belongs to two things, or twice to one.
    #[error("page {0} is used twice")]
    Twice(u32),
    /// More pages than the database has, or a tree deeper than any: a cycle.
    #[error("its pages form no tree")]
    Cycle,
    /// A row that is longer than the caller allows.
    #[error("a row is too long")]
    TooLong,
}

/// What is told of a table.
pub trait Visit {
    /// Whether the rows of a page are wanted.
    fn wants(&mut self, page: u32) -> bool {
        let _ = page;
        true
    }

    /// A row.
    fn row(&mut self, row: &Row);

    /// A page or a row that cannot be read, or not to its end; whether to go on.
    fn damaged(&mut self, error: SqliteError) -> ControlFlow<()>;
}

/// The most bytes of pages that are read of one database, and the most pages of one of
/// which each is read once (1 TiB where they have 4 KiB).
const MAX_READ: u64 = 4 << 30;
const MAX_ONCE: u64 = 1 << 28;
/// The greatest depth of a tree; 2^32 pages have no more than 20.
const MAX_DEPTH: usize = 40;

/// An open database.
#[derive(Debug)]
pub struct Database<R> {
    reader: R,
    page_size: u32,
    /// Bytes of a page that are in use.
    usable: usize,
    /// Pages that may still be read: no honest walk needs more than there are.
    pages_left: u64,
    encoding: Encoding,
    /// Where each page may be read once only: those that were, a bit each.
    met: Option<Vec<u64>>,
}

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
        let encoding = Encoding::of(be32(&header, 56).unwrap_or(0));
        Ok(Self { reader, page_size, usable, pages_left: pages_left.min(most), encoding, met: None })
    }

    /// From now on each page is read once: to go through all tables of a database of
    /// `length` bytes with work that its size bounds, whatever its pages say. False: it
    /// has more pages than can be kept account of, and those behind are not read.
    pub fn read_each_once(&mut self, length: u64) -> bool {
        let pages = length.div_ceil(u64::from(self.page_size).max(1)).saturating_add(1);
        let kept = pages.min(MAX_ONCE);
        self.met = Some(vec![0; usize::try_from(kept.div_ceil(64)).unwrap_or(0)]);
        self.pages_left = kept;
        kept == pages
    }

    /// How its texts are encoded.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Bytes of a page.
    #[must_use]
    pub fn page_size(&self) -> u32 {
        self.page_size
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
        struct ToFirstError<'v>(&'v mut dyn FnMut(&Row), Result<(), SqliteError>);
        impl Visit for ToFirstError<'_> {
            fn row(&mut self, row: &Row) {
                (self.0)(row);
            }

            fn damaged(&mut self, error: SqliteError) -> ControlFlow<()> {
                self.1 = Err(error);
                ControlFlow::Break(())
            }
        }
        let mut visitor = ToFirstError(visit, Ok(()));
        self.walk(root, max, &mut visitor);
        visitor.1
    }

    /// The same, past what is damaged. Of a table without row ids the tree is that of an
    /// index. A row with more than `max` bytes is told as too long, and then given as far
    /// as that.
    pub fn walk(&mut self, root: u32, max: usize, visitor: &mut dyn Visit) {
        // Pages to visit, the next one last, each with its depth.
        let mut open = vec![(root, 0_usize)];
        let mut row = Row::default();
        // All leaves are equally deep: those that are not wanted need not be read.
        let mut leaves = None;
        while let Some((number, depth)) = open.pop() {
            let is_wanted = visitor.wants(number);
            if !is_wanted && leaves == Some(depth) {
                continue;
            }
            let page = match self.page(number) {
                Ok(page) => page,
                Err(error) if visitor.damaged(error).is_continue() => continue,
                Err(_) => return,
            };
            let told = children(&page, number, depth, &mut open)
                .map_or_else(|error| visitor.damaged(error), ControlFlow::Continue);
            if Head::parse(&page, number).is_some_and(|head| !head.is_inner()) {
                leaves = Some(depth);
            }
            if told.is_break()
                || is_wanted && self.page_rows(&page, number, max, &mut row, visitor).is_break()
            {
                return;
            }
        }
    }

    /// Gives the rows of one page, whatever table it belongs to.
    pub fn rows_of(&mut self, page: u32, max: usize, visitor: &mut dyn Visit) {
        match self.page(page) {
            Ok(bytes) => {
                let _ = self.page_rows(&bytes, page, max, &mut Row::default(), visitor);
            }
            Err(error) => {
                let _ = visitor.damaged(error);
            }
        }
    }

    /// Gives the rows of a page.
    fn page_rows(
        &mut self,
        page: &[u8],
        number: u32,
        max: usize,
        row: &mut Row,
        visitor: &mut dyn Visit,
    ) -> ControlFlow<()> {
        let Some(head) = Head::parse(page, number).filter(Head::has_rows) else {
            return ControlFlow::Continue(());
        };
        // Cells share no bytes: no more of them is read than the page has.
        let mut left = self.usable;
        let mut told = false;
        for index in 0..head.cells {
            let mut read = self.read_row(page, index, &head, max, row);
            if read.is_ok() {
                match left.checked_sub(row.cell_length()) {
                    Some(rest) => left = rest,
                    None => read = Err(SqliteError::Page(number)),
                }
            }
            match read {
                Ok(()) if row.is_cut() => visitor.damaged(SqliteError::TooLong)?,
                Ok(()) => {}
                Err(error) => {
                    // Once for each page.
                    if !std::mem::replace(&mut told, true) {
                        visitor.damaged(error)?;
                    }
                    continue;
                }
            }
            visitor.row(row);
        }
        ControlFlow::Continue(())
    }

    fn offset(&self, number: u32) -> Option<u64> {
        number.checked_sub(1).map(|before| u64::from(before).saturating_mul(self.page_size.into()))
    }

    fn page(&mut self, number: u32) -> Result<Vec<u8>, SqliteError> {
        let damaged = SqliteError::Page(number);
        let offset = self.offset(number).ok_or(damaged)?;
        if let Some(met) = &mut self.met {
            let index = number.saturating_sub(1);
            let word = met.get_mut(usize::try_from(index >> 6).unwrap_or(usize::MAX)).ok_or(damaged)?;
            let bit = 1_u64 << (index & 63);
            if *word & bit != 0 {
                return Err(SqliteError::Twice(number));
            }
            *word |= bit;
        }
        self.pages_left = self.pages_left.checked_sub(1).ok_or(SqliteError::Cycle)?;
        let mut page = vec![0; self.usable];
        if self.reader.read(offset, &mut page) { Ok(page) } else { Err(damaged) }
    }

    /// Reads the row of a cell: length, row id (of a table that has them), the start of
    /// the record, and the page on which it goes on.
    fn read_row(
        &mut self,
        page: &[u8],
        index: u16,
        head: &Head,
        max: usize,
        row: &mut Row,
    ) -> Result<(), SqliteError> {
        let damaged = SqliteError::Page(head.number);
        let cell = head.row_cell(page, index).ok_or(damaged)?;
        let full = usize::try_from(cell.length).unwrap_or(usize::MAX);
        let local = self.local(full, head.is_table());
        let bytes = cell.record.get(..local).ok_or(damaged)?;
        let page_start = self.offset(head.number).ok_or(damaged)?;
        let start = page.len().saturating_sub(cell.record.len());
        row.begin(cell.id, (head.number, cell.head_length.saturating_add(local)), full > max);
        row.add(bytes, page_start.saturating_add(widen(start)));
        let mut next = if local < full { be32(cell.record, local).ok_or(damaged)? } else { 0 };
        while row.len() < full.min(max) {
            let page = self.page(next)?;
            let start = self.offset(next).ok_or(damaged)?.saturating_add(4);
            next = be32(&page, 0).ok_or(damaged)?;
            let want = full.saturating_sub(row.len()).min(page.len().saturating_sub(4));
            row.add(page.get(4..4_usize.saturating_add(want)).ok_or(damaged)?, start);
        }
        Ok(())
    }

    /// How much of a record stands in the page itself (section 1.6 of the format).
    fn local(&self, length: usize, is_table: bool) -> usize {
        let part = |numerator: usize| {
            let all = self.usable.saturating_sub(12).saturating_mul(numerator);
            all.checked_div(255).unwrap_or(0).saturating_sub(23)
        };
        let most = if is_table { self.usable.saturating_sub(35) } else { part(64) };
        if length <= most {
            return length;
        }
        let least = part(32);
        let chunk = self.usable.saturating_sub(4).max(1);
        let surplus = length.saturating_sub(least).checked_rem(chunk).unwrap_or(0);
        let local = least.saturating_add(surplus);
        if local <= most { local } else { least }
    }
}

fn widen(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Adds the children of an inner page to those that are to be visited.
fn children(page: &[u8], number: u32, depth: usize, open: &mut Vec<(u32, usize)>) -> Result<(), SqliteError> {
    let damaged = SqliteError::Page(number);
    let head = Head::parse(page, number).ok_or(damaged)?;
    if !head.is_inner() {
        return Ok(());
    }
    if depth >= MAX_DEPTH {
        return Err(SqliteError::Cycle);
    }
    let deeper = depth.saturating_add(1);
    // The child to the left of each key, and the last.
    let child = |index| head.cell(page, index).and_then(|cell| be32(cell, 0));
    open.push((head.last_child(page).ok_or(damaged)?, deeper));
    let mut lost = false;
    for index in (0..head.cells).rev() {
        match child(index) {
            Some(child) => open.push((child, deeper)),
            None => lost = true,
        }
    }
    if lost { Err(damaged) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
