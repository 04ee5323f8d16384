//! Key revocation lists.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapsift::formats::krl::{Krl, MAGIC};
use snapsift::formats::public_key::PublicText;

/// A key and a certificate to look up: made for this, their private halves are lost.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICqhu/B++veYpQlayIdLmQD4MTsj5PVZCxUcBfDwI8VY";

fuzz_target!(|data: &[u8]| {
    let head = [MAGIC, &[0, 0, 0, 1], &[0; 32]].concat();
    let key = PublicText::parse_line(KEY.as_bytes()).expect("a key");
    for bytes in [data.to_vec(), [&head[..], data].concat()] {
        if let Ok(list) = Krl::parse(&bytes) {
            let _ = list.is_revoked(&key.key, None);
        }
    }
});
