//! What the system withholds from the program, or does to it: memory, threads,
//! descriptors, processor time, a place to write, `/proc`; and signals in the
//! middle of the work. Each test is named for its number in the list of hostile
//! inputs.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use snapsift::finding::{Reason, Record};
use snapsift::output::escape::is_unsafe;
use support::program::{
    MEMORY, PROGRAM, code, copy_for_all, findings, limited, memory_dir, records, scan, snapsift, stderr,
    stdout, summary, token, tree, write,
};
use support::whole::is_root;

const FORMATS: [&str; 3] = ["text", "jsonl", "csv"];

/// What two runs over the same input must have in common: all but ids and times.
fn comparable(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| {
        let mut value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        for name in ["scan_id", "started_at", "finished_at", "elapsed_seconds", "access_times_not_kept"] {
            value.as_object_mut().expect("an object").remove(name);
        }
        all + &value.to_string() + "\n"
    })
}

/// Who does not own a file cannot keep its access time.
fn without_access_times(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| {
        let mut value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if let Some(file) = value.get_mut("file").and_then(|file| file.as_object_mut()) {
            file.remove("atime");
        }
        all + &value.to_string() + "\n"
    })
}

/// Compares without printing hundreds of records where they differ.
fn same(output: &Output, expected: &str, what: &str) {
    let text = comparable(&stdout(output));
    let place = text.lines().zip(expected.lines()).find(|(one, other)| one != other);
    assert!(text == expected, "{what}: {} lines, {place:?}", text.lines().count());
}

