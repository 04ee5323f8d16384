//! Files and ranges of a filesystem, read in the order in which they lie on the disk.
//!
//! Role: which thread reads what, and how bytes get from a disk to the scanner. Not
//! for: what is to be read (see `volume`).

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::medium::{DiskMedium, FileMedium, stored_bytes};
use super::worker::{Shared, Siblings, Worker};
use crate::finding::Reason;
use crate::source::FileStat;
use crate::source::content::Extent;
use crate::source::directory::DirNode;
use crate::source::filesystem::{
    Content, ContentReader, Filesystem, FilesystemTree, Piece, PieceSource, Place, ReadAhead,
};
use crate::threads::Pool;

/// How many files in a row a thread takes: as many as have so many bytes, at most so
/// many. A large one is taken alone.
const CHUNK_BYTES: u64 = 4 << 20;
const CHUNK_FILES: usize = 512;

/// A file that is to be read.
pub(super) struct Job {
    dir: Arc<DirNode>,
    name: Box<[u8]>,
    stat: FileStat,
    content: Content,
    /// Where it begins on the disk.
    at: Place,
}

impl Job {
    pub(super) fn new(
        filesystem: &dyn Filesystem,
        dir: Arc<DirNode>,
        name: Box<[u8]>,
        stat: FileStat,
        content: Content,
    ) -> Self {
        let at = first_place(filesystem, &content);
        Self { dir, name, stat, content, at }
    }
}

/// What is read, and by whom.
#[derive(Clone, Copy)]
pub(super) struct Reading<'r> {
    pub(super) filesystem: &'r Arc<dyn Filesystem>,
    pub(super) target: u32,
    /// The target for what lies between the end of a file and that of its last block;
    /// `None`: it is not read.
    pub(super) slack: Option<u32>,
    /// The files are deleted ones.
    pub(super) deleted: bool,
    pub(super) shared: &'r Shared<'r>,
    pub(super) pool: &'r Pool,
}

