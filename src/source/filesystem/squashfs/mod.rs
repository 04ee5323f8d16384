//! squashfs 4.0, as snaps, live systems and appliances have it.
//!
//! Role: what a squashfs holds, by its structures on the disk. Follows
//! Documentation/filesystems/squashfs.rst of the kernel and "The squashfs binary format"
//! (<https://dr-emann.github.io/squashfs/squashfs.html>). Compressed by gzip, xz, zstd, lz4
//! or lzo; LZMA, which mksquashfs gave up in 2009, is not read. An inode is known by its
//! reference: the block that it is in, from the start of the table, and its offset there.
//!
//! Nothing is deleted in one and nothing is free: it is written once.

mod inode;
mod metadata;

use std::ops::ControlFlow;
use std::sync::Arc;

use self::inode::{Inode, Kind};
use self::metadata::{Codec, Cursor, Metadata};
use super::{About, Content, Encoded, Entry, Filesystem, NodeId, Piece, PieceSource, Place, Problems};
use crate::source::bytes::{array, u16_le, u32_le, u64_le};
use crate::source::disk::{Disk, DiskError, DiskResult, read_exact};
use crate::source::stat::FileStat;

/// Length of the superblock.
const SUPERBLOCK: usize = 96;
/// A table that is not there.
const NONE: u64 = u64::MAX;
/// Of the size of a stored block: it is not compressed.
const PLAIN: u32 = 1 << 24;
/// A file that has no tail in a fragment.
const NO_FRAGMENT: u32 = u32::MAX;
/// The most blocks of one file: 32 GiB at the usual 128 KiB.
const MAX_BLOCKS: u64 = 1 << 18;

/// A squashfs.
#[derive(Debug)]
pub struct Squashfs {
    about: About,
    disks: [Arc<dyn Disk>; 1],
    metadata: Metadata,
    block: u32,
    root: u64,
    inodes: u64,
    directories: u64,
    fragments: u64,
    fragment_count: u32,
    owners: Vec<u32>,
    problems: Problems,
}

/// Whether there is a squashfs on a disk.
#[must_use]
pub fn detect(disk: &dyn Disk) -> bool {
    let mut head = [0; SUPERBLOCK];
    read_exact(disk, &mut head, 0).is_ok() && is_superblock(&head)
}

/// Whether bytes begin a squashfs of the version that is read.
#[must_use]
pub(in crate::source) fn is_superblock(start: &[u8]) -> bool {
    let log = u16_le(start, 22).unwrap_or(0);
    start.starts_with(b"hsqs")
        && start.get(28..32) == Some(&[4, 0, 0, 0])
        && (12..=20).contains(&log)
        && u32_le(start, 12) == 1_u32.checked_shl(log.into())
}

/// Reads what says how it is laid out.
///
/// # Errors
///
/// A superblock that makes no sense, or content that is compressed in a way that is not
/// read.
pub fn open(disk: Arc<dyn Disk>) -> DiskResult<Squashfs> {
    let mut head = [0; SUPERBLOCK];
    read_exact(&*disk, &mut head, 0)?;
    if !is_superblock(&head) {
        return Err(DiskError::corrupt(0, "there is no squashfs superblock"));
    }
    let number = |at| u64_le(&head, at).unwrap_or(0);
    let short = |at| u16_le(&head, at).unwrap_or(0);
    let codec = Codec::of(short(20))
        .ok_or_else(|| DiskError::unsupported(20, "squashfs: compressed in a way that is not read"))?;
    let (size, block) = (number(40), u32_le(&head, 12).unwrap_or(0));
    let problems = Problems::default();
    if size > disk.size() {
        problems.add(DiskError::corrupt(disk.size(), "the file ends before the filesystem does"));
    }
    let metadata = Metadata::new(Arc::clone(&disk), codec);
    let owners = owners(&*disk, &metadata, number(48), short(26)).unwrap_or_else(|error| {
        problems.add(error);
        Vec::new()
    });
    let about = About { kind: "squashfs", size, block_size: block, ..About::default() };
    Ok(Squashfs {
        about,
        disks: [disk],
        metadata,
        block,
        root: number(32),
        inodes: number(64),
        directories: number(72),
        fragments: number(80),
        fragment_count: u32_le(&head, 16).unwrap_or(0),
        owners,
        problems,
    })
}

