//! Accounts, groups and keys of machines with Windows: hives are made by hivex, and read by
//! the tools of chntpw as well, which must see the accounts that the test means to make.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::hives::{bytes, hive, in_use, log, log_entry, number, text, utf16};
use support::program::{scan, stderr, stdout, write};

const CONFIG: &str = "PubkeyAuthentication yes\nAuthorizedKeysFile .ssh/authorized_keys\n\
    Match Group administrators\n  AuthorizedKeysFile __PROGRAMDATA__/ssh/administrators_authorized_keys\n";
/// Keys that ssh-keygen made for this test.
const ADMIN_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBQVTti0ywP7njGjCX1qbimZ0d6XdvQ6V+6KHn60RPDY";
/// The last numbers of the machine's SID.
const MACHINE: [u32; 3] = [111, 222, 333];
const MACHINE_SID: &str = "S-1-5-21-111-222-333";
/// 2020-01-01 00:00 UTC, in units of 100 ns since 1601.
const YEAR_2020: u64 = 132_223_104_000_000_000;

struct User {
    rid: u32,
    name: &'static str,
    bits: u16,
    expires: u64,
}

fn sid(numbers: &[u32]) -> Vec<u8> {
    let count = u8::try_from(numbers.len()).expect("a few");
    let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
    [1, count, 0, 0, 0, 0, 0, 5].into_iter().chain(numbers).collect()
}

fn of_machine(rid: u32) -> Vec<u8> {
    sid(&[&[21], &MACHINE[..], &[rid]].concat())
}

fn words(numbers: &[usize]) -> Vec<u8> {
    numbers.iter().flat_map(|number| u32::try_from(*number).expect("small").to_le_bytes()).collect()
}

/// The values of a user, by the tables of libyal's winreg-kb.
fn user(user: &User) -> [Vec<u8>; 2] {
    let mut state = vec![0; 80];
    state[0] = 2;
    state[32..40].copy_from_slice(&user.expires.to_le_bytes());
    state[48..52].copy_from_slice(&user.rid.to_le_bytes());
    state[56..58].copy_from_slice(&user.bits.to_le_bytes());
    let name = utf16(user.name);
    let mut data = vec![0; 17 * 12];
    data[12..20].copy_from_slice(&words(&[0, name.len()]));
    // All others are empty, and behind it.
    for descriptor in 2..17 {
        data[12 * descriptor..12 * descriptor + 4].copy_from_slice(&words(&[name.len()]));
    }
    [state, [data, name].concat()]
}

fn alias(rid: u32, name: &str, members: &[Vec<u8>]) -> Vec<u8> {
    let name = utf16(name);
    let members_at = name.len().next_multiple_of(4);
    let all = members.concat();
    let rid = usize::try_from(rid).expect("small");
    // Rid, nothing, lengths of the security descriptor; name, comment, members.
    let head =
        [rid, 0, 0, 0x0001_0002, 0, name.len(), 0, members_at, 0, 0, members_at, all.len(), members.len()];
    let mut data = words(&head);
    data.extend(&name);
    data.resize(52 + members_at, 0);
    data.extend(&all);
    data
}

/// The SAM hive of these users; `groups` are built-in ones with the SIDs of their members.
fn sam(path: &Path, users: &[User], groups: &[(u32, &str, Vec<Vec<u8>>)]) {
    let mut keys: Vec<(String, Vec<String>)> = Vec::new();
    let account = "\\SAM\\Domains\\Account";
    let machine = [vec![0; 64], sid(&[&[21], &MACHINE[..]].concat())].concat();
    keys.push((account.to_owned(), vec![bytes("V", 3, &machine)]));
    for one in users {
        let [state, data] = user(one);
        keys.push((
            format!("{account}\\Users\\{:08X}", one.rid),
            vec![bytes("F", 3, &state), bytes("V", 3, &data)],
        ));
        // The number of an account is the type of the value of the key with its name.
        let by_name = format!("@=hex({:x}):", one.rid);
        keys.push((format!("{account}\\Users\\Names\\{}", one.name), vec![by_name]));
    }
    let builtin = "\\SAM\\Domains\\Builtin\\Aliases";
    for (rid, name, members) in groups {
        keys.push((format!("{builtin}\\{rid:08X}"), vec![bytes("C", 3, &alias(*rid, name, members))]));
        keys.push((format!("{builtin}\\Names\\{name}"), vec![format!("@=hex({rid:x}):")]));
    }
    let keys: Vec<(&str, &[String])> = keys.iter().map(|(key, values)| (key.as_str(), &**values)).collect();
    hive(path, &keys);
}

