//! The boot region: where things are.
//!
//! Follows the "exFAT file system specification" (Microsoft), section 3. A region of
//! twelve sectors, the last of which is a checksum of the others, and a copy after it.

use crate::source::bytes::{u8_at, u16_le, u32_le, u64_le};
use crate::source::disk::{Disk, DiskResult, read_vec};

/// Bytes of a boot sector that are read.
const LENGTH: usize = 512;

/// Sectors of the region.
const REGION: u64 = 12;

/// The most clusters.
const MAX_CLUSTERS: u64 = 0xffff_fff5;

/// What the boot sector says, checked.
#[derive(Clone, Debug)]
pub(super) struct Boot {
    /// Bytes of a cluster.
    pub(super) cluster: u64,
    /// Clusters; the first has the number 2.
    pub(super) clusters: u64,
    /// Offset of the first cluster.
    pub(super) data: u64,
    /// Offset of the table in use.
    pub(super) table: u64,
    /// The second table and bitmap are in use.
    pub(super) uses_second: bool,
    /// The first cluster of the root directory.
    pub(super) root: u64,
    /// Bytes of the whole.
    pub(super) size: u64,
    /// The volume was not unmounted.
    pub(super) is_dirty: bool,
    /// The serial number.
    pub(super) serial: u32,
    /// The checksum of the region is right.
    pub(super) is_intact: bool,
}

impl Boot {
    /// Reads the boot region; `None` where there is none.
    pub(super) fn read(disk: &dyn Disk) -> Option<Self> {
        Self::parse(disk, &read_vec(disk, 0, LENGTH).ok()?, 0)
    }

    /// The copy of a boot region.
    pub(super) fn read_copy(disk: &dyn Disk) -> Option<Self> {
        (9..=12).find_map(|log| {
            let bytes = read_vec(disk, REGION << log, LENGTH).ok()?;
            let is_copy = u8_at(&bytes, 108) == Some(log);
            Self::parse(disk, &bytes, REGION << log).filter(|copy| is_copy && copy.is_intact)
        })
    }

    fn parse(disk: &dyn Disk, bytes: &[u8], offset: u64) -> Option<Self> {
        let is_exfat =
            bytes.starts_with(b"\xeb\x76\x90EXFAT   ") && bytes.get(510..512) == Some(&[0x55, 0xaa]);
        let sector_log = u8_at(bytes, 108).filter(|log| is_exfat && (9..=12).contains(log))?;
        let cluster_log = u8_at(bytes, 109).filter(|log| *log <= 25 - sector_log)?;
        let tables = u8_at(bytes, 110).filter(|count| (1..=2).contains(count))?;
        let sectors = |at| u32_le(bytes, at).map(|count| u64::from(count) << sector_log);
        let flags = u16_le(bytes, 106)?;
        let size = u64_le(bytes, 72)?.checked_mul(1 << sector_log)?;
        let (table, table_size, data) = (sectors(80)?, sectors(84)?, sectors(88)?);
        let clusters = u64::from(u32_le(bytes, 92)?);
        let cluster = 1_u64 << (sector_log + cluster_log);
        let uses_second = flags & 1 != 0 && tables == 2;
        let fits = clusters > 0
            && clusters <= MAX_CLUSTERS
            && (clusters + 2) * 4 <= table_size
            && table >= 24 << sector_log
            && table + table_size * u64::from(tables) <= data
            && clusters.checked_mul(cluster)?.checked_add(data)? <= size;
        fits.then_some(Self {
            cluster,
            clusters,
            data,
            table: if uses_second { table + table_size } else { table },
            uses_second,
            root: u64::from(u32_le(bytes, 96)?),
            size,
            is_dirty: flags & 2 != 0,
            serial: u32_le(bytes, 100)?,
            is_intact: is_intact(disk, offset, sector_log).unwrap_or(false),
        })
    }

    /// Offset of a cluster; `None` where there is none of this number.
    pub(super) fn at(&self, cluster: u64) -> Option<u64> {
        let number = cluster.checked_sub(2).filter(|number| *number < self.clusters)?;
        Some(self.data + number * self.cluster)
    }

    /// Offset of clusters that lie together; `None` where they are not all there.
    pub(super) fn run(&self, first: u64, count: u64) -> Option<u64> {
        self.at(first.checked_add(count)?.checked_sub(1)?)?;
        self.at(first)
    }
}

/// Whether the checksum of a region is right. The flags and the use in percent change and
/// are left out of it.
fn is_intact(disk: &dyn Disk, offset: u64, sector_log: u8) -> DiskResult<bool> {
    let sector = 1_usize << sector_log;
    let bytes = read_vec(disk, offset, sector * 12)?;
    let (region, last) = bytes.split_at(sector * 11);
    let sum = region
        .iter()
        .enumerate()
        .filter(|(at, _)| !matches!(at, 106 | 107 | 112))
        .fold(0_u32, |sum, (_, byte)| sum.rotate_right(1).wrapping_add(u32::from(*byte)));
    Ok(last.chunks_exact(4).all(|stored| u32_le(stored, 0) == Some(sum)))
}
