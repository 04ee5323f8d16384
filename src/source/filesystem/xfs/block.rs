//! Blocks of metadata and what vouches for them: since version 5 each has a checksum,
//! the UUID of its filesystem, the number of the last change and its own place.
//!
//! Follows "XFS Algorithms & Data Structures", part II, "Self-Describing Metadata".

use crate::source::bytes::{array, u16_be, u64_be};
use crate::source::disk::{DiskError, DiskResult, read_vec};

use super::Xfs;

/// Headers of an allocation group: free space, inodes.
pub(super) const AGF: u32 = 0x5841_4746;
pub(super) const AGI: u32 = 0x5841_4749;

/// Where a structure keeps what vouches for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seal {
    /// CRC32C of the whole with zeros in its place, the lowest byte first.
    pub(super) crc: usize,
    /// The log sequence number of the last change.
    pub(super) lsn: usize,
    /// The UUID of the filesystem.
    pub(super) uuid: usize,
    /// Its place on the disk in units of 512 bytes.
    pub(super) place: Option<usize>,
}

impl Seal {
    const fn new(crc: usize, lsn: usize, uuid: usize, place: Option<usize>) -> Self {
        Self { crc, lsn, uuid, place }
    }

    /// The superblock.
    pub(super) const SUPERBLOCK: Self = Self::new(224, 240, 32, None);
    /// An inode.
    pub(super) const INODE: Self = Self::new(100, 112, 160, None);
    /// The headers of an allocation group.
    pub(super) const FREE_SPACE: Self = Self::new(216, 208, 64, None);
    /// The same, of its inodes.
    pub(super) const INODES: Self = Self::new(312, 320, 296, None);
    /// The same, the list of blocks that are kept for trees of free space.
    pub(super) const FREE_LIST: Self = Self::new(32, 24, 8, None);
    /// A node of a tree of one allocation group.
    pub(super) const SHORT_TREE: Self = Self::new(52, 24, 32, Some(16));
    /// A node of a tree of extents.
    pub(super) const LONG_TREE: Self = Self::new(64, 32, 40, Some(24));
    /// A directory's block of entries, or of free space.
    pub(super) const DIRECTORY: Self = Self::new(4, 16, 24, Some(8));
    /// A node or leaf of the hash index of a directory or of attributes.
    const INDEX: Self = Self::new(12, 24, 32, Some(16));
    /// A part of the target of a symbolic link.
    pub(super) const LINK: Self = Self::new(12, 48, 16, Some(40));

    /// That of a block, by its magic number.
    pub(super) fn of(block: &[u8]) -> Option<Self> {
        let magic: [u8; 4] = array(block, 0)?;
        Some(match &magic {
            b"XFSB" => Self::SUPERBLOCK,
            b"XAGF" => Self::FREE_SPACE,
            b"XAGI" => Self::INODES,
            b"XAFL" => Self::FREE_LIST,
            b"AB3B" | b"AB3C" | b"IAB3" | b"FIB3" | b"RMB3" | b"R3FC" => Self::SHORT_TREE,
            b"BMA3" => Self::LONG_TREE,
            b"XDB3" | b"XDD3" | b"XDF3" => Self::DIRECTORY,
            b"XSLM" => Self::LINK,
            _ => match u16_be(block, 8)? {
                0x3df1 | 0x3dff | 0x3bee | 0x3ebe => Self::INDEX,
                _ => return None,
            },
        })
    }
}

/// The checksum that a structure should have.
pub(super) fn checksum(bytes: &[u8], at: usize) -> Option<u32> {
    let (before, after) = (bytes.get(..at)?, bytes.get(at.checked_add(4)?..)?);
    Some(crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(before), &[0; 4]), after))
}

/// Whether a structure has the checksum that it should have.
pub(super) fn is_intact(bytes: &[u8], at: usize) -> bool {
    let stored = array(bytes, at).map(u32::from_le_bytes);
    stored.is_some() && stored == checksum(bytes, at)
}

impl Xfs {
    /// Holds a structure against its seal. A wrong checksum is counted and the
    /// structure read as far as it makes sense.
    ///
    /// # Errors
    ///
    /// The checksum is right and the structure is that of another place or filesystem:
    /// nothing in it can belong here.
    pub(super) fn check(&self, bytes: &[u8], offset: u64, seal: Seal, what: &'static str) -> DiskResult<()> {
        if self.geometry.version < 5 {
            return Ok(());
        }
        if !is_intact(bytes, seal.crc) {
            self.problems.add(DiskError::corrupt(offset, format!("{what}: the checksum is wrong")));
            return Ok(());
        }
        if array(bytes, seal.uuid) != Some(self.geometry.meta_uuid) {
            return Err(DiskError::corrupt(offset, format!("{what}: belongs to another filesystem")));
        }
        if seal.place.is_some_and(|at| u64_be(bytes, at) != Some(offset / 512)) {
            return Err(DiskError::corrupt(offset, format!("{what}: belongs to another place")));
        }
        Ok(())
    }

    /// Reads a sector of the header of an allocation group.
    pub(super) fn ag_header(
        &self,
        ag: u64,
        sector: u64,
        seal: Seal,
        what: &'static str,
    ) -> DiskResult<Vec<u8>> {
        let start = self.geometry.in_ag(ag, 0);
        let start = start.ok_or_else(|| DiskError::corrupt(0, "there is no such allocation group"))?;
        let offset = start + sector * self.geometry.sector_size;
        let length = usize::try_from(self.geometry.sector_size).unwrap_or(512);
        let bytes = read_vec(&self.metadata, offset, length)?;
        self.check(&bytes, offset, seal, what)?;
        Ok(bytes)
    }
}
