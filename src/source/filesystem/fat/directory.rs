//! Directories: entries of 32 bytes.
//!
//! Follows "Microsoft FAT Specification", sections 5 to 7.

use std::ops::ControlFlow;

use rustix::fs::FileType;

use crate::source::bytes::{array, u8_at, u16_le, u32_le};
use crate::source::disk::{DiskError, DiskResult, read_exact, read_vec};
use crate::source::filesystem::dos_time;
use crate::source::stat::FileStat;

use super::Fat;
use super::name::{self, LongName};

/// Bytes of an entry.
pub(super) const ENTRY: usize = 32;

/// The most bytes of a directory: 32 times what the specification allows.
const MAX_SIZE: u64 = 64 << 20;

/// Attributes.
const READ_ONLY: u8 = 0x01;
const LABEL: u8 = 0x08;
const DIRECTORY: u8 = 0x10;
const LONG_NAME: u8 = 0x0f;

/// First bytes: no entry here or after; a deleted one.
const END: u8 = 0;
const DELETED: u8 = 0xe5;

/// The number by which the root directory is known; it has no entry.
pub(super) const ROOT: u64 = 1;

/// Where a directory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directory {
    /// The root of FAT12 and FAT16: a place of its own.
    Fixed,
    /// Clusters from one on, of the directory with a number.
    Chain(u64, u64),
    /// One cluster of a deleted directory; what followed is not known.
    Remains(u64),
}

/// The entry of a file or directory.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Where it lies.
    pub(super) offset: u64,
    bytes: [u8; ENTRY],
}

impl Record {
    fn first_byte(&self) -> u8 {
        u8_at(&self.bytes, 0).unwrap_or(END)
    }

    fn attributes(&self) -> u8 {
        u8_at(&self.bytes, 11).unwrap_or(0)
    }

    fn short(&self) -> [u8; 11] {
        array(&self.bytes, 0).unwrap_or_default()
    }

    pub(super) fn is_long_name(&self) -> bool {
        self.attributes() & 0x3f == LONG_NAME
    }

    pub(super) fn is_directory(&self) -> bool {
        self.attributes() & DIRECTORY != 0
    }

    /// The label of the volume, if the entry is that.
    pub(super) fn label(&self) -> Option<[u8; 11]> {
        let is_label = self.attributes() & (LABEL | DIRECTORY) == LABEL;
        (is_label && self.first_byte() != DELETED).then(|| self.short())
    }

    /// Whether it is one of a directory for itself or its parent.
    fn is_dot(&self) -> bool {
        matches!(&self.short(), b".          " | b"..         ")
    }

    /// The first cluster; 0 for an empty file.
    pub(super) fn cluster(&self, is_wide: bool) -> u64 {
        let high = if is_wide { u16_le(&self.bytes, 20).map_or(0, u64::from) } else { 0 };
        high << 16 | u16_le(&self.bytes, 26).map_or(0, u64::from)
    }

    /// The size of a file; 0 for a directory.
    pub(super) fn size(&self) -> u64 {
        u32_le(&self.bytes, 28).map_or(0, u64::from)
    }

    /// What is known.
    pub(super) fn stat(&self, cluster: u64) -> FileStat {
        let field = |at| u16_le(&self.bytes, at).unwrap_or(0);
        let is_directory = self.is_directory();
        FileStat {
            file_type: if is_directory { FileType::Directory } else { FileType::RegularFile },
            size: Some(self.size()),
            stored: self.size().next_multiple_of(cluster),
            permissions: match self.attributes() & READ_ONLY {
                _ if is_directory => 0o755,
                0 => 0o644,
                _ => 0o444,
            },
            uid: 0,
            gid: 0,
            dev: 0,
            ino: self.offset / 32,
            links: 1,
            // Of the last read only the day is kept; of the last change of the entry nothing.
            atime: dos_time::time(field(18), 0, 0),
            mtime: dos_time::time(field(24), field(22), 0),
            ctime: None,
            btime: dos_time::time(field(16), field(14), u8_at(&self.bytes, 13).unwrap_or(0)),
        }
    }
}

/// A file or directory that a directory names, or named.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: Vec<u8>,
    pub(super) record: Record,
    pub(super) is_deleted: bool,
}

