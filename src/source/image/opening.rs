//! An image while it is opened: which files it consists of, and how deep its chain
//! of parents has become.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::disk::{Disk, DiskError, DiskResult};
use super::detect::Kind;
use super::file::{Folder, HostFile, shown};
use super::store::{Shared, Store};

/// How many parents an image has at most, one behind the other.
const MAX_DEPTH: usize = 64;

/// How many files an image consists of at most.
const MAX_FILES: usize = 4096;

/// How many notes are kept.
const MAX_NOTES: usize = 256;

/// What an image turned out to be.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) kind: &'static str,
    pub(super) identity: Identity,
}

/// By what a child knows its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// The format has none.
    None,
    /// Of a VMDK: changes with its content.
    ContentId(u32),
    /// Of a VHD (its own), a VHDX (of its data) and a VDI (its own), as stored.
    Guid([u8; 16]),
}

/// What one call of `open` has come to know.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) folder: Option<Folder>,
    shared: Arc<Shared>,
    pub(super) files: Vec<PathBuf>,
    seen: Vec<(u64, u64)>,
    pub(super) stored: u64,
    pub(super) notes: Vec<String>,
    depth: usize,
}

impl Opening {
    pub(super) fn new(folder: Option<Folder>) -> Self {
        Self {
            folder,
            shared: Shared::new(),
            files: Vec::new(),
            seen: Vec::new(),
            stored: 0,
            notes: Vec::new(),
            depth: 0,
        }
    }

    /// A file of which tables are to be read.
    pub(super) fn store(&self, disk: Arc<dyn Disk>) -> Store {
        Store::new(disk, &self.shared)
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note.into());
        }
    }

    /// Counts a file as part of the image; `false` where it is one already.
    pub(super) fn count(&mut self, file: &HostFile) -> DiskResult<bool> {
        if self.seen.contains(&file.id) {
            return Ok(false);
        }
        if self.files.len() >= MAX_FILES {
            return Err(DiskError::over_budget(0, "the image consists of too many files"));
        }
        self.seen.push(file.id);
        self.files.push(file.path.clone());
        self.stored = self.stored.saturating_add(file.size);
        Ok(true)
    }

    /// Another file of the same image, by the name that the image gives.
    pub(super) fn part(&mut self, name: &[u8]) -> DiskResult<Arc<dyn Disk>> {
        let file = self.named(name)?;
        self.count(&file)?;
        Ok(file.disk)
    }

    /// Whether a file of that name can be opened in the folder.
    pub(super) fn is_there(&self, name: &[u8]) -> DiskResult<()> {
        self.named(name).map(drop)
    }

    /// The image that this one rests on, by the name that this one gives; of the
    /// kind `expected` where that is known, raw where that is `Some(None)`.
    pub(super) fn parent(&mut self, name: &[u8], expected: Option<Option<Kind>>) -> DiskResult<Opened> {
        let file = self.named(name)?;
        if !self.count(&file)? {
            let shown = shown(name);
            return Err(DiskError::corrupt(0, format!("the image rests on itself, through {shown}")));
        }
        if self.depth >= MAX_DEPTH {
            return Err(DiskError::over_budget(0, "the image rests on too many others"));
        }
        self.depth += 1;
        let opened = super::open_as(file.disk, expected, self).map_err(|error| {
            let message = format!("{}: {}", shown(name), error.message);
            DiskError { message: message.into(), ..error }
        });
        self.depth -= 1;
        opened
    }

    fn named(&self, name: &[u8]) -> DiskResult<HostFile> {
        match &self.folder {
            Some(folder) => folder.open(name),
            None => Err(DiskError::unsupported(
                0,
                format!("the image needs {}, and is not a file in a folder itself", shown(name)),
            )),
        }
    }
}
