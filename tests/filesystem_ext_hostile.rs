//! ext2, ext3 and ext4 that are damaged or made to do harm: each ends with an answer
//! or an error, never with a panic or without an end.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use snapsift::finding::Reason;
use snapsift::source::disk::{Disk, DiskError, DiskResult, MemoryDisk};
use snapsift::source::filesystem::ext::{self, Ext};
use snapsift::source::filesystem::{ContentReader, Filesystem, NodeId};
use support::budget::Budgeted;
use support::exercise::exercise;
use support::filesystem::{image, run, text};

/// A small filesystem in memory, filled by `debugfs`, with what each test breaks.
struct Small {
    bytes: Vec<u8>,
    block: usize,
    inode_size: usize,
    inode_table: usize,
    tables: Vec<usize>,
    inodes_per_group: usize,
}

const BLOCK: usize = 1024;

impl Small {
    fn new(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("image");
        image(&path, 4 << 20);
        let head = ["-q", "-F", "-b", "1024", "-N", "64"];
        run("mke2fs", &[&head[..], options, &[text(&path)]].concat());
        fill(&path, folder.path());
        let bytes = std::fs::read(&path).expect("the image");
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four")) as usize;
        let half = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let wide = word(1024 + 0x60) & 0x80 != 0;
        let size = if wide { half(1024 + 0xfe) } else { 32 };
        let tables = (0..1).map(|group| word(2 * BLOCK + group * size + 8) * BLOCK).collect::<Vec<_>>();
        Self {
            block: BLOCK,
            inode_size: half(1024 + 0x58),
            inode_table: tables[0],
            inodes_per_group: word(1024 + 0x28),
            tables,
            bytes,
        }
    }

