//! Names and times.
//!
//! Names are UTF-16 that need not be well-formed. They are given as WTF-8: UTF-8
//! in which a surrogate without its other half has the three bytes that its number
//! would have, so that the stored name can be had back from them.

use crate::source::bytes::{u8_at, u64_le};
use crate::source::stat::UnixTime;

/// A name that exists beside a long one, for programs of DOS: never shown.
const DOS: u8 = 2;

/// `$FILE_NAME`, as in a record or as the key of a directory's entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileName<'n> {
    /// The reference of the directory that it stands in.
    pub(super) parent: u64,
    /// In UTF-16.
    pub(super) name: &'n [u8],
    namespace: u8,
}

impl<'n> FileName<'n> {
    /// Reads it; `None` where it is too short.
    pub(super) fn parse(bytes: &'n [u8]) -> Option<Self> {
        let length = usize::from(u8_at(bytes, 64)?) * 2;
        let name = bytes.get(66..66 + length)?;
        Some(Self { parent: u64_le(bytes, 0)?, name, namespace: u8_at(bytes, 65)? })
    }

    /// Whether it only stands beside a long name.
    pub(super) fn is_dos(&self) -> bool {
        self.namespace == DOS
    }
}

/// UTF-16 as WTF-8.
pub(super) fn wtf8(utf16: &[u8]) -> Vec<u8> {
    let units = utf16.chunks_exact(2).map(|unit| u16::from_le_bytes(unit.try_into().unwrap_or_default()));
    let mut bytes = Vec::with_capacity(utf16.len());
    for decoded in char::decode_utf16(units) {
        match decoded {
            Ok(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(alone) => {
                let [high, low] = alone.unpaired_surrogate().to_be_bytes();
                // 1110xxxx 10xxxxxx 10xxxxxx
                bytes.extend([0xe0 | high >> 4, 0x80 | (high & 15) << 2 | low >> 6, 0x80 | low & 0x3f]);
            }
        }
    }
    bytes
}

/// Between 1601 and 1970.
const EPOCH_DIFFERENCE: i64 = 11_644_473_600;

/// A time in 100 ns since 1601. `None` for 0, which stands for "never", and for
/// what would lie before 1601.
pub(super) fn time(ticks: u64) -> Option<UnixTime> {
    let ticks = i64::try_from(ticks).ok().filter(|ticks| *ticks > 0)?;
    let nanoseconds = u32::try_from(ticks % 10_000_000).ok()? * 100;
    Some((ticks / 10_000_000 - EPOCH_DIFFERENCE, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(units: &[u16]) -> Vec<u8> {
        units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
    }

    #[test]
    fn halves_of_pairs_stay_apart() {
        let text = "aü日😀";
        assert_eq!(wtf8(&utf16(&text.encode_utf16().collect::<Vec<_>>())), text.as_bytes());
        assert_eq!(wtf8(&utf16(&[0x61, 0xd83d, 0x62])), b"a\xed\xa0\xbdb");
        assert_eq!(wtf8(&utf16(&[0xde00, 0xd83d])), b"\xed\xb8\x80\xed\xa0\xbd");
    }

    #[test]
    fn hostile_41_times_are_right_or_absent() {
        assert_eq!(time(116_444_736_000_000_000), Some((0, 0)));
        assert_eq!(time(116_444_736_000_000_001), Some((0, 100)));
        // 1901 and 2446.
        assert_eq!(time(94_670_208_000_000_000), Some((-2_177_452_800, 0)));
        assert_eq!(time(266_661_504_000_000_001), Some((15_021_676_800, 100)));
        assert_eq!(time(1), Some((-11_644_473_600, 100)));
        assert_eq!(time(0), None);
        assert_eq!(time(1 << 63), None);
        assert_eq!(time(u64::MAX), None);
    }
}
