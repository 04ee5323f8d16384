//! The partition table of a master boot record.
//!
//! Format: UEFI Specification 2.10 §5.2.1 and §5.2.3 (legacy and protective MBR);
//! for logical partitions the chain of extended boot records as the Linux kernel's
//! `block/partitions/msdos.c` reads it.

use std::collections::BTreeSet;

use crate::source::bytes::{array, u8_at, u32_le};
use crate::source::disk::{Disk, DiskError, read_vec};

/// The most logical partitions that are read: Linux, too, stops at 256 in all.
const MAX_LOGICAL: usize = 256;

/// The type of the entry that keeps others off a disk with a GPT.
pub(super) const PROTECTIVE: u8 = 0xee;
/// The type of the partitions of a Windows dynamic disk.
pub(super) const DYNAMIC: u8 = 0x42;

/// An entry of the table: numbers are in sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// From 1; logical partitions from 5.
    pub(super) number: u32,
    /// What the entry says it holds.
    pub(super) kind: u8,
    /// Where it begins.
    pub(super) start: u64,
    /// How long it is.
    pub(super) length: u64,
}

impl Entry {
    /// Whether it holds further partitions.
    pub(super) fn is_extended(&self) -> bool {
        matches!(self.kind, 0x05 | 0x0f | 0x85)
    }
}

/// The four entries of a boot record's sector, those that are not empty. `None`
/// where it is none: no mark at its end, or a state that only code would have.
pub(super) fn entries(sector: &[u8]) -> Option<Vec<Entry>> {
    if array(sector, 510) != Some([0x55, 0xaa]) {
        return None;
    }
    let mut found = Vec::new();
    for number in 1..=4_u32 {
        let at = 446 + 16 * usize::try_from(number - 1).ok()?;
        if u8_at(sector, at)? & 0x7f != 0 {
            return None;
        }
        let kind = u8_at(sector, at + 4)?;
        let (start, length) = (u32_le(sector, at + 8)?, u32_le(sector, at + 12)?);
        if kind != 0 && length != 0 {
            found.push(Entry { number, kind, start: start.into(), length: length.into() });
        }
    }
    Some(found)
}

/// The logical partitions in an extended one, numbered from 5, by the chain of its
/// boot records. A chain that comes back to a record or does not end is cut there.
pub(super) fn logical(
    disk: &dyn Disk,
    extended: &Entry,
    sector_size: u64,
    errors: &mut Vec<DiskError>,
) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut record = extended.start;
    let mut number = 5;
    loop {
        let offset = record.saturating_mul(sector_size);
        if !seen.insert(record) {
            errors.push(DiskError::corrupt(offset, "the chain of logical partitions comes back to itself"));
            return found;
        }
        if seen.len() > MAX_LOGICAL {
            errors.push(DiskError::over_budget(offset, "more logical partitions than are read"));
            return found;
        }
        let sector = match read_vec(disk, offset, 512) {
            Ok(sector) => sector,
            Err(error) => {
                errors.push(error);
                return found;
            }
        };
        let Some(entries) = entries(&sector) else {
            errors.push(DiskError::corrupt(offset, "not a record of logical partitions"));
            return found;
        };
        let mut next = None;
        for entry in entries {
            if entry.is_extended() {
                next = next.or(Some(extended.start.saturating_add(entry.start)));
            } else {
                found.push(Entry { number, start: record.saturating_add(entry.start), ..entry });
                number += 1;
            }
        }
        let Some(next) = next else { return found };
        record = next;
    }
}
