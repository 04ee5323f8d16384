//! Where a cluster of a qcow2 image lies: first-level table, second-level tables.

use std::sync::Arc;

use super::super::super::bytes::u64_be;
use super::super::super::disk::{Disk, DiskError, DiskResult};
use super::super::inflate::Form;
use super::super::mapped::{Map, Packed, Place, Run, coalesce, table_bytes};
use super::super::store::Store;
use super::header::Header;

/// Where an entry of either table points to.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;
const ZERO: u64 = 1;

/// Subclusters to a cluster, where there are any.
const SUBCLUSTERS: u64 = 32;

/// The tables.
#[derive(Debug)]
pub(super) struct ClusterMap {
    store: Store,
    data: Arc<dyn Disk>,
    external_data: bool,
    size: u64,
    version: u32,
    cluster_bits: u32,
    span: u64,
    l1_offset: u64,
    form: Form,
    extended: bool,
}

impl ClusterMap {
    pub(super) fn new(header: &Header, store: Store, data: Arc<dyn Disk>) -> Self {
        Self {
            store,
            data,
            external_data: header.external_data,
            size: header.size,
            version: header.version,
            cluster_bits: header.cluster_bits,
            span: header.span(),
            l1_offset: header.l1_offset,
            form: if header.zstd { Form::Zstd } else { Form::Deflate },
            extended: header.extended_l2,
        }
    }

    fn cluster(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// What an entry without subclusters says.
    fn cluster_place(&self, at: u64, entry: u64) -> DiskResult<Place> {
        if entry & COMPRESSED != 0 {
            return self.packed(at, entry);
        }
        if entry & ZERO != 0 && self.version >= 3 {
            return Ok(Place::Zero);
        }
        match entry & OFFSET {
            // In a file of its own, data may begin at its first byte.
            0 if !(self.external_data && entry & COPIED != 0) => Ok(Place::Parent),
            offset => self.aligned(at, offset),
        }
    }

    fn aligned(&self, at: u64, offset: u64) -> DiskResult<Place> {
        if offset.is_multiple_of(self.cluster()) {
            return Ok(Place::At(offset));
        }
        Err(DiskError::corrupt(at, "a cluster does not lie at a multiple of its size"))
    }

    /// A compressed cluster: where it begins, and how many further sectors it touches.
    fn packed(&self, at: u64, entry: u64) -> DiskResult<Place> {
        if self.external_data {
            return Err(DiskError::corrupt(at, "a compressed cluster beside a file of data"));
        }
        let bits = 62 - (self.cluster_bits - 8);
        let value = entry & (COMPRESSED - 1);
        let start = value & ((1 << bits) - 1);
        let length = ((value >> bits) + 1) * 512 - start % 512;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Place::Packed(Packed { at: start, length, form: self.form }))
    }

    /// What an entry with subclusters says of one of them.
    fn subcluster_place(&self, at: u64, entry: u64, bitmap: u64, number: u64) -> DiskResult<Place> {
        let (allocated, zero) = (bitmap >> number & 1 != 0, bitmap >> (number + 32) & 1 != 0);
        match (allocated, zero) {
            (true, true) => Err(DiskError::corrupt(at, "a subcluster is both data and zero")),
            (false, true) => Ok(Place::Zero),
            (false, false) => Ok(Place::Parent),
            (true, false) => match entry & OFFSET {
                0 if !self.external_data => Err(DiskError::corrupt(at, "a subcluster has data but no place")),
                offset => match self.aligned(at, offset)? {
                    Place::At(start) => Ok(Place::At(start + number * (self.cluster() / SUBCLUSTERS))),
                    other => Ok(other),
                },
            },
        }
    }

    fn run_of_clusters(&self, offset: u64, limit: u64, table: u64) -> DiskResult<Run> {
        let index = offset % self.span / self.cluster();
        let at = table.saturating_add(index * 8);
        let window = self.store.window(at, self.wanted(offset, limit, 8))?;
        let units = window.bytes().chunks_exact(8).map(|entry| {
            let entry = u64_be(entry, 0).unwrap_or(0);
            self.cluster_place(at, entry)
        });
        coalesce(offset, limit, self.cluster(), units)
    }

    fn run_of_subclusters(&self, offset: u64, limit: u64, table: u64) -> DiskResult<Run> {
        let index = offset % self.span / self.cluster();
        let at = table.saturating_add(index * 16);
        let window = self.store.window(at, self.wanted(offset, limit, 16))?;
        let mut entries = window
            .bytes()
            .chunks_exact(16)
            .map(|entry| (u64_be(entry, 0).unwrap_or(0), u64_be(entry, 8).unwrap_or(0)));
        let unit = self.cluster() / SUBCLUSTERS;
        let first = offset % self.cluster() / unit;
        if let Some((entry, _)) = entries.clone().next()
            && entry & COMPRESSED != 0
        {
            return coalesce(offset, limit, self.cluster(), [self.packed(at, entry)]);
        }
        let units =
            entries.by_ref().take_while(|(entry, _)| entry & COMPRESSED == 0).flat_map(|(entry, bitmap)| {
                (0..SUBCLUSTERS).map(move |number| self.subcluster_place(at, entry, bitmap, number))
            });
        coalesce(offset, limit, unit, units.skip(usize::try_from(first).unwrap_or(0)))
    }

    /// How many bytes of a second-level table to look at for `limit` bytes of disk.
    fn wanted(&self, offset: u64, limit: u64, entry: u64) -> usize {
        let left = (self.span - offset % self.span).div_ceil(self.cluster());
        table_bytes(offset, limit, self.cluster(), left, entry)
    }
}

impl Map for ClusterMap {
    fn size(&self) -> u64 {
        self.size
    }

    fn unit(&self) -> u64 {
        self.cluster()
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn data(&self) -> &Arc<dyn Disk> {
        &self.data
    }

    fn run(&self, offset: u64, limit: u64) -> DiskResult<Run> {
        let index = offset / self.span;
        let at = self.l1_offset.saturating_add(index * 8);
        let left = self.size.div_ceil(self.span).saturating_sub(index);
        let wanted = table_bytes(offset, limit, self.span, left, 8);
        let window = self.store.window(at, wanted)?;
        let mut entries = window.bytes().chunks_exact(8).map(|entry| u64_be(entry, 0).unwrap_or(0) & OFFSET);
        let table = entries.next().unwrap_or(0);
        if table == 0 {
            let empty = entries.take_while(|entry| *entry == 0).count();
            let more = u64::try_from(empty).unwrap_or(0).saturating_mul(self.span);
            let length = (self.span - offset % self.span).saturating_add(more);
            return Ok(Run { place: Place::Parent, length });
        }
        if !table.is_multiple_of(self.cluster()) {
            return Err(DiskError::corrupt(at, "a second-level table does not begin with a cluster"));
        }
        if self.extended {
            self.run_of_subclusters(offset, limit, table)
        } else {
            self.run_of_clusters(offset, limit, table)
        }
    }
}
