//! The bytes of extents, held against the checksums that are kept for them; what
//! is wrong in one copy is read from another.
//!
//! Specification: Btrfs documentation, "Checksumming" and "On-disk Format",
//! section "Checksum item". Data without checksums is legal.

use std::ops::ControlFlow;

use super::key::{Key, kind, object};
use super::overlay::Tree;
use super::volume::{Volume, long, size};
use crate::source::disk::{DiskError, DiskResult};

/// The largest sector.
const MAX_SECTOR: usize = 65536;

/// Fills `bytes` with what lies at an address.
pub(super) fn read(
    volume: &Volume,
    checksums: Option<&Tree>,
    bytes: &mut [u8],
    logical: u64,
) -> DiskResult<()> {
    let sector = size(volume.superblock.sector).clamp(1, MAX_SECTOR);
    let mut rest = bytes;
    let mut at = logical;
    while !rest.is_empty() {
        let skip = size(at % long(sector));
        let (part, whole) = if skip == 0 && rest.len() >= sector {
            (rest.len() - rest.len() % sector, true)
        } else {
            ((sector - skip).min(rest.len()), false)
        };
        let Some((here, after)) = std::mem::take(&mut rest).split_at_mut_checked(part) else { break };
        if whole {
            sectors(volume, checksums, here, at)?;
        } else {
            let mut buffer = vec![0; sector];
            sectors(volume, checksums, &mut buffer, at - long(skip))?;
            if let Some(from) = buffer.get(skip..skip + part) {
                here.copy_from_slice(from);
            }
        }
        rest = after;
        at = at.checked_add(long(part)).ok_or_else(|| DiskError::corrupt(at, "an address is too large"))?;
    }
    Ok(())
}

/// Fills `bytes`, whole sectors, and verifies them.
fn sectors(volume: &Volume, checksums: Option<&Tree>, bytes: &mut [u8], logical: u64) -> DiskResult<()> {
    let sector = size(volume.superblock.sector);
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = logical.saturating_add(long(filled));
        let run = volume.run(at, long(rest.len()))?;
        let length = size(run.length).min(rest.len());
        let Some(part) = rest.get_mut(..length) else { break };
        let first = run.copies.first().copied();
        let read = first.map(|place| volume.read_place(part, place));
        if !matches!(read, Some(Ok(()))) {
            // One sector after another, each from where it can be read.
            for (number, one) in part.chunks_mut(sector).enumerate() {
                other_copy(volume, one, at.saturating_add(long(number * sector)), None)?;
            }
        }
        filled += length.max(1);
    }
    let Some(checksums) = checksums else { return Ok(()) };
    verify(volume, checksums, bytes, logical)
}

/// Holds sectors against their checksums, as far as there are some.
fn verify(volume: &Volume, checksums: &Tree, bytes: &mut [u8], logical: u64) -> DiskResult<()> {
    let end = logical.saturating_add(long(bytes.len()));
    let key = |at| Key::new(object::CHECKSUMS, kind::CHECKSUM, at);
    // Data whose checksums cannot be read is still data.
    let untold = |mut error: DiskError| {
        error.message = format!("checksums of data cannot be read: {}", error.message).into();
        volume.problems.add(error);
    };
    let before = volume.find_before(checksums, key(logical)).map_err(untold).ok().flatten();
    let mut covered = logical;
    if let Some(found) = before.filter(|found| found.key >= key(0)) {
        covered = verify_by(volume, found.key.offset, found.item(), bytes, logical)?;
    }
    if covered >= end {
        return Ok(());
    }
    let mut wrong = Ok(());
    let range = (key(logical.saturating_add(1)), key(end - 1));
    let told = volume.scan(checksums, range, &mut |key, item| {
        wrong = verify_by(volume, key.offset, item, bytes, logical).map(|_| ());
        Ok(if wrong.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    });
    if let Err(error) = told {
        untold(error);
    }
    wrong
}

/// Verifies what one item has checksums for; returns where that ends.
fn verify_by(volume: &Volume, start: u64, item: &[u8], bytes: &mut [u8], logical: u64) -> DiskResult<u64> {
    let checksum = volume.superblock.checksum;
    let sector = size(volume.superblock.sector);
    // The one of the two that begins first is gone into.
    let sums = size(logical.saturating_sub(start) / long(sector));
    let skip = size(start.saturating_sub(logical));
    let sums = item.get(sums.saturating_mul(checksum.size())..).unwrap_or_default();
    let mut end = logical.max(start);
    let bytes = bytes.get_mut(skip..).unwrap_or_default();
    for (one, sum) in bytes.chunks_exact_mut(sector).zip(sums.chunks_exact(checksum.size())) {
        if !checksum.holds(one, sum) {
            other_copy(volume, one, end, Some(sum))?;
        }
        end = end.saturating_add(long(sector));
    }
    Ok(end)
}

/// Fills a sector from whichever copy can be read and has the right checksum.
fn other_copy(volume: &Volume, bytes: &mut [u8], logical: u64, sum: Option<&[u8]>) -> DiskResult<()> {
    let run = volume.run(logical, long(bytes.len()))?;
    let mut wrong = None;
    for place in run.copies {
        let read = volume.read_place(bytes, place).and_then(|()| {
            let right = sum.is_none_or(|sum| volume.superblock.checksum.holds(bytes, sum));
            let message = "the checksum of data is wrong";
            if right { Ok(()) } else { Err(DiskError::corrupt(place.offset, message)) }
        });
        match read {
            Ok(()) => {
                if let Some(error) = wrong {
                    volume.count_other(error);
                }
                return Ok(());
            }
            Err(error) => {
                wrong.get_or_insert(error);
            }
        }
    }
    Err(wrong.unwrap_or_else(|| DiskError::corrupt(logical, "data lies nowhere")))
}
