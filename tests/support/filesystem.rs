//! What a filesystem on an image shows, held against the kernel's view of it.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "times of test files are small"
)]
#![allow(clippy::print_stdout, reason = "a test that is not run says so")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use snapsift::source::filesystem::{ContentReader, Filesystem, NodeId};

/// One file, as far as both sides know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `f`, `d`, `l`, `p`, `s`, `c` or `b`.
    pub(crate) kind: char,
    /// Size in bytes; 0 for what is neither a file nor a link.
    pub(crate) size: u64,
    /// Permission bits.
    pub(crate) mode: u32,
    /// Owner and group.
    pub(crate) owner: (u32, u32),
    /// Times as seconds and nanoseconds.
    pub(crate) atime: Option<(i64, u32)>,
    /// Content changed.
    pub(crate) mtime: Option<(i64, u32)>,
    /// Inode changed.
    pub(crate) ctime: Option<(i64, u32)>,
    /// Made, where both know.
    pub(crate) btime: Option<(i64, u32)>,
    /// Inode number.
    pub(crate) inode: u64,
    /// Number of names; 0 for directories, which filesystems count as they like.
    pub(crate) links: u64,
    /// BLAKE3 of a file's content, or a link's target.
    pub(crate) content: String,
}

/// Every path with what is there, `/` first.
pub(crate) type Tree = BTreeMap<Vec<u8>, Seen>;

/// What this program sees.
pub(crate) fn ours(filesystem: &dyn Filesystem) -> Tree {
    let mut tree = Tree::new();
    let mut waiting: Vec<(Vec<u8>, NodeId)> = vec![(Vec::new(), filesystem.root())];
    while let Some((path, dir)) = waiting.pop() {
        let mut entries: Vec<(Vec<u8>, NodeId)> = Vec::new();
        filesystem
            .list(dir, &mut |entry| {
                entries.push(([&path, &b"/"[..], entry.name].concat(), entry.id));
                ControlFlow::Continue(())
            })
            .unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(&path)));
        for (path, id) in entries {
            let shown = String::from_utf8_lossy(&path).into_owned();
            let stat = filesystem.stat(id).unwrap_or_else(|error| panic!("{shown}: {error}"));
            use rustix::fs::FileType;
            let (kind, content) = match stat.file_type {
                FileType::RegularFile => ('f', hash(filesystem, id, &shown)),
                FileType::Symlink => {
                    let target =
                        filesystem.link_target(id).unwrap_or_else(|error| panic!("{shown}: {error}"));
                    ('l', String::from_utf8_lossy(&target).into_owned())
                }
                FileType::Directory => {
                    waiting.push((path.clone(), id));
                    ('d', String::new())
                }
                FileType::Fifo => ('p', String::new()),
                FileType::Socket => ('s', String::new()),
                FileType::CharacterDevice => ('c', String::new()),
                FileType::BlockDevice => ('b', String::new()),
                FileType::Unknown => panic!("{shown}: what is it?"),
            };
            let seen = Seen {
                kind,
                size: if matches!(kind, 'f' | 'l') { stat.size.unwrap_or(u64::MAX) } else { 0 },
                mode: stat.permissions,
                owner: (stat.uid, stat.gid),
                atime: stat.atime,
                mtime: stat.mtime,
                ctime: stat.ctime,
                btime: stat.btime,
                inode: stat.ino,
                links: if kind == 'd' { 0 } else { stat.links },
                content,
            };
            assert!(tree.insert(path, seen).is_none(), "{shown}: twice");
        }
    }
    tree
}

/// BLAKE3 of a content, read in odd steps so that all borders are crossed.
fn hash(filesystem: &dyn Filesystem, id: NodeId, shown: &str) -> String {
    let content = filesystem.content(id).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let reader = ContentReader::new(filesystem, &content);
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 999_983];
    let mut at = 0;
    while at < content.size {
        // Holes of a terabyte are not read.
        let read = reader.read_at(&mut buffer, at).unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert!(read > 0, "{shown}: ends at {at} of {}", content.size);
        hasher.update(&buffer[..read]);
        at += read as u64;
    }
    hasher.finalize().to_hex().to_string()
}

