//! The write-ahead log: pages that are not in the database yet.
//!
//! Facts: section 4 of the file format. A frame counts where its salts are those of the
//! log's header, the sums over all frames up to it are right, and a frame that ends a
//! transaction follows or is it. The last such frame of a page holds the page. Frames of
//! the log's last use but one may follow: their salts are others.

use std::collections::HashMap;

use super::ReadPages;
use super::page::be32;

const HEADER: usize = 32;
const FRAME: usize = 24;
/// The most frames that are read: 4 GiB of pages of 4 KiB.
const MAX_FRAMES: u64 = 1 << 20;

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Bytes of a page.
    pub page_size: u32,
    /// Pages of the database after the last transaction.
    pub pages: u32,
    /// Where the newest content of each page begins in the log.
    pub newest: HashMap<u32, u64>,
    /// There are more frames than are read.
    pub cut: bool,
}

/// Whether a content that begins so is such a log.
#[must_use]
pub fn is_log(start: &[u8]) -> bool {
    order(start).is_some()
}

/// Byte order of the sums, and the size of a page.
fn order(header: &[u8]) -> Option<(bool, u32)> {
    let big = match be32(header, 0)? {
        0x377f_0682 => false,
        0x377f_0683 => true,
        _ => return None,
    };
    let size = be32(header, 8).filter(|size| size.is_power_of_two() && (512..=65_536).contains(size))?;
    (be32(header, 4)? == 3_007_000).then_some((big, size))
}

/// The sum over eight bytes at a time.
fn sum(bytes: &[u8], big: bool, (mut one, mut other): (u32, u32)) -> (u32, u32) {
    let read = if big { u32::from_be_bytes } else { u32::from_le_bytes };
    let (words, _) = bytes.as_chunks::<4>();
    for pair in words.chunks_exact(2) {
        let [first, second] = pair else { break };
        one = one.wrapping_add(read(*first)).wrapping_add(other);
        other = other.wrapping_add(read(*second)).wrapping_add(one);
    }
    (one, other)
}

impl Log {
    /// Reads a log of `length` bytes; `None` where its header is damaged.
    pub fn read(reader: &mut dyn ReadPages, length: u64) -> Option<Self> {
        let mut header = [0; HEADER];
        if !reader.read(0, &mut header) {
            return None;
        }
        let (big, page_size) = order(&header)?;
        let mut log = Self { page_size, ..Self::default() };
        let mut sums = sum(header.get(..24)?, big, (0, 0));
        if (be32(&header, 24)?, be32(&header, 28)?) != sums {
            return None;
        }
        let salts = header.get(16..24)?;
        let size = usize::try_from(page_size).ok()?.saturating_add(FRAME);
        let mut frame = vec![0; size];
        let step = super::widen(size);
        let mut at = super::widen(HEADER);
        // Of the transaction that is read: its pages.
        let mut open: Vec<(u32, u64)> = Vec::new();
        let mut left = MAX_FRAMES;
        while at.saturating_add(step) <= length && reader.read(at, &mut frame) {
            let (head, page) = frame.split_at_checked(FRAME)?;
            sums = sum(page, big, sum(head.get(..8)?, big, sums));
            if head.get(8..16)? != salts || (be32(head, 16)?, be32(head, 20)?) != sums {
                break;
            }
            log.cut = left == 0;
            if log.cut {
                break;
            }
            left = left.saturating_sub(1);
            open.push((be32(head, 0)?, at.saturating_add(super::widen(FRAME))));
            let pages = be32(head, 4)?;
            if pages > 0 {
                log.pages = pages;
                log.newest.extend(open.drain(..));
            }
            at = at.saturating_add(step);
        }
        Some(log)
    }

    /// Where an offset of the database lies in the log, if its page is there.
    #[must_use]
    pub fn place(&self, offset: u64) -> Option<u64> {
        let size = u64::from(self.page_size);
        let number = u32::try_from(offset.checked_div(size)?.checked_add(1)?).ok()?;
        self.newest.get(&number)?.checked_add(offset.checked_rem(size)?)
    }
}

/// A database with its log over it.
#[derive(Debug)]
pub struct Overlaid<'l, D, L> {
    /// The database as it is without; there may be none yet.
    pub database: Option<D>,
    /// What the log is read from.
    pub reader: L,
    /// The log.
    pub log: &'l Log,
}

impl<D: ReadPages, L: ReadPages> ReadPages for Overlaid<'_, D, L> {
    fn read(&mut self, offset: u64, page: &mut [u8]) -> bool {
        match self.log.place(offset) {
            Some(place) => self.reader.read(place, page),
            None => self.database.as_mut().is_some_and(|database| database.read(offset, page)),
        }
    }
}
