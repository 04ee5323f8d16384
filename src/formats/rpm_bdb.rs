//! The values of a hash database of Berkeley DB, as rpm kept its packages in one
//! until 2020.
//!
//! Facts: `db_page.h` of Berkeley DB 5.3: every page has a head of 26 bytes (at 8
//! its number, 16 the next page, 20 entries, 22 the end of what is used, 25 the
//! type); a page of a hash (2, 13) has the offsets of its entries after the head,
//! keys and values in turn; an entry of type 3 lies on overflow pages (7) from the
//! page at 4 on, with the length at 8. Numbers are in the byte order of the machine
//! that wrote it, which the magic number tells.

use super::sqlite::ReadPages;

/// The magic number of a hash, at 12 of the first page.
const MAGIC: u32 = 0x0006_1561;

/// The most bytes of pages that are read.
const MAX_READ: u64 = 4 << 30;

/// Why a database cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BdbError {
    /// No such database.
    #[error("not a hash of Berkeley DB")]
    Header,
    /// A page that is not there, or not what it should be.
    #[error("page {0} is damaged")]
    Page(u32),
}

#[derive(Clone, Copy)]
struct Order {
    big: bool,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let two = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }
}

/// Gives every value that lies on pages of its own, as the headers of packages do:
/// they are longer than a page. `length` is that of the database, `max` the most
/// bytes of a value; a longer one is damage.
///
/// # Errors
///
/// The first page that is damaged; the values before it have been given, and those
/// after it are too, so far as they can be read.
pub fn values(
    reader: &mut impl ReadPages,
    length: u64,
    max: usize,
    visit: &mut dyn FnMut(&[u8]),
) -> Result<(), BdbError> {
    let mut head = [0; 72];
    if !reader.read(0, &mut head) {
        return Err(BdbError::Header);
    }
    let order = [Order { big: false }, Order { big: true }]
        .into_iter()
        .find(|order| order.u32(&head, 12) == Some(MAGIC))
        .ok_or(BdbError::Header)?;
    let size = order.u32(&head, 20).filter(|size| (512..=65_536).contains(size) && size.is_power_of_two());
    let size = size.ok_or(BdbError::Header)?;
    let last = order.u32(&head, 32).ok_or(BdbError::Header)?;
    let there = u32::try_from(length.checked_div(size.into()).unwrap_or(0)).unwrap_or(u32::MAX);
    let most = MAX_READ.checked_div(size.into()).unwrap_or(0);
    let mut pages = Pages { reader, order, size, left: u64::from(there).saturating_mul(2).min(most) };
    // A file that was cut.
    let mut fault = (last >= there).then_some(BdbError::Page(there));
    for number in 1..=last.min(there.saturating_sub(1)) {
        let found = pages.entries(number).and_then(|entries| {
            for (first, length) in entries {
                let length = usize::try_from(length).ok().filter(|length| *length <= max);
                visit(&pages.value(first, length.ok_or(BdbError::Page(number))?)?);
            }
            Ok(())
        });
        fault = fault.or(found.err());
        if pages.left == 0 {
            break;
        }
    }
    fault.map_or(Ok(()), Err)
}

struct Pages<'r, R> {
    reader: &'r mut R,
    order: Order,
    size: u32,
    /// Pages that may still be read: no honest database needs more.
    left: u64,
}

impl<R: ReadPages> Pages<'_, R> {
    fn page(&mut self, number: u32) -> Result<Vec<u8>, BdbError> {
        let damaged = BdbError::Page(number);
        self.left = self.left.checked_sub(1).ok_or(damaged)?;
        let mut page = vec![0; usize::try_from(self.size).map_err(|_| damaged)?];
        let offset = u64::from(number).saturating_mul(self.size.into());
        if self.reader.read(offset, &mut page) { Ok(page) } else { Err(damaged) }
    }

    /// The values of a page that lie elsewhere: first page and length.
    fn entries(&mut self, number: u32) -> Result<Vec<(u32, u32)>, BdbError> {
        let page = self.page(number)?;
        let damaged = BdbError::Page(number);
        if !matches!(page.get(25), Some(2 | 13)) {
            return Ok(Vec::new());
        }
        let count = usize::from(self.order.u16(&page, 20).ok_or(damaged)?);
        let offsets = page.get(26..).and_then(|rest| rest.get(..count.checked_mul(2)?)).ok_or(damaged)?;
        let mut entries = Vec::new();
        // Keys and values in turn.
        for pair in offsets.chunks_exact(4) {
            let at = self.order.u16(pair, 2).map(usize::from).ok_or(damaged)?;
            let entry = page.get(at..).ok_or(damaged)?;
            if entry.first() == Some(&3) {
                let first = self.order.u32(entry, 4).ok_or(damaged)?;
                entries.push((first, self.order.u32(entry, 8).ok_or(damaged)?));
            }
        }
        Ok(entries)
    }

    fn value(&mut self, first: u32, length: usize) -> Result<Vec<u8>, BdbError> {
        let mut value = Vec::new();
        let mut number = first;
        while value.len() < length {
            let page = self.page(number)?;
            let damaged = BdbError::Page(number);
            let used = usize::from(self.order.u16(&page, 22).ok_or(damaged)?);
            let part = page.get(26..).and_then(|rest| rest.get(..used)).ok_or(damaged)?;
            if page.get(25) != Some(&7) || part.is_empty() {
                return Err(damaged);
            }
            value.extend_from_slice(part);
            number = self.order.u32(&page, 16).ok_or(damaged)?;
        }
        value.truncate(length);
        Ok(value)
    }
}
