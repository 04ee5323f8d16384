//! Software RAID. Superblocks are made here after `md_p.h`, as there need be no md
//! driver, and held against what `mdadm --examine` says of them.

use std::sync::Arc;

use snapsift::source::disk::Disk;
use snapsift::source::volume::{self, Kind};

use super::disks::{all, lines, memory, named, output, pattern, problems, unused};
use super::lvm::{Group, linear, logical};
use crate::support::filesystem::{may_mount, text};

/// What a member's superblock says.
#[derive(Clone)]
struct Member {
    /// 0 for 1.0, 1 for 1.1, 2 for 1.2, 90 for 0.90.
    minor: u32,
    level: i32,
    disks: u32,
    number: u32,
    events: u64,
    /// In bytes.
    chunk: u32,
    layout: u32,
    /// Of the data, in bytes.
    offset: u64,
    /// Of the array on each member, in bytes; for RAID0 of the data.
    size: u64,
}

const ONE: Member = Member {
    minor: 2,
    level: 1,
    disks: 2,
    number: 0,
    events: 20,
    chunk: 0,
    layout: 0,
    offset: 1 << 20,
    size: 4 << 20,
};

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// The sum of 32-bit words, its upper half added to the lower.
fn sum(bytes: &[u8]) -> u32 {
    let words =
        bytes.chunks_exact(4).map(|word| u64::from(u32::from_le_bytes(word.try_into().expect("four"))));
    let sum: u64 = words.sum();
    (sum + (sum >> 32)) as u32
}

impl Member {
    fn superblock(&self, size: u64) -> (u64, Vec<u8>) {
        if self.minor == 90 {
            return self.version_0_90(size);
        }
        let place = match self.minor {
            0 => (size / 512 - 16) / 8 * 8 * 512,
            1 => 0,
            _ => 4096,
        };
        let mut bytes = vec![0; 512];
        let sectors = |bytes: u64| (bytes / 512).to_le_bytes();
        put(&mut bytes, 0, &0xa92b_4efc_u32.to_le_bytes());
        put(&mut bytes, 4, &1_u32.to_le_bytes());
        put(&mut bytes, 8, &if self.level == 0 { 0x1000_u32 } else { 0 }.to_le_bytes());
        put(&mut bytes, 16, &[0x42; 16]);
        put(&mut bytes, 32, b"host:data");
        put(&mut bytes, 72, &self.level.to_le_bytes());
        put(&mut bytes, 76, &self.layout.to_le_bytes());
        put(&mut bytes, 80, &sectors(if self.level == 0 { 0 } else { self.size }));
        put(&mut bytes, 88, &(self.chunk / 512).to_le_bytes());
        put(&mut bytes, 92, &self.disks.to_le_bytes());
        put(&mut bytes, 128, &sectors(self.offset));
        put(&mut bytes, 136, &sectors(self.size));
        put(&mut bytes, 144, &sectors(place));
        put(&mut bytes, 160, &self.number.to_le_bytes());
        put(&mut bytes, 168, &[self.number as u8 + 1; 16]);
        put(&mut bytes, 200, &self.events.to_le_bytes());
        put(&mut bytes, 208, &u64::MAX.to_le_bytes());
        put(&mut bytes, 220, &128_u32.to_le_bytes());
        for number in 0..128_u16 {
            let role = if u32::from(number) < self.disks { number } else { 0xffff };
            put(&mut bytes, 256 + 2 * usize::from(number), &role.to_le_bytes());
        }
        let sum = sum(&bytes);
        put(&mut bytes, 216, &sum.to_le_bytes());
        (place, bytes)
    }

    fn version_0_90(&self, size: u64) -> (u64, Vec<u8>) {
        let mut bytes = vec![0; 4096];
        let mut word = |number: usize, value: u32| put(&mut bytes, 4 * number, &value.to_le_bytes());
        word(0, 0xa92b_4efc);
        word(2, 90);
        word(5, 0x1111_1111);
        word(7, self.level as u32);
        word(8, (self.size / 1024) as u32);
        word(9, self.disks);
        word(10, self.disks);
        word(11, 127);
        word(13, 0x2222_2222);
        word(14, 0x3333_3333);
        word(15, 0x4444_4444);
        word(33, 1);
        word(34, self.disks);
        word(35, self.disks);
        word(39, self.events as u32);
        word(64, self.layout);
        word(65, self.chunk);
        for number in 0..self.disks {
            let at = 128 + 32 * number as usize;
            word(at, number);
            word(at + 3, number);
            word(at + 4, 6);
        }
        word(992, self.number);
        word(995, self.number);
        word(996, 6);
        let sum = sum(&bytes);
        put(&mut bytes, 38 * 4, &sum.to_le_bytes());
        (size / 65536 * 65536 - 65536, bytes)
    }

    /// An image of the member with its part of the array.
    fn image(&self, size: u64, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; size as usize];
        put(&mut bytes, self.offset as usize, data);
        let (place, superblock) = self.superblock(size);
        put(&mut bytes, place as usize, &superblock);
        bytes
    }
}

