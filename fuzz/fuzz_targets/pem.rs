//! The tolerant reader of PEM armour.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use snapsift::formats::pem;

fuzz_target!(|data: &[u8]| {
    let Ok(block) = pem::parse(data) else { return };
    // What was read, written plainly, is read as the same again.
    let (label, body) = (&block.label, STANDARD.encode(&block.body));
    let plain = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    if plain.len() <= pem::MAX_ARMOUR && !block.body.is_empty() {
        let again = pem::parse(plain.as_bytes()).expect("plain armour is read");
        assert_eq!((again.label, again.body), (block.label, block.body));
    }
});
