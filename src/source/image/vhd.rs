//! VHD, after Microsoft's "Virtual Hard Disk Image Format Specification" 1.0.
//!
//! A fixed disk is raw bytes and a footer. A dynamic one has a copy of the footer
//! at its head, a table of blocks, and before each block a bitmap of its sectors;
//! in a differencing one the bitmap says which sectors are the parent's.

use std::sync::Arc;

use super::super::bytes::{array, u32_be, u64_be};
use super::super::disk::{Disk, DiskError, DiskResult, Part};
use super::bitmap::PartialBlock;
use super::detect::Kind;
use super::mapped::{Map, Mapped, Place, Run, coalesce, table_bytes};
use super::opening::{Identity, Opened, Opening};
use super::store::Store;
use super::windows::{parent_by_paths, utf16};

const SECTOR: u64 = 512;
const FOOTER: usize = 512;
const DYNAMIC_HEADER: usize = 1024;

/// A block that the table gives no place.
const FREE: u32 = u32::MAX;

/// Types of a disk.
const FIXED: u32 = 2;
const DYNAMIC: u32 = 3;
const DIFFERENCING: u32 = 4;

/// Ways to name a parent: by a path from the image, and by one from a root.
const RELATIVE: &[u8; 4] = b"W2ru";
const ABSOLUTE: &[u8; 4] = b"W2ku";

/// The longest name of a parent.
const MAX_NAME: usize = 2048;

struct Footer {
    bytes: Vec<u8>,
    /// Where the data of a fixed disk ends.
    end: u64,
}

pub(super) fn open(disk: Arc<dyn Disk>, opening: &mut Opening) -> DiskResult<Opened> {
    let Footer { bytes, end } = footer(&*disk, opening)?;
    let field = |at| u32_be(&bytes, at).ok_or(DiskError::corrupt(0, "the footer of the VHD is cut short"));
    let size = u64_be(&bytes, 48).unwrap_or(0);
    let identity = Identity::Guid(array(&bytes, 68).unwrap_or_default());
    let kind = field(60)?;
    if kind == FIXED {
        // What its footer says and what is there: a file that is cut short, or has
        // grown by tools that do not know the footer.
        if size > end {
            opening.note(format!("the VHD has {end} bytes of {size}: it is cut short"));
        }
        let disk = Arc::new(Part::new(disk, 0..size.min(end)));
        return Ok(Opened { disk, kind: "vhd", identity });
    }
    if !matches!(kind, DYNAMIC | DIFFERENCING) {
        return Err(DiskError::unsupported(60, format!("a VHD of type {kind}")));
    }
    let store = opening.store(disk);
    let at = u64_be(&bytes, 16).unwrap_or(u64::MAX);
    let header = store.read(at, DYNAMIC_HEADER)?;
    if !header.starts_with(b"cxsparse") {
        return Err(DiskError::corrupt(at, "the header of the dynamic VHD is not where it should be"));
    }
    if !sum_holds(&header, 36) {
        opening.note("the checksum of the dynamic VHD's header is wrong");
    }
    let field = |at| u32_be(&header, at).ok_or(DiskError::corrupt(0, "the header of the VHD is cut short"));
    let block = u64::from(field(32)?);
    if block < SECTOR || !block.is_power_of_two() {
        return Err(DiskError::corrupt(at, format!("blocks of {block} bytes")));
    }
    let blocks = u64::from(field(28)?);
    if blocks < size.div_ceil(block) {
        return Err(DiskError::corrupt(at, "the table of blocks is too short for the disk"));
    }
    let parent = if kind == DIFFERENCING { Some(parent(&header, &store, opening)?) } else { None };
    let map = BlockMap {
        size,
        block,
        bitmap: block.div_ceil(SECTOR * 8).next_multiple_of(SECTOR),
        table: u64_be(&header, 16).unwrap_or(u64::MAX),
        differencing: kind == DIFFERENCING,
        store,
    };
    Ok(Opened { disk: Arc::new(Mapped::new(map, parent)), kind: "vhd", identity })
}

