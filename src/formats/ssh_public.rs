//! SSH public keys in their wire form: algorithm, size, and the fingerprints as
//! `ssh-keygen -lf` prints them.
//!
//! Sources: RFC 4253 section 6.6 (RSA, DSA), RFC 5656 (ECDSA), RFC 8709
//! (Ed25519), `PROTOCOL.u2f` and `PROTOCOL.certkeys` of OpenSSH. A fingerprint is
//! over the wire form; that of a certificate is over the plain key in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use md5::Md5;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::der::{BIT_STRING, RSA_ALGORITHM, SEQUENCE, write_element, write_unsigned};
use super::hex;
use super::wire::{Truncated, WireReader, bit_length, put_string, strip_zeros};

/// The largest modulus that OpenSSH takes, in bits.
pub const MAX_RSA_BITS: u32 = 16_384;

/// Why a wire form is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PublicKeyError {
    /// The bytes end inside a field, or go on after the last one.
    #[error("the public key has the wrong length")]
    Length,
    /// A type of key that is not known here.
    #[error("unknown type of public key")]
    UnknownType,
    /// A field cannot have this value.
    #[error("a field of the public key is out of range")]
    Field,
}

impl From<Truncated> for PublicKeyError {
    fn from(_: Truncated) -> Self {
        Self::Length
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// `rsa`, `dsa`, `ecdsa`, `ed25519`, `ecdsa-sk` or `ed25519-sk`.
    pub algorithm: &'static str,
    /// Size in bits, as `ssh-keygen -lf` counts it.
    pub bits: u32,
    /// Whether the blob was a certificate.
    pub certificate: bool,
    /// The plain key in wire form; of a certificate, the key that it certifies.
    pub blob: Vec<u8>,
}

impl PublicKey {
    /// Reads a wire form, a certificate included.
    ///
    /// # Errors
    ///
    /// It is not exactly one well-formed key of a known type.
    pub fn from_blob(blob: &[u8]) -> Result<Self, PublicKeyError> {
        let (key, reader) = Self::read(blob)?;
        if key.certificate || reader.rest().is_empty() { Ok(key) } else { Err(PublicKeyError::Length) }
    }

    /// Reads the key of a certificate; the reader stands after it.
    pub(crate) fn read_certified(blob: &[u8]) -> Result<(Self, WireReader<'_>), PublicKeyError> {
        let (key, reader) = Self::read(blob)?;
        if key.certificate { Ok((key, reader)) } else { Err(PublicKeyError::UnknownType) }
    }

    fn read(blob: &[u8]) -> Result<(Self, WireReader<'_>), PublicKeyError> {
        let mut reader = WireReader::new(blob);
        let type_name = reader.string()?;
        let certificate = type_name.strip_suffix(b"-cert-v01@openssh.com");
        let plain_type: &[u8] = match certificate {
            Some(b"sk-ssh-ed25519") => b"sk-ssh-ed25519@openssh.com",
            Some(b"sk-ecdsa-sha2-nistp256") => b"sk-ecdsa-sha2-nistp256@openssh.com",
            Some(plain) => plain,
            None => type_name,
        };
        if certificate.is_some() {
            reader.string()?;
        }
        let fields_start = reader.rest();
        let (algorithm, bits) = read_fields(plain_type, &mut reader)?;
        let blob = if certificate.is_some() {
            let length = fields_start.len().saturating_sub(reader.rest().len());
            let mut plain = Vec::with_capacity(blob.len());
            put_string(&mut plain, plain_type);
            plain.extend_from_slice(fields_start.get(..length).unwrap_or_default());
            plain
        } else {
            blob.to_vec()
        };
        Ok((Self { algorithm, bits, certificate: certificate.is_some(), blob }, reader))
    }

    /// `SHA256:` and 43 base64 characters.
    #[must_use]
    pub fn fingerprint_sha256(&self) -> String {
        fingerprint_sha256(&self.blob)
    }