impl Fat {
    /// The entry of a file or directory that was listed.
    pub(super) fn record(&self, number: u64) -> DiskResult<Record> {
        let offset = number.checked_mul(32).ok_or_else(|| DiskError::corrupt(0, "there is no such entry"))?;
        let bytes = read_vec(&self.metadata, offset, ENTRY)?;
        let record = Record { offset, bytes: array(&bytes, 0).unwrap_or([0; ENTRY]) };
        let is_named = !matches!(record.first_byte(), END | DELETED)
            && !record.is_long_name()
            && record.label().is_none();
        if is_named { Ok(record) } else { Err(DiskError::corrupt(offset, "an entry is none of a file")) }
    }

    /// Where the directory with an entry lies.
    pub(super) fn directory(&self, number: u64) -> DiskResult<Directory> {
        if number == ROOT {
            return Ok(if self.boot.root_size > 0 {
                Directory::Fixed
            } else {
                Directory::Chain(self.boot.root_cluster, ROOT)
            });
        }
        let record = self.record(number)?;
        if !record.is_directory() {
            return Err(DiskError::corrupt(record.offset, "a file is listed as a directory"));
        }
        Ok(Directory::Chain(record.cluster(self.is_wide()), number))
    }

    /// Gives the blocks of a directory: offsets and lengths.
    fn blocks(
        &self,
        directory: Directory,
        each: &mut dyn FnMut(u64, u64) -> DiskResult<ControlFlow<()>>,
    ) -> DiskResult<()> {
        let cluster = self.boot.cluster;
        match directory {
            Directory::Fixed => each(self.boot.root, self.boot.root_size).map(|_| ()),
            Directory::Remains(first) => match self.boot.at(first) {
                Some(offset) => each(offset, cluster).map(|_| ()),
                None => Ok(()),
            },
            Directory::Chain(first, owner) => {
                let most = (MAX_SIZE / cluster).max(1);
                let mut left = most;
                self.chain(first, most, &mut |number, offset| {
                    if !self.owners.owns(owner, number) {
                        return Err(DiskError::corrupt(offset, "directories share clusters"));
                    }
                    left -= 1;
                    each(offset, cluster)
                })?;
                if left == 0 {
                    let offset = self.boot.at(first).unwrap_or(0);
                    return Err(DiskError::over_budget(offset, "a directory is larger than is read"));
                }
                Ok(())
            }
        }
    }

    /// Gives every entry as it is stored, those of long names and labels too.
    pub(super) fn raw_entries(
        &self,
        directory: Directory,
        each: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        let mut first_error = None;
        self.blocks(directory, &mut |offset, length| {
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
            if let Err(error) = read_exact(&self.metadata, &mut bytes, offset) {
                first_error.get_or_insert(error);
                return Ok(ControlFlow::Continue(()));
            }
            for (entry, at) in bytes.chunks_exact(ENTRY).zip((offset..).step_by(ENTRY)) {
                let record = Record { offset: at, bytes: array(entry, 0).unwrap_or([0; ENTRY]) };
                if record.first_byte() == END || each(record).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        first_error.map_or(Ok(()), Err)
    }

    /// Gives files and directories with their names, deleted ones too.
    pub(super) fn entries(
        &self,
        directory: Directory,
        each: &mut dyn FnMut(Named) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        let mut long = LongName::default();
        self.raw_entries(directory, &mut |record| {
            if record.is_long_name() {
                long.take(&record.bytes);
                return ControlFlow::Continue(());
            }
            let long = std::mem::take(&mut long);
            if record.is_dot() || record.attributes() & (LABEL | DIRECTORY) == LABEL {
                return ControlFlow::Continue(());
            }
            let is_deleted = record.first_byte() == DELETED;
            let case = u8_at(&record.bytes, 12).unwrap_or(0);
            let short = record.short();
            let name = long.of(&short, is_deleted).unwrap_or_else(|| name::short(&short, case, is_deleted));
            if !name::is_name(&name) {
                if !is_deleted {
                    let message = "a directory has a name that none can have";
                    self.problems.add(DiskError::corrupt(record.offset, message));
                }
                return ControlFlow::Continue(());
            }
            each(Named { name, record, is_deleted })
        })
    }
}
