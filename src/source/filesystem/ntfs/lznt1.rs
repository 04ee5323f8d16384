//! LZNT1, how NTFS compresses files: [MS-XCA], section 2.5.
//!
//! A unit is a row of chunks; each gives 4 KiB, of which only the end may be
//! missing. Within a compressed chunk, eight tokens follow a byte with their kinds:
//! a literal, or two bytes with distance and length, whose border moves with the
//! position in the chunk.

use crate::source::bytes::{u8_at, u16_le};

/// What a chunk gives.
const CHUNK: usize = 4096;

/// Decodes a unit to exactly `size` bytes.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn decode(stored: &[u8], size: usize) -> Result<Vec<u8>, &'static str> {
    // What a chunk does not fill is zero.
    let mut unit = vec![0; size];
    let mut rest = stored;
    for chunk in unit.chunks_mut(CHUNK) {
        // After the last chunk come zeros, unless the unit ends there.
        let Some(head) = u16_le(rest, 0).filter(|head| *head != 0) else { break };
        let end = usize::from(head & 0x0fff) + 3;
        let body = rest.get(2..end).ok_or("a compressed chunk is cut short")?;
        if head & 0x8000 == 0 {
            let length = body.len().min(chunk.len());
            if let (Some(to), Some(from)) = (chunk.get_mut(..length), body.get(..length)) {
                to.copy_from_slice(from);
            }
        } else {
            decode_chunk(body, chunk)?;
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    Ok(unit)
}

fn decode_chunk(body: &[u8], chunk: &mut [u8]) -> Result<(), &'static str> {
    const OVERRUN: &str = "a compressed chunk gives more than it can";
    let (mut from, mut to) = (0, 0);
    while let Some(kinds) = u8_at(body, from) {
        from += 1;
        for bit in 0..8 {
            if from >= body.len() {
                return Ok(());
            }
            if kinds >> bit & 1 == 0 {
                *chunk.get_mut(to).ok_or(OVERRUN)? = u8_at(body, from).unwrap_or(0);
                from += 1;
                to += 1;
                continue;
            }
            let token = u16_le(body, from).ok_or("a compressed chunk ends within a token")?;
            from += 2;
            // Four bits of distance up to position 16, one more whenever it doubles.
            let before = to.checked_sub(1).ok_or("a compressed chunk refers to what is before it")?;
            let distance_bits = (usize::BITS - (before >> 4).leading_zeros()).min(8) + 4;
            let length_bits = 16 - distance_bits;
            let distance = usize::from(token >> length_bits) + 1;
            let length = usize::from(token & ((1 << length_bits) - 1)) + 3;
            copy_within(chunk, to, distance, length)?;
            to += length;
        }
    }
    Ok(())
}

/// Repeats `length` bytes that begin `distance` before `to`; they may overlap what
/// they make.
pub(super) fn copy_within(
    bytes: &mut [u8],
    to: usize,
    distance: usize,
    length: usize,
) -> Result<(), &'static str> {
    let from = to.checked_sub(distance).ok_or("compressed data refers to what is before it")?;
    let end = to.checked_add(length).filter(|end| *end <= bytes.len());
    let end = end.ok_or("compressed data gives more than it can")?;
    if distance == 0 {
        return Err("compressed data refers to itself");
    }
    let mut to = to;
    // What was made is copied too, so each step doubles what can be copied at once.
    while to < end {
        let step = (to - from).min(end - to);
        bytes.copy_within(from..from + step, to);
        to += step;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of [MS-XCA], section 3.3.
    #[test]
    fn the_example_of_the_specification() {
        let stored = [
            0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00, 0x10, 0xa2, 0x47, 0x01,
            0xa0, 0x45, 0x20, 0x44, 0x00, 0x08, 0x45, 0x01, 0x50, 0x79, 0x00, 0xc0, 0x45, 0x20, 0x05, 0x24,
            0x13, 0x88, 0x05, 0xb4, 0x02, 0x4a, 0x44, 0xef, 0x03, 0x58, 0x02, 0x8c, 0x09, 0x16, 0x01, 0x48,
            0x45, 0x00, 0xbe, 0x00, 0x9e, 0x00, 0x04, 0x01, 0x18, 0x90, 0x00,
        ];
        let text = b"F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D \
            E F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D\0";
        let decoded = decode(&stored, 4096).expect("a unit");
        assert_eq!(decoded.get(..text.len()), Some(&text[..]));
        assert!(decoded.iter().skip(text.len()).all(|byte| *byte == 0));
    }

    #[test]
    fn hostile_29_lznt1_that_expands_4096_times() {
        // Three bytes that give 4 KiB, and many times as many as the unit has room for.
        let chunk = [0x03, 0xb0, 0x02, b'a', 0xfc, 0x0f];
        let stored = chunk.repeat(100_000);
        let decoded = decode(&stored, 65536).expect("a unit");
        assert_eq!(decoded.len(), 65536);
        assert!(decoded.chunks(4096).all(|chunk| chunk.iter().filter(|byte| **byte == b'a').count() == 4096));
    }

    #[test]
    fn what_is_damaged_is_told() {
        for stored in [
            &[0x03, 0xb0, 0x01, 0x00, 0x00, 0x00][..],
            &[0xff, 0xbf, 0],
            &[0x03, 0xb0, 0x02, b'a', 0xff, 0x0f],
        ] {
            assert!(decode(stored, 4096).is_err(), "{stored:x?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(stored: Vec<u8>) {
            if let Ok(decoded) = decode(&stored, 65536) {
                assert_eq!(decoded.len(), 65536);
            }
        }
    }
}
