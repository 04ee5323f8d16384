//! Snappy without frames: "Snappy compressed format description"
//! (<https://github.com/google/snappy/blob/main/format_description.txt>).

/// Three bytes stand for 64 at most.
const MAX_RATIO: usize = 22;

/// Unpacks what gives at most `most` bytes; `None` where it is damaged, or longer.
#[must_use]
pub fn decode(stored: &[u8], most: usize) -> Option<Vec<u8>> {
    let (length, mut at) = number(stored)?;
    let length = usize::try_from(length).ok()?;
    let is_possible = length <= most && length <= stored.len().saturating_mul(MAX_RATIO).saturating_add(64);
    if !is_possible {
        return None;
    }
    let mut out = Vec::with_capacity(length);
    while out.len() < length {
        let tag = *stored.get(at)?;
        at = at.checked_add(1)?;
        let high = usize::from(tag >> 2);
        let mut bytes = |count: usize| {
            let end = at.checked_add(count)?;
            let number =
                stored.get(at..end)?.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            at = end;
            Some(number)
        };
        let (count, back) = match tag & 3 {
            0 => {
                let count = if high < 60 { high } else { bytes(high.checked_sub(59)?)? };
                let end = at.checked_add(count)?.checked_add(1)?;
                out.extend_from_slice(stored.get(at..end)?);
                at = end;
                continue;
            }
            1 => ((high & 7).checked_add(4)?, usize::from(tag >> 5) << 8 | bytes(1)?),
            2 => (high.checked_add(1)?, bytes(2)?),
            _ => (high.checked_add(1)?, bytes(4)?),
        };
        let from = out.len().checked_sub(back).filter(|_| back > 0)?;
        if out.len().checked_add(count)? > length {
            return None;
        }
        // What is copied may be what it makes.
        for place in from..from.checked_add(count)? {
            out.push(*out.get(place)?);
        }
    }
    (out.len() == length).then_some(out)
}

/// A number of up to 32 bits, seven in a byte, and how many bytes it takes.
#[must_use]
pub fn number(bytes: &[u8]) -> Option<(u32, usize)> {
    let mut value = 0_u64;
    for (length, (byte, shift)) in (1..).zip(bytes.iter().zip((0..35).step_by(7))) {
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, length));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the description: literals, and copies with offsets of one, two and four bytes.
    #[test]
    fn each_kind_of_element_is_read() {
        let stored = b"\x10\x08abc\x05\x03\x06\x03\x00\x0f\x04\x00\x00\x00\x04zz";
        assert_eq!(decode(stored, 16).as_deref(), Some(b"abcabcabcaabcazz".as_slice()));
        assert_eq!(decode(stored, 15), None);
        for length in 0..stored.len() {
            assert_eq!(decode(&stored[..length], 64), None, "{length}");
        }
        // A length that no such text can have; a copy of what is not there, or of nothing.
        assert_eq!(decode(b"\xff\xff\xff\xff\x0f\x08abc", usize::MAX), None);
        assert_eq!(decode(b"\x08\x08abc\x05\x04", 64), None);
        assert_eq!(decode(b"\x08\x08abc\x05\x00", 64), None);
    }
}
