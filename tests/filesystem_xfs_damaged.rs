//! Damaged and forged XFS: whatever the bytes, there is an answer or an error, soon.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a test stops where it cannot go on, says what it did, and makes its numbers itself"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use snapsift::source::disk::{Disk, DiskError, DiskResult, FileDisk, MemoryDisk, Part};
use snapsift::source::filesystem::xfs::{self, Xfs};
use snapsift::source::filesystem::{Filesystem, NodeId};
use support::filesystem::{Mount, image, may_mount, run, text};

const SIZE: u64 = 320 << 20;

/// A disk of which some sectors are others, and that knows which were read.
#[derive(Debug)]
struct Changed {
    disk: Arc<dyn Disk>,
    sectors: BTreeMap<u64, Vec<u8>>,
    read: Mutex<BTreeSet<u64>>,
    fails: Option<Range<u64>>,
}

impl Changed {
    fn new(disk: &Arc<dyn Disk>) -> Self {
        Self { disk: Arc::clone(disk), sectors: BTreeMap::new(), read: Mutex::default(), fails: None }
    }

    fn sector(&self, number: u64) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        self.read_at(&mut bytes, number * 512).expect("bytes");
        bytes
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) {
        for (byte, at) in bytes.iter().zip(offset..) {
            let mut sector = self.sector(at / 512);
            sector[(at % 512) as usize] = *byte;
            self.sectors.insert(at / 512, sector);
        }
    }
}

impl Disk for Changed {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let range = offset..offset + bytes.len() as u64;
        if self.fails.as_ref().is_some_and(|fails| fails.start < range.end && range.start < fails.end) {
            return Err(DiskError::io(offset, &std::io::Error::other("a bad block")));
        }
        let filled = self.disk.read_at(bytes, offset)?;
        let sectors = offset / 512..(offset + filled as u64).div_ceil(512);
        self.read.lock().expect("a lock").extend(sectors.clone());
        for (number, sector) in self.sectors.range(sectors) {
            for (byte, at) in sector.iter().zip(number * 512..) {
                if range.contains(&at) && ((at - offset) as usize) < filled {
                    bytes[(at - offset) as usize] = *byte;
                }
            }
        }
        Ok(filled)
    }
}

/// What a walk through everything gives.
#[derive(Debug, Default, PartialEq, Eq)]
struct Walk {
    paths: BTreeSet<Vec<u8>>,
    errors: Vec<String>,
}

/// Asks everything that can be asked, and reads no content.
fn walk(filesystem: &Xfs) -> Walk {
    let mut walk = Walk::default();
    let mut seen: BTreeSet<NodeId> = BTreeSet::new();
    let mut waiting = vec![(Vec::new(), filesystem.root())];
    while let Some((path, dir)) = waiting.pop() {
        if !seen.insert(dir) {
            continue;
        }
        let mut entries = Vec::new();
        let listed = filesystem.list(dir, &mut |entry| {
            assert!(!entry.name.is_empty() && entry.name != b"." && entry.name != b"..");
            assert!(!entry.name.contains(&b'/') && !entry.name.contains(&0));
            entries.push(([&path, &b"/"[..], entry.name].concat(), entry.id));
            ControlFlow::Continue(())
        });
        walk.errors.extend(listed.err().map(|error| error.to_string()));
        for (path, id) in entries {
            let stat = match filesystem.stat(id) {
                Ok(stat) => stat,
                Err(error) => {
                    walk.errors.push(error.to_string());
                    continue;
                }
            };
            let result = if stat.file_type.is_dir() {
                waiting.push((path.clone(), id));
                Ok(())
            } else if stat.file_type.is_symlink() {
                filesystem.link_target(id).map(|_| ())
            } else if stat.file_type.is_file() {
                filesystem.content(id).map(|content| {
                    let mut end = 0;
                    for piece in content.pieces {
                        assert!(piece.at >= end && piece.length > 0);
                        end = piece.at.checked_add(piece.length).expect("an end");
                    }
                })
            } else {
                Ok(())
            };
            walk.errors.extend(result.err().map(|error| error.to_string()));
            walk.paths.insert(path);
        }
    }
    let deleted = filesystem.deleted(&mut |_| ControlFlow::Continue(()));
    walk.errors.extend(deleted.err().map(|error| error.to_string()));
    let mut end = 0;
    let free = filesystem.free(&mut |_, range| {
        assert!(range.start >= end && range.end > range.start);
        end = range.end;
        ControlFlow::Continue(())
    });
    walk.errors.extend(free.err().map(|error| error.to_string()));
    walk.errors.extend(filesystem.problems().into_iter().map(|(error, _)| error.to_string()));
    walk
}

