//! Images made to do harm, by the numbers of the list of hostile inputs. Their
//! checksums hold, so that what is wrong is met.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use snapsift::finding::Reason;
use snapsift::source::disk::{Disk, DiskError, DiskResult};
use snapsift::source::filesystem::btrfs::{self, Btrfs};
use snapsift::source::filesystem::{ContentReader, Filesystem as _, NodeId, PieceSource};

use crate::devices::Made;
use crate::find;
use crate::nodes::{HEADER, Image};
use crate::support::budget::Budgeted;
use crate::support::exercise::exercise;
use crate::support::filesystem::{may_mount, run, text};
use crate::support::images::Numbers;

const INODE: u8 = 1;
const DIR_INDEX: u8 = 96;
const EXTENT_DATA: u8 = 108;

/// Asks for everything; returns how many inodes were met.
pub(crate) fn walk(filesystem: &Btrfs) -> usize {
    exercise(filesystem).nodes
}

/// A small filesystem with one of each thing.
fn small(options: &[&str], mounted: &str) -> Option<Image> {
    let made = Made::new(1, 128 << 20, options);
    if !may_mount() {
        return None;
    }
    let mount = made.mount(mounted);
    let at = |path: &str| mount.path().join(path);
    std::fs::create_dir_all(at("a/b/c")).expect("directories");
    for number in 0..40 {
        std::fs::write(at(&format!("a/file {number}")), format!("content {number}")).expect("a file");
    }
    let lines: String = (0..9000).map(|line| format!("line {line} of a text\n")).collect();
    std::fs::write(at("a/text"), &lines).expect("a file");
    std::fs::write(at("a/b/short text"), &lines[..1500]).expect("a file");
    std::os::unix::fs::symlink("a/text", at("link")).expect("a link");
    std::fs::hard_link(at("a/text"), at("a/b/again")).expect("a link");
    run("fallocate", &["-l", "100000", text(&at("unwritten"))]);
    for name in ["s", "a/inner"] {
        run("btrfs", &["-q", "subvolume", "create", text(&at(name))]);
        std::fs::write(at(&format!("{name}/file")), "of a subvolume").expect("a file");
    }
    run("btrfs", &["-q", "subvolume", "snapshot", text(&at("s")), text(&at("snapshot"))]);
    run("sync", &["-f", text(mount.path())]);
    std::fs::remove_file(at("a/file 7")).expect("deleted");
    drop(mount);
    Some(Image::read(&made.paths[0], made.node))
}

fn open(image: &Image) -> Btrfs {
    btrfs::open(vec![Arc::new(image.clone())]).expect("a filesystem")
}

/// 28: a directory that lists one above it.
#[test]
fn hostile_28_a_directory_lists_its_ancestor() {
    let Some(mut image) = small(&["-m", "single"], "") else { return };
    let filesystem = open(&image);
    let (a, b) = (find(&filesystem, "a"), find(&filesystem, "a/b"));
    let count = walk(&filesystem);
    let names: Vec<_> = image.keys(5, DIR_INDEX).into_iter().filter(|key| key.0 == b.inode).collect();
    assert_eq!(names.len(), 3);
    let changed = image.change(5, names[0], |item| item[..8].copy_from_slice(&a.inode.to_le_bytes()));
    assert!(changed > 0);
    let filesystem = open(&image);
    let mut found = Vec::new();
    let told = filesystem.list(b, &mut |entry| {
        found.push(entry.id);
        ControlFlow::Continue(())
    });
    told.expect("it is a name as any other");
    assert!(found.contains(&a));
    assert!(walk(&filesystem) < count);
}

/// 28: a name that leads to a subvolume above, or to a tree that has no files.
#[test]
fn hostile_28_a_subvolume_lists_its_ancestor() {
    let Some(mut image) = small(&["-m", "single"], "") else { return };
    let names = image.keys(5, DIR_INDEX);
    let inner = find(&open(&image), "a/inner");
    let to = |image: &mut Image, tree: u64| {
        let mut changed = 0;
        for key in &names {
            changed += image.change(5, *key, |item| {
                if item[8] == 132 && item[..8] == inner.tree.to_le_bytes() {
                    item[..8].copy_from_slice(&tree.to_le_bytes());
                }
            });
        }
        assert!(changed > 0);
    };
    for tree in [5, 7, 2, 999, u64::MAX, 1 << 63] {
        let mut image = image.clone();
        to(&mut image, tree);
        walk(&open(&image));
    }
    to(&mut image, 5);
    let filesystem = open(&image);
    let error = filesystem.list(find(&filesystem, "a"), &mut |_| ControlFlow::Continue(()));
    assert_eq!(error.expect_err("no subvolume").reason, Reason::Corrupt);
}

