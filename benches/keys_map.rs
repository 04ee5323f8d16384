//! Writes scans of made-up machines, for measuring `snapsift keys map`:
//! `cargo bench --bench keys_map -- FOLDER MACHINES ENTRIES_EACH`, then
//! `snapsift keys map FOLDER`. The same numbers give the same scans.
//!
//! Three of four machines hold a private key. One of twenty entries is for such a key,
//! the others are for keys of a pool of a hundred times as many as there are machines.
#![allow(clippy::expect_used, reason = "a benchmark stops where it cannot go on")]
#![allow(clippy::print_stderr)]

use std::fmt::Write as _;

/// SplitMix64.
fn mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [folder, machines, entries] = &arguments[..] else {
        eprintln!("usage: keys_map FOLDER MACHINES ENTRIES_EACH");
        return;
    };
    let machines: u64 = machines.parse().expect("a number");
    let entries: u64 = entries.parse().expect("a number");
    std::fs::create_dir_all(folder).expect("a folder");
    let mut state = 1;
    for machine in 0..machines {
        let mut text = format!(
            "{{\"type\":\"scan\",\"schema\":\"snapsift/1\",\"scan_id\":\"{machine:032x}\",\"engine_version\":\"0\",\
             \"rules_blake3\":\"\",\"rules\":0,\"targets\":[\"/mnt\"],\"started_at\":\"2026-01-01T00:00:00Z\",\
             \"fingerprints_keyed\":false}}\n{{\"type\":\"machine\",\"provenance\":[{{\"kind\":\"directory\",\
             \"name\":\"/mnt\"}}],\"identities\":[{{\"kind\":\"cloud_instance\",\"value\":\"i-{machine:016x}\",\
             \"path\":\"/var/lib/cloud/data/instance-id\"}}],\"hostname\":\"m{machine}\"}}\n"
        );
        let mut key = |number: u64, role: &str, rest: &str, path: &str, line: u64| {
            writeln!(
                text,
                "{{\"type\":\"key\",\"fingerprint\":\"SHA256:{number:043}\",\"private\":{},\"role\":\"{role}\",{rest}\
                 \"algorithm\":\"ed25519\",\"bits\":256,\"format\":\"openssh\",\"comment\":\"user{number}\",\
                 \"encrypted\":false,\"location\":{{\"path\":\"{path}\",\"line\":{line},\"column\":1,\"offset\":0,\
                 \"provenance\":[{{\"kind\":\"directory\",\"name\":\"/mnt\"}}]}},\"file\":{{\"size\":400,\
                 \"mode\":\"0600\",\"uid\":0,\"gid\":0,\"inode\":7,\"links\":1}}}}",
                role == "private"
            )
            .expect("memory");
        };
        if machine % 4 != 0 {
            key(machine, "private", "", "/root/.ssh/id_ed25519", 1);
        }
        for line in 0..entries {
            let random = mix(&mut state);
            let number =
                if line % 20 == 0 { random % machines } else { machines + random % (100 * machines) };
            let rest = "\"account\":\"root\",\"verdict\":{\"state\":\"accepted\"},";
            key(number, "authorized", rest, "/root/.ssh/authorized_keys", line + 1);
        }
        writeln!(
            text,
            "{{\"type\":\"summary\",\"scan_id\":\"{machine:032x}\",\"complete\":true,\"interrupted\":false,\
             \"coverage\":{{\"directories\":1,\"files_seen\":0,\"files_scanned\":0,\"bytes_seen\":0,\
             \"bytes_scanned\":0,\"left_out\":{{}}}},\"findings\":{{}},\"keys\":{entries},\"problems\":0,\
             \"finished_at\":\"2026-01-01T00:00:09Z\",\"elapsed_seconds\":9.0}}"
        )
        .expect("memory");
        std::fs::write(format!("{folder}/{machine:07}.jsonl"), text).expect("written");
    }
}
