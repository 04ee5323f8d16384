//! Sparse extents of a VMDK: grain directory, grain tables, grains.

use std::sync::Arc;

use super::super::super::bytes::{u16_le, u32_le, u64_le};
use super::super::super::disk::{Disk, DiskError, DiskResult};
use super::super::inflate::Form;
use super::super::mapped::{Map, Packed, Place, Run, coalesce, table_bytes};
use super::super::store::Store;

const SECTOR: u64 = 512;

/// Where the directory of a stream lies: in the footer.
const AT_END: u64 = u64::MAX;

const ZEROED_GRAINS: u32 = 1 << 2;
const COMPRESSED: u32 = 1 << 16;
const MARKERS: u32 = 1 << 17;

/// Bytes before each grain of a stream.
const MARKER: usize = 12;

/// The largest compressed grain; writers use 64 KiB.
const MAX_COMPRESSED_GRAIN: u64 = 4 << 20;

/// The header of an extent, hosted (`KDMV`) or of an ESX server (`COWD`).
#[derive(Clone, Debug)]
pub(super) struct Header {
    flags: u32,
    /// Bytes of the disk that the extent covers.
    pub(super) size: u64,
    grain: u64,
    entries_per_table: u64,
    directory: u64,
    /// Where the descriptor lies, in bytes, and its length; (0, 0) for none.
    pub(super) descriptor: (u64, u64),
    algorithm: u16,
    pub(super) unclean: bool,
}

fn cut<T>(value: Option<T>) -> DiskResult<T> {
    value.ok_or(DiskError::corrupt(0, "the header of the VMDK extent is cut short"))
}

fn bytes(sectors: u64) -> DiskResult<u64> {
    sectors.checked_mul(SECTOR).ok_or(DiskError::corrupt(0, "a number of sectors that no disk has"))
}

impl Header {
    pub(super) fn read(disk: &dyn Disk) -> DiskResult<Self> {
        let mut head = [0; 512];
        let filled = disk.read_at(&mut head, 0)?;
        let head = head.get(..filled).unwrap_or_default();
        if head.starts_with(b"COWD") {
            return Self::esx(head);
        }
        if !head.starts_with(b"KDMV") {
            return Err(DiskError::corrupt(0, "is not a sparse extent"));
        }
        let header = Self::hosted(head)?;
        if header.directory != AT_END {
            return header.checked();
        }
        // A stream: the header again, before the marker of the end.
        let at = disk.size().saturating_sub(1024);
        let mut foot = [0; 512];
        let filled = disk.read_at(&mut foot, at)?;
        let foot = foot.get(..filled).unwrap_or_default();
        if !foot.starts_with(b"KDMV") {
            let message = "the footer is missing: the streamOptimized VMDK is cut short";
            return Err(DiskError::corrupt(at, message));
        }
        let footer = Self::hosted(foot)?;
        if footer.directory == AT_END {
            return Err(DiskError::corrupt(at, "the footer does not tell where the grain directory is"));
        }
        Self { descriptor: header.descriptor, ..footer }.checked()
    }

    fn hosted(head: &[u8]) -> DiskResult<Self> {
        let version = cut(u32_le(head, 4))?;
        if !matches!(version, 1..=3) {
            return Err(DiskError::unsupported(4, format!("a VMDK extent of version {version}")));
        }
        let flags = cut(u32_le(head, 8))?;
        let mut directory = cut(u64_le(head, 56))?;
        if directory == 0 {
            // Only the redundant one.
            directory = cut(u64_le(head, 48))?;
        }
        let descriptor = (bytes(cut(u64_le(head, 28))?)?, bytes(cut(u64_le(head, 36))?)?);
        Ok(Self {
            flags,
            size: bytes(cut(u64_le(head, 12))?)?,
            grain: bytes(cut(u64_le(head, 20))?)?,
            entries_per_table: u64::from(cut(u32_le(head, 44))?),
            directory: if directory == AT_END { AT_END } else { bytes(directory)? },
            descriptor,
            algorithm: cut(u16_le(head, 77))?,
            unclean: cut(head.get(72).copied())? != 0,
        })
    }

    fn esx(head: &[u8]) -> DiskResult<Self> {
        let field = |at| cut(u32_le(head, at)).map(u64::from);
        let header = Self {
            flags: 0,
            size: bytes(field(12)?)?,
            grain: bytes(field(16)?)?,
            entries_per_table: 4096,
            directory: bytes(field(20)?)?,
            descriptor: (0, 0),
            algorithm: 0,
            unclean: false,
        };
        header.checked()
    }

