//! Numbers of 32 bits in base 62 with the digits `0-9A-Za-z`, six of them, as the
//! checksums of many tokens are written.
//!
//! Source: github.blog "Behind GitHub's new authentication token formats" (2021)
//! and, for npm, the same page of 2021-09-23.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The checksum of GitHub and npm tokens: the CRC-32 (IEEE, as in zlib) of the
/// random part.
#[must_use]
pub fn crc32_base62(body: &[u8]) -> [u8; 6] {
    base62(crc32fast::hash(body))
}

/// The six digits of a number, the most significant first.
#[must_use]
pub fn base62(mut value: u32) -> [u8; 6] {
    let mut out = [b'0'; 6];
    for place in out.iter_mut().rev() {
        let digit = usize::try_from(value.checked_rem(62).unwrap_or(0)).unwrap_or(0);
        *place = DIGITS.get(digit).copied().unwrap_or(b'0');
        value = value.checked_div(62).unwrap_or(0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_and_synthetic_pairs() {
        assert_eq!(&crc32_base62(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), b"0mLq17");
        assert_eq!(&crc32_base62(b"abcdefghijABCDEFGHIJ0123456789"), b"2C2O59");
        assert_eq!(&crc32_base62(b"SnapsiftSyntheticTokenBody0001"), b"4HSzIz");
    }
}
