//! Private keys that are written as their numbers: JSON Web Keys (RFC 7517, RFC
//! 7518 section 6, RFC 8037) and the XML of .NET (`RSAKeyValue` with its private
//! parts, as `RSA.ToXmlString(true)` writes it).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::bignum::is_product;
use super::jwt::base64url;
use super::ssh_public::MAX_RSA_BITS;
use super::wire::{bit_length, strip_zeros};

/// The smallest modulus of a key that anybody used.
const MIN_RSA_BITS: u32 = 512;

/// Why something is not a private key. Nothing of the key is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyNumbersError {
    /// Not the form.
    #[error("not a key in JSON or XML")]
    Form,
    /// Only the public half.
    #[error("holds no private half")]
    Public,
    /// A number that no such key has.
    #[error("a number of the key is out of range")]
    Range,
    /// The numbers do not belong together.
    #[error("the numbers of the key do not fit each other")]
    Inconsistent,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyNumbers {
    /// `rsa`, `ecdsa`, `ed25519`, `x25519`, `ed448`, `x448`.
    pub algorithm: &'static str,
    /// The curve of an EC key.
    pub curve: Option<&'static str>,
    /// Size in bits.
    pub bits: u32,
    /// The key's own name of itself (`kid`).
    pub key_id: Option<String>,
    /// SHA-256 over the public half by RFC 7638, in base64url: the same for the
    /// private and the public form of a key.
    pub thumbprint: String,
}