/// An image with something of each kind, the tree of extents and of inodes among them;
/// unmounted or copied before.
fn made(dir: &Path, options: &[&str], is_unclean: bool) -> Arc<dyn Disk> {
    let path = dir.join("image");
    image(&path, SIZE);
    run("mkfs.xfs", &[&["-q", "-f"], options, &[text(&path)]].concat());
    let mount = Mount::new(&path, &dir.join("mount"), "");
    let at = |name: &str| mount.path().join(name);
    for name in ["short", "single", "many"] {
        std::fs::create_dir(at(name)).expect("a directory");
    }
    for (name, count) in [("short", 3), ("single", 30), ("many", 300)] {
        for number in 0..count {
            std::fs::write(at(&format!("{name}/file {number}")), format!("{number}")).expect("a file");
        }
    }
    for length in [20, 900] {
        std::os::unix::fs::symlink("x".repeat(length), at(&format!("link {length}"))).expect("a link");
    }
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::File::create(at("pieces")).expect("a file");
    file.set_len(600 * 65_536).expect("a size");
    for step in 0..600_u64 {
        file.write_all_at(&[1], step * 65_536).expect("data");
    }
    drop(file);
    run("sync", &["-f", text(mount.path())]);
    if is_unclean {
        let copy = dir.join("copy");
        std::fs::copy(&path, &copy).expect("a copy");
        drop(mount);
        return disk(&copy);
    }
    drop(mount);
    let mount = Mount::new(&path, &dir.join("mount"), "");
    for number in (0..300).step_by(3) {
        std::fs::remove_file(mount.path().join(format!("many/file {number}"))).expect("deleted");
    }
    drop(mount);
    disk(&path)
}

fn disk(path: &PathBuf) -> Arc<dyn Disk> {
    let file = std::fs::File::open(path).expect("an image");
    let size = file.metadata().expect("its size").len();
    Arc::new(FileDisk::new(file, size))
}

/// Reproducible numbers.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 33) % end
    }

    /// Changes a few bytes, most often in the way in which it hurts.
    fn damage(&mut self, bytes: &mut [u8]) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() as u64) as usize;
            match self.below(5) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = 0xff,
                2 => bytes[at] = self.next() as u8,
                3 => {
                    let end = bytes.len().min(at + 1 + self.below(8) as usize);
                    bytes[at..end].fill(if self.below(2) == 0 { 0 } else { 0xff });
                }
                _ => {
                    let from = self.below(bytes.len() as u64) as usize;
                    let length = (bytes.len() - from.max(at)).min(8);
                    bytes.copy_within(from..from + length, at);
                }
            }
        }
    }
}

