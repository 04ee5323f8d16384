//! NTFS, versions 1.2 to 3.1.
//!
//! Role: files, named streams, deleted files and free space of an NTFS volume. Follows
//! the documentation of the Linux-NTFS and libfsntfs projects, [MS-FSCC] for reparse
//! points and attributes of files, and [MS-XCA] for compression.
//!
//! Decisions:
//!
//! - A node is named by its MFT reference: record number and sequence number, so that
//!   an entry that is left over from an earlier file is told from the file that has its
//!   record now. `ino` is the record number alone.
//! - Directories are read by their index, block by block: see `index`.
//! - Permissions of Windows do not map to those of POSIX. Without what the Windows
//!   Subsystem for Linux keeps, every node has 0777 and belongs to root, as drivers show
//!   it by default.
//! - The names of DOS beside long ones are neither listed nor counted as links, and the
//!   metafiles (`$MFT`, `$Secure`, …; records below 16) are not listed.
//! - `$LogFile` is not replayed: [`About`] says when it would have to be.

mod bitmap;
mod bits;
mod boot;
mod content;
mod deleted;
mod index;
mod lost;
mod lznt1;
mod lzx;
mod name;
mod node;
mod record;
mod runs;
mod scan;
mod special;
mod state;
mod volume;
mod wof;
mod xpress;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use self::bitmap::Bitmap;
use self::name::{FileName, time, wtf8};
use self::node::{DIRECTORY_INDEX, Node};
use self::record::{kind, number};
use self::special::{Nature, linux_owner, nature};
use self::volume::Volume;
use super::{About, Content, DeletedFile, Encoded, Entry, Filesystem, NamedStream, NodeId, PieceSource};
use crate::source::disk::{Disk, DiskError, DiskResult};
use crate::source::stat::FileStat;

/// The record of the root directory.
const ROOT: u64 = 5;
/// The first record that may belong to a user's file.
const FIRST_USER: u64 = 16;

/// Whether a disk begins with the boot sector of NTFS.
#[must_use]
pub fn detect(disk: &dyn Disk) -> bool {
    matches!(boot::find(disk), Ok((_, false)))
}

/// Whether a disk holds NTFS whose boot sector is damaged: its copy lies at the end, and
/// the $MFT where that says. Other filesystems should be asked first, which may have been
/// made over an old NTFS.
#[must_use]
pub fn detect_copy(disk: &dyn Disk) -> bool {
    let Ok((boot, true)) = boot::find(disk) else { return false };
    let mut magic = [0; 4];
    let read = disk.read_at(&mut magic, boot.mft.saturating_mul(boot.cluster_size));
    read.is_ok() && magic == *b"FILE"
}

/// Opens the filesystem on a disk.
///
/// # Errors
///
/// Where the boot sector and its copy, or the $MFT, cannot be read.
pub fn open(disk: Arc<dyn Disk>) -> DiskResult<Ntfs> {
    let volume = Volume::open(disk)?;
    let about = state::about(&volume);
    Ok(Ntfs { volume, about, children: lost::Children::default() })
}

/// An NTFS volume.
#[derive(Debug)]
pub struct Ntfs {
    volume: Volume,
    about: About,
    children: lost::Children,
}

impl Ntfs {
    /// What a node is, with its facts.
    fn facts(&self, node: &Node) -> DiskResult<FileStat> {
        let nature = nature(&self.volume, node)?;
        let standard = node.standard();
        if standard.is_none()
            && let Some(missing) = &node.missing
        {
            return Err(missing.clone());
        }
        let ticks = |tick: fn(&node::Standard) -> u64| standard.as_ref().map(tick).and_then(time);
        let (size, stored) = match &nature {
            Nature::Directory => node.size(kind::INDEX_ALLOCATION, DIRECTORY_INDEX),
            Nature::Link(target) => Some((u64::try_from(target.len()).unwrap_or(u64::MAX), 0)),
            _ => node.size(kind::DATA, &[]),
        }
        .unwrap_or((0, 0));
        let names = node.residents(kind::FILE_NAME).filter_map(FileName::parse);
        let links = names.filter(|name| !name.is_dos()).count();
        let owner = linux_owner(&self.volume, node);
        Ok(FileStat {
            file_type: nature.file_type(),
            size: i64::try_from(size).ok().map(i64::unsigned_abs),
            stored,
            permissions: owner.mode.map_or(0o777, |mode| mode & 0o7777),
            uid: owner.uid.unwrap_or(0),
            gid: owner.gid.unwrap_or(0),
            dev: 0,
            ino: node.base.number,
            links: u64::try_from(links).unwrap_or(u64::MAX),
            atime: ticks(|standard| standard.read),
            mtime: ticks(|standard| standard.changed),
            ctime: ticks(|standard| standard.record_changed),
            btime: ticks(|standard| standard.made),
        })
    }

    /// The content of a stream of a node, by its name in UTF-16.
    fn stream_content(&self, node: &Node, name: &[u8]) -> DiskResult<Content> {
        let stream = node.stream(&self.volume, kind::DATA, name)?;
        let none = || DiskError::corrupt(node.base.offset, "a file has no content");
        content::content(&self.volume, stream.ok_or_else(none)?)
    }

