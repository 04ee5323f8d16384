//! JSON Web Tokens in their compact form: header, claims and signature, each in
//! base64url, joined by dots (RFC 7515 section 3.1, RFC 7519).
//!
//! No signature is verified: the keys are elsewhere. What a token says of itself is
//! read, which is what tells one issuer's token from another's, and a token from
//! three words with dots between them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};
use thiserror::Error;

/// The longest token that is read, in bytes. Access tokens of large directories
/// have about 8 KiB; servers refuse longer headers.
pub const MAX_LENGTH: usize = 16 * 1024;
/// The most values of a list that are shown.
const MAX_LIST: usize = 32;
/// The most characters of one value that are kept.
const MAX_TEXT: usize = 512;

/// Base64url with or without padding, bits past the last byte ignored.
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes base64url, padded or not.
pub(crate) fn base64url(code: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE.decode(code).ok()
}

/// Why something is not a token. No content is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JwtError {
    /// More than [`MAX_LENGTH`] bytes.
    #[error("longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Not three parts.
    #[error("not three parts with dots between them")]
    Parts,
    /// A part is not base64url.
    #[error("a part is not base64url")]
    NotBase64,
    /// Header or claims are not a JSON object, or nested too deep (128 levels).
    #[error("header or claims are not a JSON object")]
    NotJson,
    /// The header names no algorithm.
    #[error("the header names no algorithm")]
    NoAlgorithm,
}

/// A token that was read.
#[derive(Clone, PartialEq)]
pub struct Jwt {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// How many bytes the signature has.
    pub signature_length: usize,
}

impl std::fmt::Debug for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Jwt({} claims)", self.claims.len())
    }
}

impl Jwt {
    /// Reads a token.
    ///
    /// # Errors
    ///
    /// It is not a signed token in compact form.
    pub fn parse(token: &[u8]) -> Result<Self, JwtError> {
        if token.len() > MAX_LENGTH {
            return Err(JwtError::TooLong);
        }
        let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').take(4).collect();
        let [header, claims, signature] = parts[..] else { return Err(JwtError::Parts) };
        let object = |part: &[u8]| {
            let json = base64url(part).ok_or(JwtError::NotBase64)?;
            // The reader of serde_json goes 128 levels deep and no further.
            serde_json::from_slice::<Map<String, Value>>(&json).map_err(|_| JwtError::NotJson)
        };
        let header = object(header)?;
        let claims = object(claims)?;
        let signature_length = base64url(signature).ok_or(JwtError::NotBase64)?.len();
        let token = Self { header, claims, signature_length };
        if token.algorithm().is_empty() {
            return Err(JwtError::NoAlgorithm);
        }
        Ok(token)
    }

    /// The algorithm of the signature, as the header names it.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).unwrap_or_default()
    }

    /// A text of the header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    /// Whether the claim is there, whatever its value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.claims.contains_key(name)
    }

    /// A claim as text: a list is joined by blanks; `None` for anything else and
    /// for what is empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let text = match self.claims.get(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Array(list) => {
                let texts: Vec<&str> = list.iter().filter_map(Value::as_str).take(MAX_LIST).collect();
                texts.join(" ")
            }
            _ => return None,
        };
        let text: String = text.chars().filter(|letter| !letter.is_control()).take(MAX_TEXT).collect();
        Some(text).filter(|text| !text.is_empty())
    }

    /// A claim that is a time: seconds since 1970 (RFC 7519 section 2, a number
    /// that need not be whole; some issuers write it as text).
    #[must_use]
    pub fn seconds(&self, name: &str) -> Option<i64> {
        match self.claims.get(name)? {
            Value::Number(number) => number.as_i64().or_else(|| whole(&number.to_string())),
            Value::String(text) => whole(text),
            _ => None,
        }
    }
}

/// The whole part of a decimal number.
fn whole(text: &str) -> Option<i64> {
    text.split('.').next()?.parse().ok()
}

/// The host of an issuer: of a web address its host, else the name itself, in lower
/// case.
#[must_use]
pub fn issuer_host(issuer: &str) -> String {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.split(['/', ':', '?', '#']).next().unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    }

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.{}", code(header), code(claims), "c2lnbmF0dXJlLXNpZ25hdHVyZQ")
    }

    /// RFC 7519 section 3.1, byte for byte, line breaks and all.
    #[test]
    fn the_token_of_the_rfc() {
        let text = concat!(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
            ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        );
        let token = Jwt::parse(text.as_bytes()).expect("a token");
        assert_eq!((token.algorithm(), token.signature_length), ("HS256", 32));
        assert_eq!(token.header("typ"), Some("JWT"));
        assert_eq!(token.text("iss").as_deref(), Some("joe"));
        assert_eq!(token.seconds("exp"), Some(1_300_819_380));
        assert!(token.has("http://example.com/is_root") && !token.has("sub"));
        assert_eq!(token.text("http://example.com/is_root"), None);
    }

    #[test]
    fn claims_of_every_kind() {
        let claims =
            r#"{"aud":["a","b",3],"exp":1.9e9,"nbf":"1700000000","iat":1700000000.75,"n":7,"e":"","o":{}}"#;
        let token = Jwt::parse(token(r#"{"alg":"RS256"}"#, claims).as_bytes()).expect("a token");
        assert_eq!(token.text("aud").as_deref(), Some("a b"));
        assert_eq!(token.text("n").as_deref(), Some("7"));
        assert_eq!((token.text("e"), token.text("o"), token.text("none")), (None, None, None));
        assert_eq!(token.seconds("exp"), Some(1_900_000_000));
        assert_eq!((token.seconds("nbf"), token.seconds("iat")), (Some(1_700_000_000), Some(1_700_000_000)));
    }

    #[test]
    fn what_is_no_token() {
        let bad = |text: &str| Jwt::parse(text.as_bytes()).expect_err("no token");
        assert_eq!(bad("a.b"), JwtError::Parts);
        assert_eq!(bad("a.b.c.d.e"), JwtError::Parts);
        assert_eq!(bad(&token("[]", "{}")), JwtError::NotJson);
        assert_eq!(bad(&token("{\"alg\":1}", "{}")), JwtError::NoAlgorithm);
        assert_eq!(bad("e+/x.e.c"), JwtError::NotBase64);
        assert_eq!(bad(&token(r#"{"alg":"HS256"}"#, r#"{"a":"#)), JwtError::NotJson);
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
        assert_eq!(bad(&token(r#"{"alg":"HS256"}"#, &deep)), JwtError::NotJson);
        assert_eq!(bad(&"eyJhbGciOiJIUzI1NiJ9".repeat(50_000)), JwtError::TooLong);
    }

    #[test]
    fn hosts_of_issuers() {
        for (issuer, host) in [
            ("https://sts.windows.net/a3f2/", "sts.windows.net"),
            ("https://LOGIN.microsoftonline.us/a3f2/v2.0", "login.microsoftonline.us"),
            ("accounts.google.com", "accounts.google.com"),
            ("http://host:8080/realms/x", "host"),
            ("joe", "joe"),
            ("", ""),
        ] {
            assert_eq!(issuer_host(issuer), host);
        }
    }
}
