//! Records of the log: which there are, and their bytes.
//!
//! The log is a ring of sectors. In each the first four bytes are those of the round in
//! which it was written, and what was there is kept in the record's header; so the end
//! of the log is where the round changes.

use crate::source::bytes::{array, u32_be, u64_be};
use crate::source::disk::{Disk, DiskError, DiskResult, read_exact, read_vec};

use super::overlay::SECTOR;

/// The first bytes of a record.
const MAGIC: u32 = 0xfeed_babe;

/// Numbers in items have the lowest byte first (all but ancient machines).
const FORMAT_LINUX_LE: u32 = 1;

/// Sectors whose first bytes one sector of a header keeps.
const KEPT: usize = 64;

/// The largest record.
const MAX_RECORD: usize = 256 << 10;

/// Bytes of a header that its checksum covers, on 64-bit and 32-bit machines, and where
/// the checksum is; bytes of each further header.
const HEADER_SIZES: [usize; 2] = [328, 324];
const CRC: usize = 32;
const MORE_HEADER: usize = 260;

/// Sectors that may be on their way to the disk at once, in any order: 8 records of the
/// largest size, with headers.
const IN_FLIGHT: u64 = 8 * (512 + 8);

/// The log on the disk.
#[derive(Debug)]
pub(super) struct Log<'d> {
    pub(super) disk: &'d dyn Disk,
    /// Offset in bytes.
    pub(super) start: u64,
    /// Sectors.
    pub(super) sectors: u64,
}

/// A record's header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Which sector it begins at.
    pub(super) sector: u64,
    /// Its number: the round, and the sector below.
    pub(super) lsn: u64,
    /// The number of the oldest record that is still needed when this one is written.
    pub(super) tail: u64,
    /// Operations in it.
    pub(super) operations: u32,
    header_sectors: u64,
    length: usize,
    format: u32,
}

impl Header {
    /// Sectors of header and data.
    pub(super) fn sectors(&self) -> u64 {
        self.header_sectors + u64::try_from(self.length.div_ceil(SECTOR)).unwrap_or(0)
    }
}