    /// Where an inode lies in the image.
    fn inode(&self, number: usize) -> usize {
        assert!(number <= self.inodes_per_group && self.tables.len() == 1);
        self.inode_table + (number - 1) * self.inode_size
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn open(&self) -> DiskResult<Ext> {
        open(&self.bytes)
    }

    /// The number of the inode with this name in the root directory.
    fn number(&self, name: &str) -> usize {
        let filesystem = self.open().expect("a filesystem");
        usize::try_from(find(&filesystem, name).inode).expect("small")
    }

    /// The offset of the first block that an inode's extent in place of the map names.
    fn first_block(&self, number: usize) -> usize {
        let at = self.inode(number) + 0x28;
        let word = |at: usize| u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four")) as usize;
        if self.bytes[at..at + 2] == [0x0a, 0xf3] {
            let depth = self.bytes[at + 6];
            word(at + 12 + if depth == 0 { 8 } else { 4 }) * self.block
        } else {
            word(at) * self.block
        }
    }
}

fn open(bytes: &[u8]) -> DiskResult<Ext> {
    ext::open(Arc::new(MemoryDisk(bytes.into())))
}

/// Files, links and directories of all kinds, through `debugfs`, and a journal with
/// something to replay where there is one.
fn fill(image: &Path, folder: &Path) {
    let content = folder.join("content");
    let large: Vec<u8> = (0..40_000_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
    std::fs::write(&content, large).expect("a file");
    let small = folder.join("small");
    std::fs::write(&small, "a small file").expect("a file");
    // Holes make extents.
    let sparse = folder.join("sparse");
    let file = std::fs::File::create(&sparse).expect("a file");
    for step in 0..40 {
        std::os::unix::fs::FileExt::write_all_at(&file, &[1; 1024], step * 3072).expect("data");
    }
    let mut script = format!(
        "write {0} large\nwrite {1} small\nwrite {2} sparse\nmkdir dir\nmkdir dir/below\nwrite {1} dir/inside\n\
         symlink link short\nsymlink longlink {3}\nwrite {0} gone\nrm gone\n",
        text(&content),
        text(&small),
        text(&sparse),
        "x/".repeat(60),
    );
    for number in 0..20 {
        script.push_str(&format!(
            "mkdir dir/below/a_directory_with_a_long_name_so_that_blocks_fill_up_{number}\n"
        ));
    }
    let block = folder.join("block");
    std::fs::write(&block, [0xc0; 1024]).expect("a block");
    let debugfs = |script: &str| {
        let path = folder.join("script");
        std::fs::write(&path, script).expect("a script");
        run("debugfs", &["-w", "-f", text(&path), text(image)]);
    };
    debugfs(&script);
    let told = Command::new("/usr/sbin/debugfs").args(["-R", "bmap large 3", text(image)]).output();
    let number = String::from_utf8_lossy(&told.expect("debugfs").stdout).trim().to_owned();
    let journal = Command::new("/usr/sbin/debugfs").args(["-R", "features", text(image)]).output();
    let features = String::from_utf8_lossy(&journal.expect("debugfs").stdout).into_owned();
    if features.contains("has_journal") {
        let write = format!("jw -b {number} {}", text(&block));
        // Its checksums of whole transactions are not right where they revoke.
        let sums = if features.contains("metadata_csum") { "-c" } else { "" };
        debugfs(&format!("jo {sums}\n{write}\njw -r 3000\n{write}\njc\n"));
    }
}

fn find(filesystem: &Ext, name: &str) -> NodeId {
    let mut found = None;
    let _ = filesystem.list(filesystem.root(), &mut |entry| {
        if entry.name == name.as_bytes() {
            found = Some(entry.id);
        }
        ControlFlow::Continue(())
    });
    found.unwrap_or_else(|| panic!("{name} is not there"))
}

/// A damaged image answers or fails, with bounded work.
fn survives(bytes: &[u8]) {
    let disk = Budgeted::new(MemoryDisk(bytes.into()), 1 << 20, 1 << 34);
    if let Ok(filesystem) = ext::open(Arc::new(disk)) {
        exercise(&filesystem);
    }
}

const FORMS: [&[&str]; 6] = [
    &["-t", "ext4"],
    &["-t", "ext4", "-O", "^metadata_csum,^64bit"],
    &["-t", "ext4", "-O", "inline_data"],
    &["-t", "ext4", "-O", "bigalloc", "-C", "4096"],
    &["-t", "ext3"],
    &["-t", "ext2"],
];

#[test]
fn whole_images_have_no_errors() {
    for form in FORMS {
        let filesystem = Small::new(form).open().expect("a filesystem");
        let met = exercise(&filesystem);
        assert_eq!(met.errors, 0, "{form:?}: {:?}", filesystem.problems());
        assert!(met.nodes > 25, "{form:?}: {}", met.nodes);
    }
}

#[test]
fn mutated_metadata() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 20).expect("44 bits") % below
    };
    for form in FORMS {
        let small = Small::new(form);
        // All that holds something, the large file's content aside, is metadata.
        let used: Vec<usize> = (0..small.bytes.len() / BLOCK)
            .filter(|block| small.bytes[block * BLOCK..][..BLOCK].iter().any(|byte| *byte != 0))
            .collect();
        let mut bytes = small.bytes.clone();
        for round in 0..350 {
            let mut undo = Vec::new();
            for _ in 0..1 + random(3) {
                // The superblock and the inodes are worth more than their size.
                let (start, length) = match random(4) {
                    0 => (1024, 1024),
                    1 => (small.inode_table, 40 * small.inode_size),
                    _ => (used[random(used.len())] * BLOCK, BLOCK),
                };
                // Most that matters stands at the begin of a block.
                let within = if random(2) == 0 { random(64) } else { random(length - 8) };
                let at = start + within;
                undo.push((at, bytes[at..at + 8].to_vec()));
                match random(6) {
                    0 => bytes[at] ^= 1 << random(8),
                    1 => bytes[at] = 0xff,
                    2 => bytes[at..at + 4].copy_from_slice(&[0xff; 4]),
                    3 => bytes[at..at + 4].copy_from_slice(&[0; 4]),
                    4 => {
                        let other = u32::try_from(used[random(used.len())]).expect("small");
                        bytes[at & !3..(at & !3) + 4].copy_from_slice(&other.to_le_bytes());
                    }
                    _ => bytes[at] = u8::try_from(random(256)).expect("a byte"),
                }
                let low = at & !3;
                undo.push((low, small.bytes[low..low + 8].to_vec()));
            }
            let result = std::panic::catch_unwind(|| survives(&bytes));
            assert!(result.is_ok(), "{form:?}, round {round}: {undo:?}");
            for (at, _) in undo {
                bytes[at..at + 8].copy_from_slice(&small.bytes[at..at + 8]);
            }
        }
    }
}