fn wide(name: &str, value: &str) -> String {
    bytes(name, 2, &utf16(&format!("{value}\0")))
}

fn software(path: &Path, profiles: &[(&str, &str)]) {
    let version = "\\Microsoft\\Windows NT\\CurrentVersion";
    let mut keys: Vec<(String, Vec<String>)> = vec![
        (
            "\\Microsoft\\Cryptography".to_owned(),
            vec![text("MachineGuid", "2f7f4a1c-0d58-4c35-9a41-5d7e3f6b8c90")],
        ),
        ("\\Microsoft\\Windows Azure".to_owned(), vec![text("OsImageName", "x")]),
        (
            version.to_owned(),
            vec![
                text("ProductName", "Windows Server 2022 Datacenter"),
                text("CurrentBuild", "20348"),
                "\"UBR\"=dword:000009a1".to_owned(),
            ],
        ),
    ];
    for (sid, folder) in profiles {
        keys.push((format!("{version}\\ProfileList\\{sid}"), vec![wide("ProfileImagePath", folder)]));
    }
    let keys: Vec<(&str, &[String])> = keys.iter().map(|(key, values)| (key.as_str(), &**values)).collect();
    hive(path, &keys);
}

fn system(path: &Path, start: u32) {
    let set = "\\ControlSet001";
    let (name, tcp, sshd) = (
        format!("{set}\\Control\\ComputerName\\ComputerName"),
        format!("{set}\\Services\\Tcpip\\Parameters"),
        format!("{set}\\Services\\sshd"),
    );
    let interface = format!("{tcp}\\Interfaces\\{{6e4f0f6b}}");
    hive(
        path,
        &[
            ("\\Select", &["\"Current\"=dword:00000001".to_owned()]),
            (&name, &[text("ComputerName", "WIN-7")]),
            (&tcp, &[text("Domain", "Corp.Example")]),
            (
                &interface,
                &[bytes("IPAddress", 7, &utf16("10.9.8.7\0fe80::1\0\0")), text("DhcpIPAddress", "0.0.0.0")],
            ),
            (&sshd, &[format!("\"Start\"=dword:{start:08x}")]),
        ],
    );
}

/// The hive of the machine's accounts; `bob` are the bits of one of them.
fn accounts(path: &Path, bob: u16) {
    let users = [
        User { rid: 500, name: "Administrator", bits: 0x211, expires: 0 },
        User { rid: 1001, name: "Ana", bits: 0x210, expires: i64::MAX.unsigned_abs() },
        User { rid: 1002, name: "Bob", bits: bob, expires: 0 },
        User { rid: 1003, name: "Eve", bits: 0x210, expires: YEAR_2020 },
    ];
    let domain_admins = sid(&[21, 7, 8, 9, 512]);
    let groups = [
        (0x220, "Administrators", vec![of_machine(500), of_machine(1001), domain_admins]),
        (0x221, "Users", vec![sid(&[11]), of_machine(1002)]),
    ];
    sam(path, &users, &groups);
}

fn machine(root: &Path, config: &str, start: u32) {
    for path in ["Windows/System32/config/x", "ProgramData/ssh/x", "Users/Public/x"] {
        write(root, path, b"");
    }
    let hives = root.join("Windows/System32/config");
    accounts(&hives.join("SAM"), 0x210);
    let profiles = [
        ("S-1-5-18", "%systemroot%\\system32\\config\\systemprofile"),
        (&*format!("{MACHINE_SID}-1001"), "C:\\Users\\ana"),
        // A second login made a folder with another name.
        (&*format!("{MACHINE_SID}-1002"), "C:\\Users\\Bob.WIN-7"),
        ("S-1-5-21-7-8-9-1105", "%SystemDrive%\\Users\\carl"),
    ];
    software(&hives.join("SOFTWARE"), &profiles);
    system(&hives.join("SYSTEM"), start);
    write(root, "Windows/System32/OpenSSH/sshd.exe", b"MZ\0OpenSSH_for_Windows_8.1\0");
    write(root, "ProgramData/ssh/sshd_config", config.as_bytes());
    write(root, "ProgramData/ssh/administrators_authorized_keys", ADMIN_KEY.as_bytes());
    for folder in ["Ana", "Bob.WIN-7", "Eve", "carl"] {
        write(root, &format!("Users/{folder}/.ssh/authorized_keys"), ADMIN_KEY.as_bytes());
    }
}

