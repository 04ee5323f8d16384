//! All records of the $MFT, in order.

use std::ops::ControlFlow;

use super::record::Record;
use super::runs;
use super::volume::Volume;
use crate::source::bytes::array;
use crate::source::disk::{DiskError, DiskResult};

/// Bytes that are read at a time.
const STEP: u64 = 1 << 20;

/// Gives every record that has a head; what is damaged is counted.
///
/// # Errors
///
/// A part of the $MFT that cannot be read; the records after it have been given.
pub(super) fn records(volume: &Volume, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> DiskResult<()> {
    let size = volume.boot.record_size;
    let mut failed = Ok(());
    let mut bytes = Vec::new();
    let mut number = 0;
    while number < volume.records() {
        let skipped = stored_from(volume, number.saturating_mul(size)).unwrap_or(u64::MAX);
        let first = skipped.checked_div(size).unwrap_or(u64::MAX).max(number);
        let count = volume.records().saturating_sub(first).min(STEP.checked_div(size).unwrap_or(0));
        if count == 0 {
            break;
        }
        bytes.resize(usize::try_from(count.saturating_mul(size)).unwrap_or(0), 0);
        match volume.read_mapped(volume.mft_runs(), &mut bytes, first.saturating_mul(size)) {
            Ok(_) => {
                let records = bytes.chunks_exact(usize::try_from(size).unwrap_or(usize::MAX));
                for (record, number) in records.zip(first..) {
                    if give(volume, record, number, each).is_break() {
                        return failed;
                    }
                }
            }
            // One by one around what cannot be read.
            Err(error) => {
                for number in first..first.saturating_add(count) {
                    if let Ok(record) = volume.record(number)
                        && each(record).is_break()
                    {
                        return failed;
                    }
                }
                failed = Err(error);
            }
        }
        number = first.saturating_add(count);
    }
    failed
}

fn give(
    volume: &Volume,
    record: &[u8],
    number: u64,
    each: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> ControlFlow<()> {
    // Records that were never used may hold anything.
    if array(record, 0) != Some(*b"FILE") {
        return ControlFlow::Continue(());
    }
    let at = number.saturating_mul(volume.boot.record_size);
    let offset = place(volume, at).map_or(0, |(offset, _)| offset);
    match Record::parse(number, offset, record.to_vec()) {
        Ok(record) => each(record),
        Err(message) => {
            volume.problems.add(DiskError::corrupt(offset, message));
            ControlFlow::Continue(())
        }
    }
}

/// Where a byte of the $MFT lies on the disk, and how many follow it there.
fn place(volume: &Volume, at: u64) -> Option<(u64, u64)> {
    let cluster = volume.boot.cluster_size;
    let run = runs::find(volume.mft_runs(), at.checked_div(cluster)?)?;
    let within = at.checked_sub(run.vcn.checked_mul(cluster)?)?;
    let offset = volume.byte_of(run.lcn?).checked_add(within)?;
    Some((offset, run.length.checked_mul(cluster)?.checked_sub(within)?))
}

/// The first byte of the $MFT from `at` on that the disk stores: an image with holes
/// may claim to have an $MFT of terabytes. `None` where only holes follow.
fn stored_from(volume: &Volume, mut at: u64) -> Option<u64> {
    let [disk] = &volume.disks;
    loop {
        let Some((offset, left)) = place(volume, at) else {
            // A hole in the $MFT itself.
            let cluster = volume.boot.cluster_size;
            let vcn = at.checked_div(cluster)?;
            let after = volume.mft_runs().partition_point(|run| run.vcn <= vcn);
            at = volume.mft_runs().get(after)?.vcn.checked_mul(cluster)?;
            continue;
        };
        match disk.next_data(offset) {
            Ok(Some(data)) if data.start < offset.saturating_add(left) => {
                return at.checked_add(data.start.saturating_sub(offset));
            }
            Ok(_) => at = at.checked_add(left)?,
            Err(_) => return Some(at),
        }
    }
}