/// Reads a JSON Web Key: one JSON object.
///
/// # Errors
///
/// It is not a whole private key.
pub fn parse_jwk(object: &[u8]) -> Result<KeyNumbers, KeyNumbersError> {
    let object: Map<String, Value> = serde_json::from_slice(object).map_err(|_| KeyNumbersError::Form)?;
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let number = |name: &str| text(name).and_then(|code| base64url(code.as_bytes()));
    let kind = text("kty").ok_or(KeyNumbersError::Form)?;
    let secret = number("d").ok_or(KeyNumbersError::Public)?;
    let mut key = match kind {
        "RSA" => {
            let (n, e) =
                (number("n").ok_or(KeyNumbersError::Form)?, number("e").ok_or(KeyNumbersError::Form)?);
            rsa(&n, &e, &secret, number("p").as_deref().zip(number("q").as_deref()))?
        }
        "EC" => {
            let (name, bits) = match text("crv") {
                Some("P-256") => ("P-256", 256),
                Some("P-384") => ("P-384", 384),
                Some("P-521") => ("P-521", 521),
                Some("secp256k1") => ("secp256k1", 256),
                _ => return Err(KeyNumbersError::Form),
            };
            let (x, y) =
                (number("x").ok_or(KeyNumbersError::Form)?, number("y").ok_or(KeyNumbersError::Form)?);
            let fits = |part: &[u8]| bit_length(part) <= bits && !strip_zeros(part).is_empty();
            if !fits(&secret) || !fits(&x) || !fits(&y) {
                return Err(KeyNumbersError::Range);
            }
            let [x, y] = [&x, &y].map(|part| URL_SAFE_NO_PAD.encode(part));
            let public = format!(r#"{{"crv":"{name}","kty":"EC","x":"{x}","y":"{y}"}}"#);
            KeyNumbers {
                algorithm: "ecdsa",
                curve: Some(name),
                bits,
                key_id: None,
                thumbprint: thumbprint(&public),
            }
        }
        "OKP" => {
            let (name, algorithm, bits, length) = match text("crv") {
                Some("Ed25519") => ("Ed25519", "ed25519", 256, 32),
                Some("X25519") => ("X25519", "x25519", 256, 32),
                Some("Ed448") => ("Ed448", "ed448", 456, 57),
                Some("X448") => ("X448", "x448", 448, 56),
                _ => return Err(KeyNumbersError::Form),
            };
            let x = number("x").ok_or(KeyNumbersError::Form)?;
            if secret.len() != length || x.len() != length {
                return Err(KeyNumbersError::Range);
            }
            if let ("ed25519", Ok(seed)) = (algorithm, <&[u8; 32]>::try_from(&secret[..]))
                && ed25519_dalek::SigningKey::from_bytes(seed).verifying_key().to_bytes()[..] != x
            {
                return Err(KeyNumbersError::Inconsistent);
            }
            let x = URL_SAFE_NO_PAD.encode(x);
            let public = format!(r#"{{"crv":"{name}","kty":"OKP","x":"{x}"}}"#);
            KeyNumbers { algorithm, curve: None, bits, key_id: None, thumbprint: thumbprint(&public) }
        }
        _ => return Err(KeyNumbersError::Form),
    };
    key.key_id = text("kid").map(|kid| kid.chars().filter(|c| !c.is_control()).take(256).collect());
    Ok(key)
}

/// Reads `<RSAKeyValue>…</RSAKeyValue>`.
///
/// # Errors
///
/// It is not a whole private key.
pub fn parse_rsa_xml(element: &[u8]) -> Result<KeyNumbers, KeyNumbersError> {
    let number = |name: &str| xml_number(element, name);
    let secret = number("D").ok_or(KeyNumbersError::Public)?;
    let parts = [number("Modulus"), number("Exponent"), number("P"), number("Q")];
    let [Some(n), Some(e), Some(p), Some(q)] = parts else { return Err(KeyNumbersError::Form) };
    rsa(&n, &e, &secret, Some((&p, &q)))
}

/// The number in an element of this name.
fn xml_number(text: &[u8], name: &str) -> Option<Vec<u8>> {
    let open = format!("<{name}>");
    let start = memchr::memmem::find(text, open.as_bytes())?.checked_add(open.len())?;
    let rest = text.get(start..)?;
    let end = memchr::memmem::find(rest, format!("</{name}>").as_bytes())?;
    let code: Vec<u8> = rest.get(..end)?.iter().filter(|byte| !byte.is_ascii_whitespace()).copied().collect();
    STANDARD.decode(code).ok()
}

fn rsa(n: &[u8], e: &[u8], d: &[u8], primes: Option<(&[u8], &[u8])>) -> Result<KeyNumbers, KeyNumbersError> {
    let [n, e, d] = [n, e, d].map(strip_zeros);
    let bits = bit_length(n);
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits)
        || e.is_empty()
        || d.is_empty()
        || d.len() > n.len()
        || n.last().is_none_or(|byte| byte & 1 == 0)
    {
        return Err(KeyNumbersError::Range);
    }
    if let Some((p, q)) = primes
        && !is_product(strip_zeros(p), strip_zeros(q), n)
    {
        return Err(KeyNumbersError::Inconsistent);
    }
    let [n, e] = [n, e].map(|part| URL_SAFE_NO_PAD.encode(part));
    let public = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    Ok(KeyNumbers { algorithm: "rsa", curve: None, bits, key_id: None, thumbprint: thumbprint(&public) })
}

fn thumbprint(public: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(public))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.1 and A.3, cut so that it is no key where it stands.
    const ED25519: &str = concat!(
        r#"{"kty":"OKP","crv":"Ed25519","#,
        r#""d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","#,
        r#""x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    );

    #[test]
    fn the_edwards_key_of_the_rfc() {
        let key = parse_jwk(ED25519.as_bytes()).expect("a key");
        assert_eq!((key.algorithm, key.bits, key.key_id), ("ed25519", 256, None));
        assert_eq!(key.thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let other = ED25519.replace("11qY", "12qY");
        assert_eq!(parse_jwk(other.as_bytes()), Err(KeyNumbersError::Inconsistent));
        assert_eq!(parse_jwk(ED25519.replace("\"d\"", "\"z\"").as_bytes()), Err(KeyNumbersError::Public));
        assert_eq!(parse_jwk(ED25519.replace("uf2A", "").as_bytes()), Err(KeyNumbersError::Range));
        assert_eq!(parse_jwk(ED25519.replace("OKP", "oct").as_bytes()), Err(KeyNumbersError::Form));
        assert_eq!(parse_jwk(b"{\"kty\":"), Err(KeyNumbersError::Form));
    }

    /// 2^k-like numbers by hand: p = 2^256 + 1, q = 2^256 + 3 and their product.
    #[test]
    fn numbers_that_do_and_do_not_fit() {
        let with_low = |low: u8, length: usize| {
            let mut number = vec![0; length];
            number[0] = 1;
            number[length - 1] = low;
            number
        };
        let (p, q) = (with_low(1, 33), with_low(3, 33));
        // 2^512 + 4 · 2^256 + 3
        let mut n = with_low(3, 65);
        n[32] = 4;
        let xml = |q: &[u8]| {
            let element = |name: &str, number: &[u8]| format!("<{name}>{}</{name}>", STANDARD.encode(number));
            format!(
                "<RSAKeyValue>{}{}{}\n{}{}</RSAKeyValue>",
                element("Modulus", &n),
                element("Exponent", &[1, 0, 1]),
                element("P", &p),
                element("Q", q),
                element("D", &[7; 64]),
            )
        };
        let key = parse_rsa_xml(xml(&q).as_bytes()).expect("a key");
        assert_eq!((key.algorithm, key.bits), ("rsa", 513));
        assert_eq!(parse_rsa_xml(xml(&p).as_bytes()), Err(KeyNumbersError::Inconsistent));
        assert_eq!(parse_rsa_xml(b"<RSAKeyValue><D>AQAB</D>"), Err(KeyNumbersError::Form));
        assert_eq!(parse_rsa_xml(b"<RSAKeyValue><D></RSAKeyValue>"), Err(KeyNumbersError::Public));
        let even = xml(&q).replace(&STANDARD.encode(&n), &STANDARD.encode([2; 64]));
        assert_eq!(parse_rsa_xml(even.as_bytes()), Err(KeyNumbersError::Range));
    }
}
