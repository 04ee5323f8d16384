//! The structure of PKCS#12 files (`.pfx`, `.p12`; RFC 7292): whether there is a
//! private key in them and whether a password protects it. No password is tried
//! and nothing is decrypted.

use thiserror::Error;

use super::der::{CONTEXT_0, DerError, DerReader, OCTET_STRING, OID, SEQUENCE};
use super::x509::Certificate;

/// The most parts, and the most bags of a part, that are looked at.
const MAX_PARTS: usize = 64;

/// pkcs7-data 1.2.840.113549.1.7.1, encryptedData 6
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6];
/// pkcs-12 bags: 1.2.840.113549.1.12.10.1.*
const BAGS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1];

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
        let mut found = Self { has_mac: file.optional(SEQUENCE)?.is_some(), ..Self::default() };
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
