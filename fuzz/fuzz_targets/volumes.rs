//! Partition tables, RAID, LVM and signatures: any bytes as disks, and any text as
//! the metadata of a volume group whose checksums are right.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use snapsift::source::disk::{Disk, MemoryDisk};
use snapsift::source::volume::{self, Volumes};

/// How long a disk is: room for all that lies at its begin and its end.
const SIZE: usize = 512 << 10;

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    let disks = match kind % 3 {
        // One disk, its last bytes those of the input.
        0 => {
            let mut bytes = vec![0; SIZE];
            let (head, tail) = data.split_at(data.len() - data.len() / 4);
            put(&mut bytes, 0, head);
            let from = SIZE - tail.len().min(SIZE);
            put(&mut bytes, from, tail);
            vec![bytes]
        }
        // Two of the same machine.
        1 => {
            let half = data.split_at(data.len() / 2);
            [half.0, half.1].map(|data| data.iter().copied().chain([0; 8192]).collect()).to_vec()
        }
        _ => vec![physical_volume(data)],
    };
    let disks: Vec<Arc<dyn Disk>> =
        disks.into_iter().map(|bytes| Arc::new(MemoryDisk(bytes.into())) as Arc<dyn Disk>).collect();
    read_some(&volume::find(&disks));
});

/// Reads from each volume, a bounded amount.
fn read_some(found: &Volumes) {
    let mut bytes = vec![0; 70_000];
    for volume in found.volumes.iter().take(20) {
        let size = volume.disk.size();
        for offset in [0, size / 2, size.saturating_sub(1000), u64::MAX] {
            if let Ok(read) = volume.disk.read_at(&mut bytes, offset) {
                assert!(read <= bytes.len());
            }
        }
        let mut at = 0;
        for _ in 0..20 {
            let Ok(Some(next)) = volume.disk.next_data(at) else { break };
            assert!(next.start >= at && next.end > next.start && next.end <= size);
            at = next.end;
        }
    }
    for gap in &found.gaps {
        assert!(!gap.ranges.is_empty() && gap.ranges.iter().all(|range| range.start < range.end));
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// LVM's checksum.
fn crc(bytes: &[u8]) -> u32 {
    let mut state = 0xf597_a6cf_u32;
    for byte in bytes {
        state ^= u32::from(*byte);
        for _ in 0..8 {
            state = if state & 1 == 1 { state >> 1 ^ 0xedb8_8320 } else { state >> 1 };
        }
    }
    state
}

/// A physical volume with this text as its metadata.
fn physical_volume(text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    let area = 128_u64 << 10;
    put(&mut bytes, 512, b"LABELONE");
    put(&mut bytes, 520, &1_u64.to_le_bytes());
    put(&mut bytes, 532, &32_u32.to_le_bytes());
    put(&mut bytes, 536, b"LVM2 001");
    put(&mut bytes, 544, b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0");
    put(&mut bytes, 584, &(192_u64 << 10).to_le_bytes());
    put(&mut bytes, 616, &4096_u64.to_le_bytes());
    put(&mut bytes, 624, &area.to_le_bytes());
    let sum = crc(&bytes[532..1024]);
    put(&mut bytes, 528, &sum.to_le_bytes());
    let mut header = vec![0; 512];
    put(&mut header, 4, b" LVM2 x[5A%r0N*>");
    put(&mut header, 20, &1_u32.to_le_bytes());
    put(&mut header, 24, &4096_u64.to_le_bytes());
    put(&mut header, 32, &area.to_le_bytes());
    put(&mut header, 40, &512_u64.to_le_bytes());
    put(&mut header, 48, &(text.len() as u64).to_le_bytes());
    put(&mut header, 56, &crc(text).to_le_bytes());
    let sum = crc(&header[4..]);
    put(&mut header, 0, &sum.to_le_bytes());
    put(&mut bytes, 4096, &header);
    put(&mut bytes, 4608, text);
    bytes
}
