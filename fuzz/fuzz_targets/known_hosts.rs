//! Lines of known_hosts, and what they match.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapsift::formats::known_hosts::{Hosts, KnownHost, lookup_name};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICqhu/B++veYpQlayIdLmQD4MTsj5PVZCxUcBfDwI8VY";

fuzz_target!(|data: &[u8]| {
    // Whole lines, and hosts before a key, since few mutations of a key are keys.
    for line in [data.to_vec(), [data, b" ", KEY.as_bytes()].concat()] {
        let Ok(Some(line)) = KnownHost::parse(&line) else { continue };
        for (host, port) in [("host.example.com", 22), ("10.0.0.1", 2222), ("", 22)] {
            let _ = line.matches(&lookup_name(host, port));
        }
        // A pattern without wildcards and exceptions matches itself.
        if let Hosts::Patterns(patterns) = &line.hosts
            && let [pattern] = &patterns[..]
            && pattern.len() <= 1024
            && !pattern.contains(['*', '?', '!'])
        {
            assert!(line.matches(pattern));
        }
    }
});
