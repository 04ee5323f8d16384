//! Disk images made by `qemu-img`, which is also the oracle of what they show.
#![allow(clippy::cast_possible_truncation, reason = "test disks are small")]
#![allow(clippy::print_stdout, reason = "a test that is not run says so")]

use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use snapsift::source::disk::{Disk, DiskError, DiskResult};

/// Numbers that look random and are the same each time.
#[derive(Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end.max(1)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            std::iter::repeat_with(|| self.next().to_le_bytes()).take(length / 8 + 1).flatten().collect();
        bytes.truncate(length);
        bytes
    }
}

/// Whether the images can be made here.
pub(crate) fn has_qemu() -> bool {
    let found =
        Command::new("qemu-img").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        println!("not run: this test makes images with qemu-img, which is not here");
    }
    found
}

/// Runs a program in a folder; returns what it wrote.
pub(crate) fn run_in(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `qemu-img` with words of a line.
pub(crate) fn qemu(folder: &Path, line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    run_in(folder, "qemu-img", &words)
}

/// `qemu-io` with commands on an image.
pub(crate) fn qemu_io(folder: &Path, image: &str, commands: &[&str]) {
    let mut arguments: Vec<&str> = commands.iter().flat_map(|command| ["-c", command]).collect();
    arguments.push(image);
    run_in(folder, "qemu-io", &arguments);
}

/// A raw disk of random bytes, text and zeros in pieces of many sizes.
pub(crate) fn make_raw(path: &Path, size: u64, seed: u64) {
    let mut numbers = Numbers::new(seed);
    let file = File::create(path).expect("a file");
    file.set_len(size).expect("a size");
    let mut at = 0;
    while at < size {
        let length = match numbers.below(4) {
            0 => numbers.below(8) * 512,
            1 => numbers.below(16) * 4096 + numbers.below(9) * 512,
            2 => numbers.below(12) << 16,
            _ => numbers.below(3) << 20,
        };
        let length = length.min(size - at);
        let piece = match numbers.below(3) {
            0 => numbers.bytes(length as usize),
            1 => {
                let line = format!("line {} of a text that compresses well\n", numbers.below(1000));
                line.bytes().cycle().take(length as usize).collect()
            }
            _ => Vec::new(),
        };
        file.write_all_at(&piece, at).expect("written");
        at += length;
    }
}

/// All that an image shows, by `qemu-img convert`.
pub(crate) fn by_qemu(folder: &Path, format: &str, image: &str) -> Vec<u8> {
    qemu(folder, &format!("convert -f {format} -O raw {image} truth.raw"));
    let mut bytes = Vec::new();
    File::open(folder.join("truth.raw")).expect("a file").read_to_end(&mut bytes).expect("bytes");
    std::fs::remove_file(folder.join("truth.raw")).expect("removed");
    bytes
}

/// Holds a disk against its bytes, in reads of a megabyte, then in some of all sizes.
pub(crate) fn assert_bytes(disk: &dyn Disk, truth: &[u8], name: &str) {
    assert_eq!(disk.size(), truth.len() as u64, "{name}: the size");
    let mut buffer = vec![0xa5; 1 << 20];
    let mut check = |at: usize, length: usize| {
        let here = &mut buffer[..length];
        here.fill(0xa5);
        let read = disk.read_at(here, at as u64).unwrap_or_else(|error| panic!("{name} at {at}: {error}"));
        let wanted = &truth[at.min(truth.len())..(at + length).min(truth.len())];
        assert_eq!(read, wanted.len(), "{name} at {at}");
        let differs = here[..read].iter().zip(wanted).position(|(one, other)| one != other);
        assert!(differs.is_none(), "{name}: byte {} differs", at + differs.unwrap_or(0));
    };
    for at in (0..truth.len()).step_by(1 << 20) {
        check(at, 1 << 20);
    }
    let mut numbers = Numbers::new(truth.len() as u64);
    for _ in 0..300 {
        let at = numbers.below(truth.len() as u64) as usize;
        let length = match numbers.below(3) {
            0 => numbers.below(700),
            1 => numbers.below(70_000),
            _ => 1 << 20,
        };
        check(at, length as usize);
    }
    // Small reads one after another, over the borders of units.
    let from = numbers.below(truth.len() as u64) as usize / 4096 * 4096;
    for at in (from..truth.len().min(from + (1 << 20))).step_by(4096) {
        check(at, 4096);
    }
}

/// All ranges that a disk stores.
pub(crate) fn data_ranges(disk: &dyn Disk, name: &str) -> Vec<Range<u64>> {
    let mut found: Vec<Range<u64>> = Vec::new();
    let mut at = 0;
    while let Some(range) = disk.next_data(at).unwrap_or_else(|error| panic!("{name} at {at}: {error}")) {
        assert!(
            range.start >= at && range.end > range.start && range.end <= disk.size(),
            "{name}: {range:?}"
        );
        at = range.end;
        match found.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => found.push(range),
        }
    }
    found
}

