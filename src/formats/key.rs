//! What is known of a private key, whatever its container: the result of the
//! parsers beside it, and why there is none.

use std::borrow::Cow;

use thiserror::Error;

use super::der::DerError;
use super::key_pair::PrivateNumber;
use super::pem::PemError;
use super::ssh_public::{PublicKey, PublicKeyError};
use super::wire::{Truncated, WireReader};

/// The most characters of a comment that are kept.
const MAX_COMMENT: usize = 512;

/// The container of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFormat {
    /// `openssh-key-v1` (`PROTOCOL.key` of OpenSSH).
    OpenSsh,
    /// RSA of PKCS#1 (RFC 8017 A.1.2).
    Pkcs1,
    /// PKCS#8, plain or encrypted (RFC 5208, RFC 5958).
    Pkcs8,
    /// EC of SEC1 (RFC 5915).
    Sec1,
    /// DSA as OpenSSL writes it.
    Dsa,
    /// PuTTY, version 2.
    Ppk2,
    /// PuTTY, version 3.
    Ppk3,
    /// SSH2 of SSH Communications Security, Tectia.
    Ssh2,
    /// Dropbear: the bare numbers.
    Dropbear,
}

impl KeyFormat {
    /// The name used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenSsh => "openssh",
            Self::Pkcs1 => "pkcs1",
            Self::Pkcs8 => "pkcs8",
            Self::Sec1 => "sec1",
            Self::Dsa => "dsa",
            Self::Ppk2 => "ppk2",
            Self::Ppk3 => "ppk3",
            Self::Ssh2 => "ssh2",
            Self::Dropbear => "dropbear",
        }
    }
}

/// Whether a key is all there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyState {
    /// Everything that its container has, and nothing that contradicts it.
    #[default]
    Whole,
    /// Its halves do not belong together, or its own checksum fails: damaged, or
    /// put together from two keys.
    Inconsistent,
    /// The rest is missing. The private number is there all the same, and belongs to
    /// the public half.
    Cut,
    /// The rest is missing, and the private number with it.
    PublicHalf,
}

impl KeyState {
    /// The name used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Inconsistent => "inconsistent",
            Self::Cut => "cut",
            Self::PublicHalf => "public_half",
        }
    }
}

