//! Reading ahead: how many reads of a disk thousands of small files cost, how many
//! bytes are read, and that the contents are the same as without.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use snapsift::source::disk::{Disk, DiskError, DiskResult, FileDisk};
use snapsift::source::filesystem::{
    Content, ContentReader, Filesystem, NodeId, PieceSource, ReadAhead, btrfs, ext, xfs,
};
use support::filesystem::{image, run, text};

/// Small files in the folder, and the bytes of each.
const FILES: usize = 4000;

fn bytes_of(number: usize) -> Vec<u8> {
    let size = number * 37 % 9000 + 1;
    (0..size).map(|at| u8::try_from((at * 7 + number * 13) % 251).expect("a byte")).collect()
}

fn small_files(folder: &Path) {
    for number in 0..FILES {
        let below = folder.join(format!("d{}", number % 10));
        std::fs::create_dir_all(&below).expect("a folder");
        std::fs::write(below.join(format!("f{number}")), bytes_of(number)).expect("a file");
    }
}

/// A disk that counts what is read, and may have a bad block.
#[derive(Debug)]
struct Counting {
    disk: FileDisk,
    reads: AtomicU64,
    bytes: AtomicU64,
    bad: AtomicU64,
}

impl Counting {
    fn of(path: &Path) -> Arc<Self> {
        let file = File::open(path).expect("an image");
        let size = file.metadata().expect("facts").len();
        let zero = AtomicU64::default;
        Arc::new(Self {
            disk: FileDisk::new(file, size),
            reads: zero(),
            bytes: zero(),
            bad: AtomicU64::new(u64::MAX),
        })
    }

    /// Reads and bytes since the last question.
    fn take(&self) -> (u64, u64) {
        (self.reads.swap(0, Ordering::Relaxed), self.bytes.swap(0, Ordering::Relaxed))
    }
}

impl Disk for Counting {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let bad = self.bad.load(Ordering::Relaxed);
        if (offset..offset + bytes.len() as u64).contains(&bad) {
            return Err(DiskError::io(bad, &std::io::Error::other("a bad block")));
        }
        self.disk.read_at(bytes, offset)
    }
}

/// The contents of all small files by number, in the order of the disk.
fn contents(filesystem: &dyn Filesystem) -> Vec<(usize, Content)> {
    let mut found = Vec::new();
    let mut waiting = vec![filesystem.root()];
    while let Some(dir) = waiting.pop() {
        let mut entries: Vec<(String, NodeId)> = Vec::new();
        let listed = filesystem.list(dir, &mut |entry| {
            entries.push((String::from_utf8_lossy(entry.name).into_owned(), entry.id));
            ControlFlow::Continue(())
        });
        listed.expect("a directory");
        for (name, id) in entries {
            match (name.strip_prefix('f'), name.strip_prefix('d')) {
                (Some(number), _) => {
                    let content = filesystem.content(id).expect("a content");
                    found.push((number.parse().expect("a number"), content));
                }
                (_, Some(_)) => waiting.push(id),
                _ => {}
            }
        }
    }
    found.sort_by_key(|(_, content)| {
        content.pieces.iter().find_map(|piece| match &piece.source {
            PieceSource::Stored(place) => Some(filesystem.physical(*place)),
            _ => None,
        })
    });
    assert_eq!(found.len(), FILES);
    found
}

/// What a reader gives of a content.
fn read(reader: &ContentReader<'_>, size: u64) -> DiskResult<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(size).expect("a size")];
    let mut filled = 0;
    while filled < bytes.len() {
        let read = reader.read_at(&mut bytes[filled..], filled as u64)?;
        assert!(read > 0, "ends at {filled}");
        filled += read;
    }
    Ok(bytes)
}

/// Reads all, as a scan does; gives the contents to `each`.
fn read_all(
    filesystem: &dyn Filesystem,
    files: &[(usize, Content)],
    mut each: impl FnMut(usize, DiskResult<Vec<u8>>),
) {
    let mut ahead = ReadAhead::new();
    let mut left = files;
    while !left.is_empty() {
        let ready = ahead.prepare(filesystem, left.iter().map(|(_, content)| content));
        assert!((1..=left.len()).contains(&ready));
        for (number, content) in &left[..ready] {
            let reader = ContentReader::ahead(filesystem, content, &ahead);
            let bytes = read(&reader, content.size);
            if let (Some(at_hand), Ok(bytes)) = (reader.at_hand(), &bytes) {
                assert!(at_hand == bytes, "file {number}");
            }
            each(*number, bytes);
        }
        left = &left[ready..];
    }
}

/// What is stored of them, in whole blocks.
fn stored(files: &[(usize, Content)], block: u64) -> u64 {
    let blocks = files.iter().flat_map(|(_, content)| &content.pieces).map(|piece| match piece.source {
        PieceSource::Stored(_) => piece.length.next_multiple_of(block),
        _ => 0,
    });
    blocks.sum()
}

