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
        if key.algorithm.as_deref().is_some_and(|algorithm| algorithm.starts_with("ecdsa")) {
            key.set_comment(read_ecdsa(public, private)?);
        } else {
            // The crate holds check words, padding, and the public half inside
            // against the clear one.
            let whole = ssh_key::PrivateKey::from_bytes(body).map_err(|_| KeyError::Inconsistent)?;
            key.set_comment(whole.comment().as_bytes());
        }
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

/// Reads the private half of an ECDSA key and returns its comment. Not by the
/// crate: ssh-key 0.6.7 refuses private numbers that are shorter than the curve's
/// size, which is every second key on P-521.
fn read_ecdsa<'a>(public: &[u8], private: &'a [u8]) -> Result<&'a [u8], KeyError> {
    let mut reader = WireReader::new(private);
    if reader.u32()? != reader.u32()? {
        return Err(KeyError::Inconsistent);
    }
    // Type, curve and point as in the public half; for a token, its application
    // too, which stands after the point in both.
    let mut expected = WireReader::new(public);
    let mut fields = 0_u32;
    while !expected.rest().is_empty() {
        if reader.string()? != expected.string()? {
            return Err(KeyError::Inconsistent);
        }
        fields = fields.saturating_add(1);
    }
    if fields == 3 {
        let number = reader.string()?;
        if number.is_empty() || number.len() > 67 {
            return Err(KeyError::Range);
        }
    } else {
        // Flags, handle, reserved.
        reader.bytes(1)?;
        reader.string()?;
        reader.string()?;
    }
    let comment = reader.string()?;
    let padding = reader.rest();
    if padding.len() >= 8 || !padding.iter().copied().eq((1..=7).take(padding.len())) {
        return Err(KeyError::Inconsistent);
    }
    Ok(comment)
}

/// The block size of a cipher and the length of its tag, in bytes.
fn sizes(cipher: &[u8]) -> Option<(usize, usize)> {
    Some(match cipher {
        b"aes128-ctr" | b"aes192-ctr" | b"aes256-ctr" | b"aes128-cbc" | b"aes192-cbc" | b"aes256-cbc" => {
            (16, 0)
        }
        b"aes128-gcm@openssh.com" | b"aes256-gcm@openssh.com" => (16, 16),
        b"chacha20-poly1305@openssh.com" => (8, 16),
        b"3des-cbc" => (8, 0),
        _ => return None,
    })
}
