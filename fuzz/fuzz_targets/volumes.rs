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
    let disks = match kind % 5 {
        // One disk, its last bytes those of the input.
        0 => vec![disk(data)],
        // Two of the same machine.
        1 => {
            let half = data.split_at(data.len() / 2);
            [half.0, half.1].map(|data| data.iter().copied().chain([0; 8192]).collect()).to_vec()
        }
        2 => vec![physical_volume(data)],
        3 => vec![maps(data)],
        // A GPT whose checksums are right.
        _ => {
            let mut bytes = disk(data);
            put(&mut bytes, 512, b"EFI PART");
            let size = u32::from_le_bytes(bytes[524..528].try_into().expect("four")) as usize % 512;
            let array = !crc(!0, 0xedb8_8320, &bytes[1024..1024 + 128 * 128]);
            put(&mut bytes, 600, &array.to_le_bytes());
            put(&mut bytes, 528, &[0; 4]);
            let sum = !crc(!0, 0xedb8_8320, &bytes[512..512 + size]);
            put(&mut bytes, 528, &sum.to_le_bytes());
            vec![bytes]
        }
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

/// A disk with these bytes at its begin and its end.
fn disk(data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    let (head, tail) = data.split_at(data.len() - data.len() / 4);
    put(&mut bytes, 0, head);
    let from = SIZE - tail.len().min(SIZE);
    put(&mut bytes, from, tail);
    bytes
}

/// A sum of bytes by a polynomial, not inverted.
fn crc(mut state: u32, polynomial: u32, bytes: &[u8]) -> u32 {
    for byte in bytes {
        state ^= u32::from(*byte);
        for _ in 0..8 {
            state = if state & 1 == 1 { state >> 1 ^ polynomial } else { state >> 1 };
        }
    }
    state
}

/// LVM's checksum.
fn lvm(bytes: &[u8]) -> u32 {
    crc(0xf597_a6cf, 0xedb8_8320, bytes)
}

/// A group with a snapshot and a thin pool, whose maps are the input; checksums and
/// numbers of nodes are put right.
fn maps(data: &[u8]) -> Vec<u8> {
    const TEXT: &[u8] = b"vg0 { id = \"g\" seqno = 3 extent_size = 8
        physical_volumes { pv0 { id = \"aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaa0\" pe_start = 384 pe_count = 80 } }
        logical_volumes {
        root { status = [\"VISIBLE\"] segment1 { start_extent = 0 extent_count = 9 type = \"striped\" stripes = [\"pv0\", 50] } }
        snap { status = [\"VISIBLE\"] segment1 { start_extent = 0 extent_count = 8 type = \"striped\" stripes = [\"pv0\", 0] } }
        snapshot0 { segment1 { start_extent = 0 extent_count = 9 type = \"snapshot\" origin = \"root\" cow_store = \"snap\" } }
        meta { segment1 { start_extent = 0 extent_count = 16 type = \"striped\" stripes = [\"pv0\", 8] } }
        data { segment1 { start_extent = 0 extent_count = 20 type = \"striped\" stripes = [\"pv0\", 30] } }
        pool { status = [\"VISIBLE\"] segment1 { start_extent = 0 extent_count = 20 type = \"thin-pool\" metadata = \"meta\" pool = \"data\" } }
        a { status = [\"VISIBLE\"] segment1 { start_extent = 0 extent_count = 999 type = \"thin\" thin_pool = \"pool\" device_id = 1 } }
        b { status = [\"VISIBLE\"] segment1 { start_extent = 0 extent_count = 99 type = \"thin\" thin_pool = \"pool\" device_id = 2 external_origin = \"root\" } }
        } }";
    let mut bytes = physical_volume(TEXT);
    let (store, trees) = data.split_at(data.len() / 4);
    put(&mut bytes, 192 << 10, &store[..store.len().min(8 * 4096)]);
    for (number, node) in trees.chunks(4096).take(16).enumerate() {
        let mut node = node.to_vec();
        node.resize(4096, 0);
        if number == 0 {
            put(&mut node, 32, &27_022_010_u64.to_le_bytes());
            put(&mut node, 40, &1_u32.to_le_bytes());
        }
        put(&mut node, 8, &(number as u64).to_le_bytes());
        let xor = if number == 0 { 160_774 } else { 121_107 };
        let sum = crc(!0, 0x82f6_3b78, &node[4..]) ^ xor;
        put(&mut node, 0, &sum.to_le_bytes());
        put(&mut bytes, (192 << 10) + (8 + number) * 4096, &node);
    }
    bytes
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
    let sum = lvm(&bytes[532..1024]);
    put(&mut bytes, 528, &sum.to_le_bytes());
    let mut header = vec![0; 512];
    put(&mut header, 4, b" LVM2 x[5A%r0N*>");
    put(&mut header, 20, &1_u32.to_le_bytes());
    put(&mut header, 24, &4096_u64.to_le_bytes());
    put(&mut header, 32, &area.to_le_bytes());
    put(&mut header, 40, &512_u64.to_le_bytes());
    put(&mut header, 48, &(text.len() as u64).to_le_bytes());
    put(&mut header, 56, &lvm(text).to_le_bytes());
    let sum = lvm(&header[4..]);
    put(&mut header, 0, &sum.to_le_bytes());
    put(&mut bytes, 4096, &header);
    put(&mut bytes, 4608, text);
    bytes
}