/// A disk whose n-th read fails.
#[derive(Debug)]
struct Failing(MemoryDisk, AtomicUsize);

impl Disk for Failing {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        if self.1.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Err(DiskError { reason: Reason::Unreadable, offset, message: "a bad block".into() });
        }
        self.0.read_at(bytes, offset)
    }
}

#[test]
fn hostile_06_every_read_fails_once() {
    for form in [FORMS[0], FORMS[4]] {
        let small = Small::new(form);
        let bytes: Arc<[u8]> = small.bytes.into();
        let all = exercise(&open(&bytes).expect("a filesystem"));
        for number in 0..400 {
            let disk = Failing(MemoryDisk(Arc::clone(&bytes)), AtomicUsize::new(number));
            // A read that fails costs no more than what it was for.
            if let Ok(filesystem) = ext::open(Arc::new(disk)) {
                let met = exercise(&filesystem);
                assert!(met.nodes > 0 || met.errors > all.errors, "{form:?} {number}: {met:?}");
            }
        }
    }
}

#[test]
fn hostile_26_extent_tree_cycle() {
    let mut small = Small::new(FORMS[0]);
    let number = small.number("sparse");
    let map = small.inode(number) + 0x28;
    assert_eq!(small.bytes[map + 6], 1, "the tree has a level");
    let leaf = small.first_block(number);
    // The leaf is a node that leads to itself.
    let block = u32::try_from(leaf / BLOCK).expect("small").to_le_bytes();
    for depth in 1..=6_u8 {
        small.put(map + 6, &[depth]);
        small.put(leaf + 6, &[depth - 1, 0]);
        for entry in 1..=84 {
            small.put(leaf + entry * 12 + 4, &block).put(leaf + entry * 12 + 8, &[0; 4]);
        }
        survives(&small.bytes);
        let filesystem = small.open().expect("a filesystem");
        let id = find(&filesystem, "sparse");
        match filesystem.content(id) {
            Ok(content) => {
                let reader = ContentReader::new(&filesystem, &content);
                let told = reader.read_at(&mut [0; 10], 3072 * 7);
                assert_eq!(told.expect_err("damaged").reason, Reason::Corrupt, "depth {depth}");
            }
            Err(error) => assert_eq!(error.reason, Reason::Corrupt),
        }
        assert!(!filesystem.problems().is_empty());
    }
}

#[test]
fn hostile_26_extent_tree_depth() {
    let mut small = Small::new(FORMS[0]);
    let map = small.inode(small.number("sparse")) + 0x28;
    small.put(map + 6, &[0xff, 0xff]);
    let filesystem = small.open().expect("a filesystem");
    let told = filesystem.content(find(&filesystem, "sparse"));
    assert_eq!(told.expect_err("a tree of 65535 levels").reason, Reason::Corrupt);
}

