//! ext2, ext3 and ext4 images held against the kernel's view of them.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]
#![allow(clippy::cast_possible_truncation, reason = "test images are small")]

mod support;

use std::path::Path;
use std::sync::Arc;

use snapsift::source::disk::{Disk, FileDisk};
use snapsift::source::filesystem::ext;
use support::filesystem::{Mount, assert_same, fill, image, kernels, may_mount, ours, run, text};

fn disk(path: &Path) -> Arc<dyn Disk> {
    let file = std::fs::File::open(path).expect("an image");
    let size = file.metadata().expect("its size").len();
    Arc::new(FileDisk::new(file, size))
}

/// Makes, fills and compares one filesystem.
fn check(name: &str, program: &str, options: &[&str]) {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(name);
    image(&path, 320 << 20);
    run(program, &[&["-q", "-F"], options, &[text(&path)]].concat());
    let at = dir.path().join("mnt");
    let mount = Mount::new(&path, &at, "");
    fill(mount.path(), true);
    drop(mount);
    let filesystem = ext::open(disk(&path)).expect("a filesystem");
    let mount = Mount::new(&path, &at, "ro,noatime");
    assert_same(&ours(&filesystem), &kernels(mount.path()));
}

#[test]
fn ext4_as_it_is_made() {
    check("default", "mkfs.ext4", &["-b", "4096"]);
}

#[test]
fn ext4_with_blocks_of_1_kib_and_small_inodes() {
    check("small", "mkfs.ext4", &["-b", "1024", "-I", "128"]);
}

#[test]
fn ext4_with_inline_data() {
    check("inline", "mkfs.ext4", &["-O", "inline_data", "-I", "512"]);
}

#[test]
fn ext4_with_large_clusters() {
    check("bigalloc", "mkfs.ext4", &["-O", "bigalloc", "-C", "65536"]);
}

#[test]
fn ext4_without_64_bits_and_checksums() {
    check("old", "mkfs.ext4", &["-O", "^64bit,^metadata_csum,^extent"]);
}

#[test]
fn ext4_with_groups_of_descriptors() {
    check("meta_bg", "mkfs.ext4", &["-b", "1024", "-O", "meta_bg,^resize_inode"]);
}

#[test]
fn ext3_and_ext2() {
    check("ext3", "mkfs.ext3", &[]);
    check("ext2", "mkfs.ext2", &["-b", "1024"]);
}

/// A small filesystem with one of everything, without a mount.
fn small(options: &[&str]) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, from) = (dir.path().join("image"), dir.path().join("from"));
    std::fs::create_dir_all(from.join("a/b")).expect("a directory");
    std::fs::write(from.join("a/file"), vec![b'x'; 30_000]).expect("a file");
    std::fs::write(from.join("a/b/small"), "small").expect("a file");
    std::os::unix::fs::symlink("y/".repeat(60), from.join("link")).expect("a link");
    image(&path, 2 << 20);
    run("mkfs.ext4", &[&["-q", "-F", "-b", "1024", "-d", text(&from)], options, &[text(&path)]].concat());
    std::fs::read(&path).expect("an image")
}

/// Reads all that a damaged filesystem gives: it must end, whatever it says.
fn exercise(bytes: Vec<u8>) {
    use snapsift::source::disk::MemoryDisk;
    use snapsift::source::filesystem::{ContentReader, Filesystem, NodeId};
    use std::ops::ControlFlow;
    let Ok(filesystem) = ext::open(Arc::new(MemoryDisk(bytes.into()))) else { return };
    let mut met = std::collections::HashSet::new();
    let mut waiting: Vec<NodeId> = vec![filesystem.root()];
    let mut buffer = vec![0; 64 << 10];
    while let Some(id) = waiting.pop() {
        if !met.insert(id) || met.len() > 1000 {
            continue;
        }
        let _ = filesystem.list(id, &mut |entry| {
            waiting.push(entry.id);
            ControlFlow::Continue(())
        });
        let _ = (filesystem.stat(id), filesystem.link_target(id));
        if let Ok(content) = filesystem.content(id) {
            let reader = ContentReader::new(&filesystem, &content);
            let mut at = 0;
            // A file may say that it is as large as it likes.
            for _ in 0..64 {
                match reader.read_at(&mut buffer, at) {
                    Ok(read) if read > 0 => at += read as u64,
                    _ => break,
                }
            }
        }
    }
    let _ = filesystem.deleted(&mut |_| ControlFlow::Continue(()));
    let _ = filesystem.free(&mut |_, _| ControlFlow::Continue(()));
}

#[test]
fn hostile_26_damaged_structures_end() {
    for options in [&[][..], &["-O", "^extent,^64bit"], &["-O", "inline_data", "-I", "256"]] {
        let good = small(options);
        let mut state = 0x1234_5678_9abc_def1_u64;
        for _ in 0..600 {
            let mut bytes = good.clone();
            for _ in 0..4 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                // Most structures are in the first tenth.
                let length = if state & 7 == 0 { bytes.len() } else { bytes.len() / 10 };
                let at = (state >> 8) as usize % length;
                bytes[at] = match state & 3 {
                    0 => 0,
                    1 => 0xff,
                    _ => (state >> 40) as u8,
                };
            }
            exercise(bytes);
        }
    }
}

#[test]
fn hostile_26_an_extent_tree_that_leads_back_is_an_error() {
    use snapsift::source::filesystem::Filesystem;
    let mut bytes = small(&[]);
    // The root of the tree of `/a/file`: found by its magic and its one extent.
    let at = (0..bytes.len() - 60)
        .find(|at| bytes[*at..].starts_with(&[0x0a, 0xf3, 1, 0, 4, 0, 0, 0]) && bytes[at + 16] >= 29)
        .expect("an extent");
    let block = u32::try_from(at / 1024).expect("small");
    // One level deeper, and the index leads to the very block that it stands in.
    bytes[at + 6] = 1;
    bytes[at + 16..at + 20].copy_from_slice(&block.to_le_bytes());
    bytes[at + 20] = 0;
    let filesystem = ext::open(Arc::new(snapsift::source::disk::MemoryDisk(bytes.into()))).expect("opens");
    let tree = snapsift::source::filesystem::FilesystemTree::new(&filesystem);
    let id = tree.find(b"/a/file").expect("the file");
    assert!(filesystem.content(id).is_err());
}

#[test]
fn hostile_35_a_cut_image_gives_what_is_left() {
    let good = small(&[]);
    for length in (0..good.len()).step_by(50_000) {
        exercise(good[..length].to_vec());
    }
}

#[test]
fn a_broken_superblock_is_read_from_its_copy() {
    use snapsift::source::filesystem::Filesystem;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("image");
    image(&path, 64 << 20);
    run("mkfs.ext4", &["-q", "-F", "-b", "1024", text(&path)]);
    let mut bytes = std::fs::read(&path).expect("an image");
    bytes[1024..2048].fill(0);
    let filesystem = ext::open(Arc::new(snapsift::source::disk::MemoryDisk(bytes.into()))).expect("opens");
    assert!(filesystem.about().notes[0].contains("copy"), "{:?}", filesystem.about());
}
