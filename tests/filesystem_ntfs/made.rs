//! Images made by the real tools, and looking into them.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustix::fs::XattrFlags;
use snapsift::source::disk::{Disk, DiskResult, FileDisk};
use snapsift::source::filesystem::ntfs::{self, Ntfs};
use snapsift::source::filesystem::{Content, ContentReader, Filesystem, NodeId};

use crate::support::filesystem::{Mount, image, run, text};

/// An image with its folder, which lives as long.
pub(crate) struct Made {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) image: PathBuf,
}

impl Made {
    pub(crate) fn new(size: u64, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("image");
        image(&path, size);
        let mut arguments = vec!["-f", "-F", "-q"];
        arguments.extend(options);
        arguments.push(text(&path));
        run("mkfs.ntfs", &arguments);
        Self { image: path, folder }
    }

    pub(crate) fn mount(&self, options: &str) -> Mount {
        Mount::new(&self.image, &self.folder.path().join("mount"), options)
    }

    pub(crate) fn open(&self) -> Ntfs {
        let file = std::fs::File::open(&self.image).expect("an image");
        let size = file.metadata().expect("a size").len();
        let disk: Arc<dyn Disk> = Arc::new(FileDisk::new(file, size));
        assert!(ntfs::detect(&*disk));
        ntfs::open(disk).expect("a filesystem")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.image).expect("an image")
    }

    /// What a tool says about the image.
    pub(crate) fn tool(&self, program: &str, arguments: &[&str]) -> Vec<u8> {
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let output = Command::new(program).args(arguments).arg(&self.image).env("PATH", path).output();
        output.expect("the tool runs").stdout
    }
}

pub(crate) fn set_attributes(path: &Path, flags: u32) {
    rustix::fs::setxattr(path, "system.ntfs_attrib_be", &flags.to_be_bytes(), XattrFlags::empty())
        .expect("attributes are set");
}

pub(crate) fn find(fs: &Ntfs, path: &str) -> NodeId {
    let mut at = fs.root();
    for name in path.split('/') {
        let mut found = None;
        let _ = fs.list(at, &mut |entry| {
            if entry.name == name.as_bytes() {
                found = Some(entry.id);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        at = found.unwrap_or_else(|| panic!("{path}: {name} is not there"));
    }
    at
}

pub(crate) fn read(fs: &Ntfs, content: &Content) -> DiskResult<Vec<u8>> {
    let reader = ContentReader::new(fs, content);
    let mut all = Vec::new();
    let mut buffer = vec![0; 70_001];
    while all.len() < usize::try_from(content.size).expect("a size that fits") {
        let filled = reader.read_at(&mut buffer, all.len() as u64)?;
        assert!(filled > 0, "ends at {} of {}", all.len(), content.size);
        all.extend(&buffer[..filled]);
    }
    Ok(all)
}

/// Content that no compressor makes vanish.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}
