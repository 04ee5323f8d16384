//! Which keys a version of the server takes by their algorithm and size.
//!
//! Facts: PubkeyAcceptedAlgorithms and RequiredRSASize in sshd_config(5), and
//! OpenSSH's release notes for when defaults changed: `ssh-dss` off from 7.0,
//! `ssh-rsa` (a signature with SHA-1) off from 8.8 while RSA keys go on with
//! `rsa-sha2-…` (from 7.2), names of signatures and not of keys from 7.8.

use super::effective::Effective;
use super::server::Server;
use crate::finding::{Refusal, Verdict};
use crate::formats::ssh_certificate::Certificate;
use crate::formats::ssh_pattern::{self, ListMatch};
use crate::formats::ssh_public::PublicKey;

/// Why a key is not taken by its kind; `None`: it is.
pub(super) fn refuses(key: &PublicKey, effective: &Effective<'_>, server: &Server) -> Option<Verdict> {
    refuses_named(key, effective, server, &|name| name.to_owned())
}

/// Why a certificate is not taken by the kind of its key or of its signature.
pub(super) fn refuses_certificate(
    certificate: &Certificate,
    effective: &Effective<'_>,
    server: &Server,
) -> Option<Verdict> {
    let of_certificate =
        |name: &str| format!("{}-cert-v01@openssh.com", name.strip_suffix("@openssh.com").unwrap_or(name));
    if let Some(refused) = refuses_named(&certificate.key, effective, server, &of_certificate) {
        return Some(refused);
    }
    let name = certificate.signature_algorithm.as_str();
    let by_default = match name {
        "ssh-rsa" => !server.since((8, 2)),
        "ssh-dss" => !server.since((7, 9)),
        _ => true,
    };
    let setting = effective.word(&["casignaturealgorithms"]);
    (!in_setting(name, by_default, setting))
        .then(|| Verdict::refused(Refusal::Algorithm, format!("signed with {name}")))
}

/// `named` gives the name by which a signature is looked for in the setting.
fn refuses_named(
    key: &PublicKey,
    effective: &Effective<'_>,
    server: &Server,
    named: &dyn Fn(&str) -> String,
) -> Option<Verdict> {
    let required = effective.word(&["requiredrsasize"]).and_then(|word| word.parse().ok());
    let least: u32 = match required {
        Some(bits) if bits >= 1024 && server.since((9, 1)) => bits,
        _ if server.since((7, 6)) => 1024,
        _ => 768,
    };
    if key.algorithm == "rsa" && key.bits < least {
        return Some(Verdict::refused(Refusal::KeySize, format!("{} bits of {least}", key.bits)));
    }
    let names = signatures(key, server);
    let setting = effective.word(&["pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes"]);
    if names.iter().any(|name| in_setting(&named(name), is_default(name, server), setting)) {
        return None;
    }
    Some(Verdict::refused(Refusal::Algorithm, names.join(", ")))
}

/// The names of the signatures that a key makes.
fn signatures(key: &PublicKey, server: &Server) -> Vec<&'static str> {
    match (key.algorithm, key.bits) {
        ("rsa", _) if server.since((7, 8)) => vec!["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
        ("rsa", _) => vec!["ssh-rsa"],
        ("dsa", _) if server.version.is_some_and(|version| version >= (10, 0)) => Vec::new(),
        ("dsa", _) => vec!["ssh-dss"],
        ("ed25519", _) => vec!["ssh-ed25519"],
        ("ed25519-sk", _) => vec!["sk-ssh-ed25519@openssh.com"],
        ("ecdsa-sk", _) => {
            vec!["sk-ecdsa-sha2-nistp256@openssh.com", "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"]
        }
        ("ecdsa", 256) => vec!["ecdsa-sha2-nistp256"],
        ("ecdsa", 384) => vec!["ecdsa-sha2-nistp384"],
        ("ecdsa", _) => vec!["ecdsa-sha2-nistp521"],
        _ => Vec::new(),
    }
}

fn is_default(name: &str, server: &Server) -> bool {
    match name {
        "ssh-dss" => !server.since((7, 0)),
        "ssh-rsa" => !server.since((8, 8)),
        "sk-ssh-ed25519@openssh.com" | "sk-ecdsa-sha2-nistp256@openssh.com" => server.since((8, 2)),
        "webauthn-sk-ecdsa-sha2-nistp256@openssh.com" => server.since((8, 4)),
        _ => true,
    }
}

fn in_setting(name: &str, by_default: bool, setting: Option<&str>) -> bool {
    let in_list = |list: &str| ssh_pattern::matches_list(name.as_bytes(), list.as_bytes());
    match setting {
        None => by_default,
        Some(list) => match list.split_at_checked(1) {
            Some(("+" | "^", more)) => by_default || in_list(more) == ListMatch::Yes,
            Some(("-", less)) => by_default && in_list(less) != ListMatch::Yes,
            _ => in_list(list) == ListMatch::Yes,
        },
    }
}