/// Damages every sector that a walk reads. Returns how many walks there were.
fn damage_everything(disk: &Arc<dyn Disk>, seed: u64, walks: u64) -> u64 {
    let recorder = Arc::new(Changed::new(disk));
    let whole = xfs::open(Arc::clone(&recorder) as Arc<dyn Disk>).expect("XFS");
    let before = walk(&whole);
    assert_eq!(before.errors, [""; 0]);
    let sectors: Vec<u64> = recorder.read.lock().expect("a lock").iter().copied().collect();
    let used: Vec<u64> =
        sectors.into_iter().filter(|sector| recorder.sector(*sector).iter().any(|byte| *byte != 0)).collect();
    let mut numbers = Numbers(seed);
    let (mut done, mut opened) = (0, 0);
    while done < walks {
        for sector in &used {
            let mut changed = Changed::new(disk);
            let mut bytes = changed.sector(*sector);
            numbers.damage(&mut bytes);
            changed.sectors.insert(*sector, bytes);
            let changed: Arc<dyn Disk> = Arc::new(changed);
            if let Ok(filesystem) = xfs::open(changed) {
                walk(&filesystem);
                opened += 1;
            }
            done += 1;
            if done == walks {
                break;
            }
        }
    }
    println!("{} sectors, {done} walks, {opened} of them opened", used.len());
    done
}

#[test]
fn damage_in_every_sector_of_version_5() {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let disk = made(dir.path(), &["-b", "size=1024"], false);
    damage_everything(&disk, 1, 2000);
}

#[test]
fn damage_in_every_sector_of_a_log() {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let disk = made(dir.path(), &[], true);
    damage_everything(&disk, 2, 500);
    // With checksums that are right again, so that the damage is replayed.
    let recorder = Arc::new(Changed::new(&disk));
    let filesystem = xfs::open(Arc::clone(&recorder) as Arc<dyn Disk>).expect("XFS");
    assert!(filesystem.about().notes[0].contains("replayed"));
    let sectors: Vec<u64> = recorder.read.lock().expect("a lock").iter().copied().collect();
    let number = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four"));
    let is_record = |sector: &u64| {
        let bytes = recorder.sector(*sector);
        number(&bytes, 0) == 0xfeed_babe && (64..=32 << 10).contains(&number(&bytes, 12))
    };
    let records: Vec<u64> = sectors.into_iter().filter(is_record).collect();
    let mut numbers = Numbers(3);
    let (mut replayed, mut refused) = (0, 0);
    for round in 0..600 {
        let start = records[round % records.len()];
        let mut head = recorder.sector(start);
        let length = number(&head, 12) as usize;
        let mut data = vec![0; length];
        recorder.read_at(&mut data, (start + 1) * 512).expect("bytes");
        for _ in 0..1 + numbers.below(3) {
            let at = numbers.below((length - 64) as u64) as usize;
            numbers.damage(&mut data[at..at + 64]);
        }
        head[32..36].fill(0);
        let sum = crc32c::crc32c_append(crc32c::crc32c(&head[..328]), &data);
        head[32..36].copy_from_slice(&sum.to_le_bytes());
        let mut changed = Changed::new(&disk);
        for (sector, at) in [head, data].concat().chunks(512).zip(start..) {
            let mut whole = recorder.sector(at);
            whole[..sector.len()].copy_from_slice(sector);
            changed.sectors.insert(at, whole);
        }
        if let Ok(filesystem) = xfs::open(Arc::new(changed)) {
            if filesystem.about().notes.iter().any(|note| note.contains("was replayed")) {
                replayed += 1;
            } else {
                refused += 1;
            }
            if round % 4 == 0 {
                walk(&filesystem);
            }
        }
    }
    println!("{} records: {replayed} replayed, {refused} refused", records.len());
    assert!(replayed > 50 && refused > 20, "{replayed} replayed, {refused} refused");
}

/// Those of a walk through an undamaged image that a damaged one lacks.
fn missing<'w>(whole: &'w Walk, damaged: &'w Walk) -> Vec<&'w Vec<u8>> {
    whole.paths.difference(&damaged.paths).collect()
}

