//! JSON Web Tokens: what a token says of itself. The form is in
//! [`crate::formats::jwt`].

use super::{Hit, Refusal, accept};
use crate::finding::Timestamp;
use crate::formats::jwt::{Jwt, issuer_host};

/// A shorter signature is cut off: the shortest algorithms make 32 bytes, and
/// samples in texts end in three dots or a word.
const MIN_SIGNATURE: usize = 16;

/// Claims that every useful token has one of (RFC 7519 section 4.1, RFC 8693).
const REGISTERED: [&str; 8] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope"];

/// Attributes that are the first of several claims. `appid` and `azp` are Entra's,
/// `cid` is Okta's, `scp` and `upn` are Entra's, `unique_name` AD FS's.
const CLAIMS: [(&str, &[&str]); 9] = [
    ("audience", &["aud"]),
    ("subject", &["sub"]),
    ("client_id", &["appid", "azp", "client_id", "cid"]),
    ("tenant", &["tid"]),
    ("user", &["upn", "preferred_username", "unique_name", "email"]),
    ("object_id", &["oid"]),
    ("scopes", &["scp", "scope"]),
    ("roles", &["roles"]),
    ("identity_type", &["idtyp"]),
];

/// Attributes that are times.
const TIMES: [(&str, &str); 3] = [("issued_at", "iat"), ("not_before", "nbf"), ("expires_at", "exp")];

/// The secret is a token; see [`crate::rules::Check::Jwt`].
pub(super) fn check(
    hit: &mut Hit<'_>,
    issuers: &[String],
    with: &[String],
    without: &[String],
) -> Result<(), Refusal> {
    let token = Jwt::parse(hit.secret_bytes()).map_err(|_| Refusal("not a JSON Web Token"))?;
    let algorithm = token.algorithm().to_owned();
    accept(!algorithm.eq_ignore_ascii_case("none"), "a token without a signature")?;
    accept(token.signature_length >= MIN_SIGNATURE, "the signature is cut off")?;
    accept(REGISTERED.iter().any(|claim| token.has(claim)), "no claim that a token has")?;
    accept(with.iter().all(|claim| token.has(claim)), "a claim is missing")?;
    accept(!without.iter().any(|claim| token.has(claim)), "another kind of token")?;
    let issuer = token.text("iss").unwrap_or_default();
    let host = issuer_host(&issuer);
    accept(issuers.is_empty() || issuers.contains(&host), "another issuer")?;
    accept(!is_sample(&token, &host), "a documented sample")?;

    for (attribute, claims) in CLAIMS {
        let value = claims.iter().find_map(|claim| token.text(claim));
        hit.add_attribute(attribute, value.unwrap_or_default());
    }
    for (attribute, claim) in TIMES {
        let time = token.seconds(claim).and_then(|seconds| Timestamp::from_unix(seconds, 0));
        hit.add_attribute(attribute, time.map(|time| time.to_string()).unwrap_or_default());
    }
    hit.add_attribute("key_id", token.header("kid").unwrap_or_default());
    hit.add_attribute("algorithm", algorithm);
    hit.add_attribute("cloud", cloud(&host).unwrap_or_default());
    hit.add_attribute("issuer", issuer);
    Ok(())
}

/// Which cloud of Microsoft an issuer belongs to. Version 1 tokens of the US
/// Government cloud have the issuer of the public one.
fn cloud(host: &str) -> Option<&'static str> {
    match host {
        "sts.windows.net" | "login.microsoftonline.com" | "login.windows.net" => Some("public"),
        "login.microsoftonline.us" => Some("us_government"),
        "sts.chinacloudapi.cn" | "login.chinacloudapi.cn" | "login.partner.microsoftonline.cn" => {
            Some("china")
        }
        "sts.microsoftonline.de" | "login.microsoftonline.de" => Some("germany"),
        _ => None,
    }
}

/// The tokens of jwt.io and of RFC 7519, which stand in every library's manual, and
/// issuers under names that are reserved for examples (RFC 2606).
fn is_sample(token: &Jwt, host: &str) -> bool {
    let is = |claim: &str, value: &str| token.text(claim).as_deref() == Some(value);
    let reserved = ["example.com", "example.org", "example.net", "example"];
    let under = |name: &&str| host == *name || host.strip_suffix(*name).is_some_and(|sub| sub.ends_with('.'));
    is("sub", "1234567890")
        || is("name", "John Doe")
        || token.seconds("iat") == Some(1_516_239_022)
        || is("iss", "joe") && token.seconds("exp") == Some(1_300_819_380)
        || reserved.iter().any(under)
}
