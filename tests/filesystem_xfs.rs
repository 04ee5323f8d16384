//! XFS as this program reads it, held against the kernel's mount of the same image and
//! against `xfs_db`.
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

use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use snapsift::source::disk::{Disk, FileDisk};
use snapsift::source::filesystem::xfs::{self, Xfs};
use snapsift::source::filesystem::{ContentReader, Filesystem};
use support::filesystem::{Mount, assert_same, fill, image, kernels, may_mount, ours, run, text};

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
    // Two files that share their blocks, where that is possible, and one that differs by a block.
    for name in ["shared", "shared and changed"] {
        run("cp", &["--reflink=auto", text(&at("sizes/1048576")), text(&at(name))]);
    }
    let file = std::fs::File::options().write(true).open(at("shared and changed")).expect("a file");
    file.write_all_at(&[1; 4096], 500_000).expect("data");
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

/// Held against the kernel's mount of another copy, which recovers it.
fn compare_unclean(dir: &Path, unclean: &Path) -> Xfs {
    let recovered = dir.join("recovered");
    std::fs::copy(unclean, &recovered).expect("a copy");
    drop(Mount::new(&recovered, &dir.join("mount 2"), "nouuid"));
    let mount = Mount::new(&recovered, &dir.join("mount 2"), "ro,nouuid");
    let theirs = kernels(mount.path());
    let filesystem = open(unclean);
    println!("{:?}", filesystem.about().notes);
    assert_same(&ours(&filesystem), &theirs);
    assert_eq!(filesystem.problems(), []);
    filesystem
}

/// Changes of all kinds that the log must bring back.
fn change(root: &Path) {
    fill(root, false);
    hard_cases(root);
    std::fs::remove_dir_all(root.join("names 60")).expect("deleted");
    std::fs::rename(root.join("sizes/4096"), root.join("many/moved")).expect("moved");
    run("chmod", &["600", text(&root.join("sizes/513"))]);
    run("truncate", &["-s", "100000", text(&root.join("pieces"))]);
    run("sync", &["-f", text(root)]);
}

fn compare_running(options: &[&str]) {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("image");
    image(&path, SIZE);
    run("mkfs.xfs", &[&["-q", "-f"], options, &[text(&path)]].concat());
    let mount = Mount::new(&path, &dir.path().join("mount"), "");
    let copy = dir.path().join("copy");
    // The log is short: it goes around several times.
    for round in 0..3 {
        let root = mount.path().join(format!("round {round}"));
        std::fs::create_dir(&root).expect("a directory");
        if round > 0 {
            std::fs::remove_dir_all(mount.path().join(format!("round {}", round - 1))).expect("deleted");
        }
        change(&root);
        std::fs::copy(&path, &copy).expect("a copy");
        let filesystem = compare_unclean(dir.path(), &copy);
        let notes = &filesystem.about().notes;
        assert!(notes.iter().any(|note| note.contains("log was replayed")), "{notes:?}");
    }
    drop(mount);
    // Stopped in the midst of work, with the log written and without.
    for option in ["-f", ""] {
        let mount = Mount::new(&path, &dir.path().join("stopped"), "nouuid");
        std::fs::create_dir_all(mount.path().join("more")).expect("a directory");
        for number in 0..500 {
            std::fs::write(mount.path().join(format!("more/{number}{option}")), "text").expect("a file");
        }
        let command = format!("shutdown {option}");
        run("xfs_io", &["-x", "-c", command.trim(), text(mount.path())]);
        drop(mount);
        compare_unclean(dir.path(), &path);
    }
}

#[test]
fn running_with_default_features() {
    compare_running(&[]);
}

#[test]
fn running_with_all_features() {
    compare_running(&["-m", "bigtime=1,inobtcount=1,reflink=1,rmapbt=1", "-i", "nrext64=1,size=1024"]);
}

