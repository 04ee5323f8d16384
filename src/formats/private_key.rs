//! Private keys in every container in which SSH keys are kept: OpenSSH, PKCS#1,
//! PKCS#8 plain and encrypted, SEC1, the DSA form of OpenSSL, PuTTY 2 and 3.
//!
//! Input: the bytes of one key, with the armour and escapes of the file in which
//! it stands. Output: what it is, its public half where that can be read without
//! a passphrase, and whether it is whole. No key derivation is ever run, so the
//! cost does not depend on what the key asks for.

pub use super::key::{KeyError, KeyFormat, PrivateKey};
use super::{openssh, pem, pkcs, ppk};

impl PrivateKey {
    /// Reads the first key in the text.
    ///
    /// # Errors
    ///
    /// The text holds no whole private key.
    pub fn parse(text: &[u8]) -> Result<Self, KeyError> {
        if memchr::memmem::find(text, ppk::MAGIC).is_some() {
            return ppk::parse(text);
        }
        // A block of public parameters may stand before the key.
        let start = memchr::memmem::find(text, b"PRIVATE KEY-----").unwrap_or(0);
        let start =
            text.get(..start).and_then(|head| memchr::memmem::rfind(head, b"-----BEGIN ")).unwrap_or(0);
        let pem = pem::parse(text.get(start..).unwrap_or_default())?;
        if pem.body.starts_with(openssh::MAGIC) {
            return openssh::parse(&pem.body);
        }
        pkcs::parse(&pem)
    }
}