fn disks(images: &[Vec<u8>]) -> Vec<Arc<dyn Disk>> {
    images.iter().map(|image| memory(image.clone())).collect()
}

/// Content that is known: its first bytes are a signature of XFS.
fn content(length: usize) -> Vec<u8> {
    let mut bytes = pattern(77, length);
    put(&mut bytes, 0, b"XFSB");
    bytes
}

#[test]
fn mdadm_takes_the_superblocks() {
    if !std::path::Path::new("/usr/sbin/mdadm").exists() && !std::path::Path::new("/sbin/mdadm").exists() {
        println!("not run: mdadm is not installed");
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    for minor in [0, 1, 2, 90] {
        let offset = if minor == 90 { 0 } else { 1 << 20 };
        let member = Member { minor, offset, ..ONE };
        let path = dir.path().join("member");
        std::fs::write(&path, member.image(8 << 20, &[])).expect("an image");
        let told = output("mdadm", &["--examine", text(&path)], "");
        let version = if minor == 90 { "Version : 0.90" } else { "Version : 1" };
        for wanted in [version, "raid1", "- correct"] {
            assert!(told.contains(wanted), "{wanted}: {told}");
        }
    }
}

#[test]
fn raid1_is_read_from_any_member() {
    let array = content(4 << 20);
    for minor in [0, 1, 2, 90] {
        let offset = if matches!(minor, 0 | 90) { 0 } else { 1 << 20 };
        let name = if minor == 90 { "RAID1 md127" } else { "RAID1 host:data" };
        let image = |number| Member { minor, number, offset, ..ONE }.image(8 << 20, &array);
        let images = [image(0), image(1)];
        let both = volume::find(&disks(&images));
        assert_eq!(lines(&both), [format!("disk 0 + disk 1, {name}: xfs")], "1.{minor}");
        assert!(all(&*named(&both, name).disk) == array);
        assert_eq!(problems(&both), [""; 0]);
        for image in images {
            let one = volume::find(&[memory(image)]);
            assert_eq!(lines(&one), [format!("disk 0, {name}: xfs")]);
            assert!(all(&*named(&one, name).disk) == array);
            assert_eq!(problems(&one), [""; 0]);
            let gaps: u64 = unused(&one);
            assert_eq!(gaps, 4 << 20);
        }
    }
}

#[test]
fn a_member_that_is_out_of_date_is_not_read() {
    let (old, new) = (pattern(5, 4 << 20), content(4 << 20));
    let stale = Member { events: 7, ..ONE }.image(8 << 20, &old);
    let fresh = Member { number: 1, ..ONE }.image(8 << 20, &new);
    let found = volume::find(&disks(&[stale, fresh]));
    assert_eq!(lines(&found), ["disk 1, RAID1 host:data: xfs"]);
    assert!(problems(&found).join("\n").contains("out of date"), "{:?}", problems(&found));
    // It is given as bytes all the same.
    assert!(found.gaps.iter().any(|gap| gap.disks == [0] && gap.ranges.first() == Some(&(0..8 << 20))));
}

#[test]
fn raid0_and_linear_need_all_members() {
    let chunk = 64 << 10;
    // Three members of two sizes: 20, 20 and 32 chunks.
    let sizes = [20_u64, 20, 32].map(|chunks| chunks * u64::from(chunk));
    for (level, layout) in [(0, 1), (0, 2), (-1, 0)] {
        let array = content(72 * chunk as usize);
        let mut parts: [Vec<u8>; 3] = Default::default();
        for (number, bytes) in array.chunks(chunk as usize).enumerate() {
            let which = match (level, number) {
                (0, 0..60) => number % 3,
                // One member has room: every layout is the same.
                (0, _) => 2,
                _ => [20, 40, 72].iter().position(|end| number < *end).expect("within"),
            };
            parts[which].extend(bytes);
        }
        let image = |number: usize| {
            let member =
                Member { level, layout, number: number as u32, disks: 3, chunk, size: sizes[number], ..ONE };
            member.image(8 << 20, &parts[number])
        };
        let images = [image(0), image(1), image(2)];
        // In whichever order the disks are given.
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            let found = volume::find(&disks(&order.map(|at| images[at].clone())));
            assert_eq!(found.volumes.len(), 1, "{:?} {:?}", lines(&found), problems(&found));
            assert!(all(&*found.volumes[0].disk) == array, "{level} {order:?}");
            assert_eq!(problems(&found), [""; 0]);
        }
        let found = volume::find(&disks(&images[1..]));
        assert_eq!(found.volumes.len(), 2);
        for volume in &found.volumes {
            assert!(matches!(volume.kind, Kind::RaidMember(_)), "{:?}", volume.kind);
            assert_eq!(volume.disk.size(), 8 << 20);
        }
        assert!(problems(&found).join("\n").contains("not all of its members"), "{:?}", problems(&found));
    }
}

