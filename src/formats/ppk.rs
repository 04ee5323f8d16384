//! PuTTY private keys, versions 2 and 3 (PuTTY manual, appendix "PPK file
//! format"). Public half and comment are always in clear. An unencrypted key is
//! held against its own MAC, which proves that it is complete and untouched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::escape::break_escaped_lines;
use super::hex;
use super::hmac::hmac;
use super::key::{KeyError, KeyFormat, KeyState, PrivateKey};
use super::key_pair::{PrivateNumber, compare};
use super::wire::{WireReader, put_string};

/// How the file begins; the version's digit follows.
pub(crate) const MAGIC: &[u8] = b"PuTTY-User-Key-File-";
/// The most bytes that are read: see [`super::pem::MAX_ARMOUR`].
const MAX_FILE: usize = super::pem::MAX_ARMOUR;
/// The most base64 lines of one half: a key of 16384 bits has 43 public ones.
const MAX_LINES: usize = 400;

/// Reads the first key in the text. Line ends may be CRLF, LF, CR, or escaped.
pub(crate) fn parse(text: &[u8]) -> Result<PrivateKey, KeyError> {
    let plain = plain_text(text)?;
    let mut lines = Lines { rest: &plain };
    let head = read_head(&mut lines)?;
    let mut key = head.key()?;
    let derivation = read_derivation(&mut lines)?;
    let private = lines.base64(derivation.private_lines)?;
    let mac = mac_digits(lines.named(b"Private-MAC")?).ok_or(KeyError::Structure)?;
    if private.is_empty() {
        return Err(KeyError::Structure);
    }
    if head.encryption == b"none" {
        key.set_secret(&private_number(head.algorithm, &private)?);
        let fields = [head.algorithm, head.encryption, head.comment, &head.public, &private];
        if !mac_holds(head.version, &fields, &mac) {
            key.state = KeyState::Inconsistent;
        }
        return Ok(key);
    }
    let expected = if head.version == KeyFormat::Ppk2 { 20 } else { 32 };
    if private.len().checked_rem(16) != Some(0) || mac.len() != expected {
        return Err(KeyError::Structure);
    }
    let kdf = if head.version == KeyFormat::Ppk2 { "sha1" } else { derivation.name };
    let rounds = if head.version == KeyFormat::Ppk2 { Some(1) } else { derivation.passes };
    key.set_encrypted("aes256-cbc", kdf, rounds);
    Ok(key)
}

/// Reads a key that ends early, or is damaged after its public half.
pub(crate) fn parse_cut(text: &[u8]) -> Result<PrivateKey, KeyError> {
    let plain = plain_text(text)?;
    let mut lines = Lines { rest: &plain };
    let head = read_head(&mut lines)?;
    let mut key = head.key()?;
    key.state = KeyState::PublicHalf;
    if head.encryption != b"none" {
        key.set_encrypted(
            "aes256-cbc",
            if head.version == KeyFormat::Ppk2 { "sha1" } else { "argon2" },
            None,
        );
        return Ok(key);
    }
    let private = read_derivation(&mut lines).and_then(|derivation| lines.base64(derivation.private_lines));
    if let Ok(private) = private
        && let Ok(number) = private_number(head.algorithm, &private)
        && compare(&head.public, &number).fits
    {
        key.state = KeyState::Cut;
    }
    Ok(key)
}

/// The text from the first key on, its line ends made real.
fn plain_text(text: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, KeyError> {
    let start = memchr::memmem::find(text, MAGIC).ok_or(KeyError::Structure)?;
    let text = text.get(start..).unwrap_or_default();
    Ok(break_escaped_lines(text.get(..text.len().min(MAX_FILE)).unwrap_or_default()))
}

/// What stands before the private half.
struct Head<'a> {
    version: KeyFormat,
    algorithm: &'a [u8],
    encryption: &'a [u8],
    comment: &'a [u8],
    public: Vec<u8>,
}

impl Head<'_> {
    fn key(&self) -> Result<PrivateKey, KeyError> {
        let mut key = PrivateKey::new(self.version);
        key.set_public(&self.public)?;
        key.set_comment(self.comment);
        if WireReader::new(&self.public).string()? != self.algorithm {
            return Err(KeyError::Inconsistent);
        }
        Ok(key)
    }
}

fn read_head<'a>(lines: &mut Lines<'a>) -> Result<Head<'a>, KeyError> {
    let (name, algorithm) = lines.header()?;
    let version = match name.strip_prefix(MAGIC) {
        Some(b"2") => KeyFormat::Ppk2,
        Some(b"3") => KeyFormat::Ppk3,
        _ => return Err(KeyError::Structure),
    };
    let encryption = lines.named(b"Encryption")?;
    if !matches!(encryption, b"none" | b"aes256-cbc") {
        return Err(KeyError::Structure);
    }
    let comment = lines.named(b"Comment")?;
    Ok(Head { version, algorithm, encryption, comment, public: lines.block(b"Public-Lines")? })
}

/// The key derivation of version 3, if there is one, up to the private half.
struct Derivation<'a> {
    name: &'static str,
    passes: Option<u32>,
    private_lines: &'a [u8],
}

fn read_derivation<'a>(lines: &mut Lines<'a>) -> Result<Derivation<'a>, KeyError> {
    let (mut name, mut value) = lines.header()?;
    let mut derivation = Derivation { name: "argon2", passes: None, private_lines: &[] };
    while name == b"Key-Derivation" || name.starts_with(b"Argon2-") {
        match value {
            b"Argon2id" => derivation.name = "argon2id",
            b"Argon2i" => derivation.name = "argon2i",
            b"Argon2d" => derivation.name = "argon2d",
            _ if name == b"Argon2-Passes" => {
                derivation.passes = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            }
            _ => {}
        }
        (name, value) = lines.header()?;
    }
    derivation.private_lines =
        if name == b"Private-Lines" { value } else { return Err(KeyError::Structure) };
    Ok(derivation)
}

/// The private half of an unencrypted key.
fn private_number<'a>(algorithm: &[u8], private: &'a [u8]) -> Result<PrivateNumber<'a>, KeyError> {
    let mut fields = WireReader::new(private);
    let first = fields.string()?;
    Ok(match algorithm {
        b"ssh-rsa" => PrivateNumber::Rsa { d: first, p: fields.string()?, q: fields.string()? },
        b"ssh-dss" => PrivateNumber::Dsa { x: first },
        b"ssh-ed25519" => PrivateNumber::Ed25519 { seed: first },
        _ if algorithm.starts_with(b"ecdsa-sha2-") => PrivateNumber::Ecdsa { d: first },
        _ => return Err(KeyError::Structure),
    })
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