/// The numbers of users and groups that inodes refer to.
fn owners(disk: &dyn Disk, metadata: &Metadata, table: u64, count: u16) -> DiskResult<Vec<u32>> {
    let mut owners = Vec::new();
    for first in (0..u64::from(count)).step_by(2048) {
        let mut place = [0; 8];
        read_exact(disk, &mut place, table.saturating_add(first / 2048 * 8))?;
        let mut cursor = Cursor::new(metadata, u64::from_le_bytes(place), 0);
        for _ in 0..(u64::from(count) - first).min(2048) {
            owners.push(u32::from_le_bytes(cursor.array()?));
        }
    }
    Ok(owners)
}

impl Squashfs {
    fn cursor(&self, table: u64, block: u64, offset: u16) -> Cursor<'_> {
        Cursor::new(&self.metadata, table.saturating_add(block), offset)
    }

    fn inode(&self, id: NodeId) -> DiskResult<(Inode, Cursor<'_>)> {
        let offset = u16::try_from(id.inode & 0xffff).unwrap_or(0);
        let mut cursor = self.cursor(self.inodes, id.inode >> 16, offset);
        let inode = Inode::read(&mut cursor)?;
        Ok((inode, cursor))
    }

    /// Where the tails of files lie that are kept together: place, stored size.
    fn fragment(&self, number: u32) -> DiskResult<(u64, u32)> {
        let wrong = || DiskError::corrupt(self.fragments, "a file names a fragment that is not there");
        if number >= self.fragment_count || self.fragments == NONE {
            return Err(wrong());
        }
        let mut place = [0; 8];
        let at = self.fragments.saturating_add(u64::from(number / 512) * 8);
        read_exact(&*self.disks[0], &mut place, at)?;
        let offset = u16::try_from(number % 512 * 16).unwrap_or(0);
        let entry: [u8; 16] = self.cursor(0, u64::from_le_bytes(place), offset).array()?;
        u64_le(&entry, 0).zip(u32_le(&entry, 8)).ok_or_else(wrong)
    }

    /// Where stored bytes come from. `length`: how many of them, from `skip` on, the piece
    /// gives.
    fn source(&self, at: u64, stored: u32, skip: u64, length: u64) -> DiskResult<PieceSource> {
        let size = stored & (PLAIN - 1);
        if size > self.block {
            return Err(DiskError::corrupt(at, "a block is larger than any can be"));
        }
        let place = Place { disk: 0, offset: at };
        if stored & PLAIN != 0 {
            if skip.saturating_add(length) > u64::from(size) {
                return Err(DiskError::corrupt(at, "a block is shorter than it must be"));
            }
            return Ok(PieceSource::Stored(Place { offset: at.saturating_add(skip), ..place }));
        }
        let decoded = skip.saturating_add(length);
        if decoded > u64::from(self.block) {
            return Err(DiskError::corrupt(at, "a file lies past the end of its fragment"));
        }
        let stored = vec![(place, u64::from(size))];
        Ok(PieceSource::Encoded(Box::new(Encoded { codec: 0, stored, decoded, skip })))
    }
}

impl Filesystem for Squashfs {
    fn about(&self) -> &About {
        &self.about
    }

    fn root(&self) -> NodeId {
        NodeId { tree: 0, inode: self.root }
    }

    fn stat(&self, id: NodeId) -> DiskResult<FileStat> {
        let (inode, _) = self.inode(id)?;
        let owner = |index: u16| self.owners.get(usize::from(index)).copied().unwrap_or(u32::MAX);
        let size = inode.size();
        let time = Some((i64::from(inode.mtime), 0));
        Ok(FileStat {
            file_type: inode.file_type(),
            size: Some(size),
            stored: size,
            permissions: u32::from(inode.permissions) & 0o7777,
            uid: owner(inode.owner),
            gid: owner(inode.group),
            dev: 0,
            ino: u64::from(inode.number),
            links: u64::from(inode.links),
            atime: time,
            mtime: time,
            ctime: time,
            btime: None,
        })
    }

