//! Lines of `authorized_keys`, read as sshd reads them.
//!
//! Facts: AUTHORIZED_KEYS FILE FORMAT in sshd(8), and what sshd does where the
//! manual is silent: a line is tried as a key first, then as options and a key; an
//! unknown or malformed option voids the whole line; a comma may end the options;
//! the names of options are not case-sensitive.

mod options;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use options::{Expiry, OptionFault, Options, Toggle};

use super::ssh_public::PublicKey;

/// The longest line that is read, in bytes. sshd documents 8 KiB; later versions
/// have no limit.
pub const MAX_LINE: usize = 64 << 10;
/// The longest comment that is kept, in characters.
const MAX_COMMENT: usize = 512;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Empty or a comment.
    Nothing,
    /// Not an entry that sshd can read; it passes over such a line.
    Faulty,
    /// An entry.
    Entry(Box<Entry>),
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: PublicKey,
    /// Its options, or why sshd passes over the line for them.
    pub options: Result<Options, OptionFault>,
    /// The comment, invalid UTF-8 replaced, cut to 512 characters.
    pub comment: Option<String>,
}

/// Reads a line, its end cut off or not.
#[must_use]
pub fn line(bytes: &[u8]) -> Line {
    // What is a string to sshd ends at a zero byte.
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let start = skip_blanks(bytes);
    if matches!(start.first(), None | Some(b'#')) {
        return Line::Nothing;
    }
    if start.len() > MAX_LINE {
        return Line::Faulty;
    }
    if let Some((key, comment)) = key(start) {
        return entry(key, Ok(Options::default()), comment);
    }
    let Some((options, rest)) = split_options(start) else { return Line::Faulty };
    match key(skip_blanks(rest)) {
        Some((key, comment)) => entry(key, Options::parse(options), comment),
        None => Line::Faulty,
    }
}

/// Reads a public key `type base64 [comment]`; gives the key and what follows it.
/// The type in front must be that of the key.
#[must_use]
pub fn key(text: &[u8]) -> Option<(PublicKey, &[u8])> {
    let (name, rest) = split_at_blank(text);
    // Two names are also those of signatures by RSA keys.
    let name: &[u8] = if matches!(name, b"rsa-sha2-256" | b"rsa-sha2-512") { b"ssh-rsa" } else { name };
    if !is_type(name) {
        return None;
    }
    let (encoded, rest) = split_at_blank(skip_blanks(rest));
    let clean: Vec<u8> =
        encoded.iter().copied().filter(|byte| !matches!(byte, b'\r' | 0x0b | 0x0c)).collect();
    let blob = STANDARD.decode(clean).ok()?;
    let inner = blob.get(4..4_usize.checked_add(name.len())?)?;
    let length = u32::from_be_bytes(*blob.first_chunk::<4>()?);
    if inner != name || usize::try_from(length) != Ok(name.len()) {
        return None;
    }
    Some((PublicKey::from_blob(&blob).ok()?, skip_blanks(rest)))
}

/// Reads a line of a file of principals (`AuthorizedPrincipalsFile` in
/// sshd_config(5)): a name, options before it. `None`: empty or a comment.
#[must_use]
pub fn principal(bytes: &[u8]) -> Option<(String, Result<Options, OptionFault>)> {
    let bytes = bytes.split(|byte| matches!(byte, 0 | b'#')).next().unwrap_or_default();
    let line = skip_blanks(bytes).trim_ascii_end();
    if line.is_empty() || line.len() > MAX_LINE {
        return None;
    }
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    // A blank before a tab counts: the last one of either kind would be another name.
    let last =
        line.iter().rposition(|byte| *byte == b' ').or_else(|| line.iter().rposition(|byte| *byte == b'\t'));
    let Some(last) = last else { return Some((text(line), Ok(Options::default()))) };
    let name = skip_blanks(line.get(last..).unwrap_or_default());
    let options = match split_options(line) {
        Some((options, _)) => Options::parse(options),
        None => Err(OptionFault::Quotes),
    };
    Some((text(name), options))
}

/// Every public key in a text of any form, with where it begins: keys in
/// user data, in XML, in JSON, between whatever bytes.
pub fn keys_in_text(text: &[u8]) -> impl Iterator<Item = (usize, PublicKey)> + '_ {
    // All wire forms begin so in base64: a length below 256 and four more bits.
    memchr::memmem::find_iter(text, b" AAAA").filter_map(|blank| {
        let before = text.get(blank.saturating_sub(64)..blank)?;
        // What stands before the name may be a letter as well, as in a pickle.
        let name =
            TYPES.iter().filter(|name| before.ends_with(name.as_bytes())).max_by_key(|name| name.len())?;
        let start = blank.saturating_sub(name.len());
        let after = text.get(blank.saturating_add(1)..)?;
        let encoded = after
            .iter()
            .take(MAX_LINE)
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
            .count();
        let end = blank.saturating_add(1).saturating_add(encoded);
        key(text.get(start..end)?).map(|(key, _)| (start, key))
    })
}

/// The names of types of keys; certificates have an end more.
const TYPES: [&str; 8] = [
    "ssh-rsa",
    "ssh-dss",
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

fn is_type(name: &[u8]) -> bool {
    let plain = name.strip_suffix(b"-cert-v01@openssh.com").unwrap_or(name);
    // Those of tokens have their own end in the place of the certificate's.
    TYPES
        .iter()
        .any(|own| own.as_bytes() == plain || own.as_bytes().strip_suffix(b"@openssh.com") == Some(plain))
}

fn entry(key: PublicKey, options: Result<Options, OptionFault>, comment: &[u8]) -> Line {
    let comment = comment.get(..comment.len().min(MAX_COMMENT.saturating_mul(4))).unwrap_or_default();
    let comment: String = String::from_utf8_lossy(comment).trim().chars().take(MAX_COMMENT).collect();
    Line::Entry(Box::new(Entry { key, options, comment: Some(comment).filter(|text| !text.is_empty()) }))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| is_blank(**byte)).count();
    text.get(blanks..).unwrap_or_default()
}

fn split_at_blank(text: &[u8]) -> (&[u8], &[u8]) {
    let at = text.iter().position(|byte| is_blank(*byte)).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, &[]))
}

/// The options end at the first blank outside of quotes; `None` where a quote is
/// not closed.
fn split_options(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut at, mut quoted) = (0_usize, false);
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' if text.get(at.saturating_add(1)) == Some(&b'"') => at = at.saturating_add(1),
            b'"' => quoted = !quoted,
            byte if is_blank(*byte) && !quoted => break,
            _ => {}
        }
        at = at.saturating_add(1);
    }
    if quoted { None } else { text.split_at_checked(at) }
}

#[cfg(test)]
mod tests;
