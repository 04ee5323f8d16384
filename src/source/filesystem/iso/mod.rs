//! ISO 9660 with Rock Ridge or Joliet, as on CDs, DVDs and the media of installers.
//!
//! Role: what a volume holds, by its structures on the disk. Follows ECMA-119 (4th
//! edition), the Rock Ridge Interchange Protocol 1.12 with the System Use Sharing Protocol
//! 1.12, and Microsoft's Joliet specification. Where a volume has Rock Ridge its names and
//! modes are taken, else those of Joliet, else the plain ones without their version. A
//! file is known by the place of its record, a directory by that of its first, which is its
//! own: so each is gone through once, however many records lead to it. UDF, which may lie
//! beside it, is not read.
//!
//! Nothing is deleted on one and nothing is free: it is written once.

mod record;
mod rock_ridge;

use std::ops::ControlFlow;
use std::sync::Arc;

use rustix::fs::FileType;

use self::record::{DIRECTORY, MORE, Record};
use self::rock_ridge::Extra;
use super::{About, Content, Entry, Filesystem, NodeId, Piece, PieceSource, Place, Problems};
use crate::source::bytes::{u8_at, u16_le, u32_le};
use crate::source::disk::{CachedDisk, Disk, DiskError, DiskResult, read_exact};
use crate::source::stat::FileStat;

/// A sector, in bytes.
pub(super) const SECTOR: u64 = 2048;
/// The first descriptor of a volume, and how many there are at most.
const FIRST_DESCRIPTOR: u64 = 16;
const MAX_DESCRIPTORS: u64 = 64;
/// How the first descriptor begins, and where it lies (ECMA-119, 8.4).
pub const MAGIC: &[u8] = b"\x01CD001\x01\0";
/// See [`MAGIC`].
pub const MAGIC_AT: usize = 0x8000;
/// Where a descriptor keeps the record of the root.
const ROOT: u64 = 156;
/// The names of a directory's own record and of that of its parent (6.8.2.2).
const OWN: &[u8] = &[0];
const PARENT: &[u8] = &[1];
/// The most ranges of one file.
const MAX_RANGES: usize = 4096;

/// Which names are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Plain,
    RockRidge,
    Joliet,
}

/// A volume.
#[derive(Debug)]
pub struct Iso {
    about: About,
    disks: [Arc<dyn Disk>; 1],
    metadata: CachedDisk,
    names: Names,
    /// How many bytes come before what Rock Ridge keeps in a record.
    skip: usize,
    root: u64,
    problems: Problems,
}

/// Whether there is such a volume on a disk.
#[must_use]
pub fn detect(disk: &dyn Disk) -> bool {
    let mut head = [0; 8];
    read_exact(disk, &mut head, FIRST_DESCRIPTOR * SECTOR).is_ok() && head == *MAGIC
}

/// Reads what says how the volume is laid out.
///
/// # Errors
///
/// No descriptor that makes sense.
pub fn open(disk: Arc<dyn Disk>) -> DiskResult<Iso> {
    let metadata = CachedDisk::new(Arc::clone(&disk));
    let primary = FIRST_DESCRIPTOR * SECTOR;
    let mut descriptor = [0; 2048];
    read_exact(&metadata, &mut descriptor, primary)?;
    if u16_le(&descriptor, 128) != Some(2048) {
        return Err(DiskError::unsupported(primary, "ISO 9660 with blocks other than of 2048 bytes"));
    }
    let size = volume_size(&descriptor);
    let label = descriptor.get(40..72).unwrap_or_default().trim_ascii();
    let label = (!label.is_empty()).then(|| String::from_utf8_lossy(label).into_owned());
    let about = About { kind: "iso9660", label, size, block_size: 2048, uuid: None, notes: Vec::new() };
    let problems = Problems::default();
    if size > disk.size() {
        problems.add(DiskError::corrupt(disk.size(), "the file ends before the volume does"));
    }
    let names = Names::Plain;
    let mut iso = Iso { about, disks: [disk], metadata, names, skip: 0, root: 0, problems };
    iso.root = iso.record(primary + ROOT)?.extent()?;
    if let Some(skip) = iso.rock_ridge() {
        (iso.names, iso.skip) = (Names::RockRidge, skip);
    } else if let Some(root) = iso.joliet() {
        (iso.names, iso.root) = (Names::Joliet, root);
    }
    Ok(iso)
}

