//! Seeded randomness and the checksums of the vendors, written anew from their
//! descriptions: what the corpus expects must not come from the code under test.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// `SplitMix64`: small, and the same on every machine.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `bound`, which is left out.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    /// From `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[3]).collect()
    }

    /// So many characters of an alphabet.
    pub(crate) fn text(&mut self, alphabet: &str, count: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..count).map(|_| letters[self.below(letters.len())]).collect()
    }
}

pub(crate) const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
pub(crate) const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
pub(crate) const DIGITS: &str = "0123456789";
pub(crate) const HEX: &str = "0123456789abcdef";
pub(crate) const BASE62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
pub(crate) const BASE64URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32: &str = "abcdefghijklmnopqrstuvwxyz234567";

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn unbase64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("base64")
}

pub(crate) fn base32(bytes: &[u8]) -> String {
    let letters = BASE32.as_bytes();
    let mut out = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(letters[(held >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        out.push(char::from(letters[(held << (5 - bits)) as usize & 31]));
    }
    out
}

/// IEEE, bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// A number in the digits of an alphabet, padded on the left with the first.
pub(crate) fn digits(value: u32, alphabet: &str, width: u32) -> String {
    let alphabet = alphabet.as_bytes();
    let base = alphabet.len() as u64;
    (0..width)
        .rev()
        .map(|place| char::from(alphabet[(u64::from(value) / base.pow(place) % base) as usize]))
        .collect()
}

/// Both halves of Marvin32's state at the end; the seed is 8 characters.
fn marvin(seed: &str, bytes: &[u8]) -> (u32, u32) {
    let seed = u64::from_be_bytes(seed.as_bytes().try_into().expect("8 characters"));
    let (mut low, mut high) = (seed as u32, (seed >> 32) as u32);
    let mix = |low: &mut u32, high: &mut u32| {
        *high ^= *low;
        *low = low.rotate_left(20).wrapping_add(*high);
        *high = high.rotate_left(9) ^ *low;
        *low = low.rotate_left(27).wrapping_add(*high);
        *high = high.rotate_left(19);
    };
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        low = low.wrapping_add(u32::from_le_bytes(word.try_into().expect("4 bytes")));
        mix(&mut low, &mut high);
    }
    let mut last = [0; 4];
    let rest = words.remainder();
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x80;
    low = low.wrapping_add(u32::from_le_bytes(last));
    mix(&mut low, &mut high);
    mix(&mut low, &mut high);
    (low, high)
}

pub(crate) fn marvin32(seed: &str, bytes: &[u8]) -> u32 {
    let (low, high) = marvin(seed, bytes);
    low ^ high
}

/// A key of Microsoft's first annotated generation: `bytes` are random, of which
/// the text's places 33, 42, 44 or 76 get the signature and the end the checksum.
pub(crate) fn annotated(bytes: &[u8], signature: &str, seed: &str) -> String {
    let place = match bytes.len() {
        32 => 33,
        39 => 42,
        40 => 44,
        _ => 76,
    };
    let text = base64(bytes);
    let padding = &text[text.trim_end_matches('=').len()..];
    let mut text = format!("{}{signature}", &text[..place]);
    while text.len() < bytes.len().div_ceil(3) * 4 - padding.len() {
        text.push('A');
    }
    let mut bytes = unbase64(&(text + padding));
    let end = bytes.len() - 4;
    let sum = marvin32(seed, &bytes[..end]).to_le_bytes();
    bytes[end..].copy_from_slice(&sum);
    let text = base64(&bytes);
    if bytes.len() == 40 { text.replace('+', "-").replace('/', "_") } else { text }
}

/// The same for Redis, whose service writes `P` for `+` and `F` for `/`, in the
/// checksum too.
pub(crate) fn annotated_redis(bytes: &[u8]) -> String {
    let plain = |text: String| text.replace('+', "P").replace('/', "F");
    let text = base64(bytes);
    let text = plain(format!("{}AzCaAAAAAA=", &text[..33]));
    let mut bytes = unbase64(&text);
    let sum = marvin32("Access00", &bytes[..28]).to_le_bytes();
    bytes[28..].copy_from_slice(&sum);
    plain(base64(&bytes))
}

/// The checksum characters of an annotated key of the second generation, whose
/// first 80 characters are given: 4 of them, or 6 and the padding.
pub(crate) fn cask_tail(head: &str, base_62: bool, long: bool) -> String {
    let sum = marvin32("Default0", &unbase64(head)).to_le_bytes();
    let text = if base_62 {
        let number = u32::from_be_bytes(sum);
        let zeros = "0".repeat(sum.iter().take_while(|byte| **byte == 0).count());
        let written = digits(number, BASE62, 6);
        let mut text = zeros + written.trim_start_matches('0');
        while text.len() < 6 {
            text.push('0');
        }
        text
    } else {
        base64(&sum)
    };
    if !long {
        return text[..4].to_owned();
    }
    let lenient = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    base64(&lenient.decode(format!("{}==", &text[..6])).expect("base64"))
}

/// An Entra client secret of today, whose first 37 characters are given.
pub(crate) fn entra_tail(head: &str) -> String {
    let alphabet = format!("{LOWER}{UPPER}1234567890.-_~");
    digits(marvin32("AadPwd00", head.as_bytes()), &alphabet, 6)[..3].to_owned()
}

/// A DevOps token of 52 characters: 28 bytes and the checksum among them.
pub(crate) fn devops(random: &[u8], application: bool) -> String {
    let sum = crc32(random) ^ if application { 0x1019_f92e } else { 0xe0b9_692d };
    let sum = sum.to_le_bytes();
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&random[..2]);
    bytes.push(sum[3]);
    bytes.extend_from_slice(&random[2..6]);
    bytes.extend_from_slice(&[sum[2], sum[1]]);
    bytes.extend_from_slice(&random[6..19]);
    bytes.push(sum[0]);
    bytes.extend_from_slice(&random[19..]);
    base32(&bytes)
}

