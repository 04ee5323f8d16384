//! FAT as this program reads it, held against mtools and `fsck.fat`, which need no root.
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
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use snapsift::source::disk::{Disk, FileDisk, MemoryDisk, Part};
use snapsift::source::filesystem::fat::{self, Fat};
use snapsift::source::filesystem::{ContentReader, Filesystem, NodeId};
use support::exercise::exercise;
use support::filesystem::{Tree, assert_same, image, kernels, ours, run, text};

fn disk(path: &Path) -> Arc<dyn Disk> {
    let file = std::fs::File::open(path).expect("an image");
    let size = file.metadata().expect("its size").len();
    Arc::new(FileDisk::new(file, size))
}

fn open(path: &Path) -> Fat {
    let disk = disk(path);
    assert!(fat::detect(&*disk), "is detected");
    fat::open(disk).expect("FAT")
}

/// Runs one of the mtools on an image.
fn mtools(tool: &str, image: &Path, arguments: &[&str]) {
    let output = Command::new(tool)
        .args(["-i", text(image)])
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env("MTOOLS_SKIP_CHECK", "1")
        .output()
        .expect("mtools");
    assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Content that is told apart from any other.
fn content(name: &str, size: usize) -> Vec<u8> {
    (0_u64..).flat_map(|line| format!("{name} {line}\n").into_bytes()).take(size).collect()
}

/// A tree that FAT can hold, in at most 1 MiB.
fn source(dir: &Path) -> PathBuf {
    let root = dir.join("source");
    let write = |name: &str, size: usize| {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        std::fs::write(&path, content(name, size)).expect("a file");
        run("touch", &["-d", &format!("2003-04-05 06:07:{:02} UTC", size % 30 * 2), text(&path)]);
    };
    for size in [0, 1, 511, 512, 513, 1023, 2048, 4095, 4096, 4097, 32_768, 100_000] {
        write(&format!("sizes/{size}"), size);
    }
    for number in 0..150 {
        write(&format!("many/a rather long name of a file so that directories grow {number:05}"), number);
    }
    let deep = (0..12).map(|level| format!("level {level}/")).collect::<String>();
    write(&format!("{deep}bottom"), 30);
    for name in
        ["UPPER.TXT", "lower.txt", "Mixed.Case", "nodot", "two.dots.txt", "ümläut und 日本語", "a+b=c"]
    {
        write(&format!("names/{name}"), 100);
    }
    write(&"n".repeat(250), 10);
    write("exactly13char", 10);
    root
}

/// What can be known of a FAT volume by copying: kinds, sizes, contents, and of files the
/// time of the last change.
fn without_what_fat_lacks(tree: Tree) -> Tree {
    let mut tree = tree;
    for seen in tree.values_mut() {
        (seen.atime, seen.ctime, seen.btime) = (None, None, None);
        (seen.inode, seen.links, seen.mode, seen.owner) = (0, 0, 0, (0, 0));
        if seen.kind == 'd' {
            seen.mtime = None;
        }
    }
    tree
}

struct Made {
    _dir: tempfile::TempDir,
    path: PathBuf,
    copied: Tree,
}

fn made(size: u64, options: &[&str]) -> Made {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("image");
    image(&path, size);
    run("mkfs.fat", &[&["-n", "A LABEL", "-i", "1234abcd"], options, &[text(&path)]].concat());
    let source = source(dir.path());
    // Files that come and go leave gaps, so that those that follow lie in pieces.
    for number in 0..40 {
        std::fs::write(dir.path().join("gap"), content(&format!("gone{number}"), 9000)).expect("a file");
        mtools("mcopy", &path, &[text(&dir.path().join("gap")), &format!("::gap {number}")]);
    }
    for number in (0..40).step_by(2) {
        mtools("mdel", &path, &[&format!("::gap {number}")]);
    }
    for entry in std::fs::read_dir(&source).expect("a directory") {
        mtools("mcopy", &path, &["-s", "-m", text(&entry.expect("an entry").path()), "::"]);
    }
    for number in (1..40).step_by(2) {
        mtools("mdel", &path, &[&format!("::gap {number}")]);
    }
    let copied = dir.path().join("copied");
    std::fs::create_dir(&copied).expect("a directory");
    mtools("mcopy", &path, &["-s", "-m", "-n", "::", text(&copied)]);
    let copied = kernels(&copied);
    assert_same(&without_what_fat_lacks(kernels(&source)), &without_what_fat_lacks(copied.clone()));
    Made { _dir: dir, path, copied }
}

fn compare(kind: &str, size: u64, options: &[&str]) {
    let made = made(size, options);
    let filesystem = open(&made.path);
    let about = filesystem.about();
    assert_eq!(about.kind, kind);
    assert_eq!(about.label.as_deref(), Some("A LABEL"));
    assert_eq!(about.uuid.as_deref(), Some("1234-ABCD"));
    let seen = ours(&filesystem);
    for (path, seen) in &seen {
        let shown = String::from_utf8_lossy(path);
        assert_eq!(
            (seen.mode, seen.owner),
            (if seen.kind == 'd' { 0o755 } else { 0o644 }, (0, 0)),
            "{shown}"
        );
        assert!(seen.btime.is_some_and(|time| time.0 > 1_000_000_000), "{shown}: {:?}", seen.btime);
        assert!(seen.atime.is_some_and(|time| time.0 % 86_400 == 0), "{shown}: {:?}", seen.atime);
    }
    assert_same(&without_what_fat_lacks(seen), &without_what_fat_lacks(made.copied));
    assert_eq!(filesystem.problems(), []);
    free_as_fsck(&filesystem, &made.path);
    deleted_are_found(&filesystem);
}

/// The count of free clusters by `fsck.fat`.
fn free_as_fsck(filesystem: &Fat, path: &Path) {
    let mut free = 0;
    filesystem
        .free(&mut |_, range| {
            free += (range.end - range.start) / u64::from(filesystem.about().block_size);
            ControlFlow::Continue(())
        })
        .expect("free space");
    let output = Command::new("/usr/sbin/fsck.fat").args(["-n", text(path)]).output().expect("fsck.fat");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let clusters = told.lines().find(|line| line.ends_with(" clusters")).expect("a count");
    let (used, all) = clusters.rsplit(' ').nth(1).and_then(|word| word.split_once('/')).expect("two counts");
    let number = |text: &str| text.parse::<u64>().expect("a number");
    assert_eq!(free, number(all) - number(used), "{told}");
}

/// The deleted files by name, with the content of those whose clusters are free still.
fn deleted_are_found(filesystem: &Fat) {
    let mut names = BTreeSet::new();
    let mut whole = BTreeSet::new();
    filesystem
        .deleted(&mut |file| {
            let name = String::from_utf8_lossy(&file.path).into_owned();
            let reader = ContentReader::new(filesystem, &file.content);
            let mut bytes = vec![0; file.content.size as usize];
            let mut at = 0;
            while at < bytes.len() {
                at += reader.read_at(&mut bytes[at..], at as u64).expect("its content");
            }
            let number = name.strip_prefix("gap ").unwrap_or_default();
            if bytes == content(&format!("gone{number}"), 9000) {
                whole.insert(name.clone());
            }
            names.insert(name);
            ControlFlow::Continue(())
        })
        .expect("deleted files");
    println!("{} deleted, {} whole", names.len(), whole.len());
    for number in (1..40).step_by(2) {
        assert!(whole.contains(&format!("gap {number}")), "{number}: {names:?}");
    }
}

#[test]
fn fat12() {
    compare("fat12", 4 << 20, &["-F", "12"]);
}

#[test]
fn fat12_with_small_clusters() {
    compare("fat12", 2 << 20, &["-F", "12", "-s", "1", "-r", "512"]);
}

#[test]
fn fat16() {
    compare("fat16", 32 << 20, &["-F", "16"]);
}

#[test]
fn fat16_with_one_table() {
    compare("fat16", 64 << 20, &["-F", "16", "-f", "1", "-s", "8"]);
}

#[test]
fn fat32() {
    compare("fat32", 64 << 20, &["-F", "32", "-s", "1"]);
}

#[test]
fn fat32_with_sectors_of_4096() {
    compare("fat32", 300 << 20, &["-F", "32", "-S", "4096", "-s", "1"]);
}

#[test]
fn fat32_that_is_small() {
    // Too small for mtools, which would have it FAT12.
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("image");
    image(&path, 20 << 20);
    run("mkfs.fat", &["-F", "32", "-s", "4", text(&path)]);
    let filesystem = open(&path);
    assert_eq!((filesystem.about().kind, ours(&filesystem).len()), ("fat32", 0));
    free_as_fsck(&filesystem, &path);
}

#[test]
fn attributes_and_dates() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("image");
    image(&path, 2 << 20);
    run("mkfs.fat", &["-F", "12", text(&path)]);
    std::fs::write(dir.path().join("file"), "text").expect("a file");
    mtools("mcopy", &path, &[text(&dir.path().join("file")), "::FILE.TXT"]);
    mtools("mattrib", &path, &["+r", "+h", "::FILE.TXT"]);
    let mut bytes = std::fs::read(&path).expect("an image");
    let at = bytes.windows(11).position(|window| window == b"FILE    TXT").expect("the entry");
    // 2 seconds less 10 ms after 12:34:56 on 1999-12-31; read on 2001-02-03.
    bytes[at + 13] = 199;
    bytes[at + 14..at + 16].copy_from_slice(&(12_u16 << 11 | 34 << 5 | 28).to_le_bytes());
    bytes[at + 16..at + 18].copy_from_slice(&(19_u16 << 9 | 12 << 5 | 31).to_le_bytes());
    bytes[at + 18..at + 20].copy_from_slice(&(21_u16 << 9 | 2 << 5 | 3).to_le_bytes());
    let filesystem = fat::open(Arc::new(MemoryDisk(bytes.clone().into()))).expect("FAT");
    let seen = ours(&filesystem);
    let file = &seen[&b"/FILE.TXT"[..]];
    assert_eq!(file.mode, 0o444);
    assert_eq!(file.btime, Some((946_643_697, 990_000_000)));
    assert_eq!(file.atime, Some((981_158_400, 0)));
    assert_eq!(file.ctime, None);

    // Number 41: dates that there are not.
    bytes[at + 14..at + 20].fill(0);
    bytes[at + 22..at + 26].fill(0xff);
    let filesystem = fat::open(Arc::new(MemoryDisk(bytes.into()))).expect("FAT");
    let seen = ours(&filesystem);
    let file = &seen[&b"/FILE.TXT"[..]];
    assert_eq!((file.btime, file.atime, file.mtime), (None, None, None));
}

