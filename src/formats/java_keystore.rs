//! Keystores of Java in their own two forms, JKS and JCEKS: what is in them, and whether an
//! empty password opens them. (Since Java 9 a keystore is PKCS#12 as a rule.)
//!
//! Facts: `sun.security.provider.JavaKeyStore` and `KeyProtector`, and
//! `com.sun.crypto.provider.JceKeyStore` of OpenJDK, whose comments are the specification:
//! entries one after the other, then SHA-1 over the password in UTF-16, a fixed phrase and
//! all that is before. Nothing but the empty password is tried.

use sha1::{Digest, Sha1};

use super::der::{DerReader, OCTET_STRING, OID, SEQUENCE};
use super::x509::Certificate;

const JKS: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
const JCEKS: [u8; 4] = [0xce, 0xce, 0xce, 0xce];
const PHRASE: &[u8] = b"Mighty Aphrodite";
/// The protection of keys in a JKS: 1.3.6.1.4.1.42.2.17.1.1.
const PROTECTOR: &[u8] = &[0x2b, 6, 1, 4, 1, 0x2a, 2, 0x11, 1, 1];
const SHA1_LENGTH: usize = 20;
/// The most entries that are looked at, and certificates of a key.
const MAX_ENTRIES: u32 = 4096;
const MAX_CHAIN: u32 = 64;

/// What a keystore holds, as far as the bytes go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JavaKeystore {
    /// `jks` or `jceks`.
    pub form: &'static str,
    /// Private keys.
    pub private_keys: usize,
    /// Keys of ciphers.
    pub secret_keys: usize,
    /// The name of the first key.
    pub alias: Option<String>,
    /// The certificate of the first private key.
    pub certificate: Option<Certificate>,
    /// How many bytes it has, where its end is in the bytes.
    pub length: Option<usize>,
    /// The empty password is that of the store; of its first private key.
    pub opens: bool,
    /// The first private key is kept by the empty password.
    pub key_opens: bool,
}

impl JavaKeystore {
    /// Reads what begins as a keystore; its end may be missing. `None`: it is none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader { bytes, at: 0 };
        let form = match reader.array::<4>()? {
            JKS => "jks",
            JCEKS => "jceks",
            _ => return None,
        };
        let version = reader.number()?;
        if !(1..=2).contains(&version) {
            return None;
        }
        let count = reader.number().filter(|count| *count <= MAX_ENTRIES)?;
        let mut store = Self { form, ..Self::default() };
        let is_whole = store.entries(&mut reader, version, count).is_some();
        if is_whole && let Some(body) = bytes.get(..reader.at) {
            let sum = Sha1::new().chain_update(PHRASE).chain_update(body).finalize();
            if let Some(stored) = reader.take(SHA1_LENGTH) {
                store.opens = *stored == sum[..];
                store.length = Some(reader.at);
            }
        }
        Some(store)
    }

    fn entries(&mut self, reader: &mut Reader<'_>, version: u32, count: u32) -> Option<()> {
        for _ in 0..count {
            let kind = reader.number()?;
            let alias = reader.text()?;
            reader.take(8)?;
            match kind {
                1 => {
                    let length = usize::try_from(reader.number()?).ok()?;
                    let key = reader.take(length)?;
                    if self.private_keys == 0 {
                        self.key_opens = opens(key).unwrap_or(false);
                        self.alias = Some(alias);
                    }
                    self.private_keys = self.private_keys.saturating_add(1);
                    for number in 0..reader.number().filter(|count| *count <= MAX_CHAIN)? {
                        let certificate = reader.certificate(version)?;
                        if number == 0 && self.private_keys == 1 {
                            self.certificate = Certificate::parse(certificate).ok();
                        }
                    }
                }
                2 => {
                    reader.certificate(version)?;
                }
                3 if self.form == "jceks" => {
                    self.secret_keys = self.secret_keys.saturating_add(1);
                    self.alias.get_or_insert(alias);
                    // An object that Java has serialised: its length is told by nothing.
                    return None;
                }
                _ => return None,
            }
        }
        Some(())
    }
}

/// Whether the empty password is that of a key: what it gives has the sum that stands behind
/// it.
fn opens(key: &[u8]) -> Option<bool> {
    let mut outer = DerReader::new(key).sequence().ok()?;
    if outer.expect(SEQUENCE).ok().map(DerReader::new)?.expect(OID).ok()? != PROTECTOR {
        return None;
    }
    let kept = outer.expect(OCTET_STRING).ok()?;
    let (salt, rest) = kept.split_at_checked(SHA1_LENGTH)?;
    let (body, sum) = rest.split_at_checked(rest.len().checked_sub(SHA1_LENGTH)?)?;
    let mut stream = salt.to_vec();
    let mut plain = Vec::with_capacity(body.len());
    for part in body.chunks(SHA1_LENGTH) {
        stream = Sha1::digest(&stream).to_vec();
        plain.extend(part.iter().zip(&stream).map(|(byte, mask)| byte ^ mask));
    }
    Some(*sum == Sha1::digest(&plain)[..])
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let end = self.at.checked_add(length)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(length.into()).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// Version 2 has a name of its kind before it.
    fn certificate(&mut self, version: u32) -> Option<&'b [u8]> {
        if version == 2 {
            self.text()?;
        }
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }
}