/// Where a volume ends, by its first descriptor; what follows it on a disk is not its own.
#[must_use]
pub fn end(disk: &dyn Disk) -> Option<u64> {
    let mut descriptor = [0; 84];
    read_exact(disk, &mut descriptor, FIRST_DESCRIPTOR * SECTOR).ok()?;
    Some(volume_size(&descriptor))
}

fn volume_size(descriptor: &[u8]) -> u64 {
    u64::from(u32_le(descriptor, 80).unwrap_or(0)) * SECTOR
}

impl Iso {
    /// Whether the root says that it has Rock Ridge: how many bytes of each record come
    /// before it.
    fn rock_ridge(&self) -> Option<usize> {
        let own = self.record(self.root).ok()?;
        let area = own.extra(0)?;
        // SP: length, version, two bytes to check, and how many to skip.
        let skip = area.strip_prefix(b"SP\x07\x01\xbe\xef").and_then(|rest| u8_at(rest, 0))?;
        Some(skip.into())
    }

    /// Where the root lies that has names in Unicode.
    fn joliet(&self) -> Option<u64> {
        for number in 1..MAX_DESCRIPTORS {
            let at = (FIRST_DESCRIPTOR + number) * SECTOR;
            let mut head = [0; 96];
            read_exact(&self.metadata, &mut head, at).ok()?;
            match head {
                [2, b'C', b'D', b'0', b'0', b'1', ..] => {
                    let escape = head.get(88..91).unwrap_or_default();
                    if matches!(escape, b"%/@" | b"%/C" | b"%/E") {
                        return self.record(at + ROOT).ok()?.extent().ok();
                    }
                }
                [255, ..] => return None,
                _ => {}
            }
        }
        None
    }

    fn record(&self, at: u64) -> DiskResult<Record> {
        Record::read(&self.metadata, at)
    }

    fn extra(&self, record: &Record) -> Extra {
        match self.names {
            Names::RockRidge => Extra::read(&self.metadata, record.extra(self.skip).unwrap_or_default()),
            Names::Plain | Names::Joliet => Extra::default(),
        }
    }

    /// The name of a record; empty where it has none that can be.
    fn name(&self, record: &Record, extra: &Extra) -> Vec<u8> {
        match (self.names, &extra.name) {
            (Names::RockRidge, Some(name)) => name.clone(),
            (Names::Joliet, _) => {
                let units = record.name().chunks_exact(2).filter_map(|unit| unit.try_into().ok());
                let text: String = char::decode_utf16(units.map(u16::from_be_bytes))
                    .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect();
                without_version(text.as_bytes()).to_vec()
            }
            _ => without_version(record.name()).to_vec(),
        }
    }

    /// Gives each record of a directory but its own and that of its parent, with its place.
    fn records(
        &self,
        start: u64,
        each: &mut dyn FnMut(u64, Record) -> DiskResult<ControlFlow<()>>,
    ) -> DiskResult<()> {
        let own = self.record(start)?;
        if own.name() != OWN || own.flags & DIRECTORY == 0 || own.extent()? != start {
            return Err(DiskError::corrupt(start, "a directory does not begin with its own record"));
        }
        let wanted = start.saturating_add(own.size.into());
        let end = wanted.min(self.disks[0].size());
        let (mut at, mut goes_on) = (start.saturating_add(own.length()), false);
        while at < end {
            let Some(length) = self.length(at)? else {
                at = next_sector(at);
                continue;
            };
            let record = self.record(at)?;
            if record.name() == OWN {
                return Err(DiskError::corrupt(at, "a directory runs into another"));
            }
            let is_first = !std::mem::replace(&mut goes_on, record.flags & MORE != 0);
            if record.name() != PARENT && is_first && each(at, record)?.is_break() {
                return Ok(());
            }
            at = at.saturating_add(length);
        }
        if end < wanted {
            return Err(DiskError::corrupt(end, "a directory lies past the end of the file"));
        }
        Ok(())
    }

    /// How long the record at a place is. `None`: the rest of the sector is not used, since
    /// no record crosses into the next.
    fn length(&self, at: u64) -> DiskResult<Option<u64>> {
        let mut length = [0];
        read_exact(&self.metadata, &mut length, at)?;
        Ok(Some(u64::from(length[0])).filter(|length| *length > 0))
    }
}

fn next_sector(at: u64) -> u64 {
    (at / SECTOR).saturating_add(1).saturating_mul(SECTOR)
}

impl Filesystem for Iso {
    fn about(&self) -> &About {
        &self.about
    }

