//! The walk: every entry below a root, once, each given to a visitor of the
//! thread that met it.
//!
//! Depth first without recursion. A directory is listed through its own handle;
//! files are visited while it is being listed, so that a directory of any size
//! needs the memory of one listing buffer, and listing pauses when too many
//! subdirectories wait. Handles of directories whose subdirectories wait are kept
//! up to a budget; beyond it those are opened again by their names.

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;

use super::super::exclude::Exclude;
use super::super::{test_content, worth};
use super::node::{DirNode, HandleCount, OpenDir};
use super::queue::{EndOnPanic, Queue};
use super::root::{Refused, Root, entry_type, is_regular};
use crate::finding::Reason;

/// Bytes of directory entries read at a time.
const LISTING: usize = 32 << 10;
/// Listing a directory pauses when this many of its subdirectories wait.
const MAX_WAITING: usize = 1024;
/// So many files of one directory are given to another thread at a time.
const BATCH: usize = 32;
/// Descriptors that the process needs besides those of the walk.
const RESERVED_DESCRIPTORS: usize = 8;
/// Descriptors that a thread needs: the directory it lists, one that it opens,
/// a file, and one in between.
const DESCRIPTORS_PER_THREAD: usize = 4;

/// What a walk leaves out.
#[derive(Clone, Debug)]
pub struct WalkOptions {
    /// Enter other filesystems that are mounted below the target. Never entered
    /// are those that show state of the kernel, bind mounts of the target's own
    /// filesystem, and a filesystem for the second time.
    pub cross_filesystems: bool,
    /// Read directories of test content too.
    pub include_test_content: bool,
    /// Globs of what to leave out.
    pub exclude: Exclude,
    /// Enter what can wait (see [`worth`]) only when the rest is through.
    pub by_worth: bool,
}

/// What a thread does with what the walk meets.
pub trait Visitor {
    /// A directory was entered.
    fn directory(&mut self);
    /// A regular file, by what its directory says: it must be asked again after
    /// it was opened.
    fn file(&mut self, dir: &OpenDir, name: &CStr);
    /// An entry was left out as a whole.
    fn left_out(&mut self, reason: Reason, bytes: u64);
    /// Something could not be read; it has also been counted by `left_out`.
    fn problem(&mut self, path: Vec<u8>, reason: Reason, message: String);
    /// Whether the scan is to end soon.
    fn should_stop(&self) -> bool;
}

/// A directory that waits to be entered.
enum Parent {
    Open(Arc<OpenDir>),
    /// Too many handles were open: to be opened again by its names.
    Closed(Arc<DirNode>),
}

enum Task {
    Root,
    Directory {
        parent: Parent,
        name: CString,
        test_content: bool,
    },
    /// A directory of which the listing was paused; its handle knows the place.
    Rest(Arc<OpenDir>),
    Files {
        dir: Arc<OpenDir>,
        names: Vec<CString>,
    },
}

/// A walk that any number of threads can work on.
pub struct Walker<'r> {
    root: &'r Root,
    options: WalkOptions,
    context: Vec<Vec<u8>>,
    queue: Queue<Task>,
    /// Directories that wait until all others are through; none: nothing waits any more.
    later: Mutex<Option<Vec<Task>>>,
    handles: Arc<HandleCount>,
}

impl std::fmt::Debug for Walker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walker").field("options", &self.options).finish_non_exhaustive()
    }
}

/// What one thread has at hand while it walks.
struct Hands<'t, V> {
    visitor: &'t mut V,
    own: VecDeque<Task>,
    batch: Vec<CString>,
}

impl<'r> Walker<'r> {
    /// A walk below `root` for exactly `threads` threads. `outside` is the path of
    /// the target on this machine: its names tell where test content may be.
    #[must_use]
    pub fn new(root: &'r Root, outside: &std::path::Path, options: WalkOptions, threads: usize) -> Self {
        let spare =
            descriptor_limit().saturating_sub(RESERVED_DESCRIPTORS + threads * DESCRIPTORS_PER_THREAD);
        Self {
            root,
            context: test_content::context_of(outside),
            queue: Queue::new([Task::Root], threads),
            later: Mutex::new(options.by_worth.then(Vec::new)),
            handles: Arc::new(HandleCount::new((spare / 2).min(1024))),
            options,
        }
    }

    /// Whether directories have waited, which all threads are to go through now.
    #[must_use]
    pub fn has_more(&mut self, threads: usize) -> bool {
        let later = self.later.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(tasks) = later.filter(|tasks| !tasks.is_empty()) else { return false };
        self.queue = Queue::new(tasks, threads);
        true
    }

