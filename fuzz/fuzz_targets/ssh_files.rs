//! Lines of the files that say who may log in: authorized_keys, sshd_config, passwd,
//! shadow, group; those of logs and records of logins; principals, certificates; and keys in
//! any text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapsift::formats::ssh_certificate::Certificate;
use snapsift::formats::utmp::{self, Width};
use snapsift::formats::{auth_log, authorized_keys, passwd, ssh_pattern, sshd_config};

fuzz_target!(|data: &[u8]| {
    for line in data.split(|byte| *byte == b'\n') {
        if let authorized_keys::Line::Entry(entry) = authorized_keys::line(line) {
            // A key's own bytes stand in its line.
            assert!(line.len() > entry.key.blob.len());
        }
        if let Ok(Some(setting)) = sshd_config::line(line) {
            assert!(!setting.arguments.is_empty());
            let _ = sshd_config::criteria(&setting.arguments);
        }
        if let passwd::Line::Entry(user) = passwd::user(line) {
            assert!(!user.name.is_empty() && user.uid != u32::MAX);
        }
        let _ = (passwd::shadow(line), passwd::group(line), authorized_keys::principal(line));
        if let Some(login) = auth_log::key_login(line) {
            assert!(login.fingerprint.len() == 50 && !login.user.is_empty());
        }
    }
    let _ = (Certificate::from_blob(data), ssh_pattern::matches_networks(None, data));
    if let Some(width) = Width::of_sessions(data) {
        for record in data.chunks(width.session_length()) {
            let _ = utmp::session(record, width);
        }
    }
    for width in Width::ALL {
        let _ = utmp::last(data.get(..width.last_length()).unwrap_or_default(), width);
    }
    assert!(authorized_keys::keys_in_text(data).all(|(at, _)| at < data.len()));
    let (pattern, text) = data.split_at(data.len().min(64) / 2);
    assert!(ssh_pattern::matches(text, b"*"));
    let _ = ssh_pattern::matches_list(text, pattern);
});
