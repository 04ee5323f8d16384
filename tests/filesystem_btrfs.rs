//! Btrfs, held against the kernel's mount of the same devices, and against `btrfs
//! inspect-internal` where the kernel does not tell.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]
#![allow(clippy::cast_possible_truncation, reason = "test disks are small")]
#![allow(clippy::print_stdout, reason = "how much was tested is told")]

mod support;

#[path = "btrfs/damage.rs"]
mod damage;
#[path = "btrfs/devices.rs"]
mod devices;
#[path = "btrfs/hostile.rs"]
mod hostile;
#[path = "btrfs/nodes.rs"]
mod nodes;

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use devices::{Made, open};
use snapsift::source::filesystem::btrfs::Btrfs;
use snapsift::source::filesystem::{Content, ContentReader, Filesystem, NodeId, PieceSource};
use support::filesystem::{Tree, assert_same, fill, may_mount, ours, run, text};

/// What only Btrfs has: shared and unwritten extents, subvolumes, snapshots.
fn fill_more(root: &Path) {
    let at = |path: &str| root.join(path);
    let shown = |path: &str| text(&at(path)).to_owned();
    std::fs::create_dir(at("only btrfs")).expect("a directory");
    run("cp", &["--reflink=always", &shown("sizes/5242887"), &shown("only btrfs/clone")]);
    run("cp", &["--reflink=always", &shown("sizes/text"), &shown("only btrfs/clone of text")]);
    let part = shown("only btrfs/part of a clone");
    let from = shown("sizes/text");
    run("xfs_io", &["-f", "-c", &format!("reflink {from} 65536 8192 262144"), &part]);
    let unwritten = shown("only btrfs/unwritten");
    run("fallocate", &["-l", "1000000", &unwritten]);
    let file = std::fs::OpenOptions::new().write(true).open(&unwritten).expect("a file");
    file.write_all_at(b"in the middle of space that was set aside", 500_000).expect("written");
    file.sync_all().expect("synced");
    let punched = shown("only btrfs/punched");
    std::fs::copy(at("sizes/1048576"), &punched).expect("a copy");
    run("sync", &["-f", text(root)]);
    run("fallocate", &["-p", "-o", "300000", "-l", "200000", &punched]);
    let changed = shown("only btrfs/changed in the middle");
    std::fs::copy(at("sizes/text"), &changed).expect("a copy");
    run("sync", &["-f", text(root)]);
    let file = std::fs::OpenOptions::new().write(true).open(&changed).expect("a file");
    file.write_all_at(&[b'!'; 5000], 100_000).expect("written");
    let uncow = shown("only btrfs/nodatacow");
    std::fs::write(&uncow, "").expect("a file");
    run("chattr", &["+C", &uncow]);
    std::fs::write(&uncow, vec![b'c'; 300_000]).expect("written");
    for number in 0..700 {
        let name = format!("only btrfs/one of very many names of the same file {number:04}");
        // Old filesystems have room for fewer.
        if std::fs::hard_link(at("sizes/513"), at(&name)).is_err() {
            assert!(number > 50);
            break;
        }
    }
    let subvolume = |name: &str| run("btrfs", &["-q", "subvolume", "create", &shown(name)]);
    subvolume("subvolume");
    std::fs::write(at("subvolume/file"), "of a subvolume").expect("a file");
    std::fs::write(at("subvolume/later gone"), "from the snapshot only").expect("a file");
    run("cp", &["--reflink=always", &shown("sizes/text"), &shown("subvolume/text")]);
    subvolume("subvolume/inner");
    std::fs::write(at("subvolume/inner/file"), "of an inner subvolume").expect("a file");
    std::fs::create_dir(at("snapshots")).expect("a directory");
    let snapshot =
        |of: &str, name: &str| run("btrfs", &["-q", "subvolume", "snapshot", &shown(of), &shown(name)]);
    snapshot("subvolume", "snapshots/one");
    std::fs::remove_file(at("subvolume/later gone")).expect("deleted");
    std::fs::write(at("snapshots/one/file"), "changed in the snapshot").expect("a file");
    run("btrfs", &["-q", "subvolume", "snapshot", "-r", &shown("subvolume"), &shown("snapshots/two")]);
    subvolume("deleted subvolume");
    std::fs::write(at("deleted subvolume/file"), "of a deleted subvolume").expect("a file");
    run("sync", &["-f", text(root)]);
    run("btrfs", &["-q", "subvolume", "delete", "-c", &shown("deleted subvolume")]);
    std::fs::rename(at("subvolume/inner"), at("moved")).expect("renamed");
    run("sync", &["-f", text(root)]);
}