    /// Puts a directory off, where it can wait and something comes before it.
    fn puts_off(&self, dir: &OpenDir, name: &CStr, test_content: bool) -> bool {
        let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tasks) = later.as_mut().filter(|_| worth::can_wait(&dir.node().path_of(name.to_bytes())))
        else {
            return false;
        };
        let parent = Parent::Closed(Arc::clone(dir.node()));
        tasks.push(Task::Directory { parent, name: name.to_owned(), test_content });
        true
    }

    /// How many threads the limit of open descriptors allows.
    #[must_use]
    pub fn max_threads() -> usize {
        (descriptor_limit().saturating_sub(RESERVED_DESCRIPTORS) / DESCRIPTORS_PER_THREAD).max(1)
    }

    /// Works until the whole walk is done. Must be called by each of the threads.
    pub fn work<V: Visitor>(&self, visitor: &mut V) {
        let _guard = EndOnPanic(&self.queue);
        let mut hands = Hands { visitor, own: VecDeque::new(), batch: Vec::new() };
        let mut listing = vec![MaybeUninit::uninit(); LISTING];
        while let Some(task) = hands.own.pop_back().or_else(|| self.queue.take()) {
            if hands.visitor.should_stop() {
                abandon(&task, hands.visitor);
                continue;
            }
            self.run(task, &mut hands, &mut listing);
            self.queue.share(&mut hands.own);
        }
    }

    fn run<V: Visitor>(&self, task: Task, hands: &mut Hands<'_, V>, listing: &mut [MaybeUninit<u8>]) {
        match task {
            Task::Root => {
                let node = Arc::new(DirNode::root());
                match self.root.open_self() {
                    Ok(fd) => self.enter(fd, node, hands, listing),
                    Err(errno) => not_entered(&node, b"", errno.into(), hands.visitor),
                }
            }
            Task::Directory { parent, name, test_content } => {
                let (opened, node) = match parent {
                    Parent::Open(dir) => (self.open(&dir, &name), Arc::clone(dir.node())),
                    Parent::Closed(node) => {
                        let opened = self.root.reopen(&node).map_err(Refused::from);
                        let opened = opened.and_then(|fd| {
                            self.open(&Arc::new(OpenDir::new(fd, Arc::clone(&node), &self.handles)), &name)
                        });
                        (opened, node)
                    }
                };
                match opened {
                    Ok(fd) => {
                        let node = Arc::new(DirNode::child(&node, name.to_bytes(), test_content));
                        self.enter(fd, node, hands, listing);
                    }
                    Err(refused) => not_entered(&node, name.to_bytes(), refused, hands.visitor),
                }
            }
            Task::Rest(dir) => self.list(&dir, hands, listing),
            Task::Files { dir, names } => {
                for name in &names {
                    if hands.visitor.should_stop() {
                        hands.visitor.left_out(Reason::Interrupted, 0);
                    } else {
                        hands.visitor.file(&dir, name);
                    }
                }
            }
        }
    }

    fn is_test_directory(&self, dir: &OpenDir, name: &CStr) -> bool {
        let name = name.to_bytes();
        test_content::is_candidate(name)
            && test_content::is_test_directory(&self.context, &dir.node().components(), name, |sibling| {
                entry_type(dir.fd(), sibling).is_ok()
            })
    }

    fn open(&self, dir: &OpenDir, name: &CStr) -> Result<OwnedFd, Refused> {
        self.root.open_dir(dir.fd(), name, self.options.cross_filesystems)
    }

    fn enter<V: Visitor>(
        &self,
        fd: OwnedFd,
        node: Arc<DirNode>,
        hands: &mut Hands<'_, V>,
        listing: &mut [MaybeUninit<u8>],
    ) {
        hands.visitor.directory();
        let dir = Arc::new(OpenDir::new(fd, node, &self.handles));
        self.list(&dir, hands, listing);
    }

    /// Lists a directory from where its handle stands.
    fn list<V: Visitor>(
        &self,
        dir: &Arc<OpenDir>,
        hands: &mut Hands<'_, V>,
        listing: &mut [MaybeUninit<u8>],
    ) {
        let mut entries = RawDir::new(dir.fd(), listing);
        let mut below = hands.own.len();
        let mut met = 0_usize;
        loop {
            if entries.is_buffer_empty() {
                let waiting = hands.own.len().saturating_sub(below);
                if waiting >= MAX_WAITING {
                    hands.own.insert(below, Task::Rest(Arc::clone(dir)));
                    break;
                }
                if self.queue.is_wanted() {
                    let before = hands.own.len();
                    self.queue.share(&mut hands.own);
                    below = below.saturating_sub(before - hands.own.len());
                }
            }
            let entry = match entries.next() {
                None => break,
                Some(Err(Errno::INTR)) => continue,
                // The directory was removed meanwhile: nothing is in it.
                Some(Err(Errno::NOENT)) => break,
                Some(Err(errno)) => {
                    not_entered(dir.node(), b"", Refused::Error(errno), hands.visitor);
                    break;
                }
                Some(Ok(entry)) => entry,
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if hands.visitor.should_stop() {
                hands.visitor.left_out(Reason::Interrupted, 0);
                continue;
            }
            met += 1;
            self.entry(dir, name, entry.file_type(), met, hands);
        }
        for name in std::mem::take(&mut hands.batch) {
            hands.visitor.file(dir, &name);
        }
    }

    fn entry<V: Visitor>(
        &self,
        dir: &Arc<OpenDir>,
        name: &CStr,
        file_type: FileType,
        met: usize,
        hands: &mut Hands<'_, V>,
    ) {
        let file_type = match file_type {
            FileType::Unknown => match entry_type(dir.fd(), name) {
                Ok(stat) => stat.file_type,
                Err(errno) => return not_entered(dir.node(), name.to_bytes(), errno.into(), hands.visitor),
            },
            known => known,
        };
        if !self.options.exclude.is_empty() {
            let path = dir.node().path_of(name.to_bytes());
            if self.options.exclude.matches(&path, file_type == FileType::Directory) {
                return hands.visitor.left_out(Reason::Excluded, size_of(dir, name, file_type));
            }
        }
        match file_type {
            FileType::RegularFile if dir.node().is_test_content() => {
                hands.visitor.left_out(Reason::TestContent, size_of(dir, name, file_type));
            }
            FileType::RegularFile if met > BATCH && self.queue.is_wanted() => {
                hands.batch.push(name.to_owned());
                if hands.batch.len() >= BATCH {
                    let names = std::mem::take(&mut hands.batch);
                    self.queue.give(Task::Files { dir: Arc::clone(dir), names });
                }
            }
            FileType::RegularFile => hands.visitor.file(dir, name),
            FileType::Directory => {
                let test_content = !self.options.include_test_content
                    && (dir.node().is_test_content() || self.is_test_directory(dir, name));
                if self.options.by_worth && self.puts_off(dir, name, test_content) {
                    return;
                }
                let parent = if self.handles.is_over_budget() {
                    Parent::Closed(Arc::clone(dir.node()))
                } else {
                    Parent::Open(Arc::clone(dir))
                };
                hands.own.push_back(Task::Directory { parent, name: name.to_owned(), test_content });
            }
            FileType::Symlink => hands.visitor.left_out(Reason::SymbolicLink, 0),
            _ => hands.visitor.left_out(Reason::SpecialFile, 0),
        }
    }
}

