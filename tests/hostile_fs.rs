//! Hostile and awkward directories: no signal, no hang, nothing dropped silently.
//! Each test is named after the number of its case.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by a panic, and a child tells its parent"
)]

mod support;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags, Timespec, Timestamps, mkdirat, mknodat, openat};
use snapsift::finding::Reason;
use snapsift::pipeline::ScanOptions;
use support::whole::{is_root, options, planted, run, scan, scan_with};

/// In memory where that is to be had: some trees take a disk many seconds.
fn memory_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}

fn plant(path: &Path, number: u32) {
    fs::write(path, format!("first line\n  key = {}\n", planted(number))).expect("a file");
}

#[test]
fn hostile_01_fifo_socket_device() {
    let dir = tempfile::tempdir().expect("a directory");
    let node =
        |name: &str, kind, dev| mknodat(CWD, dir.path().join(name), kind, Mode::from_raw_mode(0o600), dev);
    node("fifo", FileType::Fifo, 0).expect("a fifo");
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).expect("a socket");
    let mut special = 2;
    // /dev/zero and a disk: endless, and not ours to read. Needs root.
    for (name, kind, device) in [
        ("zero", FileType::CharacterDevice, rustix::fs::makedev(1, 5)),
        ("disk", FileType::BlockDevice, rustix::fs::makedev(7, 200)),
    ] {
        special += u64::from(node(name, kind, device).is_ok());
    }
    plant(&dir.path().join("file"), 1);
    let scanned = scan(dir.path());
    assert_eq!(scanned.left_out(Reason::SpecialFile).files, special);
    assert_eq!(scanned.paths(), ["/file"]);
    assert!(scanned.summary.complete);
}

#[test]
fn hostile_02_links_lead_nowhere() {
    let outside = tempfile::tempdir().expect("a directory");
    plant(&outside.path().join("secret"), 2);
    let dir = tempfile::tempdir().expect("a directory");
    for (to, name) in
        [("/dev/zero", "zero"), ("/dev/stdin", "stdin"), ("nowhere", "dangling"), ("self", "self")]
    {
        symlink(to, dir.path().join(name)).expect("a link");
    }
    symlink(outside.path(), dir.path().join("outside")).expect("a link");
    symlink(outside.path().join("secret"), dir.path().join("file")).expect("a link");
    let scanned = scan(dir.path());
    assert_eq!(scanned.left_out(Reason::SymbolicLink).files, 6);
    assert!(scanned.findings().is_empty());
    assert!(scanned.summary.complete);
}

#[test]
fn hostile_03_loops_end() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(dir.path().join("a/b/mount")).expect("directories");
    symlink(".", dir.path().join("a/loop")).expect("a link");
    symlink("..", dir.path().join("a/b/up")).expect("a link");
    plant(&dir.path().join("a/b/file"), 3);
    let mount = dir.path().join("a/b/mount");
    let bound = is_root() && run("mount", &["--bind".as_ref(), dir.path().as_os_str(), mount.as_os_str()]);
    for cross_filesystems in [false, true] {
        let scanned = scan_with(dir.path(), ScanOptions { cross_filesystems, ..options() });
        assert_eq!(scanned.paths(), ["/a/b/file"]);
        assert_eq!(scanned.left_out(Reason::OtherFilesystem).files, u64::from(bound));
        assert_eq!(scanned.coverage().directories, if bound { 3 } else { 4 });
    }
    if bound {
        assert!(run("umount", &[mount.as_os_str()]));
    }
}

/// Does something again and again in a thread while `test` runs.
fn meanwhile(disturb: impl Fn(u32) + Sync, test: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                disturb(round);
                round = round.wrapping_add(1);
            }
        });
        // Even when the test fails, the thread must end.
        struct Done<'d>(&'d AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _done = Done(&done);
        test();
    });
}

#[test]
fn hostile_04_a_directory_swapped_for_a_link() {
    let outside = tempfile::tempdir().expect("a directory");
    plant(&outside.path().join("secret"), 4);
    let dir = tempfile::tempdir().expect("a directory");
    let [swapped, real, link, file] = ["swapped", "real", "link", "file"].map(|name| dir.path().join(name));
    fs::create_dir(&swapped).expect("a directory");
    fs::write(swapped.join("secret"), "nothing").expect("a file");
    fs::write(&file, "nothing").expect("a file");
    symlink(outside.path(), &link).expect("a link");
    let swap = |_| {
        // Directory for link and back; file for link and back.
        let _ = fs::rename(&swapped, &real);
        let _ = fs::rename(&link, &swapped);
        let _ = fs::rename(&swapped, &link);
        let _ = fs::rename(&real, &swapped);
        let _ = fs::remove_file(&file);
        let _ = symlink(outside.path().join("secret"), &file);
        let _ = fs::remove_file(&file);
        let _ = fs::write(&file, "nothing");
    };
    meanwhile(swap, || {
        for _ in 0..300 {
            assert!(scan(dir.path()).findings().is_empty(), "something outside was read");
        }
    });
}

