//! PuTTY private keys, versions 2 and 3 (PuTTY manual, appendix "PPK file
//! format"). Public half and comment are always in clear. An unencrypted key is
//! held against its own MAC, which proves that it is complete and untouched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::hex;
use super::key::{KeyError, KeyFormat, PrivateKey};
use super::wire::{WireReader, put_string};

/// How the file begins; the version's digit follows.
pub(crate) const MAGIC: &[u8] = b"PuTTY-User-Key-File-";
/// The most bytes that are read: see [`super::pem::MAX_ARMOUR`].
const MAX_FILE: usize = super::pem::MAX_ARMOUR;
/// The most base64 lines of one half: a key of 16384 bits has 43 public ones.
const MAX_LINES: usize = 400;

/// Reads the first key in the text. Line ends may be CRLF, LF, CR, or escaped.
pub(crate) fn parse(text: &[u8]) -> Result<PrivateKey, KeyError> {
    let start = memchr::memmem::find(text, MAGIC).ok_or(KeyError::Structure)?;
    let text = text.get(start..).unwrap_or_default();
    let text = text.get(..text.len().min(MAX_FILE)).unwrap_or_default();
    let plain = break_escaped_lines(text);
    let mut lines = Lines { rest: &plain };

    let (name, algorithm) = lines.header()?;
    let version = match name.strip_prefix(MAGIC) {
        Some(b"2") => KeyFormat::Ppk2,
        Some(b"3") => KeyFormat::Ppk3,
        _ => return Err(KeyError::Structure),
    };
    let encryption = lines.named(b"Encryption")?;
    let comment = lines.named(b"Comment")?;
    let public = lines.block(b"Public-Lines")?;
    let (mut name, mut value) = lines.header()?;
    let mut kdf = if version == KeyFormat::Ppk2 { "sha1" } else { "argon2" };
    while name == b"Key-Derivation" || name.starts_with(b"Argon2-") {
        match value {
            b"Argon2id" => kdf = "argon2id",
            b"Argon2i" => kdf = "argon2i",
            b"Argon2d" => kdf = "argon2d",
            _ => {}
        }
        (name, value) = lines.header()?;
    }
    if name != b"Private-Lines" {
        return Err(KeyError::Structure);
    }
    let private = lines.base64(value)?;
    let mac = mac_digits(lines.named(b"Private-MAC")?).ok_or(KeyError::Structure)?;

    let mut key = PrivateKey::new(version);
    key.set_public(&public)?;
    key.set_comment(comment);
    if WireReader::new(&public).string()? != algorithm || private.is_empty() {
        return Err(KeyError::Inconsistent);
    }
    match encryption {
        b"none" => {
            let fields = [algorithm, encryption, comment, &public, &private];
            if !mac_holds(version, &fields, &mac) {
                return Err(KeyError::Inconsistent);
            }
        }
        b"aes256-cbc" => {
            let expected = if version == KeyFormat::Ppk2 { 20 } else { 32 };
            if private.len().checked_rem(16) != Some(0) || mac.len() != expected {
                return Err(KeyError::Structure);
            }
            key.encrypted = true;
            key.cipher = Some("aes256-cbc".into());
            key.kdf = Some(kdf.into());
        }
        _ => return Err(KeyError::Structure),
    }
    Ok(key)
}

/// Turns escaped line ends (any number of backslashes before `n` or `r`) into
/// real ones and drops the backslashes of other escapes.
fn break_escaped_lines(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    // In a file of its own a comment may hold a backslash; only a text without
    // any line end within its first line's length is an escaped one.
    let first_line = text.get(..text.len().min(128)).unwrap_or_default();
    if first_line.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        while bytes.peek() == Some(&b'\\') {
            bytes.next();
        }
        match bytes.next() {
            Some(b'n' | b'r') => out.push(b'\n'),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out.into()
}

struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    /// The next line that is not empty, white space around it dropped.
    fn line(&mut self) -> Result<&'a [u8], KeyError> {
        loop {
            if self.rest.is_empty() {
                return Err(KeyError::Truncated);
            }
            let end = memchr::memchr2(b'\n', b'\r', self.rest).unwrap_or(self.rest.len());
            let (line, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
            self.rest = rest.get(1..).unwrap_or_default();
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Ok(line);
            }
        }
    }

    fn header(&mut self) -> Result<(&'a [u8], &'a [u8]), KeyError> {
        let line = self.line()?;
        let colon = memchr::memchr(b':', line).ok_or(KeyError::Structure)?;
        let (name, value) = line.split_at_checked(colon).ok_or(KeyError::Structure)?;
        Ok((name, value.get(1..).unwrap_or_default().trim_ascii_start()))
    }

    fn named(&mut self, name: &[u8]) -> Result<&'a [u8], KeyError> {
        let (found, value) = self.header()?;
        if found == name { Ok(value) } else { Err(KeyError::Structure) }
    }

    fn block(&mut self, name: &[u8]) -> Result<Vec<u8>, KeyError> {
        let count = self.named(name)?;
        self.base64(count)
    }

    /// As many lines of base64 as `count` says.
    fn base64(&mut self, count: &[u8]) -> Result<Vec<u8>, KeyError> {
        let count = std::str::from_utf8(count).ok().and_then(|text| text.parse::<usize>().ok());
        let count = count.filter(|count| *count <= MAX_LINES).ok_or(KeyError::Range)?;
        let mut code = Vec::with_capacity(count.saturating_mul(64));
        for _ in 0..count {
            code.extend_from_slice(self.line()?);
        }
        STANDARD.decode(code).map_err(|_| KeyError::Structure)
    }
}

/// Reads the MAC: hex digits to the end of the line. Something of the file
/// around, such as a closing quote, may follow.
fn mac_digits(line: &[u8]) -> Option<Vec<u8>> {
    let length = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let digits = line.get(..length).filter(|digits| matches!(digits.len(), 40 | 64))?;
    hex::decode(digits)
}

/// Recomputes the MAC of an unencrypted key, whose key is known to all.
fn mac_holds(version: KeyFormat, fields: &[&[u8]], mac: &[u8]) -> bool {
    let mut message = Vec::new();
    for field in fields {
        put_string(&mut message, field);
    }
    if version == KeyFormat::Ppk2 {
        let key = Sha1::digest(b"putty-private-key-file-mac-key");
        hmac::<Sha1>(&key, &message) == mac
    } else {
        hmac::<Sha256>(&[], &message) == mac
    }
}

/// HMAC (RFC 2104) over a hash with blocks of 64 bytes, for keys that fit in one.
fn hmac<D: Digest>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |mask: u8| {
        let mut block = [mask; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = D::new().chain_update(pad(0x36)).chain_update(message).finalize();
    D::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_vectors_of_rfc_2202_and_4231() {
        let sha1 = hmac::<Sha1>(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(sha1[..4], [0xef, 0xfc, 0xdf, 0x6a]);
        let sha256 = hmac::<Sha256>(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(sha256[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }
}
