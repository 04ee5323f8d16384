//! Which clusters belong together, and which are free.
//!
//! Follows the "exFAT file system specification", sections 4 and 7.1. A file whose
//! clusters lie together has no chain in the table; what is free is told by a bitmap only.

use std::ops::ControlFlow;

use crate::source::bytes::u32_le;
use crate::source::disk::{DiskError, DiskResult, read_vec};
use crate::source::filesystem::clusters::{Next, add, cut_repeated, follow};
use crate::source::filesystem::{Piece, PieceSource};

use super::ExFat;

/// Values in the table.
const END: u32 = 0xffff_ffff;
const BAD: u32 = 0xffff_fff7;

const NO_BITMAP: &str = "the bitmap of clusters in use is missing or too short";

/// Bytes of the bitmap that are read at once.
const STEP: u64 = 32 << 10;

/// Where the content of a file or directory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allocation {
    /// Its first cluster.
    pub(super) first: u64,
    /// Its clusters lie together and are not in the table.
    pub(super) is_contiguous: bool,
    /// Bytes that are allocated.
    pub(super) length: u64,
}

impl ExFat {
    /// What the table says of a cluster.
    pub(super) fn next(&self, cluster: u64) -> DiskResult<Next> {
        let bytes = read_vec(&self.metadata, self.boot.table + cluster * 4, 4)?;
        Ok(match u32_le(&bytes, 0).unwrap_or(0) {
            END => Next::End,
            BAD => Next::Bad,
            next if self.boot.at(u64::from(next)).is_some() => Next::Cluster(u64::from(next)),
            _ => Next::Free,
        })
    }

    /// Gives the clusters of an allocation with their offsets.
    ///
    /// # Errors
    ///
    /// A chain that leads out of the volume, or to itself.
    pub(super) fn clusters(
        &self,
        allocation: Allocation,
        each: &mut dyn FnMut(u64, u64) -> DiskResult<ControlFlow<()>>,
    ) -> DiskResult<()> {
        let table = self.boot.table;
        let count = allocation.length.div_ceil(self.boot.cluster).min(self.boot.clusters);
        let next = |cluster: u64| {
            if allocation.is_contiguous {
                Ok(Next::Cluster(cluster.saturating_add(1)))
            } else {
                self.next(cluster)
            }
        };
        follow(allocation.first, count, &next, &mut |cluster| {
            let offset = self.boot.at(cluster);
            each(cluster, offset.ok_or_else(|| DiskError::corrupt(table, "a chain leads out of the volume"))?)
        })
        .map_err(|error| if error.offset == 0 { DiskError { offset: table, ..error } } else { error })
    }

    /// The stored pieces of an allocation, as far as they are there; how many bytes they
    /// are, and what is wrong where that is less than it should be.
    pub(super) fn pieces(&self, allocation: Allocation) -> (Vec<Piece>, u64, Option<DiskError>) {
        let cluster = self.boot.cluster;
        let mut pieces = Vec::new();
        let count = allocation.length.div_ceil(cluster);
        if count == 0 {
            return (pieces, 0, None);
        }
        if let Some(offset) = self.boot.run(allocation.first, count).filter(|_| allocation.is_contiguous) {
            add(&mut pieces, 0, count * cluster, offset);
            return (pieces, count * cluster, None);
        }
        let mut at = 0;
        let followed = self.clusters(allocation, &mut |_, offset| {
            add(&mut pieces, at, cluster, offset);
            at += cluster;
            Ok(ControlFlow::Continue(()))
        });
        let at = cut_repeated(&mut pieces).unwrap_or(at);
        (pieces, at, followed.err())
    }

    /// Whether a cluster is free.
    pub(super) fn is_free(&self, cluster: u64) -> DiskResult<bool> {
        let bit = cluster.saturating_sub(2);
        let at = bit / 8;
        let none = || DiskError::corrupt(self.boot.data, NO_BITMAP);
        let after = self.bitmap.partition_point(|piece| piece.at <= at);
        let piece = after.checked_sub(1).and_then(|index| self.bitmap.get(index)).ok_or_else(none)?;
        let PieceSource::Stored(place) = piece.source else { return Err(none()) };
        let within = at - piece.at;
        if within >= piece.length {
            return Err(none());
        }
        let byte = read_vec(&self.metadata, place.offset + within, 1)?;
        Ok(byte.first().is_some_and(|byte| byte >> (bit % 8) & 1 == 0))
    }

    /// Gives the numbers of all free clusters.
    pub(super) fn free_clusters(
        &self,
        each: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> DiskResult<ControlFlow<()>> {
        let length = self.boot.clusters.div_ceil(8);
        let mut at = 0;
        for piece in &self.bitmap {
            let PieceSource::Stored(place) = piece.source else { break };
            let end = piece.length.min(length.saturating_sub(at));
            let mut within = 0;
            while within < end {
                let step = (end - within).min(STEP);
                let bytes =
                    read_vec(&self.metadata, place.offset + within, usize::try_from(step).unwrap_or(0))?;
                for (byte, number) in bytes.iter().zip((at * 8 + 2..).step_by(8)) {
                    if *byte == 0xff {
                        continue;
                    }
                    for bit in (0..8).filter(|bit| byte >> bit & 1 == 0) {
                        if each(number + bit).is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                }
                (within, at) = (within + step, at + step);
            }
        }
        if at < length {
            return Err(DiskError::corrupt(self.boot.data, NO_BITMAP));
        }
        Ok(ControlFlow::Continue(()))
    }
}
