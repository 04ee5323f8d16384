//! A disk with sectors that were written in memory only.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::source::disk::{Disk, DiskError, DiskResult, read_vec};

/// Bytes of a sector here: the unit of the log.
pub(super) const SECTOR: usize = 512;

/// The most sectors that are held: 128 MiB.
const MAX_SECTORS: usize = 256 << 10;

/// What the disk would hold after recovery.
#[derive(Debug)]
pub(crate) struct Overlay {
    disk: Arc<dyn Disk>,
    sectors: BTreeMap<u64, Box<[u8; SECTOR]>>,
}

impl Overlay {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, sectors: BTreeMap::new() }
    }

    /// Whether nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.sectors.is_empty()
    }

    /// Writes bytes, the rest of their sectors as they are.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> DiskResult<()> {
        let start = offset - offset % 512;
        let before = usize::try_from(offset - start).unwrap_or(0);
        let length = (before + bytes.len()).next_multiple_of(SECTOR);
        let mut whole = read_vec(self, start, length)?;
        if let Some(place) = whole.get_mut(before..before + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        for (sector, number) in whole.chunks_exact(SECTOR).zip(start / 512..) {
            if let Ok(sector) = <[u8; SECTOR]>::try_from(sector) {
                self.sectors.insert(number, Box::new(sector));
            }
        }
        if self.sectors.len() > MAX_SECTORS {
            return Err(DiskError::over_budget(offset, "the log holds more changes than are replayed"));
        }
        Ok(())
    }
}

impl Disk for Overlay {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let filled = self.disk.read_at(bytes, offset)?;
        let end = offset.saturating_add(u64::try_from(filled).unwrap_or(0));
        for (number, sector) in self.sectors.range(offset / 512..end.div_ceil(512)) {
            let start = number.saturating_mul(512);
            let (from, to) = (start.max(offset), (start.saturating_add(512)).min(end));
            let at =
                |place: u64, base: u64| usize::try_from(place.saturating_sub(base)).unwrap_or(usize::MAX);
            let target = bytes.get_mut(at(from, offset)..at(to, offset));
            if let (Some(target), Some(source)) = (target, sector.get(at(from, start)..at(to, start))) {
                target.copy_from_slice(source);
            }
        }
        Ok(filled)
    }
}
