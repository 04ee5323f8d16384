//! Key revocation lists of OpenSSH (`PROTOCOL.krl`, `krl.c`), for which
//! `RevokedKeys` of sshd names a file. Signatures of lists are not verified, as
//! OpenSSH since 9.8 does not either.

use std::collections::HashSet;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::ssh_certificate::Certificate;
use super::ssh_public::PublicKey;
use super::wire::{Truncated, WireReader, strip_zeros};

/// How a list begins: `SSHKRL\n` and a zero.
pub const MAGIC: &[u8] = b"SSHKRL\n\0";
/// The most bytes that are read.
const MAX_FILE: usize = 64 << 20;

/// Why bytes are no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KrlError {
    /// They do not begin as one: `RevokedKeys` may also name a file of public keys.
    #[error("not a key revocation list")]
    NotAList,
    /// More than 64 MiB.
    #[error("a key revocation list of more than 64 MiB")]
    TooLong,
    /// They end inside a field.
    #[error("the key revocation list ends early")]
    Truncated,
    /// A version, or a section that must be understood, which is not known. sshd
    /// then refuses every key.
    #[error("a part of the key revocation list is not known")]
    Unsupported,
    /// A field that cannot be.
    #[error("the key revocation list is malformed")]
    Malformed,
}

impl From<Truncated> for KrlError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// Why a key is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The key itself is listed.
    Key,
    /// The SHA-1 of its wire form is listed.
    Sha1,
    /// The SHA-256 of its wire form is listed.
    Sha256,
    /// The serial number of its certificate is listed.
    Serial,
    /// The name of its certificate is listed.
    KeyId,
    /// The key that signed its certificate is revoked.
    Authority,
}

/// A list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Krl {
    /// The version that its maker gave it.
    pub version: u64,
    /// When it was made, in seconds since 1970.
    pub generated: u64,
    /// Its comment.
    pub comment: String,
    keys: HashSet<Vec<u8>>,
    sha1: HashSet<Vec<u8>>,
    sha256: HashSet<Vec<u8>>,
    certificates: Vec<OfAuthority>,
}

/// What is revoked of the certificates that one key signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OfAuthority {
    /// Its wire form; empty for those of all keys.
    authority: Vec<u8>,
    /// First and last serial numbers, sorted once all are read.
    ranges: Vec<(u64, u64)>,
    /// From which number on a bit stands for each, and the bits, big endian.
    bitmaps: Vec<(u64, Vec<u8>)>,
    key_ids: HashSet<Vec<u8>>,
}

impl Krl {
    /// Reads a list.
    ///
    /// # Errors
    ///
    /// sshd would not use it.
    pub fn parse(bytes: &[u8]) -> Result<Self, KrlError> {
        if bytes.len() > MAX_FILE {
            return Err(KrlError::TooLong);
        }
        let mut reader = WireReader::new(bytes.strip_prefix(MAGIC).ok_or(KrlError::NotAList)?);
        if reader.u32()? != 1 {
            return Err(KrlError::Unsupported);
        }
        let mut list = Self { version: reader.u64()?, generated: reader.u64()?, ..Self::default() };
        // Flags, and what is reserved.
        reader.u64()?;
        reader.string()?;
        let comment = reader.string()?;
        list.comment =
            String::from_utf8_lossy(comment.get(..comment.len().min(1024)).unwrap_or_default()).into_owned();
        let mut signed = false;
        while let Some(kind) = next_byte(&mut reader) {
            let mut section = WireReader::new(reader.string()?);
            // Nothing but further signatures may follow one.
            if signed && kind != 4 {
                return Err(KrlError::Malformed);
            }
            match kind {
                1 => list.certificates.push(certificates(section)?),
                2 => strings(section, &mut list.keys, None)?,
                3 => strings(section, &mut list.sha1, Some(20))?,
                4 => {
                    signed = true;
                    reader.string()?;
                }
                5 => strings(section, &mut list.sha256, Some(32))?,
                255 => extension(&mut section)?,
                _ => return Err(KrlError::Unsupported),
            }
        }
        Ok(list)
    }