/// The ranges of which `qemu-img map` says that they hold data.
pub(crate) fn data_by_qemu(folder: &Path, format: &str, image: &str) -> Vec<Range<u64>> {
    let map = qemu(folder, &format!("map -f {format} --output=json {image}"));
    let map: serde_json::Value = serde_json::from_str(&map).expect("JSON");
    let mut found: Vec<Range<u64>> = Vec::new();
    for piece in map.as_array().expect("a list") {
        let number = |key: &str| piece[key].as_u64().expect("a number");
        if piece["zero"].as_bool() == Some(true) || piece["data"].as_bool() == Some(false) {
            continue;
        }
        let range = number("start")..number("start") + number("length");
        match found.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => found.push(range),
        }
    }
    found
}

/// What lies outside all ranges must be zero.
pub(crate) fn assert_holes_are_zero(ranges: &[Range<u64>], truth: &[u8], name: &str) {
    let ends = ranges.iter().map(|range| range.end as usize);
    let starts = ranges.iter().map(|range| range.start as usize).chain([truth.len()]);
    for (from, to) in std::iter::once(0).chain(ends).zip(starts) {
        assert!(truth[from..to].iter().all(|byte| *byte == 0), "{name}: data in the hole {from}..{to}");
    }
}

/// A file in a folder, as a path.
pub(crate) fn at(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}

/// A disk of which the read with a given number fails, and none else.
#[derive(Debug)]
pub(crate) struct Failing<D> {
    pub(crate) disk: D,
    pub(crate) reads: AtomicU64,
    pub(crate) fails_at: u64,
}

impl<D: Disk> Disk for Failing<D> {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        if self.reads.fetch_add(1, Ordering::SeqCst) == self.fails_at {
            return Err(DiskError::io(offset, &std::io::Error::from_raw_os_error(5)));
        }
        self.disk.read_at(bytes, offset)
    }
}

/// Bytes of which some were changed, as a disk.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) bytes: std::sync::Arc<[u8]>,
    pub(crate) changes: Vec<(usize, Vec<u8>)>,
}

impl Disk for Changed {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let length = bytes.len().min(self.bytes.len() - from);
        bytes[..length].copy_from_slice(&self.bytes[from..from + length]);
        for (at, change) in &self.changes {
            for (place, byte) in (*at..).zip(change) {
                if let Some(target) = place.checked_sub(from).and_then(|place| bytes[..length].get_mut(place))
                {
                    *target = *byte;
                }
            }
        }
        Ok(length)
    }
}

/// A number that a reader may stumble over, of 1, 2, 4 or 8 bytes in either order.
pub(crate) fn nasty(numbers: &mut Numbers) -> Vec<u8> {
    let values =
        [0, 1, 2, 3, 7, 63, 511, 512, 4096, 65535, 1 << 20, 1 << 31, 1 << 40, 1 << 62, 1 << 63, u64::MAX];
    let value: u64 = match numbers.below(4) {
        0 => numbers.next(),
        1 => numbers.below(1 << 24),
        _ => values[numbers.below(values.len() as u64) as usize].wrapping_sub(numbers.below(2)),
    };
    let length = 1 << numbers.below(4);
    if numbers.below(2) == 0 {
        value.to_le_bytes()[..length].to_vec()
    } else {
        value.to_be_bytes()[8 - length..].to_vec()
    }
}

/// Looks at a disk as a whole, as far as that takes a moment: what is said and read
/// may be anything, but must end.
pub(crate) fn walk(disk: &dyn Disk) {
    let mut buffer = vec![0; 64 << 10];
    let mut at = 0;
    for _ in 0..64 {
        let Ok(Some(range)) = disk.next_data(at) else { break };
        assert!(
            range.start >= at && range.end > range.start && range.end <= disk.size(),
            "{range:?} after {at}"
        );
        let _ = disk.read_at(&mut buffer, range.start);
        let _ = disk.read_at(&mut buffer[..700], range.end - 1);
        at = range.end;
    }
    for part in 0..16 {
        let _ = disk.read_at(&mut buffer, disk.size() / 16 * part);
    }
    let _ = disk.read_at(&mut buffer, disk.size().saturating_sub(100));
    let _ = disk.read_at(&mut buffer, u64::MAX);
}
