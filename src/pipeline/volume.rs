//! The files of a filesystem that we read ourselves, and what no file uses.
//!
//! Role: which files and ranges are read, and when. Not for: how (see `in_order`).
//! Directories are gone through until enough files are known; those are then read
//! in the order in which they lie on the disk; and so on. A disk is so read forwards,
//! in bounded memory, however many files there are.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rustix::fs::FileType;

use super::in_order::{Job, Reading};
use super::measure::Stage;
use super::medium::DiskMedium;
use super::worker::{Shared, Worker};
use crate::finding::Reason;
use crate::source::directory::{DirNode, WalkOptions};
use crate::source::disk::{Disk, DiskError};
use crate::source::filesystem::{Content, DeletedFile, Filesystem, NodeId, PieceSource};
use crate::source::{FileStat, MachineDisks, VolumeContent, test_content, worth};
use crate::threads::Pool;

/// How many files, and pieces of files, are put in order at a time.
const BATCH: usize = 1 << 16;
const MAX_PIECES: usize = 1 << 20;
/// How many ranges of free space are kept at a time.
const MAX_RANGES: usize = 1 << 20;

/// A directory that waits, and how many of its entries have been met.
struct Directory {
    node: Arc<DirNode>,
    id: NodeId,
    skip: usize,
}

#[derive(Default)]
struct Waiting {
    directories: Vec<Directory>,
    /// Those that wait until all others are through; none: nothing waits any more.
    later: Option<Vec<Directory>>,
    /// Threads that may still add some.
    active: usize,
    /// Directories that were met: a damaged tree may lead back to one.
    met: HashSet<NodeId>,
    jobs: Vec<Job>,
    pieces: usize,
}

/// A walk over a filesystem.
struct Walk<'w> {
    filesystem: &'w dyn Filesystem,
    options: &'w WalkOptions,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// Scans all files of a filesystem.
pub(super) fn scan_files(reading: &Reading<'_>, options: &WalkOptions) {
    let Reading { filesystem, target, shared, pool, .. } = *reading;
    let root = filesystem.root();
    let later = options.by_worth.then(Vec::new);
    let mut waiting = Waiting { later, ..Waiting::default() };
    waiting.met.insert(root);
    waiting.directories.push(Directory { node: Arc::new(DirNode::root()), id: root, skip: 0 });
    let walk =
        Walk { filesystem: &**filesystem, options, waiting: Mutex::new(waiting), changed: Condvar::new() };
    loop {
        pool.on_each(|| walk.fill(&mut Worker::new(shared, target)));
        let jobs = {
            let mut waiting = walk.lock();
            waiting.pieces = 0;
            std::mem::take(&mut waiting.jobs)
        };
        if jobs.is_empty() && !walk.has_more() {
            break;
        }
        reading.files(jobs);
    }
    let mut worker = Worker::new(shared, target);
    for (error, times) in filesystem.problems() {
        let times = if times > 1 { format!(" ({times} times)") } else { String::new() };
        worker.add_problem(b"/".to_vec(), error.reason, Some(error.offset), format!("{error}{times}"));
    }
}