    fn checked(self) -> DiskResult<Self> {
        if !self.grain.is_power_of_two() || self.grain > 1 << 30 {
            return Err(DiskError::corrupt(20, format!("grains of {} bytes", self.grain)));
        }
        if !(1..=1 << 16).contains(&self.entries_per_table) {
            return Err(DiskError::corrupt(
                44,
                format!("grain tables of {} entries", self.entries_per_table),
            ));
        }
        if self.is_compressed() {
            if self.algorithm != 1 {
                return Err(DiskError::unsupported(77, format!("VMDK compression {}", self.algorithm)));
            }
            if self.grain > MAX_COMPRESSED_GRAIN {
                return Err(DiskError::over_budget(20, format!("compressed grains of {} bytes", self.grain)));
            }
        }
        Ok(self)
    }

    fn span(&self) -> u64 {
        self.grain.saturating_mul(self.entries_per_table).max(1)
    }

    fn is_compressed(&self) -> bool {
        self.flags & COMPRESSED != 0
    }
}

/// The tables of one extent.
#[derive(Debug)]
pub(super) struct GrainMap {
    header: Header,
    store: Store,
}

impl GrainMap {
    pub(super) fn new(header: Header, store: Store) -> Self {
        Self { header, store }
    }

    fn place(&self, at: u64, entry: u32) -> DiskResult<Place> {
        match u64::from(entry) {
            0 => Ok(Place::Parent),
            1 if self.header.flags & ZEROED_GRAINS != 0 => Ok(Place::Zero),
            sector if sector * SECTOR >= self.store.size() => {
                Err(DiskError::corrupt(at, "a grain lies past the end of the file"))
            }
            sector => Ok(Place::At(sector * SECTOR)),
        }
    }

    /// A compressed grain: in a stream behind a marker (number of its first sector,
    /// length), else alone, and it tells itself where it ends.
    fn packed(&self, offset: u64, at: u64) -> DiskResult<Place> {
        let longest = self.header.grain.saturating_mul(2);
        let (mut at, mut length) = (at, longest);
        if self.header.flags & MARKERS != 0 {
            let marker = self.store.window(at, MARKER)?;
            let first = offset / self.header.grain * self.header.grain / SECTOR;
            if u64_le(marker.bytes(), 0) != Some(first) {
                return Err(DiskError::corrupt(at, "the marker of a grain names another one"));
            }
            length = u64::from(cut(u32_le(marker.bytes(), 8))?);
            if length > longest {
                return Err(DiskError::corrupt(at, format!("a compressed grain of {length} bytes")));
            }
            at = at.saturating_add(12);
        }
        let length = usize::try_from(length).unwrap_or(0);
        Ok(Place::Packed(Packed { at, length, form: Form::Zlib }))
    }
}

impl Map for GrainMap {
    fn size(&self) -> u64 {
        self.header.size
    }

    fn unit(&self) -> u64 {
        self.header.grain
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn run(&self, offset: u64, limit: u64) -> DiskResult<Run> {
        let Header { grain, .. } = self.header;
        let span = self.header.span();
        let (number, inside) = (offset / span, offset % span);
        let at = self.header.directory.saturating_add(number * 4);
        let left = self.header.size.div_ceil(span).saturating_sub(number);
        let wanted = table_bytes(offset, limit, span, left, 4);
        let window = self.store.window(at, wanted)?;
        let mut entries = window.bytes().chunks_exact(4).map(|entry| u32_le(entry, 0).unwrap_or(0));
        let table = u64::from(entries.next().unwrap_or(0)) * SECTOR;
        if table == 0 {
            let empty = entries.take_while(|entry| *entry == 0).count();
            let more = u64::try_from(empty).unwrap_or(0).saturating_mul(span);
            return Ok(Run { place: Place::Parent, length: (span - inside).saturating_add(more) });
        }
        let index = inside / grain;
        let at = table.saturating_add(index * 4);
        let left = self.header.entries_per_table.saturating_sub(index);
        let wanted = table_bytes(inside, limit, grain, left, 4);
        let window = self.store.window(at, wanted)?;
        let mut places = window.bytes().chunks_exact(4).map(|entry| {
            let entry = u32_le(entry, 0).unwrap_or(0);
            self.place(at, entry)
        });
        if !self.header.is_compressed() {
            return coalesce(offset, limit, grain, places);
        }
        match places.clone().next() {
            Some(Ok(Place::At(start))) => coalesce(offset, limit, grain, [self.packed(offset, start)]),
            _ => {
                let is_hole = |place: &DiskResult<Place>| matches!(place, Ok(Place::Parent | Place::Zero));
                let first = places.next();
                coalesce(offset, limit, grain, first.into_iter().chain(places.take_while(is_hole)))
            }
        }
    }
}

/// An extent as a disk.
pub(super) fn disk(header: Header, store: Store, parent: Option<Arc<dyn Disk>>) -> Arc<dyn Disk> {
    Arc::new(super::super::mapped::Mapped::new(GrainMap::new(header, store), parent))
}
