//! Whether a private number belongs to a public key: the public half is computed
//! from the private one and compared, whatever the container says.

use super::bignum::power;
use super::ec;
use super::rsa_private::RsaPrivate;
use super::wire::{Truncated, WireReader, strip_zeros};

/// The private numbers of a key, big endian.
pub(crate) enum PrivateNumber<'a> {
    /// RSA: the private exponent and the two primes.
    Rsa { d: &'a [u8], p: &'a [u8], q: &'a [u8] },
    /// DSA.
    Dsa { x: &'a [u8] },
    /// ECDSA.
    Ecdsa { d: &'a [u8] },
    /// Ed25519: the seed, 32 bytes.
    Ed25519 { seed: &'a [u8] },
}

/// What a comparison gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pair {
    /// Whether both are halves of one key.
    pub(crate) fits: bool,
    /// See [`super::key::PrivateKey::pkcs8_sha1`].
    pub(crate) pkcs8_sha1: Option<[u8; 20]>,
}

/// Compares a public key in wire form with private numbers.
pub(crate) fn compare(public: &[u8], secret: &PrivateNumber<'_>) -> Pair {
    match secret {
        PrivateNumber::Rsa { d, p, q } => rsa(public, d, p, q).unwrap_or_default(),
        PrivateNumber::Dsa { x } => alone(dsa(public, x)),
        PrivateNumber::Ecdsa { d } => alone(ecdsa(public, d)),
        PrivateNumber::Ed25519 { seed } => alone(ed25519(public, seed)),
    }
}

fn alone(fits: Result<bool, Truncated>) -> Pair {
    Pair { fits: fits.unwrap_or(false), pkcs8_sha1: None }
}

fn rsa(public: &[u8], d: &[u8], p: &[u8], q: &[u8]) -> Option<Pair> {
    let mut fields = WireReader::new(public);
    let (name, e, n) = (fields.string().ok()?, fields.string().ok()?, fields.string().ok()?);
    let key =
        RsaPrivate::new(strip_zeros(n), strip_zeros(e), strip_zeros(d), strip_zeros(p), strip_zeros(q))?;
    let fits = name == b"ssh-rsa" && key.fits();
    Some(Pair { fits, pkcs8_sha1: if fits { key.pkcs8_sha1() } else { None } })
}

fn dsa(public: &[u8], x: &[u8]) -> Result<bool, Truncated> {
    let mut fields = WireReader::new(public);
    let name = fields.string()?;
    let (p, _, g, y) = (fields.string()?, fields.string()?, fields.string()?, fields.string()?);
    let computed = power(strip_zeros(g), strip_zeros(x), strip_zeros(p));
    // Numbers beyond those of FIPS 186 are not computed with, and not held against it.
    Ok(name == b"ssh-dss" && computed.is_none_or(|computed| computed == strip_zeros(y)))
}

fn ecdsa(public: &[u8], d: &[u8]) -> Result<bool, Truncated> {
    let mut fields = WireReader::new(public);
    let (_, curve, point) = (fields.string()?, fields.string()?, fields.string()?);
    let computed = std::str::from_utf8(curve).ok().and_then(|curve| ec::public_point(curve, d));
    Ok(computed.is_some_and(|computed| computed == point))
}

fn ed25519(public: &[u8], seed: &[u8]) -> Result<bool, Truncated> {
    let mut fields = WireReader::new(public);
    let (name, key) = (fields.string()?, fields.string()?);
    Ok(name == b"ssh-ed25519" && ed25519_public(seed).is_some_and(|computed| computed == key))
}

/// The public half of an Ed25519 seed (RFC 8032 section 5.1.5).
pub(crate) fn ed25519_public(seed: &[u8]) -> Option<[u8; 32]> {
    let seed = seed.try_into().ok()?;
    Some(ed25519_dalek::SigningKey::from_bytes(seed).verifying_key().to_bytes())
}
