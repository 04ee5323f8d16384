//! Hostile and damaged disks: each ends soon, with an answer or an error.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use snapsift::source::disk::{Disk, DiskResult, MemoryDisk};
use snapsift::source::volume::{self, Kind, Volumes};

use super::disks::{Failing, lines, memory, output, pattern, problems};
use crate::support::budget::Budgeted;
use crate::support::filesystem::{image, text};

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Bit by bit, as the specification defines it; `state` as it is, not inverted.
fn crc(mut state: u32, bytes: &[u8]) -> u32 {
    for byte in bytes {
        state ^= u32::from(*byte);
        for _ in 0..8 {
            state = if state & 1 == 1 { state >> 1 ^ 0xedb8_8320 } else { state >> 1 };
        }
    }
    state
}

/// A GPT header.
#[derive(Clone)]
struct Header {
    here: u64,
    other: u64,
    array: u64,
    count: u32,
    entry_size: u32,
    array_crc: u32,
    size: u32,
}

impl Header {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        put(&mut bytes, 0, b"EFI PART");
        put(&mut bytes, 8, &0x1_0000_u32.to_le_bytes());
        put(&mut bytes, 12, &self.size.to_le_bytes());
        put(&mut bytes, 24, &self.here.to_le_bytes());
        put(&mut bytes, 32, &self.other.to_le_bytes());
        put(&mut bytes, 72, &self.array.to_le_bytes());
        put(&mut bytes, 80, &self.count.to_le_bytes());
        put(&mut bytes, 84, &self.entry_size.to_le_bytes());
        put(&mut bytes, 88, &self.array_crc.to_le_bytes());
        let sum = !crc(!0, &bytes[..92]);
        put(&mut bytes, 16, &sum.to_le_bytes());
        bytes
    }
}

const SECTORS: u64 = 8192;

/// A disk of 4 MiB with a GPT of one partition (sectors 2048 to 4095, XFS), whose
/// headers are what the closure makes of right ones.
fn gpt(change: impl Fn(&mut Header, &mut Header)) -> Vec<u8> {
    let mut bytes = vec![0; SECTORS as usize * 512];
    let mut array = vec![0; 128 * 128];
    put(&mut array, 0, &[0xaf; 32]);
    put(&mut array, 32, &2048_u64.to_le_bytes());
    put(&mut array, 40, &4095_u64.to_le_bytes());
    let array_crc = !crc(!0, &array);
    let header =
        |here, other, array| Header { here, other, array, count: 128, entry_size: 128, array_crc, size: 92 };
    let (mut first, mut second) = (header(1, SECTORS - 1, 2), header(SECTORS - 1, 1, SECTORS - 33));
    change(&mut first, &mut second);
    put(&mut bytes, 446, &[0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 0x1f, 0, 0]);
    put(&mut bytes, 510, &[0x55, 0xaa]);
    put(&mut bytes, 512, &first.bytes());
    put(&mut bytes, 1024, &array);
    put(&mut bytes, (SECTORS as usize - 33) * 512, &array);
    put(&mut bytes, (SECTORS as usize - 1) * 512, &second.bytes());
    put(&mut bytes, 1 << 20, b"XFSB");
    bytes
}

fn found(bytes: Vec<u8>) -> Volumes {
    volume::find(&[Arc::new(Budgeted::new(MemoryDisk(bytes.into()), 1 << 20, 1 << 34))])
}

#[test]
fn hostile_31_gpt_with_numbers_that_cannot_be() {
    let good = found(gpt(|_, _| {}));
    assert_eq!(lines(&good), ["disk 0, partition 1: xfs"]);
    assert_eq!(problems(&good), [""; 0]);
    type Change = fn(&mut Header);
    let changes: [(&str, Change); 8] = [
        ("2^32 - 1 entries", |header| header.count = u32::MAX),
        ("entries of 0 bytes", |header| header.entry_size = 0),
        ("entries of 4 bytes", |header| header.entry_size = 4),
        ("entries of 2^31 bytes", |header| header.entry_size = 1 << 31),
        ("entries past the end", |header| header.array = u64::MAX / 512),
        ("entries at 2^64 - 1", |header| header.array = u64::MAX),
        ("a header of 0 bytes", |header| header.size = 0),
        ("a header of 2^32 - 1 bytes", |header| header.size = u32::MAX),
    ];
    for (name, change) in changes {
        let first = found(gpt(|first, _| change(first)));
        assert_eq!(lines(&first), ["disk 0, partition 1: xfs"], "{name}");
        let told = problems(&first).join("\n");
        assert!(told.contains("the backup is used"), "{name}: {told}");
        let second = found(gpt(|_, second| change(second)));
        assert_eq!(lines(&second), ["disk 0, partition 1: xfs"], "{name}");
        assert!(!problems(&second).is_empty(), "{name}");
        let both = found(gpt(|first, second| {
            change(first);
            change(second);
        }));
        assert!(!problems(&both).is_empty(), "{name}");
        assert!(!both.volumes.is_empty(), "{name}");
    }
}

