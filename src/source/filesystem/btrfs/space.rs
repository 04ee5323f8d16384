//! Space that nothing uses: of each device what no chunk has, and of each chunk
//! what no extent has.
//!
//! Specification: Btrfs documentation, "On-disk Format", sections "Extent item"
//! and "Metadata item".

use std::ops::{ControlFlow, Range};

use super::chunk::{Chunk, STRIPE_LENGTH, Stripe};
use super::key::{Key, kind};
use super::overlay::Tree;
use super::superblock;
use super::volume::Volume;
use crate::source::disk::DiskResult;

/// Ranges that are told one by one, joined and in order.
pub(super) struct Ranges<'e> {
    disk: u16,
    last: Range<u64>,
    each: &'e mut dyn FnMut(u16, Range<u64>) -> ControlFlow<()>,
}

impl Ranges<'_> {
    /// Adds a range, without the places that are kept for superblocks.
    fn add(&mut self, range: Range<u64>) -> ControlFlow<()> {
        let mut at = range.start;
        for kept in superblock::OFFSETS {
            let after = kept.saturating_add(superblock::RESERVED);
            if kept < range.end && after > at {
                self.join(at..kept)?;
                at = after;
            }
        }
        self.join(at..range.end)
    }

    fn join(&mut self, range: Range<u64>) -> ControlFlow<()> {
        if range.start >= range.end {
            return ControlFlow::Continue(());
        }
        if self.last.end == range.start {
            self.last.end = range.end;
            return ControlFlow::Continue(());
        }
        let told = self.flush();
        self.last = range;
        told
    }

    fn flush(&mut self) -> ControlFlow<()> {
        let last = std::mem::take(&mut self.last);
        if last.is_empty() { ControlFlow::Continue(()) } else { (self.each)(self.disk, last) }
    }
}

/// Gives the free ranges of all devices, device after device.
///
/// # Errors
///
/// Where the extents of a chunk cannot be told; nothing of it has been given then.
pub(super) fn free(
    volume: &Volume,
    extents: DiskResult<Tree>,
    each: &mut dyn FnMut(u16, Range<u64>) -> ControlFlow<()>,
) -> DiskResult<()> {
    let mut failed = None;
    let extents = extents.map_err(|error| failed = Some(error)).ok();
    let mut devices: Vec<_> = volume.devices.iter().collect();
    devices.sort_by_key(|(_, device)| device.disk);
    for ((id, uuid), device) in devices {
        let own = |stripe: &Stripe| stripe.device == *id && stripe.uuid == *uuid;
        let of = |chunk| stripes_of(chunk, own);
        let mut used: Vec<(u64, &Chunk, usize)> = volume.chunks.all().flat_map(of).collect();
        used.sort_unstable_by_key(|(offset, ..)| *offset);
        let mut ranges = Ranges { disk: device.disk, last: 0..0, each: &mut *each };
        let mut at = 0;
        for (offset, chunk, stripe) in used {
            if ranges.add(at..offset.min(device.size)).is_break() {
                return Ok(());
            }
            let end = offset.saturating_add(chunk.stripe_size());
            let told = extents
                .as_ref()
                .filter(|_| offset >= at && end <= device.size)
                .map(|extents| free_of(volume, extents, chunk, stripe, offset, &mut ranges));
            match told {
                Some(Ok(ControlFlow::Break(()))) => return Ok(()),
                Some(Err(error)) => {
                    failed.get_or_insert(error);
                }
                Some(Ok(ControlFlow::Continue(()))) | None => {}
            }
            at = at.max(end);
        }
        if ranges.add(at..device.size).is_break() || ranges.flush().is_break() {
            return Ok(());
        }
    }
    failed.map_or(Ok(()), Err)
}

/// The stripes of a chunk that lie on a device: where, and which of them.
fn stripes_of<'c>(
    chunk: &'c Chunk,
    own: impl Fn(&Stripe) -> bool + 'c,
) -> impl Iterator<Item = (u64, &'c Chunk, usize)> {
    let stripes = chunk.stripes.iter().enumerate().filter(move |(_, stripe)| own(stripe));
    stripes.map(move |(number, stripe)| (stripe.offset, chunk, number))
}

