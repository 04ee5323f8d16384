//! The headers and region tables of a VHDX (MS-VHDX 2.2).

use super::super::super::bytes::{array, u16_le, u32_le, u64_le};
use super::super::super::disk::{Disk, DiskError, DiskResult, read_vec};

/// The two headers, and the two region tables.
const HEADERS: [u64; 2] = [64 << 10, 128 << 10];
const REGION_TABLES: [u64; 2] = [192 << 10, 256 << 10];

const HEADER: usize = 4 << 10;
const REGION_TABLE: usize = 64 << 10;

/// Entries of a region table.
const MAX_REGIONS: usize = 2047;

/// Known regions, by their identifiers as stored.
const BAT: [u8; 16] = guid(0x2dc2_7766, 0xf623, 0x4200, 0x9d64_115e_9bfd_4a08);
const METADATA: [u8; 16] = guid(0x8b7c_a206, 0x4790, 0x4b9a, 0xb8fe_575f_050f_886e);

/// An identifier as it is stored: the first three parts with the lowest byte first.
pub(super) const fn guid(first: u32, second: u16, third: u16, rest: u64) -> [u8; 16] {
    let ([a, b, c, d], [e, f], [g, h]) = (first.to_le_bytes(), second.to_le_bytes(), third.to_le_bytes());
    let [i, j, k, l, m, n, o, p] = rest.to_be_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

/// What is needed of the header.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Header {
    sequence: u64,
    pub(super) data_write_guid: [u8; 16],
    /// All zero where the log is empty.
    pub(super) log_guid: [u8; 16],
    pub(super) log_offset: u64,
    pub(super) log_length: u64,
    log_version: u16,
    version: u16,
}

/// Whether the CRC-32C at `at` is that of the whole, with zeros in its own place.
pub(super) fn sum_holds(bytes: &[u8], at: usize) -> bool {
    let (Some(before), Some(after)) = (bytes.get(..at), bytes.get(at.saturating_add(4)..)) else {
        return false;
    };
    let sum = crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(before), &[0; 4]), after);
    u32_le(bytes, at) == Some(sum)
}

impl Header {
    /// The valid header that was written last.
    pub(super) fn read(disk: &dyn Disk) -> DiskResult<Self> {
        let mut best: Option<Self> = None;
        for at in HEADERS {
            let Some(header) = read_vec(disk, at, HEADER).ok().and_then(|bytes| Self::parse(&bytes)) else {
                continue;
            };
            if best.is_none_or(|best| header.sequence > best.sequence) {
                best = Some(header);
            }
        }
        let header = best.ok_or(DiskError::corrupt(HEADERS[0], "neither header of the VHDX is valid"))?;
        if header.version != 1 {
            return Err(DiskError::unsupported(HEADERS[0], format!("VHDX of version {}", header.version)));
        }
        if header.has_log() && header.log_version != 0 {
            let message = format!("a VHDX log of version {}", header.log_version);
            return Err(DiskError::unsupported(HEADERS[0], message));
        }
        Ok(header)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"head") || !sum_holds(bytes, 4) {
            return None;
        }
        Some(Self {
            sequence: u64_le(bytes, 8)?,
            data_write_guid: array(bytes, 32)?,
            log_guid: array(bytes, 48)?,
            log_version: u16_le(bytes, 64)?,
            version: u16_le(bytes, 66)?,
            log_length: u64::from(u32_le(bytes, 68)?),
            log_offset: u64_le(bytes, 72)?,
        })
    }

    /// Whether there is something to replay.
    pub(super) fn has_log(&self) -> bool {
        self.log_guid != [0; 16]
    }
}

/// A part of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Where the table of blocks and the metadata lie.
#[derive(Debug)]
pub(super) struct Regions {
    pub(super) bat: Region,
    pub(super) metadata: Region,
}

impl Regions {
    /// From the first valid table, after the log was replayed.
    pub(super) fn read(disk: &dyn Disk) -> DiskResult<Self> {
        let valid = |at: &u64| {
            let bytes = read_vec(disk, *at, REGION_TABLE).ok()?;
            (bytes.starts_with(b"regi") && sum_holds(&bytes, 4)).then_some(bytes)
        };
        let table = REGION_TABLES.iter().find_map(valid);
        let table =
            table.ok_or(DiskError::corrupt(REGION_TABLES[0], "neither region table of the VHDX is valid"))?;
        let count = usize::try_from(u32_le(&table, 8).unwrap_or(0)).unwrap_or(usize::MAX);
        if count > MAX_REGIONS {
            return Err(DiskError::corrupt(REGION_TABLES[0], format!("a region table of {count} entries")));
        }
        let (mut bat, mut metadata) = (None, None);
        for entry in table.get(16..).unwrap_or_default().chunks_exact(32).take(count) {
            let (Some(id), Some(offset), Some(length)) =
                (array::<16>(entry, 0), u64_le(entry, 16), u32_le(entry, 24))
            else {
                continue;
            };
            let region = Some(Region { offset, length: u64::from(length) });
            match id {
                BAT => bat = region,
                METADATA => metadata = region,
                _ if u32_le(entry, 28).unwrap_or(0) & 1 != 0 => {
                    return Err(DiskError::unsupported(
                        REGION_TABLES[0],
                        "the VHDX has a region that must be known",
                    ));
                }
                _ => {}
            }
        }
        match (bat, metadata) {
            (Some(bat), Some(metadata)) => Ok(Self { bat, metadata }),
            _ => Err(DiskError::corrupt(REGION_TABLES[0], "the VHDX has no table of blocks or no metadata")),
        }
    }
}
