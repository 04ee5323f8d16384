//! ext2, ext3 and ext4: the blocks of an image that hold something, each behind its
//! number, all that can be asked of it, and what comes out is in order.
#![no_main]

#[path = "../../tests/support/exercise.rs"]
mod exercise;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use snapsift::source::disk::MemoryDisk;
use snapsift::source::filesystem::ext;

/// A block, and how many there are.
const BLOCK: usize = 1024;
const BLOCKS: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let mut bytes = vec![0; BLOCKS * BLOCK];
    for part in data.chunks(2 + BLOCK) {
        let Some((number, block)) = part.split_first_chunk::<2>() else { continue };
        let at = usize::from(u16::from_le_bytes(*number)) % BLOCKS * BLOCK;
        bytes[at..at + block.len()].copy_from_slice(block);
    }
    let disk = Arc::new(MemoryDisk(bytes.into()));
    let _ = (ext::detect(&*disk), ext::detect_copy(&*disk));
    if let Ok(filesystem) = ext::open(disk) {
        exercise::exercise(&filesystem);
    }
});