/// 30: a node that leads to itself, or to one above.
#[test]
fn hostile_30_node_cycle() {
    let Some(image) = small(&["-m", "single", "-n", "4096"], "") else { return };
    let inner: Vec<u64> =
        image.nodes_of(5).into_iter().filter(|node| image.bytes(node + 100, 1) != [0]).collect();
    assert!(!inner.is_empty(), "the tree has one level only");
    let mut refused = 0;
    for node in inner {
        let (logical, generation) = (image.number(node + 48), image.number(node + 80));
        let count = u32::from_le_bytes(image.bytes(node + 96, 4).try_into().expect("four"));
        for slot in 0..u64::from(count) {
            let mut image = image.clone();
            let at = node + HEADER as u64 + slot * 33;
            image.write(at + 17, &logical.to_le_bytes());
            image.write(at + 25, &generation.to_le_bytes());
            image.seal(node);
            let filesystem = open(&image);
            walk(&filesystem);
            let listed = filesystem.list(filesystem.root(), &mut |_| ControlFlow::Continue(()));
            refused += usize::from(listed.is_err());
        }
        // Every pointer to the same leaf.
        let mut image = image.clone();
        let first = image.bytes(node + HEADER as u64 + 17, 16);
        for slot in 1..u64::from(count) {
            image.write(node + HEADER as u64 + slot * 33 + 17, &first);
        }
        image.seal(node);
        walk(&open(&image));
    }
    assert!(refused > 0);
}

