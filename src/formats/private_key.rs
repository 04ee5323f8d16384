//! Private keys in every container in which SSH keys are kept: OpenSSH, PKCS#1,
//! PKCS#8 plain and encrypted, SEC1, the DSA form of OpenSSL, PuTTY 2 and 3, SSH2 of
//! SSH Communications Security, Dropbear.
//!
//! Input: the bytes of one key, with the armour and escapes of the file in which
//! it stands. Output: what it is, its public half where that can be read without
//! a passphrase, and whether it is whole. No key derivation is ever run, so the
//! cost does not depend on what the key asks for.

pub use super::key::{KeyError, KeyFormat, KeyState, PrivateKey};
use super::{der_cut, dropbear, openssh, pem, pkcs, ppk, ssh2};

/// How the base64 of a key of OpenSSH begins, for keys whose label is lost.
const OPENSSH_CODE: &[u8] = b"b3BlbnNzaC1rZXktdjEA";

impl PrivateKey {
    /// Reads the first key in the text.
    ///
    /// # Errors
    ///
    /// The text holds no whole private key.
    pub fn parse(text: &[u8]) -> Result<Self, KeyError> {
        let key = read(text)?;
        if key.state == KeyState::Whole { Ok(key) } else { Err(KeyError::Inconsistent) }
    }

    /// Reads the first key in the text, or what is left of it: [`PrivateKey::state`]
    /// says what that is. A key that ends early or is damaged is known by its public
    /// half, which is in clear at the beginning of most containers.
    ///
    /// # Errors
    ///
    /// Not even the public half can be read.
    pub fn parse_damaged(text: &[u8]) -> Result<Self, KeyError> {
        read(text).or_else(|error| read_cut(text).ok_or(error))
    }
}

fn read(text: &[u8]) -> Result<PrivateKey, KeyError> {
    if memchr::memmem::find(text, ppk::MAGIC).is_some() {
        return ppk::parse(text);
    }
    if dropbear::begins(text) {
        return dropbear::parse(text);
    }
    if memchr::memmem::find(text, ssh2::BEGIN).is_some() {
        return ssh2::parse(text);
    }
    // A block of public parameters may stand before the key.
    let start = memchr::memmem::find(text, b"PRIVATE KEY-----").unwrap_or(0);
    let start = text.get(..start).and_then(|head| memchr::memmem::rfind(head, b"-----BEGIN ")).unwrap_or(0);
    let pem = pem::parse(text.get(start..).unwrap_or_default())?;
    if pem.body.starts_with(openssh::MAGIC) {
        return openssh::parse(&pem.body);
    }
    pkcs::parse(&pem)
}

fn read_cut(text: &[u8]) -> Option<PrivateKey> {
    if memchr::memmem::find(text, ppk::MAGIC).is_some() {
        return ppk::parse_cut(text).ok();
    }
    let label = memchr::memmem::find(text, b"PRIVATE KEY-----").and_then(|at| at.checked_add(16));
    let start = label.or_else(|| memchr::memmem::find(text, OPENSSH_CODE))?;
    let body = pem::parse_cut(text.get(start..)?)?;
    if body.starts_with(openssh::MAGIC) { openssh::parse_cut(&body).ok() } else { der_cut::parse(&body).ok() }
}

/// How many bytes the key of Dropbear takes that the bytes begin with. `None` if they
/// begin with none.
#[must_use]
pub fn dropbear_length(bytes: &[u8]) -> Option<usize> {
    dropbear::length(bytes)
}
