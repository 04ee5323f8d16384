//! Reading files of the snapshot within limits, and counting what went wrong.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io::Read as _;

use rustix::io::Errno;

use crate::finding::FactProblem;
use crate::source::{FileStat, Tree, TreeFile};

/// The most bytes that are read for all facts of one machine together.
const MAX_TOTAL: usize = 512 << 20;
/// The most names that are listed of one directory, and of all together.
const MAX_LISTED: usize = 4096;
const MAX_NAMES: usize = 1 << 20;
/// The most different problems that are kept.
const MAX_PROBLEMS: usize = 1000;

/// What came of reading a file.
#[derive(Debug)]
pub(super) enum Content {
    /// There is none.
    Missing,
    /// It is there, and cannot be read.
    Unreadable,
    /// Its beginning: it is larger than the limit.
    Part(Vec<u8>, FileStat),
    /// All of it.
    Whole(Vec<u8>, FileStat),
}

impl Content {
    /// What was read, if anything.
    pub(super) fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Part(bytes, _) | Self::Whole(bytes, _) => Some(bytes),
            Self::Missing | Self::Unreadable => None,
        }
    }
}

/// Reads files of one machine.
#[derive(Debug)]
pub(super) struct Reader<'r> {
    pub(super) root: &'r dyn Tree,
    left: usize,
    /// How many more names of directories are listed.
    names_left: usize,
    /// A list of names was cut short: what depends on all of them is not known.
    pub(super) cut: bool,
    problems: BTreeMap<(String, String), u64>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(root: &'r dyn Tree) -> Self {
        Self { root, left: MAX_TOTAL, names_left: MAX_NAMES, cut: false, problems: BTreeMap::new() }
    }

    /// Opens a file, links followed inside the snapshot.
    pub(super) fn open(&self, path: &[u8]) -> Result<TreeFile<'r>, Errno> {
        let path = CString::new(path).map_err(|_| Errno::NOENT)?;
        self.root.open_beneath(&path)
    }

    /// Reads a file, links followed inside the snapshot; at most `max` bytes.
    pub(super) fn file(&mut self, path: &[u8], max: usize) -> Content {
        let Ok(c_path) = CString::new(path) else { return Content::Missing };
        let opened = self.root.open_beneath(&c_path);
        let file = match opened {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR) => return Content::Missing,
            Err(errno) => {
                self.problem(path, &format!("it cannot be read: {}", std::io::Error::from(errno)));
                return Content::Unreadable;
            }
        };
        let limit = max.min(self.left);
        let mut bytes = Vec::new();
        let take = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let stat = file.stat;
        if file.take(take).read_to_end(&mut bytes).is_err() {
            self.problem(path, "it cannot be read");
            return Content::Unreadable;
        }
        self.left = self.left.saturating_sub(bytes.len());
        if bytes.len() > limit {
            bytes.truncate(limit);
            self.problem(path, "it is larger than what is read of such a file");
            return Content::Part(bytes, stat);
        }
        Content::Whole(bytes, stat)
    }

    /// Reads a small text file; its first line without blanks around it.
    pub(super) fn first_line(&mut self, path: &str) -> Option<String> {
        let bytes = self.file(path.as_bytes(), 64 << 10).bytes()?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let text = std::str::from_utf8(line).ok()?.trim();
        (!text.is_empty() && text.len() <= 256).then(|| text.to_owned())
    }

    /// The names in a directory, in order; none where there is no such directory.
    pub(super) fn list(&mut self, path: &[u8]) -> Vec<Vec<u8>> {
        let Ok(c_path) = CString::new(path) else { return Vec::new() };
        let max = MAX_LISTED.min(self.names_left);
        let names = self.root.list_beneath(&c_path, max).unwrap_or_default();
        self.names_left = self.names_left.saturating_sub(names.len());
        if names.len() >= max {
            self.cut = true;
            self.problem(path, "the directory has more entries than are read");
        }
        names
    }

    /// Whether there is something at a path.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.root.resolve(path.as_bytes()).is_ok()
    }

    /// Counts a problem.
    pub(super) fn problem(&mut self, path: &[u8], message: &str) {
        let path = format!("/{}", String::from_utf8_lossy(path).trim_start_matches('/'));
        let key = (path, message.to_owned());
        if self.problems.len() < MAX_PROBLEMS || self.problems.contains_key(&key) {
            *self.problems.entry(key).or_default() += 1;
        }
    }

    /// All problems, in order.
    pub(super) fn into_problems(self) -> Vec<FactProblem> {
        let problem = |((path, message), count)| FactProblem { path, message, count };
        self.problems.into_iter().map(problem).collect()
    }
}
