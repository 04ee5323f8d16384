//! Keys and values that are published: in standards, in documentation, in the tests
//! of programs that everybody has.
//!
//! The list, `rules/known-keys.txt`, holds digests only: of a key the fingerprint
//! that `ssh-keygen -lf` prints of its public half (`SHA256:` and base64), of a
//! value its SHA-256 (`sha256:` and hex).

use std::collections::HashMap;
use std::sync::LazyLock;

use sha2::Digest as _;

use crate::formats::hex;

/// Digest → what it is of.
static KNOWN: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| parse(include_str!("../../rules/known-keys.txt")));

/// What is published under this fingerprint of a public key.
pub(super) fn key(fingerprint: &str) -> Option<&'static str> {
    KNOWN.get(fingerprint).copied()
}

/// What is published as this value.
pub(super) fn value(secret: &[u8]) -> Option<&'static str> {
    let digest = hex::encode(&sha2::Sha256::digest(secret));
    KNOWN.get(format!("sha256:{digest}").as_str()).copied()
}

/// A line each: digest, blank, name. `#` begins a comment.
fn parse(text: &str) -> HashMap<&str, &str> {
    let entries = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
    entries.map(|(digest, name)| (digest, name.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_well_formed_and_in_order() {
        let text = include_str!("../../rules/known-keys.txt");
        let mut last = "";
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (digest, name) = line.split_once(' ').expect("a digest and a name");
            assert!(digest > last, "not in order, or twice: {line}");
            last = digest;
            assert!(!name.trim().is_empty(), "{line}");
            let well_formed = match digest.split_once(':') {
                Some(("SHA256", base64)) => base64.len() == 43,
                Some(("sha256", hex)) => hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
                _ => false,
            };
            assert!(well_formed, "{line}");
        }
    }

    /// RFC 8032 section 7.1, test 1: the fingerprint by `ssh-keygen -lf` of the
    /// public key that the RFC prints.
    #[test]
    fn a_key_of_a_standard_is_known() {
        assert_eq!(key("SHA256:X"), None);
        assert!(key(RFC_8032_TEST_1).is_some_and(|name| name.contains("RFC 8032")));
        // The SHA-256 of no bytes is nobody's secret, and not on the list.
        assert_eq!(value(b""), None);
    }

    const RFC_8032_TEST_1: &str = "SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8";
}
