//! Keys and secrets that are made up: real in form, with their checksums, and of nobody.

use std::fs::File;
use std::io::{self, Read as _};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use ed25519_dalek::SigningKey;
use sha2::{Digest as _, Sha256};

/// Bytes that nobody can foresee, from the system.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// `length` characters of `alphabet`.
pub(super) fn text(alphabet: &[u8], length: usize) -> io::Result<String> {
    let mut made = String::new();
    for _ in 0..length {
        let number = usize::try_from(u32::from_le_bytes(random::<4>()?)).unwrap_or(0);
        made.push(
            number
                .checked_rem(alphabet.len())
                .and_then(|at| alphabet.get(at))
                .copied()
                .unwrap_or(b'x')
                .into(),
        );
    }
    Ok(made)
}

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A password.
pub(super) fn password() -> io::Result<String> {
    text(LETTERS, 22)
}

/// A UUID of version 4.
pub(super) fn uuid() -> io::Result<String> {
    let hex = |length| text(b"0123456789abcdef", length);
    Ok(format!("{}-{}-4{}-a{}-{}", hex(8)?, hex(4)?, hex(3)?, hex(3)?, hex(12)?))
}

/// The shared key of a storage account.
pub(super) fn storage_key() -> io::Result<String> {
    Ok(BASE64_STANDARD.encode(random::<64>()?))
}

/// The signature of a SAS token, as it stands in an address.
pub(super) fn storage_signature() -> io::Result<String> {
    let signature = BASE64_STANDARD.encode(random::<32>()?);
    Ok(signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"))
}

/// A token of GitHub: its last six characters are the checksum of the thirty before.
pub(super) fn github_token() -> io::Result<String> {
    let body = text(LETTERS, 30)?;
    let mut left = crc32fast::hash(body.as_bytes());
    let mut digits = Vec::new();
    for _ in 0..6 {
        let digit = usize::try_from(left % 62).unwrap_or(0);
        digits.push(LETTERS.get(digit).copied().unwrap_or(b'0'));
        left /= 62;
    }
    let checksum: String = digits.iter().rev().map(|digit| char::from(*digit)).collect();
    Ok([concat!("gh", "p_"), &body, &checksum].concat())
}

/// An SSH key of Ed25519 (RFC 8709; the file is PROTOCOL.key of OpenSSH).
pub(super) struct SshKey {
    key: SigningKey,
    comment: String,
}

impl SshKey {
    pub(super) fn new(comment: &str) -> io::Result<Self> {
        Ok(Self { key: SigningKey::from_bytes(&random()?), comment: comment.to_owned() })
    }

    fn blob(&self) -> Vec<u8> {
        let mut blob = Vec::new();
        field(&mut blob, b"ssh-ed25519");
        field(&mut blob, self.key.verifying_key().as_bytes());
        blob
    }

    /// A line of authorized_keys.
    pub(super) fn line(&self) -> String {
        format!("ssh-ed25519 {} {}", BASE64_STANDARD.encode(self.blob()), self.comment)
    }

    pub(super) fn fingerprint(&self) -> String {
        format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(Sha256::digest(self.blob())))
    }

    /// The file of the private key. With `locked` it looks like one whose passphrase nobody
    /// knows.
    pub(super) fn file(&self, locked: bool) -> io::Result<String> {
        let mut private = Vec::new();
        let check = random::<4>()?;
        private.extend_from_slice(&check);
        private.extend_from_slice(&check);
        private.extend_from_slice(&self.blob());
        let pair = [self.key.to_bytes(), self.key.verifying_key().to_bytes()].concat();
        field(&mut private, &pair);
        field(&mut private, self.comment.as_bytes());
        let block = if locked { 16 } else { 8 };
        let mut pad = 1_u8;
        while private.len() % block != 0 {
            private.push(pad);
            pad = pad.wrapping_add(1);
        }
        let (cipher, derivation, options): (&[u8], &[u8], Vec<u8>) = if locked {
            for byte in &mut private {
                *byte ^= u8::from_le_bytes(random()?);
            }
            let mut options = Vec::new();
            field(&mut options, &random::<16>()?);
            options.extend_from_slice(&24_u32.to_be_bytes());
            (b"aes256-ctr", b"bcrypt", options)
        } else {
            (b"none", b"none", Vec::new())
        };
        let mut whole = b"openssh-key-v1\0".to_vec();
        field(&mut whole, cipher);
        field(&mut whole, derivation);
        field(&mut whole, &options);
        whole.extend_from_slice(&1_u32.to_be_bytes());
        field(&mut whole, &self.blob());
        field(&mut whole, &private);
        let name = ["OPENSSH", "PRIVATE", "KEY"].join(" ");
        let mut file = format!("-----BEGIN {name}-----\n");
        for line in BASE64_STANDARD.encode(whole).as_bytes().chunks(70) {
            file.push_str(&String::from_utf8_lossy(line));
            file.push('\n');
        }
        Ok(file + &format!("-----END {name}-----\n"))
    }
}

/// A string of the SSH protocol: its length, then its bytes (RFC 4251, section 5).
fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}
