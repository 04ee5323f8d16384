//! Private keys: the match must be a whole key.

use super::{Hit, Refusal};
use crate::formats::private_key::{KeyError, PrivateKey};

pub(super) fn check(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let key = PrivateKey::parse(hit.secret_bytes()).map_err(|error| match error {
        KeyError::Armour(_) => Refusal("the armour does not decode"),
        KeyError::Inconsistent => Refusal("the parts of the key do not fit each other"),
        _ => Refusal("not the structure of a private key"),
    })?;
    hit.add_attribute("format", key.format.as_str());
    hit.add_attribute("encrypted", if key.encrypted { "true" } else { "false" });
    hit.add_attribute("fingerprint", key.fingerprint_sha256().unwrap_or_default());
    hit.add_attribute("bits", key.bits.map(|bits| bits.to_string()).unwrap_or_default());
    if key.is_hardware_bound() {
        hit.add_attribute("hardware_bound", "true");
    }
    hit.add_attribute("algorithm", key.algorithm.unwrap_or_default());
    hit.add_attribute("cipher", key.cipher.unwrap_or_default());
    hit.add_attribute("kdf", key.kdf.unwrap_or_default());
    hit.add_attribute("comment", key.comment.unwrap_or_default());
    Ok(())
}
