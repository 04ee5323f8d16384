//! The boot sector: where things are.
//!
//! Follows "Microsoft FAT Specification" (2005), sections 3 and 6. Which of the three
//! kinds it is follows from the count of clusters, but that one without a length of 16
//! bits for its table is FAT32 however small it is, as drivers have it.

use crate::source::bytes::{array, u8_at, u16_le, u32_le};
use crate::source::disk::{Disk, read_vec};

/// Bytes of a boot sector that are read.
const LENGTH: usize = 512;

/// Where FAT32 keeps a copy of it, in sectors.
const COPY: u64 = 6;

/// The most clusters of the smaller kinds.
const MAX_FAT12: u64 = 4084;
const MAX_FAT16: u64 = 65_524;
const MAX_FAT32: u64 = 0x0fff_fff5;

/// Bits of an entry of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Twelve,
    Sixteen,
    ThirtyTwo,
}

/// What the boot sector says, checked.
#[derive(Clone, Debug)]
pub(super) struct Boot {
    pub(super) width: Width,
    /// Bytes of a cluster.
    pub(super) cluster: u64,
    /// Clusters; the first has the number 2.
    pub(super) clusters: u64,
    /// Offset of the first cluster.
    pub(super) data: u64,
    /// Offset of the table in use, and bytes of each; how many there are.
    pub(super) table: u64,
    pub(super) table_size: u64,
    pub(super) tables: u64,
    /// Offset of the root directory of FAT12 and FAT16, and its bytes.
    pub(super) root: u64,
    pub(super) root_size: u64,
    /// The first cluster of the root directory of FAT32.
    pub(super) root_cluster: u64,
    /// Bytes of the whole.
    pub(super) size: u64,
    /// The volume was not unmounted.
    pub(super) is_dirty: bool,
    /// Serial number and label, where they are.
    pub(super) serial: Option<u32>,
    pub(super) label: Option<[u8; 11]>,
}

impl Boot {
    /// Reads the boot sector at an offset; `None` where there is none.
    pub(super) fn read(disk: &dyn Disk, offset: u64) -> Option<Self> {
        Self::parse(&read_vec(disk, offset, LENGTH).ok()?)
    }

    /// The copy of a damaged boot sector.
    pub(super) fn read_copy(disk: &dyn Disk) -> Option<Self> {
        (9..=12).find_map(|log| {
            let bytes = read_vec(disk, COPY << log, LENGTH).ok()?;
            let is_copy = u16_le(&bytes, 11).map(u32::from) == Some(1 << log)
                && u16_le(&bytes, 50).map(u64::from) == Some(COPY)
                && bytes.get(82..90) == Some(b"FAT32   ");
            Self::parse(&bytes).filter(|_| is_copy)
        })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let jump: [u8; 3] = array(bytes, 0)?;
        let sector = u64::from(u16_le(bytes, 11)?);
        let per_cluster = u64::from(u8_at(bytes, 13)?);
        let reserved = u64::from(u16_le(bytes, 14)?);
        let tables = u64::from(u8_at(bytes, 16)?);
        let root_entries = u64::from(u16_le(bytes, 17)?);
        let media = u8_at(bytes, 21)?;
        let short_length = u64::from(u16_le(bytes, 22)?);
        let is_fat = (matches!(jump, [0xeb, _, 0x90]) || jump[0] == 0xe9)
            && bytes.get(510..512) == Some(&[0x55, 0xaa])
            && (512..=4096).contains(&sector)
            && sector.is_power_of_two()
            && per_cluster.is_power_of_two()
            && reserved > 0
            && (1..=4).contains(&tables)
            && (media == 0xf0 || media >= 0xf8)
            && bytes.get(3..11) != Some(b"NTFS    ")
            && bytes.get(3..11) != Some(b"EXFAT   ");
        if !is_fat {
            return None;
        }
        let is_wide = short_length == 0;
        let table_sectors = if is_wide { u64::from(u32_le(bytes, 36)?) } else { short_length };
        let sectors = match u16_le(bytes, 19)? {
            0 => u64::from(u32_le(bytes, 32)?),
            sectors => u64::from(sectors),
        };
        let root_size = root_entries * 32;
        let root = reserved + tables * table_sectors;
        let first = root + root_size.div_ceil(sector);
        let (table_size, cluster) = (table_sectors * sector, per_cluster * sector);
        let counted = sectors.checked_sub(first)? / per_cluster;
        let width = match counted {
            _ if is_wide => Width::ThirtyTwo,
            0..=MAX_FAT12 => Width::Twelve,
            _ => Width::Sixteen,
        };
        // A table may be too short for all clusters: those behind it cannot be used.
        let (entries, most) = match width {
            Width::Twelve => (table_size * 2 / 3, MAX_FAT12),
            Width::Sixteen => (table_size / 2, MAX_FAT16),
            Width::ThirtyTwo => (table_size / 4, MAX_FAT32),
        };
        let clusters = counted.min(entries.saturating_sub(2)).min(most);
        if clusters == 0 || (root_entries == 0) != is_wide {
            return None;
        }
        // With a flag, one table is in use and the others are not kept equal to it.
        let flags = if is_wide { u64::from(u16_le(bytes, 40)?) } else { 0 };
        let used = if flags & 0x80 != 0 { (flags & 15).min(tables - 1) } else { 0 };
        let extended = if is_wide { 64 } else { 36 };
        let has_serial = u8_at(bytes, extended + 2)? == 0x29;
        Some(Self {
            width,
            cluster,
            clusters,
            data: first * sector,
            table: (reserved + used * table_sectors) * sector,
            table_size,
            tables: if flags & 0x80 != 0 { 1 } else { tables },
            root: root * sector,
            root_size,
            root_cluster: if is_wide { u64::from(u32_le(bytes, 44)?) } else { 0 },
            size: sectors * sector,
            is_dirty: u8_at(bytes, extended + 1)? & 1 != 0,
            serial: u32_le(bytes, extended + 3).filter(|_| has_serial),
            label: array(bytes, extended + 7).filter(|_| has_serial),
        })
    }

    /// Offset of a cluster; `None` where there is none of this number.
    pub(super) fn at(&self, cluster: u64) -> Option<u64> {
        let number = cluster.checked_sub(2).filter(|number| *number < self.clusters)?;
        Some(self.data + number * self.cluster)
    }
}
