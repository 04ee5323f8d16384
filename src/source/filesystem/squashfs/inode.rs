//! The inodes of a squashfs: a common head, then a body of fourteen kinds.

use rustix::fs::FileType;

use super::field;
use super::metadata::Cursor;
use crate::source::disk::{DiskError, DiskResult};

/// An inode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inode {
    kind_number: u16,
    pub(super) permissions: u16,
    /// Indices into the table of numbers.
    pub(super) owner: u16,
    pub(super) group: u16,
    pub(super) mtime: u32,
    pub(super) number: u32,
    pub(super) links: u32,
    pub(super) kind: Kind,
}

/// What differs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Directory { block: u32, offset: u16, size: u32 },
    File { start: u64, size: u64, fragment: u32, offset: u32 },
    Link { length: u32 },
    Other,
}

impl Inode {
    /// Reads one; the cursor then stands at the sizes of blocks, or the target of a link.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> DiskResult<Self> {
        let head: [u8; 16] = cursor.array()?;
        let short = |bytes: &[u8], at| u16::from_le_bytes(field(bytes, at));
        let word = |bytes: &[u8], at| u32::from_le_bytes(field(bytes, at));
        let long = |bytes: &[u8], at| u64::from_le_bytes(field(bytes, at));
        let kind_number = short(&head, 0);
        let (links, kind) = match kind_number {
            1 => {
                let body: [u8; 16] = cursor.array()?;
                let (block, size) = (word(&body, 0), u32::from(short(&body, 8)));
                (word(&body, 4), Kind::Directory { block, offset: short(&body, 10), size })
            }
            2 => {
                let body: [u8; 16] = cursor.array()?;
                let (start, size) = (word(&body, 0).into(), word(&body, 12).into());
                (1, Kind::File { start, size, fragment: word(&body, 4), offset: word(&body, 8) })
            }
            3 | 10 => {
                let body: [u8; 8] = cursor.array()?;
                (word(&body, 0), Kind::Link { length: word(&body, 4) })
            }
            8 => {
                let body: [u8; 24] = cursor.array()?;
                let (size, block) = (word(&body, 4), word(&body, 8));
                (word(&body, 0), Kind::Directory { block, offset: short(&body, 18), size })
            }
            9 => {
                let body: [u8; 40] = cursor.array()?;
                let (start, size) = (long(&body, 0), long(&body, 8));
                (
                    word(&body, 24),
                    Kind::File { start, size, fragment: word(&body, 28), offset: word(&body, 32) },
                )
            }
            4..=7 | 11..=14 => (u32::from_le_bytes(cursor.array()?), Kind::Other),
            _ => return Err(DiskError::corrupt(0, "an inode is of a kind that there is none of")),
        };
        Ok(Self {
            kind_number,
            permissions: short(&head, 2),
            owner: short(&head, 4),
            group: short(&head, 6),
            mtime: word(&head, 8),
            number: word(&head, 12),
            links,
            kind,
        })
    }

    pub(super) fn file_type(&self) -> FileType {
        match self.kind_number {
            1 | 8 => FileType::Directory,
            2 | 9 => FileType::RegularFile,
            3 | 10 => FileType::Symlink,
            4 | 11 => FileType::BlockDevice,
            5 | 12 => FileType::CharacterDevice,
            6 | 13 => FileType::Fifo,
            _ => FileType::Socket,
        }
    }

    pub(super) fn size(&self) -> u64 {
        match self.kind {
            Kind::Directory { size, .. } => size.into(),
            Kind::File { size, .. } => size,
            Kind::Link { length } => length.into(),
            Kind::Other => 0,
        }
    }
}
