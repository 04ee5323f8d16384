//! The container `openssh-key-v1` (`PROTOCOL.key` of OpenSSH). The public half
//! is in clear even when the private half is encrypted, and comes first, so that
//! the first 150 bytes of a key tell whose it is.

use super::key::{KeyError, KeyFormat, KeyState, PrivateKey};
use super::key_pair::{PrivateNumber, compare};
use super::rsa_private::is_private_exponent;
use super::wire::{Truncated, WireReader, strip_zeros};

/// How the decoded body begins.
pub(crate) const MAGIC: &[u8] = b"openssh-key-v1\0";

/// Reads a decoded body.
pub(crate) fn parse(body: &[u8]) -> Result<PrivateKey, KeyError> {
    let (mut key, mut reader) = read_public(body)?;
    let private = reader.string()?;
    let tag = reader.rest().len();
    if !key.encrypted {
        if tag != 0 {
            return Err(KeyError::Structure);
        }
        read_private(&mut key, private)?;
        return Ok(key);
    }
    let (block, expected_tag) = key.cipher.as_deref().and_then(sizes).ok_or(KeyError::Structure)?;
    if private.is_empty() || private.len().checked_rem(block) != Some(0) || tag != expected_tag {
        return Err(KeyError::Structure);
    }
    Ok(key)
}

/// Reads a body that ends early, or is damaged after its public half.
pub(crate) fn parse_cut(body: &[u8]) -> Result<PrivateKey, KeyError> {
    let (mut key, mut reader) = read_public(body)?;
    key.state = KeyState::PublicHalf;
    let public = key.public_blob.as_deref().unwrap_or_default();
    if !key.encrypted && reader.u32().is_ok() && holds_secret(public, reader) == Ok(true) {
        key.state = KeyState::Cut;
    }
    Ok(key)
}

/// Reads up to the private half.
fn read_public(body: &[u8]) -> Result<(PrivateKey, WireReader<'_>), KeyError> {
    let mut reader = WireReader::new(body.strip_prefix(MAGIC).ok_or(KeyError::Structure)?);
    let cipher = reader.string()?;
    let kdf = reader.string()?;
    let mut options = WireReader::new(reader.string()?);
    // OpenSSH itself reads files with one key only.
    if reader.u32()? != 1 {
        return Err(KeyError::Structure);
    }
    let public = reader.string()?;
    let mut key = PrivateKey::new(KeyFormat::OpenSsh);
    key.set_public(public)?;
    if cipher != b"none" {
        let cipher = std::str::from_utf8(cipher).ok().filter(|cipher| sizes(cipher).is_some());
        let cipher = cipher.filter(|_| kdf == b"bcrypt").ok_or(KeyError::Structure)?;
        let rounds = options.string().and_then(|_| options.u32()).ok();
        key.set_encrypted(cipher.to_owned(), "bcrypt", rounds);
    }
    Ok((key, reader))
}

/// Reads the private half, which repeats the public one.
fn read_private(key: &mut PrivateKey, private: &[u8]) -> Result<(), KeyError> {
    let public = key.public_blob.clone().unwrap_or_default();
    let mut expected = WireReader::new(&public);
    let mut reader = WireReader::new(private);
    let mut same = reader.u32()? == reader.u32()?;
    let type_name = reader.string()?;
    same &= type_name == expected.string()?;
    match type_name {
        b"ssh-rsa" => {
            // The public half has the exponent first.
            let (n, e) = (reader.string()?, reader.string()?);
            same &= e == expected.string()? && n == expected.string()?;
            let (d, _, p, q) = (reader.string()?, reader.string()?, reader.string()?, reader.string()?);
            key.set_secret(&PrivateNumber::Rsa { d, p, q });
        }
        b"ssh-dss" => {
            same &= same_rest(&mut reader, &mut expected)?;
            key.set_secret(&PrivateNumber::Dsa { x: reader.string()? });
        }
        b"ssh-ed25519" => {
            same &= same_rest(&mut reader, &mut expected)?;
            // The seed, and the public half once more.
            let (seed, again) = reader.string()?.split_at_checked(32).ok_or(KeyError::Structure)?;
            key.set_secret(&PrivateNumber::Ed25519 { seed });
            same &= public.ends_with(again) && again.len() == 32;
        }
        _ if type_name.starts_with(b"ecdsa-sha2-") => {
            same &= same_rest(&mut reader, &mut expected)?;
            key.set_secret(&PrivateNumber::Ecdsa { d: reader.string()? });
        }
        _ if type_name.starts_with(b"sk-") => {
            same &= same_rest(&mut reader, &mut expected)?;
            // Flags, the handle, and what is reserved.
            reader.bytes(1)?;
            reader.string()?;
            reader.string()?;
        }
        _ => return Err(KeyError::Structure),
    }
    key.set_comment(reader.string()?);
    let padding = reader.rest();
    same &= padding.len() < 8 && padding.iter().copied().eq((1..=7).take(padding.len()));
    if !same {
        key.state = KeyState::Inconsistent;
    }
    Ok(())
}

/// Whether the private number is in what is left of a private half, and belongs to
/// the public one. A handle of a token is none.
fn holds_secret(public: &[u8], mut reader: WireReader<'_>) -> Result<bool, Truncated> {
    reader.bytes(8)?;
    let type_name = reader.string()?;
    let mut expected = WireReader::new(public);
    expected.string()?;
    Ok(match type_name {
        b"ssh-rsa" => {
            let (n, e, d) = (reader.string()?, reader.string()?, reader.string()?);
            let same = e == expected.string()? && n == expected.string()?;
            same && is_private_exponent(strip_zeros(n), strip_zeros(e), strip_zeros(d))
        }
        b"ssh-dss" => {
            same_rest(&mut reader, &mut expected)?;
            compare(public, &PrivateNumber::Dsa { x: reader.string()? }).fits
        }
        b"ssh-ed25519" => {
            reader.string()?;
            reader.u32()?;
            compare(public, &PrivateNumber::Ed25519 { seed: reader.bytes(32)? }).fits
        }
        _ if type_name.starts_with(b"ecdsa-sha2-") => {
            same_rest(&mut reader, &mut expected)?;
            compare(public, &PrivateNumber::Ecdsa { d: reader.string()? }).fits
        }
        _ => false,
    })
}

/// Whether the fields that are left of the public half come next.
fn same_rest(reader: &mut WireReader<'_>, expected: &mut WireReader<'_>) -> Result<bool, Truncated> {
    let mut same = true;
    while !expected.rest().is_empty() {
        same &= reader.string()? == expected.string()?;
    }
    Ok(same)
}

/// The block size of a cipher and the length of its tag, in bytes.
fn sizes(cipher: &str) -> Option<(usize, usize)> {
    Some(match cipher {
        "aes128-ctr" | "aes192-ctr" | "aes256-ctr" | "aes128-cbc" | "aes192-cbc" | "aes256-cbc" => (16, 0),
        "aes128-gcm@openssh.com" | "aes256-gcm@openssh.com" => (16, 16),
        "chacha20-poly1305@openssh.com" => (8, 16),
        "3des-cbc" => (8, 0),
        _ => return None,
    })
}
