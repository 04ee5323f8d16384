//! Hives of the Windows registry, made by hivex, and their transaction logs.

use std::fs;

use snapsift::finding::Reason;

use super::support::hives::{bytes, hive, in_use, log, log_entry, number, set, text, utf16};
use super::support::whole::{Scanned, options, planted, scan, scan_by};
use super::{place, places};

/// Parts of passwords: no file of ours has a whole one.
pub(super) fn password(number: usize) -> String {
    format!("y3fRrJC{number}{}", "vrNSmy!")
}

#[test]
fn values_of_a_hive_are_told_with_their_key() {
    let dir = tempfile::tempdir().expect("a directory");
    let long = format!("{}{}{}", "x".repeat(9000), planted(4), "y".repeat(90));
    let lines = format!("A=b\0TOKEN={}\0\0", planted(3));
    hive(
        &dir.path().join("SOFTWARE"),
        &[
            (
                r"\Vendor\App",
                &[
                    text("Token", &planted(1)),
                    bytes("Ключ", 1, &utf16(&format!("Ä {}\0", planted(2)))),
                    bytes("Environment", 7, &utf16(&lines)),
                    bytes("Blob", 3, long.as_bytes()),
                    "\"Port\"=dword:00000016".to_owned(),
                    format!("@=\"{}\"", planted(5)),
                ],
            ),
            (r"\Vendor\Other", &[text("Same", &planted(1))]),
        ],
    );
    let scanned = scan(dir.path());
    let mut found = places(&scanned);
    found.sort();
    let expected = [
        place(r"/SOFTWARE → Vendor\App\(Default)", 1, 1, 0),
        place(r"/SOFTWARE → Vendor\App\Blob", 1, 9001, 9000),
        place(r"/SOFTWARE → Vendor\App\Environment", 2, 7, 10),
        place(r"/SOFTWARE → Vendor\App\Token", 1, 1, 0),
        place(r"/SOFTWARE → Vendor\App\Ключ", 1, 4, 3),
        place(r"/SOFTWARE → Vendor\Other\Same", 1, 1, 0),
    ];
    assert_eq!(found, expected, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    let kinds: Vec<&str> =
        scanned.findings()[0].location.provenance.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!(kinds, ["directory", "registry_value"]);
    assert_eq!(scanned.coverage().inside.opened, 1);
}

/// What Windows and programs on it keep in their keys, by the rules that are built in:
/// rule, path, and who logs in where.
#[test]
fn logins_of_a_registry_are_put_together() {
    let dir = tempfile::tempdir().expect("a directory");
    hive(
        &dir.path().join("NTUSER.DAT"),
        &[
            (
                r"\Microsoft\Windows NT\CurrentVersion\Winlogon",
                &[
                    text("AutoAdminLogon", "1"),
                    text("DefaultPassword", &password(1)),
                    text("Shell", "explorer.exe"),
                    text("DefaultDomainName", "CORP"),
                    text("DefaultUserName", "kiosk"),
                ],
            ),
            (
                r"\Software\SimonTatham\PuTTY\Sessions\web",
                &[
                    text("HostName", "web1.corp.acme.io"),
                    text("ProxyUsername", "shop"),
                    text("PublicKeyFile", r"C:\\Users\\ann\\web.ppk"),
                    text("ProxyHost", "proxy.corp.acme.io"),
                    text("ProxyPassword", &password(2)),
                ],
            ),
            (
                r"\Software\Martin Prikryl\WinSCP 2\Sessions\files",
                &[
                    text("HostName", "files.corp.acme.io"),
                    text("Password", &format!("A35C{}", "4A5B7F0C193E2D6A8890B1C2D3E4F5061728394A")),
                    text("UserName", "deploy"),
                ],
            ),
            (
                r"\Software\TightVNC\Server",
                &[
                    bytes("Password", 3, &[0xd7, 0xa5, 0x14, 0xd8, 0xa2, 0x66, 0x77, 0x11]),
                    "\"RfbPort\"=dword:0000170c".to_owned(),
                ],
            ),
        ],
    );
    let rules = snapsift::rules::RuleSet::builtin().expect("rules");
    let scanned = scan_by(&rules, dir.path(), options());
    let mut found: Vec<_> = scanned
        .findings()
        .iter()
        .map(|finding| {
            let attribute =
                |name: &str| finding.attributes.get(name).map(ToString::to_string).unwrap_or_default();
            let name = finding.location.provenance.last().map(|step| step.name.clone()).unwrap_or_default();
            (finding.rule_id.clone(), name, attribute("user"), attribute("server"))
        })
        .collect();
    found.sort();
    let winlogon = r"Microsoft\Windows NT\CurrentVersion\Winlogon\DefaultPassword";
    let putty = r"Software\SimonTatham\PuTTY\Sessions\web\ProxyPassword";
    let winscp = r"Software\Martin Prikryl\WinSCP 2\Sessions\files\Password";
    let vnc = r"Software\TightVNC\Server\Password";
    let expected = [
        ("setting-login", winlogon, "kiosk", ""),
        ("setting-login", putty, "shop", "proxy.corp.acme.io"),
        ("vnc-stored-password", vnc, "", ""),
        ("winscp-stored-password", winscp, "deploy", "files.corp.acme.io"),
    ];
    let found: Vec<(&str, &str, &str, &str)> =
        found.iter().map(|(a, b, c, d)| (a.as_str(), b.as_str(), c.as_str(), d.as_str())).collect();
    assert_eq!(found, expected, "{:?}", scanned.problems());
}

#[test]
fn hostile_47_cells_in_a_cycle_end_and_the_rest_is_scanned() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("SYSTEM");
    let names: Vec<String> = (0..40).map(|number| format!(r"\Key{number}")).collect();
    let values: Vec<[String; 1]> = (0..40).map(|number| [text("v", &planted(number))]).collect();
    let keys: Vec<(&str, &[String])> =
        names.iter().map(String::as_str).zip(values.iter().map(<[String; 1]>::as_slice)).collect();
    hive(&path, &keys);
    let whole = fs::read(&path).expect("the hive");
    let is_list = |four: &[u8]| matches!(four, [b'l', b'f' | b'h', 40, 0]);
    let list = whole.windows(4).position(is_list).expect("the list of all keys");
    // The first key of the list is the root, or the second once more, or no cell.
    for (number, first) in [32, u32::from(whole[list + 12]) | u32::from(whole[list + 13]) << 8, 0xffff_fff8]
        .into_iter()
        .enumerate()
    {
        let mut bytes = whole.clone();
        bytes[list + 4..list + 8].copy_from_slice(&first.to_le_bytes());
        fs::write(&path, &bytes).expect("a file");
        let scanned = scan(dir.path());
        assert_eq!(scanned.findings().len(), 40, "{number}");
        let in_keys = places(&scanned).iter().filter(|(path, ..)| path.contains(" → Key")).count();
        assert_eq!(in_keys, 39, "{number}");
        assert_eq!(scanned.problems(), [("/SYSTEM", Reason::Corrupt)], "{number}");
        assert!(!scanned.summary.complete);
    }
    for length in [100, 4096, 4200, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).expect("a file");
        let scanned = scan(dir.path());
        assert!(length < 512 || !scanned.summary.complete, "cut to {length}");
    }
    // In use when the snapshot was made, and without logs: read as it is, and counted.
    fs::write(&path, in_use(&whole)).expect("a file");
    let scanned = scan(dir.path());
    assert_eq!(scanned.findings().len(), 40);
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    assert_eq!(scanned.coverage().inside.not_replayed, 1);
}

