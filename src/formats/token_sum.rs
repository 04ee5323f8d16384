//! Checksums that vendors put into their tokens: CRC-32 (IEEE, as in zlib) over a
//! part of the token, written in one of a few alphabets.
//!
//! Sources: github.blog "Behind GitHub's new authentication token formats" (2021)
//! and, for npm, the same page of 2021-09-23; GitLab's `routable_token.rb`; the
//! others were recomputed on the vendors' published samples.

use base64::Engine as _;

/// How a sum is written. The most significant digit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// Six digits `0-9A-Za-z`: GitHub, npm, Vercel.
    Base62,
    /// Six digits `0-9a-zA-Z`: Apify.
    Base62LowerFirst,
    /// Eight digits `0-9a-f`.
    HexLower,
    /// Eight digits `0-9A-F`: Atlassian.
    HexUpper,
    /// Seven digits `0-9a-z`: GitLab.
    Base36,
    /// The sum's bytes in base64, six characters without padding: Confluent.
    Base64,
}

const UPPER_FIRST: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LOWER_FIRST: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const HEX_UPPER: &[u8] = b"0123456789ABCDEF";

impl Digits {
    /// How many characters a sum has.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Base62 | Self::Base62LowerFirst | Self::Base64 => 6,
            Self::HexLower | Self::HexUpper => 8,
            Self::Base36 => 7,
        }
    }
}

/// The CRC-32 of these bytes in these digits; with `reversed` its bytes are taken
/// least significant first.
#[must_use]
pub fn crc32(body: &[u8], digits: Digits, reversed: bool) -> Vec<u8> {
    let sum = crc32fast::hash(body);
    write(if reversed { sum.swap_bytes() } else { sum }, digits)
}

/// A number in these digits.
#[must_use]
pub fn write(number: u32, digits: Digits) -> Vec<u8> {
    let alphabet = match digits {
        Digits::Base62 => UPPER_FIRST,
        Digits::Base62LowerFirst => LOWER_FIRST,
        Digits::HexLower => LOWER_FIRST.get(..16).unwrap_or_default(),
        Digits::HexUpper => HEX_UPPER,
        Digits::Base36 => LOWER_FIRST.get(..36).unwrap_or_default(),
        Digits::Base64 => {
            return base64::engine::general_purpose::STANDARD_NO_PAD
                .encode(number.to_be_bytes())
                .into_bytes();
        }
    };
    let base = u32::try_from(alphabet.len()).unwrap_or(u32::MAX);
    let mut rest = number;
    let mut out = vec![b'0'; digits.length()];
    for place in out.iter_mut().rev() {
        let digit = usize::try_from(rest.checked_rem(base).unwrap_or(0)).unwrap_or(0);
        *place = alphabet.get(digit).copied().unwrap_or(b'0');
        rest = rest.checked_div(base).unwrap_or(0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(body: &str, digits: Digits, reversed: bool) -> String {
        String::from_utf8(crc32(body.as_bytes(), digits, reversed)).expect("ASCII")
    }

    #[test]
    fn published_and_synthetic_pairs() {
        for (body, expected) in [
            ("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17"),
            ("abcdefghijABCDEFGHIJ0123456789", "2C2O59"),
            ("SnapsiftSyntheticTokenBody0001", "4HSzIz"),
        ] {
            assert_eq!(sum(body, Digits::Base62, false), expected);
        }
        // GitLab's layout: the sum is over all before it.
        for (body, expected) in [
            (concat!("glp", "at-AAECAwQFBgcICQoLDA0OD286MQp1OjEH.01.0w"), "0fn2m3b"),
            (concat!("glp", "at-AAECAwQFBgcICQoLDA0OD2M6MQpvOjEKdToycww.01.13"), "1e6f48t"),
        ] {
            assert_eq!(sum(body, Digits::Base36, false), expected);
        }
    }

    /// The check value of CRC-32 is 0xcbf43926 for `123456789`; written in the other
    /// alphabets by Python.
    #[test]
    fn every_alphabet() {
        let check = "123456789";
        assert_eq!(sum(check, Digits::HexLower, false), "cbf43926");
        assert_eq!(sum(check, Digits::HexUpper, false), "CBF43926");
        assert_eq!(sum(check, Digits::HexLower, true), "2639f4cb");
        assert_eq!(sum(check, Digits::Base62, false), "3jZRME");
        assert_eq!(sum(check, Digits::Base62LowerFirst, false), "3Jzrme");
        assert_eq!(sum(check, Digits::Base36, false), "1kl8mjq");
        assert_eq!(sum(check, Digits::Base64, false), "y/Q5Jg");
        assert_eq!(sum(check, Digits::Base64, true), "Jjn0yw");
    }
}
