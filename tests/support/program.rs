//! Runs the built program on made-up trees.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use snapsift::finding::{Finding, Record, SummaryRecord};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_snapsift");

/// The program in an environment that is the same everywhere.
pub(crate) fn snapsift() -> Command {
    let mut command = Command::new(PROGRAM);
    for name in ["CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color").stdin(Stdio::null());
    command
}

/// The program under limits that a shell sets, such as `ulimit -n 16;`. Its
/// arguments follow.
pub(crate) fn limited(limits: &str) -> Command {
    let mut command = Command::new("bash");
    // One arena: what is limited is the memory in use, not what glibc reserves in
    // advance for each thread.
    command
        .args(["-c", &format!("{limits} exec \"$@\""), "bash", PROGRAM])
        .env("MALLOC_ARENA_MAX", "1")
        .env("TERM", "dumb")
        .stdin(Stdio::null());
    command
}

/// A limit of address space, and so of memory, of 150 MiB.
pub(crate) const MEMORY: &str = "ulimit -v 153600;";

/// A folder in memory where that is to be had: some trees take a disk many seconds.
pub(crate) fn memory_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// A copy of the program where every user can run it, and its folder.
pub(crate) fn copy_for_all() -> (std::path::PathBuf, tempfile::TempDir) {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("snapsift");
    // By another process: were this one to write it, a child that another test
    // starts meanwhile could hold it open, and it could not be run.
    assert!(Command::new("cp").arg(PROGRAM).arg(&copy).status().expect("cp runs").success());
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("a folder");
    (copy, folder)
}

/// Runs `snapsift scan` with these arguments.
pub(crate) fn scan(arguments: &[&str], target: &Path) -> Output {
    snapsift().arg("scan").args(arguments).arg(target).output().expect("the program runs")
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {:?}", output.status))
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are UTF-8")
}

/// The records of a JSON Lines output.
pub(crate) fn records(text: &str) -> Vec<Record> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

pub(crate) fn findings(records: &[Record]) -> Vec<&Finding> {
    records
        .iter()
        .filter_map(|record| if let Record::Finding(finding) = record { Some(&**finding) } else { None })
        .collect()
}

/// The trailer, which must be the last record.
pub(crate) fn summary(records: &[Record]) -> &SummaryRecord {
    match records.last() {
        Some(Record::Summary(summary)) => summary,
        other => panic!("no summary at the end but {other:?}"),
    }
}

/// A synthetic GitHub token with a right checksum (the last six characters are
/// the CRC-32 of the thirty before, base 62), another for each `seed`.
pub(crate) fn token(seed: u64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digit = |value: u64| char::from(DIGITS[usize::try_from(value % 62).expect("below 62")]);
    // SplitMix64, so that the characters look like those of a real one.
    let mut state = seed;
    let body: String = (0..30)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            digit(mixed ^ (mixed >> 31))
        })
        .collect();
    let checksum = u64::from(crc32fast::hash(body.as_bytes()));
    let tail: String = (0..6).rev().map(|place| digit(checksum / 62_u64.pow(place))).collect();
    [concat!("gh", "p_"), &body, &tail].concat()
}

/// A tree with one token in `app/.env`.
pub(crate) fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().expect("a folder");
    write(tree.path(), "app/.env", format!("USER=app\nTOKEN={}\n", token(1)).as_bytes());
    write(tree.path(), "README", b"nothing here\n");
    tree
}

pub(crate) fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::write(path, content).expect("a file");
}