    /// `MD5:` and 16 hex pairs.
    #[must_use]
    pub fn fingerprint_md5(&self) -> String {
        fingerprint_md5(&self.blob)
    }
}

/// The SHA-256 fingerprint of a plain wire form, as OpenSSH writes it since 6.8.
#[must_use]
pub fn fingerprint_sha256(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

/// The MD5 fingerprint of a plain wire form (RFC 4716 section 4).
#[must_use]
pub fn fingerprint_md5(blob: &[u8]) -> String {
    format!("MD5:{}", hex::pairs(&Md5::digest(blob)))
}

/// What EC2 shows for an RSA key that was imported: 16 hex pairs, the MD5 of the
/// public half as SubjectPublicKeyInfo in DER (RFC 8017 appendix A.1.1). `None` for
/// other kinds of key.
#[must_use]
pub fn fingerprint_ec2_imported(blob: &[u8]) -> Option<String> {
    let (e, n) = rsa_numbers(blob)?;
    let mut numbers = Vec::with_capacity(n.len().saturating_add(32));
    write_unsigned(&mut numbers, n);
    write_unsigned(&mut numbers, e);
    // A BIT STRING begins with the number of bits that it does not use.
    let mut key = vec![0];
    write_element(&mut key, SEQUENCE, &numbers);
    let mut fields = Vec::with_capacity(key.len().saturating_add(32));
    write_element(&mut fields, SEQUENCE, &RSA_ALGORITHM);
    write_element(&mut fields, BIT_STRING, &key);
    let mut whole = Vec::with_capacity(fields.len().saturating_add(8));
    write_element(&mut whole, SEQUENCE, &fields);
    Some(hex::pairs(&Md5::digest(whole)))
}

/// Exponent and modulus of an RSA key in plain wire form, big endian without leading
/// zeros. `None` for other kinds of key.
#[must_use]
pub fn rsa_numbers(blob: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = WireReader::new(blob);
    if fields.string().ok()? != b"ssh-rsa" {
        return None;
    }
    Some((strip_zeros(fields.string().ok()?), strip_zeros(fields.string().ok()?)))
}

/// Reads the fields of one type of key.
fn read_fields(
    plain_type: &[u8],
    reader: &mut WireReader<'_>,
) -> Result<(&'static str, u32), PublicKeyError> {
    match plain_type {
        b"ssh-rsa" => {
            let exponent = number(reader.string()?)?;
            let modulus = number(reader.string()?)?;
            let bits = bit_length(modulus);
            if exponent.is_empty() || !(512..=MAX_RSA_BITS).contains(&bits) || bit_length(exponent) > bits {
                return Err(PublicKeyError::Field);
            }
            Ok(("rsa", bits))
        }
        b"ssh-dss" => {
            let prime = number(reader.string()?)?;
            for _ in 0..3 {
                if number(reader.string()?)?.len() > prime.len() {
                    return Err(PublicKeyError::Field);
                }
            }
            let bits = bit_length(prime);
            if (512..=MAX_RSA_BITS).contains(&bits) { Ok(("dsa", bits)) } else { Err(PublicKeyError::Field) }
        }
        b"ssh-ed25519" => {
            exact(reader.string()?, 32)?;
            Ok(("ed25519", 256))
        }
        b"sk-ssh-ed25519@openssh.com" => {
            exact(reader.string()?, 32)?;
            reader.string()?;
            Ok(("ed25519-sk", 256))
        }
        b"ecdsa-sha2-nistp256" => curve(reader, b"nistp256", 256).map(|bits| ("ecdsa", bits)),
        b"ecdsa-sha2-nistp384" => curve(reader, b"nistp384", 384).map(|bits| ("ecdsa", bits)),
        b"ecdsa-sha2-nistp521" => curve(reader, b"nistp521", 521).map(|bits| ("ecdsa", bits)),
        b"sk-ecdsa-sha2-nistp256@openssh.com" => {
            let bits = curve(reader, b"nistp256", 256)?;
            reader.string()?;
            Ok(("ecdsa-sk", bits))
        }
        _ => Err(PublicKeyError::UnknownType),
    }
}

/// An mpint that must be positive, without its sign byte.
fn number(mpint: &[u8]) -> Result<&[u8], PublicKeyError> {
    match mpint.first() {
        Some(0x80..) | None => Err(PublicKeyError::Field),
        Some(_) => Ok(strip_zeros(mpint)),
    }
}

fn exact(field: &[u8], length: usize) -> Result<(), PublicKeyError> {
    if field.len() == length { Ok(()) } else { Err(PublicKeyError::Field) }
}

/// The curve's name and an uncompressed point on it.
fn curve(reader: &mut WireReader<'_>, name: &[u8], bits: u32) -> Result<u32, PublicKeyError> {
    let named = reader.string()?;
    let point = reader.string()?;
    let coordinate = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
    if named != name || point.first() != Some(&4) {
        return Err(PublicKeyError::Field);
    }
    exact(point, coordinate.saturating_mul(2).saturating_add(1))?;
    Ok(bits)
}