impl Reading<'_> {
    /// Scans files.
    pub(super) fn files(&self, mut jobs: Vec<Job>) {
        jobs.sort_unstable_by_key(|job| job.at);
        let chunks = chunks(&jobs);
        let next = AtomicUsize::new(0);
        let tree = FilesystemTree::new(&**self.filesystem);
        self.pool.on_each(|| {
            let mut worker = Worker::new(self.shared, self.target);
            worker.siblings = (!self.deleted).then_some(Siblings { tree: &tree, are_scanned: true });
            let mut ahead = ReadAhead::new();
            while let Some(range) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut jobs = jobs.get(range.clone()).unwrap_or_default();
                while !jobs.is_empty() && !worker.should_stop() {
                    let ready = ahead.prepare(&**self.filesystem, jobs.iter().map(|job| &job.content));
                    let Some((now, rest)) = jobs.split_at_checked(ready) else { break };
                    now.iter().for_each(|job| self.file(job, &ahead, &mut worker));
                    jobs = rest;
                }
                // Where the scan was ended, these are counted as left out.
                jobs.iter().for_each(|job| self.file(job, &ahead, &mut worker));
            }
        });
    }

    fn file(&self, job: &Job, ahead: &ReadAhead, worker: &mut Worker<'_>) {
        worker.one_more_file();
        let size = job.content.size;
        if worker.should_stop() {
            worker.cut_off(&|| job.dir.path_of(&job.name), &[], size, Reason::Interrupted);
            return worker.coverage.leave_out_file(Reason::Interrupted, size);
        }
        let path = || {
            let mut path = job.dir.path_of(&job.name);
            if self.deleted {
                // Several deleted files may have had one name: see `emit`.
                path.extend_from_slice(format!("\0{:016x}{:016x}", job.stat.ino, job.at.offset).as_bytes());
            }
            path
        };
        let linked = (job.stat.links > 1 && !self.deleted).then_some(&job.stat);
        if size == 0 {
            worker.coverage.scan_file(0);
            return worker.keep(&path, Default::default(), linked, self.deleted, || None);
        }
        let reader = ContentReader::ahead(&**self.filesystem, &job.content, ahead);
        let medium = FileMedium { reader, filesystem: self.filesystem };
        let stored = stored_bytes(&job.content).min(size);
        let hits = worker.scan(&path, &medium, Extent { size, stored, max_unsized: 0 });
        worker.keep(&path, hits, linked, self.deleted, || Some(job.stat));
        if let Some(target) = self.slack {
            self.slack(job, ahead, target, worker);
        }
    }

    /// Scans what an earlier file left in the last block of a file, behind its end.
    fn slack(&self, job: &Job, ahead: &ReadAhead, target: u32, worker: &mut Worker<'_>) {
        let size = job.content.size;
        let block = u64::from(self.filesystem.about().block_size);
        let Some(end) = size.checked_next_multiple_of(block.max(1)).filter(|end| *end > size) else { return };
        let Some(piece) = job.content.pieces.last().filter(|piece| piece.at < size) else { return };
        let PieceSource::Stored(place) = piece.source else { return };
        let within = size - piece.at;
        // A filesystem that tells of no more than the content has none that can be read.
        if end - piece.at > piece.length {
            return;
        }
        let from = Place { offset: place.offset.saturating_add(within), ..place };
        let length = usize::try_from(end - size).unwrap_or(usize::MAX);
        // The kernel fills it with zeros when it writes: nearly always there is nothing.
        if ahead.get(from, length).is_some_and(is_zero) {
            return;
        }
        let piece = Piece { at: size, length: end - size, source: PieceSource::Stored(from) };
        let content = Content { size: end, pieces: vec![piece] };
        let reader = ContentReader::ahead(&**self.filesystem, &content, ahead);
        let medium = FileMedium { reader, filesystem: self.filesystem };
        let files = std::mem::replace(&mut worker.target, target);
        worker.scan_range_of(&|| job.dir.path_of(&job.name), &medium, size..end);
        worker.target = files;
    }

    /// Scans ranges of its disks that are no files.
    pub(super) fn ranges(&self, ranges: &[(u16, Range<u64>)]) {
        let disks = self.filesystem.disks();
        let next = AtomicUsize::new(0);
        self.pool.on_each(|| {
            let mut worker = Worker::new(self.shared, self.target);
            while let Some((disk, range)) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Some(disk) = disks.get(usize::from(*disk)) {
                    worker.scan_range(&DiskMedium(&**disk), range.clone());
                }
            }
        });
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    // In pieces, which the compiler makes a few instructions of.
    bytes.chunks(64).all(|part| part.iter().fold(0, |all, byte| all | byte) == 0)
}

/// Files in the order of the disk, as ranges for one thread each.
fn chunks(jobs: &[Job]) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0_u64);
    for (number, job) in jobs.iter().enumerate() {
        let full = bytes.saturating_add(job.content.size) > CHUNK_BYTES || number - start >= CHUNK_FILES;
        if full && number > start {
            chunks.push(start..number);
            (start, bytes) = (number, 0);
        }
        bytes = bytes.saturating_add(job.content.size);
    }
    if start < jobs.len() {
        chunks.push(start..jobs.len());
    }
    chunks
}

/// Where a content begins on the disk; what is not stored there comes first.
fn first_place(filesystem: &dyn Filesystem, content: &Content) -> Place {
    let stored = content.pieces.iter().find_map(|piece| match &piece.source {
        PieceSource::Stored(place) => Some(*place),
        PieceSource::Encoded(unit) => unit.stored.first().map(|(place, _)| *place),
        PieceSource::Unwritten | PieceSource::Inline(_) => None,
    });
    stored.map_or(Place { disk: 0, offset: 0 }, |place| filesystem.physical(place))
}
