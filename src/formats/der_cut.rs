//! Keys in DER that end early or are damaged behind their first numbers. PKCS#1
//! has the public half first; of EC keys the private number comes first and gives
//! the public half. What is encrypted says nothing.

use super::der::{CONTEXT_0, DerReader, OCTET_STRING, OID, SEQUENCE};
use super::key::{KeyError, KeyFormat, KeyState, PrivateKey};
use super::pkcs::{rsa_blob, set_ec};
use super::rsa_private::is_private_exponent;
use super::wire::{bit_length, strip_zeros};

/// The largest public exponent of RSA that is believed of a key that is cut.
const MAX_EXPONENT_BITS: u32 = 33;

/// Reads what is left of a body.
pub(crate) fn parse(body: &[u8]) -> Result<PrivateKey, KeyError> {
    let mut fields = DerReader::new(body).cut(SEQUENCE).ok_or(KeyError::Structure)?;
    let version = fields.unsigned()?;
    match fields.peek() {
        Some(SEQUENCE) => pkcs8(fields),
        Some(OCTET_STRING) if version == [1] => ec(fields, None, KeyFormat::Sec1),
        _ if version.is_empty() => rsa(fields, KeyFormat::Pkcs1),
        _ => Err(KeyError::Structure),
    }
}

/// PKCS#8 after its version.
fn pkcs8(mut fields: DerReader<'_>) -> Result<PrivateKey, KeyError> {
    let mut algorithm = fields.sequence()?;
    let oid = algorithm.expect(OID)?;
    let mut inner = fields.cut(OCTET_STRING).ok_or(KeyError::Structure)?;
    let mut numbers = inner.cut(SEQUENCE).ok_or(KeyError::Structure)?;
    let version = numbers.unsigned()?;
    match oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 | 10] if version.is_empty() => {
            rsa(numbers, KeyFormat::Pkcs8)
        }
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] if version == [1] => {
            ec(numbers, algorithm.optional(OID)?, KeyFormat::Pkcs8)
        }
        _ => Err(KeyError::Structure),
    }
}

/// The numbers of an RSA key after the version.
fn rsa(mut fields: DerReader<'_>, format: KeyFormat) -> Result<PrivateKey, KeyError> {
    let (n, e) = (fields.unsigned()?, fields.unsigned()?);
    // The first numbers of a DSA key are as large as its second prime.
    if bit_length(e) > MAX_EXPONENT_BITS {
        return Err(KeyError::Range);
    }
    let mut key = PrivateKey::new(format);
    key.set_public(&rsa_blob(n, e))?;
    let secret = fields.unsigned().is_ok_and(|d| is_private_exponent(n, e, d));
    key.state = if secret { KeyState::Cut } else { KeyState::PublicHalf };
    Ok(key)
}

/// An EC key after the version. Of a key whose curve is lost nothing is known.
fn ec(mut fields: DerReader<'_>, outer: Option<&[u8]>, format: KeyFormat) -> Result<PrivateKey, KeyError> {
    let scalar = fields.expect(OCTET_STRING)?;
    let named = fields.optional(CONTEXT_0).ok().flatten();
    let named = named.and_then(|content| DerReader::new(content).expect(OID).ok());
    let mut key = set_ec(format, named.or(outer), strip_zeros(scalar), None)?;
    if key.public_blob.is_none() {
        return Err(KeyError::Structure);
    }
    key.state = KeyState::Cut;
    Ok(key)
}
