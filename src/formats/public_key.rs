//! Public keys in every text form: a line of OpenSSH (`*.pub`), RFC 4716, and the
//! two of PEM, PKCS#1 and SubjectPublicKeyInfo.
//!
//! Not for lines of `authorized_keys`, which may begin with options.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::der::{BIT_STRING, DerReader, OID};
use super::pem;
use super::pkcs::{curve_name, dsa_blob, ecdsa_blob, rsa_blob};
use super::ssh_certificate::Certificate;
use super::ssh_public::PublicKey;
use super::ssh2::read_armour;
use super::wire::put_string;

const RFC_4716_BEGIN: &[u8] = b"---- BEGIN SSH2 PUBLIC KEY ----";
const RFC_4716_END: &[u8] = b"---- END SSH2 PUBLIC KEY ----";
/// The longest line that is read, in bytes.
const MAX_LINE: usize = 64 * 1024;

/// The form of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicFormat {
    /// A line `type base64 comment`.
    Line,
    /// `---- BEGIN SSH2 PUBLIC KEY ----` (RFC 4716).
    Rfc4716,
    /// `BEGIN RSA PUBLIC KEY` (RFC 8017 A.1.1).
    Pkcs1,
    /// `BEGIN PUBLIC KEY` (RFC 5280).
    Spki,
}

impl PublicFormat {
    /// The name used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Rfc4716 => "rfc4716",
            Self::Pkcs1 => "pkcs1",
            Self::Spki => "spki",
        }
    }
}

/// A public key as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicText {
    /// Its form.
    pub format: PublicFormat,
    /// The key; of a certificate, the key that it certifies.
    pub key: PublicKey,
    /// The certificate, if it is one.
    pub certificate: Option<Certificate>,
    /// Its comment.
    pub comment: Option<String>,
}

impl PublicText {
    /// Reads the first key in the text. `None`: there is none that is whole, or SSH
    /// has no keys of its kind.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if memchr::memmem::find(text, RFC_4716_BEGIN).is_some() {
            let (headers, blob) = read_armour(text, RFC_4716_BEGIN, RFC_4716_END).ok()?;
            let comment = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("Comment"));
            let comment = comment.map(|(_, value)| value.trim_matches('"').to_owned());
            return Self::new(PublicFormat::Rfc4716, &blob, comment);
        }
        if let Some(start) = memchr::memmem::find(text, b"-----BEGIN ") {
            let pem = pem::parse(text.get(start..)?).ok()?;
            return match pem.label.as_str() {
                "RSA PUBLIC KEY" => Self::new(PublicFormat::Pkcs1, &pkcs1(&pem.body)?, None),
                "PUBLIC KEY" => Self::new(PublicFormat::Spki, &spki(&pem.body)?, None),
                _ => None,
            };
        }
        text.split(|byte| matches!(byte, b'\n' | b'\r')).find_map(Self::parse_line)
    }

    /// Reads a line `type base64 comment`.
    #[must_use]
    pub fn parse_line(line: &[u8]) -> Option<Self> {
        let line = line.trim_ascii();
        if line.len() > MAX_LINE {
            return None;
        }
        let mut words = line.splitn(2, u8::is_ascii_whitespace);
        let (name, rest) = (words.next()?, words.next()?.trim_ascii_start());
        let mut words = rest.splitn(2, u8::is_ascii_whitespace);
        let blob = STANDARD.decode(words.next()?).ok()?;
        // The word must be the type in the key, which the blob begins with.
        let mut stated = Vec::with_capacity(name.len().saturating_add(4));
        put_string(&mut stated, name);
        let comment = words.next().map(|comment| String::from_utf8_lossy(comment.trim_ascii()).into_owned());
        if blob.starts_with(&stated) { Self::new(PublicFormat::Line, &blob, comment) } else { None }
    }

    fn new(format: PublicFormat, blob: &[u8], comment: Option<String>) -> Option<Self> {
        let key = PublicKey::from_blob(blob).ok()?;
        let certificate = if key.certificate { Some(Certificate::from_blob(blob).ok()?) } else { None };
        Some(Self { format, key, certificate, comment: comment.filter(|text| !text.is_empty()) })
    }
}

fn pkcs1(body: &[u8]) -> Option<Vec<u8>> {
    let mut outer = DerReader::new(body);
    let mut numbers = outer.sequence().ok()?;
    let (n, e) = (numbers.unsigned().ok()?, numbers.unsigned().ok()?);
    numbers.finish().ok()?;
    outer.finish().ok()?;
    Some(rsa_blob(n, e))
}

fn spki(body: &[u8]) -> Option<Vec<u8>> {
    let mut outer = DerReader::new(body);
    let mut fields = outer.sequence().ok()?;
    outer.finish().ok()?;
    let mut algorithm = fields.sequence().ok()?;
    let bits = fields.expect(BIT_STRING).ok()?.strip_prefix(&[0])?;
    fields.finish().ok()?;
    match algorithm.expect(OID).ok()? {
        // rsaEncryption 1.2.840.113549.1.1.1
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => pkcs1(bits),
        // id-ecPublicKey 1.2.840.10045.2.1
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => {
            Some(ecdsa_blob(curve_name(algorithm.expect(OID).ok()?)?, bits))
        }
        // id-dsa 1.2.840.10040.4.1
        [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1] => {
            let mut numbers = algorithm.sequence().ok()?;
            let [p, q, g] = [numbers.unsigned().ok()?, numbers.unsigned().ok()?, numbers.unsigned().ok()?];
            Some(dsa_blob([p, q, g, DerReader::new(bits).unsigned().ok()?]))
        }
        // Ed25519 1.3.101.112
        [0x2b, 0x65, 112] => {
            let mut blob = Vec::with_capacity(64);
            put_string(&mut blob, b"ssh-ed25519");
            put_string(&mut blob, bits);
            Some(blob)
        }
        _ => None,
    }
}