/// A tree of everything that is awkward, which any user may read.
fn awkward() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    mknodat(CWD, at("fifo"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a fifo");
    drop(std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket"));
    symlink(".", at("loop")).expect("a link");
    symlink("/dev/zero", at("zero")).expect("a link");
    File::create(at("hole")).and_then(|file| file.set_len(1 << 36)).expect("a sparse file");
    for (seed, name) in
        [&b"\xff\x1b[2J"[..], b"new\nline", b"=1+1", b"empty", &[b'n'; 255]].iter().enumerate()
    {
        let text = format!("TOKEN={}\n", token(u64::try_from(seed).expect("small")));
        fs::write(dir.path().join(OsStr::from_bytes(name)), text).expect("a file");
    }
    write(dir.path(), "many", (0..300).map(|seed| token(seed) + "\n").collect::<String>().as_bytes());
    write(dir.path(), "line", &b"AKIA".repeat(300_000));
    write(dir.path(), &("d/".repeat(300) + "file"), token(7).as_bytes());
    fs::hard_link(at("many"), at("linked")).expect("a link");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("a folder");
    dir
}

/// Scans with an output that holds all and is the same for any number of threads.
fn scan_limited(limits: &str, jobs: &str, target: &Path) -> Output {
    limited(limits).args(["scan", "-f", "jsonl", "-j", jobs]).arg(target).output().expect("bash runs")
}

#[test]
fn hostile_37_little_memory_is_never_a_clean_scan_that_is_not() {
    let dir = awkward();
    let expected = comparable(&stdout(&scan(&["-f", "jsonl"], dir.path())));
    let output = scan_limited("ulimit -v 204800;", "2", dir.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    same(&output, &expected, "200 MiB");
    // Down to where it cannot even start. What fails to be allocated ends the
    // process, by a signal, without a summary: nothing reads like a whole scan.
    let mut complete = 0;
    for mebibytes in (10..100).step_by(5) {
        let output = scan_limited(&format!("ulimit -v {};", mebibytes << 10), "2", dir.path());
        if output.status.code() == Some(0) {
            same(&output, &expected, &format!("{mebibytes} MiB"));
            complete += 1;
        } else {
            // 127: it could not be loaded. 9 and 11: the system could not start it.
            let end = output.status.code().or(output.status.signal());
            assert!(matches!(end, Some(2 | 6 | 9 | 11 | 127)), "{mebibytes} MiB: {:?}", output.status);
            assert!(!stdout(&output).contains("\"type\":\"summary\""), "{mebibytes} MiB");
        }
    }
    assert!(complete > 5, "{complete} of 18 limits are enough");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("out.jsonl");
    let output =
        limited("ulimit -v 20480;").args(["scan", "-o"]).args([&file, dir.path()]).output().expect("runs");
    assert!(output.status.success() == file.exists(), "a part under the name of the whole");
}

#[test]
fn hostile_38_few_descriptors_or_threads_make_it_slower_and_not_less() {
    let dir = awkward();
    let expected = comparable(&stdout(&scan(&["-f", "jsonl"], dir.path())));
    for limits in ["ulimit -n 16;", "ulimit -n 10;"] {
        let output = scan_limited(limits, "8", dir.path());
        assert_eq!(code(&output), 0, "{limits} {}", stderr(&output));
        same(&output, &expected, limits);
    }
    // Root is free of the limit of processes: as a user that nobody is.
    let (copy, _folder) = copy_for_all();
    for limit in [1, 2, 3, 6] {
        let mut command = Command::new("bash");
        if is_root() {
            command.uid(64_321).gid(64_321);
        }
        let output = command
            .args(["-c", &format!("ulimit -u {limit}; exec \"$@\""), "bash"])
            .arg(&copy)
            .args(["scan", "-f", "jsonl", "-j", "16"])
            .arg(dir.path())
            .output()
            .expect("bash runs");
        assert_eq!(code(&output), 0, "{limit} {}", stderr(&output));
        let text = without_access_times(&comparable(&stdout(&output)));
        assert!(text == without_access_times(&expected), "{limit} processes");
    }
}

#[test]
fn hostile_40_a_directory_of_many_entries_in_little_memory() {
    // The full million takes the same memory and ten times as long.
    const ENTRIES: u32 = 100_000;
    let dir = memory_dir();
    for name in ["many", "links"] {
        fs::create_dir(dir.path().join(name)).expect("a folder");
    }
    let first = dir.path().join("first");
    fs::write(&first, token(40)).expect("a file");
    let mut links = 0;
    for number in 0..ENTRIES {
        let node = dir.path().join(format!("many/{number}"));
        mknodat(CWD, node, FileType::RegularFile, Mode::from_raw_mode(0o600), 0).expect("a file");
        // Filesystems on disks allow fewer.
        links += u64::from(fs::hard_link(&first, dir.path().join(format!("links/{number}"))).is_ok());
    }
    let output = scan_limited(MEMORY, "2", dir.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let lines = records(&stdout(&output));
    let coverage = &summary(&lines).coverage;
    assert!(coverage.is_balanced());
    assert_eq!(coverage.files_scanned, u64::from(ENTRIES) + 1);
    assert_eq!(coverage.left_out[&Reason::HardLink].files, links);
    assert_eq!(summary(&lines).findings.values().sum::<u64>(), links + 1, "every name is counted");
}

#[test]
fn hostile_43_the_same_bytes_whatever_else_runs() {
    let dir = awkward();
    for number in 0..100_u64 {
        write(dir.path(), &format!("x{}/{number}", number % 7), (token(number) + "\n").repeat(2).as_bytes());
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::hint::black_box((0..10_000_u64).fold(1, |sum, n| sum ^ n.wrapping_mul(sum)));
                }
            });
        }
        let run = |format: &str, jobs: &str| stdout(&scan(&["-f", format, "-j", jobs], dir.path()));
        let (lines, table) = (comparable(&run("jsonl", "1")), run("csv", "1"));
        for (round, jobs) in ["1", "2", "16"].iter().cycle().take(20).enumerate() {
            // Compared here, asserted outside: the threads must end.
            let same = if round % 4 == 3 {
                run("csv", jobs) == table
            } else {
                comparable(&run("jsonl", jobs)) == lines
            };
            if !same {
                done.store(true, Ordering::Relaxed);
                panic!("round {round} with {jobs} threads differs");
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(lines.lines().count() > 800, "{} lines", lines.lines().count());
    });
}

#[test]
fn hostile_44_the_state_of_the_kernel_as_a_target() {
    // Endless, blocking and impossible files, among them the program's own memory.
    for target in ["/proc/self", "/proc/sys", "/proc/tty", "/sys/kernel"] {
        if !Path::new(target).exists() {
            continue;
        }
        let output = scan_limited(MEMORY, "2", Path::new(target));
        assert!(matches!(code(&output), 0 | 3), "{target}: {}", stderr(&output));
        let lines = records(&stdout(&output));
        assert!(summary(&lines).coverage.is_balanced(), "{target}");
        assert_eq!(summary(&lines).complete, code(&output) == 0, "{target}");
    }
}

#[test]
fn hostile_50_a_root_that_is_read_only_and_no_proc() {
    let tree = tree();
    let expected = comparable(&stdout(&scan(&["-f", "jsonl"], tree.path())));
    // With the right to mount, which root has outside of most sandboxes. A clock
    // of 1970 is not to be had for one process: time namespaces shift only the
    // clocks that count from boot. A scan asks the clock for the header, the
    // summary and what has expired, and for nothing else.
    let setups = [
        ("mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\"", "read-only"),
        ("umount -l /proc", "no /proc"),
        ("mount -t tmpfs none /tmp && mount -t tmpfs none /dev", "no /dev and no /tmp"),
    ];
    for (setup, what) in setups {
        // The tree may lie below what the last one hides.
        if what.contains("/tmp") && tree.path().starts_with("/tmp") {
            continue;
        }
        let script =
            format!("({setup}) 2>/dev/null || exit 99; exec \"$0\" scan -f jsonl \"$1\" </dev/null 2>&1");
        let output = Command::new("unshare")
            .args(["--mount", "bash", "-c", &script, PROGRAM])
            .arg(tree.path())
            .output();
        let Ok(output) = output else { continue };
        if !matches!(output.status.code(), Some(1 | 99)) {
            assert_eq!(code(&output), 0, "{what}: {}", stdout(&output));
            same(&output, &expected, what);
        }
    }
}

/// A tree that takes a while: literals without an end among small files.
fn slow_tree() -> tempfile::TempDir {
    let dir = memory_dir();
    for number in 0..300_u64 {
        write(dir.path(), &format!("d{number}/a/token"), token(number).as_bytes());
        write(dir.path(), &format!("d{number}/b/slow"), &b"AKIA".repeat(64 << 10));
    }
    dir
}

fn interrupt(child: &Child, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(child.id()).expect("a process id")).expect("not zero");
    let _ = kill_process(process, signal);
}

