//! ext2, ext3 and ext4, held against the kernel's mount of the same image, and
//! against `debugfs` where the kernel does not tell.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::collections::HashSet;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use snapsift::source::disk::{Disk, FileDisk, MemoryDisk};
use snapsift::source::filesystem::ext::{self, Ext};
use snapsift::source::filesystem::{ContentReader, DeletedFile, Filesystem, NodeId};
use support::filesystem::{Mount, assert_same, fill, image, kernels, may_mount, ours, run, text};

/// A folder for an image, and the image's path.
struct Image {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Image {
    /// Makes a filesystem with `mke2fs` in an image of so many bytes.
    fn new(size: u64, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("image");
        image(&path, size);
        let made = Self { folder, path };
        let mut arguments = vec!["-q", "-F", "-E", "lazy_itable_init=1"];
        arguments.extend(options);
        arguments.push(text(&made.path));
        run("mke2fs", &arguments);
        made
    }

    fn mount(&self, options: &str) -> Mount {
        Mount::new(&self.path, &self.folder.path().join("mount"), options)
    }

    fn open(&self) -> Ext {
        open(&self.path)
    }

    /// Another image, a copy of this one as it is.
    fn copy(&self, name: &str) -> Self {
        let path = self.folder.path().join(name);
        run("cp", &["--sparse=always", text(&self.path), text(&path)]);
        Self { folder: tempfile::tempdir().expect("a folder"), path }
    }

    fn debugfs(&self, request: &str) -> String {
        let told = Command::new("/usr/sbin/debugfs").args(["-w", "-R", request]).arg(&self.path).output();
        String::from_utf8_lossy(&told.expect("debugfs").stdout).into_owned()
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).expect("the image")
    }
}

fn disk(path: &Path) -> Arc<dyn Disk> {
    let file = File::open(path).expect("an image");
    let size = file.metadata().expect("facts").len();
    Arc::new(FileDisk::new(file, size))
}

fn open(path: &Path) -> Ext {
    ext::open(disk(path)).expect("a filesystem")
}

/// No checksum was wrong, nothing was missing.
fn assert_sound(filesystem: &Ext) {
    assert_eq!(filesystem.problems(), []);
}

/// Fills an image of the features, and compares it with the kernel's view.
fn same_as_kernel(size: u64, options: &[&str]) -> Image {
    let image = Image::new(size, options);
    if !may_mount() {
        return image;
    }
    let mount = image.mount("");
    fill(mount.path(), true);
    drop(mount);
    let mount = image.mount("ro");
    let theirs = kernels(mount.path());
    drop(mount);
    let filesystem = image.open();
    assert_same(&ours(&filesystem), &theirs);
    assert_sound(&filesystem);
    same_free_blocks(&image, &filesystem);
    image
}

/// Our free ranges against those that `dumpe2fs` tells.
fn same_free_blocks(image: &Image, filesystem: &Ext) {
    let told = Command::new("/usr/sbin/dumpe2fs").arg(&image.path).output().expect("dumpe2fs");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let (head, groups) = told.split_once("\n\n\n").or_else(|| told.split_once("\n\nGroup")).expect("groups");
    let size = u64::from(filesystem.about().block_size);
    // Of the last cluster of a range only the first block is told.
    let cluster = head.lines().find_map(|line| line.strip_prefix("Cluster size:"));
    let more = cluster.map_or(1, |bytes| bytes.trim().parse::<u64>().expect("a size") / size);
    let all = filesystem.about().size / size;
    let mut theirs: Vec<(u64, u64)> = Vec::new();
    for line in groups.lines().filter_map(|line| line.trim().strip_prefix("Free blocks: ")) {
        for range in line.split(", ").filter(|range| !range.is_empty()) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u64, u64) = (first.parse().expect("a block"), last.parse().expect("a block"));
            let (start, end) = (first * size, (last + more).min(all) * size);
            match theirs.last_mut() {
                Some(before) if before.1 == start => before.1 = end,
                _ => theirs.push((start, end)),
            }
        }
    }
    let mut ours = Vec::new();
    let told = filesystem.free(&mut |_, range| {
        ours.push((range.start, range.end));
        ControlFlow::Continue(())
    });
    told.expect("free space");
    assert_eq!(ours, theirs);
}

