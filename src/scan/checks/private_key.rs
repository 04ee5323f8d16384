//! Private keys in PEM and of PuTTY: the match must be a whole key, and what stands
//! around it tells what the key is used for.

use super::{Hit, Refusal, accept};
use crate::formats::pem;
use crate::formats::private_key::{KeyError, KeyFormat, KeyState, PrivateKey, dropbear_length};
use crate::formats::x509::Certificate;
use crate::rules::KeyUse;

/// How far before a key its name may end, in bytes: a key of JSON, a variable.
const NAME_REACH: usize = 96;

/// Parts of names that say SSH.
const SSH_NAMES: [&str; 7] = ["ssh", "id_rsa", "id_dsa", "id_ed25519", "id_ecdsa", "deploy", "git"];
/// Parts of names that say that the key signs in for an app, though they hold a part
/// that says SSH: GitHub and GitLab have apps whose keys sign tokens.
const APP_NAMES: [&str; 3] = ["github_app", "githubapp", "github-app"];
/// Parts of names that say TLS, or a signature.
const OTHER_NAMES: [&str; 14] = [
    "tls",
    "ssl",
    "https",
    "cert",
    "x509",
    "jwt",
    "saml",
    "oidc",
    "signing",
    "sign_key",
    "client-key",
    "client_key",
    "ca_key",
    "ca.key",
];

pub(super) fn check(hit: &mut Hit<'_>, wanted: KeyUse, damaged: bool) -> Result<(), Refusal> {
    if let Some(length) = dropbear_length(hit.secret_bytes()) {
        // Other bytes may follow in the pattern's reach; the key says where it ends.
        hit.secret.end = hit.secret.start + length;
    }
    let parse = if damaged { PrivateKey::parse_damaged } else { PrivateKey::parse };
    let key = parse(hit.secret_bytes()).map_err(|error| match error {
        KeyError::Armour(_) => Refusal("the armour does not decode"),
        KeyError::Inconsistent => Refusal("the parts of the key do not fit each other"),
        _ => Refusal("not the structure of a private key"),
    })?;
    if damaged {
        accept(key.state != KeyState::Whole, "a whole key")?;
        hit.add_attribute("damage", key.state.as_str());
    }
    if wanted != KeyUse::Any {
        let (found, told_by) = use_of(hit, &key);
        accept(found == wanted, "a key for another use")?;
        hit.add_attribute("use_told_by", told_by);
    }
    if wanted == KeyUse::Other {
        add_certificate(hit, &key);
        hit.add_attribute("curve", key.curve.unwrap_or_default());
    }
    hit.add_attribute("format", key.format.as_str());
    hit.add_attribute("encrypted", if key.encrypted { "true" } else { "false" });
    hit.add_attribute("fingerprint", key.fingerprint_sha256().unwrap_or_default());
    hit.add_attribute("bits", key.bits.map(|bits| bits.to_string()).unwrap_or_default());
    if key.is_hardware_bound() {
        hit.add_attribute("hardware_bound", "true");
    }
    hit.add_attribute("algorithm", key.algorithm.unwrap_or_default());
    hit.add_attribute("cipher", key.cipher.unwrap_or_default());
    hit.add_attribute("kdf", key.kdf.unwrap_or_default());
    hit.add_attribute("rounds", key.rounds.map(|rounds| rounds.to_string()).unwrap_or_default());
    hit.add_attribute("comment", key.comment.unwrap_or_default());
    Ok(())
}

/// What a key is used for, and what tells it: its container, its kind, its name, a
/// certificate in the same text, or merely its form.
fn use_of(hit: &Hit<'_>, key: &PrivateKey) -> (KeyUse, &'static str) {
    if matches!(
        key.format,
        KeyFormat::OpenSsh | KeyFormat::Ppk2 | KeyFormat::Ppk3 | KeyFormat::Ssh2 | KeyFormat::Dropbear
    ) {
        return (KeyUse::Ssh, "container");
    }
    if !key.is_usable_by_ssh() {
        return (KeyUse::Other, "algorithm");
    }
    let name = name_before(hit);
    let named = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    if named(&SSH_NAMES) && !named(&APP_NAMES) {
        return (KeyUse::Ssh, "name");
    }
    if named(&OTHER_NAMES) || named(&APP_NAMES) {
        return (KeyUse::Other, "name");
    }
    let certificate = memchr::memmem::find_iter(hit.text, b"CERTIFICATE-----").any(|at| {
        let head = hit.text.get(at.saturating_sub(24)..at).unwrap_or_default();
        memchr::memmem::find(head, b"-----BEGIN ")
            .or_else(|| memchr::memmem::find(head, b"-----END "))
            .is_some()
    });
    match key.format {
        _ if certificate => (KeyUse::Other, "certificate"),
        KeyFormat::Pkcs8 => (KeyUse::Other, "form"),
        _ => (KeyUse::Ssh, "form"),
    }
}

/// The last name before the key, in lower case: that of the variable or the member
/// that holds it.
fn name_before(hit: &Hit<'_>) -> String {
    let head = hit.text.get(..hit.span.start).unwrap_or_default();
    let head = head.get(head.len().saturating_sub(NAME_REACH)..).unwrap_or_default();
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let Some(last) = head.iter().rposition(is_letter) else { return String::new() };
    let head = head.get(..=last).unwrap_or_default();
    let start = head.iter().rposition(|byte| !in_name(byte)).map_or(0, |at| at + 1);
    String::from_utf8_lossy(head.get(start..).unwrap_or_default()).to_ascii_lowercase()
}

/// Adds what the key's own certificate says, where that stands beside it.
fn add_certificate(hit: &mut Hit<'_>, key: &PrivateKey) {
    let Some(public) = key.public_number() else { return };
    let text = hit.text;
    let certificate = memchr::memmem::find_iter(text, b"-----BEGIN CERTIFICATE-----").find_map(|at| {
        let block = pem::parse(text.get(at..)?).ok()?;
        memchr::memmem::find(&block.body, public)?;
        Certificate::parse(&block.body).ok()
    });
    if let Some(certificate) = certificate {
        hit.add_attribute("subject", certificate.subject.unwrap_or_default());
        hit.add_attribute("certificate", certificate.thumbprint);
        hit.add_attribute("not_before", certificate.not_before);
        hit.add_attribute("expires_at", certificate.not_after);
    }
}
