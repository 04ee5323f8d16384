//! OpenPGP secret keys in armour (RFC 4880, RFC 9580): whose key it is, from when
//! to when, and whether a passphrase protects it. No signature is verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use thiserror::Error;

use super::escape::{Escapes, unescape};

/// The most packets that are looked at.
const MAX_PACKETS: usize = 256;
/// The most characters of a user id.
const MAX_USER_ID: usize = 256;

/// Packet tags.
const SIGNATURE: u8 = 2;
const SECRET_KEY: u8 = 5;
const SECRET_SUBKEY: u8 = 7;
const USER_ID: u8 = 13;
/// Subpacket: seconds from the key's creation to its end.
const KEY_EXPIRATION: u8 = 9;

/// Why something is not a secret key. Nothing of the key is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PgpError {
    /// The armour is not whole, or its sum does not hold.
    #[error("the armour is not whole")]
    Armour,
    /// A packet ends early, or is none.
    #[error("not a sequence of OpenPGP packets")]
    Packet,
    /// The first packet is not a secret key, or of a version that is not known.
    #[error("not a secret key")]
    NotSecretKey,
    /// The secret parts were left out (they are in a card, or elsewhere).
    #[error("the secret parts are not in it")]
    Stub,
}

/// A secret key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PgpKey {
    /// The fingerprint of the primary key in upper-case hex, of versions 4.
    pub fingerprint: Option<String>,
    /// The name of its algorithm.
    pub algorithm: &'static str,
    /// The first user id.
    pub user_id: Option<String>,
    /// When it was made: seconds since 1970.
    pub created: i64,
    /// When it ends.
    pub expires: Option<i64>,
    /// Whether a passphrase protects every secret part that is in it.
    pub encrypted: bool,
}

/// Reads `-----BEGIN PGP PRIVATE KEY BLOCK-----` … `-----END …-----`, with the
/// escapes and indentation of the file in which it stands.
///
/// # Errors
///
/// It is not a whole secret key.
pub fn parse(armour: &[u8]) -> Result<PgpKey, PgpError> {
    let plain = unescape(armour, Escapes::ALL).bytes;
    let bytes = decode_armour(&plain)?;
    let mut packets = Packets { rest: &bytes };
    let (tag, body) = packets.next()?.ok_or(PgpError::Packet)?;
    if tag != SECRET_KEY {
        return Err(PgpError::NotSecretKey);
    }
    let primary = Secret::read(body)?;
    let mut key = PgpKey {
        fingerprint: primary.fingerprint,
        algorithm: primary.algorithm,
        user_id: None,
        created: primary.created,
        expires: None,
        encrypted: true,
    };
    let mut secrets = vec![primary.protection];
    for _ in 0..MAX_PACKETS {
        let Some((tag, body)) = packets.next()? else { break };
        match tag {
            USER_ID if key.user_id.is_none() => {
                let text: String = String::from_utf8_lossy(body).chars().take(MAX_USER_ID).collect();
                key.user_id = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            }
            // Certifications of a user id, and signatures on the key itself; the
            // signatures of subkeys (0x18) tell of the subkeys.
            SIGNATURE if key.expires.is_none() => {
                let seconds = key_expiration(body).filter(|seconds| *seconds > 0);
                key.expires = seconds.and_then(|seconds| key.created.checked_add(seconds));
            }
            SECRET_SUBKEY => secrets.push(Secret::read(body)?.protection),
            _ => {}
        }
    }
    if secrets.iter().all(|protection| *protection == Protection::Stub) {
        return Err(PgpError::Stub);
    }
    key.encrypted = !secrets.contains(&Protection::Plain);
    Ok(key)
}

/// Takes the armour away and holds the bytes against its sum, where it has one.
fn decode_armour(text: &[u8]) -> Result<Vec<u8>, PgpError> {
    let (mut code, mut sum) = (Vec::with_capacity(text.len()), None);
    // The first line is the armour's head.
    for line in text.split(|byte| *byte == b'\n').skip(1).map(<[u8]>::trim_ascii) {
        if line.starts_with(b"-----END") {
            let bytes = STANDARD.decode(&code).map_err(|_| PgpError::Armour)?;
            let holds = sum.is_none_or(|sum: Vec<u8>| sum == crc24(&bytes));
            return if holds { Ok(bytes) } else { Err(PgpError::Armour) };
        }
        match line.strip_prefix(b"=") {
            Some(sum_code) if sum_code.len() == 4 => {
                sum = Some(STANDARD.decode(sum_code).map_err(|_| PgpError::Armour)?);
            }
            // `Version: …`, `Comment: …`
            _ if line.contains(&b':') && code.is_empty() => {}
            _ => code.extend_from_slice(line),
        }
    }
    Err(PgpError::Armour)
}

/// RFC 4880 section 6.1.
fn crc24(bytes: &[u8]) -> Vec<u8> {
    let mut sum = 0x00b7_04ce_u32;
    for byte in bytes {
        sum ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            sum <<= 1;
            if sum & 0x0100_0000 != 0 {
                sum ^= 0x0186_4cfb;
            }
        }
    }
    let [_, tail @ ..] = sum.to_be_bytes();
    tail.to_vec()
}

struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Packets<'a> {
    /// The next packet: its tag and body.
    fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, PgpError> {
        let Some((head, rest)) = self.rest.split_first() else { return Ok(None) };
        if head & 0x80 == 0 {
            return Err(PgpError::Packet);
        }
        let (tag, length, rest) = if head & 0x40 != 0 {
            let (length, rest) = new_length(rest).ok_or(PgpError::Packet)?;
            (head & 0x3f, length, rest)
        } else {
            let digits = match head & 3 {
                0 => 1,
                1 => 2,
                2 => 4,
                _ => return Err(PgpError::Packet),
            };
            let (length, rest) = big_endian(rest, digits).ok_or(PgpError::Packet)?;
            (head >> 2 & 0x0f, length, rest)
        };
        let (body, rest) = rest.split_at_checked(length).ok_or(PgpError::Packet)?;
        self.rest = rest;
        Ok(Some((tag, body)))
    }
}

fn big_endian(bytes: &[u8], count: usize) -> Option<(usize, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(count)?;
    let number = digits.iter().fold(0_u64, |sum, digit| sum << 8 | u64::from(*digit));
    Some((usize::try_from(number).ok()?, rest))
}

/// Lengths of one, two and five octets, as packets and subpackets have them.
/// Partial lengths are for data, never for keys.
fn new_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=191 => Some((usize::from(*first), rest)),
        192..=223 => {
            let (second, rest) = rest.split_first()?;
            let high = usize::from(*first).checked_sub(192)?.checked_mul(256)?;
            Some((high.checked_add(usize::from(*second))?.checked_add(192)?, rest))
        }
        255 => big_endian(rest, 4),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protection {
    Plain,
    Passphrase,
    /// GnuPG's mark for a part that is elsewhere.
    Stub,
}

struct Secret {
    fingerprint: Option<String>,
    algorithm: &'static str,
    created: i64,
    protection: Protection,
}

impl Secret {
    fn read(body: &[u8]) -> Result<Self, PgpError> {
        let wrong = PgpError::NotSecretKey;
        let (head, rest) = body.split_first_chunk::<6>().ok_or(wrong)?;
        let [version, created @ .., algorithm] = *head;
        let name = match algorithm {
            1..=3 => "rsa",
            16 => "elgamal",
            17 => "dsa",
            18 => "ecdh",
            19 => "ecdsa",
            22 | 27 => "ed25519",
            25 => "x25519",
            26 => "x448",
            28 => "ed448",
            _ => return Err(wrong),
        };
        let public_length = match version {
            4 => body.len().checked_sub(after_public(algorithm, rest).ok_or(wrong)?.len()).ok_or(wrong)?,
            5 | 6 => {
                let (count, rest) = big_endian(rest, 4).ok_or(wrong)?;
                let head = body.len().checked_sub(rest.len()).ok_or(wrong)?;
                head.checked_add(count).ok_or(wrong)?
            }
            _ => return Err(wrong),
        };
        let (public, secret) = body.split_at_checked(public_length).ok_or(wrong)?;
        let protection = match secret {
            [0, _, ..] => Protection::Plain,
            // Usage, cipher, kind of derivation 101, hash, "GNU".
            [254 | 255, _, 101, _, b'G', b'N', b'U', ..] => Protection::Stub,
            [_, _, ..] => Protection::Passphrase,
            _ => return Err(wrong),
        };
        Ok(Self {
            fingerprint: (version == 4).then(|| fingerprint(public)),
            algorithm: name,
            created: i64::from(u32::from_be_bytes(created)),
            protection,
        })
    }
}

/// What follows the public numbers of an algorithm.
fn after_public(algorithm: u8, bytes: &[u8]) -> Option<&[u8]> {
    let numbers = |count: usize, bytes| (0..count).try_fold(bytes, |rest, _| after_number(rest));
    match algorithm {
        1..=3 => numbers(2, bytes),
        16 => numbers(3, bytes),
        17 => numbers(4, bytes),
        19 | 22 => numbers(1, after_field(bytes)?),
        18 => after_field(after_number(after_field(bytes)?)?),
        25 | 27 => bytes.get(32..),
        26 => bytes.get(56..),
        28 => bytes.get(57..),
        _ => None,
    }
}

/// A number: its length in bits, then its bytes.
fn after_number(bytes: &[u8]) -> Option<&[u8]> {
    let (bits, rest) = big_endian(bytes, 2)?;
    rest.get(bits.div_ceil(8)..)
}

/// A field with a length of one byte: a curve, the parameters of a derivation.
fn after_field(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first()?;
    rest.get(usize::from(*length)..)
}

/// RFC 4880 section 12.2.
fn fingerprint(public: &[u8]) -> String {
    let length = u16::try_from(public.len()).unwrap_or(u16::MAX);
    let mut hasher = Sha1::new();
    hasher.update([0x99]);
    hasher.update(length.to_be_bytes());
    hasher.update(public);
    let digest: [u8; 20] = hasher.finalize().into();
    digest.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The seconds to a key's end in a signature of version 4 on the key itself.
fn key_expiration(body: &[u8]) -> Option<i64> {
    let (head, rest) = body.split_first_chunk::<4>()?;
    if !matches!(head, [4, 0x10..=0x13 | 0x1f, ..]) {
        return None;
    }
    let (length, rest) = big_endian(rest, 2)?;
    let mut rest = rest.get(..length)?;
    for _ in 0..MAX_PACKETS {
        let (length, after) = new_length(rest)?;
        let (subpacket, after) = after.split_at_checked(length)?;
        if let [kind, seconds @ ..] = subpacket
            && kind & 0x7f == KEY_EXPIRATION
        {
            return Some(i64::from(u32::from_be_bytes(seconds.try_into().ok()?)));
        }
        rest = after;
    }
    None
}
