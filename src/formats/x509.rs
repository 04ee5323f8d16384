//! The few fields of an X.509 certificate that say whose it is and until when
//! (RFC 5280 section 4.1). Nothing is verified.

use sha1::{Digest as _, Sha1};
use thiserror::Error;

use super::der::{BIT_STRING, CONTEXT_0, DerError, DerReader, INTEGER, OID, SEQUENCE};

/// Tags of the two kinds of time, and of SET.
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SET: u8 = 0x31;
/// commonName, 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// The most parts of a name that are looked at.
const MAX_NAME_PARTS: usize = 32;
/// The most characters of a name.
const MAX_NAME: usize = 256;

/// Why something is not a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// The DER structure.
    #[error(transparent)]
    Der(#[from] DerError),
    /// A time that is none.
    #[error("a time of the certificate is malformed")]
    Time,
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The common name of its subject.
    pub subject: Option<String>,
    /// From when it is good, as RFC 3339.
    pub not_before: String,
    /// Until when, as RFC 3339.
    pub not_after: String,
    /// SHA-1 over its DER, in upper-case hex: its name in Windows and Azure.
    pub thumbprint: String,
}

impl Certificate {
    /// Reads a certificate that fills `der`.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let mut outer = DerReader::new(der);
        let mut certificate = outer.sequence()?;
        outer.finish()?;
        let mut fields = certificate.sequence()?;
        certificate.expect(SEQUENCE)?;
        certificate.expect(BIT_STRING)?;
        fields.optional(CONTEXT_0)?;
        fields.expect(INTEGER)?;
        fields.expect(SEQUENCE)?;
        fields.expect(SEQUENCE)?;
        let mut validity = fields.sequence()?;
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        let subject = common_name(fields.sequence()?)?;
        // The public key.
        fields.expect(SEQUENCE)?;
        let digest: [u8; 20] = Sha1::digest(der).into();
        let thumbprint = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(Self { subject, not_before, not_after, thumbprint })
    }
}

/// The last common name of a name.
fn common_name(mut name: DerReader<'_>) -> Result<Option<String>, DerError> {
    let mut found = None;
    for _ in 0..MAX_NAME_PARTS {
        if name.is_empty() {
            break;
        }
        let mut pair = DerReader::new(name.expect(SET)?).sequence()?;
        if pair.expect(OID)? == COMMON_NAME {
            let (_, value) = pair.element()?;
            let text: String = String::from_utf8_lossy(value).chars().take(MAX_NAME).collect();
            found = Some(text);
        }
    }
    Ok(found)
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280 section 4.1.2.5).
fn time(fields: &mut DerReader<'_>) -> Result<String, CertificateError> {
    let (tag, content) = fields.element()?;
    let text = std::str::from_utf8(content).map_err(|_| CertificateError::Time)?;
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let digits = digits.ok_or(CertificateError::Time)?;
    let full = match (tag, digits.len()) {
        (UTC_TIME, 12) => format!("{}{digits}", if digits < "50" { "20" } else { "19" }),
        (GENERALIZED_TIME, 14) => digits.to_owned(),
        _ => return Err(CertificateError::Time),
    };
    let part = |from: usize, to: usize| full.get(from..to).unwrap_or_default();
    Ok(format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    ))
}