/// Why something is not a private key. Nothing of the key is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The armour.
    #[error(transparent)]
    Armour(#[from] PemError),
    /// The DER structure.
    #[error(transparent)]
    Der(#[from] DerError),
    /// A field of an SSH structure ends early.
    #[error("the key ends early")]
    Truncated,
    /// The public half.
    #[error(transparent)]
    Public(#[from] PublicKeyError),
    /// A structure that is not that of a private key.
    #[error("not the structure of a private key")]
    Structure,
    /// A value that no key has: a modulus beyond 16384 bits, a zero.
    #[error("a value of the key is out of range")]
    Range,
    /// The parts of the key do not belong together, or its own checksum fails.
    #[error("the parts of the key do not fit each other")]
    Inconsistent,
}

impl From<Truncated> for KeyError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// A private key.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    /// The container.
    pub format: KeyFormat,
    /// `rsa`, `dsa`, `ecdsa`, `ed25519`, `ecdsa-sk`, `ed25519-sk`, `x25519`, …;
    /// absent when only the passphrase tells.
    pub algorithm: Option<Cow<'static, str>>,
    /// Size in bits.
    pub bits: Option<u32>,
    /// The curve of an EC key, by its name in SSH or, where SSH has none, in SEC 2
    /// or RFC 5639.
    pub curve: Option<&'static str>,
    /// The public half in SSH wire form, where it can be read or computed and
    /// SSH has a form for it.
    pub public_blob: Option<Vec<u8>>,
    /// The comment, where it can be read.
    pub comment: Option<String>,
    /// Whether a passphrase protects it.
    pub encrypted: bool,
    /// With which cipher.
    pub cipher: Option<Cow<'static, str>>,
    /// With which key derivation.
    pub kdf: Option<Cow<'static, str>>,
    /// How much work one guess of the passphrase is, in the unit of the derivation:
    /// rounds of bcrypt, iterations of PBKDF2, passes of Argon2, N of scrypt, hashes.
    pub rounds: Option<u32>,
    /// Whether it is all there.
    pub state: KeyState,
    /// SHA-1 over an RSA key as unencrypted PKCS#8 in DER, where the private half can
    /// be read: by it EC2 knows the key pairs that it made itself.
    pub pkcs8_sha1: Option<[u8; 20]>,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateKey")
            .field("format", &self.format)
            .field("algorithm", &self.algorithm)
            .field("bits", &self.bits)
            .field("encrypted", &self.encrypted)
            .finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// A key of which nothing but the container is known yet.
    pub(crate) fn new(format: KeyFormat) -> Self {
        Self {
            format,
            algorithm: None,
            bits: None,
            curve: None,
            public_blob: None,
            comment: None,
            encrypted: false,
            cipher: None,
            kdf: None,
            rounds: None,
            state: KeyState::Whole,
            pkcs8_sha1: None,
        }
    }

    /// Says that a passphrase protects it.
    pub(crate) fn set_encrypted(
        &mut self,
        cipher: impl Into<Cow<'static, str>>,
        kdf: &'static str,
        rounds: Option<u32>,
    ) {
        self.encrypted = true;
        self.cipher = Some(cipher.into());
        self.kdf = Some(kdf.into());
        self.rounds = rounds;
    }

    /// Holds the private number against the public half that is known.
    pub(crate) fn set_secret(&mut self, secret: &PrivateNumber<'_>) {
        let Some(public) = self.public_blob.as_deref() else { return };
        let pair = super::key_pair::compare(public, secret);
        self.pkcs8_sha1 = pair.pkcs8_sha1;
        if !pair.fits {
            self.state = KeyState::Inconsistent;
        }
    }

    /// Takes the public half in wire form with what it says of itself.
    pub(crate) fn set_public(&mut self, blob: &[u8]) -> Result<(), KeyError> {
        let public = PublicKey::from_blob(blob)?;
        self.algorithm = Some(public.algorithm.into());
        self.bits = Some(public.bits);
        self.public_blob = Some(public.blob);
        Ok(())
    }

    /// Takes a comment; an empty one is none.
    pub(crate) fn set_comment(&mut self, comment: &[u8]) {
        let text: String = String::from_utf8_lossy(comment).trim().chars().take(MAX_COMMENT).collect();
        self.comment = Some(text).filter(|text| !text.is_empty());
    }

    /// `SHA256:…` as `ssh-keygen -lf` prints it, where the public half is known.
    #[must_use]
    pub fn fingerprint_sha256(&self) -> Option<String> {
        self.public_blob.as_deref().map(super::ssh_public::fingerprint_sha256)
    }

    /// `MD5:…` as `ssh-keygen -E md5 -lf` prints it, where the public half is known.
    #[must_use]
    pub fn fingerprint_md5(&self) -> Option<String> {
        self.public_blob.as_deref().map(super::ssh_public::fingerprint_md5)
    }

    /// As EC2 shows it for an RSA key that it made: 20 hex pairs. Known only where the
    /// private half can be read.
    #[must_use]
    pub fn fingerprint_ec2_created(&self) -> Option<String> {
        self.pkcs8_sha1.map(|digest| super::hex::pairs(&digest))
    }

    /// As EC2 shows it for an RSA key that was imported: 16 hex pairs, the MD5 of the
    /// public half in DER. (Of an Ed25519 key it shows the SHA-256 of OpenSSH.)
    #[must_use]
    pub fn fingerprint_ec2_imported(&self) -> Option<String> {
        self.public_blob.as_deref().and_then(super::ssh_public::fingerprint_ec2_imported)
    }

    /// Whether SSH has a form for keys of this kind. What only the passphrase tells
    /// may be one.
    #[must_use]
    pub fn is_usable_by_ssh(&self) -> bool {
        match self.algorithm.as_deref() {
            Some("x25519" | "x448" | "ed448") => false,
            Some("ecdsa") => {
                self.encrypted
                    || self.public_blob.is_some()
                    || self.curve.is_some_and(|curve| curve.starts_with("nistp"))
            }
            _ => true,
        }
    }

    /// The number that makes the public half: the modulus, the point; as it also
    /// stands in a certificate.
    #[must_use]
    pub fn public_number(&self) -> Option<&[u8]> {
        let mut reader = WireReader::new(self.public_blob.as_deref()?);
        let mut last = reader.string().ok()?;
        while let Ok(field) = reader.string() {
            last = field;
        }
        Some(last)
    }

    /// Whether the secret is in a FIDO token and the file holds only a handle to
    /// it, which opens nothing without the token.
    #[must_use]
    pub fn is_hardware_bound(&self) -> bool {
        self.algorithm.as_deref().is_some_and(|algorithm| algorithm.ends_with("-sk"))
    }
}
