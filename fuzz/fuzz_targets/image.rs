//! Disk images: opening, what is told of holes, and reads.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use snapsift::source::disk::{Disk, MemoryDisk};
use snapsift::source::image::open_disk;

const MIB: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let Some((form, data)) = data.split_first() else { return };
    let bytes = match form % 3 {
        0 => data.to_vec(),
        1 => vhdx(data, false),
        _ => vhdx(data, true),
    };
    if let Ok(image) = open_disk(Arc::new(MemoryDisk(bytes.into()))) {
        walk(&*image.disk);
    }
});

/// Looks at a part of each piece, and at places in between.
fn walk(disk: &dyn Disk) {
    let mut buffer = vec![0; 8192];
    let mut at = 0;
    for _ in 0..16 {
        let Ok(Some(range)) = disk.next_data(at) else { break };
        assert!(range.start >= at && range.end > range.start && range.end <= disk.size());
        let _ = disk.read_at(&mut buffer, range.start);
        let _ = disk.read_at(&mut buffer[..700], range.end - 1);
        at = range.end;
    }
    for part in 0..=8 {
        let _ = disk.read_at(&mut buffer, disk.size() / 8 * part);
    }
}

/// A VHDX whose headers and regions are as they should be, with the bytes as its
/// metadata and table of blocks, or as an entry of its log.
fn vhdx(data: &[u8], log: bool) -> Vec<u8> {
    let mut bytes = vec![0; 3 * MIB + (128 << 10)];
    put(&mut bytes, 0, b"vhdxfile");
    let head = 64 << 10;
    put(&mut bytes, head, b"head");
    put(&mut bytes, head + 8, &1_u64.to_le_bytes());
    put(&mut bytes, head + 66, &1_u16.to_le_bytes());
    put(&mut bytes, head + 68, &(1_u32 << 20).to_le_bytes());
    put(&mut bytes, head + 72, &(1_u64 << 20).to_le_bytes());
    if log {
        put(&mut bytes, head + 48, &[1; 16]);
        let length = data.len().clamp(64, 64 << 10).next_multiple_of(4096);
        put(&mut bytes, MIB, &data[..data.len().min(length)]);
        put(&mut bytes, MIB, b"loge");
        put(&mut bytes, MIB + 8, &(length as u32).to_le_bytes());
        put(&mut bytes, MIB + 12, &[0; 4]);
        put(&mut bytes, MIB + 32, &[1; 16]);
        sum(&mut bytes[MIB..MIB + length]);
    } else {
        let (metadata, table) = data.split_at(data.len().min(64 << 10));
        put(&mut bytes, 2 * MIB, metadata);
        put(&mut bytes, 3 * MIB, &table[..table.len().min(64 << 10)]);
    }
    sum(&mut bytes[head..head + 4096]);
    let regions = 192 << 10;
    put(&mut bytes, regions, b"regi");
    put(&mut bytes, regions + 8, &2_u32.to_le_bytes());
    let ids = [
        (3, [0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0, 0x42, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 8]),
        (2, [6, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 5, 0x0f, 0x88, 0x6e]),
    ];
    for (number, (place, id)) in ids.into_iter().enumerate() {
        let at = regions + 16 + number * 32;
        put(&mut bytes, at, &id);
        put(&mut bytes, at + 16, &(place * MIB as u64).to_le_bytes());
        put(&mut bytes, at + 24, &(1_u32 << 20).to_le_bytes());
    }
    sum(&mut bytes[regions..regions + (64 << 10)]);
    bytes
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    bytes[at..at + what.len()].copy_from_slice(what);
}

fn sum(bytes: &mut [u8]) {
    put(bytes, 4, &[0; 4]);
    let sum = crc32c::crc32c(bytes);
    put(bytes, 4, &sum.to_le_bytes());
}
