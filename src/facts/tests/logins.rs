//! Who logged in, by logs: years that are not in them, rotation, compression, damage.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{KEY, Made};
use crate::finding::{KeyRole, KeyUse, Timestamp};

/// That of [`KEY`], by `ssh-keygen -lf`.
fn fingerprint() -> String {
    let key = crate::formats::authorized_keys::key(KEY.as_bytes()).expect("a key").0;
    key.fingerprint_sha256()
}

fn line(stamp: &str, user: &str, address: &str) -> String {
    format!(
        "{stamp} web sshd[9]: Accepted publickey for {user} from {address} port 50122 ssh2: ED25519 {}\n",
        fingerprint()
    )
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn changed(made: &Made, path: &str, time: &str) {
    let time = SystemTime::UNIX_EPOCH
        + Duration::from_secs(u64::try_from(at(time).unix_seconds()).expect("after 1970"));
    fs::File::options()
        .write(true)
        .open(made.at(path))
        .and_then(|file| file.set_modified(time))
        .expect("a time");
}

fn uses(made: &Made) -> Vec<KeyUse> {
    made.read().expect("a machine").record.key_uses
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn years_follow_from_the_last_change_of_the_log() {
    let made = Made::new();
    // Two turns of the year within one log, which was last changed in January 2025.
    let text = [
        line("Nov 30 10:00:00", "ana", "192.0.2.1"),
        line("Feb  1 10:00:00", "ana", "192.0.2.1"),
        line("Dec 31 23:59:59", "ana", "192.0.2.1"),
        line("Jan  2 00:00:00", "ana", "192.0.2.1"),
    ];
    made.write("var/log/auth.log", text.concat());
    changed(&made, "var/log/auth.log", "2025-01-02T06:00:00Z");
    let found = uses(&made);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].first, found[0].last), (at("2023-11-30T10:00:00Z"), at("2025-01-02T00:00:00Z")));
    assert_eq!((found[0].count, found[0].year_inferred, &*found[0].path), (4, true, "/var/log/auth.log"));
    // A 29th of February is in a leap year.
    made.write("var/log/auth.log", line("Feb 29 12:00:00", "ana", "192.0.2.1"));
    changed(&made, "var/log/auth.log", "2026-06-01T00:00:00Z");
    assert_eq!(uses(&made)[0].last, at("2024-02-29T12:00:00Z"));
}

#[test]
fn stamps_without_a_zone_are_in_that_of_the_machine() {
    let made = Made::new();
    let zone = ["/usr/share/zoneinfo/Asia/Tokyo", "/usr/share/zoneinfo/Japan"];
    let Some(bytes) = zone.iter().find_map(|path| fs::read(path).ok()) else { return };
    made.write("etc/localtime", bytes);
    made.write("var/log/secure", line("Mar  1 09:00:00", "ana", "192.0.2.1"));
    changed(&made, "var/log/secure", "2026-03-02T00:00:00Z");
    assert_eq!(uses(&made)[0].last, at("2026-03-01T00:00:00Z"));
}

#[test]
fn rotated_and_compressed_logs_add_up() {
    let made = Made::new();
    made.write("home/ana/.ssh/authorized_keys", KEY);
    made.write("var/log/auth.log", line("2026-11-20T08:00:00.5+00:00", "ana", "192.0.2.1"));
    made.write("var/log/auth.log.1", line("2026-11-10T08:00:00+01:00", "ana", "192.0.2.1"));
    made.write("var/log/auth.log.2.gz", gzip(&line("2026-10-10T08:00:00Z", "ana", "2001:db8::1")));
    made.write("var/log/auth.log-20260901.gz", gzip(&line("2026-09-01T08:00:00Z", "bob", "192.0.2.1")));
    made.write("var/log/auth.log.4.xz", "\u{fd}7zXZ");
    // Others have their own lines about logins.
    made.write("var/log/auth.logs", line("2026-11-21T08:00:00Z", "ana", "192.0.2.9"));
    made.write("var/log/messages", line("2026-11-20T08:00:00.5+00:00", "ana", "192.0.2.1"));
    let machine = made.read().expect("a machine");
    let found = &machine.record.key_uses;
    let told: Vec<(&str, &str, u64)> =
        found.iter().map(|one| (&*one.account, &*one.address, one.count)).collect();
    assert_eq!(told, [("ana", "192.0.2.1", 2), ("ana", "2001:db8::1", 1), ("bob", "192.0.2.1", 1)]);
    assert_eq!((found[0].first, found[0].last), (at("2026-11-10T07:00:00Z"), at("2026-11-20T08:00:00.5Z")));
    assert!(found.iter().all(|one| !one.year_inferred));
    let latest: Vec<&str> = machine.uses(&fingerprint()).iter().map(|_| "").collect();
    assert_eq!(latest.len(), 3);
    let key = machine.keys.iter().find(|key| key.role == KeyRole::Authorized).expect("a key");
    assert_eq!(machine.last_use(key).expect("one").last, at("2026-11-20T08:00:00.5Z"));
    assert!(machine.record.problems.iter().any(|problem| problem.message.contains("compressed form")));
}