/// What a walk through everything gives.
fn walk(filesystem: &Fat) -> (BTreeMap<Vec<u8>, u64>, Vec<String>) {
    let (mut paths, mut errors) = (BTreeMap::new(), Vec::new());
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
        errors.extend(listed.err().map(|error| error.to_string()));
        for (path, id) in entries {
            let stat = filesystem.stat(id).expect("facts of what was listed");
            if stat.file_type.is_dir() {
                waiting.push((path.clone(), id));
            } else if let Err(error) = filesystem.content(id) {
                errors.push(error.to_string());
            }
            paths.insert(path, stat.size.expect("a size"));
        }
    }
    errors
        .extend(filesystem.deleted(&mut |_| ControlFlow::Continue(())).err().map(|error| error.to_string()));
    errors
        .extend(filesystem.free(&mut |_, _| ControlFlow::Continue(())).err().map(|error| error.to_string()));
    errors.extend(filesystem.problems().into_iter().map(|(error, _)| error.to_string()));
    (paths, errors)
}

/// Reproducible numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }
}

/// The smallest FAT32 that mtools takes for one.
const SMALL_FAT32: u64 = 34 << 20;

/// A small image with directories, deleted files and pieces.
fn small(options: &[&str], size: u64) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("image");
    image(&path, size);
    run("mkfs.fat", &[options, &[text(&path)]].concat());
    let root = dir.path().join("root");
    for name in ["one", "two/three", "two/four and a long name", "gone 1", "gone 2", "gone 3/file"] {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        std::fs::write(path, content(name, 3000)).expect("a file");
    }
    for name in ["gone 1", "one", "two", "gone 2", "gone 3"] {
        mtools("mcopy", &path, &["-s", text(&root.join(name)), "::"]);
    }
    mtools("mdel", &path, &["::gone 1", "::gone 2"]);
    mtools("mdeltree", &path, &["::gone 3"]);
    std::fs::read(&path).expect("an image")
}