    fn list(&self, dir: NodeId, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> DiskResult<()> {
        let (inode, _) = self.inode(dir)?;
        let Kind::Directory { block, offset, size } = inode.kind else {
            return Err(DiskError::corrupt(self.inodes, "a file is listed as a directory"));
        };
        // The size counts `.` and `..`, which are not stored.
        let mut left = u64::from(size).saturating_sub(3);
        let mut cursor = self.cursor(self.directories, block.into(), offset);
        while left >= 12 {
            let header: [u8; 12] = cursor.array()?;
            left -= 12;
            let (count, start) = (u32_le(&header, 0).unwrap_or(0), u32_le(&header, 4).unwrap_or(0));
            if count >= 256 {
                return Err(DiskError::corrupt(
                    self.directories,
                    "a directory has a header that none can have",
                ));
            }
            for _ in 0..=count {
                let entry: [u8; 8] = cursor.array()?;
                let length = u16_le(&entry, 6).map_or(0, |length| usize::from(length & 0xff) + 1);
                let name = cursor.bytes(length)?;
                let used = 8 + u64::try_from(length).unwrap_or(0);
                left = left.checked_sub(used).ok_or_else(|| {
                    DiskError::corrupt(self.directories, "a directory is longer than its inode says")
                })?;
                if name.contains(&0) || name.contains(&b'/') || matches!(&*name, b"." | b"..") {
                    self.problems.add(DiskError::corrupt(
                        self.directories,
                        "a directory has a name that none can have",
                    ));
                    continue;
                }
                let within = u64::from(u16_le(&entry, 0).unwrap_or(0));
                let id = NodeId { tree: 0, inode: u64::from(start) << 16 | within };
                if each(Entry { name: &name, id }).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn link_target(&self, id: NodeId) -> DiskResult<Vec<u8>> {
        let (inode, mut cursor) = self.inode(id)?;
        match inode.kind {
            Kind::Link { length } if length <= 4096 => cursor.bytes(usize::try_from(length).unwrap_or(0)),
            _ => Err(DiskError::corrupt(self.inodes, "no symbolic link, or one that is too long")),
        }
    }

    fn content(&self, id: NodeId) -> DiskResult<Content> {
        let (inode, mut cursor) = self.inode(id)?;
        let Kind::File { start, size, fragment, offset } = inode.kind else {
            return Err(DiskError::corrupt(self.inodes, "what is no file is read as one"));
        };
        let block = u64::from(self.block);
        let has_tail = fragment != NO_FRAGMENT;
        let blocks = if has_tail { size / block } else { size.div_ceil(block) };
        if blocks > MAX_BLOCKS {
            return Err(DiskError::over_budget(start, "a file has more blocks than are read of one"));
        }
        let (mut pieces, mut at) = (Vec::new(), start);
        for number in 0..blocks {
            let stored = u32::from_le_bytes(cursor.array()?);
            let (from, length) = (number * block, block.min(size - number * block));
            let bytes = u64::from(stored & (PLAIN - 1));
            if bytes > 0 {
                let source = self.source(at, stored, 0, length)?;
                pieces.push(Piece { at: from, length, source });
            }
            at = at.saturating_add(bytes);
        }
        let tail = size - (blocks * block).min(size);
        if has_tail && tail > 0 {
            let (place, stored) = self.fragment(fragment)?;
            let source = self.source(place, stored, offset.into(), tail)?;
            pieces.push(Piece { at: blocks * block, length: tail, source });
        }
        Ok(Content { size, pieces })
    }

    fn disks(&self) -> &[Arc<dyn Disk>] {
        &self.disks
    }

    fn decode(&self, unit: &Encoded, stored: &[u8]) -> DiskResult<Vec<u8>> {
        let offset = unit.stored.first().map_or(0, |(place, _)| place.offset);
        let most = usize::try_from(self.block).unwrap_or(0);
        let decoded = self.metadata.codec.decode(stored, most);
        decoded
            .filter(|bytes| u64::try_from(bytes.len()).unwrap_or(0) >= unit.decoded)
            .ok_or_else(|| DiskError::corrupt(offset, "compressed data is damaged"))
    }

    fn problems(&self) -> Vec<(DiskError, u64)> {
        self.problems.list()
    }
}

/// `N` bytes of an array at a place, for structures whose length is known.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    array(bytes, at).unwrap_or([0; N])
}
