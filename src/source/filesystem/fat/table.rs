//! The table that names for each cluster the one that follows it.
//!
//! Follows "Microsoft FAT Specification", section 4.

use std::ops::ControlFlow;

use crate::source::bytes::{u16_le, u32_le};
use crate::source::disk::{DiskError, DiskResult, read_vec};
use crate::source::filesystem::clusters::{Next, follow};

use super::Fat;
use super::boot::Width;

impl Fat {
    /// What the table says of a cluster. Where it cannot be read, a copy of it is.
    pub(super) fn next(&self, cluster: u64) -> DiskResult<Next> {
        let boot = &self.boot;
        let place = match boot.width {
            Width::Twelve => cluster + cluster / 2,
            Width::Sixteen => cluster * 2,
            Width::ThirtyTwo => cluster * 4,
        };
        let length = if boot.width == Width::ThirtyTwo { 4 } else { 2 };
        let mut read = read_vec(&self.metadata, boot.table + place, length);
        for copy in 1..boot.tables {
            let Err(error) = &read else { break };
            self.problems.add(error.clone());
            read = read_vec(&self.metadata, boot.table + copy * boot.table_size + place, length);
        }
        let bytes = read?;
        let (value, first_special) = match boot.width {
            Width::Twelve => {
                let pair = u16_le(&bytes, 0).map_or(0, u64::from);
                (if cluster % 2 == 1 { pair >> 4 } else { pair & 0xfff }, 0xff7)
            }
            Width::Sixteen => (u16_le(&bytes, 0).map_or(0, u64::from), 0xfff7),
            Width::ThirtyTwo => (u32_le(&bytes, 0).map_or(0, u64::from) & 0x0fff_ffff, 0x0fff_fff7),
        };
        Ok(match value {
            0 => Next::Free,
            _ if value == first_special => Next::Bad,
            _ if value > first_special => Next::End,
            _ => Next::Cluster(value),
        })
    }

    /// Gives the clusters of a chain with their offsets, at most `most` of them.
    ///
    /// # Errors
    ///
    /// A chain that leads out of the volume, into free clusters, or to itself.
    pub(super) fn chain(
        &self,
        first: u64,
        most: u64,
        each: &mut dyn FnMut(u64, u64) -> DiskResult<ControlFlow<()>>,
    ) -> DiskResult<()> {
        let table = self.boot.table;
        follow(first, most, &|cluster| self.next(cluster), &mut |cluster| {
            let offset = self.boot.at(cluster);
            each(cluster, offset.ok_or_else(|| DiskError::corrupt(table, "a chain leads out of the volume"))?)
        })
        .map_err(|error| if error.offset == 0 { DiskError { offset: table, ..error } } else { error })
    }
}
