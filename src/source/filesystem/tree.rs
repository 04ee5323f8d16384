//! The files of a filesystem by their paths.

use std::collections::{HashMap, VecDeque};
use std::ffi::CStr;
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::FileType;
use rustix::io::Errno;

use super::{ContentReader, Filesystem, NodeId};
use crate::finding::Reason;
use crate::source::directory::Resolved;
use crate::source::disk::DiskError;
use crate::source::tree::{FileBytes, Tree, TreeFile};

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;
/// The most names on the way.
const MAX_NAMES: usize = 4096;
/// Names of directories that are kept, in all: some 50 bytes each.
const MAX_KEPT: usize = 1 << 20;

/// A directory's names.
type Names = Arc<HashMap<Box<[u8]>, NodeId>>;

/// A filesystem as a tree to look things up in. Directories that were asked for
/// are kept, so that a thousand homes cost one reading of `/home`.
#[derive(Debug)]
pub struct FilesystemTree<'f> {
    filesystem: &'f dyn Filesystem,
    kept: Mutex<(HashMap<NodeId, Names>, usize)>,
}

impl<'f> FilesystemTree<'f> {
    /// What it is the tree of.
    #[must_use]
    pub fn filesystem(&self) -> &'f dyn Filesystem {
        self.filesystem
    }

    /// The tree of a filesystem.
    #[must_use]
    pub fn new(filesystem: &'f dyn Filesystem) -> Self {
        Self { filesystem, kept: Mutex::default() }
    }

    fn names(&self, dir: NodeId) -> Result<Names, Errno> {
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = lock().0.get(&dir) {
            return Ok(Arc::clone(names));
        }
        let mut names = HashMap::new();
        let listed = self.filesystem.list(dir, &mut |entry| {
            names.entry(entry.name.into()).or_insert(entry.id);
            ControlFlow::Continue(())
        });
        let names = Arc::new(names);
        if let Err(error) = listed {
            // What can be read of a damaged directory is better than nothing, and
            // nothing is not an empty directory.
            return if names.is_empty() { Err(errno(&error)) } else { Ok(names) };
        }
        let mut kept = lock();
        if kept.1.saturating_add(names.len()) > MAX_KEPT {
            *kept = Default::default();
        }
        kept.1 += names.len();
        kept.0.insert(dir, Arc::clone(&names));
        Ok(names)
    }

    /// Follows a path; the last element is what it names. With `links` false, any
    /// link on the way is an error.
    fn walk(&self, path: &[u8], links: bool) -> Result<(NodeId, Resolved), Errno> {
        let root = self.filesystem.root();
        let stat = |id| self.filesystem.stat(id).map_err(|error| errno(&error));
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut ids = vec![root];
        let mut stats = vec![stat(root)?];
        let mut passed = Vec::new();
        let mut followed = 0;
        let split =
            |path: &[u8]| -> Vec<Vec<u8>> { path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect() };
        let mut rest: VecDeque<Vec<u8>> = split(path).into();
        while let Some(name) = rest.pop_front() {
            match name.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    if names.pop().is_some() {
                        ids.pop();
                        passed.extend(stats.pop());
                    }
                    continue;
                }
                _ => {}
            }
            if names.len() > MAX_NAMES || rest.len() > MAX_NAMES {
                return Err(Errno::NAMETOOLONG);
            }
            let here = *ids.last().ok_or(Errno::NOENT)?;
            if stats.last().is_none_or(|stat| stat.file_type != FileType::Directory) {
                return Err(Errno::NOTDIR);
            }
            let id = *self.names(here)?.get(name.as_slice()).ok_or(Errno::NOENT)?;
            let found = stat(id)?;
            if found.file_type != FileType::Symlink {
                names.push(name);
                ids.push(id);
                stats.push(found);
                continue;
            }
            followed += 1;
            if followed > MAX_LINKS || !links {
                return Err(Errno::LOOP);
            }
            let target = self.filesystem.link_target(id).map_err(|error| errno(&error))?;
            if target.starts_with(b"/") {
                names.clear();
                ids.truncate(1);
                passed.extend(stats.drain(1..));
            }
            for name in split(&target).into_iter().rev() {
                rest.push_front(name);
            }
        }
        let mut path = Vec::new();
        for name in &names {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        let id = ids.last().copied().unwrap_or(root);
        Ok((id, Resolved { path, stats, passed }))
    }

    /// What a path names, no link followed.
    ///
    /// # Errors
    ///
    /// There is nothing, or a link on the way.
    pub fn find(&self, path: &[u8]) -> Result<NodeId, Errno> {
        // The last name itself may be a link.
        let cut = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        let (above, name) = path.split_at(cut);
        let (dir, _) = self.walk(above, false)?;
        if name.is_empty() {
            return Ok(dir);
        }
        self.names(dir)?.get(name).copied().ok_or(Errno::NOENT)
    }

    fn open(&self, path: &CStr, links: bool) -> Result<TreeFile<'_>, Errno> {
        let (id, resolved) = self.walk(path.to_bytes(), links)?;
        let stat = *resolved.last().ok_or(Errno::NOENT)?;
        if stat.file_type != FileType::RegularFile {
            return Err(Errno::INVAL);
        }
        let content = self.filesystem.content(id).map_err(|error| errno(&error))?;
        Ok(TreeFile::new(stat, Box::new(ContentReader::owned(self.filesystem, content))))
    }
}

impl Tree for FilesystemTree<'_> {
    fn open_beneath(&self, path: &CStr) -> Result<TreeFile<'_>, Errno> {
        self.open(path, true)
    }

    fn open_met(&self, path: &CStr) -> Result<TreeFile<'_>, Errno> {
        self.open(path, false)
    }

    fn list_beneath(&self, path: &CStr, max: usize) -> Result<Vec<Vec<u8>>, Errno> {
        let (id, resolved) = self.walk(path.to_bytes(), true)?;
        if resolved.last().is_none_or(|stat| stat.file_type != FileType::Directory) {
            return Err(Errno::NOTDIR);
        }
        let mut names: Vec<Vec<u8>> = self.names(id)?.keys().map(|name| name.to_vec()).collect();
        names.sort();
        names.truncate(max);
        Ok(names)
    }

    fn resolve(&self, path: &[u8]) -> Result<Resolved, Errno> {
        Ok(self.walk(path, true)?.1)
    }
}

/// The nearest thing that the kernel would say.
fn errno(error: &DiskError) -> Errno {
    match error.reason {
        Reason::Encrypted => Errno::NOKEY,
        Reason::Unsupported => Errno::OPNOTSUPP,
        _ => Errno::IO,
    }
}

impl FileBytes for ContentReader<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_at(bytes, offset).map_err(|error| io::Error::other(error.message))
    }
}
