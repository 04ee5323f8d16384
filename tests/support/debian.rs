//! A real Debian root to scan: built once by `testdata/make-debian-root.sh`, and
//! copied for every run, since secrets are planted in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The exit code by which the script says that it cannot build a root here.
const CANNOT: i32 = 77;

/// The root as debootstrap made it. `None`, after saying why, where this machine
/// cannot build one; where `CI` is set that is a failure.
pub(crate) fn root() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-root");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/make-debian-root.sh");
    let output = Command::new("sh").arg(script).arg(&root).output().expect("sh");
    if output.status.success() {
        return Some(root);
    }
    let messages = String::from_utf8_lossy(&output.stderr);
    let why = messages.lines().last().unwrap_or("the script says nothing");
    assert_eq!(output.status.code(), Some(CANNOT), "make-debian-root.sh: {messages}");
    assert!(std::env::var_os("CI").is_none(), "the Debian root cannot be built: {why}");
    // Past the test runner, which hides what a passing test prints.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: the scan of a real Debian root: {why}");
    None
}

/// A copy with owners, modes, times, links and devices as they are. It replaces the
/// copy of the run before.
pub(crate) fn copy(root: &Path) -> PathBuf {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-planted");
    if copy.exists() {
        std::fs::remove_dir_all(&copy).expect("the old copy can go");
    }
    let status = Command::new("cp").args(["-a", "--reflink=auto"]).args([root, &copy]).status();
    assert!(status.expect("cp").success(), "cp -a");
    copy
}

/// Name and number of each entry of the root's `etc/passwd` or `etc/group`, read
/// with nothing of ours.
pub(crate) fn numbers(root: &Path, file: &str) -> Vec<(String, u32)> {
    let text = std::fs::read_to_string(root.join("etc").join(file)).expect("it is there");
    text.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            (fields[0].to_owned(), fields[2].parse().expect("a number"))
        })
        .collect()
}
