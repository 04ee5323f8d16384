//! FAT and exFAT: the sectors of an image that hold something, each behind its number,
//! all that can be asked of it, and what comes out is in order.
#![no_main]

#[path = "../../tests/support/exercise.rs"]
mod exercise;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use snapsift::source::disk::MemoryDisk;
use snapsift::source::filesystem::{exfat, fat};

/// A sector, and how many there are.
const SECTOR: usize = 512;
const SECTORS: usize = 8192;

fuzz_target!(|data: &[u8]| {
    let mut bytes = vec![0; SECTORS * SECTOR];
    for part in data.chunks(2 + SECTOR) {
        let Some((number, sector)) = part.split_first_chunk::<2>() else { continue };
        let at = usize::from(u16::from_le_bytes(*number)) % SECTORS * SECTOR;
        bytes[at..at + sector.len()].copy_from_slice(sector);
    }
    let disk = Arc::new(MemoryDisk(bytes.into()));
    let _ = (fat::detect(&*disk), fat::detect_copy(&*disk));
    if let Ok(filesystem) = fat::open(disk.clone()) {
        exercise::exercise(&filesystem);
    }
    let _ = (exfat::detect(&*disk), exfat::detect_copy(&*disk));
    if let Ok(filesystem) = exfat::open(disk) {
        exercise::exercise(&filesystem);
    }
});