#[test]
fn hostile_05_a_file_cut_while_it_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let sparse = fs::File::create(dir.path().join("sparse")).expect("a file");
    let full = fs::File::create(dir.path().join("full")).expect("a file");
    fs::write(dir.path().join("full"), vec![b'x'; 6 << 20]).expect("a file");
    let small = fs::File::create(dir.path().join("small")).expect("a file");
    let cut = |round: u32| {
        let (large, middle, little) =
            if round.is_multiple_of(2) { (16 << 30, 6 << 20, 5000) } else { (1, 1 << 20, 1) };
        let _ = sparse.set_len(large);
        let _ = full.set_len(middle);
        let _ = small.set_len(little);
    };
    meanwhile(cut, || {
        for _ in 0..100 {
            let scanned = scan(dir.path());
            assert_eq!(scanned.coverage().files_seen, 3);
            let changed = scanned.left_out(Reason::ChangedWhileRead).bytes > 0;
            assert_eq!(scanned.summary.complete, !changed);
            assert_eq!(!scanned.problems().is_empty(), changed);
        }
    });
}

#[test]
fn hostile_05_a_file_that_grows_while_it_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut files: Vec<fs::File> = Vec::new();
    for (name, size) in [("small", 100), ("large", 3 << 20)] {
        fs::write(dir.path().join(name), format!("{}\n{}", planted(5), "x".repeat(size))).expect("a file");
        files.push(fs::File::options().append(true).open(dir.path().join(name)).expect("a file"));
    }
    let grow = |_| {
        for mut file in &files {
            // Within bounds: the disk is not ours to fill.
            if file.metadata().is_ok_and(|metadata| metadata.len() < 8 << 20) {
                let _ = std::io::Write::write_all(&mut file, &[b'y'; 997]);
            }
        }
    };
    meanwhile(grow, || {
        for _ in 0..50 {
            let scanned = scan(dir.path());
            assert_eq!(scanned.paths(), ["/large", "/small"]);
            assert!(scanned.coverage().bytes_scanned > 3 << 20);
            // As it was when it was opened, which is no fault of the scan.
            assert!(scanned.summary.complete, "{:?}", scanned.problems());
        }
    });
}

/// A file of one hole, as large as this filesystem allows up to 8 EiB.
fn hole(path: &Path) -> u64 {
    let file = fs::File::create(path).expect("a file");
    [(1 << 63) - 1, (1 << 63) - 4096, 1 << 60, (1 << 44) - 4096, 1 << 40, 1 << 36]
        .into_iter()
        .find(|size| file.set_len(*size).is_ok())
        .expect("a sparse file")
}

#[test]
fn hostile_07_a_hole_takes_no_time() {
    let dir = memory_dir();
    let size = hole(&dir.path().join("hole"));
    let middle = fs::File::create(dir.path().join("middle")).expect("a file");
    middle.set_len(1 << 36).expect("a sparse file");
    let at = (1 << 35) + 12_345;
    std::os::unix::fs::FileExt::write_all_at(&middle, format!("\n\n{}", planted(7)).as_bytes(), at)
        .expect("a write");
    let start = Instant::now();
    let scanned = scan(dir.path());
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let holes = scanned.left_out(Reason::Hole).bytes;
    assert!(holes > size && holes < size + (1 << 36), "{holes}");
    assert_eq!(scanned.coverage().bytes_seen, size + (1 << 36));
    let findings = scanned.findings();
    assert_eq!(
        (findings[0].location.offset, findings[0].location.line, findings[0].location.column),
        (at + 2, 3, 1)
    );
    assert!(scanned.summary.complete);
}

/// Not a test: what the tests below run as another process, under limits.
#[test]
fn child_scan() {
    let Some(target) = std::env::var_os("SNAPSIFT_TEST_CHILD") else { return };
    let jobs = std::env::var("SNAPSIFT_TEST_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(2);
    let scanned = scan_with(Path::new(&target), ScanOptions { jobs, ..ScanOptions::default() });
    let peak = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.split_whitespace().next());
    println!(
        "\nCHILD {} {} {} {}",
        scanned.summary.complete,
        scanned.coverage().files_seen,
        scanned.findings().len(),
        peak.unwrap_or("0")
    );
}