#[test]
fn running_with_small_blocks_and_no_features() {
    compare_running(&[
        "-m",
        "bigtime=0,reflink=0,finobt=0",
        "-i",
        "sparse=0",
        "-b",
        "size=1024",
        "-n",
        "size=8192",
    ]);
}

#[test]
fn running_with_sectors_of_4096() {
    compare_running(&["-s", "size=4096", "-l", "su=256k"]);
}

/// The log has 64 MiB: changes are made until it begins anew.
#[test]
fn running_until_the_log_goes_around() {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let (path, copy) = (dir.path().join("image"), dir.path().join("copy"));
    image(&path, SIZE);
    run("mkfs.xfs", &["-q", "-f", text(&path)]);
    let mount = Mount::new(&path, &dir.path().join("mount"), "");
    for number in 0..6000 {
        std::fs::write(mount.path().join(format!("{number}")), format!("{number}")).expect("a file");
    }
    let mut rounds = std::collections::BTreeSet::new();
    for step in 0..60 {
        run("chmod", &["-R", if step % 2 == 0 { "700" } else { "755" }, text(mount.path())]);
        run("sync", &["-f", text(mount.path())]);
        std::fs::write(mount.path().join(format!("step {step}")), "text").expect("a file");
        if step % 20 == 19 {
            run("sync", &["-f", text(mount.path())]);
            std::fs::copy(&path, &copy).expect("a copy");
            compare_unclean(dir.path(), &copy);
            rounds.insert(round_of_log(&copy));
        }
    }
    assert!(rounds.len() > 1, "the log did not go around: {rounds:?}");
}

/// In which round the first sector of the log was written.
fn round_of_log(path: &Path) -> [u8; 4] {
    let told = output("xfs_db", &["-r", "-c", "sb 0", "-c", "p logstart", text(path)]);
    let start = told.trim().rsplit(' ').next().expect("a value").to_owned();
    let told = output("xfs_db", &["-r", "-c", &format!("convert fsblock {start} byte"), text(path)]);
    let start = told.split(['(', ')']).nth(1).expect("an offset").parse().expect("a number");
    let mut bytes = [0; 8];
    std::fs::File::open(path).expect("an image").read_exact_at(&mut bytes, start).expect("bytes");
    *bytes.last_chunk().expect("four bytes")
}

/// Two directories that grow in turn, so that they lie in many pieces.
#[test]
fn directories_of_25000_and_50000_files() {
    if !may_mount() {
        return;
    }
    for options in [&["-b", "size=1024"][..], &[]] {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("image");
        image(&path, SIZE);
        run("mkfs.xfs", &[&["-q", "-f"], options, &[text(&path)]].concat());
        let mount = Mount::new(&path, &dir.path().join("mount"), "");
        for name in ["one", "two"] {
            std::fs::create_dir(mount.path().join(name)).expect("a directory");
        }
        for number in 0..50_000 {
            std::fs::write(mount.path().join(format!("one/file {number}")), "").expect("a file");
            if number % 2 == 0 {
                let (from, to) = (format!("one/file {number}"), format!("two/file {number}"));
                std::fs::hard_link(mount.path().join(from), mount.path().join(to)).expect("a link");
            }
        }
        drop(mount);
        assert_as_the_kernel(&path, dir.path());
    }
}

