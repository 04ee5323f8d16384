//! XFS as this program reads it, held against the kernel's mount of the same image and
//! against `xfs_db`.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use snapsift::source::disk::{Disk, FileDisk, MemoryDisk};
use snapsift::source::filesystem::xfs::{self, Xfs};
use snapsift::source::filesystem::{ContentReader, Filesystem, NodeId, PieceSource};
use support::filesystem::{Mount, Tree, assert_same, fill, image, kernels, may_mount, ours, run, text};

/// The smallest image that `mkfs.xfs` accepts; nearly all of it is a hole.
const SIZE: u64 = 360 << 20;

fn open(path: &Path) -> Xfs {
    let file = std::fs::File::open(path).expect("an image");
    let size = file.metadata().expect("its size").len();
    let disk: Arc<dyn Disk> = Arc::new(FileDisk::new(file, size));
    assert!(xfs::detect(&*disk), "is detected");
    xfs::open(disk).expect("XFS")
}

/// Made by `mkfs.xfs` and filled through the kernel.
fn made(dir: &Path, options: &[&str], more: impl FnOnce(&Path)) -> PathBuf {
    let path = dir.join("image");
    image(&path, SIZE);
    run("mkfs.xfs", &[&["-q", "-f", "-L", "a label"], options, &[text(&path)]].concat());
    let mount = Mount::new(&path, &dir.join("mount"), "");
    fill(mount.path(), false);
    hard_cases(mount.path());
    more(mount.path());
    drop(mount);
    // What is deleted before the inode was ever written leaves nothing.
    let mount = Mount::new(&path, &dir.join("mount"), "");
    for number in 0..50 {
        std::fs::remove_file(mount.path().join(format!("to delete/gone {number}"))).expect("deleted");
    }
    drop(mount);
    path
}

/// What only some filesystems can hold.
fn hard_cases(root: &Path) {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let at = |name: &str| root.join(name);
    std::fs::write(root.join(std::ffi::OsStr::from_bytes(b"not \xff utf-8 \xfe")), "x").expect("a file");
    std::fs::hard_link(at("sizes/4097"), at("hard link")).expect("a link");
    for length in [1, 60, 200, 336, 400, 900, 1000, 1023] {
        symlink("x".repeat(length), at(&format!("link of {length}"))).expect("a link");
    }
    run("mkfifo", &[text(&at("fifo"))]);
    run("mknod", &[text(&at("null")), "c", "1", "3"]);
    run("mknod", &[text(&at("block")), "b", "7", "0"]);
    run("chown", &["12345:54321", text(&at("sizes/60"))]);
    run("chown", &["4294967294:4294967294", text(&at("sizes/61"))]);
    run("chmod", &["4751", text(&at("sizes/60"))]);
    run("touch", &["-d", "1921-02-03 04:05:06.789 UTC", text(&at("sizes/1"))]);
    run("touch", &["-d", "1901-12-13 20:45:52 UTC", text(&at("sizes/159"))]);
    run("touch", &["-d", "2037-02-03 04:05:06.123456789 UTC", text(&at("sizes/0"))]);
    // Directories that only just fit into an inode, and only just not.
    for count in [1, 2, 5, 8, 12, 20, 60] {
        let dir = at(&format!("names {count}"));
        std::fs::create_dir(&dir).expect("a directory");
        for number in 0..count {
            std::fs::write(dir.join(format!("name {number}")), [number]).expect("a file");
        }
    }
    // Space that is set aside and never written, before, between and after data.
    let file = std::fs::File::create(at("set aside")).expect("a file");
    run("fallocate", &["-l", "3000000", text(&at("set aside"))]);
    file.write_all_at(&[7; 10_000], 1_000_000).expect("data");
    run("fallocate", &["-n", "-o", "3000000", "-l", "500000", text(&at("set aside"))]);
    std::fs::create_dir(at("to delete")).expect("a directory");
    for number in 0..100 {
        let name = if number % 2 == 0 { format!("gone {}", number / 2) } else { format!("stays {number}") };
        std::fs::write(at("to delete").join(&name), format!("{name} ").repeat(1000)).expect("a file");
    }
    // A tree of extents.
    let file = std::fs::File::create(at("pieces")).expect("a file");
    // The end is known, so that nothing is set aside past each piece.
    file.set_len(4000 * 131_072).expect("a size");
    for step in 0..4000_u64 {
        file.write_all_at(&step.to_le_bytes(), step * 131_072).expect("data");
    }
    file.sync_all().expect("sync");
}