/// 30: chunks that overlap, or lie where nothing can lie.
#[test]
fn hostile_30_chunk_overlap() {
    let Some(image) = small(&["-m", "single"], "") else { return };
    let chunks = image.keys(3, 228);
    assert!(chunks.len() >= 3, "{chunks:?}");
    let mut errors = 0;
    let lengths = [0, 1, 4096, 1 << 40, u64::MAX, u64::MAX - chunks[0].2, 1 << 63];
    for chunk in &chunks {
        for length in lengths {
            let mut image = image.clone();
            assert!(image.change(3, *chunk, |item| item[..8].copy_from_slice(&length.to_le_bytes())) > 0);
            if let Ok(filesystem) = btrfs::open(vec![Arc::new(image)]) {
                errors += exercise(&filesystem).errors;
            }
        }
        for (at, value) in
            [(16, 1_u64), (16, 0), (24, u64::MAX), (24, 0x0e), (44, 0), (44, u64::MAX), (56, u64::MAX)]
        {
            let mut image = image.clone();
            image.change(3, *chunk, |item| {
                let end = (at + 8).min(item.len());
                item[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
            });
            if let Ok(filesystem) = btrfs::open(vec![Arc::new(image)]) {
                walk(&filesystem);
            }
        }
    }
    assert!(errors > 20, "{errors}");
}

/// 30: subvolumes in subvolumes, 255 deep.
#[test]
fn hostile_30_deep_subvolumes() {
    let made = Made::new(1, 300 << 20, &[]);
    if !may_mount() {
        return;
    }
    let mount = made.mount("");
    let mut path = mount.path().to_path_buf();
    for _ in 0..255 {
        path.push("s");
        run("btrfs", &["-q", "subvolume", "create", text(&path)]);
    }
    std::fs::write(path.join("bottom"), "at the bottom").expect("a file");
    drop(mount);
    let filesystem = made.open();
    assert_eq!(walk(&filesystem), 257);
    let bottom = "s/".repeat(255) + "bottom";
    assert_eq!(crate::contents(&filesystem, &bottom), b"at the bottom");
    crate::assert_as_the_kernel(&made, &filesystem);
}

/// 34: compressed extents that give more, or less, than they say.
#[test]
fn hostile_34_extents_that_inflate_past_their_size() {
    for compression in ["zlib", "lzo", "zstd"] {
        let Some(image) = small(&["-m", "single"], &format!("compress-force={compression}")) else { return };
        let filesystem = open(&image);
        let file = find(&filesystem, "a/text");
        let short = find(&filesystem, "a/b/short text");
        let content = filesystem.content(file).expect("a content");
        assert!(matches!(content.pieces[0].source, PieceSource::Encoded(_)), "{compression}");
        for (inode, sizes) in [
            (file.inode, &[4096_u64, 65536, 1 << 17, 1 << 20, 1 << 40, u64::MAX][..]),
            (short.inode, &[0, 1, 100, 1499, 4096, 1 << 40, u64::MAX]),
        ] {
            for size in sizes {
                let mut image = image.clone();
                let changed = image.change(5, (inode, EXTENT_DATA, 0), |item| {
                    item[8..16].copy_from_slice(&size.to_le_bytes());
                    if item[20] == 1 {
                        let length = (*size).min(1 << 17);
                        item[45..53].copy_from_slice(&length.to_le_bytes());
                    }
                });
                assert!(changed > 0);
                let filesystem = open(&image);
                walk(&filesystem);
                let id = NodeId { tree: 5, inode };
                let Ok(content) = filesystem.content(id) else { continue };
                let read = ContentReader::new(&filesystem, &content).read_at(&mut vec![0; 1 << 17], 0);
                if inode == file.inode && *size < 1 << 17 || inode == short.inode && (1..1500).contains(size)
                {
                    assert_eq!(
                        read.expect_err("it is too large").reason,
                        Reason::Corrupt,
                        "{compression} {size}"
                    );
                }
            }
        }
    }
}

/// 41: impossible times and sizes.
#[test]
fn hostile_41_impossible_times_and_sizes() {
    let Some(mut image) = small(&["-m", "single"], "") else { return };
    let id = find(&open(&image), "a/text");
    let changed = image.change(5, (id.inode, INODE, 0), |item| {
        item[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
        item[44..52].fill(0xff);
        item[112..120].copy_from_slice(&(-2_177_452_800_i64).to_le_bytes());
        item[124..132].copy_from_slice(&15_000_000_000_i64.to_le_bytes());
        item[144..148].copy_from_slice(&1_000_000_000_u32.to_le_bytes());
        item[148..156].copy_from_slice(&i64::MIN.to_le_bytes());
        item[156..160].copy_from_slice(&u32::MAX.to_le_bytes());
    });
    assert!(changed > 0);
    let filesystem = open(&image);
    let stat = filesystem.stat(id).expect("an inode");
    assert_eq!((stat.size, stat.uid, stat.gid), (None, u32::MAX, u32::MAX));
    assert_eq!(stat.atime.map(|time| time.0), Some(-2_177_452_800));
    assert_eq!(stat.ctime.map(|time| time.0), Some(15_000_000_000));
    assert_eq!((stat.mtime, stat.btime), (None, None));
    assert_eq!(filesystem.content(id).expect_err("no such size").reason, Reason::Corrupt);
}

/// 41: a file of 2^63 - 1 bytes is a hole, and costs nothing.
#[test]
fn hostile_41_the_largest_size() {
    let Some(mut image) = small(&["-m", "single"], "") else { return };
    let id = find(&open(&image), "a/text");
    let size = u64::MAX >> 1;
    image.change(5, (id.inode, INODE, 0), |item| item[16..24].copy_from_slice(&size.to_le_bytes()));
    let filesystem = open(&image);
    let content = filesystem.content(id).expect("a content");
    let reader = ContentReader::new(&filesystem, &content);
    assert_eq!(reader.read_at(&mut [0; 100], size - 50).expect("a hole"), 50);
    assert!(reader.next_data(1 << 40).is_none());
}

/// Names that no directory can have.
#[test]
fn impossible_names_are_told_and_the_others_given() {
    let Some(image) = small(&["-m", "single"], "") else { return };
    let b = find(&open(&image), "a/b");
    let key = *image.keys(5, DIR_INDEX).iter().find(|key| key.0 == b.inode).expect("a name");
    for name in [&b"/"[..], b"..", b".", b"", b"a\0b"] {
        let mut image = image.clone();
        image.change(5, key, |item| {
            item[27..29].copy_from_slice(&(name.len() as u16).to_le_bytes());
            for (to, from) in item[30..].iter_mut().zip(name) {
                *to = *from;
            }
        });
        let filesystem = open(&image);
        let mut names = 0;
        let told = filesystem.list(b, &mut |_| {
            names += 1;
            ControlFlow::Continue(())
        });
        // "c" is too short for some of the names: then it is cut short.
        assert_eq!(told.expect_err("a name that cannot be").reason, Reason::Corrupt);
        assert_eq!(names, 2);
    }
}

/// A superblock with numbers that make no sense.
#[test]
fn impossible_superblocks() {
    let Some(image) = small(&["-m", "single"], "") else { return };
    let (mut opened, mut refused) = (0, 0);
    for at in (48..811).step_by(4).chain((811..1000).step_by(4)) {
        for value in [0, 1, 0x7fff_ffff, u32::MAX] {
            let mut image = image.clone();
            for superblock in [65536, 64 << 20] {
                image.write(superblock + at, &u32::to_le_bytes(value));
            }
            image.seal_superblocks();
            match btrfs::open(vec![Arc::new(image)]) {
                Ok(filesystem) => {
                    opened += 1;
                    walk(&filesystem);
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(opened > 100 && refused > 50, "{opened} {refused}");
}

/// Each metadata node, changed at random places, with a checksum that holds and one
/// that does not.
#[test]
fn mutated_nodes() {
    let Some(image) = small(&["-m", "single", "-n", "4096"], "compress-force=lzo") else { return };
    let nodes = image.nodes();
    assert!(nodes.len() > 20, "{}", nodes.len());
    let mut numbers = Numbers::new(4711);
    let mut runs = 0;
    for round in 0..40 {
        for node in &nodes {
            let mut image = image.clone();
            for _ in 0..=numbers.below(3) {
                // The head, the table of items, or anywhere.
                let at = node
                    + match numbers.below(3) {
                        0 => 32 + numbers.below(69),
                        1 => HEADER as u64 + numbers.below(800),
                        _ => 32 + numbers.below(4064),
                    };
                let old = image.bytes(at, 1)[0];
                let new = match numbers.below(4) {
                    0 => 0,
                    1 => 0xff,
                    2 => old ^ 1 << numbers.below(8),
                    _ => numbers.below(256) as u8,
                };
                image.write(at, &[new]);
            }
            if round % 8 != 0 {
                image.seal(*node);
            }
            let disk = Budgeted::new(image, 1 << 20, 1 << 34);
            if let Ok(filesystem) = btrfs::open(vec![Arc::new(disk)]) {
                walk(&filesystem);
            }
            runs += 1;
        }
    }
    println!("{runs} images");
    assert!(runs > 200);
}

/// A disk of which one read fails.
#[derive(Debug)]
struct Failing {
    image: Image,
    fails: u64,
    reads: AtomicU64,
}

impl Disk for Failing {
    fn size(&self) -> u64 {
        self.image.size
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        if self.reads.fetch_add(1, Ordering::Relaxed) == self.fails {
            return Err(DiskError::io(offset, &std::io::Error::from_raw_os_error(5)));
        }
        self.image.read_at(bytes, offset)
    }
}

/// 6: each read fails in turn; what is there twice is read all the same.
#[test]
fn hostile_6_each_read_fails_once() {
    for metadata in ["single", "dup"] {
        let Some(image) = small(&["-m", metadata, "-n", "4096"], "") else { return };
        let whole = exercise(&open(&image));
        let mut told = 0;
        for fails in 0.. {
            let disk = Arc::new(Failing { image: image.clone(), fails, reads: AtomicU64::new(0) });
            let opened = btrfs::open(vec![Arc::clone(&disk) as Arc<dyn Disk>]);
            let met = opened.as_ref().map_or(0, |filesystem| exercise(filesystem).nodes);
            if disk.reads.load(Ordering::Relaxed) <= fails {
                break;
            }
            let problems = opened.as_ref().map(Btrfs::problems);
            told += usize::from(problems.map_or(true, |problems| !problems.is_empty()));
            // The superblock is read first, and has a copy too.
            assert!(metadata == "single" || met == whole.nodes, "read {fails}: {met} of {}", whole.nodes);
            assert!(fails < 10_000);
        }
        assert!(told > 3, "{told}");
    }
}
