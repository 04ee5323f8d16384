//! XPRESS with Huffman codes: [MS-XCA], section 2.2, as files are compressed with it as
//! a whole: each chunk of 4, 8 or 16 KiB has its own code.

use super::bits::{Bits, Code};
use super::lznt1::copy_within;

/// Two lengths in each byte.
const CODE_LENGTHS: usize = 256;

/// Decodes a chunk to exactly `size` bytes.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn decode(stored: &[u8], size: usize) -> Result<Vec<u8>, &'static str> {
    const CUT: &str = "a chunk of compressed data is cut short";
    let (lengths, rest) = stored.split_at_checked(CODE_LENGTHS).ok_or(CUT)?;
    let lengths: Vec<u8> = lengths.iter().flat_map(|pair| [pair & 15, pair >> 4]).collect();
    let code = Code::new(&lengths)?;
    let mut bits = Bits::new(rest);
    let mut chunk = vec![0; size];
    let mut to = 0;
    while to < size {
        let symbol = code.next(&mut bits)?;
        if bits.is_past_end() {
            return Err(CUT);
        }
        let Some(copy) = symbol.checked_sub(256) else {
            if let (Some(place), Ok(byte)) = (chunk.get_mut(to), u8::try_from(symbol)) {
                *place = byte;
            }
            to += 1;
            continue;
        };
        let mut length = copy & 15;
        if length == 15 {
            length = match bits.byte().ok_or(CUT)? {
                255 => usize::from(bits.pair().ok_or(CUT)?),
                more => 15 + usize::from(more),
            };
        }
        let distance_bits = u32::try_from(copy >> 4).unwrap_or(0);
        let distance = (1 << distance_bits) + bits.take(distance_bits);
        length += 3;
        copy_within(&mut chunk, to, distance, length)?;
        to += length;
    }
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second example of [MS-XCA], section 3.2: `abc` a hundred times.
    #[test]
    fn the_example_of_the_specification() {
        let mut stored = vec![0; 256];
        stored[48] = 0x30;
        stored[49] = 0x23;
        stored[128] = 0x02;
        stored[143] = 0x20;
        stored.extend([0xa8, 0xdc, 0x00, 0x00, 0xff, 0x26, 0x01]);
        assert_eq!(decode(&stored, 300).expect("a chunk"), b"abc".repeat(100));
        assert!(decode(&stored, 299).is_err());
        assert!(decode(&stored[..255], 300).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(head in proptest::collection::vec(0_u8..0x60, 256), rest: Vec<u8>) {
            if let Ok(decoded) = decode(&[head, rest].concat(), 16384) {
                assert_eq!(decoded.len(), 16384);
            }
        }
    }
}