/// Whether it handles SIGINT, which it does from just before the walk on.
fn has_begun(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
    u64::from_str_radix(mask, 16).unwrap_or(0) >> 1 & 1 == 1
}

fn start(dir: &Path, arguments: &[&str]) -> Child {
    let child = snapsift()
        .args(["scan", "-f", "jsonl", "-j", "1"])
        .args(arguments)
        .arg(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let begun = Instant::now();
    while !has_begun(&child) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not handle signals");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(150));
    child
}

#[test]
fn hostile_42_a_signal_in_the_middle_of_the_walk() {
    let dir = slow_tree();
    for (signal, expected) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let child = start(dir.path(), &["--fail-on", "info"]);
        interrupt(&child, signal);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(code(&output), expected, "{}", stderr(&output));
        assert_eq!(stderr(&output), "snapsift: this scan is incomplete: it was interrupted\n");
        let lines = records(&stdout(&output));
        let summary = summary(&lines);
        assert!(summary.interrupted && !summary.complete && summary.coverage.is_balanced());
        assert!(summary.coverage.left_out[&Reason::Interrupted].files > 0, "{:?}", summary.coverage);
        assert!(summary.coverage.files_scanned > 0, "it was in the middle: {:?}", summary.coverage);
        let listed = u64::try_from(findings(&lines).len()).expect("small");
        assert_eq!(summary.findings.values().sum::<u64>(), listed, "what was found is given");
    }
}

