//! Private keys: as text, and as a structure in armour, since few mutations of
//! base64 are base64 again.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use snapsift::formats::private_key::PrivateKey;

const LABELS: [&str; 6] = ["OPENSSH ", "RSA ", "EC ", "DSA ", "ENCRYPTED ", ""];

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    // What is left of a key is never more than the key.
    if let (Ok(left), Ok(whole)) = (PrivateKey::parse_damaged(data), PrivateKey::parse(data)) {
        assert_eq!(left, whole);
    }
    let parsed = match LABELS.get(usize::from(*choice)) {
        Some(label) => {
            let kind = format!("{label}PRIVATE KEY");
            let text = format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(rest));
            PrivateKey::parse(text.as_bytes())
        }
        None => PrivateKey::parse(data),
    };
    if let Ok(key) = parsed {
        let fingerprint = key.fingerprint_sha256();
        assert_eq!(fingerprint.is_some(), key.public_blob.is_some());
        assert_eq!(fingerprint.is_some(), key.fingerprint_md5().is_some());
        assert!(key.encrypted || key.cipher.is_none());
        let _ = (key.is_hardware_bound(), format!("{key:?}"));
    }
});
