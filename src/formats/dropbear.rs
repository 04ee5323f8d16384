//! Private keys of Dropbear: the bare numbers in the wire types of SSH, without
//! armour and never encrypted. That they belong together is what tells a key from
//! other bytes, and from the public half, which begins alike.
//!
//! Source: `dropbearkey` and its `signkey.c`, `rsa.c`, `ecdsa.c`, `ed25519.c`.

use super::key::{KeyError, KeyFormat, KeyState, PrivateKey};
use super::key_pair::PrivateNumber;
use super::wire::{WireReader, put_string};

/// Whether a text begins as such a file does.
pub(crate) fn begins(text: &[u8]) -> bool {
    type_name(text).is_some()
}

fn type_name(text: &[u8]) -> Option<&[u8]> {
    let name = WireReader::new(text.get(..text.len().min(32))?).string().ok()?;
    let known =
        matches!(name, b"ssh-rsa" | b"ssh-ed25519" | b"ssh-dss") || name.starts_with(b"ecdsa-sha2-nistp");
    known.then_some(name)
}

/// Reads the key that the bytes begin with. What follows it is not looked at.
pub(crate) fn parse(bytes: &[u8]) -> Result<PrivateKey, KeyError> {
    read(bytes).map(|(key, _)| key)
}

/// How many bytes the key takes that the bytes begin with.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    read(bytes).ok().map(|(_, length)| length)
}

fn read(bytes: &[u8]) -> Result<(PrivateKey, usize), KeyError> {
    let mut reader = WireReader::new(bytes);
    let name = reader.string()?;
    let mut key = PrivateKey::new(KeyFormat::Dropbear);
    // The public half is the first fields as they stand; how many bytes those are.
    let public_end = |reader: &WireReader<'_>| bytes.len().saturating_sub(reader.rest().len());
    match name {
        b"ssh-rsa" => {
            reader.string()?;
            reader.string()?;
            key.set_public(bytes.get(..public_end(&reader)).unwrap_or_default())?;
            let (d, p, q) = (reader.string()?, reader.string()?, reader.string()?);
            key.set_secret(&PrivateNumber::Rsa { d, p, q });
        }
        b"ssh-dss" => {
            for _ in 0..4 {
                reader.string()?;
            }
            key.set_public(bytes.get(..public_end(&reader)).unwrap_or_default())?;
            key.set_secret(&PrivateNumber::Dsa { x: reader.string()? });
        }
        b"ssh-ed25519" => {
            let both = reader.string()?;
            let (seed, public) =
                both.split_at_checked(32).filter(|_| both.len() == 64).ok_or(KeyError::Structure)?;
            let mut blob = Vec::with_capacity(64);
            put_string(&mut blob, name);
            put_string(&mut blob, public);
            key.set_public(&blob)?;
            key.set_secret(&PrivateNumber::Ed25519 { seed });
        }
        _ => {
            reader.string()?;
            reader.string()?;
            key.set_public(bytes.get(..public_end(&reader)).unwrap_or_default())?;
            key.set_secret(&PrivateNumber::Ecdsa { d: reader.string()? });
        }
    }
    if key.state == KeyState::Inconsistent {
        return Err(KeyError::Inconsistent);
    }
    let length = public_end(&reader);
    Ok((key, length))
}