/// What the kernel (or a FUSE driver) sees below a mount point. Read-only: the
/// mount must not change access times.
pub(crate) fn kernels(mount: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut waiting: Vec<PathBuf> = vec![mount.to_path_buf()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(&dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            let facts = path.symlink_metadata().expect("facts");
            let kind = facts.file_type();
            let time = |time: std::time::SystemTime| match time.duration_since(std::time::UNIX_EPOCH) {
                Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
                Err(before) => {
                    let before = before.duration();
                    let nanos = before.subsec_nanos();
                    let seconds = -(before.as_secs() as i64);
                    if nanos == 0 { (seconds, 0) } else { (seconds - 1, 1_000_000_000 - nanos) }
                }
            };
            let btime = facts.created().ok().map(time);
            let (letter, content) = if kind.is_file() {
                let file = std::fs::File::open(&path).expect("a file");
                let mut hasher = blake3::Hasher::new();
                hasher.update_reader(file).expect("its content");
                ('f', hasher.finalize().to_hex().to_string())
            } else if kind.is_symlink() {
                let target = std::fs::read_link(&path).expect("a target").into_os_string().into_vec();
                ('l', String::from_utf8_lossy(&target).into_owned())
            } else if kind.is_dir() {
                waiting.push(path.clone());
                ('d', String::new())
            } else if kind.is_fifo() {
                ('p', String::new())
            } else if kind.is_socket() {
                ('s', String::new())
            } else if kind.is_char_device() {
                ('c', String::new())
            } else {
                ('b', String::new())
            };
            let below = path.strip_prefix(mount).expect("below the mount").as_os_str().as_bytes();
            let seen = Seen {
                kind: letter,
                size: if matches!(letter, 'f' | 'l') { facts.size() } else { 0 },
                mode: facts.mode() & 0o7777,
                owner: (facts.uid(), facts.gid()),
                atime: Some((facts.atime(), facts.atime_nsec() as u32)),
                mtime: Some((facts.mtime(), facts.mtime_nsec() as u32)),
                ctime: Some((facts.ctime(), facts.ctime_nsec() as u32)),
                btime,
                inode: facts.ino(),
                links: if letter == 'd' { 0 } else { facts.nlink() },
                content,
            };
            tree.insert([&b"/"[..], below].concat(), seen);
        }
    }
    tree
}

/// Fails with the first differences, by path and field.
pub(crate) fn assert_same(ours: &Tree, kernels: &Tree) {
    let mut differences = Vec::new();
    for (path, theirs) in kernels {
        let shown = String::from_utf8_lossy(path);
        match ours.get(path) {
            None => differences.push(format!("{shown}: missing")),
            Some(our) if our != theirs => {
                differences.push(format!("{shown}:\n  ours    {our:?}\n  kernel  {theirs:?}"));
            }
            Some(_) => {}
        }
    }
    for path in ours.keys().filter(|path| !kernels.contains_key(*path)) {
        differences.push(format!("{}: the kernel does not show it", String::from_utf8_lossy(path)));
    }
    let shown: Vec<String> = differences.iter().take(10).cloned().collect();
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), shown.join("\n"));
}

/// Runs a program that must succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(arguments).env("PATH", path).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
}

/// A mount that ends with the value.
#[derive(Debug)]
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// Mounts an image through a loop device, as `mount -o options image at`; makes `at`.
    pub(crate) fn new(image: &Path, at: &Path, options: &str) -> Self {
        std::fs::create_dir_all(at).expect("a mount point");
        let options = if options.is_empty() { "loop".to_owned() } else { format!("loop,{options}") };
        run("mount", &["-o", &options, text(image), text(at)]);
        Self(at.to_path_buf())
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A program that another thread starts at this moment may hold it still.
        for _ in 0..100 {
            let ended = Command::new("umount").arg(&self.0).output();
            if ended.is_ok_and(|output| output.status.success()) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Whether this process may mount; where it may not, tests that need it say so.
pub(crate) fn may_mount() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("not run: this test mounts an image, which only root may");
    }
    root
}

/// Makes an empty image of so many bytes.
pub(crate) fn image(path: &Path, size: u64) {
    std::fs::File::create(path).and_then(|file| file.set_len(size)).expect("an image");
}

