//! Btrfs with nodes of one sector: the sectors of an image that hold something, each
//! behind its number; checksums are put right, so that what is changed is met.
#![no_main]

#[path = "../../tests/support/exercise.rs"]
mod exercise;

use std::collections::BTreeMap;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use snapsift::source::disk::{Disk, DiskResult};
use snapsift::source::filesystem::btrfs;

const SECTOR: usize = 4096;
/// Where the first superblock lies.
const SUPERBLOCK: u16 = 16;

/// Sectors by their numbers; the others are zeros.
#[derive(Debug)]
struct Sectors(BTreeMap<u16, Vec<u8>>);

impl Disk for Sectors {
    fn size(&self) -> u64 {
        128 << 20
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let length = bytes.len().min(usize::try_from(self.size().saturating_sub(offset)).unwrap_or(0));
        let from = usize::try_from(offset).unwrap_or(0);
        let mut filled = 0;
        while filled < length {
            let (number, within) = ((from + filled) / SECTOR, (from + filled) % SECTOR);
            let part = (SECTOR - within).min(length - filled);
            let to = &mut bytes[filled..filled + part];
            match u16::try_from(number).ok().and_then(|number| self.0.get(&number)) {
                Some(sector) => to.copy_from_slice(&sector[within..within + part]),
                None => to.fill(0),
            }
            filled += part;
        }
        Ok(length)
    }
}

fuzz_target!(|data: &[u8]| {
    let mut sectors = BTreeMap::new();
    for part in data.chunks(2 + SECTOR) {
        let Some((number, bytes)) = part.split_first_chunk::<2>() else { continue };
        let mut sector = bytes.to_vec();
        sector.resize(SECTOR, 0);
        sectors.insert(u16::from_le_bytes(*number) % (1 << 15), sector);
    }
    if let Some(superblock) = sectors.get_mut(&SUPERBLOCK) {
        // CRC-32C, and nodes of a sector.
        superblock[196..198].fill(0);
        superblock[144..148].copy_from_slice(&4096_u32.to_le_bytes());
        superblock[148..152].copy_from_slice(&4096_u32.to_le_bytes());
        let fsid = superblock[32..48].to_vec();
        for sector in sectors.values_mut().filter(|sector| sector[32..48] == fsid) {
            let sum = crc32c::crc32c(&sector[32..]);
            sector[..4].copy_from_slice(&sum.to_le_bytes());
        }
    }
    let disk: Arc<dyn Disk> = Arc::new(Sectors(sectors));
    let _ = (btrfs::detect(&*disk), btrfs::detect_copy(&*disk), btrfs::fsid(&*disk));
    if let Ok(filesystem) = btrfs::open(vec![disk]) {
        exercise::exercise(&filesystem);
    }
});