/// The machine's record, and for each key its account, file, and verdict as `state: reason`.
fn read(root: &Path) -> (Value, Vec<(String, String, String)>) {
    let output = scan(&["-q", "-f", "jsonl"], root);
    let records: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    let of =
        |kind: &str| records.iter().filter(|record| record["type"] == *kind).cloned().collect::<Vec<_>>();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let keys = of("key").into_iter().map(|key| {
        let verdict = &key["verdict"];
        let told = format!("{}: {}", text(&verdict["state"]), text(&verdict["reason"]));
        (text(&key["account"]), text(&key["location"]["path"]), told)
    });
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    let machine = of("machine").pop().unwrap_or_else(|| panic!("a machine: {}", stderr(&output)));
    (machine, keys)
}

/// The verdicts in the order of accounts and files.
fn verdicts(root: &Path) -> Vec<(String, String)> {
    read(root).1.into_iter().map(|(account, _, told)| (account, told)).collect()
}

#[test]
fn others_read_the_same_accounts() {
    let dir = tempfile::tempdir().expect("a directory");
    machine(dir.path(), CONFIG, 2);
    let hive = dir.path().join("Windows/System32/config/SAM");
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).arg(&hive).output().expect(program);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let groups = run("/usr/sbin/samusrgrp", &["-L"]);
    for line in [
        format!("220:Administrators:0:1f4:{MACHINE_SID}-500:"),
        format!("220:Administrators:1:3e9:{MACHINE_SID}-1001:"),
        "220:Administrators:2:200:S-1-5-21-7-8-9-512:".to_owned(),
        format!("221:Users:1:3ea:{MACHINE_SID}-1002:"),
    ] {
        assert!(groups.lines().any(|one| one.starts_with(&line)), "{line}: {groups}");
    }
    let users = run("/usr/sbin/chntpw", &["-l"]);
    let line = |name: &str| users.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
    assert!(
        line("Administrator ").contains("01f4") && line("Administrator ").contains("dis/lock"),
        "{users}"
    );
    assert!(line("Ana").contains("03e9") && !line("Ana").contains("dis/lock"), "{users}");
}

#[test]
fn administrators_keys_are_in_one_file_and_others_in_their_own() {
    let dir = tempfile::tempdir().expect("a directory");
    machine(dir.path(), CONFIG, 2);
    let (record, keys) = read(dir.path());
    let common = "/ProgramData/ssh/administrators_authorized_keys";
    let key = |account: &str, path: &str, told: &str| (account.to_owned(), path.to_owned(), told.to_owned());
    let expected = [
        // Administrators of the domain.
        key("Administrators", common, "unverified: membership"),
        key("administrator", common, "refused: account_locked"),
        key("ana", common, "unverified: access_list"),
        key("ana", "/Users/Ana/.ssh/authorized_keys", "refused: file_not_used"),
        key("bob", "/Users/Bob.WIN-7/.ssh/authorized_keys", "unverified: access_list"),
        key("carl", "/Users/carl/.ssh/authorized_keys", "unverified: membership"),
        key("eve", "/Users/Eve/.ssh/authorized_keys", "refused: account_expired"),
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        (&record["hostname"], &record["os"]["name"]),
        (&"WIN-7".into(), &"Windows Server 2022 Datacenter".into())
    );
    assert_eq!(record["os"]["version"], "20348.2465");
    assert_eq!(record["names"], serde_json::json!(["win-7.corp.example", "10.9.8.7", "fe80::1"]));
    let identities: Vec<&str> = record["identities"]
        .as_array()
        .expect("some")
        .iter()
        .filter_map(|one| one["value"].as_str())
        .collect();
    assert_eq!(identities, ["azure", "2f7f4a1c-0d58-4c35-9a41-5d7e3f6b8c90"]);
    assert_eq!(
        (&record["sshd"]["version"], &record["sshd"]["enabled"]),
        (&"OpenSSH_for_Windows_8.1".into(), &true.into())
    );
    let ana =
        record["accounts"].as_array().expect("some").iter().find(|one| one["name"] == "ana").expect("ana");
    assert_eq!(
        (&ana["groups"], &ana["home"]),
        (&serde_json::json!(["administrators", "users"]), &"/Users/Ana".into())
    );
}

