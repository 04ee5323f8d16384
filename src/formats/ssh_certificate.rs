//! Certificates of OpenSSH (`PROTOCOL.certkeys`): a key, for whom and from when to
//! when it is good, and the key that signed it. Signatures of Ed25519 and RSA are
//! verified; those of ECDSA and of tokens are not.

mod signature;

use super::ssh_public::{PublicKey, PublicKeyError, fingerprint_sha256};
use super::wire::WireReader;
pub use signature::Signature;

/// The most bytes of a text that are kept.
const MAX_TEXT: usize = 1024;
/// The most principals, options or extensions that are kept. OpenSSH reads 256
/// principals.
const MAX_NAMES: usize = 256;

/// For what a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateKind {
    /// 1: it signs in a user.
    User,
    /// 2: it vouches for a host.
    Host,
    /// Another number, which OpenSSH refuses.
    Other(u32),
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The key that it certifies.
    pub key: PublicKey,
    /// A number that its issuer gave it; 0 where none did.
    pub serial: u64,
    /// For what it is.
    pub kind: CertificateKind,
    /// A name that its issuer gave it; logs name it.
    pub key_id: String,
    /// Accounts, or hosts. Empty: none, since OpenSSH 10.0 without exception.
    pub principals: Vec<String>,
    /// From when it is good, in seconds since 1970.
    pub valid_after: u64,
    /// Until before when it is good, in seconds since 1970; the greatest number is
    /// for ever.
    pub valid_before: u64,
    /// What it is restricted to: `force-command`, `source-address`,
    /// `verify-required`. A server refuses a certificate with one that it does not
    /// know.
    pub critical_options: Vec<(String, String)>,
    /// What it permits: `permit-pty`, `permit-port-forwarding`, ….
    pub extensions: Vec<String>,
    /// The key that signed it, in wire form.
    pub authority: Vec<u8>,
    /// The name of the signature's algorithm.
    pub signature_algorithm: String,
    /// Whether the authority's key made the signature.
    pub signature: Signature,
}

impl Certificate {
    /// Reads the wire form.
    ///
    /// # Errors
    ///
    /// It is not exactly one well-formed certificate.
    pub fn from_blob(blob: &[u8]) -> Result<Self, PublicKeyError> {
        let (key, mut reader) = PublicKey::read_certified(blob)?;
        let serial = reader.u64()?;
        let kind = match reader.u32()? {
            1 => CertificateKind::User,
            2 => CertificateKind::Host,
            other => CertificateKind::Other(other),
        };
        let key_id = text(reader.string()?);
        let mut names = WireReader::new(reader.string()?);
        let mut principals = Vec::new();
        while !names.rest().is_empty() {
            if principals.len() == MAX_NAMES {
                return Err(PublicKeyError::Field);
            }
            principals.push(text(names.string()?));
        }
        let (valid_after, valid_before) = (reader.u64()?, reader.u64()?);
        let critical_options = options(reader.string()?)?;
        let extensions = options(reader.string()?)?.into_iter().map(|(name, _)| name).collect();
        reader.string()?;
        let authority = PublicKey::from_blob(reader.string()?)?;
        let signed = blob.get(..blob.len().saturating_sub(reader.rest().len())).unwrap_or_default();
        let mut signature = WireReader::new(reader.string()?);
        let (algorithm, number) = (signature.string()?, signature.string()?);
        // A chain of certificates is no form that OpenSSH has.
        if authority.certificate {
            return Err(PublicKeyError::UnknownType);
        }
        if !reader.rest().is_empty() {
            return Err(PublicKeyError::Length);
        }
        let authority = authority.blob;
        let signature = Signature::verify(&authority, algorithm, number, signed);
        let signature_algorithm = text(algorithm);
        Ok(Self {
            key,
            serial,
            kind,
            key_id,
            principals,
            valid_after,
            valid_before,
            critical_options,
            extensions,
            authority,
            signature_algorithm,
            signature,
        })
    }

    /// Whether it is good at a time, in seconds since 1970.
    #[must_use]
    pub fn is_valid_at(&self, seconds: u64) -> bool {
        (self.valid_after..self.valid_before).contains(&seconds)
    }

    /// When it expires, in seconds since 1970; `None`: never.
    #[must_use]
    pub fn expires_at(&self) -> Option<u64> {
        Some(self.valid_before).filter(|time| *time != u64::MAX)
    }

    /// The fingerprint of the key that signed it, as `ssh-keygen -lf` prints it.
    #[must_use]
    pub fn authority_fingerprint(&self) -> String {
        fingerprint_sha256(&self.authority)
    }
}

/// Names with data. The data of an option that has a value is a string in a string.
fn options(bytes: &[u8]) -> Result<Vec<(String, String)>, PublicKeyError> {
    let mut reader = WireReader::new(bytes);
    let mut found = Vec::new();
    while !reader.rest().is_empty() {
        if found.len() == MAX_NAMES {
            return Err(PublicKeyError::Field);
        }
        let name = text(reader.string()?);
        let mut data = WireReader::new(reader.string()?);
        let value = if data.rest().is_empty() { String::new() } else { text(data.string()?) };
        found.push((name, value));
    }
    Ok(found)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..bytes.len().min(MAX_TEXT)).unwrap_or_default()).into_owned()
}