/// The kernel makes up directories where a subvolume is missing, with the time of
/// now; and it shows the beginning of 1970 where nobody wrote when a file was made.
fn without_made_up_times(mut tree: Tree) -> Tree {
    for seen in tree.values_mut() {
        seen.btime = seen.btime.filter(|time| *time != (0, 0));
    }
    for seen in tree.values_mut().filter(|seen| seen.kind == 'd' && seen.inode == 2) {
        (seen.atime, seen.mtime, seen.ctime, seen.btime) = (None, None, None, None);
    }
    tree
}

fn assert_as_the_kernel(made: &Made, filesystem: &Btrfs) {
    let theirs = without_made_up_times(made.kernels());
    assert_same(&ours(filesystem), &theirs);
}

/// Makes, fills and compares.
fn same_as_kernel(devices: usize, size: u64, options: &[&str], mounted: &str) -> Option<Made> {
    let made = Made::new(devices, size, options);
    if !may_mount() {
        return None;
    }
    let mount = made.mount(mounted);
    fill(mount.path(), true);
    fill_more(mount.path());
    drop(mount);
    let filesystem = made.open();
    assert_as_the_kernel(&made, &filesystem);
    assert_eq!(filesystem.problems(), []);
    free_and_extents_fill_devices(&made, &filesystem);
    // All that is found can be read.
    let mut found = 0;
    let told = filesystem.deleted(&mut |file| {
        read_all(&filesystem, &file.content);
        found += 1;
        ControlFlow::Continue(())
    });
    told.expect("deleted files");
    println!("{options:?} {mounted}: {found} deleted files");
    assert_eq!(filesystem.problems(), []);
    Some(made)
}

fn read_all(filesystem: &Btrfs, content: &Content) -> Vec<u8> {
    let reader = ContentReader::new(filesystem, content);
    let mut bytes = vec![0; usize::try_from(content.size).expect("a size")];
    let mut at = 0;
    while at < bytes.len() {
        let read = reader.read_at(&mut bytes[at..], at as u64).expect("content");
        assert!(read > 0, "ends at {at}");
        at += read;
    }
    bytes
}