impl Walk<'_> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether directories wait; where only such do that others came before, they wait no
    /// longer.
    fn has_more(&self) -> bool {
        let mut waiting = self.lock();
        if waiting.directories.is_empty() {
            waiting.directories = waiting.later.take().unwrap_or_default();
        }
        !waiting.directories.is_empty()
    }

    /// Goes through directories until enough files are known or none waits.
    fn fill(&self, worker: &mut Worker<'_>) {
        loop {
            let directory = {
                let mut waiting = self.lock();
                loop {
                    if waiting.jobs.len() >= BATCH || waiting.pieces >= MAX_PIECES {
                        return;
                    }
                    if let Some(directory) = waiting.directories.pop() {
                        waiting.active += 1;
                        break directory;
                    }
                    if waiting.active == 0 {
                        self.changed.notify_all();
                        return;
                    }
                    waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
            };
            let below = self.enter(directory, worker);
            let mut waiting = self.lock();
            waiting.active -= 1;
            // In the reverse order: the last is taken first.
            for directory in below.directories.into_iter().rev() {
                if directory.skip > 0 || waiting.met.insert(directory.id) {
                    let later = waiting.later.as_mut();
                    match later.filter(|_| worth::can_wait(&directory.node.path_of(b""))) {
                        Some(later) => later.push(directory),
                        None => waiting.directories.push(directory),
                    }
                } else {
                    let path = directory.node.path_of(b"");
                    drop(waiting);
                    leads_back(path, worker);
                    waiting = self.lock();
                }
            }
            waiting.pieces += below.pieces;
            waiting.jobs.extend(below.jobs);
            drop(waiting);
            self.changed.notify_all();
        }
    }

    /// Lists a directory; what is to be done in it.
    fn enter(&self, directory: Directory, worker: &mut Worker<'_>) -> Waiting {
        let mut below = Waiting::default();
        if directory.skip == 0 {
            worker.coverage.directories += 1;
        }
        if worker.should_stop() {
            worker.coverage.leave_out_file(Reason::Interrupted, 0);
            return below;
        }
        let mut entries: Vec<(Box<[u8]>, NodeId)> = Vec::new();
        let mut number = 0;
        let listed = self.filesystem.list(directory.id, &mut |entry| {
            number += 1;
            if number <= directory.skip {
                return ControlFlow::Continue(());
            }
            entries.push((entry.name.into(), entry.id));
            if entries.len() >= BATCH { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let full = entries.len() >= BATCH;
        for (name, id) in entries {
            self.entry(&directory, name, id, &mut below, worker);
        }
        if let Err(error) = listed {
            worker.coverage.leave_out_file(error.reason, 0);
            worker.add_problem(
                directory.node.path_of(b""),
                error.reason,
                Some(error.offset),
                error.to_string(),
            );
        } else if full {
            below.directories.push(Directory { skip: number, ..directory });
        }
        below
    }

    fn entry(
        &self,
        directory: &Directory,
        name: Box<[u8]>,
        id: NodeId,
        below: &mut Waiting,
        worker: &mut Worker<'_>,
    ) {
        let dir = &directory.node;
        let stat = match self.filesystem.stat(id) {
            Ok(stat) => FileStat { dev: id.tree, ..stat },
            Err(error) => return refuse(dir, &name, 0, &error, worker),
        };
        let is_directory = stat.file_type == FileType::Directory;
        let size = if stat.file_type == FileType::RegularFile { stat.size.unwrap_or(0) } else { 0 };
        let left_out = |reason, worker: &mut Worker<'_>| {
            worker.coverage.leave_out_file(reason, size);
            worker.one_more_file();
        };
        if !self.options.exclude.is_empty() && self.options.exclude.matches(&dir.path_of(&name), is_directory)
        {
            return left_out(Reason::Excluded, worker);
        }
        match stat.file_type {
            FileType::RegularFile if dir.is_test_content() => left_out(Reason::TestContent, worker),
            FileType::RegularFile => self.file(dir, name, id, stat, below, worker),
            FileType::Directory => {
                self.named_streams(dir, &name, id, &stat, below, worker);
                let test_content = !self.options.include_test_content
                    && (dir.is_test_content() || self.is_test_directory(directory, &name));
                let node = Arc::new(DirNode::child(dir, &name, test_content));
                below.directories.push(Directory { node, id, skip: 0 });
            }
            FileType::Symlink => left_out(Reason::SymbolicLink, worker),
            _ => left_out(Reason::SpecialFile, worker),
        }
    }

    fn file(
        &self,
        dir: &Arc<DirNode>,
        name: Box<[u8]>,
        id: NodeId,
        stat: FileStat,
        below: &mut Waiting,
        worker: &mut Worker<'_>,
    ) {
        if worker.shared.measure.stage == Stage::Walk {
            return worker.coverage.scan_file(0);
        }
        let Some(size) = stat.size else {
            let error = DiskError::corrupt(0, "the filesystem gives a negative size");
            return refuse(dir, &name, 0, &error, worker);
        };
        if worker.shared.options.max_file_size.is_some_and(|max| size > max) {
            worker.coverage.leave_out_file(Reason::OverBudget, size);
            worker.cut_off(&|| dir.path_of(&name), &[], size, Reason::OverBudget);
            return worker.one_more_file();
        }
        if !worker.is_first_name(&stat, || dir.path_of(&name)) {
            worker.coverage.leave_out_file(Reason::HardLink, size);
            return worker.one_more_file();
        }
        self.named_streams(dir, &name, id, &stat, below, worker);
        if worker.shared.measure.stage == Stage::Open {
            return worker.coverage.scan_file(0);
        }
        match self.filesystem.content(id) {
            Ok(content) => below.add(self.filesystem, dir, name, stat, content),
            Err(error) => {
                refuse(dir, &name, size, &error, worker);
                let linked = (stat.links > 1).then_some(&stat);
                worker.keep(&Vec::new, Default::default(), linked, false, || None);
            }
        }
    }

    /// The named streams of a file, each as a file of its own: `name:stream`.
    fn named_streams(
        &self,
        dir: &Arc<DirNode>,
        name: &[u8],
        id: NodeId,
        stat: &FileStat,
        below: &mut Waiting,
        worker: &mut Worker<'_>,
    ) {
        let streams = match self.filesystem.streams(id) {
            Ok(streams) => streams,
            Err(error) => return refuse(dir, name, 0, &error, worker),
        };
        for stream in streams {
            let full: Box<[u8]> = [name, b":", &stream.name].concat().into();
            match self.filesystem.stream(id, &stream.name) {
                Ok(content) => {
                    let stat = FileStat { size: Some(content.size), links: 1, ..*stat };
                    below.add(self.filesystem, dir, full, stat, content);
                }
                Err(error) => refuse(dir, &full, stream.size, &error, worker),
            }
        }
    }

    fn is_test_directory(&self, directory: &Directory, name: &[u8]) -> bool {
        let exists = |sibling: &std::ffi::CStr| {
            let mut met = false;
            // An error shows where the directory itself is listed.
            let _ = self.filesystem.list(directory.id, &mut |entry| {
                met = entry.name == sibling.to_bytes();
                if met { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            met
        };
        test_content::is_candidate(name)
            && test_content::is_test_directory(&[], &directory.node.components(), name, exists)
    }
}

impl Waiting {
    fn add(
        &mut self,
        filesystem: &dyn Filesystem,
        dir: &Arc<DirNode>,
        name: Box<[u8]>,
        stat: FileStat,
        content: Content,
    ) {
        self.pieces += content.pieces.len();
        self.jobs.push(Job::new(filesystem, Arc::clone(dir), name, stat, content));
    }
}

fn refuse(dir: &DirNode, name: &[u8], size: u64, error: &DiskError, worker: &mut Worker<'_>) {
    worker.coverage.leave_out_file(error.reason, size);
    worker.add_problem(dir.path_of(name), error.reason, Some(error.offset), error.to_string());
    worker.one_more_file();
}

fn leads_back(path: Vec<u8>, worker: &mut Worker<'_>) {
    worker.coverage.leave_out_file(Reason::Corrupt, 0);
    worker.add_problem(
        path,
        Reason::Corrupt,
        None,
        "this directory was met before: the tree leads back".into(),
    );
}

/// Scans deleted files, then the free space that they do not cover.
pub(super) fn scan_free(reading: &Reading<'_>, options: &WalkOptions) {
    let Reading { filesystem, target, shared, .. } = *reading;
    let mut worker = Worker::new(shared, target);
    let root = Arc::new(DirNode::root());
    let mut jobs = Waiting::default();
    let mut covered: Vec<(u16, Range<u64>)> = Vec::new();
    let told = filesystem.deleted(&mut |file: DeletedFile| {
        if worker.should_stop() {
            return ControlFlow::Break(());
        }
        let path = file.path.strip_prefix(b"/").unwrap_or(&file.path);
        if file.content.size == 0 || options.exclude.matches_beneath(&[b"/", path].concat()) {
            return ControlFlow::Continue(());
        }
        for piece in &file.content.pieces {
            if let PieceSource::Stored(place) = piece.source {
                let place = filesystem.physical(place);
                covered.push((place.disk, place.offset..place.offset.saturating_add(piece.length)));
            }
        }
        jobs.add(&**filesystem, &root, path.into(), file.stat, file.content);
        if jobs.jobs.len() >= BATCH || jobs.pieces >= MAX_PIECES {
            jobs.pieces = 0;
            reading.files(std::mem::take(&mut jobs.jobs));
        }
        if covered.len() < MAX_RANGES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    if let Err(error) = told {
        let message = format!("not all deleted files could be looked for: {error}");
        worker.add_problem(b"/".to_vec(), error.reason, Some(error.offset), message);
    }
    reading.files(jobs.jobs);
    covered.sort_unstable_by_key(|(disk, range)| (*disk, range.start));
    let mut skip = 0;
    loop {
        let mut ranges: Vec<(u16, Range<u64>)> = Vec::new();
        let mut number = 0;
        let told = filesystem.free(&mut |disk, range| {
            number += 1;
            if number > skip {
                ranges.push((disk, range));
            }
            if ranges.len() >= MAX_RANGES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let more = ranges.len() >= MAX_RANGES;
        skip = number;
        if let Err(error) = told {
            let message = format!("not all free space can be told: {error}");
            worker.add_problem(b"/".to_vec(), error.reason, Some(error.offset), message);
        }
        reading.ranges(&without(ranges, &covered));
        if !more || worker.should_stop() {
            break;
        }
    }
}

/// Scans what the journal of a filesystem keeps.
pub(super) fn scan_journal(reading: &Reading<'_>) {
    match reading.filesystem.journal() {
        Ok(ranges) => reading.ranges(&ranges),
        Err(error) => Worker::new(reading.shared, reading.target).add_problem(
            b"/".to_vec(),
            error.reason,
            Some(error.offset),
            format!("the journal cannot be searched: {error}"),
        ),
    }
}

/// Ranges, in order, without what others cover, in order too.
fn without(ranges: Vec<(u16, Range<u64>)>, covered: &[(u16, Range<u64>)]) -> Vec<(u16, Range<u64>)> {
    let mut left = Vec::with_capacity(ranges.len());
    for (disk, range) in ranges {
        let first = covered.partition_point(|(other, cover)| (*other, cover.end) <= (disk, range.start));
        let mut at = range.start;
        for (other, cover) in covered.get(first..).unwrap_or_default() {
            if *other != disk || cover.start >= range.end {
                break;
            }
            if cover.start > at {
                left.push((disk, at..cover.start));
            }
            at = at.max(cover.end);
        }
        if at < range.end {
            left.push((disk, at..range.end));
        }
    }
    left
}

/// Scans ranges of one disk.
pub(super) fn scan_raw(
    disk: &dyn Disk,
    ranges: &[Range<u64>],
    target: u32,
    shared: &Shared<'_>,
    pool: &Pool,
) {
    let next = AtomicUsize::new(0);
    pool.on_each(|| {
        let mut worker = Worker::new(shared, target);
        while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
            worker.scan_range(&DiskMedium(disk), range.clone());
        }
    });
}

/// Counts what on a machine's disks is wrong or stays closed.
pub(super) fn count_closed(disks: &MachineDisks, target: u32, shared: &Shared<'_>) {
    let mut worker = Worker::new(shared, target);
    for (way, error) in &disks.problems {
        let way: Vec<&str> = way.iter().map(|step| step.name.as_str()).collect();
        let message = format!("{}: {error}", way.join(", "));
        worker.add_problem(b"/".to_vec(), error.reason, Some(error.offset), message);
    }
    for volume in &disks.volumes {
        if let VolumeContent::Closed { reason, what } = &volume.content {
            let size = volume.disk.size();
            worker.coverage.leave_out_bytes(*reason, size);
            let message = format!("{}: {what}: {size} bytes are not read", volume.name);
            worker.add_problem(b"/".to_vec(), *reason, None, message);
        }
    }
}
