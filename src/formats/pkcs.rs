//! The DER containers: PKCS#1, PKCS#8, SEC1, and OpenSSL's DSA.
//!
//! The structure decides, not the label: some programs write `PRIVATE KEY` over
//! anything. Sources: RFC 8017 A.1.2, RFC 5915, RFC 5958, RFC 8410, RFC 8018
//! (encryption), RFC 1423 and OpenSSL's `PEM_read_bio_PrivateKey(3)` (headers).

use super::bignum::power;
use super::der::{
    BIT_STRING, CONTEXT_0, CONTEXT_1, CONTEXT_1_PRIMITIVE, DerReader, INTEGER, OCTET_STRING, OID, SEQUENCE,
};
use super::ec;
use super::key::{KeyError, KeyFormat, KeyState, PrivateKey};
use super::key_pair::{PrivateNumber, ed25519_public};
use super::pem::Pem;
use super::ssh_public::MAX_RSA_BITS;
use super::wire::{bit_length, put_mpint, put_string, strip_zeros};

/// Reads the decoded body of a block.
pub(crate) fn parse(pem: &Pem) -> Result<PrivateKey, KeyError> {
    if pem.header("Proc-Type").is_some_and(|value| value.contains("ENCRYPTED")) {
        return parse_header_encrypted(pem);
    }
    let mut outer = DerReader::new(&pem.body);
    let mut fields = outer.sequence()?;
    outer.finish()?;
    if fields.peek() == Some(SEQUENCE) {
        return parse_encrypted(fields);
    }
    let version = fields.unsigned()?;
    match fields.peek() {
        Some(SEQUENCE) => parse_pkcs8(fields),
        Some(OCTET_STRING) if version == [1] => parse_sec1(fields, None, KeyFormat::Sec1),
        Some(INTEGER) => parse_numbers(version, fields),
        _ => Err(KeyError::Structure),
    }
}

/// A key that OpenSSL encrypted as a whole, with the cipher in a header.
fn parse_header_encrypted(pem: &Pem) -> Result<PrivateKey, KeyError> {
    let (format, algorithm) = match pem.label.as_str() {
        "RSA PRIVATE KEY" => (KeyFormat::Pkcs1, Some("rsa")),
        "EC PRIVATE KEY" => (KeyFormat::Sec1, Some("ecdsa")),
        "DSA PRIVATE KEY" => (KeyFormat::Dsa, Some("dsa")),
        "PRIVATE KEY" | "ANY PRIVATE KEY" => (KeyFormat::Pkcs8, None),
        _ => return Err(KeyError::Structure),
    };
    let (cipher, iv) =
        pem.header("DEK-Info").and_then(|info| info.split_once(',')).ok_or(KeyError::Structure)?;
    let block = iv.len().checked_div(2).unwrap_or(0);
    let known =
        cipher.len() <= 32 && matches!(block, 8 | 16) && iv.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !known || pem.body.len() < 32 || pem.body.len().checked_rem(block) != Some(0) {
        return Err(KeyError::Structure);
    }
    let mut key = PrivateKey::new(format);
    key.algorithm = algorithm.map(Into::into);
    // One round of MD5: quick to guess. EVP_BytesToKey(3).
    key.set_encrypted(cipher.to_ascii_lowercase(), "md5", Some(1));
    Ok(key)
}

/// PKCS#1 has nine numbers in all, OpenSSL's DSA six.
fn parse_numbers(version: &[u8], mut fields: DerReader<'_>) -> Result<PrivateKey, KeyError> {
    let mut numbers = Vec::with_capacity(8);
    while fields.peek() == Some(INTEGER) && numbers.len() < 8 {
        numbers.push(fields.unsigned()?);
    }
    match numbers[..] {
        [p, q, g, y, x] if version.is_empty() => {
            fields.finish()?;
            let mut key = PrivateKey::new(KeyFormat::Dsa);
            set_dsa(&mut key, [p, q, g, y], x)?;
            Ok(key)
        }
        [n, e, d, p, q, dp, dq, inverse] => {
            // Version 1 has a list of further primes.
            let multi_prime = version == [1];
            if multi_prime {
                fields.expect(SEQUENCE)?;
            }
            fields.finish()?;
            if bit_length(n) > MAX_RSA_BITS {
                return Err(KeyError::Range);
            }
            if [d, p, q, dp, dq, inverse].iter().any(|part| part.is_empty() || part.len() > n.len()) {
                return Err(KeyError::Range);
            }
            let mut key = PrivateKey::new(KeyFormat::Pkcs1);
            key.set_public(&rsa_blob(n, e))?;
            if !multi_prime {
                key.set_secret(&PrivateNumber::Rsa { d, p, q });
            }
            Ok(key)
        }
        _ => Err(KeyError::Structure),
    }
}

