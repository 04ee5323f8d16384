//! Connection strings around any byte of any text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapsift::formats::connection_string::{ConnectionString, Key};

fuzz_target!(|data: &[u8]| {
    let Some((at, text)) = data.split_first_chunk() else { return };
    let at = usize::from(u16::from_le_bytes(*at));
    // Beyond the end, too: a caller's mistake must not be a panic.
    let Some(found) = ConnectionString::around(text, at) else { return };
    assert!(found.span.start <= found.span.end && found.span.end <= text.len());
    for key in [Key::Server, Key::Port, Key::User, Key::Password, Key::Database] {
        for value in found.all(key) {
            assert!(value.span.start <= value.span.end && value.span.end <= text.len());
            let _ = value.text();
        }
    }
    let _ = (found.host(), found.port(), format!("{found:?}"));
});
