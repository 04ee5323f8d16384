//! Private keys of SSH Communications Security (Tectia, and `puttygen -O
//! private-sshcom`). The label says ENCRYPTED whether it is or not.
//!
//! Body, after base64: a magic number, the length of the whole, a string with the
//! kind of key, a string with the cipher, a string with the numbers. Decrypted these
//! begin with their length; a number is its length in bits and its bytes. There is
//! no public half: where it is encrypted nothing but the kind and the comment can be
//! read. Source: PuTTY's `import.c`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::escape::break_escaped_lines;
use super::key::{KeyError, KeyFormat, PrivateKey};
use super::key_pair::PrivateNumber;
use super::pkcs::{rsa_blob, set_dsa};
use super::wire::{Truncated, WireReader, strip_zeros};

/// The line before.
pub(crate) const BEGIN: &[u8] = b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----";
const END: &[u8] = b"---- END SSH2 ENCRYPTED PRIVATE KEY ----";
const MAGIC: u32 = 0x3f6f_f9eb;

/// Reads the first key in the text. Line ends may be escaped.
pub(crate) fn parse(text: &[u8]) -> Result<PrivateKey, KeyError> {
    let (headers, body) = read_armour(text, BEGIN, END)?;
    let mut reader = WireReader::new(&body);
    if reader.u32()? != MAGIC || usize::try_from(reader.u32()?) != Ok(body.len()) {
        return Err(KeyError::Structure);
    }
    let (kind, cipher, numbers) = (reader.string()?, reader.string()?, reader.string()?);
    let mut key = PrivateKey::new(KeyFormat::Ssh2);
    let comment = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Comment"));
    key.set_comment(comment.map(|(_, value)| value.trim_matches('"').as_bytes()).unwrap_or_default());
    let rsa = match kind {
        _ if kind.starts_with(b"if-modn{") => true,
        _ if kind.starts_with(b"dl-modp{") => false,
        _ => return Err(KeyError::Structure),
    };
    if cipher == b"none" {
        // Its own length again.
        let mut reader = WireReader::new(numbers);
        reader.u32()?;
        read_numbers(&mut key, reader, rsa)?;
    } else {
        key.algorithm = Some(if rsa { "rsa" } else { "dsa" }.into());
        let name: String = String::from_utf8_lossy(cipher).chars().take(32).collect();
        // MD5 of the passphrase, once per 16 bytes of key.
        key.set_encrypted(name, "md5", Some(1));
    }
    Ok(key)
}

fn read_numbers(key: &mut PrivateKey, mut reader: WireReader<'_>, rsa: bool) -> Result<(), KeyError> {
    if rsa {
        // Its first prime is the second one elsewhere.
        let [e, d, n, _, q, p] = numbers(&mut reader)?;
        key.set_public(&rsa_blob(n, e))?;
        key.set_secret(&PrivateNumber::Rsa { d, p, q });
        return Ok(());
    }
    if reader.u32()? != 0 {
        return Err(KeyError::Structure);
    }
    let [p, g, q, y, x] = numbers(&mut reader)?;
    set_dsa(key, [p, q, g, y], x)
}

fn numbers<'a, const N: usize>(reader: &mut WireReader<'a>) -> Result<[&'a [u8]; N], Truncated> {
    let mut found = [&[][..]; N];
    for number in &mut found {
        let bytes = usize::try_from(reader.u32()?.div_ceil(8)).map_err(|_| Truncated)?;
        *number = strip_zeros(reader.bytes(bytes)?);
    }
    Ok(found)
}

/// Headers, and the decoded body.
type Armour = (Vec<(String, String)>, Vec<u8>);

/// Reads armour as in RFC 4716 section 3: lines `Name: value`, which go on after a
/// backslash at their end, then base64.
pub(crate) fn read_armour(text: &[u8], begin: &[u8], end: &[u8]) -> Result<Armour, KeyError> {
    let start = memchr::memmem::find(text, begin).ok_or(KeyError::Structure)?;
    let text = text.get(start.saturating_add(begin.len())..).unwrap_or_default();
    let room = text.get(..text.len().min(super::pem::MAX_ARMOUR)).unwrap_or_default();
    let length = memchr::memmem::find(room, end).ok_or(KeyError::Truncated)?;
    let text = break_escaped_lines(room.get(..length).unwrap_or_default());
    let (mut headers, mut code) = (Vec::new(), Vec::new());
    let mut lines = text.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    while let Some(line) = lines.next() {
        let Some(colon) = memchr::memchr(b':', line) else {
            code.extend_from_slice(line);
            continue;
        };
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        let mut value = value.get(1..).unwrap_or_default().trim_ascii().to_vec();
        while value.last() == Some(&b'\\') {
            value.pop();
            let Some(more) = lines.next() else { break };
            value.extend_from_slice(more);
        }
        let owned = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        headers.push((owned(name), owned(&value)));
    }
    let body = STANDARD.decode(&code).map_err(|_| KeyError::Structure)?;
    Ok((headers, body))
}
