//! ISO 9660: an image without the 32 KiB that computers start from, and all that can be
//! asked of it; what comes out is in order.
#![no_main]

#[path = "../../tests/support/exercise.rs"]
mod exercise;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use snapsift::source::disk::MemoryDisk;
use snapsift::source::filesystem::iso;

fuzz_target!(|data: &[u8]| {
    let disk = Arc::new(MemoryDisk([&[0; 32768], data].concat().into()));
    if let Ok(filesystem) = iso::open(disk) {
        exercise::exercise(&filesystem);
    }
});
