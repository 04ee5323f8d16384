//! The record of a file in a directory (ECMA-119, 9.1).

use super::SECTOR;
use crate::source::bytes::{array, u8_at, u32_le};
use crate::source::disk::{Disk, DiskError, DiskResult, read_exact};
use crate::source::filesystem::dos_time;
use crate::source::stat::UnixTime;

/// Flags: a directory; the file goes on in the next record.
pub(super) const DIRECTORY: u8 = 2;
pub(super) const MORE: u8 = 0x80;
/// What comes before the name.
const HEAD: usize = 33;

/// A record.
#[derive(Debug)]
pub(super) struct Record {
    bytes: Vec<u8>,
    at: u64,
    start: u32,
    /// Blocks before the content that are not its own.
    before: u8,
    pub(super) size: u32,
    pub(super) flags: u8,
    /// Blocks between those of the content.
    pub(super) interleave: u8,
    name: usize,
}

impl Record {
    pub(super) fn read(disk: &impl Disk, at: u64) -> DiskResult<Self> {
        let wrong = || DiskError::corrupt(at, "a record of a directory makes no sense");
        let mut length = [0];
        read_exact(disk, &mut length, at)?;
        let mut bytes = vec![0; usize::from(length[0])];
        read_exact(disk, &mut bytes, at)?;
        let name = usize::from(u8_at(&bytes, 32).ok_or_else(wrong)?);
        if name == 0 || HEAD + name > bytes.len() {
            return Err(wrong());
        }
        let word = |place| u32_le(&bytes, place).ok_or_else(wrong);
        let byte = |place| u8_at(&bytes, place).ok_or_else(wrong);
        Ok(Self {
            at,
            start: word(2)?,
            before: byte(1)?,
            size: word(10)?,
            flags: byte(25)?,
            interleave: byte(27)?,
            name,
            bytes,
        })
    }

    /// How long it is itself.
    pub(super) fn length(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(0)
    }

    /// Where the content begins, in bytes.
    pub(super) fn extent(&self) -> DiskResult<u64> {
        let blocks = u64::from(self.start) + u64::from(self.before);
        if blocks == 0 && self.size > 0 {
            return Err(DiskError::corrupt(self.at, "a record leads nowhere"));
        }
        Ok(blocks.saturating_mul(SECTOR))
    }

    pub(super) fn name(&self) -> &[u8] {
        self.bytes.get(HEAD..HEAD + self.name).unwrap_or_default()
    }

    /// What others keep behind the name, from `skip` on.
    pub(super) fn extra(&self, skip: usize) -> Option<&[u8]> {
        // A name of an even length has a byte behind it.
        let from = HEAD + self.name + usize::from(self.name.is_multiple_of(2));
        self.bytes.get(from + skip..)
    }

    /// When it was written: years since 1900, month, day, hour, minute, second, and quarters
    /// of an hour that the clock was ahead.
    pub(super) fn time(&self) -> Option<UnixTime> {
        let [year, month, day, hour, minute, second, zone] = array::<7>(&self.bytes, 18)?;
        let year = u16::from(year).checked_sub(80)?;
        (month < 16 && day < 32 && hour < 32 && minute < 64 && second < 60 && year < 128).then_some(())?;
        let date = year << 9 | u16::from(month) << 5 | u16::from(day);
        let time = u16::from(hour) << 11 | u16::from(minute) << 5 | u16::from(second / 2);
        let (seconds, _) = dos_time::time(date, time, second % 2 * 100)?;
        Some((seconds - i64::from(i8::from_le_bytes([zone])) * 15 * 60, 0))
    }
}
