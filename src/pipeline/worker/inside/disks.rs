//! Disks inside of files: the image of a virtual machine, a snap, an ISO.
//!
//! Role: goes through the volumes of a disk that lies as a file on another, and gives
//! each file on it to the scanner, to whatever looks into archives, or, where it is the
//! image of a disk itself, here again. Every file counts as a member of an archive does,
//! within the same limits. What such a disk says of its machine is not the machine's
//! that it lies on: nothing of it is told but what was found. Not for: how images and
//! filesystems are read (see `source`).

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use rustix::fs::FileType;

use super::super::super::hits::{Collector, InsideHits, InsideStep};
use super::super::super::medium::{DiskMedium, FileMedium, stored_bytes};
use super::super::{ScanSink, Worker};
use super::stored::{Known, Told, records};
use super::{FileReader, Inside, Outcome, Way, git, is_test_content, text};
use crate::facts::Accounts;
use crate::finding::{MemberFacts, ProvenanceStep, Reason, Timestamp};
use crate::source::content::{Extent, ReadAt, read, read_range};
use crate::source::directory::DirNode;
use crate::source::disk::{Disk, DiskError};
use crate::source::filesystem::{Content, ContentReader, Filesystem, FilesystemTree, NodeId};
use crate::source::store::{Source, Store};
use crate::source::unpack::seven_zip;
use crate::source::{FileStat, MachineDisks, VolumeContent};

/// How many disks are opened in one another: each holds caches of some 30 MiB.
const MAX_DISKS: usize = 3;
/// How many entries of a directory, and ranges of free space, are kept at a time.
const BATCH: usize = 1 << 16;

/// A way through the disks in one file.
pub(super) struct Disks<'d, 's> {
    pub(super) worker: &'d mut Worker<'s>,
    /// Of the file.
    pub(super) hits: &'d mut Collector,
    pub(super) outcome: &'d mut Outcome,
    /// How many bytes more may be read without being counted as unpacked.
    pub(super) free: u64,
}

/// A filesystem that is gone through.
struct Volume {
    filesystem: Arc<dyn Filesystem>,
    accounts: Accounts,
    way: Way,
}

impl Disks<'_, '_> {
    /// Scans what is on a disk. `None`: it is none that can be opened, and nothing of it
    /// was scanned.
    pub(super) fn scan(&mut self, way: &Way, disk: Arc<dyn Disk>) -> Option<()> {
        let mut way = Way { levels: way.levels + 1, disks: way.disks + 1, ..way.clone() };
        if way.levels > self.worker.unpacker.depth() || way.disks > MAX_DISKS {
            let message = "this disk is nested deeper than is gone: it is searched as it is stored";
            self.problem(&way, Reason::OverBudget, None, message);
            return None;
        }
        let disks = match MachineDisks::open_inner(disk) {
            Ok(disks) if disks.is_disk() => disks,
            Ok(_) => return None,
            Err(error) => {
                let message = format!("{error}: it is searched as it is stored");
                self.problem(&way, error.reason, Some(error.offset), &message);
                return None;
            }
        };
        let MachineDisks { images, volumes, problems } = disks;
        let kind = images.first().map_or("raw", |image| image.kind);
        way.steps.push((ProvenanceStep::INNER_DISK, Some(kind.to_owned())));
        self.outcome.counts.opened = self.outcome.counts.opened.saturating_add(1);
        for (steps, error) in problems {
            self.error(&beneath(&way, &steps), &error);
        }
        for volume in volumes {
            if self.is_stopped() {
                break;
            }
            let way = beneath(&way, &volume.provenance);
            match volume.content {
                VolumeContent::Filesystem(filesystem) => self.filesystem(filesystem, way),
                VolumeContent::Raw { what, ranges } => {
                    if self.worker.shared.options.unallocated || what != "unpartitioned" {
                        self.ranges(&way, what, &*volume.disk, &ranges);
                    }
                }
                VolumeContent::Closed { reason, what } => {
                    self.outcome.counts.leave_out(reason, volume.disk.size());
                    self.problem(&way, reason, None, &what);
                }
            }
        }
        Some(())
    }

    fn is_stopped(&self) -> bool {
        self.worker.unpacker.stop().is_some()
    }

    /// Whether so many bytes may be read: those that are stored in the file are free.
    fn may_read(&mut self, bytes: u64) -> bool {
        let free = self.free.min(bytes);
        self.free -= free;
        self.worker.unpacker.may_read(bytes - free)
    }

    fn problem(&mut self, way: &Way, reason: Reason, offset: Option<u64>, message: &str) {
        self.outcome.problem(way.steps.clone(), reason, offset, message.to_owned());
    }

