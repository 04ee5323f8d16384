//! Whether a key made a signature: RFC 8709 (Ed25519), RFC 8332 and RFC 8017 section
//! 8.2.2 (RSA).

use ed25519_dalek::Verifier as _;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use crate::formats::bignum;
use crate::formats::ssh_public::rsa_numbers;
use crate::formats::wire::WireReader;

/// What stands before the hash in what RSA signs: its algorithm in DER.
const SHA1: [u8; 15] = [0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 20];
const SHA256: [u8; 19] = [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 32];
const SHA512: [u8; 19] = [0x30, 0x51, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 64];

/// What a signature is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// The key made it.
    Good,
    /// The key did not make it.
    Bad,
    /// It is of a kind that is not verified here.
    Unknown,
}

impl Signature {
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
        }
    }

    /// Verifies the signature `number` of a key in plain wire form over `signed`.
    pub(super) fn verify(key: &[u8], algorithm: &[u8], number: &[u8], signed: &[u8]) -> Self {
        let verified = match algorithm {
            b"ssh-ed25519" => ed25519(key, number, signed),
            b"rsa-sha2-256" => rsa(key, number, &[&SHA256[..], &Sha256::digest(signed)].concat()),
            b"rsa-sha2-512" => rsa(key, number, &[&SHA512[..], &Sha512::digest(signed)].concat()),
            b"ssh-rsa" => rsa(key, number, &[&SHA1[..], &Sha1::digest(signed)].concat()),
            _ => return Self::Unknown,
        };
        match verified {
            Some(true) => Self::Good,
            Some(false) => Self::Bad,
            None => Self::Unknown,
        }
    }
}

/// `None`: the numbers are not verified here.
fn ed25519(key: &[u8], number: &[u8], signed: &[u8]) -> Option<bool> {
    let mut fields = WireReader::new(key);
    if fields.string().ok()? != b"ssh-ed25519" {
        return Some(false);
    }
    let key = <&[u8; 32]>::try_from(fields.string().ok()?).ok()?;
    let Ok(signature) = ed25519_dalek::Signature::from_slice(number) else { return Some(false) };
    let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(key) else { return Some(false) };
    Some(key.verify(signed, &signature).is_ok())
}

/// `None`: the numbers are larger than is computed with here.
fn rsa(key: &[u8], number: &[u8], hash: &[u8]) -> Option<bool> {
    let Some((exponent, modulus)) = rsa_numbers(key) else { return Some(false) };
    // Padding to the modulus's length: 0, 1, 255 …, 0.
    let Some(fill) = modulus.len().checked_sub(hash.len().saturating_add(3)).filter(|fill| *fill >= 8) else {
        return Some(false);
    };
    let expected = [&[1][..], &vec![0xff; fill], &[0], hash].concat();
    Some(bignum::public_power(number, exponent, modulus)? == expected)
}
