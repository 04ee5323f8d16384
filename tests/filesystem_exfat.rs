//! exFAT as this program reads it, held against a FUSE driver, `dump.exfat` and
//! `fsck.exfat`.
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

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use snapsift::source::disk::{Disk, FileDisk, MemoryDisk, Part};
use snapsift::source::filesystem::exfat::{self, ExFat};
use snapsift::source::filesystem::{ContentReader, Filesystem, PieceSource};
use support::exercise::exercise;
use support::filesystem::{Tree, assert_same, fill, image, kernels, may_mount, ours, run, text};

fn open(path: &Path) -> ExFat {
    let file = std::fs::File::open(path).expect("an image");
    let size = file.metadata().expect("its size").len();
    let disk: Arc<dyn Disk> = Arc::new(FileDisk::new(file, size));
    assert!(exfat::detect(&*disk) && exfat::detect_copy(&*disk), "is detected");
    exfat::open(disk).expect("exFAT")
}

fn output(program: &str, arguments: &[&str]) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(arguments).env("PATH", path).output();
    String::from_utf8_lossy(&output.expect("it runs").stdout).into_owned()
}

/// Whether the driver is there and may be used.
fn may_mount_exfat() -> bool {
    let is_there = Path::new("/dev/fuse").exists() && Path::new("/usr/sbin/mount.exfat-fuse").exists();
    if !is_there {
        println!("not run: there is no FUSE driver of exFAT");
    }
    is_there && may_mount()
}

/// An image on a loop device, which the driver wants.
struct Loop(String);

impl Loop {
    fn new(path: &Path, sector: &str) -> Self {
        Self(output("losetup", &["-b", sector, "-f", "--show", text(path)]).trim().to_owned())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        run("losetup", &["-d", &self.0]);
    }
}

/// A mount by the driver.
struct Fuse(PathBuf);

impl Fuse {
    fn new(device: &Loop, at: &Path, options: &str) -> Self {
        std::fs::create_dir_all(at).expect("a mount point");
        run("mount.exfat-fuse", &["-o", options, &device.0, text(at)]);
        Self(at.to_path_buf())
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        run("umount", &[text(&self.0)]);
    }
}

/// What the driver shows and the disk does not have, and what it rounds.
fn without_what_differs(mut tree: Tree) -> Tree {
    for seen in tree.values_mut() {
        let second = |time: Option<(i64, u32)>| time.map(|(seconds, _)| (seconds, 0));
        (seen.atime, seen.mtime) = (second(seen.atime), second(seen.mtime));
        (seen.ctime, seen.btime) = (None, None);
        (seen.inode, seen.links, seen.mode, seen.owner) = (0, 0, 0, (0, 0));
    }
    tree
}

fn compare(sector: &str, options: &[&str]) {
    if !may_mount_exfat() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let (path, mount) = (dir.path().join("image"), dir.path().join("mount"));
    image(&path, 600 << 20);
    let device = Loop::new(&path, sector);
    run("mkfs.exfat", &[&["-L", "Läbel"], options, &[&device.0]].concat());
    let driver = Fuse::new(&device, &mount, "noatime");
    let to_delete = mount.join("to delete/and below");
    std::fs::create_dir_all(&to_delete).expect("a directory");
    for number in 0..60 {
        let name = format!("gone {number} 😀");
        std::fs::write(to_delete.join(&name), format!("{name} ").repeat(1000)).expect("a file");
    }
    let gone = mount.join("to delete/directory");
    std::fs::create_dir_all(&gone).expect("a directory");
    std::fs::write(gone.join("gone too"), "gone too ".repeat(1000)).expect("a file");
    // After those: the driver forgets the chain of a file that lay in pieces.
    fill(&mount, false);
    drop(driver);
    let driver = Fuse::new(&device, &mount, "noatime");
    for number in (0..60).step_by(2) {
        std::fs::remove_file(to_delete.join(format!("gone {number} 😀"))).expect("deleted");
    }
    std::fs::remove_dir_all(&gone).expect("deleted");
    drop(driver);

    let driver = Fuse::new(&device, &mount, "ro");
    let theirs = kernels(&mount);
    drop(driver);
    let filesystem = open(&path);
    let about = filesystem.about();
    assert_eq!((about.kind, about.label.as_deref()), ("exfat", Some("Läbel")));
    assert_eq!(
        about.uuid,
        Some(output("blkid", &["-p", "-s", "UUID", "-o", "value", text(&path)]).trim().into())
    );
    let seen = ours(&filesystem);
    for (path, seen) in &seen {
        let shown = String::from_utf8_lossy(path);
        assert_eq!(
            (seen.mode, seen.owner),
            (if seen.kind == 'd' { 0o755 } else { 0o644 }, (0, 0)),
            "{shown}"
        );
        assert!(seen.btime.is_some_and(|time| time.0 > 1_700_000_000), "{shown}: {:?}", seen.btime);
    }
    assert_same(&without_what_differs(seen), &without_what_differs(theirs));
    assert_eq!(filesystem.problems(), []);
    free_as_dump(&filesystem, &device.0);
    deleted_are_found(&filesystem);
}