/// Fills a mounted filesystem with hard cases, the same on every run: nested
/// directories, many names, files at the borders of blocks, holes, fragments, hard
/// and symbolic links, deleted files, special files where `special`.
pub(crate) fn fill(root: &Path, special: bool) {
    let at = |path: &str| root.join(path);
    let bytes = |seed: u64, length: usize| -> Vec<u8> {
        // xorshift: content that no compressor makes vanish.
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[3]
            })
            .collect()
    };
    let mut deep = at("deep");
    for level in 0..30 {
        deep.push(format!("level {level}"));
    }
    std::fs::create_dir_all(&deep).expect("a deep directory");
    std::fs::write(deep.join("bottom"), "at the bottom").expect("a file");
    std::fs::create_dir(at("many")).expect("a directory");
    for number in 0..3000 {
        let name = format!("many/a rather long name of a file so that directories grow {number:05}");
        std::fs::write(at(&name), format!("content {number}\n")).expect("a file");
    }
    std::fs::create_dir(at("sizes")).expect("a directory");
    for size in [
        0,
        1,
        59,
        60,
        61,
        159,
        160,
        511,
        512,
        513,
        1023,
        1024,
        1025,
        4095,
        4096,
        4097,
        65535,
        65536,
        65537,
        1 << 20,
        (5 << 20) + 7,
    ] {
        std::fs::write(at(&format!("sizes/{size}")), bytes(size as u64 + 1, size)).expect("a file");
    }
    // Text that compresses well, for filesystems that do.
    let lines: String =
        (0..60_000).map(|line| format!("line {line} of a text that repeats itself\n")).collect();
    std::fs::write(at("sizes/text"), &lines).expect("a file");
    use std::os::unix::fs::FileExt as _;
    let sparse = std::fs::File::create(at("sparse")).expect("a file");
    sparse.write_all_at(&bytes(3, 5000), 1_000_000).expect("data");
    sparse.write_all_at(&bytes(4, 70_000), 40_000_003).expect("data");
    sparse.set_len(50_000_000).expect("a hole at the end");
    // Two files that grow in turn lie in pieces.
    let (one, two) = (
        std::fs::File::create(at("fragments 1")).expect("a file"),
        std::fs::File::create(at("fragments 2")).expect("a file"),
    );
    for step in 0..300_u64 {
        one.write_all_at(&bytes(step + 10, 4096), step * 8192).expect("data");
        two.write_all_at(&bytes(step + 11, 4096), step * 4096).expect("data");
        if step % 50 == 0 {
            one.sync_all().expect("sync");
            two.sync_all().expect("sync");
        }
    }
    for name in ["ümläut und 日本語", "with\nnewline", "-dash", "a".repeat(250).as_str()] {
        let _ = std::fs::write(at(name), name);
    }
    if special {
        std::fs::write(root.join(std::ffi::OsStr::from_bytes(b"not \xff utf-8 \xfe")), "x").expect("a file");
        std::fs::hard_link(at("sizes/4097"), at("hard link")).expect("a link");
        std::os::unix::fs::symlink("sizes/1", at("short link")).expect("a link");
        std::os::unix::fs::symlink("x/".repeat(100), at("long link")).expect("a link");
        // More than a small block holds.
        let _ = std::os::unix::fs::symlink("y/".repeat(1500), at("very long link"));
        run("mkfifo", &[text(&at("fifo"))]);
        run("mknod", &[text(&at("null")), "c", "1", "3"]);
        run("chown", &["12345:54321", text(&at("sizes/60"))]);
        run("chmod", &["4751", text(&at("sizes/60"))]);
        run("touch", &["-d", "1921-02-03 04:05:06.789 UTC", text(&at("sizes/1"))]);
        run("touch", &["-d", "2039-02-03 04:05:06.123456789 UTC", text(&at("sizes/0"))]);
    }
    for number in 0..50 {
        std::fs::write(at(&format!("many/gone {number}")), bytes(number, 9000)).expect("a file");
    }
    run("sync", &["-f", text(root)]);
    for number in 0..50 {
        std::fs::remove_file(at(&format!("many/gone {number}"))).expect("deleted");
    }
    for number in (0..3000).step_by(7) {
        let name = format!("many/a rather long name of a file so that directories grow {number:05}");
        std::fs::remove_file(at(&name)).expect("deleted");
    }
    run("sync", &["-f", text(root)]);
}