/// Number 30: the headers of allocation groups are zeros, with sectors of both sizes.
#[test]
fn hostile_30_headers_of_groups_are_zeros() {
    if !may_mount() {
        return;
    }
    for sector in [512_u64, 4096] {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = made(dir.path(), &["-s", &format!("size={sector}")], false);
        let whole = walk(&xfs::open(Arc::clone(&disk)).expect("XFS"));
        assert!(!whole.paths.is_empty() && whole.errors.is_empty());
        let group = SIZE / 4;
        // The superblock alone; all of the first header; all of another; each of its parts.
        let cases = [
            (0, 1, true),
            (0, 4, true),
            (group, 4, true),
            (group * 2 + sector, 1, true),
            (group * 2 + 2 * sector, 1, true),
            (group + 3 * sector, 1, true),
        ];
        for (start, sectors, is_whole) in cases {
            let mut changed = Changed::new(&disk);
            changed.put(start, &vec![0; (sectors * sector) as usize]);
            assert!(xfs::detect(&changed), "{start} {sectors}");
            let filesystem = xfs::open(Arc::new(changed)).expect("XFS");
            let found = walk(&filesystem);
            assert_eq!(missing(&whole, &found).is_empty(), is_whole, "{start} {sectors}: {:?}", found.errors);
            assert!(start == group || !found.errors.is_empty(), "{start} {sectors}: is told");
        }
    }
}

/// Number 28: a directory names its ancestor.
#[test]
fn hostile_28_directory_names_its_ancestor() {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let disk = made(dir.path(), &["-m", "crc=1"], false);
    let filesystem = xfs::open(Arc::clone(&disk)).expect("XFS");
    let root = filesystem.root();
    let mut short = None;
    let _ = filesystem.list(root, &mut |entry| {
        short = (entry.name == b"short").then_some(entry.id).or(short);
        ControlFlow::Continue(())
    });
    let short = short.expect("the directory");
    // It lies in its inode: the numbers are the last four bytes of each name.
    let path = dir.path().join("image");
    let place = inode_place(&path, short.inode);
    let mut changed = Changed::new(&disk);
    let mut inode = vec![0; 512];
    changed.read_at(&mut inode, place).expect("an inode");
    let at = inode.windows(6).position(|window| window == b"file 1").expect("the name") + 6 + 1;
    changed.put(place + at as u64, &u32::try_from(root.inode).expect("a number").to_be_bytes());
    let filesystem = xfs::open(Arc::new(changed)).expect("XFS");
    let found = walk(&filesystem);
    assert!(found.paths.contains(&b"/short/file 1"[..]));
    assert!(found.errors.iter().any(|error| error.contains("checksum")), "{:?}", found.errors);
    assert!(filesystem.stat(NodeId { tree: 0, inode: root.inode }).expect("facts").file_type.is_dir());
}

/// Offset of an inode by `xfs_db`.
fn inode_place(path: &Path, number: u64) -> u64 {
    let told = std::process::Command::new("/usr/sbin/xfs_db")
        .args(["-r", "-c", &format!("convert ino {number} byte"), text(path)])
        .output();
    let told = String::from_utf8(told.expect("it runs").stdout).expect("UTF-8");
    told.split(['(', ')']).nth(1).expect("an offset").parse().expect("a number")
}

