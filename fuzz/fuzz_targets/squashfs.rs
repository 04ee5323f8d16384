//! squashfs: an image, and all that can be asked of it; what comes out is in order.
#![no_main]

#[path = "../../tests/support/exercise.rs"]
mod exercise;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use snapsift::source::disk::MemoryDisk;
use snapsift::source::filesystem::squashfs;

fuzz_target!(|data: &[u8]| {
    let disk = Arc::new(MemoryDisk(data.into()));
    if let Ok(filesystem) = squashfs::open(disk) {
        exercise::exercise(&filesystem);
    }
});