/// Scans in another process under limits that a shell sets; gives whether it was
/// complete, files seen, findings listed, and the peak of memory in KiB.
fn scan_limited(limits: &str, target: &Path, jobs: usize) -> (bool, u64, u64, u64) {
    let program = std::env::current_exe().expect("a path");
    let output = std::process::Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("{limits} exec \"$0\" --exact child_scan --nocapture --test-threads=1"))
        .arg(program)
        .env_clear()
        .env("LC_ALL", "C")
        .env("TERM", "dumb")
        .env("SNAPSIFT_TEST_CHILD", target)
        .env("SNAPSIFT_TEST_JOBS", jobs.to_string())
        .output()
        .expect("a child");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("CHILD "));
    let line =
        line.unwrap_or_else(|| panic!("no result: {text} {}", String::from_utf8_lossy(&output.stderr)));
    let mut fields = line.split(' ');
    let complete = fields.next() == Some("true");
    let mut number = || fields.next().and_then(|field| field.parse().ok()).expect("a number");
    (complete, number(), number(), number())
}

/// Five directories in each of five levels' directories, a file in each.
fn bushy(path: &Path, levels: u32) -> u32 {
    plant(&path.join("file"), levels);
    let mut files = 1;
    for number in 0..if levels > 0 { 5 } else { 0 } {
        let below = path.join(format!("d{number}"));
        fs::create_dir(&below).expect("a directory");
        files += bushy(&below, levels - 1);
    }
    files
}

#[test]
fn hostile_37_38_small_limits_make_it_slower_and_not_less() {
    let dir = tempfile::tempdir().expect("a directory");
    let files = u64::from(bushy(dir.path(), 4));
    for (limits, jobs) in [("", 2), ("ulimit -n 16;", 1), ("ulimit -n 16;", 8), ("ulimit -v 204800;", 2)] {
        let (complete, seen, found, _) = scan_limited(limits, dir.path(), jobs);
        assert_eq!((complete, seen, found), (true, files, files), "{limits} {jobs}");
    }
}

#[test]
fn hostile_39_fifty_thousand_levels() {
    const LEVELS: usize = 50_000;
    let dir = memory_dir();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(CWD, dir.path(), flags, Mode::empty()).expect("a directory");
    for level in 0..LEVELS {
        // A sibling that waits at some levels.
        if level % 100 == 0 {
            mkdirat(&at, "sibling", Mode::from_raw_mode(0o700)).expect("a directory");
        }
        mkdirat(&at, "d", Mode::from_raw_mode(0o700)).expect("a directory");
        at = openat(&at, "d", flags, Mode::empty()).expect("a directory");
    }
    let bottom =
        openat(&at, "file", OFlags::WRONLY | OFlags::CREATE, Mode::from_raw_mode(0o600)).expect("a file");
    // A handle on the bottom would make removing the tree quadratic in the kernel.
    drop(at);
    rustix::io::write(&bottom, planted(39).as_bytes()).expect("a write");
    let start = Instant::now();
    let scanned = scan(dir.path());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(scanned.coverage().directories, u64::try_from(1 + LEVELS + LEVELS / 100).expect("fits"));
    assert_eq!(scanned.paths(), ["/d".repeat(LEVELS) + "/file"]);
    assert!(scanned.summary.complete);
    drop(bottom);
    assert!(run("rm", &["-rf".as_ref(), dir.path().as_os_str()]));
}

#[test]
fn hostile_40_many_entries_and_many_names() {
    const ENTRIES: u32 = 20_000;
    let dir = memory_dir();
    let [many, names, dirs] = ["many", "names", "dirs"].map(|name| dir.path().join(name));
    for below in [&many, &names, &dirs] {
        fs::create_dir(below).expect("a directory");
    }
    plant(&names.join("00000"), 40);
    for number in 1..ENTRIES {
        fs::hard_link(names.join("00000"), names.join(format!("{number:05}"))).expect("a link");
        fs::write(many.join(format!("{number}")), "").expect("a file");
    }
    for number in 0..5000 {
        fs::create_dir(dirs.join(format!("{number}"))).expect("a directory");
    }
    let scanned = scan(dir.path());
    assert_eq!(scanned.left_out(Reason::HardLink).files, u64::from(ENTRIES - 1));
    assert_eq!(scanned.coverage().files_scanned, u64::from(ENTRIES));
    assert_eq!(scanned.coverage().directories, 5004);
    // The smallest names are listed, the rest is counted.
    assert_eq!(scanned.paths().len(), 1000);
    assert_eq!((scanned.paths()[0], scanned.paths()[999]), ("/names/00000", "/names/00999"));
    assert_eq!(scanned.summary.findings_not_listed, u64::from(ENTRIES) - 1000);
    assert_eq!(scanned.summary.findings.values().sum::<u64>(), u64::from(ENTRIES));
    let (complete, _, _, peak) = scan_limited("", dir.path(), 2);
    assert!(complete && peak < 60_000, "{peak} KiB");
}

