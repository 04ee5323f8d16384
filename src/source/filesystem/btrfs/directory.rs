//! Names in directories.
//!
//! Specification: Btrfs documentation, "On-disk Format", section "Dir item"; a
//! directory is read by its index, as `readdir` does.

use super::key::{KEY_SIZE, Key, kind};
use crate::source::bytes::{u16_le, u64_le};

/// Bytes before the name.
const HEADER: usize = KEY_SIZE + 13;

/// A name and what it is the name of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'i> {
    pub(super) name: &'i [u8],
    /// An inode of the same tree or the root of another.
    pub(super) location: Key,
}

impl<'i> Name<'i> {
    /// The name in an item of an index.
    pub(super) fn read(item: &'i [u8]) -> Result<Self, &'static str> {
        let parse = || {
            let location = Key::read(item, 0)?;
            let length = usize::from(u16_le(item, KEY_SIZE + 10)?);
            Some(Self { location, name: item.get(HEADER..)?.get(..length)? })
        };
        let found: Self = parse().ok_or("an entry of a directory is cut short")?;
        if matches!(found.name, b"" | b"." | b"..") || found.name.iter().any(|byte| matches!(byte, b'/' | 0))
        {
            return Err("a directory has an impossible name");
        }
        if !matches!(found.location.kind, kind::INODE | kind::ROOT) {
            return Err("an entry of a directory leads to no inode");
        }
        Ok(found)
    }

    /// The item of an index that has this name.
    pub(super) fn write(&self) -> Vec<u8> {
        let length = u16::try_from(self.name.len()).unwrap_or(u16::MAX);
        // Neither a transaction, nor data, nor a type: nobody asks for them.
        [&self.location.write()[..], &[0; 10], &length.to_le_bytes(), &[0], self.name].concat()
    }
}

/// A name of an inode, as it is kept with the inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// The directory, and the place in its index.
    pub(super) dir: u64,
    pub(super) index: u64,
    pub(super) name: Vec<u8>,
}

impl Reference {
    /// All in an item; what is damaged is left out.
    pub(super) fn read_all(key: Key, item: &[u8]) -> Vec<Self> {
        let mut found = Vec::new();
        let mut rest = item;
        let is_long = key.kind == kind::INODE_EXTREF;
        while let Some((reference, after)) = Self::read(key.offset, is_long, rest) {
            found.push(reference);
            rest = after;
        }
        found
    }

    /// The long form has the directory in the item, the other in the key.
    fn read(dir: u64, is_long: bool, item: &[u8]) -> Option<(Self, &[u8])> {
        let (dir, rest) = if is_long { (u64_le(item, 0)?, item.get(8..)?) } else { (dir, item) };
        let (name, after) = rest.get(10..)?.split_at_checked(usize::from(u16_le(rest, 8)?))?;
        if name.is_empty() || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
            return None;
        }
        Some((Self { dir, index: u64_le(rest, 0)?, name: name.to_vec() }, after))
    }

    pub(super) fn write(&self, is_long: bool) -> Vec<u8> {
        let dir = self.dir.to_le_bytes();
        let length = u16::try_from(self.name.len()).unwrap_or(u16::MAX);
        let dir = if is_long { &dir[..] } else { &[] };
        [dir, &self.index.to_le_bytes(), &length.to_le_bytes(), &self.name].concat()
    }
}