impl Log<'_> {
    /// Offset of a sector, counted around the ring.
    fn offset(&self, sector: u64) -> u64 {
        self.start.saturating_add((sector % self.sectors).saturating_mul(512))
    }

    fn wrong(&self, sector: u64, what: &'static str) -> DiskError {
        DiskError::corrupt(self.offset(sector), what)
    }

    /// Reads sectors that may go around the ring.
    fn read(&self, sector: u64, count: usize) -> DiskResult<Vec<u8>> {
        let mut bytes = vec![0; count * SECTOR];
        let first = sector % self.sectors;
        let until_end = usize::try_from(self.sectors - first).unwrap_or(usize::MAX).min(count);
        let (head, rest) = bytes.split_at_mut(until_end * SECTOR);
        read_exact(self.disk, head, self.offset(first))?;
        read_exact(self.disk, rest, self.offset(0))?;
        Ok(bytes)
    }

    /// The round in which a sector was written.
    fn round(bytes: &[u8]) -> u32 {
        let first = u32_be(bytes, 0).unwrap_or(0);
        if first == MAGIC { u32_be(bytes, 4).unwrap_or(0) } else { first }
    }

    fn round_at(&self, sector: u64) -> DiskResult<u32> {
        Ok(Self::round(&read_vec(self.disk, self.offset(sector), 8)?))
    }

    /// A record's header; `None` where there is none.
    pub(super) fn header(&self, sector: u64) -> DiskResult<Option<Header>> {
        let bytes = self.read(sector, 1)?;
        Ok(self.parse_header(&bytes, sector % self.sectors))
    }

    fn parse_header(&self, bytes: &[u8], sector: u64) -> Option<Header> {
        let length = usize::try_from(u32_be(bytes, 12)?).ok()?;
        let size = usize::try_from(u32_be(bytes, 320)?).ok()?;
        let lsn = u64_be(bytes, 16)?;
        let version = u32_be(bytes, 8)?;
        let header_sectors = if version & 2 != 0 {
            size.div_ceil(KEPT * SECTOR).clamp(1, MAX_RECORD / (KEPT * SECTOR))
        } else {
            1
        };
        let is_header = u32_be(bytes, 0)? == MAGIC
            && matches!(version, 1..=3)
            && lsn & 0xffff_ffff == sector
            && length > 0
            && length <= MAX_RECORD
            // The record that `mkfs.xfs` writes has a header for less.
            && (length <= header_sectors * KEPT * SECTOR || u32_be(bytes, 40)? == 1);
        is_header.then_some(Header {
            sector,
            lsn,
            tail: u64_be(bytes, 24)?,
            operations: u32_be(bytes, 40)?,
            header_sectors: u64::try_from(header_sectors).ok()?,
            length,
            format: u32_be(bytes, 300)?,
        })
    }

    /// Whether a record says that the filesystem was unmounted.
    pub(super) fn is_unmount(&self, header: &Header) -> DiskResult<bool> {
        let first = self.read(header.sector.saturating_add(header.header_sectors), 1)?;
        Ok(header.operations == 1 && first.get(9).is_some_and(|flags| flags & 0x20 != 0))
    }

    /// The bytes of a record, the first of each sector put back. Its checksum must be
    /// right.
    pub(super) fn data(&self, header: &Header) -> DiskResult<Vec<u8>> {
        let head = self.read(header.sector, usize::try_from(header.header_sectors).unwrap_or(1))?;
        let first = header.sector.saturating_add(header.header_sectors);
        let mut data = self.read(first, header.length.div_ceil(SECTOR))?;
        data.truncate(header.length);
        let stored = array(&head, CRC).map(u32::from_le_bytes);
        if !HEADER_SIZES.iter().any(|size| checksum(&head, *size, &data) == stored) {
            return Err(self.wrong(header.sector, "a record of the log has a wrong checksum"));
        }
        if header.format != FORMAT_LINUX_LE {
            let message = "the log was written by a kind of machine that is not known";
            return Err(DiskError::unsupported(self.offset(header.sector), message));
        }
        for (number, sector) in data.chunks_mut(SECTOR).enumerate() {
            // The first header has other fields before them, those after it the round.
            let within = number % KEPT * 4;
            let at = if number < KEPT { 44 + within } else { number / KEPT * SECTOR + 4 + within };
            if let (Some(place), Some(kept)) = (sector.get_mut(..4), array::<4>(&head, at)) {
                place.copy_from_slice(&kept);
            }
        }
        Ok(data)
    }

    /// The last record that is whole. `None` where nothing was ever written.
    pub(super) fn last(&self) -> DiskResult<Option<Header>> {
        let first_round = self.round_at(0)?;
        if first_round == 0 {
            return Ok(None);
        }
        // The sectors of this round come first: those of the last, or zeros, follow.
        let (mut low, mut high) = (1, self.sectors);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.round_at(middle)? == first_round {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        // Sectors are counted from the round before, so that the ring has no seam. Of what
        // was written at once some may be missing: the log ends before that.
        let mut end = low + self.sectors;
        let before = if first_round > 1 { self.sectors } else { low };
        let window = (2 * IN_FLIGHT).min(before);
        let begin = end - window;
        let bytes = self.read(begin, usize::try_from(window).unwrap_or(0))?;
        for (sector, at) in bytes.chunks_exact(SECTOR).zip(begin..) {
            let expected = if at < self.sectors { first_round - 1 } else { first_round };
            if Self::round(sector) != expected {
                end = at;
                break;
            }
        }
        for at in (begin..end).rev() {
            let from = usize::try_from(at - begin).unwrap_or(usize::MAX).saturating_mul(SECTOR);
            let sector = bytes.get(from..).and_then(|rest| rest.get(..SECTOR)).unwrap_or_default();
            let Some(header) = self.parse_header(sector, at % self.sectors) else { continue };
            if header.sectors() <= end - at {
                return Ok(Some(header));
            }
        }
        Err(self.wrong(end, "the end of the log cannot be found"))
    }
}

/// The checksum of a record: the first bytes of its header with zeros in place of the
/// checksum, further headers that it uses, and its data as on the disk.
fn checksum(head: &[u8], size: usize, data: &[u8]) -> Option<u32> {
    let mut sum = crc32c::crc32c(head.get(..CRC)?);
    sum = crc32c::crc32c_append(sum, &[0; 4]);
    sum = crc32c::crc32c_append(sum, head.get(CRC + 4..size)?);
    for more in head.chunks(SECTOR).take(data.len().div_ceil(KEPT * SECTOR)).skip(1) {
        sum = crc32c::crc32c_append(sum, more.get(..MORE_HEADER)?);
    }
    Some(crc32c::crc32c_append(sum, data))
}