#[test]
fn hostile_31_gpt_checksums_and_headers_that_differ() {
    for (damage, used) in [(512 + 60, true), (1024 + 33, true), ((SECTORS as usize - 1) * 512 + 60, false)] {
        let mut bytes = gpt(|_, _| {});
        bytes[damage] ^= 1;
        let found = found(bytes);
        assert_eq!(lines(&found), ["disk 0, partition 1: xfs"], "{damage}");
        let told = problems(&found).join("\n");
        assert_eq!(told.contains("the backup is used"), used, "{damage}: {told}");
        assert!(!told.is_empty());
    }
    // Both sound, and not the same.
    let differ = found(gpt(|_, second| second.count = 64));
    assert_eq!(lines(&differ), ["disk 0, partition 1: xfs"]);
    assert!(problems(&differ).join("\n").contains("the two GPT headers differ"));
    // Both damaged: what the first says, and that it may be wrong.
    let mut bytes = gpt(|_, _| {});
    bytes[512 + 57] ^= 1;
    bytes[(SECTORS as usize - 1) * 512 + 57] ^= 1;
    let both = found(bytes);
    assert_eq!(lines(&both), ["disk 0, partition 1: xfs"]);
    assert!(problems(&both).join("\n").contains("no copy of the GPT is sound"), "{:?}", problems(&both));
}

