//! Transactions: operations of the records, put together to items.
//!
//! An operation belongs to a transaction by its number. It gives a region of an item, or
//! a part of a region that went on in the next record.

use std::collections::BTreeMap;

use crate::source::bytes::{u8_at, u16_le, u32_be};
use crate::source::disk::{DiskError, DiskResult};

/// Flags of an operation: the first of its transaction; the last, which commits it; a
/// region that goes on in another operation; one that went on and still does not end;
/// the filesystem was unmounted.
const START: u8 = 0x01;
const COMMIT: u8 = 0x02;
const CONTINUE: u8 = 0x04;
const WAS_CONTINUED: u8 = 0x08;
const UNMOUNT: u8 = 0x20;

/// Bytes of the header of an operation, and of that of a transaction, which is its first
/// region.
const OPERATION: usize = 12;
const TRANSACTION: usize = 16;

/// "TRAN"; as the machine stores it.
const MAGIC: &[u8; 4] = b"NART";

/// The most bytes that transactions which are not committed may have.
const MAX_PENDING: usize = 128 << 20;

/// What a region costs beside its bytes.
const REGION: usize = 64;

/// A change: the first region says of what, the others what it is now.
pub(super) type Item = Vec<Vec<u8>>;

/// A transaction that was committed, or is not yet.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// The number of the record in which it begins.
    pub(super) lsn: u64,
    /// What it changes.
    pub(super) items: Vec<Item>,
    header: Vec<u8>,
    bytes: usize,
}

/// Puts transactions together.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    pending: BTreeMap<u32, Transaction>,
    bytes: usize,
}

impl Assembly {
    /// Takes the bytes of a record; gives each transaction that it commits.
    pub(super) fn record(
        &mut self,
        (lsn, offset, operations): (u64, u64, u32),
        data: &[u8],
        each: &mut dyn FnMut(Transaction) -> DiskResult<()>,
    ) -> DiskResult<()> {
        let wrong = || DiskError::corrupt(offset, "an operation in the log makes no sense");
        let mut rest = data;
        for _ in 0..operations {
            if rest.is_empty() {
                break;
            }
            let number = u32_be(rest, 0).ok_or_else(wrong)?;
            let length = u32_be(rest, 4).and_then(|length| usize::try_from(length).ok()).ok_or_else(wrong)?;
            let flags = u8_at(rest, 9).ok_or_else(wrong)?;
            let region = rest.get(OPERATION..).and_then(|rest| rest.get(..length)).ok_or_else(wrong)?;
            rest = rest.get(OPERATION + length..).unwrap_or_default();
            if flags & START != 0 {
                self.remove(number);
                self.pending.insert(number, Transaction { lsn, ..Transaction::default() });
                self.bytes += REGION;
            } else if flags & COMMIT != 0 {
                // One that began before the records that are still needed is on the disk.
                if let Some(transaction) = self.remove(number) {
                    each(transaction)?;
                }
            } else if flags & UNMOUNT != 0 {
                self.remove(number);
            } else if let Some(transaction) = self.pending.get_mut(&number) {
                let added = transaction.add(region, flags).ok_or_else(wrong)?;
                self.bytes += added;
            }
            if self.bytes > MAX_PENDING {
                return Err(DiskError::over_budget(
                    offset,
                    "transactions in the log are larger than is replayed",
                ));
            }
        }
        Ok(())
    }

    fn remove(&mut self, number: u32) -> Option<Transaction> {
        let transaction = self.pending.remove(&number)?;
        self.bytes = self.bytes.saturating_sub(transaction.bytes + REGION);
        Some(transaction)
    }
}

impl Transaction {
    /// Adds a region, or a part of one; returns what it costs. `None` where there is no
    /// place for it.
    fn add(&mut self, region: &[u8], flags: u8) -> Option<usize> {
        let cost = region.len() + REGION;
        self.bytes += cost;
        if self.header.len() < TRANSACTION {
            self.header.extend_from_slice(region);
            let is_header = self.header.len() <= TRANSACTION
                && (self.header.len() < MAGIC.len() || self.header.starts_with(MAGIC));
            return is_header.then_some(cost);
        }
        if flags & WAS_CONTINUED != 0 {
            self.items.last_mut()?.last_mut()?.extend_from_slice(region);
            return Some(cost);
        }
        if region.is_empty() && flags & CONTINUE == 0 {
            return Some(cost);
        }
        match self.items.last_mut().filter(|item| item.len() < regions(item)) {
            Some(item) => item.push(region.to_vec()),
            None => self.items.push(vec![region.to_vec()]),
        }
        Some(cost)
    }
}

/// How many regions an item has, by its first; at least that one.
fn regions(item: &Item) -> usize {
    item.first().and_then(|first| u16_le(first, 2)).map_or(1, usize::from)
}

/// What an item is, by its first region.
pub(super) fn kind(item: &Item) -> u16 {
    item.first().and_then(|first| u16_le(first, 0)).unwrap_or(0)
}
