//! The checksums of ext4 and its journal.
//!
//! Specification: Linux, Documentation/filesystems/ext4, "Checksums", and
//! "Journal (jbd2)".

/// CRC-32C as metadata chains it: inverted neither before nor after.
pub(super) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

/// CRC-16 (polynomial 0x8005, lowest bit first) of group descriptors before `metadata_csum`.
pub(super) fn crc16(seed: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(seed, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xa001 } else { 0 })
    })
}

/// What one byte does to the CRC-32 that begins at the highest bit.
const CRC32_BE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte: u32 = 0;
    while byte < 256 {
        let mut crc = byte << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

/// CRC-32 with the highest bit first, inverted neither before nor after: of whole
/// transactions before the journal had checksums of blocks.
pub(super) fn crc32_be(seed: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(seed, |crc, byte| {
        let index = usize::try_from((crc >> 24) ^ u32::from(*byte)).unwrap_or(0);
        (crc << 8) ^ CRC32_BE.get(index).copied().unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_of_the_catalogue() {
        assert_eq!(!crc32c(!0, b"123456789"), 0xe306_9283);
        assert_eq!(crc16(0, b"123456789"), 0xbb3d);
        assert_eq!(!crc32_be(!0, b"123456789"), 0xfc89_1918);
    }
}
