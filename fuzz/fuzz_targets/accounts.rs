//! The snapshot's passwd and group files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapsift::facts::Accounts;

fuzz_target!(|data: &[u8]| {
    let half = data.len() / 2;
    let accounts = Accounts::from_contents(&data[..half], &data[half..]);
    for id in [0, 1, 33, 65534, u32::MAX] {
        for name in [accounts.user(id), accounts.group(id)].into_iter().flatten() {
            assert!(!name.is_empty() && !name.contains([':', '\n']));
        }
    }
});