/// The count of free clusters by `dump.exfat`.
fn free_as_dump(filesystem: &ExFat, device: &str) {
    let mut free = 0;
    filesystem
        .free(&mut |_, range| {
            free += (range.end - range.start) / u64::from(filesystem.about().block_size);
            ControlFlow::Continue(())
        })
        .expect("free space");
    let told = output("dump.exfat", &[device]);
    let theirs = told.lines().find(|line| line.starts_with("Free Clusters:")).expect("a count");
    assert_eq!(free.to_string(), theirs.rsplit('\t').next().expect("a count").trim());
}

/// Those of `to delete` are found by path, with their content.
fn deleted_are_found(filesystem: &ExFat) {
    let mut whole = BTreeSet::new();
    filesystem
        .deleted(&mut |file| {
            let path = String::from_utf8_lossy(&file.path).into_owned();
            let name = path.rsplit('/').next().expect("a name");
            let text = format!("{name} ").repeat(1000);
            let reader = ContentReader::new(filesystem, &file.content);
            let mut bytes = vec![0; text.len()];
            let mut at = 0;
            while let Ok(read @ 1..) = reader.read_at(&mut bytes[at..], at as u64) {
                at += read;
            }
            if bytes == text.as_bytes() {
                whole.insert(path);
            }
            ControlFlow::Continue(())
        })
        .expect("deleted files");
    for number in (0..60).step_by(2) {
        let path = format!("to delete/and below/gone {number} 😀");
        assert!(whole.contains(&path), "{path}: {whole:?}");
    }
    assert!(whole.contains("to delete/directory/gone too"), "{whole:?}");
}

#[test]
fn default_clusters() {
    compare("512", &[]);
}

#[test]
fn smallest_clusters() {
    compare("512", &["-c", "512"]);
}

#[test]
fn large_clusters() {
    compare("512", &["-c", "128K"]);
}

#[test]
fn sectors_of_4096() {
    compare("4096", &["-c", "4096"]);
}

/// A small image, made once through the driver.
fn small() -> Option<Vec<u8>> {
    if !may_mount_exfat() {
        return None;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let (path, mount) = (dir.path().join("image"), dir.path().join("mount"));
    image(&path, 4 << 20);
    let device = Loop::new(&path, "512");
    run("mkfs.exfat", &["-b", "4096", "-c", "1024", &device.0]);
    let driver = Fuse::new(&device, &mount, "noatime");
    std::fs::create_dir(mount.join("below")).expect("a directory");
    for number in 0..12 {
        let name = format!("below/a name of several entries {number}");
        std::fs::write(mount.join(&name), name.repeat(100)).expect("a file");
    }
    use std::io::Write as _;
    let mut files: Vec<std::fs::File> =
        ["one", "two"].map(|name| std::fs::File::create(mount.join(name)).expect("a file")).into();
    for step in 0..20 {
        // In turn, so that they lie in pieces and have chains.
        files.iter_mut().for_each(|file| file.write_all(&[step; 1024]).expect("data"));
    }
    drop(files);
    for number in 0..4 {
        std::fs::remove_file(mount.join(format!("below/a name of several entries {number}")))
            .expect("deleted");
    }
    drop(driver);
    drop(device);
    Some(std::fs::read(&path).expect("an image"))
}

fn memory(bytes: &[u8]) -> Arc<dyn Disk> {
    Arc::new(MemoryDisk(bytes.into()))
}

/// Where an entry of the set of a file with this name is: 0 for the first.
fn entry(bytes: &[u8], name: &str, number: usize) -> usize {
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let at = bytes.windows(units.len()).position(|window| window == units).expect("the name");
    at - 2 - 64 + number * 32
}

#[test]
fn damage_everywhere() {
    let Some(whole) = small() else { return };
    let met = exercise(&exfat::open(memory(&whole)).expect("exFAT"));
    assert_eq!((met.nodes, met.errors), (12, 0));
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let mut state = 7_u64;
    let mut below = |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    };
    let mut opened = 0;
    for round in 0..3000 {
        let mut bytes = whole.clone();
        for _ in 0..=below(4) {
            let at = (used[below(used.len())] + below(4)).min(bytes.len() - 4);
            match below(3) {
                0 => bytes[at] ^= 1 << below(8),
                1 => bytes[at] = below(256) as u8,
                _ => {
                    let from = used[below(used.len())].min(bytes.len() - 4);
                    bytes.copy_within(from..from + 4, at);
                }
            }
        }
        if round % 10 == 0 {
            bytes.truncate(below(bytes.len()));
        }
        let disk = memory(&bytes);
        let _ = (exfat::detect(&*disk), exfat::detect_copy(&*disk));
        if let Ok(filesystem) = exfat::open(disk) {
            exercise(&filesystem);
            opened += 1;
        }
    }
    println!("{opened} of 3000 opened");
}

