//! The boot sector of an NTFS volume: sizes, and where the $MFT begins.
//!
//! Follows [MS-FSCC] and the published layout of the BIOS parameter block; the copy
//! lies in the last sector of the partition, just after the volume.

use crate::source::bytes::{array, u8_at, u16_le, u64_le};
use crate::source::disk::{Disk, DiskError, DiskResult};

/// The largest cluster that Windows makes.
const MAX_CLUSTER: u64 = 2 << 20;
/// The smallest and largest sizes of an MFT record that are taken.
const RECORD_SIZES: std::ops::RangeInclusive<u64> = 512..=65536;

/// What the boot sector says, checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boot {
    /// Bytes of a sector.
    pub(super) sector_size: u64,
    /// Bytes of a cluster: a power of two.
    pub(super) cluster_size: u64,
    /// How many clusters the volume has.
    pub(super) clusters: u64,
    /// The first cluster of the $MFT.
    pub(super) mft: u64,
    /// The first cluster of the copy of its first records.
    pub(super) mirror: u64,
    /// Bytes of an MFT record: a power of two.
    pub(super) record_size: u64,
    /// The serial number of the volume.
    pub(super) serial: u64,
}

impl Boot {
    /// Reads a boot sector; `None` where it is not one or makes no sense.
    pub(super) fn parse(sector: &[u8]) -> Option<Self> {
        if array(sector, 3)? != *b"NTFS    " {
            return None;
        }
        let sector_size = u64::from(u16_le(sector, 11)?);
        if !sector_size.is_power_of_two() || !(256..=4096).contains(&sector_size) {
            return None;
        }
        let per_cluster = scaled(u8_at(sector, 13)?, 1, 128)?;
        let cluster_size = sector_size.checked_mul(per_cluster)?;
        let record_size = scaled(u8_at(sector, 64)?, cluster_size, 127)?;
        let sizes_are_right = cluster_size.is_power_of_two()
            && cluster_size <= MAX_CLUSTER
            && record_size.is_power_of_two()
            && RECORD_SIZES.contains(&record_size);
        // The number of sectors is signed.
        let clusters = i64::try_from(u64_le(sector, 40)?).ok()?.unsigned_abs().checked_div(per_cluster)?;
        clusters.checked_mul(cluster_size).filter(|size| i64::try_from(*size).is_ok())?;
        let (mft, mirror) = (u64_le(sector, 48)?, u64_le(sector, 56)?);
        let serial = u64_le(sector, 72)?;
        let places_are_right = mft > 0 && mft < clusters;
        (sizes_are_right && places_are_right).then_some(Self {
            sector_size,
            cluster_size,
            clusters,
            mft,
            mirror,
            record_size,
            serial,
        })
    }

    /// Bytes that the clusters cover.
    pub(super) fn size(&self) -> u64 {
        self.clusters.saturating_mul(self.cluster_size)
    }
}

/// A count of `unit`s, or, above `most`, the negative power of two of bytes or sectors.
fn scaled(count: u8, unit: u64, most: u8) -> Option<u64> {
    match count {
        0 => None,
        count if count <= most => u64::from(count).checked_mul(unit),
        count => 1_u64.checked_shl(256 - u32::from(count)).filter(|_| count > 192),
    }
}

/// The boot sector, or its copy where the first does not make sense; tells which.
///
/// # Errors
///
/// Neither makes sense.
pub(super) fn find(disk: &dyn Disk) -> DiskResult<(Boot, bool)> {
    let mut sector = [0; 512];
    let first = disk.read_at(&mut sector, 0);
    if let Some(boot) = Boot::parse(&sector) {
        return Ok((boot, false));
    }
    for size in [512, 1024, 2048, 4096] {
        let last = (disk.size() / size * size).saturating_sub(size);
        if last > 0
            && disk.read_at(&mut sector, last).is_ok()
            && let Some(boot) = Boot::parse(&sector)
            && boot.sector_size == size
            && boot.size() <= last
        {
            return Ok((boot, true));
        }
    }
    first?;
    Err(DiskError::corrupt(0, "neither the boot sector nor its copy makes sense"))
}
