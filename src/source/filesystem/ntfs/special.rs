//! What a node is: reparse points ([MS-FSCC] 2.1.2), the special files of Interix,
//! and what the Windows Subsystem for Linux keeps in extended attributes.
//!
//! Nothing here is ever followed: a junction or symbolic link is a link with a target.

use rustix::fs::FileType;

use super::name::wtf8;
use super::node::Node;
use super::record::kind;
use super::volume::Volume;
use crate::source::bytes::{array, u8_at, u16_le, u32_le};
use crate::source::disk::{DiskError, DiskResult};

/// The most bytes of a reparse point; Windows allows 16 KiB.
const MAX_REPARSE: u64 = 16 << 10;
/// The most bytes of a target as Interix stores it.
const MAX_TARGET: u64 = 8 + 2 * 4096;
/// The most bytes of extended attributes.
const MAX_EA: u64 = 64 << 10;

/// In `$STANDARD_INFORMATION`.
const SYSTEM: u32 = 0x4;
const OFFLINE: u32 = 0x1000;
const RECALL_ON_OPEN: u32 = 0x4_0000;
const RECALL_ON_DATA_ACCESS: u32 = 0x40_0000;

/// Tags of reparse points.
mod tag {
    pub(super) const MOUNT_POINT: u32 = 0xa000_0003;
    pub(super) const SYMLINK: u32 = 0xa000_000c;
    pub(super) const LX_SYMLINK: u32 = 0xa000_001d;
    pub(super) const AF_UNIX: u32 = 0x8000_0023;
    pub(super) const LX_FIFO: u32 = 0x8000_0024;
    pub(super) const LX_CHR: u32 = 0x8000_0025;
    pub(super) const LX_BLK: u32 = 0x8000_0026;
    pub(super) const WOF: u32 = 0x8000_0017;
    pub(super) const DEDUP: u32 = 0x8000_0013;
    pub(super) const APP_EXEC_LINK: u32 = 0x8000_001b;
    /// Files of a cloud; bits 12 to 15 differ.
    pub(super) const CLOUD: u32 = 0x9000_001a;
    pub(super) const CLOUD_MASK: u32 = 0xffff_0fff;
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Directory,
    /// A file whose content is its unnamed stream.
    File,
    /// A link with its target.
    Link(Vec<u8>),
    /// A FIFO, socket or device.
    Special(FileType),
    /// A file that is compressed as a whole, in a stream beside it.
    Wof(Wof),
    /// A file whose content is kept elsewhere or in a way that is not read.
    Elsewhere(&'static str),
}

/// How a file is compressed as a whole (the Windows Overlay Filter).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wof {
    /// 0 to 3: XPRESS of 4 KiB, LZX, XPRESS of 8 and of 16 KiB.
    pub(super) algorithm: u32,
}

impl Nature {
    /// Its type as POSIX knows it.
    pub(super) fn file_type(&self) -> FileType {
        match self {
            Self::Directory => FileType::Directory,
            Self::File | Self::Wof(_) | Self::Elsewhere(_) => FileType::RegularFile,
            Self::Link(_) => FileType::Symlink,
            Self::Special(what) => *what,
        }
    }
}

/// Tells what a node is.
///
/// # Errors
///
/// A reparse point that cannot be read or makes no sense.
pub(super) fn nature(volume: &Volume, node: &Node) -> DiskResult<Nature> {
    let plain = if node.base.directory { Nature::Directory } else { Nature::File };
    let flags = node.standard().map_or(0, |standard| standard.flags);
    if node.attributes(kind::REPARSE_POINT).next().is_some() {
        let point = node.bytes(volume, kind::REPARSE_POINT, &[], MAX_REPARSE)?.unwrap_or_default();
        let corrupt = || DiskError::corrupt(node.base.offset, "a reparse point makes no sense");
        return reparse(&point, flags, plain).ok_or_else(corrupt);
    }
    if flags & SYSTEM != 0 && !node.base.directory {
        return Ok(interix(volume, node)?.unwrap_or(plain));
    }
    Ok(plain)
}

fn reparse(point: &[u8], flags: u32, plain: Nature) -> Option<Nature> {
    let length = usize::from(u16_le(point, 4)?);
    let data = point.get(8..8 + length)?;
    let tag = u32_le(point, 0)?;
    Some(match tag {
        tag::MOUNT_POINT => Nature::Link(windows_target(data, 8)?),
        tag::SYMLINK => Nature::Link(windows_target(data, 12)?),
        // Four bytes of a version, then the target in UTF-8.
        tag::LX_SYMLINK => Nature::Link(data.get(4..)?.to_vec()),
        tag::AF_UNIX => Nature::Special(FileType::Socket),
        tag::LX_FIFO => Nature::Special(FileType::Fifo),
        tag::LX_CHR => Nature::Special(FileType::CharacterDevice),
        tag::LX_BLK => Nature::Special(FileType::BlockDevice),
        _ if plain == Nature::Directory => plain,
        tag::WOF => match (u32_le(data, 0)?, u32_le(data, 4)?) {
            (1, 2) => Nature::Wof(Wof { algorithm: u32_le(data, 12)? }),
            _ => Nature::Elsewhere("the content of the file is kept in a WIM image"),
        },
        tag::DEDUP => Nature::Elsewhere("the content of the file is deduplicated"),
        tag::APP_EXEC_LINK => plain,
        tag if tag & tag::CLOUD_MASK == tag::CLOUD => {
            if flags & (OFFLINE | RECALL_ON_OPEN | RECALL_ON_DATA_ACCESS) == 0 {
                plain
            } else {
                Nature::Elsewhere("the content of the file is kept in a cloud")
            }
        }
        _ => Nature::Elsewhere("the file has a reparse point that is not known"),
    })
}

