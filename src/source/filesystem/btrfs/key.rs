//! Keys of items: what orders a tree, and the numbers that have a name.
//!
//! Specification: Btrfs documentation, "On-disk Format", sections "Key" and
//! "Constants"; the same in `include/uapi/linux/btrfs_tree.h`.

use crate::source::bytes::{u8_at, u64_le};

/// Bytes of a key.
pub(super) const KEY_SIZE: usize = 17;

/// Which tree.
pub(super) mod tree {
    pub(in super::super) const EXTENTS: u64 = 2;
    pub(in super::super) const FILES: u64 = 5;
    pub(in super::super) const CHECKSUMS: u64 = 7;
    /// The first and the last number of a subvolume; [`FILES`] is the top one.
    pub(in super::super) const FIRST: u64 = 256;
    pub(in super::super) const LAST: u64 = u64::MAX - 255;
}

/// Objects with fixed numbers.
pub(super) mod object {
    /// The directory in the tree of roots.
    pub(in super::super) const ROOT_DIRECTORY: u64 = 6;
    pub(in super::super) const CHUNKS: u64 = 256;
    /// The roots of logs.
    pub(in super::super) const LOGS: u64 = (-6_i64).cast_unsigned();
    pub(in super::super) const ORPHANS: u64 = (-5_i64).cast_unsigned();
    pub(in super::super) const CHECKSUMS: u64 = (-10_i64).cast_unsigned();
}

/// What an item is.
pub(super) mod kind {
    pub(in super::super) const INODE: u8 = 1;
    pub(in super::super) const INODE_REF: u8 = 12;
    pub(in super::super) const INODE_EXTREF: u8 = 13;
    pub(in super::super) const ORPHAN: u8 = 48;
    pub(in super::super) const DIR_LOG: u8 = 72;
    pub(in super::super) const DIR_ITEM: u8 = 84;
    pub(in super::super) const DIR_INDEX: u8 = 96;
    pub(in super::super) const EXTENT_DATA: u8 = 108;
    pub(in super::super) const CHECKSUM: u8 = 128;
    pub(in super::super) const ROOT: u8 = 132;
    pub(in super::super) const ROOT_BACKREF: u8 = 144;
    pub(in super::super) const ROOT_REF: u8 = 156;
    pub(in super::super) const EXTENT: u8 = 168;
    pub(in super::super) const METADATA: u8 = 169;
    pub(in super::super) const DEVICE: u8 = 216;
    pub(in super::super) const CHUNK: u8 = 228;
}

/// The key of an item; keys are ordered by object, then kind, then offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) object: u64,
    pub(super) kind: u8,
    pub(super) offset: u64,
}

impl Key {
    /// Below every other.
    pub(super) const MIN: Self = Self { object: 0, kind: 0, offset: 0 };
    /// Above every other.
    pub(super) const MAX: Self = Self { object: u64::MAX, kind: u8::MAX, offset: u64::MAX };

    pub(super) fn new(object: u64, kind: u8, offset: u64) -> Self {
        Self { object, kind, offset }
    }

    /// The key that comes next; the last has none.
    pub(super) fn after(self) -> Option<Self> {
        let Self { object, kind, offset } = self;
        if let Some(offset) = offset.checked_add(1) {
            return Some(Self { object, kind, offset });
        }
        if let Some(kind) = kind.checked_add(1) {
            return Some(Self { object, kind, offset: 0 });
        }
        Some(Self { object: object.checked_add(1)?, kind: 0, offset: 0 })
    }

    /// The key that comes before; the first has none.
    pub(super) fn before(self) -> Option<Self> {
        let Self { object, kind, offset } = self;
        if let Some(offset) = offset.checked_sub(1) {
            return Some(Self { object, kind, offset });
        }
        if let Some(kind) = kind.checked_sub(1) {
            return Some(Self { object, kind, offset: u64::MAX });
        }
        Some(Self { object: object.checked_sub(1)?, kind: u8::MAX, offset: u64::MAX })
    }

    /// The first and last key that an item of the kind can have.
    pub(super) fn all(object: u64, kind: u8) -> (Self, Self) {
        (Self::new(object, kind, 0), Self::new(object, kind, u64::MAX))
    }

    /// The key that is stored at a place.
    pub(super) fn read(bytes: &[u8], at: usize) -> Option<Self> {
        let stored = bytes.get(at..at.checked_add(KEY_SIZE)?)?;
        Some(Self { object: u64_le(stored, 0)?, kind: u8_at(stored, 8)?, offset: u64_le(stored, 9)? })
    }

    pub(super) fn write(self) -> [u8; KEY_SIZE] {
        let mut bytes = [0; KEY_SIZE];
        let fields =
            self.object.to_le_bytes().into_iter().chain([self.kind]).chain(self.offset.to_le_bytes());
        for (to, from) in bytes.iter_mut().zip(fields) {
            *to = from;
        }
        bytes
    }
}