#[test]
fn hostile_31_mbr_partitions_past_the_end_and_chains_that_loop() {
    let mut bytes = vec![0; 4 << 20];
    put(&mut bytes, 446, &[0, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    put(&mut bytes, 462, &[0, 0, 0, 0, 0x83, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0]);
    put(&mut bytes, 478, &[0, 0, 0, 0, 0x05, 0, 0, 0, 0, 16, 0, 0, 0, 8, 0, 0]);
    put(&mut bytes, 510, &[0x55, 0xaa]);
    put(&mut bytes, 1 << 20, b"XFSB");
    // A record that holds a partition and names itself as the next.
    let record = 4096 * 512;
    put(&mut bytes, record + 446, &[0, 0, 0, 0, 0x83, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0]);
    put(&mut bytes, record + 462, &[0, 0, 0, 0, 0x05, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0]);
    put(&mut bytes, record + 510, &[0x55, 0xaa]);
    let looped = found(bytes.clone());
    assert_eq!(lines(&looped), ["disk 0, partition 1: xfs", "disk 0, partition 5: unknown"]);
    let told = problems(&looped).join("\n");
    for wanted in [
        "partition 1 ends past the end of the disk",
        "partition 2 lies past the end of the disk",
        "comes back to itself",
        "partitions 1 and 5 overlap",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    // A chain of thousands of records ends at the bound.
    for number in 0..3000_u32 {
        let at = record + number as usize * 512;
        let next = (number + 1).to_le_bytes();
        put(&mut bytes, at + 446, &[0; 16]);
        put(&mut bytes, at + 462, &[&[0, 0, 0, 0, 5, 0, 0, 0][..], &next, &[1, 0, 0, 0]].concat());
        put(&mut bytes, at + 510, &[0x55, 0xaa]);
    }
    let told = problems(&found(bytes)).join("\n");
    assert!(told.contains("more logical partitions than are read"), "{told}");
}

#[test]
fn hostile_31_tables_within_tables() {
    // Each partition holds the same table again, as far as the disk goes.
    let mut bytes = vec![0; 1 << 20];
    for sector in 0..2047 {
        let at = sector * 512;
        for number in 0..4_u8 {
            let entry = [0, 0, 0, 0, 0x83, 0, 0, 0, number + 1, 0, 0, 0, 0xff, 0xff, 0, 0];
            put(&mut bytes, at + 446 + 16 * usize::from(number), &entry);
        }
        put(&mut bytes, at + 510, &[0x55, 0xaa]);
    }
    let found = found(bytes);
    assert!(found.volumes.len() <= 20_000, "{}", found.volumes.len());
    assert!(found.problems.len() <= 1010);
    let told = problems(&found).join("\n");
    assert!(told.contains("more layers than are read") || told.contains("more volumes"), "{told}");
}

/// A physical volume of 4 MiB whose metadata is `text`, all checksums right.
fn physical_volume(text: &[u8], area: u64) -> Vec<u8> {
    let begin = 0xf597_a6cf;
    let mut bytes = vec![0; (area as usize + 4096 + (1 << 20)).max(4 << 20)];
    put(&mut bytes, 512, b"LABELONE");
    put(&mut bytes, 520, &1_u64.to_le_bytes());
    put(&mut bytes, 532, &32_u32.to_le_bytes());
    put(&mut bytes, 536, b"LVM2 001");
    put(&mut bytes, 544, b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0");
    put(&mut bytes, 576, &(4_u64 << 20).to_le_bytes());
    put(&mut bytes, 584, &(1_u64 << 20).to_le_bytes());
    put(&mut bytes, 584 + 32, &4096_u64.to_le_bytes());
    put(&mut bytes, 584 + 40, &area.to_le_bytes());
    let sum = crc(begin, &bytes[532..1024]);
    put(&mut bytes, 528, &sum.to_le_bytes());
    let mut header = vec![0; 512];
    put(&mut header, 4, b" LVM2 x[5A%r0N*>");
    put(&mut header, 20, &1_u32.to_le_bytes());
    put(&mut header, 24, &4096_u64.to_le_bytes());
    put(&mut header, 32, &area.to_le_bytes());
    put(&mut header, 40, &512_u64.to_le_bytes());
    put(&mut header, 48, &(text.len() as u64).to_le_bytes());
    put(&mut header, 56, &crc(begin, text).to_le_bytes());
    let sum = crc(begin, &header[4..]);
    put(&mut header, 0, &sum.to_le_bytes());
    put(&mut bytes, 4096, &header);
    put(&mut bytes, 4608, text);
    bytes
}

/// Metadata of a group of one physical volume.
fn metadata(logical: &str) -> String {
    format!(
        "vg0 {{\nid = \"g\"\nseqno = 3\nextent_size = 128\nphysical_volumes {{ pv0 {{
         id = \"aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaa0\" pe_start = 2048 pe_count = 40 }} }}
         logical_volumes {{ {logical} }} }}\n# a comment\n"
    )
}

fn group(logical: &str) -> Volumes {
    found(physical_volume(metadata(logical).as_bytes(), 1 << 20))
}

#[test]
fn hostile_32_text_that_is_long_or_deep() {
    let good = group(
        "root { status = [\"VISIBLE\"] segment1 { start_extent = 0 extent_count = 2 type = \"striped\"
         stripes = [\"pv0\", 3] } }",
    );
    assert_eq!(lines(&good), ["disk 0, LVM vg0/root: unknown"]);
    assert_eq!(problems(&good), [""; 0]);
    // The header says 1 GiB.
    let mut long = physical_volume(metadata("").as_bytes(), 1 << 20);
    let mut header = long[4096..4608].to_vec();
    for (area, length) in [(1_u64 << 20, 1_u64 << 30), (2 << 30, 1 << 30), (u64::MAX, u64::MAX), (1 << 20, 0)]
    {
        put(&mut header, 32, &area.to_le_bytes());
        put(&mut header, 48, &length.to_le_bytes());
        let sum = crc(0xf597_a6cf, &header[4..]);
        put(&mut header, 0, &sum.to_le_bytes());
        put(&mut long, 4096, &header);
        put(&mut long, 584 + 40, &area.to_le_bytes());
        let found = found(long.clone());
        assert_eq!(lines(&found), ["disk 0: physical volume"]);
        assert!(problems(&found).len() >= 2, "{:?}", problems(&found));
    }
    // Deep, broken and long texts.
    let sections = "a {\n".repeat(10_000);
    let lists = format!("a = {}", "[".repeat(10_000));
    let values = "a=1\n".repeat(700_000);
    let many = format!("a = [{}]", "1,".repeat(700_000));
    let broken = ["", "}", "vg {", "vg { id = \"", "vg { id = \"\\", "= 3", "vg { a = }", "vg { a = [1 2] }"];
    let texts = [sections, lists, values, many].into_iter().chain(broken.map(str::to_owned));
    for text in texts {
        let found = found(physical_volume(text.as_bytes(), 4 << 20));
        assert_eq!(lines(&found), ["disk 0: physical volume"]);
        assert!(problems(&found).len() >= 2, "{:?}", problems(&found));
    }
    assert_eq!(lines(&found(physical_volume(b"vg \xff { }", 1 << 20))), ["disk 0: physical volume"]);
}

#[test]
fn hostile_32_volumes_that_lie_on_themselves() {
    let segment = |kind: &str| format!("segment1 {{ start_extent = 0 extent_count = 2 {kind} }}");
    let volume = |name: &str, kind: &str| format!("{name} {{ status = [\"VISIBLE\"] {} }}\n", segment(kind));
    let on = |name: &str| format!("type = \"striped\" stripes = [\"{name}\", 0]");
    let itself = volume("a", &on("a"));
    let each_other = volume("a", &on("b")) + &volume("b", &on("a"));
    let snapshot = volume("a", &on("pv0"))
        + &format!(
            "s {{ {} }}",
            segment("type = \"snapshot\" chunk_size = 8 origin = \"a\" cow_store = \"a\"")
        );
    let pool = volume("p", "type = \"thin-pool\" metadata = \"p\" pool = \"p\"")
        + &volume("t", "type = \"thin\" thin_pool = \"p\" device_id = 1")
        + &volume("u", "type = \"thin\" thin_pool = \"nowhere\" device_id = 1")
        + &volume("v", "type = \"thin\" thin_pool = \"t\" device_id = 1 external_origin = \"v\"");
    // Every segment of each volume on the next: 1000 ways at each of 30 steps.
    let mut bomb = String::new();
    for number in 0..30 {
        bomb += &format!("v{number} {{ status = [\"VISIBLE\"]\n");
        for segment in 0..100 {
            bomb += &format!(
                "segment{segment} {{ start_extent = {segment} extent_count = 1 type = \"striped\" \
                 stripes = [\"v{}\", 0] }}\n",
                number + 1
            );
        }
        bomb += "}\n";
    }
    let strange = volume("a", "type = \"striped\" stripes = []")
        + &volume("b", "type = \"striped\" stripes = [\"pv0\", 9223372036854775807]");
    let large = "a { status = [\"VISIBLE\"] segment1 { start_extent = 0 extent_count = 9223372036854775807
        type = \"striped\" stripes = [\"pv0\", 0] } segment2 { start_extent = 9223372036854775807 extent_count =
        9223372036854775807 type = \"zero\" } }";
    let gap = "a { status = [\"VISIBLE\"] segment1 { start_extent = 5 extent_count = 1 type = \"zero\" }
        segment2 { start_extent = 5 extent_count = 1 type = \"zero\" } }";
    for (name, logical) in [
        ("itself", &itself[..]),
        ("each other", &each_other),
        ("snapshot", &snapshot),
        ("pool", &pool),
        ("bomb", &bomb),
        ("strange", &strange),
        ("large", large),
        ("gap", gap),
    ] {
        let found = group(logical);
        assert!(!problems(&found).is_empty(), "{name}");
        read_some(&found);
    }
}

#[test]
fn hostile_35_disks_that_are_short_or_empty() {
    let empty = volume::find(&[memory(Vec::new())]);
    assert!(empty.volumes.is_empty());
    assert_eq!(problems(&empty).len(), 1);
    assert!(volume::find(&[]).volumes.is_empty());
    for length in [1, 511, 512, 513, 4095, 4096, 65535] {
        for fill in [0, 0xff] {
            let found = found(vec![fill; length]);
            assert_eq!(lines(&found), ["disk 0: unknown"], "{length}");
            assert_eq!(problems(&found), [""; 0], "{length}");
            assert_eq!(found.volumes[0].disk.size(), length as u64);
        }
    }
    // No table at all.
    let bare = found(pattern(9, 3 << 20));
    assert_eq!(lines(&bare), ["disk 0: unknown"]);
    // Cut anywhere.
    let whole = gpt(|_, _| {});
    for length in (0..whole.len()).step_by(1021).chain([513, 600, 1023, 1024, 1025]) {
        let found = found(whole[..length].to_vec());
        assert!(!problems(&found).is_empty() || length < 600, "{length}");
        read_some(&found);
    }
}

#[test]
fn hostile_35_two_magics_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("disk");
    image(&path, 16 << 20);
    output("mkfs.ext4", &["-q", "-F", text(&path)], "");
    let mut bytes = std::fs::read(&path).expect("the image");
    put(&mut bytes, 0, b"XFSB");
    let both = found(bytes.clone());
    assert_eq!(both.volumes[0].kind, Kind::Filesystem(vec!["xfs", "ext4"]));
    assert!(problems(&both).join("\n").contains("several at once: xfs, ext4"), "{:?}", problems(&both));
    // A table, with a partition in which something is known, beside a filesystem.
    put(&mut bytes, 0, &[0; 4]);
    put(&mut bytes, 446, &[0, 0, 0, 0, 0x83, 0, 0, 0, 0, 0x30, 0, 0, 0, 8, 0, 0]);
    put(&mut bytes, 510, &[0x55, 0xaa]);
    let filesystem = found(bytes.clone());
    assert_eq!(lines(&filesystem), ["disk 0: ext4"]);
    put(&mut bytes, 6 << 20, b"XFSB");
    let table = found(bytes);
    assert_eq!(lines(&table), ["disk 0, partition 1: xfs"]);
    let told = problems(&table).join("\n");
    assert!(told.contains("a partition table and the signature of ext4 at once"), "{told}");
}

/// Reads from each volume and asks for its stored ranges, a bounded amount.
fn read_some(found: &Volumes) {
    for volume in found.volumes.iter().take(50) {
        let mut bytes = vec![0; 70_000];
        let size = volume.disk.size();
        for offset in [0, 1 << 20, size / 2, size.saturating_sub(1000), size, u64::MAX] {
            let read = volume.disk.read_at(&mut bytes, offset);
            assert!(read.is_err() || read.is_ok_and(|read| read <= bytes.len()));
        }
        let mut at = 0;
        for _ in 0..100 {
            let Ok(Some(next)) = volume.disk.next_data(at) else { break };
            assert!(next.start >= at && next.end > next.start && next.end <= size, "{next:?}");
            at = next.end;
        }
    }
}

/// Disks with every layer, by name.
fn samples() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("disk");
    let mut samples = vec![("gpt", vec![gpt(|_, _| {})])];
    image(&path, 8 << 20);
    output(
        "sfdisk",
        &["-q", text(&path)],
        "label: dos\nsize=2048\nstart=4096 type=5\nsize=2048\nsize=2048\n",
    );
    samples.push(("mbr", vec![std::fs::read(&path).expect("the image")]));
    samples.push((
        "group",
        vec![physical_volume(
            metadata(
                "root { status = [\"VISIBLE\"] segment1 { start_extent = 0 extent_count = 2 type = \"striped\"
                 stripes = [\"pv0\", 3] } segment2 { start_extent = 2 extent_count = 2 type = \"striped\"
                 stripe_size = 8 stripes = [\"pv0\", 0, \"pv0\", 1] } }",
            )
            .as_bytes(),
            1 << 20,
        )],
    ));
    samples.push(("raid", super::raid::sample()));
    if super::lvm::has_thin_tools() {
        samples.push(("thin", super::lvm::thin_images()));
    }
    samples
}

#[test]
fn a_bad_block_anywhere_is_told_and_hides_nothing_else() {
    for (name, images) in samples() {
        let disks: Vec<Arc<dyn Disk>> = images.into_iter().map(memory).collect();
        let good = volume::find(&disks);
        assert_eq!(problems(&good), [""; 0], "{name}");
        let mut sweep = 0;
        for victim in 0..disks.len() {
            for number in 0.. {
                let failing = Arc::new(Failing::read(Arc::clone(&disks[victim]), number));
                let mut disks = disks.clone();
                disks[victim] = Arc::clone(&failing) as Arc<dyn Disk>;
                let found = volume::find(&disks);
                if failing.reads.load(Ordering::Relaxed) <= number {
                    break;
                }
                sweep += 1;
                // What was read again, or from elsewhere, is not a problem.
                let same = lines(&found) == lines(&good);
                let told = problems(&found);
                assert!(same || !told.is_empty(), "{name}: read {number}: {:?}", lines(&found));
                assert!(!found.volumes.is_empty(), "{name}: read {number}: {told:?}");
                read_some(&found);
            }
        }
        assert!(sweep > 5, "{name}: {sweep}");
    }
    // A range that stays bad: the table itself, and a partition's head.
    let disk = memory(gpt(|_, _| {}));
    let table = volume::find(&[Arc::new(Failing::range(Arc::clone(&disk), 0..2048))]);
    assert_eq!(lines(&table), ["disk 0, partition 1: xfs"]);
    assert!(problems(&table).iter().any(|line| line.contains("unreadable")), "{:?}", problems(&table));
    let head = volume::find(&[Arc::new(Failing::range(disk, 1 << 20..(1 << 20) + 512))]);
    assert_eq!(lines(&head), ["disk 0, partition 1: unknown"]);
    assert!(problems(&head).iter().any(|line| line.contains("unreadable")), "{:?}", problems(&head));
}

/// A disk that notes which of its ranges are read.
#[derive(Debug)]
struct Noting(Arc<dyn Disk>, Mutex<Vec<Range<u64>>>);

impl Disk for Noting {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let read = self.0.read_at(bytes, offset)?;
        // What is read ahead for the cache is not what is parsed.
        let length = if bytes.len() == 32 << 10 { 4096 } else { read as u64 };
        self.1.lock().expect("the list").push(offset..offset + length);
        Ok(read)
    }
}

#[test]
fn mutations_of_every_sector_that_is_parsed() {
    let mut state = 0x1234_5678_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for (name, images) in samples() {
        let noting: Vec<Arc<Noting>> =
            images.iter().map(|image| Arc::new(Noting(memory(image.clone()), Mutex::default()))).collect();
        let disks: Vec<Arc<dyn Disk>> = noting.iter().map(|disk| Arc::clone(disk) as Arc<dyn Disk>).collect();
        let _ = volume::find(&disks);
        let mut tried = 0;
        for (number, disk) in noting.iter().enumerate() {
            let mut sectors: Vec<u64> = Vec::new();
            for range in &*disk.1.lock().expect("the list") {
                sectors.extend(range.start / 512..range.end.div_ceil(512));
            }
            sectors.sort_unstable();
            sectors.dedup();
            // Sectors of zeros say nothing but by what is put there: fewer of them.
            for sector in sectors {
                let at = sector as usize * 512;
                let end = (at + 512).min(images[number].len());
                let zeros = images[number][at..end].iter().all(|byte| *byte == 0);
                for _ in 0..if zeros { 1 } else { 12 } {
                    let mut changed = images[number][at..end].to_vec();
                    for _ in 0..1 + random() % 4 {
                        let place = random() % changed.len();
                        let value = [0, 1, 0x7f, 0x80, 0xff, random() as u8][random() % 6];
                        match random() % 3 {
                            0 => changed[place] ^= 1 << (random() % 8),
                            1 => changed[place] = value,
                            _ => changed[place..].iter_mut().take(8).for_each(|byte| *byte = value),
                        }
                    }
                    let patched = Patched(Arc::clone(&noting[number].0), at as u64, changed);
                    let mut disks: Vec<Arc<dyn Disk>> =
                        noting.iter().map(|disk| Arc::clone(&disk.0)).collect();
                    disks[number] = Arc::new(patched);
                    read_some(&volume::find(&disks));
                    tried += 1;
                }
            }
        }
        println!("{name}: {tried} mutations");
        assert!(tried > 50, "{name}");
    }
}

/// A disk with other bytes in one place.
#[derive(Debug)]
struct Patched(Arc<dyn Disk>, u64, Vec<u8>);

impl Disk for Patched {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let read = self.0.read_at(bytes, offset)?;
        for (at, byte) in bytes[..read].iter_mut().enumerate() {
            if let Some(other) = (offset + at as u64).checked_sub(self.1)
                && let Some(other) = self.2.get(other as usize)
            {
                *byte = *other;
            }
        }
        Ok(read)
    }
}

#[test]
fn a_damaged_table_is_told_beside_a_signature() {
    // Neither GPT header can be used, and an old superblock lies where one was.
    let mut bytes = gpt(|first, second| {
        first.entry_size = 0;
        second.entry_size = 0;
    });
    put(&mut bytes, 0x10040, b"_BHRfS_M");
    let found = found(bytes);
    assert_eq!(lines(&found), ["disk 0: btrfs"]);
    let told = problems(&found).join("\n");
    assert!(told.contains("no copy of the GPT can be read"), "{told}");
}