#[test]
fn raid0_whose_second_zone_turns() {
    // 7, 9 and 9 chunks: the second zone, of two members, begins at chunk 21.
    let chunk = 4096;
    let sizes = [7_u64, 9, 9].map(|chunks| chunks * u64::from(chunk));
    let array = content(25 * chunk as usize);
    for (layout, first) in [(1, 1), (2, 0)] {
        let mut parts: [Vec<u8>; 3] = Default::default();
        for (number, bytes) in array.chunks(chunk as usize).enumerate() {
            // The older layout goes on counting from the begin of the array.
            let which = if number < 21 { number % 3 } else { 1 + (number - 21 + first) % 2 };
            parts[which].extend(bytes);
        }
        let image = |number: usize| {
            Member { level: 0, layout, number: number as u32, disks: 3, chunk, size: sizes[number], ..ONE }
                .image(2 << 20, &parts[number])
        };
        let found = volume::find(&disks(&[image(0), image(1), image(2)]));
        assert!(all(&*found.volumes[0].disk) == array, "layout {layout}");
    }
}

#[test]
fn other_levels_are_named_with_their_bytes() {
    for (level, name) in [(5, "RAID5"), (6, "RAID6"), (10, "RAID10"), (4, "RAID4")] {
        let image = |number| Member { level, number, disks: 3, chunk: 65536, ..ONE }.image(8 << 20, &[]);
        let found = volume::find(&disks(&[image(0), image(1), image(2)]));
        assert_eq!(found.volumes.len(), 3);
        for volume in &found.volumes {
            assert_eq!(volume.kind, Kind::RaidMember(name.to_owned()));
            assert_eq!(volume.disk.size(), 8 << 20);
        }
        assert!(problems(&found).join("\n").contains("this level is not read"), "{:?}", problems(&found));
    }
}

#[test]
fn a_superblock_at_the_end_belongs_to_the_last_partition() {
    // A partition to the end of the disk: its superblock of 0.90 lies where the
    // disk's own would.
    let array = content(4 << 20);
    let member = Member { minor: 90, offset: 0, disks: 1, ..ONE };
    let part = member.image(7 << 20, &array);
    let mut disk = vec![0; 8 << 20];
    put(&mut disk, 1 << 20, &part);
    put(&mut disk, 446, &[0, 0, 0, 0, 0xfd, 0, 0, 0, 0, 8, 0, 0, 0, 0x38, 0, 0]);
    put(&mut disk, 510, &[0x55, 0xaa]);
    let found = volume::find(&[memory(disk)]);
    assert_eq!(lines(&found), ["disk 0, partition 1, RAID1 md127: xfs"]);
    assert_eq!(problems(&found), [""; 0]);
}

#[test]
fn a_filesystem_on_lvm_on_raid1_on_a_partition() {
    if !may_mount() {
        return;
    }
    let mut group = Group::new(1, &[]);
    group.restore(&logical("root", true, &[(5, &linear("\"pv0\", 3"))]));
    let inner = content(5 << 20);
    group.write("root", 0, &inner);
    drop(group.found());
    let pv = std::fs::read(&group.images[0]).expect("the image");
    let image = |number| {
        let part = Member { number, size: 64 << 20, ..ONE }.image(66 << 20, &pv);
        let mut disk = vec![0; 68 << 20];
        put(&mut disk, 1 << 20, &part);
        put(&mut disk, 446, &[0, 0, 0, 0, 0xfd, 0, 0, 0, 0, 8, 0, 0, 0, 0x10, 2, 0]);
        put(&mut disk, 510, &[0x55, 0xaa]);
        disk
    };
    let found = volume::find(&disks(&[image(0), image(1)]));
    assert_eq!(
        lines(&found),
        ["disk 0, partition 1 + disk 1, partition 1, RAID1 host:data, LVM vg0/root: xfs"]
    );
    assert!(all(&*found.volumes[0].disk) == inner);
    assert_eq!(found.volumes[0].disks, [0, 1]);
    assert_eq!(problems(&found), [""; 0]);
}

/// Two disks with partitions that are a RAID0, and two that are a RAID1.
pub(super) fn sample() -> Vec<Vec<u8>> {
    let (zero, one) = (content(4 << 20), content(2 << 20));
    let mut parts = [Vec::new(), Vec::new()];
    for (number, bytes) in zero.chunks(65536).enumerate() {
        parts[number % 2].extend(bytes);
    }
    let image = |number: usize| {
        let striped = Member { level: 0, number: number as u32, chunk: 65536, size: 2 << 20, ..ONE };
        let mirror = Member { minor: 90, offset: 0, number: number as u32, size: 2 << 20, ..ONE };
        let mut disk = vec![0; 8 << 20];
        put(&mut disk, 1 << 20, &striped.image(4 << 20, &parts[number]));
        put(&mut disk, 5 << 20, &mirror.image(3 << 20, &one));
        put(&mut disk, 446, &[0, 0, 0, 0, 0xfd, 0, 0, 0, 0, 8, 0, 0, 0, 0x20, 0, 0]);
        put(&mut disk, 462, &[0, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0x28, 0, 0, 0, 0x18, 0, 0]);
        put(&mut disk, 510, &[0x55, 0xaa]);
        disk
    };
    vec![image(0), image(1)]
}
