//! XFS: the sectors of an image that hold something, each behind its number, all that can
//! be asked of it, and what comes out is in order. Records of the log get the checksum that
//! they should have, so that what is in them is replayed.
#![no_main]

#[path = "../../tests/support/exercise.rs"]
mod exercise;

use std::collections::BTreeMap;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use snapsift::source::disk::{Disk, DiskResult};
use snapsift::source::filesystem::xfs;

/// A sector, and how many there are: XFS has 300 MB at least.
const SECTOR: usize = 512;
const SECTORS: u64 = 1 << 20;

/// Most of the disk is zeros.
#[derive(Debug)]
struct Sparse(BTreeMap<u64, [u8; SECTOR]>);

impl Disk for Sparse {
    fn size(&self) -> u64 {
        SECTORS * 512
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let length = bytes.len().min(usize::try_from(self.size().saturating_sub(offset)).unwrap_or(0));
        let bytes = &mut bytes[..length];
        bytes.fill(0);
        let end = offset + length as u64;
        for (number, sector) in self.0.range(offset / 512..end.div_ceil(512)) {
            for (byte, at) in sector.iter().zip(number * 512..) {
                if at >= offset && at < end {
                    bytes[(at - offset) as usize] = *byte;
                }
            }
        }
        Ok(length)
    }
}

/// CRC32C.
fn checksum(parts: &[&[u8]]) -> u32 {
    !parts.iter().copied().flatten().fold(!0, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 },
        )
    })
}

fuzz_target!(|data: &[u8]| {
    let mut disk = Sparse(BTreeMap::new());
    for part in data.chunks(4 + SECTOR) {
        let Some((number, bytes)) = part.split_first_chunk::<4>() else { continue };
        let mut sector = [0; SECTOR];
        sector[..bytes.len()].copy_from_slice(bytes);
        disk.0.insert(u64::from(u32::from_le_bytes(*number)) % SECTORS, sector);
    }
    let records: Vec<u64> = disk
        .0
        .iter()
        .filter(|(_, sector)| sector.starts_with(&[0xfe, 0xed, 0xba, 0xbe]))
        .map(|(at, _)| *at)
        .collect();
    for record in records.into_iter().take(8) {
        let mut head = disk.0[&record];
        let length = u32::from_be_bytes(head[12..16].try_into().expect("four")) as usize;
        if length > 32 << 10 {
            continue;
        }
        let mut data = vec![0; length];
        disk.read_at(&mut data, (record + 1) * 512).expect("bytes");
        let sum = checksum(&[&head[..32], &[0; 4], &head[36..328], &data]);
        head[32..36].copy_from_slice(&sum.to_le_bytes());
        disk.0.insert(record, head);
    }
    let disk = Arc::new(disk);
    let _ = (xfs::detect(&*disk), xfs::detect_copy(&*disk));
    if let Ok(filesystem) = xfs::open(disk) {
        exercise::exercise(&filesystem);
    }
});
