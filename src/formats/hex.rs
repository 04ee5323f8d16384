//! Hexadecimal digits, in either case.

/// The bytes that an even number of digits writes.
#[must_use]
pub fn decode(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(value(high)? << 4 | value(low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

/// Two lower-case digits for each byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    bytes.iter().for_each(|byte| push(&mut out, *byte));
    out
}

/// Two lower-case digits for each byte, colons between.
#[must_use]
pub fn pairs(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().saturating_mul(3));
    for byte in bytes {
        if !out.is_empty() {
            out.push(':');
        }
        push(&mut out, *byte);
    }
    out
}

fn push(out: &mut String, byte: u8) {
    for value in [byte >> 4, byte & 15] {
        out.push(char::from_digit(value.into(), 16).unwrap_or('0'));
    }
}

/// As [`decode`], where there must be exactly `N` bytes.
#[must_use]
pub fn array<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    decode(digits)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_bytes() {
        assert_eq!(decode(b"00ffAb"), Some(vec![0, 255, 0xab]));
        assert_eq!(decode(b""), Some(Vec::new()));
        assert_eq!((decode(b"0"), decode(b"0g"), decode(b"+1")), (None, None, None));
        assert_eq!((encode(&[0, 255, 0xab]), encode(&[])), ("00ffab".to_owned(), String::new()));
        assert_eq!((pairs(&[0, 255, 0xab]), pairs(&[])), ("00:ff:ab".to_owned(), String::new()));
        assert_eq!((array::<2>(b"0102"), array::<2>(b"01")), (Some([1, 2]), None));
    }
}