/// The wire form of an RSA key.
pub(super) fn rsa_blob(n: &[u8], e: &[u8]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(n.len().saturating_add(32));
    put_string(&mut blob, b"ssh-rsa");
    put_mpint(&mut blob, e);
    put_mpint(&mut blob, n);
    blob
}

/// The wire form of a DSA key: p, q, g and y.
pub(super) fn dsa_blob(numbers: [&[u8]; 4]) -> Vec<u8> {
    let mut blob = Vec::new();
    put_string(&mut blob, b"ssh-dss");
    for number in numbers {
        put_mpint(&mut blob, number);
    }
    blob
}

/// The wire form of an EC key, by the curve's name in SSH.
pub(super) fn ecdsa_blob(curve: &str, point: &[u8]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(point.len().saturating_add(64));
    put_string(&mut blob, format!("ecdsa-sha2-{curve}").as_bytes());
    put_string(&mut blob, curve.as_bytes());
    put_string(&mut blob, point);
    blob
}

pub(super) fn set_dsa(key: &mut PrivateKey, public: [&[u8]; 4], x: &[u8]) -> Result<(), KeyError> {
    let [_, q, ..] = public;
    if x.is_empty() || x.len() > q.len() {
        return Err(KeyError::Range);
    }
    key.set_public(&dsa_blob(public))?;
    key.set_secret(&PrivateNumber::Dsa { x });
    Ok(())
}

/// A curve that a key may name.
struct Curve {
    oid: &'static [u8],
    bits: u32,
    /// Its name, which is the one that SSH has for it where there is one.
    name: &'static str,
    /// Whether SSH has keys on it.
    ssh: bool,
}

const CURVES: [Curve; 8] = [
    // 1.2.840.10045.3.1.7, 1.3.132.0.34, 1.3.132.0.35
    Curve { oid: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], bits: 256, name: "nistp256", ssh: true },
    Curve { oid: &[0x2b, 0x81, 4, 0, 34], bits: 384, name: "nistp384", ssh: true },
    Curve { oid: &[0x2b, 0x81, 4, 0, 35], bits: 521, name: "nistp521", ssh: true },
    // secp224r1 1.3.132.0.33, secp256k1 1.3.132.0.10
    Curve { oid: &[0x2b, 0x81, 4, 0, 33], bits: 224, name: "secp224r1", ssh: false },
    Curve { oid: &[0x2b, 0x81, 4, 0, 10], bits: 256, name: "secp256k1", ssh: false },
    // brainpoolP256r1, P384r1, P512r1: 1.3.36.3.3.2.8.1.1.{7,11,13}
    Curve { oid: &[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7], bits: 256, name: "brainpoolP256r1", ssh: false },
    Curve { oid: &[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 11], bits: 384, name: "brainpoolP384r1", ssh: false },
    Curve { oid: &[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 13], bits: 512, name: "brainpoolP512r1", ssh: false },
];

/// The name in SSH of the curve that an OID names, if SSH has keys on it.
pub(super) fn curve_name(oid: &[u8]) -> Option<&'static str> {
    CURVES.iter().find(|curve| curve.oid == oid && curve.ssh).map(|curve| curve.name)
}

/// SEC1 after its version. `outer` is the curve that an enclosing PKCS#8 names.
fn parse_sec1(
    mut fields: DerReader<'_>,
    outer: Option<&[u8]>,
    format: KeyFormat,
) -> Result<PrivateKey, KeyError> {
    let scalar = strip_zeros(fields.expect(OCTET_STRING)?);
    let inner = match fields.optional(CONTEXT_0)? {
        // Explicit parameters (a SEQUENCE) name no curve.
        Some(content) => DerReader::new(content).optional(OID)?,
        None => None,
    };
    let point = match fields.optional(CONTEXT_1)? {
        Some(content) => DerReader::new(content).expect(BIT_STRING)?.strip_prefix(&[0]),
        None => None,
    };
    fields.finish()?;
    set_ec(format, inner.or(outer), scalar, point)
}

