//! Public keys and certificates in SSH wire form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapsift::formats::ssh_public::PublicKey;

fuzz_target!(|data: &[u8]| {
    let Ok(key) = PublicKey::from_blob(data) else { return };
    // The plain key, of a certificate too, is a key of its own with the same identity.
    let plain = PublicKey::from_blob(&key.blob).expect("the plain form is one");
    assert!(!plain.certificate);
    assert_eq!((plain.algorithm, plain.bits), (key.algorithm, key.bits));
    assert_eq!(plain.fingerprint_sha256(), key.fingerprint_sha256());
    assert_eq!(plain.fingerprint_md5(), key.fingerprint_md5());
});
