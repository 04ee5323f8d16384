//! Keys in DER that end early or are damaged behind their first numbers. PKCS#1
//! has the public half first; of EC keys the private number comes first and gives
//! the public half. What is encrypted says nothing.

use super::der::{CONTEXT_0, DerReader, OCTET_STRING, OID, SEQUENCE};
use super::key::{KeyError, KeyFormat, KeyState, PrivateKey};
use super::pkcs::{curve_of_size, set_ec, set_rsa};
use super::rsa_private::is_private_exponent;

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
    let mut key = PrivateKey::new(format);
    set_rsa(&mut key, n, e)?;
    let secret = fields.unsigned().is_ok_and(|d| is_private_exponent(n, e, d));
    key.state = if secret { KeyState::Cut } else { KeyState::PublicHalf };
    Ok(key)
}

/// An EC key after the version. Nothing vouches for its number: without a curve that
/// is named the number's size has to tell which.
fn ec(mut fields: DerReader<'_>, outer: Option<&[u8]>, format: KeyFormat) -> Result<PrivateKey, KeyError> {
    let scalar = fields.expect(OCTET_STRING)?;
    let named = fields
        .optional(CONTEXT_0)
        .ok()
        .flatten()
        .and_then(|content| DerReader::new(content).expect(OID).ok());
    let curve = named.or(outer).or_else(|| curve_of_size(scalar.len()));
    let mut key = set_ec(format, curve, super::wire::strip_zeros(scalar), None)?;
    if key.public_blob.is_none() {
        return Err(KeyError::Structure);
    }
    key.state = KeyState::Cut;
    Ok(key)
}