#[test]
fn ext4_as_it_is_made() {
    let image = same_as_kernel(300 << 20, &["-t", "ext4", "-b", "4096", "-L", "the label", "-U", "01234567-89ab-cdef-0123-456789abcdef"]);
    let filesystem = image.open();
    let about = filesystem.about();
    assert_eq!((about.kind, about.block_size, about.size), ("ext4", 4096, 300 << 20));
    assert_eq!(about.label.as_deref(), Some("the label"));
    assert_eq!(about.uuid.as_deref(), Some("01234567-89ab-cdef-0123-456789abcdef"));
    assert!(about.notes.is_empty(), "{:?}", about.notes);
}

#[test]
fn ext4_with_blocks_of_1024_bytes() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-b", "1024"]);
}

#[test]
fn ext4_with_blocks_of_2048_bytes_and_without_checksums_or_64_bits() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-b", "2048", "-O", "^metadata_csum,^64bit"]);
}

#[test]
fn ext4_with_old_checksums_of_groups() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-O", "^metadata_csum,uninit_bg", "-b", "1024"]);
}

#[test]
fn ext4_with_small_inodes() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-b", "4096", "-I", "128"]);
}

#[test]
fn ext4_with_large_inodes_and_inline_data() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-b", "4096", "-I", "1024", "-O", "inline_data"]);
}

#[test]
fn ext4_with_inline_data() {
    let image = same_as_kernel(200 << 20, &["-t", "ext4", "-b", "4096", "-O", "inline_data"]);
    assert!(image.debugfs("stat /sizes/159").contains("Inode: "));
}

#[test]
fn ext4_with_clusters() {
    same_as_kernel(300 << 20, &["-t", "ext4", "-b", "4096", "-O", "bigalloc", "-C", "65536"]);
}

#[test]
fn ext4_with_clusters_of_small_blocks() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-O", "bigalloc", "-b", "1024", "-C", "8192"]);
}

#[test]
fn ext4_with_indirect_blocks() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-O", "^extent,^64bit,^flex_bg", "-b", "1024"]);
}

#[test]
fn ext4_without_a_journal() {
    same_as_kernel(200 << 20, &["-t", "ext4", "-b", "4096", "-O", "^has_journal"]);
}

#[test]
fn ext4_with_groups_of_descriptors_and_without_resize() {
    same_as_kernel(300 << 20, &["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode"]);
}

#[test]
fn ext4_with_two_copies_of_its_superblock() {
    same_as_kernel(300 << 20, &["-t", "ext4", "-b", "1024", "-O", "sparse_super2,^resize_inode"]);
}

#[test]
fn ext4_with_features_that_change_nothing_here() {
    let features = "casefold,quota,project,verity,encrypt,large_dir,ea_inode,orphan_file,metadata_csum_seed,mmp";
    // The first four the kernel need not know; the rest is compared with it.
    let known = features.split_once("verity,").expect("features").1;
    same_as_kernel(200 << 20, &["-t", "ext4", "-O", known, "-b", "4096"]);
    let image = Image::new(64 << 20, &["-t", "ext4", "-O", features]);
    let filesystem = image.open();
    assert_eq!(ours(&filesystem).keys().collect::<Vec<_>>(), [&b"/lost+found".to_vec()]);
    assert_sound(&filesystem);
}

#[test]
fn ext3() {
    let image = same_as_kernel(200 << 20, &["-t", "ext3", "-b", "4096"]);
    assert_eq!(image.open().about().kind, "ext3");
}

#[test]
fn ext2() {
    let image = same_as_kernel(200 << 20, &["-t", "ext2", "-b", "1024"]);
    assert_eq!(image.open().about().kind, "ext2");
}

#[test]
fn ext2_of_the_first_revision() {
    same_as_kernel(200 << 20, &["-t", "ext2", "-r", "0", "-O", "none", "-I", "128"]);
}
