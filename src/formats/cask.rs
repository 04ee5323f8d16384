//! Annotated security keys of Microsoft ("CASK"): 84 characters of base64, or 88
//! with the whole checksum and padding, that say of themselves who made them, for
//! what, and in which month.
//!
//! | characters | |
//! |---|---|
//! | 0 to 51 | random, letters and digits |
//! | 52 to 55 | `JQQJ` |
//! | 56, 57 | `99`: a primary key. `9D` and `9H` mark keys derived and hashed |
//! | 58, 59 | year since 2024 and month, as base64 digits |
//! | 60 to 71 | data of the platform |
//! | 72 to 75 | data of the provider |
//! | 76 to 79 | signature of the provider |
//! | 80 to the end | Marvin32 (seed `Default0`) of the 60 bytes before |
//!
//! Source: microsoft/security-utilities (`LegacyCommonAnnotatedSecurityKey`,
//! `IdentifiableSecrets`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::marvin32::{marvin32, seed_from_name};
use super::token_sum::{self, Digits};

/// Characters before the checksum.
const BODY: usize = 80;
/// Length of a key with the first four characters of its checksum.
pub const SHORT: usize = 84;
/// Length of a key with all of its checksum, padding included.
pub const LONG: usize = 88;
/// The first year of the calendar in the keys.
const FIRST_YEAR: u32 = 2024;

/// A key whose checksum holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AnnotatedKey<'a> {
    /// The random characters.
    pub random: &'a str,
    /// Year of issue.
    pub year: u32,
    /// Month of issue, 1 to 12.
    pub month: u32,
    /// Data of the platform: constant for a region in many services.
    pub platform: &'a str,
    /// Data of the provider, such as the product.
    pub provider_data: &'a str,
    /// Who made the key.
    pub signature: &'a str,
}

impl std::fmt::Debug for AnnotatedKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AnnotatedKey({} of {}-{})", self.signature, self.year, self.month)
    }
}

/// Whether a text has the mark of an annotated key in its place.
#[must_use]
pub fn is_marked(text: &[u8]) -> bool {
    text.get(52..57) == Some(b"JQQJ9")
}

/// Reads a key of [`SHORT`] or [`LONG`] characters. `None` when the layout is
/// another one, or the checksum does not hold.
#[must_use]
pub fn parse(text: &[u8]) -> Option<AnnotatedKey<'_>> {
    if !matches!(text.len(), SHORT | LONG) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let (body, sum) = text.split_at_checked(BODY)?;
    let random = body.get(..52).filter(|random| random.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
    if body.get(52..58)? != "JQQJ99" {
        return None;
    }
    let year = FIRST_YEAR.checked_add(base64_digit(*body.as_bytes().get(58)?)?)?;
    let month = base64_digit(*body.as_bytes().get(59)?)?.checked_add(1).filter(|month| *month <= 12)?;
    let signature = body.get(76..).filter(|name| is_signature(name.as_bytes()))?;
    let bytes = STANDARD.decode(body).ok()?;
    let checksum = marvin32(seed_from_name(b"Default0"), &bytes).to_le_bytes();
    if sum != in_base64(checksum, sum.len())? && sum != in_base62(checksum, sum.len())? {
        return None;
    }
    let (platform, provider_data) = (body.get(60..72)?, body.get(72..76)?);
    Some(AnnotatedKey { random, year, month, platform, provider_data, signature })
}

/// Letters and digits, no digit first.
fn is_signature(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_alphanumeric) && name.first().is_some_and(u8::is_ascii_alphabetic)
}

fn base64_digit(byte: u8) -> Option<u32> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    DIGITS.iter().position(|digit| *digit == byte).and_then(|index| u32::try_from(index).ok())
}

/// The checksum as newer keys have it: plain base64.
fn in_base64(checksum: [u8; 4], length: usize) -> Option<String> {
    let text = STANDARD.encode(checksum);
    text.get(..length).map(str::to_owned)
}

/// The checksum as the first keys have it: a number in base 62, a `0` for each of
/// its leading zero bytes, filled up with `0` to six, and that read as base64.
fn in_base62(checksum: [u8; 4], length: usize) -> Option<String> {
    let zeros = checksum.iter().take_while(|byte| **byte == 0).count();
    let digits = token_sum::write(u32::from_be_bytes(checksum), Digits::Base62);
    let number = digits.iter().skip_while(|digit| **digit == b'0').copied();
    let text: String =
        std::iter::repeat_n(b'0', zeros).chain(number).chain(*b"000000").take(6).map(char::from).collect();
    if length < text.len() {
        return text.get(..length).map(str::to_owned);
    }
    // As base64, the sixth character has four bits that code nothing.
    let (five, last) = text.split_at_checked(5)?;
    let last = match base64_digit(*last.as_bytes().first()?)? {
        48.. => 'w',
        32.. => 'g',
        16.. => 'Q',
        _ => 'A',
    };
    Some(format!("{five}{last}=="))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything before the checksum of the worked example of the layout.
    fn body(signature: &str) -> String {
        format!("{}{}JQQJ99CC{}AAAS{signature}", "A".repeat(26), "b".repeat(26), "A".repeat(12))
    }

    #[test]
    fn both_encodings_and_lengths() {
        for end in ["T53v", "T53vTw==", "GZ0D", "GZ0Dnw=="] {
            let key = body("AZDO") + end;
            let read = parse(key.as_bytes()).expect("a key");
            assert_eq!((read.year, read.month), (2026, 3), "{end}");
            assert_eq!((read.signature, read.provider_data), ("AZDO", "AAAS"));
            assert_eq!(read.platform, "A".repeat(12));
            assert!(is_marked(key.as_bytes()));
        }
    }

    #[test]
    fn nothing_else() {
        let good = body("AZDO") + "T53v";
        for bad in [
            body("AZDO") + "T53w",
            body("AZDP") + "T53v",
            body("AZDO") + "T53vTg==",
            body("AZDO") + "T53vTw",
            good.replace("JQQJ99", "JQQJ9D"),
            good.replace("99CC", "99CM"),
            good.replacen('A', "-", 1),
            good.replacen('A', "\u{e9}", 1),
            good[..80].to_owned(),
            String::new(),
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    /// A checksum that begins with zero bytes keeps a digit for each.
    #[test]
    fn leading_zeros() {
        assert_eq!(in_base62([0, 0, 0, 61], 4).as_deref(), Some("000z"));
        assert_eq!(in_base62([0, 0, 0, 0], 4).as_deref(), Some("0000"));
        assert_eq!(in_base62([0x19, 0x9d, 0x03, 0x9f], 8).as_deref(), Some("T53vTw=="));
    }
}