#[test]
fn a_hive_in_use_is_read_with_its_logs() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("NTUSER.DAT");
    // Three states of one hive, the last larger than the first; hivex counts each write.
    let state = |names: &[u32]| {
        let values: Vec<String> =
            names.iter().map(|name| text(&format!("v{name}"), &planted(*name))).collect();
        let padding = text("p", &"x".repeat(3000 * (names.len() - 1)));
        hive(&path, &[(r"\Key", &[values, vec![padding]].concat())]);
        fs::read(&path).expect("the hive")
    };
    let [first, second, third] = [state(&[1]), state(&[1, 2]), state(&[1, 2, 3])];
    assert!(third.len() > first.len());
    let base = number(&first, 8);
    let one = log_entry(base, &first, &second);
    let two = log_entry(base + 1, &second, &third);
    // An entry that was applied before; two in one log, or one in each, as they are called.
    let old = log_entry(base.wrapping_sub(1), &third, &first);
    let values = |scanned: &Scanned| {
        let name =
            |(path, ..): (String, u64, u64, u64)| path.strip_prefix("/NTUSER.DAT → ").map(str::to_owned);
        let mut names: Vec<String> = places(scanned).into_iter().filter_map(name).collect();
        names.sort();
        names
    };
    let all = [r"Key\v1", r"Key\v2", r"Key\v3"];
    fs::write(&path, in_use(&first)).expect("a file");
    let (log1, log2) = (dir.path().join("ntuser.dat.LOG1"), dir.path().join("ntuser.dat.LOG2"));
    fs::write(&log1, log(&first, 6, &[&*old, &one, &two].concat())).expect("a file");
    let scanned = scan(dir.path());
    assert_eq!(values(&scanned), all, "{:?}", scanned.problems());
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
    assert_eq!(scanned.coverage().inside.not_replayed, 0);
    fs::write(&log1, log(&first, 6, &two)).expect("a file");
    fs::write(&log2, log(&first, 6, &one)).expect("a file");
    assert_eq!(values(&scan(dir.path())), all);
    // What is damaged, and what follows it, is not applied; what is cut off neither.
    let mut damaged = two.clone();
    damaged[100] ^= 1;
    fs::write(&log1, log(&first, 6, &damaged)).expect("a file");
    assert_eq!(values(&scan(dir.path())), all[..2]);
    fs::write(&log1, log(&first, 6, &two[..two.len() - 1])).expect("a file");
    assert_eq!(values(&scan(dir.path())), all[..2]);
    // Numbers that are missing end it.
    fs::write(&log1, log(&first, 6, &log_entry(base + 2, &second, &third))).expect("a file");
    assert_eq!(values(&scan(dir.path())), all[..2]);
    // The older form: a bit for each 512 bytes.
    fs::remove_file(&log2).expect("it goes");
    let mut bitmap = vec![0_u8; (third.len() - 4096) / 512 / 8];
    let mut pages = Vec::new();
    for (page, at) in (4096..third.len()).step_by(4096).enumerate() {
        if first.get(at..at + 4096) != third.get(at..at + 4096) {
            bitmap[page] = 0xff;
            pages.extend_from_slice(&third[at..at + 4096]);
        }
    }
    let mut vector = [b"DIRT".as_slice(), &bitmap].concat();
    vector.resize(vector.len().next_multiple_of(512), 0);
    let mut whole = third.clone();
    whole[12..20].copy_from_slice(&first[12..20]);
    let (begun, ended) = (number(&whole, 8), 8);
    set(&mut whole, 4, begun);
    set(&mut whole, ended, begun);
    fs::write(&log1, log(&whole, 1, &[vector, pages].concat())).expect("a file");
    let scanned = scan(dir.path());
    assert_eq!(values(&scanned), all, "{:?}", scanned.problems());
    // No log for this hive: read as it is.
    fs::write(&log1, log(&first, 6, &old)).expect("a file");
    let scanned = scan(dir.path());
    assert_eq!(values(&scanned), all[..1]);
    assert_eq!(scanned.coverage().inside.not_replayed, 1);
    // A hive that was not in use is read as it is, whatever its logs have.
    fs::write(&path, &first).expect("a file");
    fs::write(&log1, log(&first, 6, &one)).expect("a file");
    assert_eq!(values(&scan(dir.path())), all[..1]);
}
