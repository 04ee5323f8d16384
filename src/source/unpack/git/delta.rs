//! Deltas: how an object is made of another one. Source: gitformat-pack(5), "Deltified
//! representation".

use std::io;

use super::MAX_HELD;

/// The object that a delta makes of its base.
///
/// # Errors
///
/// It does not fit the base, or is damaged, or the result is larger than what is held.
pub fn apply(base: &[u8], delta: &[u8]) -> io::Result<Vec<u8>> {
    let mut rest = delta;
    let from = size(&mut rest)?;
    let to = size(&mut rest)?;
    if u64::try_from(base.len()) != Ok(from) {
        return Err(wrong("a delta is of another base"));
    }
    let to = usize::try_from(to).ok().filter(|to| *to <= MAX_HELD).ok_or_else(|| {
        io::Error::new(io::ErrorKind::FileTooLarge, format!("a delta makes more than {} MiB", MAX_HELD >> 20))
    })?;
    let mut made = Vec::new();
    while let Some((code, behind)) = rest.split_first() {
        rest = behind;
        let part = if code & 0x80 != 0 {
            let offset = number(code & 0x0f, &mut rest)?;
            let length = match number(code >> 4 & 0x07, &mut rest)? {
                0 => 0x1_0000,
                length => length,
            };
            base.get(offset..offset.saturating_add(length))
                .ok_or_else(|| wrong("a delta copies what is not there"))?
        } else if *code == 0 {
            return Err(wrong("a delta has an instruction that there is not"));
        } else {
            let (part, behind) =
                rest.split_at_checked(usize::from(*code)).ok_or_else(|| wrong("a delta is cut short"))?;
            rest = behind;
            part
        };
        if made.len().saturating_add(part.len()) > to {
            return Err(wrong("a delta makes more than it says"));
        }
        made.extend_from_slice(part);
    }
    if made.len() == to { Ok(made) } else { Err(wrong("a delta makes less than it says")) }
}

fn wrong(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// A size in groups of seven bits, the lowest first.
fn size(rest: &mut &[u8]) -> io::Result<u64> {
    let mut size = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, behind) = rest.split_first().ok_or_else(|| wrong("a delta is cut short"))?;
        *rest = behind;
        size |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(size);
        }
    }
    Err(wrong("a delta has a size that cannot be"))
}

/// A little-endian number of which only the bytes with a bit set are there.
fn number(bits: u8, rest: &mut &[u8]) -> io::Result<usize> {
    let mut number = 0;
    for bit in 0..4 {
        if bits >> bit & 1 == 1 {
            let (byte, behind) = rest.split_first().ok_or_else(|| wrong("a delta is cut short"))?;
            number |= usize::from(*byte) << (8 * bit);
            *rest = behind;
        }
    }
    Ok(number)
}