/// The footer, or its copy at the head.
fn footer(disk: &dyn Disk, opening: &mut Opening) -> DiskResult<Footer> {
    let read = |at| {
        let mut bytes = vec![0; FOOTER];
        let filled = disk.read_at(&mut bytes, at)?;
        bytes.get_mut(filled..).unwrap_or_default().fill(0);
        Ok(bytes)
    };
    // The first versions wrote 511 bytes.
    let ends = [512, 511].map(|length| disk.size().checked_sub(length));
    let mut at_end: DiskResult<Option<Footer>> = Ok(None);
    for end in ends.into_iter().flatten() {
        match read(end) {
            Ok(bytes) if bytes.starts_with(b"conectix") => at_end = Ok(Some(Footer { bytes, end })),
            Ok(_) => continue,
            // The copy may do.
            Err(error) => at_end = Err(error),
        }
        break;
    }
    if let Ok(Some(footer)) = &at_end
        && sum_holds(&footer.bytes, 64)
    {
        return at_end.and_then(found);
    }
    let copy = read(0)?;
    if copy.starts_with(b"conectix") && (sum_holds(&copy, 64) || !matches!(at_end, Ok(Some(_)))) {
        opening.note("the footer of the VHD is missing or damaged: it may be cut short; its copy is used");
        return Ok(Footer { bytes: copy, end: disk.size() });
    }
    opening.note("the checksum of the VHD's footer is wrong");
    at_end.and_then(found)
}

fn found(footer: Option<Footer>) -> DiskResult<Footer> {
    footer.ok_or(DiskError::corrupt(0, "the VHD has no footer: it is cut short"))
}

/// Whether a structure is the complement of its sum, its own field left out.
fn sum_holds(bytes: &[u8], at: usize) -> bool {
    let field = at..at + 4;
    let others = bytes.iter().enumerate().filter(|(place, _)| !field.contains(place));
    let sum = others.fold(0_u32, |sum, (_, byte)| sum.wrapping_add(u32::from(*byte)));
    u32_be(bytes, at) == Some(!sum)
}

fn parent(header: &[u8], store: &Store, opening: &mut Opening) -> DiskResult<Arc<dyn Disk>> {
    let uuid: [u8; 16] = array(header, 40).unwrap_or_default();
    let mut names = Vec::new();
    for form in [RELATIVE, ABSOLUTE] {
        for entry in header.get(576..768).unwrap_or_default().chunks_exact(24) {
            let (Some(length), Some(at)) = (u32_be(entry, 8), u64_be(entry, 16)) else { continue };
            if !entry.starts_with(form) {
                continue;
            }
            let length = usize::try_from(length).unwrap_or(usize::MAX).min(MAX_NAME);
            names.push(utf16(&store.read(at, length)?, u16::from_le_bytes));
        }
    }
    names.push(utf16(header.get(64..576).unwrap_or_default(), u16::from_be_bytes));
    parent_by_paths(&names, Kind::Vhd, &[Identity::Guid(uuid)], opening)
}

#[derive(Debug)]
struct BlockMap {
    store: Store,
    size: u64,
    block: u64,
    /// Bytes of the bitmap before each block.
    bitmap: u64,
    table: u64,
    differencing: bool,
}

impl Map for BlockMap {
    fn size(&self) -> u64 {
        self.size
    }

    fn unit(&self) -> u64 {
        self.block
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn run(&self, offset: u64, limit: u64) -> DiskResult<Run> {
        let index = offset / self.block;
        let left = self.size.div_ceil(self.block).saturating_sub(index);
        let wanted = table_bytes(offset, limit, self.block, left, 4);
        let window = self.store.window(self.table.saturating_add(index * 4), wanted)?;
        let mut entries = window.bytes().chunks_exact(4).map(|entry| u32_be(entry, 0).unwrap_or(FREE));
        if self.differencing
            && let Some(first) = entries.clone().next().filter(|entry| *entry != FREE)
        {
            let bitmap = u64::from(first) * SECTOR;
            let block = PartialBlock {
                store: &self.store,
                bitmap,
                first: 0,
                lowest_first: false,
                sector: SECTOR,
                block: self.block,
                data: bitmap.saturating_add(self.bitmap),
            };
            return block.run(offset, limit);
        }
        // The bitmap of a dynamic disk is not needed: what was not written is zero.
        let take_all = entries.by_ref().map(|entry| {
            Ok(match entry {
                FREE => Place::Parent,
                sector => Place::At(u64::from(sector) * SECTOR + self.bitmap),
            })
        });
        let free_only = self.differencing;
        coalesce(
            offset,
            limit,
            self.block,
            take_all.take_while(|place| !free_only || matches!(place, Ok(Place::Parent))),
        )
    }
}