/// The six characters that end the tokens of GitHub and npm.
pub(crate) fn crc_tail(body: &str) -> String {
    digits(crc32(body.as_bytes()), BASE62, 6)
}

/// An AWS key id of an account.
pub(crate) fn aws_id(prefix: &str, account: u64, random: u64) -> String {
    let head = (1 << 47) | (account << 7) | (random & 0x7f);
    let mut bytes = head.to_be_bytes()[2..].to_vec();
    bytes.extend_from_slice(&random.to_le_bytes()[2..6]);
    prefix.to_owned() + &base32(&bytes).to_uppercase()
}

/// Seconds since 1970 of a day, as year, month, day.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let mut year = 1970;
    let mut left = days;
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while left >= if leap(year) { 366 } else { 365 } {
        left -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    (year, i64::try_from(month).expect("small") + 1, left + 1)
}

mod vectors {
    //! Of the vendors' own tests and of keys computed apart from this code.
    use super::*;
    use sha2::Digest as _;

    fn counted(count: usize) -> Vec<u8> {
        (0..count).map(|i| u8::try_from((7 * i + 3) % 256).expect("a byte")).collect()
    }

    #[test]
    fn marvin_32() {
        let wide = |(low, high): (u32, u32)| (u64::from(high) << 32) | u64::from(low);
        let seed = |value: u64| value;
        assert_eq!(wide(marvin("\0\0\0\0\0\0\0\0", b"")), seed(0xe424_b006_76a4_eaa8));
        // The other published vectors have seeds that are no text.
        assert_eq!(annotated(&counted(64), "+ASt", "Default0")[72..], *"fYSL+AStz7Pi+Q==");
        assert_eq!(annotated(&counted(64), "ACDb", "MastRO00")[72..], *"fYSLACDbyY0Dbg==");
        assert_eq!(annotated(&counted(32), "+ASb", "Send0000")[28..], *"lp2kq+ASbO7Q3fM=");
        assert_eq!(annotated(&counted(32), "AIoT", "DpsKey00")[28..], *"lp2kqAIoTLwzqBA=");
        assert_eq!(annotated(&counted(39), "+ACR", "ACRDflt0")[36..], *"wMfO1d+ACRAGL+kV");
        assert_eq!(annotated(&counted(40), "AzFu", "Master00")[40..], *"1dzjAzFuWJOiLA==");
        let digest = sha2::Sha256::digest(b"snapsift-synthetic-14");
        assert!(annotated_redis(&digest).ends_with("AzCaFxH5Fo="));
    }

    #[test]
    fn annotated_keys_of_the_second_generation() {
        let head = format!("{}{}JQQJ99CC{}AAASAZDO", "A".repeat(26), "b".repeat(26), "A".repeat(12));
        assert_eq!(cask_tail(&head, true, false), "T53v");
        assert_eq!(cask_tail(&head, true, true), "T53vTw==");
        assert_eq!(cask_tail(&head, false, false), "GZ0D");
        assert_eq!(cask_tail(&head, false, true), "GZ0Dnw==");
    }

    #[test]
    fn entra_and_devops() {
        assert_eq!(entra_tail(&format!("abc8Q~{}", "x".repeat(31))), "caS");
        assert_eq!(entra_tail(&format!("zzz8Q~{}", "z".repeat(31))), "blP");
        let user = devops(&counted(28), false);
        assert!(user.starts_with("amfpweiyd4tihcbn") && user.ends_with("bceps2o2jk5sxhaa"), "{user}");
        let application = devops(&counted(28), true);
        assert!(application.starts_with("amfaweiyd4tcggbn") && application.ends_with("hceps2o2jk5sxhaa"));
    }

    #[test]
    fn crc_and_aws() {
        assert_eq!(crc_tail("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), "0mLq17");
        assert_eq!(crc_tail("abcdefghijABCDEFGHIJ0123456789"), "2C2O59");
        // The account is at the same place as in an id whose account is known.
        assert_eq!(aws_id("AKIA", 123_456_789_012, 0)[..10], *"AKIARZPUZD");
        assert_eq!(base32(b"foobar"), "mzxw6ytboi");
        assert_eq!(civil(20_512), (2026, 2, 28));
        assert_eq!(civil(19_782), (2024, 2, 29));
    }
}