/// What a path names.
fn find(filesystem: &Btrfs, path: &str) -> NodeId {
    path.split('/').filter(|name| !name.is_empty()).fold(filesystem.root(), |dir, name| {
        let mut found = None;
        let told = filesystem.list(dir, &mut |entry| {
            found = (entry.name == name.as_bytes()).then_some(entry.id);
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        told.expect("a directory");
        found.unwrap_or_else(|| panic!("{name} of {path} is missing"))
    })
}

fn contents(filesystem: &Btrfs, path: &str) -> Vec<u8> {
    read_all(filesystem, &filesystem.content(find(filesystem, path)).expect("a content"))
}

/// The output of `btrfs inspect-internal dump-tree -t TREE`, line by line.
fn dump(paths: &[PathBuf], tree: &str) -> Vec<String> {
    let told = Command::new("btrfs").args(["inspect-internal", "dump-tree", "-t", tree]).args(paths).output();
    let told = told.expect("btrfs");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8_lossy(&told.stdout).lines().map(str::to_owned).collect()
}

/// `(a KIND b)` of the keys in a dump.
fn keys(lines: &[String], kind: &str) -> Vec<(u64, u64)> {
    let items = lines.iter().filter(|line| line.trim_start().starts_with("item "));
    let keys = items.filter_map(|line| line.split_once(" key (")?.1.split_once(')'));
    let keys = keys.filter_map(|(key, _)| {
        let parts: Vec<&str> = key.split(' ').collect();
        (parts.get(1) == Some(&kind)).then(|| Some((parts[0].parse().ok()?, parts[2].parse().ok()?)))?
    });
    keys.collect()
}

/// Our free ranges against the extents that another program tells: what is not in
/// one of them, on any of its copies, nor kept for a superblock, is free.
fn free_and_extents_fill_devices(made: &Made, filesystem: &Btrfs) {
    let mut free = 0;
    let mut last = (0, 0);
    let told = filesystem.free(&mut |disk, range| {
        assert!(range.start < range.end && (disk, range.start) >= last, "{disk} {range:?} after {last:?}");
        last = (disk, range.end + 1);
        free += range.end - range.start;
        ControlFlow::Continue(())
    });
    told.expect("free space");
    let chunks = dump(&made.paths, "3");
    let extents = dump(&made.paths, "2");
    let mut used = keys(&extents, "EXTENT_ITEM");
    used.extend(keys(&extents, "METADATA_ITEM").into_iter().map(|(at, _)| (at, u64::from(made.node))));
    let used: u64 = used.into_iter().map(|(at, length)| length * copies_at(&chunks, at)).sum();
    let mut all = 0;
    for disk in filesystem.disks() {
        let kept = [64 << 10, 64 << 20].iter().filter(|at| **at < disk.size()).count() as u64 * (64 << 10);
        all += disk.size() - kept;
    }
    if chunks.iter().any(|line| line.contains("|RAID5") || line.contains("|RAID6")) {
        // Parity is neither free nor in an extent.
        assert!(free > 0 && free < all - used);
    } else {
        assert_eq!(free, all - used);
    }
}

/// How many copies there are of what the chunk at an address holds.
fn copies_at(chunks: &[String], at: u64) -> u64 {
    let mut found = None;
    let mut inside = false;
    for line in chunks {
        if let Some((_, rest)) = line.split_once("key (FIRST_CHUNK_TREE CHUNK_ITEM ") {
            let start: u64 = rest.split(')').next().and_then(|start| start.parse().ok()).expect("a start");
            inside = start <= at;
        } else if let Some((_, kinds)) = line.split_once(" type ")
            && inside
        {
            found = Some(match kinds.rsplit('|').next() {
                Some("DUP" | "RAID1" | "RAID10") => 2,
                Some("RAID1C3") => 3,
                Some("RAID1C4") => 4,
                _ => 1,
            });
        }
    }
    found.expect("a chunk")
}

#[test]
fn as_it_is_made() {
    let options = ["-L", "the label", "-U", "01234567-89ab-cdef-0123-456789abcdef"];
    let Some(made) = same_as_kernel(1, 400 << 20, &options, "") else { return };
    let filesystem = made.open();
    let about = filesystem.about();
    assert_eq!((about.kind, about.label.as_deref()), ("btrfs", Some("the label")));
    assert_eq!(about.uuid.as_deref(), Some("01234567-89ab-cdef-0123-456789abcdef"));
    assert_eq!((about.size, about.block_size), (400 << 20, 4096));
    assert_eq!(about.notes, [] as [String; 0]);
    shared_extents_have_one_place(&filesystem);
}

/// Clones and snapshots lie where the original lies.
fn shared_extents_have_one_place(filesystem: &Btrfs) {
    let places = |path: &str| -> HashSet<u64> {
        let content = filesystem.content(find(filesystem, path)).expect("a content");
        let place = |piece: &snapsift::source::filesystem::Piece| match &piece.source {
            PieceSource::Stored(place) => Some(place.offset),
            PieceSource::Encoded(unit) => Some(unit.stored[0].0.offset),
            PieceSource::Inline(_) | PieceSource::Unwritten => None,
        };
        content.pieces.iter().filter_map(place).collect()
    };
    assert!(!places("sizes/text").is_empty());
    for path in ["only btrfs/clone of text", "subvolume/text", "snapshots/one/text", "snapshots/two/text"] {
        assert_eq!(places("sizes/text"), places(path), "{path}");
    }
    assert_eq!(places("sizes/5242887"), places("only btrfs/clone"));
}

#[test]
fn nodes_of_4096_bytes() {
    same_as_kernel(1, 400 << 20, &["-n", "4096"], "compress-force=lzo");
}

#[test]
fn nodes_of_65536_bytes() {
    same_as_kernel(1, 400 << 20, &["-n", "65536"], "compress=zstd");
}

#[test]
fn checksums_with_xxhash() {
    same_as_kernel(1, 400 << 20, &["--csum", "xxhash"], "");
}

#[test]
fn checksums_with_sha256() {
    same_as_kernel(1, 400 << 20, &["--csum", "sha256"], "");
}

#[test]
fn checksums_with_blake2() {
    same_as_kernel(1, 400 << 20, &["--csum", "blake2"], "");
}

#[test]
fn mixed_groups() {
    same_as_kernel(1, 300 << 20, &["-M", "-n", "4096"], "");
}

#[test]
fn few_features() {
    let options = ["-O", "^extref,^skinny-metadata,^no-holes", "-R", "^free-space-tree", "-m", "single"];
    same_as_kernel(1, 400 << 20, &options, "max_inline=0");
}

#[test]
fn compressed_with_zlib() {
    let made = same_as_kernel(1, 400 << 20, &[], "compress-force=zlib");
    made.inspect(|made| shared_extents_have_one_place(&made.open()));
}

#[test]
fn compressed_with_lzo() {
    same_as_kernel(1, 400 << 20, &[], "compress-force=lzo,max_inline=4095");
}

#[test]
fn compressed_with_zstd() {
    same_as_kernel(1, 400 << 20, &[], "compress-force=zstd:9");
}

#[test]
fn compressed_as_the_kernel_likes() {
    same_as_kernel(1, 400 << 20, &[], "compress=zlib,autodefrag");
}

#[test]
fn data_without_checksums() {
    same_as_kernel(1, 400 << 20, &[], "nodatasum");
    same_as_kernel(1, 400 << 20, &["-d", "dup"], "nodatacow");
}

#[test]
fn raid0() {
    same_as_kernel(3, 300 << 20, &["-d", "raid0", "-m", "raid0"], "");
}

#[test]
fn raid1() {
    same_as_kernel(2, 400 << 20, &["-d", "raid1", "-m", "raid1"], "");
}

#[test]
fn raid1_with_three_and_four_copies() {
    same_as_kernel(4, 400 << 20, &["-d", "raid1c3", "-m", "raid1c4"], "compress-force=zstd");
}

#[test]
fn raid10() {
    same_as_kernel(4, 300 << 20, &["-d", "raid10", "-m", "raid10"], "");
}

#[test]
fn raid5_and_raid6() {
    same_as_kernel(4, 300 << 20, &["-d", "raid5", "-m", "raid6"], "");
}

#[test]
fn one_device_after_another() {
    same_as_kernel(3, 200 << 20, &["-d", "single", "-m", "dup"], "");
}

#[test]
fn another_default_subvolume_is_told() {
    let made = Made::new(1, 200 << 20, &[]);
    if !may_mount() {
        return;
    }
    let mount = made.mount("");
    let path = mount.path().join("s");
    run("btrfs", &["-q", "subvolume", "create", text(&path)]);
    run("btrfs", &["subvolume", "set-default", text(&path)]);
    drop(mount);
    let filesystem = made.open();
    assert_eq!(filesystem.about().notes, ["a mount shows subvolume 256; here it is part of the whole"]);
    assert_as_the_kernel(&made, &filesystem);
}

#[test]
fn a_filesystem_that_grew_from_a_seed() {
    let seed = Made::new(1, 200 << 20, &["-m", "single"]);
    let grown = Made::empty(1, 300 << 20);
    if !may_mount() {
        return;
    }
    let mount = seed.mount("");
    std::fs::write(mount.path().join("old"), vec![b'o'; 100_000]).expect("a file");
    std::fs::write(mount.path().join("changed"), vec![b'o'; 100_000]).expect("a file");
    drop(mount);
    run("btrfstune", &["-S", "1", text(&seed.paths[0])]);
    let both = seed.joined(&grown);
    let mount = both.grow("");
    std::fs::write(mount.path().join("new"), vec![b'n'; 100_000]).expect("a file");
    std::fs::write(mount.path().join("changed"), vec![b'n'; 100_000]).expect("a file");
    run("sync", &["-f", text(mount.path())]);
    let theirs = support::filesystem::kernels(mount.path());
    drop(mount);
    // The one that grew tells, whatever else is given.
    let filesystem = open(&[&both.paths[1], &both.paths[0]]);
    assert_same(&without_times(ours(&filesystem)), &without_times(theirs));
    assert_eq!(filesystem.problems(), []);
    let alone = open(&[&both.paths[1]]);
    assert!(alone.problems().iter().any(|(error, _)| error.message.contains("is missing")));
}

/// Reading through a mount that may write changes access times.
fn without_times(mut tree: Tree) -> Tree {
    for seen in tree.values_mut() {
        seen.atime = None;
    }
    tree
}

/// A name, and what is done.
type Change = (&'static str, fn(&Path));

/// What a machine may do before it is copied: all that was synced is shown.
const CHANGES: [Change; 14] = [
    ("nothing", |_| {}),
    ("a new file", |root| write_synced(&root.join("d/new"), 0, &[b'n'; 50_000])),
    ("a small new file", |root| write_synced(&root.join("d/new"), 0, b"small")),
    ("a new file in a new directory", |root| {
        std::fs::create_dir_all(root.join("x/y")).expect("directories");
        write_synced(&root.join("x/y/new"), 0, &[b'n'; 5000]);
    }),
    ("more of a file", |root| write_synced(&root.join("d/file"), 100_000, &[b'm'; 30_000])),
    ("the middle of a file", |root| write_synced(&root.join("d/file"), 20_480, &[b'm'; 8192])),
    ("less of a file", |root| {
        let file = std::fs::OpenOptions::new().write(true).open(root.join("d/file")).expect("a file");
        file.set_len(12_345).expect("cut");
        file.sync_all().expect("synced");
    }),
    ("another name", |root| {
        std::fs::hard_link(root.join("d/file"), root.join("e/linked")).expect("a link");
        sync(&root.join("d/file"));
    }),
    ("a renamed file", |root| {
        std::fs::rename(root.join("d/file"), root.join("e/renamed")).expect("renamed");
        sync(&root.join("e/renamed"));
    }),
    ("a file that replaces another", |root| {
        std::fs::write(root.join("d/temporary"), "the new content").expect("a file");
        sync(&root.join("d/temporary"));
        std::fs::rename(root.join("d/temporary"), root.join("d/file")).expect("renamed");
        sync(&root.join("d"));
    }),
    ("deleted files", |root| {
        for number in (0..100).step_by(3) {
            std::fs::remove_file(root.join(format!("d/{number}"))).expect("deleted");
        }
        sync(&root.join("d"));
    }),
    ("a hole", |root| {
        run("fallocate", &["-p", "-o", "8192", "-l", "40960", text(&root.join("d/file"))]);
        sync(&root.join("d/file"));
    }),
    ("space that was set aside", |root| {
        run("fallocate", &["-l", "1000000", text(&root.join("d/file"))]);
        write_synced(&root.join("d/file"), 500_000, b"inside");
        write_synced(&root.join("s/file"), 0, b"in a subvolume");
    }),
    ("many files, one after another", |root| {
        for number in 0..40 {
            write_synced(&root.join(format!("e/new {number}")), 0, number.to_string().as_bytes());
            if number % 4 == 0 {
                std::fs::remove_file(root.join(format!("e/new {number}"))).expect("deleted");
            }
            write_synced(&root.join("d/file"), number * 9000, &[b'x'; 7000]);
        }
        sync(&root.join("e"));
    }),
];

fn write_synced(path: &Path, at: u64, bytes: &[u8]) {
    let file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path).expect("a file");
    file.write_all_at(bytes, at).expect("written");
    file.sync_all().expect("synced");
}

fn sync(path: &Path) {
    std::fs::File::open(path).and_then(|file| file.sync_all()).expect("synced");
}

/// Copied while it is mounted, an image is shown as the kernel shows it after it has
/// replayed the log.
#[test]
fn an_unclean_filesystem_is_as_after_recovery() {
    if !may_mount() {
        return;
    }
    let mut replayed = 0;
    for options in [&[][..], &["-O", "^no-holes", "-n", "4096"]] {
        for (name, change) in CHANGES {
            let made = Made::new(1, 160 << 20, options);
            let mount = made.mount("commit=300");
            for dir in ["d", "e"] {
                std::fs::create_dir(mount.path().join(dir)).expect("a directory");
            }
            run("btrfs", &["-q", "subvolume", "create", text(&mount.path().join("s"))]);
            for number in 0..100 {
                std::fs::write(mount.path().join(format!("d/{number}")), number.to_string()).expect("a file");
            }
            std::fs::write(mount.path().join("d/file"), vec![b'f'; 100_000]).expect("a file");
            run("sync", &["-f", text(mount.path())]);
            change(mount.path());
            let copy = made.copy();
            drop(mount);
            let filesystem = copy.open();
            let seen = ours(&filesystem);
            assert_eq!(filesystem.problems(), [], "{name}");
            let notes = &filesystem.about().notes;
            replayed += usize::from(notes.iter().any(|note| note.ends_with("was replayed")));
            println!("{name}: {notes:?}");
            drop(copy.mount("noatime"));
            assert_same(&seen, &copy.kernels());
        }
    }
    assert!(replayed > 10, "{replayed}");
}

#[test]
fn a_file_that_was_deleted_while_open() {
    let made = Made::new(1, 200 << 20, &[]);
    if !may_mount() {
        return;
    }
    let mount = made.mount("");
    let path = mount.path().join("open");
    let file = std::fs::File::create(&path).expect("a file");
    file.write_all_at(b"the token of a daemon", 0).expect("written");
    run("sync", &["-f", text(mount.path())]);
    std::fs::remove_file(&path).expect("deleted");
    run("sync", &["-f", text(mount.path())]);
    let copy = made.copy();
    drop((file, mount));
    let filesystem = copy.open();
    let found = deleted(&filesystem);
    let orphan = found.iter().find(|(path, _)| path.starts_with("inode ")).expect("an orphan");
    assert_eq!(orphan.1, b"the token of a daemon");
}

/// Deleted files by their paths.
fn deleted(filesystem: &Btrfs) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let told = filesystem.deleted(&mut |file| {
        let path = String::from_utf8_lossy(&file.path).into_owned();
        found.insert(path, read_all(filesystem, &file.content));
        ControlFlow::Continue(())
    });
    told.expect("deleted files");
    found
}

#[test]
fn deleted_files_are_found_in_former_trees() {
    let made = Made::new(1, 200 << 20, &[]);
    if !may_mount() {
        return;
    }
    // The backup roots are those of the last four transactions.
    let mount = made.mount("nodiscard");
    std::fs::create_dir_all(mount.path().join("a/b")).expect("directories");
    run("btrfs", &["-q", "subvolume", "create", text(&mount.path().join("a/s"))]);
    let large: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
    std::fs::write(mount.path().join("a/b/large"), &large).expect("a file");
    std::fs::write(mount.path().join("a/b/small"), "a small one").expect("a file");
    std::fs::write(mount.path().join("a/s/inside"), "inside of a subvolume").expect("a file");
    std::fs::write(mount.path().join("stays"), "stays").expect("a file");
    run("sync", &["-f", text(mount.path())]);
    for path in ["a/b/large", "a/b/small", "a/s/inside"] {
        std::fs::remove_file(mount.path().join(path)).expect("deleted");
    }
    run("sync", &["-f", text(mount.path())]);
    let copy = made.copy();
    drop(mount);
    let filesystem = copy.open();
    let found = deleted(&filesystem);
    assert_eq!(found.get("a/b/large").map(Vec::len), Some(large.len()), "{:?}", found.keys());
    assert!(found["a/b/large"] == large, "the content differs");
    assert_eq!(found["a/b/small"], b"a small one");
    assert_eq!(found["a/s/inside"], b"inside of a subvolume");
    assert!(!found.contains_key("stays"));
    assert_eq!(filesystem.problems(), []);
}

/// A filesystem that was ext4 lies in other places than one that was made new.
#[test]
fn converted_from_ext4() {
    let made = Made::empty(1, 300 << 20);
    let has_converter = Command::new("btrfs-convert").arg("--help").output().is_ok();
    if !may_mount() || !has_converter {
        println!("not run: there is no btrfs-convert");
        return;
    }
    run("mke2fs", &["-q", "-F", "-b", "4096", "-t", "ext4", text(&made.paths[0])]);
    let at = made.paths[0].with_extension("ext4");
    let mount = support::filesystem::Mount::new(&made.paths[0], &at, "");
    fill(mount.path(), true);
    drop(mount);
    run("btrfs-convert", &[text(&made.paths[0])]);
    let filesystem = made.open();
    assert_as_the_kernel(&made, &filesystem);
    assert_eq!(filesystem.problems(), []);
    free_and_extents_fill_devices(&made, &filesystem);
}

#[test]
fn a_directory_of_50_000_files() {
    let made = Made::new(1, 400 << 20, &["-n", "4096"]);
    if !may_mount() {
        return;
    }
    let mount = made.mount("");
    std::fs::create_dir(mount.path().join("many")).expect("a directory");
    for number in 0..50_000 {
        std::fs::write(mount.path().join(format!("many/{number}")), number.to_string()).expect("a file");
    }
    drop(mount);
    let filesystem = made.open();
    assert_as_the_kernel(&made, &filesystem);
}