#[test]
fn hostile_42_the_second_signal_leaves_no_file_of_that_name() {
    let (dir, folder) = (slow_tree(), tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("out.jsonl");
    for signals in [&[Signal::INT, Signal::INT][..], &[Signal::KILL], &[Signal::HUP]] {
        let child = start(dir.path(), &["-o", file.to_str().expect("UTF-8")]);
        signals.iter().for_each(|signal| interrupt(&child, *signal));
        let output = child.wait_with_output().expect("it ends");
        let end = output.status.code().or(output.status.signal());
        assert!(matches!(end, Some(130 | 9 | 1)), "{:?}", output.status);
        if file.exists() {
            // Both signals came before it had looked: then it is a whole one.
            let lines = records(&fs::read_to_string(&file).expect("the output"));
            assert!(summary(&lines).interrupted);
            fs::remove_file(&file).expect("removed");
        }
    }
}

#[test]
fn hostile_42_the_reader_leaves_after_the_first_line() {
    let dir = awkward();
    write(dir.path(), "more", (0..3000).map(|seed| token(seed) + "\n").collect::<String>().as_bytes());
    for format in FORMATS {
        let shell = "set -o pipefail; \"$0\" scan --max-findings-per-file 5000 -f \"$2\" \"$1\" | head -n 1";
        let output = Command::new("bash")
            .args(["-c", shell, PROGRAM])
            .args([dir.path().as_os_str(), format.as_ref()])
            .output()
            .expect("bash runs");
        assert_eq!((code(&output), stderr(&output).as_str()), (141, ""), "{format}");
        assert_eq!(stdout(&output).lines().count(), 1, "{format}");
    }
}

#[test]
fn hostile_42_help_that_cannot_be_written() {
    for arguments in
        [&["--help"][..], &["--version"], &["scan", "--help"], &["man"], &["completions", "bash"]]
    {
        let full = File::options().write(true).open("/dev/full").expect("/dev/full");
        let output = snapsift().args(arguments).stdout(full).output().expect("runs");
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains("No space left"), "{arguments:?}: {}", stderr(&output));
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = snapsift().args(arguments).stdout(writer).output().expect("runs");
        assert_eq!((code(&output), stderr(&output).as_str()), (141, ""), "{arguments:?}");
    }
}

#[test]
fn hostile_19_arguments_that_drive_a_terminal() {
    for arguments in [&["scan", "-f", "\x1b]0;x\x07"][..], &["\x1b[2J"], &["scan", "--\x1b[31m", "."]] {
        // As on a terminal, where nothing takes escapes away any more.
        let output = snapsift().args(arguments).env("CLICOLOR_FORCE", "1").output().expect("runs");
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).starts_with("error:"), "{}", stderr(&output));
        assert!(!stderr(&output).lines().any(|line| line.chars().any(is_unsafe)), "{}", stderr(&output));
    }
}

#[test]
fn targets_that_are_none() {
    let dir = awkward();
    symlink("nowhere", dir.path().join("dangling")).expect("a link");
    symlink("self", dir.path().join("self")).expect("a link");
    let cases = [
        ("missing", "no such file or directory; is the snapshot mounted there?"),
        ("dangling", "no such file or directory"),
        ("self", "symbolic link"),
        ("many/below", "Not a directory"),
        ("fifo", "neither a directory nor a regular file"),
        ("socket", "neither a directory nor a regular file"),
        ("/dev/zero", "neither a directory nor a regular file"),
    ];
    for (name, said) in cases {
        let target = dir.path().join(name);
        let output = scan(&[], &target);
        let told = stderr(&output);
        assert_eq!((code(&output), stdout(&output).as_str()), (2, ""), "{name}");
        assert!(told.to_lowercase().contains(&said.to_lowercase()), "{told}");
        let shown = target.to_str().expect("UTF-8");
        assert_eq!((told.lines().count(), told.matches(shown).count()), (1, 1), "said once: {told}");
    }
    let (copy, folder) = copy_for_all();
    let shut = folder.path().join("shut");
    fs::create_dir(&shut).expect("a folder");
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o000)).expect("a folder");
    let mut command = Command::new(copy);
    if is_root() {
        command.uid(64_321).gid(64_321);
    }
    let output = command.arg("scan").arg(&shut).output().expect("runs");
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).expect("a folder");
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("permission denied; run as its owner or as root"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_hole_of_a_tebibyte_takes_no_time_and_no_memory() {
    let dir = memory_dir();
    let file = File::create(dir.path().join("hole")).expect("a file");
    let size = [1 << 40, 1 << 36].into_iter().find(|size| file.set_len(*size).is_ok()).expect("a hole");
    let output = scan_limited(MEMORY, "2", dir.path());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let lines = records(&stdout(&output));
    assert_eq!(summary(&lines).coverage.left_out[&Reason::Hole].bytes, size);
    assert_eq!(summary(&lines).coverage.bytes_seen, size);
    assert!(!lines.iter().any(|record| matches!(record, Record::Problem(_))));
}

#[test]
fn an_output_that_is_a_link_to_nowhere_is_refused() {
    let (tree, folder) = (tree(), tempfile::tempdir().expect("a folder"));
    let link = folder.path().join("out");
    symlink("nowhere/out", &link).expect("a link");
    let output = scan(&["-o", link.to_str().expect("UTF-8")], tree.path());
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("it is a link that leads nowhere"), "{}", stderr(&output));
    assert!(link.is_symlink());
}