#[test]
fn hostile_26_record_length_zero() {
    for length in [[0, 0], [1, 0], [4, 0], [0xff, 0xff], [0xfc, 0xff]] {
        let mut small = Small::new(FORMS[0]);
        let dir = small.first_block(small.number("dir"));
        // That of `below`, behind `.` and `..`.
        small.put(dir + 24 + 4, &length);
        let filesystem = small.open().expect("a filesystem");
        let mut names = 0;
        let told = filesystem.list(find(&filesystem, "dir"), &mut |_| {
            names += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(told.expect_err("no length").reason, Reason::Corrupt);
        assert_eq!(names, 0);
        survives(&small.bytes);
    }
}

#[test]
fn hostile_26_block_past_the_end() {
    let mut small = Small::new(FORMS[0]);
    let map = small.inode(small.number("large")) + 0x28;
    small.put(map + 12 + 8, &[0xff; 4]);
    let filesystem = small.open().expect("a filesystem");
    let content = filesystem.content(find(&filesystem, "large")).expect("a content");
    let reader = ContentReader::new(&filesystem, &content);
    assert_eq!(reader.read_at(&mut [0; 10], 0).expect_err("no such block").reason, Reason::Corrupt);
    survives(&small.bytes);
}

#[test]
fn hostile_26_impossible_geometry() {
    // Without copies: all are in the first group.
    for (at, bytes) in [
        (0x18, &[63, 0, 0, 0][..]),
        (0x18, &[0xff; 4]),
        (0x18, &[7, 0, 0, 0]),
        (0x28, &[0; 4]),
        (0x28, &[0xff; 4]),
        (0x20, &[0; 4]),
        (0x20, &[0xff; 4]),
        (0x04, &[0; 4]),
        (0x14, &[0xff; 4]),
        (0x00, &[0; 4]),
        (0x00, &[0xff; 4]),
        (0x58, &[0, 0]),
        (0x58, &[0xff, 0xff]),
        (0x58, &[0, 0x80]),
        (0xfe, &[0, 0]),
        (0xfe, &[1, 0]),
        (0xfe, &[0, 0x80]),
        (0x150, &[0xff; 4]),
    ] {
        let mut small = Small::new(FORMS[0]);
        small.put(1024 + at, bytes);
        let error = small.open().expect_err("impossible");
        assert_eq!(error.reason, Reason::Corrupt, "{at:#x} {bytes:?}: {error}");
    }
    let mut small = Small::new(FORMS[0]);
    small.put(1024 + 0x60, &[0xff; 4]);
    assert_eq!(small.open().expect_err("unknown features").reason, Reason::Unsupported);
}

#[test]
fn hostile_27_directory_of_endless_size() {
    // 2^31 bytes, all of them the same block.
    let mut small = Small::new(FORMS[0]);
    let number = small.number("dir");
    let inode = small.inode(number);
    let block = u32::try_from(small.first_block(number) / BLOCK).expect("small").to_le_bytes();
    small.put(inode + 4, &[0xff, 0xff, 0xff, 0x7f]);
    small.put(inode + 0x28 + 2, &[3, 0]);
    for extent in 0..3_u8 {
        let at = inode + 0x28 + 12 * (usize::from(extent) + 1);
        small.put(at, &[extent, 0, 0, 0, 1, 0, 0, 0]).put(at + 8, &block);
    }
    let filesystem = small.open().expect("a filesystem");
    let mut names = 0;
    let told = filesystem.list(find(&filesystem, "dir"), &mut |_| {
        names += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(told.expect_err("a block twice").reason, Reason::Corrupt);
    assert!(names < 10);
    survives(&small.bytes);
}

#[test]
fn hostile_27_tree_of_hashes_in_itself() {
    // The tree is not followed, so a loop in it is none.
    let mut small = Small::new(FORMS[0]);
    let number = small.number("dir");
    let inode = small.inode(number);
    small.put(inode + 0x20, &(0x8_0000_u32 | 0x1000).to_le_bytes());
    let dir = small.first_block(number);
    let kept = small.bytes[dir..dir + BLOCK].to_vec();
    for byte in [0, 1, 8, 0x7f, 0xff] {
        small.put(dir, &kept).put(dir + 24, &[byte; 200]);
        survives(&small.bytes);
        let filesystem = small.open().expect("a filesystem");
        let _ = filesystem.list(find(&filesystem, "dir"), &mut |_| ControlFlow::Continue(()));
    }
}

#[test]
fn hostile_27_inline_data_that_leads_out_of_its_inode() {
    let small = Small::new(FORMS[2]);
    let inode = small.inode(small.number("small"));
    let end = inode + small.inode_size;
    let magic = small.bytes[inode..end].windows(4).position(|four| four == [0, 0, 2, 0xea]);
    let entry = inode + magic.expect("attributes") + 4;
    for (at, bytes) in [
        (2, &[0xff, 0xff][..]),
        (2, &[0xf0, 0]),
        (8, &[0xff; 4]),
        (8, &[0x80, 0, 0, 0]),
        (4, &[1, 0, 0, 0, 9, 0, 0, 0]),
        (0, &[0xff]),
    ] {
        let mut broken = Small { bytes: small.bytes.clone(), tables: small.tables.clone(), ..small };
        broken.put(inode + 4, &[0xff, 0xff, 0, 0]).put(entry + 8, &[1]);
        broken.put(entry + at, bytes);
        let filesystem = broken.open().expect("a filesystem");
        let told = filesystem.content(find(&filesystem, "small"));
        assert_eq!(told.expect_err("out of its inode").reason, Reason::Corrupt, "{at} {bytes:?}");
        survives(&broken.bytes);
    }
}

#[test]
fn hostile_27_orphan_list_in_itself() {
    let mut small = Small::new(FORMS[0]);
    let number = u32::try_from(small.number("large")).expect("small");
    let inode = small.inode(small.number("large"));
    small.put(1024 + 0xe8, &number.to_le_bytes());
    small.put(inode + 0x14, &number.to_le_bytes()).put(inode + 0x1a, &[0, 0]);
    survives(&small.bytes);
}

#[test]
fn hostile_28_directory_that_lists_its_ancestor() {
    for form in [FORMS[0], FORMS[5]] {
        let mut small = Small::new(form);
        let dir = small.first_block(small.number("dir"));
        // `below`, and `inside`, are the root.
        small.put(dir + 24, &[2, 0, 0, 0]);
        let filesystem = small.open().expect("a filesystem");
        let mut ids = HashSet::new();
        let told = filesystem.list(find(&filesystem, "dir"), &mut |entry| {
            ids.insert(entry.id);
            ControlFlow::Continue(())
        });
        told.expect("names");
        // The same inode has the same id, by which one who walks can tell.
        assert!(ids.contains(&filesystem.root()));
        survives(&small.bytes);
    }
}

#[test]
fn hostile_20_names_that_are_none() {
    for name in [&b"../../x"[..], b"be\0ow", b"/////"] {
        let mut small = Small::new(FORMS[0]);
        let dir = small.first_block(small.number("dir"));
        small.put(dir + 24 + 6, &[u8::try_from(name.len()).expect("short").min(5)]);
        small.put(dir + 24 + 8, &name[..name.len().min(5)]);
        let filesystem = small.open().expect("a filesystem");
        let mut names = Vec::new();
        let told = filesystem.list(find(&filesystem, "dir"), &mut |entry| {
            names.push(entry.name.to_vec());
            ControlFlow::Continue(())
        });
        assert_eq!(told.expect_err("no name").reason, Reason::Corrupt);
        assert_eq!(names, [b"inside".to_vec()]);
    }
}

#[test]
fn hostile_35_images_that_are_cut_short() {
    let small = Small::new(FORMS[0]);
    let mut lengths: Vec<usize> = (0..40).map(|step| step * 97 * 1021).collect();
    lengths.extend([0, 1, 511, 512, 1023, 1024, 1025, 1024 + 0x38, 2047, 2048, 2049, 3072]);
    for length in lengths {
        let cut = &small.bytes[..length.min(small.bytes.len())];
        survives(cut);
        assert!(cut.len() >= 2048 || open(cut).is_err());
        if cut.len() >= 2048 && cut.len() < small.bytes.len() {
            let filesystem = open(cut).expect("a filesystem");
            assert!(filesystem.about().notes.iter().any(|note| note.contains("the volume ends")));
        }
    }
    // What follows is not of the filesystem.
    let longer = [&small.bytes[..], &[0xa5; 5000]].concat();
    assert_eq!(exercise(&open(&longer).expect("a filesystem")).errors, 0);
}

#[test]
fn hostile_41_times_and_owners_and_sizes() {
    let mut small = Small::new(FORMS[0]);
    let inode = small.inode(small.number("small"));
    // Owner and group 2^32 - 1; atime 1901; mtime 2446 with as many nanoseconds as fit,
    // which is more than a second; ctime 2446.
    small.put(inode + 2, &[0xff; 2]).put(inode + 0x18, &[0xff; 2]).put(inode + 0x78, &[0xff; 4]);
    small.put(inode + 8, &[0, 0, 0, 0x80]).put(inode + 0x8c, &[0; 4]);
    small.put(inode + 0x10, &[0xff, 0xff, 0xff, 0x7f]).put(inode + 0x88, &[0xff; 4]);
    small.put(inode + 0xc, &[0xff, 0xff, 0xff, 0x7f]).put(inode + 0x84, &[3, 0, 0, 0]);
    small.put(inode + 4, &[0xff; 4]).put(inode + 0x6c, &[0xff; 4]);
    let filesystem = small.open().expect("a filesystem");
    let id = find(&filesystem, "small");
    let stat = filesystem.stat(id).expect("facts");
    assert_eq!((stat.uid, stat.gid), (u32::MAX, u32::MAX));
    assert_eq!(stat.atime, Some((-(1 << 31), 0)));
    assert_eq!(stat.mtime, None);
    assert_eq!(stat.ctime, Some(((1 << 33) + (1 << 32) + (1 << 31) - 1, 0)));
    assert_eq!(stat.size, None);
    assert_eq!(filesystem.content(id).expect_err("a negative size").reason, Reason::Corrupt);
    for none in [0, 65, u64::from(u32::MAX), u64::MAX] {
        let told = filesystem.stat(NodeId { tree: 0, inode: none });
        assert_eq!(told.expect_err("no such inode").reason, Reason::Corrupt);
    }
    survives(&small.bytes);
}

#[test]
fn indirect_blocks_that_lead_into_themselves() {
    let mut small = Small::new(FORMS[5]);
    let number = small.number("large");
    let map = small.inode(number) + 0x28;
    let word = |at: usize, bytes: &[u8]| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
    let indirect = word(map + 48, &small.bytes);
    let block = usize::try_from(indirect).expect("small") * BLOCK;
    for entry in 0..BLOCK / 4 {
        small.put(block + entry * 4, &indirect.to_le_bytes());
    }
    small.put(map + 52, &indirect.to_le_bytes()).put(map + 56, &indirect.to_le_bytes());
    let inode = small.inode(number);
    small.put(inode + 4, &[0xff; 4]).put(inode + 0x6c, &[3, 0, 0, 0]);
    survives(&small.bytes);
}

#[test]
fn a_journal_that_is_damaged_is_told() {
    let small = Small::new(FORMS[0]);
    let journal = small.first_block(8);
    assert_eq!(small.bytes[journal..journal + 4], [0xc0, 0x3b, 0x39, 0x98]);
    let notes = |bytes: &[u8]| open(bytes).expect("a filesystem").about().notes.clone();
    assert_eq!(notes(&small.bytes), ["the journal was replayed: 3 transactions"]);
    let start = u32::from_be_bytes(small.bytes[journal + 28..journal + 32].try_into().expect("four"));
    let descriptor = journal + usize::try_from(start).expect("small") * BLOCK;
    for (at, what) in [
        (journal, "the journal was not replayed"),
        (journal + 12, "the journal was not replayed"),
        (journal + 20, "the journal was not replayed"),
        (descriptor + 3, "replayed: 0"),
        (descriptor + 20, "replayed: 0"),
    ] {
        let mut broken = small.bytes.clone();
        broken[at] ^= 0x55;
        // The inode's copy in the superblock leads to the same journal.
        assert!(notes(&broken).iter().any(|note| note.contains(what)), "{what}: {:?}", notes(&broken));
        survives(&broken);
    }
    // Without its inode the journal is found by the copy in the superblock.
    let mut broken = small.bytes.clone();
    let map = small.inode(8) + 0x28;
    broken[map..map + 60].fill(0);
    assert_eq!(notes(&broken), ["the journal was replayed: 3 transactions"]);
}