/// Number 41: times at the ends of their ranges and impossible ones, a size of -1, an
/// owner of 2^32-1, the inode 0.
#[test]
fn hostile_41_impossible_facts() {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    for is_big in [false, true] {
        let disk = made(dir.path(), &["-m", if is_big { "bigtime=1" } else { "bigtime=0" }], false);
        let filesystem = xfs::open(Arc::clone(&disk)).expect("XFS");
        let mut pieces = None;
        let _ = filesystem.list(filesystem.root(), &mut |entry| {
            pieces = (entry.name == b"pieces").then_some(entry.id).or(pieces);
            ControlFlow::Continue(())
        });
        let pieces = pieces.expect("the file");
        let place = inode_place(&dir.path().join("image"), pieces.inode);
        let mut changed = Changed::new(&disk);
        changed.put(place + 8, &[0xff; 4]);
        changed.put(place + 56, &[0xff; 8]);
        if is_big {
            changed.put(place + 32, &0_u64.to_be_bytes());
            changed.put(place + 40, &[0xff; 8]);
            changed.put(place + 48, &(1_u64 << 62).to_be_bytes());
        } else {
            changed.put(place + 32, &[0x80, 0, 0, 0, 0, 0, 0, 0]);
            changed.put(place + 40, &[0x7f, 0xff, 0xff, 0xff, 0x3b, 0x9a, 0xc9, 0xff]);
            changed.put(place + 48, &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
        }
        let filesystem = xfs::open(Arc::new(changed)).expect("XFS");
        let stat = filesystem.stat(pieces).expect("facts");
        assert_eq!((stat.uid, stat.size), (u32::MAX, None));
        assert_eq!(stat.atime, Some((-(1 << 31), 0)));
        if is_big {
            // The last nanosecond of 64 bits: beyond what the kernel writes, and right.
            assert_eq!(stat.mtime, Some((18_446_744_073 - (1 << 31), 709_551_615)));
            assert_eq!(stat.ctime, Some(((1 << 62) / 1_000_000_000 - (1 << 31), 427_387_904)));
        } else {
            assert_eq!(stat.mtime, Some(((1 << 31) - 1, 999_999_999)));
            assert_eq!(stat.ctime, None);
        }
        assert!(filesystem.content(pieces).is_err());
        assert!(filesystem.stat(NodeId { tree: 0, inode: 0 }).is_err());
        assert!(filesystem.stat(NodeId { tree: 0, inode: u64::MAX }).is_err());
    }
}

/// Number 35: an image that is cut anywhere, or is nothing.
#[test]
fn hostile_35_cut_images() {
    for size in [0, 1, 511, 512, 4096, 100_000] {
        for byte in [0, 0xff] {
            let disk: Arc<dyn Disk> = Arc::new(MemoryDisk(vec![byte; size].into()));
            assert!(!xfs::detect(&*disk) && xfs::open(disk).is_err());
        }
    }
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let disk = made(dir.path(), &[], false);
    let whole = walk(&xfs::open(Arc::clone(&disk)).expect("XFS"));
    for cut in [511, 512, 513, 4096, 70_000, 1 << 20, 60 << 20, 81 << 20, 200 << 20, SIZE - 1] {
        let part: Arc<dyn Disk> = Arc::new(Part::new(Arc::clone(&disk), 0..cut));
        let is_xfs = xfs::detect(&*part);
        assert_eq!(is_xfs, cut >= 512, "{cut}");
        let Ok(filesystem) = xfs::open(part) else { continue };
        let found = walk(&filesystem);
        assert!(!found.errors.is_empty(), "{cut}: is told");
        assert!(found.paths.is_subset(&whole.paths), "{cut}");
    }
}

/// Number 6: a bad block anywhere hides no more than what it holds.
#[test]
fn hostile_6_bad_blocks() {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let disk = made(dir.path(), &[], false);
    let recorder = Arc::new(Changed::new(&disk));
    let whole = walk(&xfs::open(Arc::clone(&recorder) as Arc<dyn Disk>).expect("XFS"));
    let sectors: Vec<u64> = recorder.read.lock().expect("a lock").iter().copied().collect();
    for sector in sectors.into_iter().step_by(7) {
        let mut changed = Changed::new(&disk);
        changed.fails = Some(sector * 512..sector * 512 + 512);
        let changed: Arc<dyn Disk> = Arc::new(changed);
        if let Ok(filesystem) = xfs::open(changed) {
            let found = walk(&filesystem);
            assert!(found.paths.is_subset(&whole.paths));
            let lost = missing(&whole, &found).len();
            assert!(
                lost == 0 || found.errors.iter().any(|error| error.contains("bad block")),
                "{sector}: {lost}"
            );
        }
    }
}