#[test]
fn damage_everywhere() {
    for (bits, size, rounds) in [("12", 300 << 10, 3000), ("32", SMALL_FAT32, 400)] {
        let mut whole = small(&["-F", bits, "-s", "1"], size);
        // All that is not free lies at the beginning.
        whole.truncate(2 << 20);
        let (paths, errors) = walk(&fat::open(Arc::new(MemoryDisk(whole.clone().into()))).expect("FAT"));
        assert!(paths.len() == 4 && errors.len() <= 1, "{paths:?} {errors:?}");
        let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
        let mut numbers = Numbers(size);
        let mut opened = 0;
        for round in 0..rounds {
            let mut bytes = whole.clone();
            for _ in 0..=numbers.below(4) {
                let at = (used[numbers.below(used.len())] + numbers.below(4)).min(bytes.len() - 4);
                match numbers.below(3) {
                    0 => bytes[at] ^= 1 << numbers.below(8),
                    1 => bytes[at] = numbers.below(256) as u8,
                    // Another place of the same image, which makes cycles.
                    _ => {
                        let from = used[numbers.below(used.len())].min(bytes.len() - 4);
                        bytes.copy_within(from..from + 4, at);
                    }
                }
            }
            if round % 10 == 0 {
                bytes.truncate(numbers.below(bytes.len()));
            }
            let disk: Arc<dyn Disk> = Arc::new(MemoryDisk(bytes.into()));
            let _ = (fat::detect(&*disk), fat::detect_copy(&*disk));
            if let Ok(filesystem) = fat::open(disk) {
                exercise(&filesystem);
                opened += 1;
            }
        }
        println!("{opened} of {rounds} opened");
    }
}