/// The size of a file that is left out; 0 for anything that has no content.
fn size_of(dir: &OpenDir, name: &CStr, file_type: FileType) -> u64 {
    if file_type != FileType::RegularFile {
        return 0;
    }
    entry_type(dir.fd(), name).ok().filter(is_regular).and_then(|stat| stat.size).unwrap_or(0)
}

/// Counts what will not be reached because the scan was stopped.
fn abandon<V: Visitor>(task: &Task, visitor: &mut V) {
    let entries = match task {
        Task::Files { names, .. } => names.len(),
        Task::Root | Task::Directory { .. } | Task::Rest(_) => 1,
    };
    for _ in 0..entries {
        visitor.left_out(Reason::Interrupted, 0);
    }
}

/// Counts a directory (or an entry of unknown type) that was not entered.
fn not_entered<V: Visitor>(node: &DirNode, name: &[u8], refused: Refused, visitor: &mut V) {
    let (reason, message) = match refused {
        Refused::OtherFilesystem => return visitor.left_out(Reason::OtherFilesystem, 0),
        Refused::Error(errno) => open_problem(errno),
    };
    visitor.left_out(reason, 0);
    visitor.problem(node.path_of(name), reason, message);
}

/// What an error of an `open` means: the reason, and a message that says what to do.
#[must_use]
pub fn open_problem(errno: Errno) -> (Reason, String) {
    let system = std::io::Error::from(errno);
    match errno {
        Errno::NOENT => (Reason::ChangedWhileRead, "was gone when it was to be opened".into()),
        Errno::LOOP | Errno::NOTDIR => {
            (Reason::ChangedWhileRead, "was replaced by something else before it was opened".into())
        }
        Errno::ACCESS | Errno::PERM => {
            (Reason::Unreadable, "permission denied; run as its owner or as root".into())
        }
        Errno::MFILE | Errno::NFILE => {
            (Reason::Unreadable, format!("{system}; raise the limit of open files (ulimit -n)"))
        }
        _ => (Reason::Unreadable, format!("cannot be opened: {system}")),
    }
}

/// The limit of open descriptors of this process.
fn descriptor_limit() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}