/// Number 35: a boot region that is lost, and images that are cut.
#[test]
fn hostile_35_boot_region_lost_and_cut_images() {
    let Some(whole) = small() else { return };
    // All of it; one byte that only the checksum shows; the copy instead.
    for (damaged, is_detected, problems) in
        [(0..512 * 12, false, 1), (200..201, true, 1), (512 * 12..512 * 24, true, 0)]
    {
        let mut bytes = whole.clone();
        bytes[damaged].iter_mut().for_each(|byte| *byte ^= 0xff);
        let disk = memory(&bytes);
        assert_eq!(exfat::detect(&*disk), is_detected);
        let met = exercise(&exfat::open(disk).expect("exFAT"));
        assert_eq!((met.nodes, met.errors), (12, problems));
    }
    let disk = memory(&whole);
    for cut in [0, 1, 511, 512, 4096, 12_287, 40_000, (4 << 20) - 1] {
        let part: Arc<dyn Disk> = Arc::new(Part::new(Arc::clone(&disk), 0..cut));
        assert_eq!(exfat::detect(&*part), cut >= 512, "{cut}");
        if let Ok(filesystem) = exfat::open(part) {
            assert!(exercise(&filesystem).errors > 0, "{cut}: is told");
        }
    }
}

/// Number 28: a directory that leads to the root.
#[test]
fn hostile_28_directories_that_share_clusters() {
    let Some(mut bytes) = small() else { return };
    let root = u32::from_le_bytes(bytes[96..100].try_into().expect("four"));
    let stream = entry(&bytes, "below", 1);
    bytes[stream + 20..stream + 24].copy_from_slice(&root.to_le_bytes());
    let filesystem = exfat::open(memory(&bytes)).expect("exFAT");
    assert!(exercise(&filesystem).errors > 0);
    let problems: Vec<String> =
        filesystem.problems().into_iter().map(|(error, _)| error.to_string()).collect();
    assert!(problems.contains(&"entries of a file: the checksum is wrong".to_owned()), "{problems:?}");
}

/// Number 41: dates that there are not, and a size of -1.
#[test]
fn hostile_41_impossible_facts() {
    let Some(mut bytes) = small() else { return };
    let (file, stream) = (entry(&bytes, "one", 0), entry(&bytes, "one", 1));
    bytes[file + 8..file + 16].fill(0);
    bytes[file + 16..file + 20].fill(0xff);
    bytes[stream + 24..stream + 32].fill(0xff);
    let filesystem = exfat::open(memory(&bytes)).expect("exFAT");
    let mut one = None;
    let _ = filesystem.list(filesystem.root(), &mut |entry| {
        one = (entry.name == b"one").then_some(entry.id).or(one);
        ControlFlow::Continue(())
    });
    let one = one.expect("the file");
    let stat = filesystem.stat(one).expect("facts");
    assert_eq!((stat.btime, stat.mtime, stat.atime, stat.size), (None, None, None, None));
    assert!(filesystem.content(one).is_err());
}

/// What was never written reads as zeros, whatever the clusters hold.
#[test]
fn bytes_that_were_not_written_are_zeros() {
    let Some(mut bytes) = small() else { return };
    let stream = entry(&bytes, "two", 1);
    bytes[stream + 8..stream + 16].copy_from_slice(&5000_u64.to_le_bytes());
    let filesystem = exfat::open(memory(&bytes)).expect("exFAT");
    let mut two = None;
    let _ = filesystem.list(filesystem.root(), &mut |entry| {
        two = (entry.name == b"two").then_some(entry.id).or(two);
        ControlFlow::Continue(())
    });
    let content = filesystem.content(two.expect("the file")).expect("content");
    let last = content.pieces.last().expect("a piece");
    assert_eq!((content.size, last.at, last.length), (20 << 10, 5000, (20 << 10) - 5000));
    assert_eq!(last.source, PieceSource::Unwritten);
    let reader = ContentReader::new(&filesystem, &content);
    let mut byte = [9];
    for (at, expected) in [(4096, 4), (4999, 4), (5000, 0), (20_000, 0)] {
        assert_eq!((reader.read_at(&mut byte, at).expect("a byte"), byte), (1, [expected]), "{at}");
    }
}