#[test]
fn damaged_and_hostile_logs_are_counted() {
    let made = Made::new();
    let mut whole = gzip(&line("2026-10-10T08:00:00Z", "ana", "192.0.2.1").repeat(1000));
    whole.truncate(whole.len() - 4);
    made.write("var/log/auth.log.2.gz", whole);
    made.write("var/log/auth.log.3.gz", "no gzip");
    // A line of 20 MB, then a good one, then one that does not end.
    let mut long = "x".repeat(20 << 20);
    long.push('\n');
    long.push_str(&line("2026-10-11T08:00:00Z", "ana", "192.0.2.2"));
    long.push_str(line("2026-10-12T08:00:00Z", "ana", "192.0.2.3").trim_end());
    made.write("var/log/auth.log", long);
    let many: String =
        (0..20_000).map(|n| line("2026-10-11T08:00:00Z", &format!("u{n}"), "192.0.2.2")).collect();
    made.write("var/log/auth.log.1", many);
    made.write("var/log/wtmp", "x".repeat(5000));
    made.write("var/log/lastlog", "x".repeat(5000));
    let machine = made.read().expect("a machine");
    assert_eq!(machine.record.key_uses.len(), 10_000);
    let addresses = |address: &str| machine.record.key_uses.iter().any(|one| one.address == address);
    assert!(addresses("192.0.2.2"));
    let messages: Vec<&str> =
        machine.record.problems.iter().map(|problem| problem.message.as_str()).collect();
    for part in ["damaged or ends early", "more uses", "log of sessions", "log of last logins"] {
        assert!(messages.iter().any(|message| message.contains(part)), "{part}: {messages:?}");
    }
}

#[test]
fn last_logins_by_binary_logs() {
    let made = Made::new();
    let (uid, _) = made.owner();
    let mut session = vec![0_u8; 384];
    session[..2].copy_from_slice(&7_u16.to_le_bytes());
    session[44..47].copy_from_slice(b"ana");
    session[76..85].copy_from_slice(b"192.0.2.9");
    session[340..344].copy_from_slice(&1_700_000_000_u32.to_le_bytes());
    made.write("var/log/wtmp", &session);
    let login = |made: &Made, name: &str| {
        let accounts = made.read().expect("a machine").record.accounts;
        accounts.into_iter().find(|one| one.name == name).expect("an account").last_login
    };
    let found = login(&made, "ana").expect("a login");
    assert_eq!((found.time, found.from.as_deref()), (at("2023-11-14T22:13:20Z"), Some("192.0.2.9")));
    assert_eq!(found.path, "/var/log/wtmp");
    // A file with holes, as long as the number of the last account says.
    let mut record = vec![0_u8; 292];
    record[..4].copy_from_slice(&1_700_000_100_u32.to_le_bytes());
    record[36..41].copy_from_slice(b"other");
    let file = fs::File::create(made.at("var/log/lastlog")).expect("a file");
    file.set_len(292 * 4_000_000_000).expect("a hole");
    std::os::unix::fs::FileExt::write_all_at(&file, &record, u64::from(uid) * 292).expect("written");
    let found = login(&made, if uid == 0 { "root" } else { "ana" }).expect("a login");
    assert_eq!((found.from.as_deref(), &*found.path), (Some("other"), "/var/log/lastlog"));
}
