//! Public keys in text, and certificates.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapsift::formats::public_key::PublicText;
use snapsift::formats::ssh_certificate::Certificate;
use snapsift::formats::ssh_public::fingerprint_ec2_imported;
use snapsift::formats::weak_key::weaknesses;

fuzz_target!(|data: &[u8]| {
    if let Some(text) = PublicText::parse(data) {
        assert_eq!(text.certificate.is_some(), text.key.certificate);
        assert_eq!(fingerprint_ec2_imported(&text.key.blob).is_some(), text.key.algorithm == "rsa");
        let _ = weaknesses(&text.key.blob);
    }
    let _ = weaknesses(data);
    if let Ok(certificate) = Certificate::from_blob(data) {
        assert!(certificate.expires_at().is_some() || certificate.valid_before == u64::MAX);
        let _ = (certificate.is_valid_at(0), certificate.authority_fingerprint());
    }
});
