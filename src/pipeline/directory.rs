//! The files of a mounted directory, or one file: what a thread does with what the
//! walk gives it.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::fs::FileType;
use rustix::io::Errno;

use super::measure::Stage;
use super::worker::{Shared, Siblings, Worker};
use crate::finding::Reason;
use crate::source::FileStat;
use crate::source::content::{Extent, FileContent};
use crate::source::directory::{OpenDir, Root, Visitor, open_problem};

/// The most bytes that are read of a file that says it has none (a filesystem
/// that makes content up), in bytes; and of any file of a pseudo filesystem.
const MAX_UNSIZED: u64 = 64 << 20;
const MAX_PSEUDO: u64 = 1 << 20;

/// Scans the files that a walk meets.
pub(super) struct FileVisitor<'s> {
    worker: Worker<'s>,
    root: &'s Root,
}

impl<'s> FileVisitor<'s> {
    pub(super) fn new(shared: &'s Shared<'s>, root: &'s Root, target: u32) -> Self {
        let siblings = Some(Siblings { tree: root, are_scanned: true });
        let mut worker = Worker::new(shared, target);
        worker.siblings = siblings;
        Self { worker, root }
    }

    fn scan_file(&mut self, dir: &OpenDir, name: &CStr) -> Result<(), (Reason, u64, Option<String>)> {
        let opened = self.root.open_file(dir.fd(), name).map_err(|errno| match errno {
            // A FIFO without a writer, a socket: the name changed its meaning.
            Errno::NXIO => (Reason::SpecialFile, 0, None),
            errno => {
                let (reason, message) = open_problem(errno);
                (reason, 0, Some(message))
            }
        })?;
        let stat =
            FileStat::of(&opened.fd).map_err(|errno| (Reason::Unreadable, 0, Some(errno.to_string())))?;
        match stat.file_type {
            FileType::RegularFile => {}
            FileType::Directory => {
                let (reason, message) = open_problem(Errno::NOTDIR);
                return Err((reason, 0, Some(message)));
            }
            _ => return Err((Reason::SpecialFile, 0, None)),
        }
        let Some(size) = stat.size else {
            return Err((Reason::Corrupt, 0, Some("the filesystem gives a negative size".into())));
        };
        if self.worker.shared.options.max_file_size.is_some_and(|max| size > max) {
            return Err((Reason::OverBudget, size, None));
        }
        let path = || dir.node().path_of(name.to_bytes());
        if !self.worker.is_first_name(&stat, path) {
            return Err((Reason::HardLink, size, None));
        }
        if !opened.access_time_kept {
            self.worker.access_times_not_kept += 1;
        }
        if self.worker.shared.measure.stage == Stage::Open {
            self.worker.coverage.scan_file(0);
            return Ok(());
        }
        let mut extent = Extent { size, stored: stat.stored, max_unsized: MAX_UNSIZED };
        let mut capped = 0;
        if self.root.is_pseudo() {
            extent.max_unsized = MAX_PSEUDO;
            capped = size.saturating_sub(MAX_PSEUDO);
            extent.size = size.min(MAX_PSEUDO);
        }
        let hits = self.worker.scan(&path, &FileContent(opened.fd.as_fd()), extent);
        if capped > 0 {
            self.worker.coverage.leave_out_bytes(Reason::OverBudget, capped);
        }
        let linked = (stat.links > 1).then_some(&stat);
        self.worker.keep(&path, hits, linked, false, || {
            Some(FileStat { btime: FileStat::made(&opened.fd), ..stat })
        });
        Ok(())
    }
}

impl Visitor for FileVisitor<'_> {
    fn directory(&mut self) {
        self.worker.coverage.directories += 1;
    }

    fn file(&mut self, dir: &OpenDir, name: &CStr) {
        if self.worker.shared.measure.stage == Stage::Walk {
            return self.worker.coverage.scan_file(0);
        }
        if let Err((reason, bytes, message)) = self.scan_file(dir, name) {
            self.worker.coverage.leave_out_file(reason, bytes);
            self.worker.cut_off(&|| dir.node().path_of(name.to_bytes()), &[], bytes, reason);
            if let Some(message) = message {
                self.worker.add_problem(dir.node().path_of(name.to_bytes()), reason, None, message);
            }
        }
        self.worker.one_more_file();
    }

    fn left_out(&mut self, reason: Reason, bytes: u64) {
        self.worker.coverage.leave_out_file(reason, bytes);
        self.worker.one_more_file();
    }

    fn problem(&mut self, path: Vec<u8>, reason: Reason, message: String) {
        self.worker.add_problem(path, reason, None, message);
    }

    fn should_stop(&self) -> bool {
        self.worker.should_stop()
    }
}

/// Scans a target that is one file.
pub(super) fn scan_single(parent: &Root, name: &CStr, target: u32, shared: &Shared<'_>) {
    let mut visitor = FileVisitor::new(shared, parent, target);
    visitor.worker.siblings = Some(Siblings { tree: parent, are_scanned: false });
    match OpenDir::of_root(parent) {
        Ok(dir) => visitor.file(&dir, name),
        Err(errno) => {
            visitor.left_out(Reason::Unreadable, 0);
            let path = [b"/", name.to_bytes()].concat();
            visitor.problem(path, Reason::Unreadable, std::io::Error::from(errno).to_string());
        }
    }
}
