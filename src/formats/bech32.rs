//! The checksum of bech32 (BIP 173), in which age writes its keys.

/// The digits, by value.
const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// Coefficients of the generator, by the bit that falls out.
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];

/// Whether `prefix`, `1` and the digits after it are whole. Letters of either case
/// pass; the caller knows which is wanted.
#[must_use]
pub fn is_whole(prefix: &[u8], digits: &[u8]) -> bool {
    let lower = || prefix.iter().map(u8::to_ascii_lowercase);
    let mut sum = 1;
    for value in lower().map(|byte| byte >> 5).chain([0]).chain(lower().map(|byte| byte & 31)) {
        sum = next(sum, value);
    }
    for digit in digits {
        let value = DIGITS.iter().position(|known| known.eq_ignore_ascii_case(digit));
        let Some(value) = value.and_then(|value| u8::try_from(value).ok()) else { return false };
        sum = next(sum, value);
    }
    sum == 1
}

fn next(sum: u32, value: u8) -> u32 {
    let top = sum >> 25;
    let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
    GENERATOR
        .iter()
        .enumerate()
        .filter(|(bit, _)| top >> bit & 1 == 1)
        .fold(shifted, |sum, (_, coefficient)| sum ^ coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The valid and invalid strings of BIP 173.
    #[test]
    fn strings_of_the_standard() {
        for valid in [
            "A12UEL5L",
            "a12uel5l",
            "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
            "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
            "?1ezyfcl",
        ] {
            let (prefix, digits) = valid.rsplit_once('1').expect("a separator");
            assert!(is_whole(prefix.as_bytes(), digits.as_bytes()), "{valid}");
        }
        for (prefix, digits) in [("A", "G7SGD8"), ("x", "b4n0q5v"), ("de", "lg7wt\u{ff}"), ("a", "")] {
            assert!(!is_whole(prefix.as_bytes(), digits.as_bytes()), "{prefix}1{digits}");
        }
    }
}