    /// Whether a key is revoked, plain or of a certificate, and why.
    #[must_use]
    pub fn is_revoked(&self, key: &PublicKey, certificate: Option<&Certificate>) -> Option<Revocation> {
        if let Some(found) = self.is_key_revoked(&key.blob) {
            return Some(found);
        }
        let certificate = certificate?;
        let of_authority = self
            .certificates
            .iter()
            .filter(|part| part.authority.is_empty() || part.authority == certificate.authority)
            .find_map(|part| part.is_revoked(certificate));
        of_authority.or_else(|| self.is_key_revoked(&certificate.authority).map(|_| Revocation::Authority))
    }

    fn is_key_revoked(&self, blob: &[u8]) -> Option<Revocation> {
        if self.keys.contains(blob) {
            return Some(Revocation::Key);
        }
        if !self.sha256.is_empty() && self.sha256.contains(Sha256::digest(blob).as_slice()) {
            return Some(Revocation::Sha256);
        }
        let sha1 = !self.sha1.is_empty() && self.sha1.contains(Sha1::digest(blob).as_slice());
        sha1.then_some(Revocation::Sha1)
    }
}

impl OfAuthority {
    fn is_revoked(&self, certificate: &Certificate) -> Option<Revocation> {
        if self.key_ids.contains(certificate.key_id.as_bytes()) {
            return Some(Revocation::KeyId);
        }
        let serial = certificate.serial;
        // 0 is what certificates have that were given no number.
        if serial == 0 {
            return None;
        }
        let after = self.ranges.partition_point(|(first, _)| *first <= serial);
        let before = after.checked_sub(1).and_then(|at| self.ranges.get(at));
        let in_range = before.is_some_and(|(_, last)| serial <= *last);
        let in_bitmap =
            || self.bitmaps.iter().any(|(offset, bits)| has_bit(bits, serial.checked_sub(*offset)));
        (in_range || in_bitmap()).then_some(Revocation::Serial)
    }
}

/// Whether a bit is set in a big-endian number.
fn has_bit(bits: &[u8], index: Option<u64>) -> bool {
    let Some(index) = index else { return false };
    let byte = usize::try_from(index >> 3).ok().and_then(|byte| bits.iter().rev().nth(byte));
    byte.is_some_and(|byte| byte >> (index & 7) & 1 == 1)
}

fn next_byte(reader: &mut WireReader<'_>) -> Option<u8> {
    reader.bytes(1).ok().and_then(|bytes| bytes.first().copied())
}

fn strings(
    mut section: WireReader<'_>,
    out: &mut HashSet<Vec<u8>>,
    length: Option<usize>,
) -> Result<(), KrlError> {
    while !section.rest().is_empty() {
        let item = section.string()?;
        if length.is_some_and(|length| item.len() != length) {
            return Err(KrlError::Malformed);
        }
        out.insert(item.to_vec());
    }
    Ok(())
}

/// A part that its maker may say must be understood.
fn extension(section: &mut WireReader<'_>) -> Result<(), KrlError> {
    section.string()?;
    let critical = section.bytes(1)? != [0];
    section.string()?;
    if critical { Err(KrlError::Unsupported) } else { Ok(()) }
}

fn certificates(mut section: WireReader<'_>) -> Result<OfAuthority, KrlError> {
    let mut found = OfAuthority { authority: section.string()?.to_vec(), ..OfAuthority::default() };
    section.string()?;
    while let Some(kind) = next_byte(&mut section) {
        let mut part = WireReader::new(section.string()?);
        match kind {
            0x20 => {
                while !part.rest().is_empty() {
                    let serial = part.u64()?;
                    found.ranges.push((serial, serial));
                }
            }
            0x21 => found.ranges.push((part.u64()?, part.u64()?)),
            0x22 => {
                let offset = part.u64()?;
                found.bitmaps.push((offset, strip_zeros(part.string()?).to_vec()));
            }
            0x23 => strings(part, &mut found.key_ids, None)?,
            0x39 => extension(&mut part)?,
            _ => return Err(KrlError::Unsupported),
        }
    }
    // Sorted and merged: a look-up then needs the last range that begins before.
    found.ranges.sort_unstable();
    found.ranges.dedup_by(|next, kept| {
        let touches = next.0 <= kept.1;
        if touches {
            kept.1 = kept.1.max(next.1);
        }
        touches
    });
    Ok(found)
}