    fn root(&self) -> NodeId {
        NodeId { tree: 0, inode: self.root }
    }

    fn stat(&self, id: NodeId) -> DiskResult<FileStat> {
        let record = self.record(id.inode)?;
        let extra = self.extra(&record);
        let is_directory = record.flags & DIRECTORY != 0;
        let by_mode = extra.mode.map(FileType::from_raw_mode);
        let file_type = match (is_directory, by_mode) {
            (true, _) => FileType::Directory,
            (false, None | Some(FileType::Directory | FileType::Unknown)) => FileType::RegularFile,
            (false, Some(kind)) => kind,
        };
        let size = match file_type {
            FileType::RegularFile => self.ranges(id.inode)?.iter().map(|(_, length)| *length).sum(),
            _ => u64::from(record.size),
        };
        let time = record.time();
        Ok(FileStat {
            file_type,
            size: Some(size),
            stored: size,
            permissions: extra.mode.map_or(if is_directory { 0o755 } else { 0o644 }, |mode| mode & 0o7777),
            uid: extra.uid,
            gid: extra.gid,
            dev: 0,
            ino: id.inode,
            // Hard links are files that share their content, each with a record.
            links: 1,
            atime: time,
            mtime: time,
            ctime: time,
            btime: None,
        })
    }

    fn list(&self, dir: NodeId, each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> DiskResult<()> {
        self.records(dir.inode, &mut |at, record| {
            let extra = self.extra(&record);
            // What lies too deep is stored elsewhere, and shown where it belongs.
            if extra.is_moved {
                return Ok(ControlFlow::Continue(()));
            }
            let name = self.name(&record, &extra);
            if name.is_empty() || name.contains(&0) || name.contains(&b'/') || matches!(&*name, b"." | b"..")
            {
                self.problems.add(DiskError::corrupt(at, "a directory has a name that none can have"));
                return Ok(ControlFlow::Continue(()));
            }
            let inode = match extra.child {
                Some(block) => u64::from(block).saturating_mul(SECTOR),
                None if record.flags & DIRECTORY != 0 => record.extent()?,
                None => at,
            };
            Ok(each(Entry { name: &name, id: NodeId { tree: 0, inode } }))
        })
    }

    fn link_target(&self, id: NodeId) -> DiskResult<Vec<u8>> {
        let target = self.extra(&self.record(id.inode)?).target;
        target.ok_or_else(|| DiskError::corrupt(id.inode, "a symbolic link without a target"))
    }

    fn content(&self, id: NodeId) -> DiskResult<Content> {
        if self.extra(&self.record(id.inode)?).is_compressed {
            return Err(DiskError::unsupported(id.inode, "compressed as zisofs does, which is not read"));
        }
        let mut content = Content::default();
        for (at, length) in self.ranges(id.inode)? {
            let source = PieceSource::Stored(Place { disk: 0, offset: at });
            content.pieces.push(Piece { at: content.size, length, source });
            content.size = content.size.saturating_add(length);
        }
        Ok(content)
    }

    fn disks(&self) -> &[Arc<dyn Disk>] {
        &self.disks
    }

    fn problems(&self) -> Vec<(DiskError, u64)> {
        self.problems.list()
    }
}

impl Iso {
    /// Where the content of a file lies: one range, or several in records that follow.
    fn ranges(&self, id: u64) -> DiskResult<Vec<(u64, u64)>> {
        let (mut ranges, mut at) = (Vec::new(), id);
        loop {
            let record = self.record(at)?;
            if record.interleave != 0 {
                return Err(DiskError::unsupported(at, "a file is interleaved, which is not read"));
            }
            let start = record.extent()?;
            if record.size > 0 {
                ranges.push((start, u64::from(record.size)));
            }
            if record.flags & MORE == 0 {
                return Ok(ranges);
            }
            if ranges.len() >= MAX_RANGES {
                return Err(DiskError::over_budget(at, "a file has more ranges than are read of one"));
            }
            at = at.saturating_add(record.length());
            if self.length(at)?.is_none() {
                at = next_sector(at);
            }
        }
    }
}

/// A name without its version, and without the dot of an ending that it has not.
fn without_version(name: &[u8]) -> &[u8] {
    let name = match name.iter().rposition(|byte| *byte == b';') {
        Some(at) => name.get(..at).unwrap_or_default(),
        None => name,
    };
    match name {
        [rest @ .., b'.'] if !rest.is_empty() => rest,
        name => name,
    }
}
