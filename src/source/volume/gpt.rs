//! The GUID partition table.
//!
//! Format: UEFI Specification 2.10 §5.3: a header in the second sector and one in
//! the last, each with a CRC-32 of its own and of its array of entries. Where the
//! first is damaged the second is used; what is wrong with either is reported.

use crate::source::bytes::{array, u16_le, u32_le, u64_le, uuid};
use crate::source::disk::{Disk, DiskError, read_vec};

/// The sizes of a sector, the usual ones first; a disk does not say its own.
pub(super) const SECTOR_SIZES: [u64; 4] = [512, 4096, 2048, 1024];

/// The largest array of entries that is read: 32,768 of the usual size.
const MAX_ARRAY: u64 = 4 << 20;

/// The array that the format asks for at the least.
const SIGNATURE: [u8; 8] = *b"EFI PART";

/// A partition; numbers are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its place in the array, from 1.
    pub(super) number: u32,
    /// What it is for.
    pub(super) kind: [u8; 16],
    /// Where it begins.
    pub(super) start: u64,
    /// Where it ends.
    pub(super) end: u64,
    /// Its label.
    pub(super) name: Option<String>,
}

/// A header that can be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Header {
    sector_size: u64,
    /// Where it lies, in bytes.
    offset: u64,
    /// Whether its own checksum is right.
    sound: bool,
    /// Where the other header lies, in bytes.
    other: u64,
    disk: [u8; 16],
    usable: (u64, u64),
    /// Where the array of entries lies, in bytes.
    array: u64,
    count: u32,
    entry_size: u32,
    array_crc: u32,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Gpt {
    /// No header at either place.
    None,
    /// Headers that cannot be used.
    Broken,
    /// The partitions.
    Table {
        /// Bytes of a sector.
        sector_size: u64,
        /// In the order of the array.
        entries: Vec<Entry>,
        /// Whether a header lies where the first must.
        first: bool,
    },
}

/// Reads the table. `errors` is told what is wrong with it.
pub(super) fn read(disk: &dyn Disk, errors: &mut Vec<DiskError>) -> Gpt {
    let mut primary: Option<Header> = None;
    let mut seen = false;
    for sector_size in SECTOR_SIZES {
        if let Some(header) = header(disk, sector_size, sector_size, &mut seen, errors) {
            primary = Some(header);
            break;
        }
    }
    let first = seen;
    let primary_array = primary.as_ref().map(|header| read_array(disk, header));
    if let (Some(header), Some(Ok((bytes, true)))) = (&primary, &primary_array)
        && header.sound
    {
        compare(disk, header, errors);
        return table(header, bytes, true);
    }
    // The first cannot be trusted: the second says.
    if let Some(header) = &primary
        && !header.sound
    {
        errors.push(DiskError::corrupt(header.offset, "the first GPT header's checksum is wrong"));
    }
    match &primary_array {
        Some(Ok((_, false))) => {
            let offset = primary.as_ref().map_or(0, |header| header.array);
            errors.push(DiskError::corrupt(offset, "the checksum of the first GPT entries is wrong"));
        }
        Some(Err(error)) => errors.push(error.clone()),
        _ => {}
    }
    let mut places: Vec<(u64, u64)> =
        primary.iter().map(|header| (header.other, header.sector_size)).collect();
    for sector_size in SECTOR_SIZES {
        let sectors = disk.size() / sector_size;
        places.push((sectors.saturating_sub(1).saturating_mul(sector_size), sector_size));
    }
    let mut tried = Vec::new();
    for (offset, sector_size) in places {
        if offset < 2 * sector_size || tried.contains(&(offset, sector_size)) {
            continue;
        }
        tried.push((offset, sector_size));
        let Some(backup) = header(disk, offset, sector_size, &mut seen, errors) else { continue };
        match read_array(disk, &backup) {
            Ok((bytes, true)) if backup.sound => {
                let message = "the first GPT header or its entries are damaged: the backup is used";
                errors.push(DiskError::corrupt(sector_size, message));
                return table(&backup, &bytes, first);
            }
            Ok(_) => errors.push(DiskError::corrupt(offset, "the backup GPT's checksums are wrong too")),
            Err(error) => errors.push(error),
        }
    }
    // Nothing is right: what the first says, entry by entry, is better than nothing.
    if let (Some(header), Some(Ok((bytes, _)))) = (&primary, &primary_array) {
        errors.push(DiskError::corrupt(header.offset, "no copy of the GPT is sound: the first is used"));
        return table(header, bytes, true);
    }
    if seen { Gpt::Broken } else { Gpt::None }
}

