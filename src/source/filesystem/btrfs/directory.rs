//! Names in directories.
//!
//! Specification: Btrfs documentation, "On-disk Format", section "Dir item"; a
//! directory is read by its index, as `readdir` does.

use super::key::{KEY_SIZE, Key, kind};
use crate::source::bytes::u16_le;

/// Bytes before the name.
const HEADER: usize = KEY_SIZE + 13;

/// A name and what it is the name of.
#[derive(Debug)]
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
}