#[test]
fn settings_count_as_on_other_systems() {
    let dir = tempfile::tempdir().expect("a directory");
    machine(dir.path(), CONFIG, 2);
    let told = |config: &str, account: &str| -> Vec<String> {
        write(dir.path(), "ProgramData/ssh/sshd_config", config.as_bytes());
        verdicts(dir.path()).into_iter().filter(|(of, _)| of == account).map(|(_, told)| told).collect()
    };
    for (config, account, expected) in [
        ("DenyUsers bob\n", "bob", "refused: deny_users"),
        ("AllowGroups administrators\n", "bob", "refused: allow_groups"),
        ("AllowGroups users\n", "bob", "unverified: access_list"),
        ("AllowUsers Bob\n", "bob", "unverified: configuration"),
        ("PubkeyAuthentication no\n", "bob", "refused: pubkey_authentication_off"),
        ("AuthorizedKeysFile C:\\keys\\%u\n", "bob", "refused: file_not_used"),
        (
            "AuthorizedKeysFile C:\\Users\\bob.win-7\\.ssh\\authorized_keys\n",
            "bob",
            "unverified: access_list",
        ),
        ("NoSuchKeyword yes\n", "bob", "unverified: configuration"),
    ] {
        assert_eq!(told(config, account), [expected], "{config}");
    }
    // Where the block for administrators was taken out, each has his own file.
    assert_eq!(
        told("PasswordAuthentication no\n", "ana"),
        ["refused: file_not_used", "unverified: access_list"]
    );
    // Started by hand.
    system(&dir.path().join("Windows/System32/config/SYSTEM"), 3);
    assert_eq!(told(CONFIG, "bob"), ["unverified: server_not_enabled"]);
}

/// Bob was disabled, and that stands in the log of the hive alone.
#[test]
fn a_hive_in_use_is_read_with_its_logs() {
    let dir = tempfile::tempdir().expect("a directory");
    machine(dir.path(), CONFIG, 2);
    let sam = dir.path().join("Windows/System32/config/SAM");
    let enabled = std::fs::read(&sam).expect("the hive");
    accounts(&sam, 0x211);
    let disabled = std::fs::read(&sam).expect("the hive");
    std::fs::write(&sam, in_use(&enabled)).expect("a file");
    let bob = || verdicts(dir.path()).into_iter().find(|(of, _)| of == "bob").expect("his key").1;
    assert_eq!(bob(), "unverified: access_list");
    let (record, _) = read(dir.path());
    assert!(record["problems"].to_string().contains("was in use"), "{record}");
    let entry = log_entry(number(&enabled, 8), &enabled, &disabled);
    std::fs::write(sam.with_extension("LOG1"), log(&enabled, 6, &entry)).expect("a file");
    assert_eq!(bob(), "refused: account_locked");
    assert!(!read(dir.path()).0.to_string().contains("was in use"));
}

/// A hive that is cut or overwritten anywhere: what is read is told, nothing is accepted,
/// and the machine is there.
#[test]
fn damaged_hives_are_problems() {
    let dir = tempfile::tempdir().expect("a directory");
    machine(dir.path(), CONFIG, 2);
    let config = dir.path().join("Windows/System32/config");
    for hive in ["SAM", "SOFTWARE", "SYSTEM"] {
        let whole = std::fs::read(config.join(hive)).expect("a hive");
        for damaged in [&whole[..600], &whole[..whole.len() / 2], b"regf", b""] {
            std::fs::write(config.join(hive), damaged).expect("a file");
            let (record, keys) = read(dir.path());
            assert!(keys.iter().all(|(_, _, told)| !told.starts_with("accepted")), "{keys:?}");
            assert!(keys.iter().any(|(account, ..)| account.starts_with("bob")), "{keys:?}");
            let problems = record["problems"].as_array().expect("a problem");
            assert!(
                problems.iter().any(|one| one["path"].as_str().is_some_and(|path| path.ends_with(hive))),
                "{record}"
            );
        }
        std::fs::write(config.join(hive), whole).expect("a file");
    }
}
