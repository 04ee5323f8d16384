//! ext2, ext3 and ext4 images held against the kernel's view of them.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

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