fn holds(disk: &Counting, filesystem: &dyn Filesystem, most_reads: u64) {
    let files = contents(filesystem);
    disk.take();
    for (number, content) in &files {
        let bytes = read(&ContentReader::new(filesystem, content), content.size);
        assert!(bytes.expect("a content") == bytes_of(*number), "file {number}");
    }
    let (reads_without, _) = disk.take();
    read_all(filesystem, &files, |number, bytes| {
        assert!(bytes.expect("a content") == bytes_of(number), "file {number}");
    });
    let (reads, bytes) = disk.take();
    let live = stored(&files, u64::from(filesystem.about().block_size));
    assert!(bytes * 100 <= live * 105, "{bytes} bytes are read of {live}");
    assert!(reads <= most_reads && reads < reads_without / 10, "{reads} reads, {reads_without} without");
}

/// 4,000 files of 4.5 KB on average are 26 MB in whole blocks: 25 windows, and some
/// more where metadata lies in between.
#[test]
fn small_files_cost_few_reads_and_no_other_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, path) = (folder.path().join("files"), folder.path().join("image"));
    small_files(&files);

    image(&path, 128 << 20);
    run("mke2fs", &["-q", "-F", "-t", "ext4", "-d", text(&files), text(&path)]);
    let disk = Counting::of(&path);
    let filesystem = ext::open(disk.clone()).expect("a filesystem");
    holds(&disk, &filesystem, 60);

    // One bad block spoils the file that it belongs to, and no other.
    let files = contents(&filesystem);
    let (number, content) = &files[FILES / 2];
    let Some(PieceSource::Stored(place)) = content.pieces.first().map(|piece| &piece.source) else {
        panic!("file {number} is stored elsewhere")
    };
    disk.bad.store(place.offset, Ordering::Relaxed);
    read_all(&filesystem, &files, |read, bytes| match bytes {
        Ok(bytes) => assert!(read != *number && bytes == bytes_of(read), "file {read}"),
        Err(error) => assert_eq!((read, error.offset), (*number, place.offset)),
    });
}

#[test]
fn small_files_of_xfs_cost_few_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, path) = (folder.path().join("files"), folder.path().join("image"));
    small_files(&files);
    image(&path, 512 << 20);
    // A prototype that copies each file in.
    let mut prototype = String::from("/\n0 0\nd--755 0 0\n");
    for below in 0..10 {
        prototype.push_str(&format!("d{below} d--755 0 0\n"));
        for number in (below..FILES).step_by(10) {
            let from = files.join(format!("d{below}/f{number}"));
            prototype.push_str(&format!("f{number} ---644 0 0 {}\n", text(&from)));
        }
        prototype.push_str("$\n");
    }
    prototype.push_str("$\n");
    let list = folder.path().join("prototype");
    std::fs::write(&list, prototype).expect("a prototype");
    run("mkfs.xfs", &["-q", "-f", "-p", text(&list), text(&path)]);
    let disk = Counting::of(&path);
    let filesystem = xfs::open(disk.clone()).expect("a filesystem");
    holds(&disk, &filesystem, 120);
}

/// The checksums of data are verified in what is read ahead.
#[test]
fn small_files_of_btrfs_cost_few_reads_and_are_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, path) = (folder.path().join("files"), folder.path().join("image"));
    small_files(&files);
    image(&path, 256 << 20);
    // Nothing is stored within the trees, so that all is data.
    run("mkfs.btrfs", &["-q", "-d", "single", "--rootdir", text(&files), text(&path)]);
    let disk = Counting::of(&path);
    let filesystem = btrfs::open(vec![disk.clone()]).expect("a filesystem");
    let files = contents(&filesystem);
    disk.take();
    read_all(&filesystem, &files, |number, bytes| {
        assert!(bytes.expect("a content") == bytes_of(number), "file {number}");
    });
    let (reads, _) = disk.take();
    assert!(reads < FILES as u64 / 10, "{reads} reads");

    let found = files.iter().find_map(|(number, content)| match content.pieces.first()?.source {
        PieceSource::Stored(place) => Some((*number, filesystem.physical(place))),
        _ => None,
    });
    let (damaged, place) = found.expect("a file that is data");
    drop(filesystem);
    let file = File::options().write(true).open(&path).expect("the image");
    std::os::unix::fs::FileExt::write_all_at(&file, b"not what was written", place.offset).expect("written");
    let filesystem = btrfs::open(vec![disk.clone()]).expect("a filesystem");
    read_all(&filesystem, &files, |number, bytes| {
        assert_eq!(bytes.is_err(), number == damaged, "file {number}");
    });
}