/// Of a stripe what no extent has.
fn free_of(
    volume: &Volume,
    extents: &Tree,
    chunk: &Chunk,
    stripe: usize,
    offset: u64,
    ranges: &mut Ranges<'_>,
) -> DiskResult<ControlFlow<()>> {
    let used = used(volume, extents, chunk)?;
    let free = |from: u64, to: u64| {
        let first = used.partition_point(|range| range.end <= from);
        let mut at = from;
        let mut free = Vec::new();
        for range in used.get(first..).unwrap_or_default() {
            if range.start >= to {
                break;
            }
            free.push(at..range.start.max(at));
            at = at.max(range.end);
        }
        free.push(at..to.max(at));
        free
    };
    if chunk.is_copied() {
        for range in free(chunk.start, chunk.start.saturating_add(chunk.length)) {
            let place = |at: u64| offset.saturating_add(at - chunk.start);
            if ranges.add(place(range.start)..place(range.end)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        return Ok(ControlFlow::Continue(()));
    }
    // Row by row; which addresses are in this stripe of a row is asked, since it
    // differs from row to row.
    let rows = chunk.stripe_size() / STRIPE_LENGTH;
    for row in 0..rows {
        let here = offset.saturating_add(row * STRIPE_LENGTH);
        let columns = (0..chunk.columns()).map(|column| {
            let number = row.saturating_mul(chunk.columns()).saturating_add(column);
            chunk.start.saturating_add(number.saturating_mul(STRIPE_LENGTH))
        });
        let mut logical = columns.filter(|at| {
            let located = chunk.locate(*at);
            let number = chunk.stripes.get(stripe);
            located.stripes.iter().any(|one| Some(one) == number)
        });
        // None: the parity of the row.
        let Some(logical) = logical.next() else { continue };
        for range in free(logical, logical.saturating_add(STRIPE_LENGTH)) {
            let place = |at: u64| here.saturating_add(at - logical);
            if ranges.add(place(range.start)..place(range.end)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// What extents of a chunk are in use, joined and in order.
fn used(volume: &Volume, extents: &Tree, chunk: &Chunk) -> DiskResult<Vec<Range<u64>>> {
    let mut used: Vec<Range<u64>> = Vec::new();
    let last = chunk.start.saturating_add(chunk.length - 1);
    let range = (Key::new(chunk.start, 0, 0), Key::new(last, u8::MAX, u64::MAX));
    volume.scan(extents, range, &mut |key, _| {
        let length = match key.kind {
            kind::EXTENT => key.offset,
            kind::METADATA => u64::from(volume.superblock.node),
            _ => return Ok(ControlFlow::Continue(())),
        };
        let end = key.object.saturating_add(length);
        match used.last_mut() {
            Some(before) if before.end >= key.object => before.end = before.end.max(end),
            _ => used.push(key.object..end),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(used)
}

/// Whether any extent has a part of a range.
pub(super) fn is_used(volume: &Volume, extents: &Tree, range: &Range<u64>) -> DiskResult<bool> {
    let mut below = range.end;
    // Extents do not overlap, so that the last one before the end tells. Behind it
    // may stand its references, and a block group that begins there.
    for _ in 0..4 {
        let Some(object) = below.checked_sub(1) else { break };
        let found = volume.find_before(extents, Key::new(object, kind::METADATA, u64::MAX))?;
        let Some(found) = found else { break };
        let length = match found.key.kind {
            kind::EXTENT => found.key.offset,
            kind::METADATA => u64::from(volume.superblock.node),
            _ => {
                below = found.key.object.saturating_add(u64::from(found.key.object < object));
                continue;
            }
        };
        return Ok(found.key.object.saturating_add(length) > range.start);
    }
    Ok(false)
}
