//! Disks for the tests, and what was found on them as text.

use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use snapsift::finding::Reason;
use snapsift::source::disk::{Disk, DiskError, DiskResult, FileDisk, MemoryDisk, read_vec};
use snapsift::source::volume::{self, Kind, Volume, Volumes};

use crate::support::filesystem::{run, text};

/// An image as a disk.
pub(crate) fn open(path: &Path) -> Arc<dyn Disk> {
    let file = std::fs::File::open(path).expect("an image");
    let size = file.metadata().expect("facts").len();
    Arc::new(FileDisk::new(file, size))
}

/// Bytes as a disk.
pub(crate) fn memory(bytes: Vec<u8>) -> Arc<dyn Disk> {
    Arc::new(MemoryDisk(bytes.into()))
}

/// What is on one image.
pub(crate) fn found(path: &Path) -> Volumes {
    volume::find(&[open(path)])
}

/// Each volume as a line: its way, its kind.
pub(crate) fn lines(found: &Volumes) -> Vec<String> {
    found.volumes.iter().map(line).collect()
}

fn line(volume: &Volume) -> String {
    let kind = match &volume.kind {
        Kind::Filesystem(names) => names.join(" or "),
        Kind::Swap(swap) => format!("swap{}", if swap.suspended { ", suspended" } else { "" }),
        Kind::Encrypted(name) => format!("encrypted: {name}"),
        Kind::RaidMember(level) => format!("member: {level}"),
        Kind::LvmPhysical => "physical volume".to_owned(),
        Kind::Unsupported(name) => format!("unsupported: {name}"),
        Kind::Unknown => "unknown".to_owned(),
    };
    format!("{}: {kind}", volume::place(&volume.chain))
}

/// Each problem as a line: place, reason, message.
pub(crate) fn problems(found: &Volumes) -> Vec<String> {
    let line = |problem: &volume::Problem| {
        format!("{}: {}: {}", problem.place, problem.error.reason.as_str(), problem.error.message)
    };
    found.problems.iter().map(line).collect()
}

/// How many bytes no volume covers.
pub(crate) fn unused(found: &Volumes) -> u64 {
    found.gaps.iter().flat_map(|gap| &gap.ranges).map(|range| range.end - range.start).sum()
}

/// Fails where a volume is not there.
pub(crate) fn named<'v>(found: &'v Volumes, name: &str) -> &'v Volume {
    found.volumes.iter().find(|volume| volume.name == name).unwrap_or_else(|| {
        panic!("no {name} among {:#?} {:#?}", lines(found), problems(found));
    })
}

/// All bytes of a disk, read in steps that cross every border.
pub(crate) fn all(disk: &dyn Disk) -> Vec<u8> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < disk.size() {
        let left = disk.size() - bytes.len() as u64;
        let read = read_vec(disk, bytes.len() as u64, left.min(99_991) as usize);
        bytes.extend(read.unwrap_or_else(|error| panic!("{}: {error:?}", bytes.len())));
    }
    // Where nothing is stored there must be zeros.
    let mut at = 0;
    while at < disk.size() {
        let next = disk.next_data(at).expect("stored ranges").unwrap_or(disk.size()..disk.size());
        assert!(next.start >= at && (next.end > next.start || next.start == disk.size()), "{at}: {next:?}");
        assert!(bytes[at as usize..next.start as usize].iter().all(|byte| *byte == 0), "{at}: {next:?}");
        at = next.end.max(next.start);
    }
    bytes
}

/// Bytes that tell where they belong.
pub(crate) fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(step).collect();
    bytes.truncate(length);
    bytes
}

/// Writes into an image.
pub(crate) fn write(path: &Path, offset: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("an image");
    file.write_all_at(bytes, offset).expect("room");
}

/// What a program prints, with `input` given to it.
pub(crate) fn output(program: &str, arguments: &[&str], input: &str) -> String {
    use std::io::Write as _;
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut child = Command::new(program)
        .args(arguments)
        .env("PATH", path)
        .env("LVM_SUPPRESS_FD_WARNINGS", "1")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A loop device over an image, until the value ends.
#[derive(Debug)]
pub(crate) struct Loop(pub(crate) String);

impl Loop {
    pub(crate) fn new(image: &Path, sector_size: u32) -> Self {
        let size = sector_size.to_string();
        let device = output("losetup", &["-f", "--show", "-b", &size, text(image)], "");
        Self(device.trim().to_owned())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        run("sync", &[&self.0]);
        let _ = Command::new("losetup").args(["-d", &self.0]).status();
    }
}

/// A disk of which one read fails, or a range.
#[derive(Debug)]
pub(crate) struct Failing {
    pub(crate) disk: Arc<dyn Disk>,
    /// The number of the read that fails.
    pub(crate) at: u64,
    /// A range that always fails.
    pub(crate) range: Range<u64>,
    pub(crate) reads: AtomicU64,
}

impl Failing {
    /// Fails at a read.
    pub(crate) fn read(disk: Arc<dyn Disk>, at: u64) -> Self {
        Self { disk, at, range: 0..0, reads: AtomicU64::new(0) }
    }

    /// Fails in a range.
    pub(crate) fn range(disk: Arc<dyn Disk>, range: Range<u64>) -> Self {
        Self { disk, at: u64::MAX, range, reads: AtomicU64::new(0) }
    }
}

impl Disk for Failing {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let number = self.reads.fetch_add(1, Ordering::Relaxed);
        let end = offset.saturating_add(bytes.len() as u64);
        if number == self.at || (offset < self.range.end && end > self.range.start) {
            return Err(DiskError { reason: Reason::Unreadable, offset, message: "a bad block".into() });
        }
        self.disk.read_at(bytes, offset)
    }
}