/// Files of a deleted directory have its name before theirs.
#[test]
fn deleted_directories() {
    let bytes = small(&["-F", "12", "-s", "1"], 300 << 10);
    let filesystem = fat::open(Arc::new(MemoryDisk(bytes.into()))).expect("FAT");
    let mut found = BTreeSet::new();
    filesystem
        .deleted(&mut |file| {
            let stored: u64 = file.content.pieces.iter().map(|piece| piece.length).sum();
            found.insert((String::from_utf8_lossy(&file.path).into_owned(), stored));
            ControlFlow::Continue(())
        })
        .expect("deleted files");
    // The short name alone: its first byte is lost.
    for name in ["gone 2", "gone 3/_ile"] {
        assert!(found.contains(&(name.to_owned(), 3072)), "{found:?}");
    }
}

/// Number 28: a directory that leads to its ancestor, and many that lead to the same.
#[test]
fn hostile_28_directories_that_share_clusters() {
    let mut bytes = small(&["-F", "32", "-s", "1"], SMALL_FAT32);
    let at = bytes.windows(11).position(|window| window == b"TWO        ").expect("the entry");
    // To the root, whose first cluster is 2.
    bytes[at + 26] = 2;
    let (paths, errors) = walk(&fat::open(Arc::new(MemoryDisk(bytes.into()))).expect("FAT"));
    assert!(paths.contains_key(&b"/one"[..]), "{paths:?}");
    assert!(errors.iter().any(|error| error == "directories share clusters"), "{errors:?}");
}

/// A chain that leads to itself ends, is told, and gives no byte twice.
#[test]
fn chain_that_leads_to_itself() {
    let bytes = small(&["-F", "16", "-s", "1"], 5 << 20);
    let entry = bytes.windows(11).position(|window| window == b"ONE        ").expect("the entry");
    let first = usize::from(u16::from_le_bytes([bytes[entry + 26], bytes[entry + 27]]));
    let table = usize::from(u16::from_le_bytes([bytes[14], bytes[15]])) * 512;
    for target in [first, first + 1, first + 3, 0, 1, 0xfff7, 0xfff0] {
        let mut bytes = bytes.clone();
        let place = table + (first + 3) * 2;
        bytes[place..place + 2].copy_from_slice(&(target as u16).to_le_bytes());
        let (paths, errors) = walk(&fat::open(Arc::new(MemoryDisk(bytes.into()))).expect("FAT"));
        assert_eq!(paths[&b"/one"[..]], 3000);
        assert!(
            errors.iter().any(|error| error.starts_with("a file ends before its size")),
            "{target}: {errors:?}"
        );
    }
}

/// Number 35: a boot sector that is lost, and images that are cut.
#[test]
fn hostile_35_boot_sector_lost_and_cut_images() {
    let whole = small(&["-F", "32", "-s", "1"], SMALL_FAT32);
    let mut bytes = whole.clone();
    bytes[..512].fill(0);
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk(bytes.into()));
    assert!(!fat::detect(&*disk) && fat::detect_copy(&*disk));
    let (paths, errors) = walk(&fat::open(disk).expect("FAT"));
    assert_eq!((paths.len(), errors.len()), (4, 1), "{errors:?}");

    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk(whole.into()));
    for cut in [0, 1, 511, 512, 4096, 20_000, 40_000, SMALL_FAT32 - 1] {
        let part: Arc<dyn Disk> = Arc::new(Part::new(Arc::clone(&disk), 0..cut));
        assert_eq!(fat::detect(&*part), cut >= 512, "{cut}");
        if let Ok(filesystem) = fat::open(part) {
            assert!(!walk(&filesystem).1.is_empty(), "{cut}: is told");
        }
    }
}