    /// Gives the names of a directory that may be shown.
    fn entry(
        &self,
        reference: u64,
        key: &[u8],
        offset: u64,
        each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let damaged = |message: &'static str| {
            self.volume.problems.add(DiskError::corrupt(offset, message));
            ControlFlow::Continue(())
        };
        let Some(name) = FileName::parse(key) else { return damaged("a name of a directory is cut short") };
        if name.is_dos() || number(reference) < FIRST_USER {
            return ControlFlow::Continue(());
        }
        let name = wtf8(name.name);
        if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') || name.contains(&0) {
            return damaged("a directory has a name that no file can have");
        }
        each(Entry { name: &name, id: NodeId { tree: 0, inode: reference } })
    }
}

impl Filesystem for Ntfs {
    fn about(&self) -> &About {
        &self.about
    }

    fn root(&self) -> NodeId {
        NodeId { tree: 0, inode: ROOT }
    }

    fn stat(&self, id: NodeId) -> DiskResult<FileStat> {
        let node = self.volume.node(id.inode)?;
        self.facts(&node)
    }

    fn list(&self, dir: NodeId, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> DiskResult<()> {
        let node = self.volume.node(dir.inode)?;
        let offset = node.base.offset;
        if !node.base.directory {
            return Err(DiskError::corrupt(offset, "is not a directory"));
        }
        let mut ended = false;
        let mut give = |reference: u64, key: &[u8]| {
            let flow = self.entry(reference, key, offset, each);
            ended |= flow.is_break();
            flow
        };
        let damage = index::entries(&self.volume, &node, &mut give).unwrap_or_else(Some);
        let Some(damage) = damage else { return Ok(()) };
        self.children.give(&self.volume, &node, &mut give);
        if ended { Ok(()) } else { Err(damage) }
    }

    fn link_target(&self, id: NodeId) -> DiskResult<Vec<u8>> {
        let node = self.volume.node(id.inode)?;
        match nature(&self.volume, &node)? {
            Nature::Link(target) => Ok(target),
            _ => Err(DiskError::corrupt(node.base.offset, "is not a symbolic link")),
        }
    }

    fn content(&self, id: NodeId) -> DiskResult<Content> {
        let node = self.volume.node(id.inode)?;
        match nature(&self.volume, &node)? {
            Nature::File => self.stream_content(&node, &[]),
            Nature::Wof(wof) => wof::content(&self.volume, &node, wof.algorithm),
            Nature::Elsewhere(why) => Err(DiskError::unsupported(node.base.offset, why)),
            _ => Err(DiskError::corrupt(node.base.offset, "is not a file")),
        }
    }

    fn streams(&self, id: NodeId) -> DiskResult<Vec<NamedStream>> {
        let node = self.volume.node(id.inode)?;
        let named = |name: &[u8]| {
            let (size, _) = node.size(kind::DATA, name).unwrap_or_default();
            NamedStream { name: wtf8(name), size }
        };
        // What stands for the file's own content is no stream beside it.
        let whole = matches!(nature(&self.volume, &node), Ok(Nature::Wof(_)));
        let names = node.stream_names().into_iter().filter(|name| !whole || *name != wof::STREAM);
        Ok(names.map(named).collect())
    }

    fn stream(&self, id: NodeId, name: &[u8]) -> DiskResult<Content> {
        let node = self.volume.node(id.inode)?;
        let found = node.stream_names().into_iter().find(|utf16| wtf8(utf16) == name);
        let none = || DiskError::corrupt(node.base.offset, "has no stream of this name");
        self.stream_content(&node, found.ok_or_else(none)?)
    }

    fn disks(&self) -> &[Arc<dyn Disk>] {
        &self.volume.disks
    }

    fn decode(&self, unit: &Encoded, stored: &[u8]) -> DiskResult<Vec<u8>> {
        let offset = unit.stored.first().map_or(0, |(place, _)| place.offset);
        let size = usize::try_from(unit.decoded.min(content::MAX_UNIT_SIZE)).unwrap_or(0);
        let decoded = match unit.codec {
            content::LZNT1 => lznt1::decode(stored, size),
            codec @ (content::XPRESS | content::LZX) => wof::decode(codec, stored, size),
            _ => return Err(DiskError::unsupported(offset, "compressed in a way that is not known")),
        };
        decoded.map_err(|message| DiskError::corrupt(offset, message))
    }

    fn deleted(&self, each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>) -> DiskResult<()> {
        deleted::files(self, each)
    }

    fn free(&self, each: &mut dyn FnMut(u16, Range<u64>) -> ControlFlow<()>) -> DiskResult<()> {
        let bitmap = Bitmap::open(&self.volume)?;
        let bytes = |cluster: u64| self.volume.byte_of(cluster);
        let all = 0..self.volume.boot.clusters;
        bitmap.free(all, &mut |range| each(0, bytes(range.start)..bytes(range.end)))
    }

    fn journal(&self) -> DiskResult<Vec<(u16, Range<u64>)>> {
        let node = self.volume.node(state::LOG_FILE)?;
        let content = self.stream_content(&node, &[])?;
        let stored = content.pieces.iter().filter_map(|piece| match piece.source {
            PieceSource::Stored(place) => {
                Some((place.disk, place.offset..place.offset.saturating_add(piece.length)))
            }
            _ => None,
        });
        Ok(stored.collect())
    }

    fn problems(&self) -> Vec<(DiskError, u64)> {
        self.volume.problems.list()
    }
}