    fn error(&mut self, way: &Way, error: &DiskError) {
        self.problem(way, error.reason, Some(error.offset), &error.message);
    }

    /// Scans all files of a filesystem, then what no file uses.
    fn filesystem(&mut self, filesystem: Arc<dyn Filesystem>, way: Way) {
        let accounts = Accounts::read(&FilesystemTree::new(&*filesystem));
        let volume = Volume { filesystem, accounts, way };
        let root = volume.filesystem.root();
        let mut met = HashSet::from([root]);
        let mut waiting = vec![(Arc::new(DirNode::root()), root, 0)];
        while let Some((dir, id, skip)) = waiting.pop() {
            if self.is_stopped() {
                return;
            }
            let (mut entries, mut number) = (Vec::<(Box<[u8]>, NodeId)>::new(), 0_usize);
            let listed = volume.filesystem.list(id, &mut |entry| {
                number += 1;
                if number > skip {
                    entries.push((entry.name.into(), entry.id));
                }
                if entries.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            if let Err(error) = listed {
                self.error(&volume.member(&dir.path_of(b""), None), &error);
            } else if entries.len() >= BATCH {
                waiting.push((Arc::clone(&dir), id, number));
            }
            entries.sort_unstable();
            let mut below = Vec::new();
            for (name, id) in entries {
                if self.is_stopped() {
                    return;
                }
                let is_directory = self.entry(&volume, &dir, &name, id, &mut met);
                if is_directory {
                    below.push((Arc::new(DirNode::child(&dir, &name, false)), id, 0));
                }
            }
            waiting.extend(below.into_iter().rev());
        }
        for (error, _) in volume.filesystem.problems() {
            self.error(&volume.way, &error);
        }
        if self.worker.shared.options.unallocated {
            self.unused(&volume);
        }
    }

    /// Scans what a name stands for; whether that is a directory to enter.
    fn entry(
        &mut self,
        volume: &Volume,
        dir: &DirNode,
        name: &[u8],
        id: NodeId,
        met: &mut HashSet<NodeId>,
    ) -> bool {
        let path = dir.path_of(name);
        let stat = match volume.filesystem.stat(id) {
            Ok(stat) => stat,
            Err(error) => {
                self.refuse(volume, &path, &error, 0);
                return false;
            }
        };
        let size = stat.size.unwrap_or(0);
        let is_directory = stat.file_type == FileType::Directory;
        let walk = self.worker.shared.walk;
        let excluded = !walk.exclude.is_empty() && walk.exclude.matches(&path, is_directory);
        let reason = match stat.file_type {
            _ if excluded => Some(Reason::Excluded),
            FileType::Directory => None,
            FileType::RegularFile if stat.links > 1 && !met.insert(id) => Some(Reason::HardLink),
            FileType::RegularFile if !walk.include_test_content && is_test_content(&path) => {
                Some(Reason::TestContent)
            }
            FileType::RegularFile => None,
            FileType::Symlink => Some(Reason::SymbolicLink),
            _ => Some(Reason::SpecialFile),
        };
        if let Some(reason) = reason {
            let size = if stat.file_type == FileType::RegularFile { size } else { 0 };
            self.outcome.counts.leave_out(reason, size);
            return false;
        }
        for stream in volume.filesystem.streams(id).unwrap_or_default() {
            let path = [&*path, b":", &*stream.name].concat();
            match volume.filesystem.stream(id, &stream.name) {
                Ok(content) => self.file(volume, &path, &stat, content),
                Err(error) => self.refuse(volume, &path, &error, stream.size),
            }
        }
        if is_directory {
            let is_new = met.insert(id);
            if !is_new {
                let message = "this directory was met before: the tree leads back";
                self.refuse(volume, &path, &DiskError::corrupt(0, message), 0);
            }
            return is_new;
        }
        match volume.filesystem.content(id) {
            Ok(content) => self.file(volume, &path, &stat, content),
            Err(error) => self.refuse(volume, &path, &error, size),
        }
        false
    }

    /// Counts a file that cannot be read.
    fn refuse(&mut self, volume: &Volume, path: &[u8], error: &DiskError, size: u64) {
        self.outcome.counts.leave_out(error.reason, size);
        self.error(&volume.member(path, None), error);
    }

    fn file(&mut self, volume: &Volume, path: &[u8], stat: &FileStat, content: Content) {
        let size = content.size;
        let stored = stored_bytes(&content).min(size);
        let way = volume.member(path, Some(stat));
        if !self.may_read(stored) {
            self.outcome.cut_off(way.steps, size);
            return self.outcome.counts.leave_out(Reason::OverBudget, size);
        }
        let reader = ContentReader::owned(&*volume.filesystem, content);
        let medium = FileMedium { reader, filesystem: &volume.filesystem };
        self.content((volume, path), &way, &medium, Extent { size, stored, max_unsized: 0 });
    }

    /// Scans a content, or what is inside of it.
    fn content(&mut self, file: (&Volume, &[u8]), way: &Way, medium: &FileMedium<'_>, extent: Extent) {
        let Worker { shared, scanner, buffer, unpacker, .. } = &mut *self.worker;
        let mut sink =
            ScanSink { unpacker: Some(&**unpacker), ..ScanSink::new(scanner, shared, Collector::default()) };
        let mut outcome = read(medium, extent, buffer, &mut sink);
        let ScanSink { mut hits, mut windowed, appended, is_disk, store, .. } = sink;
        let mut understood = 0;
        if let Some(store) = store {
            let known = self.store(file, way, medium, extent.size, store);
            let Worker { shared, scanner, buffer, .. } = &mut *self.worker;
            let mut sink = ScanSink { known: Some(&known), ..ScanSink::new(scanner, shared, hits) };
            outcome = read(medium, extent, buffer, &mut sink);
            (hits, windowed) = (sink.hits, sink.windowed);
        } else if outcome.taken_over {
            if is_disk
                && let Some(disk) = medium.to_disk(extent.size)
                && self.scan(way, disk).is_some()
            {
                return;
            }
            understood = self.unpack(way, medium, (0, extent), &mut hits).min(extent.size);
            let Worker { shared, scanner, buffer, .. } = &mut *self.worker;
            let mut sink = ScanSink::new(scanner, shared, hits);
            outcome = match understood {
                0 => read(medium, extent, buffer, &mut sink),
                from if from < extent.size => read_range(medium, from..extent.size, buffer, &mut sink),
                _ => Default::default(),
            };
            (hits, windowed) = (sink.hits, sink.windowed);
        } else if let Some(start) = appended {
            self.unpack(way, medium, (start, extent), &mut hits);
        }
        if windowed && !hits.listed.is_empty() {
            hits.place_by_reading(medium, extent.stored < extent.size);
        }
        let counts = &mut self.outcome.counts;
        match outcome.gaps.first() {
            Some(gap) if outcome.scanned == 0 && understood == 0 => counts.leave_out(gap.reason, gap.length),
            _ if understood == 0 => counts.scan(outcome.scanned),
            _ => counts.bytes_scanned = counts.bytes_scanned.saturating_add(outcome.scanned),
        }
        for gap in outcome.gaps.iter().filter(|gap| gap.reason != Reason::Interrupted) {
            let why = gap.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            let message = format!("{} bytes cannot be read{why}", gap.length);
            self.problem(way, gap.reason, Some(gap.offset), &message);
        }
        self.keep(way, hits);
    }

    /// Scans the records of a store.
    fn store(
        &mut self,
        (volume, path): (&Volume, &[u8]),
        way: &Way,
        medium: &FileMedium<'_>,
        size: u64,
        store: &dyn Store,
    ) -> Known {
        let tree = FilesystemTree::new(&*volume.filesystem);
        let exclude = &self.worker.shared.walk.exclude;
        let is_scanned = |path: &[u8], _| !exclude.matches(path, false);
        let source = Source { file: medium, size, path, tree: Some(&tree), is_scanned: &is_scanned };
        let Told { hits, outcome, known } = records(self.worker, &source, store, true);
        self.outcome.take_in(&way.steps, &outcome);
        self.outcome.is_whole &= hits.unlisted.total() == 0;
        let rules = self.worker.rules();
        for found in hits.inside {
            let found = Arc::new(found.beneath(&way.steps, way.member.as_ref()));
            self.outcome.keep(Arc::clone(&found));
            self.hits.take_inside(found, rules);
        }
        self.hits.take_unlisted_inside(&hits.unlisted);
        known
    }

    /// Looks into an archive; how many bytes of it were understood.
    fn unpack(
        &mut self,
        way: &Way,
        medium: &FileMedium<'_>,
        (start, extent): (u64, Extent),
        hits: &mut Collector,
    ) -> u64 {
        let unpacker = std::rc::Rc::clone(&self.worker.unpacker);
        let file = Box::new(FileReader { medium, at: start, size: extent.size, digest: None });
        let mut inside = Inside::new(self.worker, hits, self.outcome, way);
        if start == 0 && git::begins_with(medium, seven_zip::MAGIC) {
            return unpacker.unpack_seven_zip(way.levels, &git::Medium(medium), extent.size, &mut inside);
        }
        unpacker.unpack_within(way.levels, file, u64::MAX, &mut inside)
    }

    /// Keeps what was found in a content.
    fn keep(&mut self, way: &Way, mut hits: Collector) {
        let rules = self.worker.rules();
        let inside = std::mem::take(&mut hits.inside);
        if !hits.is_empty() {
            let found = Arc::new(InsideHits::new(way.steps.clone(), way.member.clone(), hits));
            self.outcome.keep(Arc::clone(&found));
            self.hits.take_inside(found, rules);
        }
        inside.into_iter().for_each(|found| self.hits.take_inside(found, rules));
    }

    /// Scans what no file of a filesystem uses, deleted files with it, and its journal.
    fn unused(&mut self, volume: &Volume) {
        let disks = volume.filesystem.disks().to_vec();
        let journal = volume.filesystem.journal().unwrap_or_else(|error| {
            self.error(&volume.way, &error);
            Vec::new()
        });
        for (disk, range) in journal {
            if let Some(disk) = disks.get(usize::from(disk)) {
                self.ranges(&volume.way, "journal", &**disk, &[range]);
            }
        }
        let mut skip = 0;
        loop {
            let (mut ranges, mut number) = (Vec::<(u16, Range<u64>)>::new(), 0_usize);
            let told = volume.filesystem.free(&mut |disk, range| {
                number += 1;
                if number > skip {
                    ranges.push((disk, range));
                }
                if ranges.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            skip = number;
            if let Err(error) = told {
                self.error(&volume.way, &error);
            }
            let more = ranges.len() >= BATCH;
            for (disk, range) in ranges {
                if let Some(disk) = disks.get(usize::from(disk)) {
                    self.ranges(&volume.way, "unallocated", &**disk, &[range]);
                }
            }
            if !more || self.is_stopped() {
                break;
            }
        }
    }

    /// Scans ranges that are no files.
    fn ranges(&mut self, way: &Way, what: &'static str, disk: &dyn Disk, ranges: &[Range<u64>]) {
        let medium = DiskMedium(disk);
        for range in ranges {
            // Only what is stored is read, and only that counts.
            let mut at = range.start;
            while let Ok(Some((start, end))) = medium.next_data(at)
                && start < range.end
            {
                let part = start.max(at)..end.min(range.end);
                if part.is_empty() || !self.may_read(part.end - part.start) {
                    return;
                }
                at = part.end;
                self.range(way, what, &medium, part);
            }
        }
    }

    fn range(&mut self, way: &Way, what: &'static str, medium: &DiskMedium<'_>, range: Range<u64>) {
        let Worker { shared, scanner, buffer, .. } = &mut *self.worker;
        let mut sink = ScanSink::new(scanner, shared, Collector::default());
        let outcome = read_range(medium, range, buffer, &mut sink);
        let mut hits = sink.hits;
        let counts = &mut self.outcome.counts;
        counts.bytes_scanned = counts.bytes_scanned.saturating_add(outcome.scanned);
        let gap = outcome.gaps.first().filter(|gap| gap.reason != Reason::Interrupted);
        if let Some(gap) = gap {
            let message = format!("{} bytes cannot be read", gap.length);
            self.problem(way, gap.reason, Some(gap.offset), &message);
        }
        if !hits.is_empty() {
            super::without_lines(&mut hits);
            let mut way = Way { member: None, ..way.clone() };
            way.steps.push((what, Some(what.to_owned())));
            self.keep(&way, hits);
        }
    }
}

impl Volume {
    /// The way to a file.
    fn member(&self, path: &[u8], stat: Option<&FileStat>) -> Way {
        let mut way = self.way.clone();
        way.steps.push((ProvenanceStep::MEMBER, Some(text(path))));
        way.member = stat.map(|stat| MemberFacts {
            size: stat.size,
            mode: Some(format!("{:04o}", stat.permissions)),
            uid: Some(stat.uid.into()),
            gid: Some(stat.gid.into()),
            owner: self.accounts.user(stat.uid).map(str::to_owned),
            group: self.accounts.group(stat.gid).map(str::to_owned),
            mtime: stat.mtime.and_then(|(seconds, nanoseconds)| Timestamp::from_unix(seconds, nanoseconds)),
        });
        way
    }
}

/// The way to a volume.
fn beneath(way: &Way, steps: &[ProvenanceStep]) -> Way {
    let step = |step: &ProvenanceStep| -> InsideStep {
        let kind = match step.kind.as_str() {
            "partition" => "partition",
            "raid" => "raid",
            "lvm" => "lvm",
            "filesystem" => "filesystem",
            _ => "volume",
        };
        (kind, Some(step.name.clone()))
    };
    let steps = way.steps.iter().cloned().chain(steps.iter().map(step)).collect();
    Way { steps, ..way.clone() }
}
