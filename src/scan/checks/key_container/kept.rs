//! Containers that a password keeps: keystores of Java, databases of KeePass.
//!
//! The match begins as one does: its bytes, or base64 of them. No password is tried but the
//! empty one, where that costs nothing.

use super::super::token::decode;
use super::super::{Hit, Refusal, accept};
use crate::formats::java_keystore::JavaKeystore;
use crate::formats::keepass::KeePass;

/// The bytes of the match, and how they are written.
fn bytes_of(hit: &Hit<'_>) -> Result<(Vec<u8>, &'static str), Refusal> {
    let raw = hit.secret_bytes();
    let is_base64 = raw.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'/');
    if !is_base64 {
        return Ok((raw.to_vec(), ""));
    }
    let code: Vec<u8> = raw.iter().filter(|byte| !byte.is_ascii_whitespace()).copied().collect();
    // What is cut off in a window may end anywhere.
    let whole = code.len() - code.len() % 4;
    let code = if code.ends_with(b"=") { &*code } else { code.get(..whole).unwrap_or_default() };
    Ok((decode(code).ok_or(Refusal("not base64"))?, "base64"))
}

/// Ends the secret after so many bytes of the container.
fn end_after(hit: &mut Hit<'_>, length: usize, encoding: &str) {
    let characters = if encoding.is_empty() { length } else { length.div_ceil(3).saturating_mul(4) };
    let mut left = characters;
    let raw = hit.secret_bytes();
    let end = raw.iter().position(|byte| {
        let counts = encoding.is_empty() || !byte.is_ascii_whitespace();
        let is_end = counts && left == 0;
        left -= usize::from(counts && left > 0);
        is_end
    });
    hit.secret.end = hit.secret.start + end.unwrap_or(raw.len());
}

pub(super) fn java_keystore(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let (bytes, encoding) = bytes_of(hit)?;
    let store = JavaKeystore::parse(&bytes).ok_or(Refusal("not a keystore of Java"))?;
    accept(store.private_keys + store.secret_keys > 0, "no key in it")?;
    end_after(hit, store.length.unwrap_or(bytes.len()), encoding);
    hit.add_attribute("format", store.form);
    hit.add_attribute("encrypted", if store.key_opens { "false" } else { "true" });
    hit.add_attribute("password", if store.opens || store.key_opens { "empty" } else { "" });
    hit.add_attribute("keys", (store.private_keys + store.secret_keys).to_string());
    hit.add_attribute("encoding", encoding);
    hit.add_attribute("alias", store.alias.unwrap_or_default());
    if let Some(certificate) = store.certificate {
        hit.add_attribute("subject", certificate.subject.unwrap_or_default());
        hit.add_attribute("thumbprint", certificate.thumbprint);
        hit.add_attribute("not_before", certificate.not_before);
        hit.add_attribute("expires_at", certificate.not_after);
    }
    Ok(())
}

pub(super) fn keepass(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let (bytes, encoding) = bytes_of(hit)?;
    let database = KeePass::parse(&bytes).ok_or(Refusal("not a database of KeePass"))?;
    end_after(hit, database.length, encoding);
    hit.add_attribute("format", database.form);
    hit.add_attribute("version", database.version);
    hit.add_attribute("encrypted", "true");
    hit.add_attribute("cipher", database.cipher.unwrap_or_default());
    hit.add_attribute("kdf", database.kdf.unwrap_or_default());
    hit.add_attribute("rounds", database.rounds.map(|rounds| rounds.to_string()).unwrap_or_default());
    hit.add_attribute("entries", database.entries.map(|entries| entries.to_string()).unwrap_or_default());
    hit.add_attribute("encoding", encoding);
    Ok(())
}