/// The header at an offset, if its numbers can be.
fn header(
    disk: &dyn Disk,
    offset: u64,
    sector_size: u64,
    seen: &mut bool,
    errors: &mut Vec<DiskError>,
) -> Option<Header> {
    if offset.saturating_add(512) > disk.size() {
        return None;
    }
    let length = usize::try_from(sector_size.min(disk.size().saturating_sub(offset))).ok()?;
    // The header is 92 bytes; the rest of its sector may be unreadable or cut off.
    let bytes = match read_vec(disk, offset, length).or_else(|_| read_vec(disk, offset, 512)) {
        Ok(bytes) => bytes,
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    if array(&bytes, 0) != Some(SIGNATURE) {
        return None;
    }
    *seen = true;
    let bad = |message: &'static str| DiskError::corrupt(offset, message);
    let result = (|| {
        let size = usize::try_from(u32_le(&bytes, 12)?).ok()?;
        let Some(covered) = bytes.get(..size).filter(|_| size >= 92) else {
            return Some(Err(bad("a GPT header's size cannot be")));
        };
        if u64_le(&bytes, 24)?.checked_mul(sector_size) != Some(offset) {
            return Some(Err(bad("a GPT header says that it lies elsewhere")));
        }
        let mut crc = crc32fast::Hasher::new();
        crc.update(covered.get(..16)?);
        crc.update(&[0; 4]);
        crc.update(covered.get(20..)?);
        let entry_size = u32_le(&bytes, 84)?;
        if !(128..=4096).contains(&entry_size) || entry_size % 8 != 0 {
            return Some(Err(bad("the size of a GPT entry cannot be")));
        }
        let Some(array_offset) = u64_le(&bytes, 72)?.checked_mul(sector_size) else {
            return Some(Err(bad("the GPT entries lie past the end of the disk")));
        };
        Some(Ok(Header {
            sector_size,
            offset,
            sound: crc.finalize() == u32_le(&bytes, 16)?,
            other: u64_le(&bytes, 32)?.saturating_mul(sector_size),
            disk: array(&bytes, 56)?,
            usable: (u64_le(&bytes, 40)?, u64_le(&bytes, 48)?),
            array: array_offset,
            count: u32_le(&bytes, 80)?,
            entry_size,
            array_crc: u32_le(&bytes, 88)?,
        }))
    })();
    match result {
        Some(Ok(header)) => Some(header),
        Some(Err(error)) => {
            errors.push(error);
            None
        }
        None => {
            errors.push(bad("a GPT header is cut short"));
            None
        }
    }
}

/// The array of entries, and whether its checksum is right.
fn read_array(disk: &dyn Disk, header: &Header) -> Result<(Vec<u8>, bool), DiskError> {
    let length = u64::from(header.count).saturating_mul(header.entry_size.into());
    if length > MAX_ARRAY {
        return Err(DiskError::over_budget(header.offset, "more GPT entries than are read"));
    }
    if header.array.saturating_add(length) > disk.size() {
        return Err(DiskError::corrupt(header.offset, "the GPT entries lie past the end of the disk"));
    }
    let bytes = read_vec(disk, header.array, usize::try_from(length).unwrap_or(0))?;
    let sound = crc32fast::hash(&bytes) == header.array_crc;
    Ok((bytes, sound))
}

/// Reports a backup that is missing, damaged, or not the same.
fn compare(disk: &dyn Disk, primary: &Header, errors: &mut Vec<DiskError>) {
    let offset = primary.other;
    if offset.saturating_add(512) > disk.size() {
        errors.push(DiskError::corrupt(
            offset,
            "the backup GPT lies past the end of the disk: is it cut short?",
        ));
        return;
    }
    let mut wrong = Vec::new();
    let backup = header(disk, offset, primary.sector_size, &mut false, &mut wrong);
    let Some(backup) = backup.filter(|backup| backup.sound) else {
        errors.append(&mut wrong);
        errors.push(DiskError::corrupt(offset, "the backup GPT header is damaged"));
        return;
    };
    let same = (backup.disk, backup.usable, backup.count, backup.entry_size, backup.array_crc)
        == (primary.disk, primary.usable, primary.count, primary.entry_size, primary.array_crc);
    if !same {
        errors.push(DiskError::corrupt(offset, "the two GPT headers differ: the first is used"));
        return;
    }
    match read_array(disk, &backup) {
        Ok((_, true)) => {}
        Ok((_, false)) => {
            errors.push(DiskError::corrupt(backup.array, "the checksum of the backup GPT entries is wrong"));
        }
        Err(error) => errors.push(error),
    }
}

/// The entries that are in use.
fn table(header: &Header, bytes: &[u8], first: bool) -> Gpt {
    let size = usize::try_from(header.entry_size).unwrap_or(128);
    let mut entries = Vec::new();
    for (entry, number) in bytes.chunks_exact(size.max(128)).zip(1..) {
        let (Some(kind), Some(start), Some(last)) = (array(entry, 0), u64_le(entry, 32), u64_le(entry, 40))
        else {
            continue;
        };
        if kind == [0; 16] {
            continue;
        }
        let units: Vec<u16> = (56..128).step_by(2).map_while(|at| u16_le(entry, at)).collect();
        let units: Vec<u16> = units.into_iter().take_while(|unit| *unit != 0).collect();
        let name = String::from_utf16_lossy(&units);
        entries.push(Entry {
            number,
            kind,
            start: start.saturating_mul(header.sector_size),
            end: last.saturating_add(1).saturating_mul(header.sector_size),
            name: (!name.is_empty()).then_some(name),
        });
    }
    Gpt::Table { sector_size: header.sector_size, entries, first }
}

/// A GUID as it is written: the first three fields are stored with their lowest
/// byte first.
pub(super) fn guid(bytes: [u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let mut mixed = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
    if let Some(end) = mixed.get_mut(8..) {
        end.copy_from_slice(&rest);
    }
    uuid(&mixed).to_uppercase()
}
