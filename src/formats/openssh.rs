//! The container `openssh-key-v1` (`PROTOCOL.key` of OpenSSH). The public half
//! is in clear even when the private half is encrypted.

use super::key::{KeyError, KeyFormat, PrivateKey};
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
        match ssh_key::PrivateKey::from_bytes(body) {
            Ok(whole) => key.set_comment(whole.comment().as_bytes()),
            Err(_) => key.set_comment(read_private(public, private)?),
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

/// Reads the private half and returns its comment. For what OpenSSH reads and
/// ssh-key 0.6.7 refuses: ECDSA, of which it knows nothing without its `ecdsa`
/// feature and with it refuses private numbers shorter than the curve's size (half
/// of all keys on P-521), and comments that are not UTF-8.
fn read_private<'a>(public: &[u8], private: &'a [u8]) -> Result<&'a [u8], KeyError> {
    let mut reader = WireReader::new(private);
    if reader.u32()? != reader.u32()? {
        return Err(KeyError::Inconsistent);
    }
    let mut expected = WireReader::new(public);
    let type_name = reader.string()?;
    let same_type = type_name == expected.string()?;
    let (same_fields, private_fields) = match type_name {
        b"ssh-rsa" => {
            // The public half has the exponent first.
            let (n, e) = (reader.string()?, reader.string()?);
            (e == expected.string()? && n == expected.string()?, 4)
        }
        b"ssh-dss" | b"ssh-ed25519" => (same_rest(&mut reader, &mut expected)?, 1),
        _ if type_name.starts_with(b"ecdsa-sha2-") => (same_rest(&mut reader, &mut expected)?, 1),
        _ if type_name.starts_with(b"sk-") => {
            let same = same_rest(&mut reader, &mut expected)?;
            // Flags; then handle and reserved.
            reader.bytes(1)?;
            (same, 2)
        }
        _ => return Err(KeyError::Structure),
    };
    for _ in 0..private_fields {
        reader.string()?;
    }
    let comment = reader.string()?;
    let padding = reader.rest();
    let padded = padding.len() < 8 && padding.iter().copied().eq((1..=7).take(padding.len()));
    if same_type && same_fields && padded { Ok(comment) } else { Err(KeyError::Inconsistent) }
}

/// Whether the fields that are left of the public half come next.
fn same_rest(reader: &mut WireReader<'_>, expected: &mut WireReader<'_>) -> Result<bool, KeyError> {
    let mut same = true;
    while !expected.rest().is_empty() {
        same &= reader.string()? == expected.string()?;
    }
    Ok(same)
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
