//! The structure of PKCS#12 files (`.pfx`, `.p12`; RFC 7292): whether there is a
//! private key in them and whether a password protects it. Only the empty password is
//! tried, on the sum that guards the file; nothing is decrypted.

use sha1::Sha1;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::der::{CONTEXT_0, DerError, DerReader, OCTET_STRING, OID, SEQUENCE};
use super::hmac::hmac;
use super::x509::Certificate;

/// The most parts, and the most bags of a part, that are looked at.
const MAX_PARTS: usize = 64;

/// pkcs7-data 1.2.840.113549.1.7.1, encryptedData 6
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6];
/// pkcs-12 bags: 1.2.840.113549.1.12.10.1.*
const BAGS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1];

/// sha1 1.3.14.3.2.26, sha256 2.16.840.1.101.3.4.2.1
const SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
/// More rounds are not tried: what programs write is at most 10,000 or 100,000.
const MAX_ROUNDS: u32 = 100_000;

/// Why something is not a PKCS#12 file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Pkcs12Error {
    /// The DER structure.
    #[error(transparent)]
    Der(#[from] DerError),
    /// Another structure.
    #[error("not the structure of a PKCS#12 file")]
    Structure,
}

/// What stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pkcs12 {
    /// Private keys in clear.
    pub plain_keys: usize,
    /// Private keys that are encrypted.
    pub encrypted_keys: usize,
    /// Parts that are encrypted as a whole: certificates as a rule.
    pub encrypted_parts: usize,
    /// Whether a sum made with the password guards it.
    pub has_mac: bool,
    /// The sum is that of an empty password.
    pub opens_empty: bool,
    /// The first certificate that stands in clear.
    pub certificate: Option<Certificate>,
}

impl Pkcs12 {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(der: &[u8]) -> Result<Self, Pkcs12Error> {
        let mut outer = DerReader::new(der);
        let mut file = outer.sequence()?;
        outer.finish()?;
        if file.unsigned()? != [3] {
            return Err(Pkcs12Error::Structure);
        }
        let mut safe = file.sequence()?;
        if safe.expect(OID)? != DATA {
            return Err(Pkcs12Error::Structure);
        }
        let content = DerReader::new(safe.expect(CONTEXT_0)?).expect(OCTET_STRING)?;
        let mac = file.optional(SEQUENCE)?;
        let opens_empty = mac.and_then(|mac| opens_empty(mac, content)).unwrap_or(false);
        let mut found = Self { has_mac: mac.is_some(), opens_empty, ..Self::default() };
        let mut parts = DerReader::new(content).sequence()?;
        for _ in 0..MAX_PARTS {
            if parts.is_empty() {
                break;
            }
            let mut part = parts.sequence()?;
            match part.expect(OID)? {
                DATA => {
                    let content = DerReader::new(part.expect(CONTEXT_0)?).expect(OCTET_STRING)?;
                    found.read_bags(content)?;
                }
                ENCRYPTED_DATA => found.encrypted_parts = found.encrypted_parts.saturating_add(1),
                // Parts for one reader's public key say nothing.
                _ => {}
            }
        }
        Ok(found)
    }

    fn read_bags(&mut self, content: &[u8]) -> Result<(), Pkcs12Error> {
        let mut bags = DerReader::new(content).sequence()?;
        for _ in 0..MAX_PARTS {
            if bags.is_empty() {
                break;
            }
            let mut bag = bags.sequence()?;
            let kind = bag.expect(OID)?.strip_prefix(BAGS);
            let value = bag.expect(CONTEXT_0)?;
            match kind {
                Some([1]) => self.plain_keys = self.plain_keys.saturating_add(1),
                Some([2]) => self.encrypted_keys = self.encrypted_keys.saturating_add(1),
                Some([3]) if self.certificate.is_none() => {
                    let mut certificate = DerReader::new(value).sequence()?;
                    certificate.expect(OID)?;
                    let der = DerReader::new(certificate.expect(CONTEXT_0)?).expect(OCTET_STRING)?;
                    self.certificate = Certificate::parse(der).ok();
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether the sum over the content (RFC 7292, section 4 and appendix B) is that of an empty
/// password: programs write that as two zeros, or as nothing. `None`: it cannot be told.
fn opens_empty(mac: &[u8], content: &[u8]) -> Option<bool> {
    let mut fields = DerReader::new(mac);
    let mut digest = fields.sequence().ok()?;
    let algorithm = digest.sequence().ok()?.expect(OID).ok()?;
    let sum = digest.expect(OCTET_STRING).ok()?;
    let salt = fields.expect(OCTET_STRING).ok()?;
    let rounds = match fields.is_empty() {
        true => 1,
        false => fields.unsigned().ok()?.iter().try_fold(0_u32, |number, byte| {
            number.checked_mul(256)?.checked_add(u32::from(*byte)).filter(|number| *number <= MAX_ROUNDS)
        })?,
    };
    let is_it = |password: &[u8]| match algorithm {
        SHA1 => Some(hmac::<Sha1>(&mac_key::<Sha1>(password, salt, rounds), content)),
        SHA256 => Some(hmac::<Sha256>(&mac_key::<Sha256>(password, salt, rounds), content)),
        _ => None,
    };
    let sums = [is_it(&[0, 0])?, is_it(&[])?];
    Some(sums.iter().any(|made| made == sum))
}

/// The key of a sum (RFC 7292, B.2 with the number 3), for hashes with blocks of 64 bytes:
/// one round gives all of it.
fn mac_key<D: Digest>(password: &[u8], salt: &[u8], rounds: u32) -> Vec<u8> {
    let filled = |bytes: &[u8]| -> Vec<u8> {
        let length = bytes.len().div_ceil(64).saturating_mul(64);
        bytes.iter().cycle().take(length).copied().collect()
    };
    let first = D::new().chain_update([3; 64]).chain_update(filled(salt)).chain_update(filled(password));
    let mut key = first.finalize().to_vec();
    for _ in 1..rounds {
        key = D::digest(&key).to_vec();
    }
    key
}
