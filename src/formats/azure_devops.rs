//! The older tokens of Azure DevOps: 52 characters of base32 (`a-z2-7`, lower
//! case), 32 bytes, of which four are a CRC-32 of the other 28. What is XORed onto
//! the sum tells a person's token from the secret of an application.
//!
//! Source: rules SEC101/102 and their validation in microsoft/security-utilities.

/// Characters of a token.
pub const LENGTH: usize = 52;

/// Whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A personal access token.
    User,
    /// The secret of an OAuth application.
    Application,
}

/// The kind of a token whose checksum holds; `None` for anything else.
#[must_use]
pub fn kind(token: &[u8]) -> Option<Kind> {
    // 52 characters have 260 bits, a token 256: the last has but one bit.
    if token.len() != LENGTH || !matches!(token.last(), Some(b'a' | b'q')) {
        return None;
    }
    let bytes = base32(token)?;
    let [a, b, s0, c, d, e, f, s1, s2, ..] = bytes;
    let (middle, rest) = (bytes.get(9..22)?, bytes.get(23..32)?);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[a, b, c, d, e, f]);
    hasher.update(middle);
    hasher.update(rest);
    let stored = u32::from_le_bytes([*bytes.get(22)?, s2, s1, s0]);
    match stored ^ hasher.finalize() {
        0xe0b9_692d => Some(Kind::User),
        0x1019_f92e => Some(Kind::Application),
        _ => None,
    }
}

/// 52 characters of lower-case base32 as 32 bytes.
fn base32(code: &[u8]) -> Option<[u8; 32]> {
    let (mut bits, mut count) = (0_u32, 0_u32);
    let mut out = [0_u8; 32];
    let mut places = out.iter_mut();
    for character in code {
        let value = match character {
            b'a'..=b'z' => character.wrapping_sub(b'a'),
            b'2'..=b'7' => character.wrapping_sub(b'2').wrapping_add(26),
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        count = count.wrapping_add(5);
        if count >= 8 {
            count = count.wrapping_sub(8);
            let [.., byte] = (bits >> count).to_be_bytes();
            if let Some(place) = places.next() {
                *place = byte;
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(bytes: &[u8; 32]) -> String {
        const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
        let digit = |place: usize| (0..5).fold(0, |sum, at| sum * 2 + usize::from(bit(place * 5 + at)));
        (0..52).map(|place| char::from(DIGITS[digit(place)])).collect()
    }

    /// 28 bytes (7 i + 3) mod 256, whose CRC-32 by zlib is 1b3ae1cd; the ends of
    /// both tokens are those that another program gives.
    #[test]
    fn both_kinds_by_hand() {
        let body: Vec<u8> = (0..28_usize).map(|i| u8::try_from((7 * i + 3) % 256).expect("a byte")).collect();
        for (mask, kind_of_it, first, last) in [
            (0xe0b9_692d_u32, Kind::User, "amfpweiyd4tihcbn", "bceps2o2jk5sxhaa"),
            (0x1019_f92e, Kind::Application, "amfaweiyd4tcggbn", "hceps2o2jk5sxhaa"),
        ] {
            let sum = (0x1b3a_e1cd ^ mask).to_le_bytes();
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&body[..2]);
            bytes[3..7].copy_from_slice(&body[2..6]);
            bytes[9..22].copy_from_slice(&body[6..19]);
            bytes[23..].copy_from_slice(&body[19..]);
            (bytes[22], bytes[8], bytes[7], bytes[2]) = (sum[0], sum[1], sum[2], sum[3]);
            let token = code(&bytes);
            assert!(token.starts_with(first) && token.ends_with(last), "{token}");
            assert_eq!(kind(token.as_bytes()), Some(kind_of_it));
            let flipped = token.replacen('f', "g", 1);
            assert_eq!(kind(flipped.as_bytes()), None);
            assert_eq!(kind(token.to_uppercase().as_bytes()), None);
            assert_eq!(kind(&token.as_bytes()[1..]), None);
        }
        assert_eq!(kind(b""), None);
        assert_eq!(kind(&[b'a'; 52]), None);
    }
}