#[test]
fn hostile_41_strange_times() {
    let dir = tempfile::tempdir().expect("a directory");
    // The ends of what ext4 can store, and one that no calendar of ours has.
    for (name, seconds) in [("1901", -2_147_483_648), ("2446", 15_032_385_535), ("far", i64::MAX)] {
        let path = dir.path().join(name);
        plant(&path, 41);
        let file = fs::File::open(&path).expect("a file");
        let time = Timespec { tv_sec: seconds, tv_nsec: 999_999_999 };
        let _ = rustix::fs::futimens(&file, &Timestamps { last_access: time, last_modification: time });
    }
    let scanned = scan(dir.path());
    assert_eq!(scanned.findings().len(), 3);
    for finding in scanned.findings() {
        let facts = finding.file.as_ref().expect("facts");
        let stored = fs::metadata(dir.path().join(&finding.location.path[1..])).expect("metadata");
        let expected = snapsift::finding::Timestamp::from_unix(
            stored.mtime(),
            u32::try_from(stored.mtime_nsec()).expect("a fraction"),
        );
        assert_eq!(facts.mtime, expected, "{}", finding.location.path);
        if finding.location.path == "/1901" {
            assert!(
                facts.mtime.expect("a time").to_string().starts_with("1901-12-13T20:45:5"),
                "{:?}",
                facts.mtime
            );
        }
    }
}

#[test]
fn hostile_44_pseudo_filesystems() {
    // As the root: it ends, and adds up.
    let scanned = scan(Path::new("/proc/sys/kernel"));
    assert!(scanned.coverage().files_seen > 10);
    // Below the root: not entered, whatever was asked.
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("proc")).expect("a directory");
    plant(&dir.path().join("file"), 44);
    let at = dir.path().join("proc");
    let mounted = is_root()
        && run(
            "mount",
            &["-t", "proc", "proc"]
                .map(AsRef::as_ref)
                .into_iter()
                .chain([at.as_os_str()])
                .collect::<Vec<_>>(),
        );
    for cross_filesystems in [false, true] {
        let scanned = scan_with(dir.path(), ScanOptions { cross_filesystems, ..options() });
        assert_eq!(scanned.paths(), ["/file"]);
        assert_eq!(scanned.left_out(Reason::OtherFilesystem).files, u64::from(mounted));
    }
    if mounted {
        assert!(run("umount", &[at.as_os_str()]));
    }
}

#[test]
fn hostile_49_things_move_during_the_walk() {
    let dir = tempfile::tempdir().expect("a directory");
    for number in 0..50 {
        fs::create_dir(dir.path().join(format!("d{number}"))).expect("a directory");
        plant(&dir.path().join(format!("d{number}/keep")), number);
    }
    let disturb = |round: u32| {
        let [one, two] = [round % 50, (round * 7) % 50].map(|number| dir.path().join(format!("d{number}")));
        let _ = fs::write(one.join("new"), "x");
        let _ = fs::rename(one.join("new"), two.join("moved"));
        let _ = fs::remove_file(two.join("moved"));
        let _ = fs::create_dir(one.join("sub"));
        let _ = fs::remove_dir(one.join("sub"));
    };
    meanwhile(disturb, || {
        for _ in 0..100 {
            let scanned = scan(dir.path());
            assert_eq!(scanned.findings().len(), 50, "what stayed is found");
            assert!(scanned.problems().iter().all(|(_, reason)| *reason == Reason::ChangedWhileRead));
        }
    });
}

#[test]
fn hostile_50_a_bare_environment() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xff\x1b")), planted(50)).expect("a file");
    let here = scan(dir.path());
    assert_eq!(here.findings()[0].location.path_hex.as_deref(), Some("2fff1b"));
    let (complete, seen, found, _) = scan_limited("unset HOME LC_ALL TERM;", dir.path(), 1);
    assert_eq!((complete, seen, found), (true, 1, 1));
}

#[test]
fn no_permission_is_a_problem_and_not_the_end() {
    if is_root() {
        return; // root may read everything
    }
    let dir = tempfile::tempdir().expect("a directory");
    plant(&dir.path().join("closed"), 1);
    plant(&dir.path().join("open"), 2);
    fs::create_dir(dir.path().join("shut")).expect("a directory");
    let permit =
        |name: &str, mode| fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode));
    permit("closed", 0o000).expect("chmod");
    permit("shut", 0o000).expect("chmod");
    let scanned = scan(dir.path());
    permit("shut", 0o700).expect("chmod");
    assert_eq!(scanned.paths(), ["/open"]);
    assert_eq!(scanned.problems(), [("/closed", Reason::Unreadable), ("/shut", Reason::Unreadable)]);
    assert!(!scanned.summary.complete);
}