/// The name that a junction or symbolic link leads to, as it is stored but for the
/// prefix of the object manager.
fn windows_target(data: &[u8], names: usize) -> Option<Vec<u8>> {
    let from = names.checked_add(usize::from(u16_le(data, 0)?))?;
    let name = data.get(from..from.checked_add(usize::from(u16_le(data, 2)?))?)?;
    let target = wtf8(name);
    Some(target.strip_prefix(br"\??\").map(<[u8]>::to_vec).unwrap_or(target))
}

/// Files of the Subsystem for UNIX-based Applications, which other drivers write too:
/// system files that are empty (a FIFO), have one byte (a socket), or begin with a magic.
fn interix(volume: &Volume, node: &Node) -> DiskResult<Option<Nature>> {
    let size = node.size(kind::DATA, &[]).map(|(size, _)| size);
    match size {
        Some(0) => return Ok(Some(Nature::Special(FileType::Fifo))),
        Some(1) => return Ok(Some(Nature::Special(FileType::Socket))),
        Some(9..=MAX_TARGET) => {}
        _ => return Ok(None),
    }
    let stream = node.stream(volume, kind::DATA, &[])?;
    let Some(stream) = stream.filter(|stream| !stream.is_compressed() && !stream.is_encrypted()) else {
        return Ok(None);
    };
    let mut bytes = vec![0; usize::try_from(stream.size).unwrap_or(0)];
    stream.read(volume, &mut bytes, 0)?;
    // Numbers of a device are two of eight bytes each.
    let device = bytes.len() == 24;
    Ok(match array(&bytes, 0) {
        Some(magic) if magic == *b"IntxLNK\x01" => {
            Some(Nature::Link(wtf8(bytes.get(8..).unwrap_or_default())))
        }
        Some(magic) if magic == *b"IntxCHR\0" && device => Some(Nature::Special(FileType::CharacterDevice)),
        Some(magic) if magic == *b"IntxBLK\0" && device => Some(Nature::Special(FileType::BlockDevice)),
        _ => None,
    })
}

/// Owner, group and permissions as the Windows Subsystem for Linux keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LinuxOwner {
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) mode: Option<u32>,
}

/// Reads `$LXUID`, `$LXGID` and `$LXMOD` among the extended attributes.
pub(super) fn linux_owner(volume: &Volume, node: &Node) -> LinuxOwner {
    let mut owner = LinuxOwner::default();
    if node.attributes(kind::EA).next().is_none() {
        return owner;
    }
    let all = match node.bytes(volume, kind::EA, &[], MAX_EA) {
        Ok(all) => all.unwrap_or_default(),
        Err(error) => {
            volume.problems.add(error);
            return owner;
        }
    };
    let mut rest = &all[..];
    while let Some((next, name, value)) = extended(rest) {
        let number = u32_le(value, 0);
        match name {
            b"$LXUID" => owner.uid = number,
            b"$LXGID" => owner.gid = number,
            b"$LXMOD" => owner.mode = number,
            _ => {}
        }
        if next == 0 {
            break;
        }
        rest = rest.get(next..).unwrap_or_default();
    }
    owner
}

/// The first extended attribute, and where the next begins; 0 for none.
fn extended(bytes: &[u8]) -> Option<(usize, &[u8], &[u8])> {
    let next = usize::try_from(u32_le(bytes, 0)?).ok()?;
    let name_end = 8 + usize::from(u8_at(bytes, 5)?);
    let value = bytes.get(name_end + 1..)?.get(..usize::from(u16_le(bytes, 6)?))?;
    Some((next, bytes.get(8..name_end)?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn point(tag: u32, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).expect("a length");
        [&tag.to_le_bytes()[..], &length.to_le_bytes(), &[0, 0], data].concat()
    }

    #[test]
    fn links_have_targets_and_are_not_followed() {
        let name = utf16(r"\??\C:\Users\x");
        let length = u16::try_from(name.len()).expect("a length").to_le_bytes();
        let head = [&[0, 0][..], &length, &[0; 4]].concat();
        let junction = point(tag::MOUNT_POINT, &[&head[..], &name].concat());
        let target = Nature::Link(br"C:\Users\x".to_vec());
        assert_eq!(reparse(&junction, 0, Nature::Directory), Some(target.clone()));
        let link = point(tag::SYMLINK, &[&head[..], &[0; 4], &name].concat());
        assert_eq!(reparse(&link, 0, Nature::File), Some(target));
        let cut = point(tag::SYMLINK, &[&head[..], &[0; 4], name.get(2..).unwrap_or_default()].concat());
        assert_eq!(reparse(&cut, 0, Nature::File), None);
    }

    #[test]
    fn what_is_elsewhere_is_told() {
        assert!(matches!(reparse(&point(tag::DEDUP, &[]), 0, Nature::File), Some(Nature::Elsewhere(_))));
        assert!(matches!(
            reparse(&point(0x9000_301a, &[]), 0x40_0000, Nature::File),
            Some(Nature::Elsewhere(_))
        ));
        assert_eq!(reparse(&point(0x9000_301a, &[]), 0x20, Nature::File), Some(Nature::File));
        assert_eq!(reparse(&point(0x9000_301a, &[]), 0x40_0000, Nature::Directory), Some(Nature::Directory));
    }
}
