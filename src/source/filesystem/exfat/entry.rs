//! Sets of entries: a file or directory with its facts, its allocation and its name.
//!
//! Follows the "exFAT file system specification", sections 6 and 7.

use rustix::fs::FileType;

use crate::source::bytes::{u8_at, u16_le, u32_le, u64_le};
use crate::source::filesystem::dos_time;
use crate::source::filesystem::wtf8::wtf8;
use crate::source::stat::{FileStat, UnixTime};

use super::space::Allocation;

/// Bytes of an entry.
pub(super) const ENTRY: usize = 32;

/// Types of entries, without the bit that says that they are in use.
pub(super) const BITMAP: u8 = 0x01;
pub(super) const LABEL: u8 = 0x03;
pub(super) const FILE: u8 = 0x05;
const STREAM: u8 = 0x40;
const NAME: u8 = 0x41;

/// The bit of a type: in use; goes with the entry before; and the type of all entries from
/// here on: none.
pub(super) const IN_USE: u8 = 0x80;
pub(super) const SECONDARY: u8 = 0x40;
pub(super) const END: u8 = 0;

/// Attributes.
const READ_ONLY: u16 = 0x01;
const DIRECTORY: u16 = 0x10;

/// Characters in an entry of a name.
const PART: usize = 15;

/// The set of a file or directory.
#[derive(Clone, Debug)]
pub(super) struct Set {
    /// Where the first entry lies.
    pub(super) offset: u64,
    /// The entries, one after another.
    pub(super) bytes: Vec<u8>,
}

impl Set {
    /// How many entries follow the first.
    pub(super) fn secondaries(first: &[u8]) -> usize {
        u8_at(first, 1).map_or(0, usize::from)
    }

    pub(super) fn is_deleted(&self) -> bool {
        u8_at(&self.bytes, 0).is_some_and(|kind| kind & IN_USE == 0)
    }

    /// Whether the checksum is right: that of the entries as they were when in use.
    pub(super) fn is_intact(&self) -> bool {
        let sum = self.bytes.iter().enumerate().filter(|(at, _)| !matches!(at, 2 | 3)).fold(
            0_u16,
            |sum: u16, (at, byte)| {
                let byte = if at % ENTRY == 0 { byte | IN_USE } else { *byte };
                sum.rotate_right(1).wrapping_add(u16::from(byte))
            },
        );
        u16_le(&self.bytes, 2) == Some(sum)
    }

    /// The second entry, if it is what it must be.
    fn stream(&self) -> Option<&[u8]> {
        let stream = self.bytes.get(ENTRY..2 * ENTRY)?;
        (u8_at(stream, 0)? & !IN_USE == STREAM).then_some(stream)
    }

    /// The name; `None` where the entries of it are not there.
    pub(super) fn name(&self) -> Option<Vec<u8>> {
        let length = usize::from(u8_at(self.stream()?, 3)?);
        let mut units = Vec::new();
        for entry in self.bytes.chunks_exact(ENTRY).skip(2).take(length.div_ceil(PART)) {
            if u8_at(entry, 0)? & !IN_USE != NAME {
                return None;
            }
            units.extend_from_slice(entry.get(2..)?);
        }
        Some(wtf8(units.get(..length * 2)?))
    }

    fn attributes(&self) -> u16 {
        u16_le(&self.bytes, 4).unwrap_or(0)
    }

    pub(super) fn is_directory(&self) -> bool {
        self.attributes() & DIRECTORY != 0
    }

    /// Where the content lies.
    pub(super) fn allocation(&self) -> Option<Allocation> {
        let stream = self.stream()?;
        Some(Allocation {
            first: u64::from(u32_le(stream, 20)?),
            is_contiguous: u8_at(stream, 1)? & 2 != 0,
            length: u64_le(stream, 24)?,
        })
    }

    /// Bytes from the beginning that were written; the others read as zeros.
    pub(super) fn written(&self) -> u64 {
        self.stream().and_then(|stream| u64_le(stream, 8)).unwrap_or(0)
    }

    /// What is known.
    pub(super) fn stat(&self, number: u64, cluster: u64) -> FileStat {
        let length = self.allocation().map(|allocation| allocation.length);
        let is_directory = self.is_directory();
        FileStat {
            file_type: if is_directory { FileType::Directory } else { FileType::RegularFile },
            size: length.filter(|length| i64::try_from(*length).is_ok()),
            stored: length.and_then(|length| length.checked_next_multiple_of(cluster)).unwrap_or(0),
            permissions: match self.attributes() & READ_ONLY {
                _ if is_directory => 0o755,
                0 => 0o644,
                _ => 0o444,
            },
            uid: 0,
            gid: 0,
            dev: 0,
            ino: number,
            links: 1,
            atime: self.time(16, None, 24),
            mtime: self.time(12, Some(21), 23),
            ctime: None,
            btime: self.time(8, Some(20), 22),
        }
    }

    /// A time at a place, with hundredths of a second and a zone at others. Without a zone
    /// it is taken as UTC.
    fn time(&self, at: usize, hundredths: Option<usize>, zone: usize) -> Option<UnixTime> {
        let hundredths = hundredths.map_or(Some(0), |at| u8_at(&self.bytes, at))?;
        let (seconds, nanoseconds) =
            dos_time::time(u16_le(&self.bytes, at + 2)?, u16_le(&self.bytes, at)?, hundredths)?;
        let zone = u8_at(&self.bytes, zone)?;
        // Quarters of an hour, as a number of seven bits with a sign.
        let quarters = match zone & 0x7f {
            _ if zone & 0x80 == 0 => 0,
            east @ 0..=63 => i64::from(east),
            west => i64::from(west) - 128,
        };
        Some((seconds - quarters * 15 * 60, nanoseconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_quarters_of_an_hour() {
        let mut bytes = vec![0; 3 * ENTRY];
        // 2020-01-01 12:00:00
        bytes[8..12].copy_from_slice(&(40_u32 << 25 | 1 << 21 | 1 << 16 | 12 << 11).to_le_bytes());
        let time = |zone: u8| {
            let mut bytes = bytes.clone();
            bytes[22] = zone;
            bytes[20] = 150;
            Set { offset: 0, bytes }.time(8, Some(20), 22)
        };
        let utc = 1_577_880_001;
        assert_eq!(time(0), Some((utc, 500_000_000)));
        // Not valid without its highest bit.
        assert_eq!(time(0x04), Some((utc, 500_000_000)));
        assert_eq!(time(0x80), Some((utc, 500_000_000)));
        // An hour east, eight hours west, a quarter west.
        assert_eq!(time(0x84), Some((utc - 3600, 500_000_000)));
        assert_eq!(time(0xe0), Some((utc + 8 * 3600, 500_000_000)));
        assert_eq!(time(0xff), Some((utc + 900, 500_000_000)));
    }
}