/// An EC key of what its container says: the curve by its OID, the private number,
/// and the point.
pub(super) fn set_ec(
    format: KeyFormat,
    oid: Option<&[u8]>,
    scalar: &[u8],
    point: Option<&[u8]>,
) -> Result<PrivateKey, KeyError> {
    if scalar.is_empty() || scalar.len() > 72 {
        return Err(KeyError::Range);
    }
    let mut key = PrivateKey::new(format);
    key.algorithm = Some("ecdsa".into());
    let Some(curve) = oid.and_then(|oid| CURVES.iter().find(|curve| curve.oid == oid)) else {
        return Ok(key);
    };
    if bit_length(scalar) > curve.bits {
        return Err(KeyError::Range);
    }
    key.bits = Some(curve.bits);
    key.curve = Some(curve.name);
    if curve.ssh {
        let name = curve.name;
        let computed = ec::public_point(name, scalar).ok_or(KeyError::Range)?;
        if point.is_some_and(|point| !ec::is_point(point, &computed)) {
            key.state = KeyState::Inconsistent;
        }
        key.set_public(&ecdsa_blob(name, &computed))?;
    }
    Ok(key)
}

/// PKCS#8 after its version.
fn parse_pkcs8(mut fields: DerReader<'_>) -> Result<PrivateKey, KeyError> {
    let mut algorithm = fields.sequence()?;
    let oid = algorithm.expect(OID)?;
    let inner = fields.expect(OCTET_STRING)?;
    fields.optional(CONTEXT_0)?;
    let public = fields.optional(CONTEXT_1_PRIMITIVE)?;
    fields.finish()?;

    let mut key = match oid {
        // rsaEncryption 1.2.840.113549.1.1.1, and 10 for PSS only
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 | 10] => {
            let mut outer = DerReader::new(inner);
            let mut numbers = outer.sequence()?;
            outer.finish()?;
            let version = numbers.unsigned()?;
            let key = parse_numbers(version, numbers)?;
            if key.algorithm.as_deref() != Some("rsa") {
                return Err(KeyError::Structure);
            }
            key
        }
        // id-ecPublicKey 1.2.840.10045.2.1
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => {
            let curve = algorithm.optional(OID)?;
            let mut outer = DerReader::new(inner);
            let mut numbers = outer.sequence()?;
            outer.finish()?;
            numbers.unsigned()?;
            parse_sec1(numbers, curve, KeyFormat::Pkcs8)?
        }
        // id-dsa 1.2.840.10040.4.1
        [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1] => {
            let mut numbers = algorithm.sequence()?;
            let [p, q, g] = [numbers.unsigned()?, numbers.unsigned()?, numbers.unsigned()?];
            let mut outer = DerReader::new(inner);
            let x = outer.unsigned()?;
            outer.finish()?;
            // The public half is not in the file: y = g^x mod p.
            let y = power(g, x, p).ok_or(KeyError::Range)?;
            let mut key = PrivateKey::new(KeyFormat::Pkcs8);
            set_dsa(&mut key, [p, q, g, &y], x)?;
            key
        }
        // 1.3.101.110 to 113: X25519, X448, Ed25519, Ed448
        [0x2b, 0x65, kind @ 110..=113] => parse_edwards(*kind, inner, public)?,
        _ => return Err(KeyError::Structure),
    };
    key.format = KeyFormat::Pkcs8;
    Ok(key)
}

/// RFC 8410: the seed is an OCTET STRING inside the OCTET STRING.
fn parse_edwards(kind: u8, inner: &[u8], public: Option<&[u8]>) -> Result<PrivateKey, KeyError> {
    let mut outer = DerReader::new(inner);
    let seed = outer.expect(OCTET_STRING)?;
    outer.finish()?;
    let (name, bits, length) = match kind {
        110 => ("x25519", 256, 32),
        111 => ("x448", 448, 56),
        112 => ("ed25519", 256, 32),
        _ => ("ed448", 456, 57),
    };
    if seed.len() != length || seed.iter().all(|byte| *byte == 0) {
        return Err(KeyError::Range);
    }
    let mut key = PrivateKey::new(KeyFormat::Pkcs8);
    key.algorithm = Some(name.into());
    key.bits = Some(bits);
    if kind == 112 {
        let computed = ed25519_public(seed).ok_or(KeyError::Range)?;
        // Version 2 holds the public half as a BIT STRING without unused bits.
        if public.is_some_and(|bits| bits.strip_prefix(&[0]) != Some(&computed)) {
            key.state = KeyState::Inconsistent;
        }
        let mut blob = Vec::with_capacity(64);
        put_string(&mut blob, b"ssh-ed25519");
        put_string(&mut blob, &computed);
        key.set_public(&blob)?;
    }
    Ok(key)
}

