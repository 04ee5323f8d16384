//! The label of a physical volume and the areas that hold the group's metadata.
//!
//! Format: `lib/label/label.h`, `lib/format_text/layout.h` of LVM2 (`label_header`,
//! `pv_header`, `mda_header`, `raw_locn`); libvslvm documentation §Physical volume.

use crate::source::bytes::{array, u32_le, u64_le};
use crate::source::disk::{Disk, DiskError, DiskResult, read_vec};

/// What LVM begins its checksum with (`INITIAL_CRC`).
const INITIAL_CRC: u32 = 0xf597_a6cf;
/// The longest text that is read; LVM's areas have 1 MiB by default.
const MAX_TEXT: u64 = 8 << 20;
/// The length of the header of a metadata area; the ring of texts follows.
const AREA_HEADER: u64 = 512;
/// The most areas of a kind that a header lists: its sector holds no more.
const MAX_AREAS: usize = 32;

/// A physical volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// Its UUID, without dashes.
    pub(super) uuid: String,
    /// Where its metadata areas lie: offset and length.
    pub(super) areas: Vec<(u64, u64)>,
    /// Whether its checksum is right.
    pub(super) sound: bool,
    /// Where it lies.
    pub(super) offset: u64,
}

/// CRC-32 as LVM computes it: the usual polynomial, not inverted.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new_with_initial(!INITIAL_CRC);
    crc.update(bytes);
    !crc.finalize()
}

/// Looks for the label in the first four sectors.
pub(super) fn detect(head: &[u8]) -> Option<Label> {
    for (sector, offset) in head.chunks_exact(512).take(4).zip((0_u64..).step_by(512)) {
        if array(sector, 0) != Some(*b"LABELONE") || array(sector, 24) != Some(*b"LVM2 001") {
            continue;
        }
        let sum = sector.get(20..).map(crc);
        let sound = u64_le(sector, 8) == Some(offset / 512) && sum == u32_le(sector, 16);
        let header = usize::try_from(u32_le(sector, 20)?).ok()?;
        let uuid: [u8; 32] = array(sector, header)?;
        let uuid = String::from_utf8_lossy(&uuid).into_owned();
        // Behind UUID and size: the areas of data, a zero, the areas of metadata, a
        // zero.
        let mut at = header.checked_add(40)?;
        let mut areas = [Vec::new(), Vec::new()];
        for list in &mut areas {
            for _ in 0..MAX_AREAS {
                let (Some(start), Some(length)) = (u64_le(sector, at), u64_le(sector, at + 8)) else { break };
                at += 16;
                if start == 0 {
                    break;
                }
                list.push((start, length));
            }
        }
        let [_, areas] = areas;
        return Some(Label { uuid, areas, sound, offset });
    }
    None
}

/// Where the text in a metadata area lies, as its header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Of the area.
    start: u64,
    /// Of the area.
    size: u64,
    /// Within the area.
    offset: u64,
    /// Of the text.
    pub(super) length: u64,
    /// Of the text.
    pub(super) checksum: u32,
}

/// Reads the header of a metadata area. `None` where it says that it holds nothing.
pub(super) fn place(disk: &dyn Disk, area: (u64, u64)) -> DiskResult<Option<Place>> {
    let (start, length) = area;
    let corrupt = |message: &'static str| DiskError::corrupt(start, message);
    let header = read_vec(disk, start, 512)?;
    if array(&header, 4) != Some(*b" LVM2 x[5A%r0N*>") {
        return Err(corrupt("an LVM metadata area has no header"));
    }
    if header.get(4..).map(crc) != u32_le(&header, 0) {
        return Err(corrupt("the checksum of an LVM metadata area's header is wrong"));
    }
    let field = |at| u64_le(&header, at).unwrap_or(0);
    let (begin, size) = (field(24), field(32));
    if begin != start || (length != 0 && size != length) || size <= AREA_HEADER {
        return Err(corrupt("an LVM metadata area says that it lies elsewhere"));
    }
    let (offset, length) = (field(40), field(48));
    let flags = u32_le(&header, 60).unwrap_or(0);
    if offset == 0 || flags & 1 != 0 {
        // Never written, or set aside.
        return Ok(None);
    }
    if length > MAX_TEXT {
        return Err(DiskError::over_budget(start, "more LVM metadata than is read"));
    }
    if offset < AREA_HEADER || offset >= size || length > size - AREA_HEADER {
        return Err(corrupt("the LVM metadata lies outside of its area"));
    }
    if start.saturating_add(size) > disk.size() {
        return Err(corrupt("an LVM metadata area lies past the end of the disk"));
    }
    Ok(Some(Place { start, size, offset, length, checksum: u32_le(&header, 56).unwrap_or(0) }))
}

impl Place {
    /// Reads the text.
    pub(super) fn read(&self, disk: &dyn Disk) -> DiskResult<String> {
        let corrupt = |message: &'static str| DiskError::corrupt(self.start, message);
        // The area is a ring behind its header.
        let first = self.length.min(self.size.saturating_sub(self.offset));
        let part = |offset: u64, length: u64| {
            read_vec(disk, self.start.saturating_add(offset), usize::try_from(length).unwrap_or(0))
        };
        let mut text = part(self.offset, first)?;
        if first < self.length {
            text.extend(part(AREA_HEADER, self.length - first)?);
        }
        if crc(&text) != self.checksum {
            return Err(corrupt("the checksum of the LVM metadata is wrong"));
        }
        String::from_utf8(text).map_err(|_| corrupt("the LVM metadata is not text"))
    }
}