/// The kernel here may not mount version 4: what `mkfs.xfs` puts there from a list is
/// held against that list, and inodes against `xfs_db`.
fn compare_version_4(options: &[&str]) {
    let dir = tempfile::tempdir().expect("a directory");
    let source = dir.path().join("source");
    std::fs::create_dir(&source).expect("a directory");
    let mut list = "none\n0 0\nd--755 3 4\n".to_owned();
    let mut expected = std::collections::BTreeMap::new();
    for size in [0_usize, 1, 511, 512, 513, 4096, 65_537, 3_000_000] {
        let file = source.join(format!("{size}"));
        let bytes: Vec<u8> = (0..size).map(|at| (at * 7 + at / 256 + size) as u8).collect();
        std::fs::write(&file, &bytes).expect("a file");
        list += &format!("size{size} ---6{}4 {size} 7 {}\n", size % 8, text(&file));
        expected.insert(format!("/size{size}"), ('f', 0o604 | (size as u32 % 8) << 3, size as u32, bytes));
    }
    for length in [5, 150, 300, 1000] {
        let target = "t".repeat(length);
        list += &format!("link{length} l--777 1 2 {target}\n");
        expected.insert(format!("/link{length}"), ('l', 0o777, 1, target.into_bytes()));
    }
    list += "fifo p--640 9 9\n";
    expected.insert("/fifo".to_owned(), ('p', 0o640, 9, Vec::new()));
    for count in [0, 3, 40, 3000] {
        list += &format!("dir{count} d--700 5 6\n");
        expected.insert(format!("/dir{count}"), ('d', 0o700, 5, Vec::new()));
        for number in 0..count {
            list += &format!("name{number} ---600 8 8 {}\n", text(&source.join("1")));
            let bytes = std::fs::read(source.join("1")).expect("a file");
            expected.insert(format!("/dir{count}/name{number}"), ('f', 0o600, 8, bytes));
        }
        list += "$\n";
    }
    list += "$\n";
    let (path, proto) = (dir.path().join("image"), dir.path().join("list"));
    std::fs::write(&proto, list).expect("a list");
    image(&path, SIZE);
    run("mkfs.xfs", &[&["-q", "-f", "-m", "crc=0", "-p", text(&proto)], options, &[text(&path)]].concat());
    let filesystem = open(&path);
    assert_eq!(filesystem.problems(), []);
    assert_eq!(filesystem.about().notes, [""; 0]);
    let seen = ours(&filesystem);
    let found: Vec<String> = seen.keys().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
    assert!(found.iter().eq(expected.keys()));
    for ((path, seen), (kind, mode, uid, bytes)) in seen.iter().zip(expected.values()) {
        let shown = String::from_utf8_lossy(path);
        let content = match kind {
            'f' => blake3::hash(bytes).to_hex().to_string(),
            _ => String::from_utf8_lossy(bytes).into_owned(),
        };
        assert_eq!(
            (seen.kind, seen.mode, seen.owner.0, &seen.content),
            (*kind, *mode, *uid, &content),
            "{shown}"
        );
        assert_eq!(seen.btime, None, "{shown}: version 4 has no time of birth");
    }
    for name in ["/size513", "/dir3/name2", "/dir3000/name2999"] {
        let fields = ["core.mtime.sec", "core.mtime.nsec", "core.size", "core.nlinkv2", "core.gid"];
        let path_command = format!("path {name}");
        let print = format!("p {}", fields.join(" "));
        let told = output("xfs_db", &["-r", "-c", &path_command, "-c", &print, text(&path)]);
        let value = |field: &str| {
            let line = told.lines().find(|line| line.starts_with(field)).expect("a field");
            line.rsplit(" = ").next().expect("a value").trim().to_owned()
        };
        let our = &seen[name.as_bytes()];
        let seconds = our.mtime.expect("a time").0;
        let theirs = output("date", &["-d", &value("core.mtime.sec"), "+%s"]);
        assert_eq!(seconds.to_string(), theirs.trim());
        assert_eq!(our.mtime.expect("a time").1.to_string(), value("core.mtime.nsec"));
        assert_eq!(our.size.to_string(), value("core.size"));
        assert_eq!(our.links.to_string(), value("core.nlinkv2"));
        assert_eq!(our.owner.1.to_string(), value("core.gid"));
    }
    free_as_xfs_db(&filesystem, &path);
}

#[test]
fn version_4() {
    compare_version_4(&[]);
}

#[test]
fn version_4_with_types_in_directories() {
    compare_version_4(&["-n", "ftype=1,size=16384", "-b", "size=2048"]);
}

#[test]
fn version_4_with_blocks_of_512() {
    compare_version_4(&["-n", "ftype=0", "-b", "size=512", "-i", "size=256"]);
}
