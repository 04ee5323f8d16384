//! The container `openssh-key-v1` (`PROTOCOL.key` of OpenSSH). The public half
//! is in clear even when the private half is encrypted.

use super::private_key::{KeyError, KeyFormat, PrivateKey};
use super::wire::WireReader;

/// How the decoded body begins.
pub(crate) const MAGIC: &[u8] = b"openssh-key-v1\0";

/// Reads a decoded body.
pub(crate) fn parse(body: &[u8]) -> Result<PrivateKey, KeyError> {
    let mut reader = WireReader::new(body.strip_prefix(MAGIC).ok_or(KeyError::Structure)?);
    let cipher = reader.string()?;
    let kdf = reader.string()?;
    reader.string()?;
    // OpenSSH itself reads files with one key only.
    if reader.u32()? != 1 {
        return Err(KeyError::Structure);
    }
    let public = reader.string()?;
    let private = reader.string()?;

    let mut key = PrivateKey::new(KeyFormat::OpenSsh);
    key.set_public(public)?;
    if cipher == b"none" {
        // The crate holds the two check words, the padding and the public half
        // inside against the clear one.
        let whole = ssh_key::PrivateKey::from_bytes(body).map_err(|_| KeyError::Inconsistent)?;
        key.set_comment(whole.comment().as_bytes());
        return Ok(key);
    }
    let (block, tag) = sizes(cipher).ok_or(KeyError::Structure)?;
    if private.is_empty()
        || private.len().checked_rem(block) != Some(0)
        || reader.rest().len() != tag
        || kdf != b"bcrypt"
    {
        return Err(KeyError::Structure);
    }
    key.encrypted = true;
    key.cipher = Some(String::from_utf8_lossy(cipher).into_owned().into());
    key.kdf = Some("bcrypt".into());
    Ok(key)
}

/// The block size of a cipher and the length of its tag, in bytes.
fn sizes(cipher: &[u8]) -> Option<(usize, usize)> {
    Some(match cipher {
        b"aes128-ctr" | b"aes192-ctr" | b"aes256-ctr" | b"aes128-cbc" | b"aes192-cbc" | b"aes256-cbc" => (16, 0),
        b"aes128-gcm@openssh.com" | b"aes256-gcm@openssh.com" => (16, 16),
        b"chacha20-poly1305@openssh.com" => (8, 16),
        b"3des-cbc" => (8, 0),
        _ => return None,
    })
}