fn assert_as_the_kernel(path: &Path, dir: &Path) -> Xfs {
    let filesystem = open(path);
    let seen = ours(&filesystem);
    let mount = Mount::new(path, &dir.join("mount"), "ro");
    assert_same(&seen, &kernels(mount.path()));
    assert_eq!(filesystem.problems(), []);
    filesystem
}

fn compare(options: &[&str]) {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = made(dir.path(), options, |_| {});
    let filesystem = assert_as_the_kernel(&path, dir.path());
    let about = filesystem.about();
    assert_eq!(about.label.as_deref(), Some("a label"));
    assert_eq!(about.uuid.as_deref(), Some(blkid(&path).as_str()));
    assert_eq!(about.notes, [""; 0]);
    free_as_xfs_db(&filesystem, &path);
    deleted_are_found(&filesystem);
}

fn output(program: &str, arguments: &[&str]) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = std::process::Command::new(program).args(arguments).env("PATH", path).output();
    String::from_utf8(output.expect("it runs").stdout).expect("UTF-8")
}

fn blkid(path: &Path) -> String {
    output("blkid", &["-p", "-s", "UUID", "-o", "value", text(path)]).trim().to_owned()
}

/// Every free range by `xfs_db`, and the blocks of the free lists.
fn free_as_xfs_db(filesystem: &Xfs, path: &Path) {
    let mut ours: Vec<u64> = Vec::new();
    let block = u64::from(filesystem.about().block_size);
    filesystem
        .free(&mut |disk, range| {
            assert_eq!(disk, 0);
            ours.extend((range.start..range.end).step_by(usize::try_from(block).expect("a size")));
            ControlFlow::Continue(())
        })
        .expect("free space");
    assert!(ours.is_sorted());
    let field = |command: &str| -> u64 {
        let told = output("xfs_db", &["-r", "-c", "sb 0", "-c", command, text(path)]);
        told.trim().rsplit(' ').next().expect("a value").parse().expect("a number")
    };
    let (blocks, groups) = (field("p agblocks"), field("p agcount"));
    let mut theirs: Vec<u64> = Vec::new();
    let told = output("xfs_db", &["-r", "-c", "freesp -d -a 0 -a 1 -a 2 -a 3", text(path)]);
    for line in told.lines() {
        let numbers: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        if let [ag, start, length] = numbers[..] {
            theirs.extend((start..start + length).map(|at| (ag * blocks + at) * block));
        }
    }
    assert_eq!(groups, 4);
    theirs.sort_unstable();
    theirs.dedup();
    assert_eq!(ours.len(), theirs.len(), "blocks are free");
    assert!(ours == theirs);
}

/// Those of `to delete` are found by name, with their content.
fn deleted_are_found(filesystem: &Xfs) {
    let mut names = std::collections::BTreeSet::new();
    filesystem
        .deleted(&mut |file| {
            let name = String::from_utf8_lossy(&file.path).into_owned();
            let text = format!("{name} ").repeat(1000);
            let reader = ContentReader::new(filesystem, &file.content);
            let mut bytes = vec![0; text.len()];
            let mut filled = 0;
            while filled < bytes.len() {
                let read = reader.read_at(&mut bytes[filled..], filled as u64).expect("its content");
                if read == 0 {
                    break;
                }
                filled += read;
            }
            if bytes == text.as_bytes() {
                names.insert(name);
            } else {
                println!("{name}: {:?}", String::from_utf8_lossy(&bytes[..20]));
            }
            ControlFlow::Continue(())
        })
        .expect("deleted files");
    assert_eq!(names, (0..50).map(|number| format!("gone {number}")).collect());
}

#[test]
fn default_features() {
    compare(&[]);
}

#[test]
fn all_features() {
    compare(&[
        "-m",
        "bigtime=1,inobtcount=1,reflink=1,rmapbt=1,finobt=1",
        "-i",
        "nrext64=1,sparse=1,size=1024",
    ]);
}

#[test]
fn few_features() {
    compare(&["-m", "bigtime=0,inobtcount=0,reflink=0,rmapbt=0,finobt=0", "-i", "nrext64=0,sparse=0"]);
}

#[test]
fn small_blocks() {
    compare(&["-b", "size=1024"]);
}

#[test]
fn small_blocks_and_large_directory_blocks() {
    compare(&["-b", "size=1024", "-n", "size=8192"]);
}

#[test]
fn largest_directory_blocks() {
    compare(&["-n", "size=65536"]);
}

#[test]
fn sectors_of_4096() {
    compare(&["-s", "size=4096", "-i", "size=2048"]);
}
