//! Where a path in the target leads, as the target's own machine would see it:
//! every link followed inside the target, the owner and mode of each directory on
//! the way.

use std::collections::VecDeque;
use std::ffi::CString;
use std::os::fd::OwnedFd;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, openat, openat2, readlinkat};
use rustix::io::Errno;

use super::super::stat::FileStat;
use super::root::Root;

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;
/// The most names on the way.
const MAX_NAMES: usize = 4096;

/// Where a path leads.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The path without links, `/` first.
    pub path: Vec<u8>,
    /// The root, each directory below it, and what the path names.
    pub stats: Vec<FileStat>,
    /// Directories that links led through and that the path has not.
    pub passed: Vec<FileStat>,
}

impl Resolved {
    /// What the path names.
    #[must_use]
    pub fn last(&self) -> Option<&FileStat> {
        self.stats.last()
    }

    /// How deep it lies: 0 for the root itself.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.stats.len().saturating_sub(1)
    }
}

impl Root {
    /// Follows a path from the root; `..` at the root stays there.
    ///
    /// # Errors
    ///
    /// What the system says: there is nothing, or too many links.
    pub fn resolve(&self, path: &[u8]) -> Result<Resolved, Errno> {
        let root = FileStat::of(self.fd())?;
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut stats = vec![root];
        let mut passed = Vec::new();
        let mut links = 0;
        let split =
            |path: &[u8]| -> Vec<Vec<u8>> { path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect() };
        let mut rest: VecDeque<Vec<u8>> = split(path).into();
        while let Some(name) = rest.pop_front() {
            match name.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    if names.pop().is_some() {
                        passed.extend(stats.pop());
                    }
                    continue;
                }
                _ => names.push(name),
            }
            if names.len() > MAX_NAMES || rest.len() > MAX_NAMES {
                return Err(Errno::NAMETOOLONG);
            }
            let here = CString::new(names.join(&b'/')).map_err(|_| Errno::INVAL)?;
            let fd = self.open_path(&here)?;
            let stat = FileStat::of(&fd)?;
            if stat.file_type != FileType::Symlink {
                stats.push(stat);
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP);
            }
            names.pop();
            let target = readlinkat(&fd, c"", Vec::new())?;
            let target = target.to_bytes();
            if target.starts_with(b"/") {
                names.clear();
                passed.extend(stats.drain(1..));
            }
            for name in split(target).into_iter().rev() {
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
        Ok(Resolved { path, stats, passed })
    }

    /// A handle of what a path without links names, which cannot be read through.
    fn open_path(&self, path: &CString) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // The last name may be a link; those before it are directories by now.
        match openat2(self.fd(), path.as_c_str(), flags, Mode::empty(), ResolveFlags::BENEATH) {
            Err(Errno::NOSYS) => openat(self.fd(), path.as_c_str(), flags, Mode::empty()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use crate::source::{Snapshot, SnapshotKind};

    #[test]
    fn links_stay_inside_and_loops_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |path: &str| dir.path().join(path);
        std::fs::create_dir_all(at("home/ana/.ssh")).expect("a directory");
        std::fs::create_dir_all(at("etc")).expect("a directory");
        std::fs::write(at("etc/passwd"), "x").expect("a file");
        symlink("/etc", at("home/ana/absolute")).expect("a link");
        symlink("../../../../../../../etc", at("home/ana/up")).expect("a link");
        symlink("loop", at("loop")).expect("a link");
        let snapshot = Snapshot::open(dir.path()).expect("a snapshot");
        let SnapshotKind::Directory(root) = snapshot.kind() else { panic!("a directory") };
        for path in
            ["/home/ana/absolute/passwd", "home//ana/./up/passwd", "/../etc/passwd", "etc/../etc/passwd"]
        {
            let resolved = root.resolve(path.as_bytes()).expect(path);
            assert_eq!(resolved.path, b"/etc/passwd", "{path}");
            assert_eq!((resolved.depth(), resolved.last().and_then(|stat| stat.size)), (2, Some(1)));
        }
        assert_eq!(root.resolve(b"/loop").unwrap_err(), rustix::io::Errno::LOOP);
        assert_eq!(root.resolve(b"/etc/none").unwrap_err(), rustix::io::Errno::NOENT);
        assert_eq!(root.resolve(b"/").expect("the root").path, b"/");
    }
}