/// An encrypted PKCS#8: the algorithm, then the ciphertext.
fn parse_encrypted(mut fields: DerReader<'_>) -> Result<PrivateKey, KeyError> {
    let mut algorithm = fields.sequence()?;
    let oid = algorithm.expect(OID)?;
    let ciphertext = fields.expect(OCTET_STRING)?;
    fields.finish()?;
    if ciphertext.len() < 16 {
        return Err(KeyError::Structure);
    }
    let (cipher, kdf, rounds) = match oid {
        // PBES2 1.2.840.113549.1.5.13
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13] => {
            let mut parameters = algorithm.sequence()?;
            let mut derivation = parameters.sequence()?;
            let mut encryption = parameters.sequence()?;
            let (kdf, rounds) = read_derivation(&mut derivation)?;
            (cipher_name(encryption.expect(OID)?), kdf, rounds)
        }
        // PBES1: 1.2.840.113549.1.5.*
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, scheme] => {
            let (cipher, kdf) = match scheme {
                1 => ("des-cbc", "pbes1-md2"),
                3 => ("des-cbc", "pbes1-md5"),
                4 => ("rc2-cbc", "pbes1-md2"),
                6 => ("rc2-cbc", "pbes1-md5"),
                10 => ("des-cbc", "pbes1-sha1"),
                11 => ("rc2-cbc", "pbes1-sha1"),
                _ => return Err(KeyError::Structure),
            };
            (cipher, kdf, iterations(&mut algorithm))
        }
        // PKCS#12: 1.2.840.113549.1.12.1.*
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, scheme] => {
            let cipher = match scheme {
                1 => "rc4-128",
                2 => "rc4-40",
                3 => "des-ede3-cbc",
                4 => "des-ede-cbc",
                5 => "rc2-cbc-128",
                6 => "rc2-cbc-40",
                _ => return Err(KeyError::Structure),
            };
            (cipher, "pkcs12-sha1", iterations(&mut algorithm))
        }
        _ => return Err(KeyError::Structure),
    };
    let mut key = PrivateKey::new(KeyFormat::Pkcs8);
    key.set_encrypted(cipher, kdf, rounds);
    Ok(key)
}

/// The second of two parameters, salt and count.
fn iterations(algorithm: &mut DerReader<'_>) -> Option<u32> {
    let mut parameters = algorithm.sequence().ok()?;
    parameters.element().ok()?;
    count(parameters.unsigned().ok()?)
}

/// A count of rounds. Nothing is ever done so many times.
fn count(number: &[u8]) -> Option<u32> {
    let sum = |sum: u32, byte: &u8| sum.checked_mul(256)?.checked_add(u32::from(*byte));
    Some(number.iter().try_fold(0, sum).unwrap_or(u32::MAX))
}

fn cipher_name(oid: &[u8]) -> &'static str {
    match oid {
        // aes 2.16.840.1.101.3.4.1.{2,6,22,26,42,46}
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, mode] => match mode {
            2 => "aes-128-cbc",
            6 => "aes-128-gcm",
            22 => "aes-192-cbc",
            26 => "aes-192-gcm",
            42 => "aes-256-cbc",
            46 => "aes-256-gcm",
            _ => "aes",
        },
        // rc2, des-ede3: 1.2.840.113549.3.{2,7}; des-cbc 1.3.14.3.2.7
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 3, 2] => "rc2-cbc",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 3, 7] => "des-ede3-cbc",
        [0x2b, 0x0e, 3, 2, 7] => "des-cbc",
        _ => "unknown",
    }
}

fn read_derivation(derivation: &mut DerReader<'_>) -> Result<(&'static str, Option<u32>), KeyError> {
    match derivation.expect(OID)? {
        // PBKDF2 1.2.840.113549.1.5.12: salt, rounds, optional length, PRF.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 12] => {
            let mut parameters = derivation.sequence()?;
            parameters.element()?;
            let rounds = count(parameters.unsigned()?);
            parameters.optional(INTEGER)?;
            let Some(function) = parameters.optional(SEQUENCE)? else { return Ok(("pbkdf2-sha1", rounds)) };
            let name = match DerReader::new(function).expect(OID)? {
                // hmacWith*: 1.2.840.113549.2.{7..11}
                [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 7] => "pbkdf2-sha1",
                [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 9] => "pbkdf2-sha256",
                [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 10] => "pbkdf2-sha384",
                [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 11] => "pbkdf2-sha512",
                _ => "pbkdf2",
            };
            Ok((name, rounds))
        }
        // scrypt 1.3.6.1.4.1.11591.4.11 (RFC 7914): salt, N, …
        [0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 11] => Ok(("scrypt", iterations(derivation))),
        _ => Ok(("unknown", None)),
    }
}
