//! `keys map` over scans of made-up machines: keys are made by ssh-keygen, scans by the
//! built program.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::program::{code, scan, snapsift, stderr, stdout, write};

struct Fleet {
    folder: tempfile::TempDir,
    fingerprint: String,
}

fn mode(root: &Path, path: &str, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(root.join(path), mode).expect("its mode");
}

/// A machine with sshd, root and `bob`.
fn machine(root: &Path, name: &str, id: &str, sshd: &str) {
    write(root, "etc/hostname", format!("{name}\n").as_bytes());
    write(root, "etc/machine-id", format!("{}\n", id.repeat(32)).as_bytes());
    write(root, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nbob:x:0:0:bob:/home/bob:/bin/sh\n");
    write(root, "etc/shadow", b"root:*:19000:0:99999:7:::\nbob:*:19000:0:99999:7:::\n");
    write(root, "etc/group", b"root:x:0:\n");
    write(root, "bin/sh", b"#!\n");
    mode(root, "bin/sh", 0o755);
    write(root, "etc/ssh/sshd_config", sshd.as_bytes());
    write(root, "usr/sbin/sshd", b"\x7fELF OpenSSH_9.2p1 Debian-2+deb12u3\0");
    mode(root, "usr/sbin/sshd", 0o755);
    write(root, "etc/systemd/system/multi-user.target.wants/ssh.service", b"[Service]\n");
}

/// Makes a key without a passphrase; gives its public half, type and number.
fn keygen(path: &Path, arguments: &[&str]) -> String {
    let kind = if arguments.is_empty() { &["-t", "ed25519"][..] } else { arguments };
    let made =
        Command::new("ssh-keygen").args(["-q", "-N", "", "-C", "", "-f"]).arg(path).args(kind).status();
    assert!(made.expect("ssh-keygen").success());
    let public = std::fs::read_to_string(format!("{}.pub", path.display())).expect("the public half");
    public.trim().to_owned()
}

impl Fleet {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        machine(&a, "web", "a", "UsePAM yes\n");
        machine(&b, "db", "b", "UsePAM yes\nDenyUsers bob\n");
        write(&a, "root/.ssh/known", b"");
        let key = a.join("root/.ssh/id_ed25519");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "deploy@web", "-f"])
            .arg(&key)
            .status()
            .expect("ssh-keygen");
        assert!(made.success());
        let listed = Command::new("ssh-keygen").arg("-lf").arg(&key).output().expect("ssh-keygen");
        let listed = String::from_utf8(listed.stdout).expect("UTF-8");
        let fingerprint = listed.split(' ').nth(1).expect("a fingerprint").to_owned();
        let public = std::fs::read_to_string(a.join("root/.ssh/id_ed25519.pub")).expect("the public half");
        write(&b, "root/.ssh/authorized_keys", format!("from=\"10.0.0.0/8\",no-pty {public}").as_bytes());
        write(&b, "home/bob/.ssh/authorized_keys", public.as_bytes());
        for path in ["root", "root/.ssh", "home", "home/bob", "home/bob/.ssh"] {
            mode(&b, path, 0o755);
        }
        for root in ["a", "b"] {
            let output = scan(&["-q", "-f", "jsonl", "--reveal"], &folder.path().join(root));
            assert_eq!(code(&output), 0, "{}", stderr(&output));
            write(folder.path(), &format!("scans/{root}.jsonl"), &output.stdout);
        }
        Self { folder, fingerprint }
    }

    fn scans(&self) -> PathBuf {
        self.folder.path().join("scans")
    }
}

fn map(arguments: &[&str], scans: &[&Path]) -> Output {
    snapsift().args(["keys", "map"]).args(arguments).args(scans).output().expect("the program runs")
}

#[test]
fn a_key_of_one_machine_opens_an_account_of_another() {
    let fleet = Fleet::new();
    let output = map(&[], &[&fleet.scans()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with(&format!("{} ed25519 256 deploy@web\n", fleet.fingerprint)), "{text}");
    assert!(text.contains("lies on web:/root/.ssh/id_ed25519 mode 0600"), "{text}");
    assert!(text.contains("opens root@db: restricted, from 10.0.0.0/8, no pty"), "{text}");
    assert!(text.contains("does not open bob@db: refused, DenyUsers names the account (bob)"), "{text}");

    let json: serde_json::Value =
        serde_json::from_str(&stdout(&map(&["-f", "json"], &[&fleet.scans()]))).expect("JSON");
    assert_eq!((&json["keys"][0]["opens"], &json["machines"]), (&1.into(), &2.into()));
    let dot = stdout(&map(&["-f", "dot"], &[&fleet.scans()]));
    assert!(
        dot.starts_with("digraph") && dot.contains("style=dotted") && dot.contains("style=solid"),
        "{dot}"
    );

    // The streams hold the key itself (`--reveal`); neither store nor output does.
    let private = std::fs::read_to_string(fleet.folder.path().join("a/root/.ssh/id_ed25519")).expect("it");
    let line = private.lines().nth(2).expect("a line of its body");
    let streams = std::fs::read_to_string(fleet.scans().join("a.jsonl")).expect("a scan");
    assert!(streams.contains(line), "the test would show nothing");
    let store = fleet.folder.path().join("store");
    for _ in 0..2 {
        // The second time all scans are there already.
        let again = map(&["--store", store.to_str().expect("UTF-8")], &[&fleet.scans()]);
        assert_eq!((code(&again), stdout(&again)), (0, text.clone()));
    }
    let bytes = std::fs::read(&store).expect("the store");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&store).expect("the store"));
    assert_eq!(mode & 0o777, 0o600, "only its owner may read it");
    for shown in [text.as_bytes(), dot.as_bytes(), &bytes] {
        assert!(!shown.windows(line.len()).any(|part| part == line.as_bytes()));
    }
}

/// Root of `web` has connected to `db`, which is told by its host key, by a name, by the
/// hash of an address, and by an included configuration.
#[test]
fn known_hosts_and_configurations_hint_at_use() {
    let fleet = Fleet::new();
    let (web, db) = (fleet.folder.path().join("a"), fleet.folder.path().join("b"));
    let host = keygen(&db.join("etc/ssh/ssh_host_ed25519_key"), &[]);
    let other = keygen(&fleet.folder.path().join("other"), &[]);
    write(&db, "etc/hosts", b"127.0.0.1 localhost\n127.0.1.1 db.example.org db\n");
    write(&db, "etc/network/interfaces", b"iface eth0 inet static\n  address 192.0.2.7/24\n");
    let known = format!(
        "elsewhere {host}\ndb.example.org,ignored {other}\nunknown.example.org {other}\n@revoked db {other}\n"
    );
    write(&web, "root/.ssh/known_hosts", known.as_bytes());
    write(&web, "root/hashed", format!("192.0.2.7 {other}\n192.0.2.8 {other}\n").as_bytes());
    let hashed = Command::new("ssh-keygen").arg("-H").arg("-f").arg(web.join("root/hashed")).output();
    assert!(hashed.expect("ssh-keygen").status.success());
    let config = b"UserKnownHostsFile ~/.ssh/known_hosts ~/hashed\nInclude conf.d/*\nHost other\n\tUser me\n";
    write(&web, "root/.ssh/config", config);
    let included =
        b"Host db\n  HostName db.example.org\n  User root\n  IdentityFile ~/.ssh/id_ed25519\nInclude *\n";
    write(&web, "root/.ssh/conf.d/db", included);
    for root in ["a", "b"] {
        let output = scan(&["-q", "-f", "jsonl"], &fleet.folder.path().join(root));
        write(fleet.folder.path(), &format!("again/{root}.jsonl"), &output.stdout);
    }
    let again = fleet.folder.path().join("again");
    let text = stdout(&map(&[], &[&again]));
    let hints: Vec<&str> = text.lines().filter(|line| line.contains("hint:")).collect();
    assert_eq!(
        hints,
        [
            "  hint: root@web connects to db.example.org as root with it (/root/.ssh/conf.d/db)",
            "  hint: root@web knows db by the hash of a name (/root/hashed:1)",
            "  hint: root@web knows db.example.org by its name (/root/.ssh/known_hosts:2)",
            "  hint: root@web knows elsewhere by its host key (/root/.ssh/known_hosts:1)",
        ],
        "{text}"
    );
}

#[test]
fn what_is_no_whole_scan_is_named_and_kept_out() {
    let fleet = Fleet::new();
    let path = fleet.scans().join("b.jsonl");
    let text = std::fs::read_to_string(&path).expect("a scan");
    let cut = text.trim_end().rfind('\n').expect("lines") + 1;
    std::fs::write(&path, &text[..cut]).expect("written");
    let output = map(&[], &[&fleet.scans()]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("b.jsonl: kept out: it has no summary"), "{}", stderr(&output));
    let shown = stdout(&output);
    assert!(shown.contains("no account of these machines has it") && !shown.contains("@db"), "{shown}");

    let empty = fleet.folder.path().join("empty.jsonl");
    std::fs::write(&empty, "").expect("written");
    let output = map(&[], &[&empty]);
    assert_eq!(code(&output), 3);
    assert!(stdout(&output).contains("no complete scan was given"), "{}", stdout(&output));
    assert!(stderr(&output).contains("it is empty"));
    std::fs::write(&empty, "{\"type\":\"finding\"\n").expect("written");
    assert!(stderr(&map(&[], &[&empty])).contains("no record of snapsift/1"));
}

/// The same key twice on the machine that accepts it: whole, and cut before its private
/// number.
#[test]
fn what_is_left_of_a_damaged_key_opens_nothing() {
    let fleet = Fleet::new();
    let key = std::fs::read(fleet.folder.path().join("a/root/.ssh/id_ed25519")).expect("the key");
    let db = fleet.folder.path().join("b");
    write(&db, "srv/whole", &key);
    write(&db, "srv/cut", key.get(..key.len() * 55 / 100).expect("a part"));
    let output = scan(&["-q", "-f", "jsonl"], &db);
    let found = |path: &str| -> serde_json::Value {
        let records = stdout(&output);
        let mut records = records.lines().map(|line| serde_json::from_str(line).expect("a record"));
        records
            .find(|record: &serde_json::Value| {
                record["type"] == "finding" && record["location"]["path"] == path
            })
            .unwrap_or_else(|| panic!("no finding in {path}"))
    };
    let root = &found("/srv/whole")["accounts"];
    assert!(root.as_array().is_some_and(|accounts| accounts.len() == 2), "{root}");
    assert_eq!(found("/srv/cut")["accounts"], serde_json::Value::Null);
}

/// Two machines from one disk: their host keys are the same, their names are not.
#[test]
fn clones_share_host_keys_and_stay_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = folder.path().join("one");
    machine(&one, "one", "c", "UsePAM yes\n");
    keygen(&one.join("etc/ssh/ssh_host_ed25519_key"), &[]);
    let two = folder.path().join("two");
    let copied = Command::new("cp").arg("-a").args([&one, &two]).status();
    assert!(copied.expect("cp").success());
    write(&two, "etc/hostname", b"two\n");
    write(&two, "root/x", b"");
    keygen(&two.join("root/key"), &[]);
    for root in ["one", "two"] {
        let output = scan(&["-q", "-f", "jsonl"], &folder.path().join(root));
        write(folder.path(), &format!("scans/{root}.jsonl"), &output.stdout);
    }
    let text = stdout(&map(&[], &[&folder.path().join("scans")]));
    let (_, shared) = text.split_once("host key ").expect("a shared host key");
    let lines: Vec<&str> = shared.lines().collect();
    assert!(lines[0].ends_with("is the same on 2 machines:"), "{text}");
    let id = "c".repeat(32);
    assert_eq!(lines[1..3], [format!("  one (machine-id:{id}:one)"), format!("  two (machine-id:{id}:two)")]);
    // That of a machine alone is none.
    let text = stdout(&map(&[], &[&folder.path().join("scans/one.jsonl")]));
    assert!(!text.contains("host key"), "{text}");
}

#[test]
fn the_newest_scan_of_a_machine_counts() {
    let fleet = Fleet::new();
    let db = fleet.folder.path().join("b");
    std::fs::remove_file(db.join("root/.ssh/authorized_keys")).expect("it goes");
    let output = scan(&["-q", "-f", "jsonl"], &db);
    // The order of the names is not that of the scans.
    write(fleet.folder.path(), "scans/0.jsonl", &output.stdout);
    let text = stdout(&map(&[], &[&fleet.scans()]));
    assert!(!text.contains("root@db") && text.contains("bob@db"), "{text}");
    assert!(text.contains("2 machines, "), "{text}");
}

#[test]
fn a_scan_comes_from_standard_input() {
    let fleet = Fleet::new();
    let input = std::fs::File::open(fleet.scans().join("a.jsonl")).expect("a scan");
    let output = snapsift()
        .args(["keys", "map", "-"])
        .arg(fleet.scans().join("b.jsonl"))
        .stdin(input)
        .output()
        .expect("the program runs");
    assert_eq!((code(&output), stdout(&output)), (0, stdout(&map(&[], &[&fleet.scans()]))));
    let output = snapsift().args(["keys", "map", "-"]).stdin(std::process::Stdio::null()).output();
    let output = output.expect("the program runs");
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("standard input: kept out: it is empty"), "{}", stderr(&output));
}

#[test]
fn an_encrypted_key_opens_with_its_passphrase() {
    let fleet = Fleet::new();
    let web = fleet.folder.path().join("a");
    let key = web.join("root/.ssh/id_ed25519");
    let locked =
        Command::new("ssh-keygen").args(["-q", "-p", "-N", "secret", "-P", "", "-f"]).arg(&key).status();
    assert!(locked.expect("ssh-keygen").success());
    let output = scan(&["-q", "-f", "jsonl"], &web);
    write(fleet.folder.path(), "scans/a.jsonl", &output.stdout);
    let text = stdout(&map(&[], &[&fleet.scans()]));
    assert!(
        text.starts_with(&format!("{} ed25519 256 (needs its passphrase)\n", fleet.fingerprint)),
        "{text}"
    );
    assert!(text.contains("opens root@db: encrypted, from 10.0.0.0/8, no pty"), "{text}");
    // One copy in clear is enough.
    let again =
        Command::new("ssh-keygen").args(["-q", "-p", "-N", "", "-P", "secret", "-f"]).arg(&key).status();
    assert!(again.expect("ssh-keygen").success());
    std::fs::copy(&key, fleet.folder.path().join("b/root/clear")).expect("copied");
    let output = scan(&["-q", "-f", "jsonl"], &fleet.folder.path().join("b"));
    write(fleet.folder.path(), "scans/b.jsonl", &output.stdout);
    let text = stdout(&map(&[], &[&fleet.scans()]));
    assert!(text.contains("opens root@db: restricted, from 10.0.0.0/8"), "{text}");
}

#[test]
fn colours_are_for_those_who_ask() {
    let fleet = Fleet::new();
    let plain = stdout(&map(&[], &[&fleet.scans()]));
    assert!(!plain.contains('\x1b'), "{plain}");
    let colour = stdout(&map(&["--color", "always"], &[&fleet.scans()]));
    assert!(colour.contains("\x1b[1m"), "{colour}");
    let bare = regex::Regex::new("\x1b\\[[0-9;]*m").expect("a pattern").replace_all(&colour, "").into_owned();
    assert_eq!(bare, plain);
    assert!(
        plain.contains("last read ") && plain.contains(" ago)") || plain.contains("(just now)"),
        "{plain}"
    );
}

#[test]
fn nothing_to_show_is_explained() {
    let fleet = Fleet::new();
    let alone = stdout(&map(&[], &[&fleet.scans().join("a.jsonl")]));
    assert!(alone.contains("no account of these machines has an authorized key"), "{alone}");
    write(&fleet.folder.path().join("a"), "root/.ssh/authorized_keys", b"");
    let other = keygen(&fleet.folder.path().join("other"), &[]);
    write(&fleet.folder.path().join("a"), "root/.ssh/authorized_keys", other.as_bytes());
    let output = scan(&["-q", "-f", "jsonl"], &fleet.folder.path().join("a"));
    let path = fleet.folder.path().join("again.jsonl");
    std::fs::write(&path, &output.stdout).expect("written");
    let text = stdout(&map(&[], &[&path]));
    assert!(text.contains("so give their scans too"), "{text}");
    let text = stdout(&map(&[], &[&fleet.scans().join("b.jsonl")]));
    assert!(text.contains("no private key whose public half could be read"), "{text}");
}

/// Logs of `db` and `web` tell who used a key, and an entry with a weak key is listed.
#[test]
fn uses_by_logs_and_weak_entries() {
    let fleet = Fleet::new();
    let (web, db) = (fleet.folder.path().join("a"), fleet.folder.path().join("b"));
    let print = &fleet.fingerprint;
    write(&web, "etc/hosts", b"192.0.2.10 web.example.org web\n");
    let log = format!(
        "2026-01-02T03:04:05Z db sshd[1]: Accepted publickey for root from 192.0.2.10 port 9 ssh2: ED25519 {print}\n"
    );
    write(&db, "var/log/auth.log", log.repeat(3).as_bytes());
    let weak = keygen(&fleet.folder.path().join("weak"), &["-t", "rsa", "-b", "1024"]);
    let more =
        format!("{}{weak}\n", std::fs::read_to_string(db.join("root/.ssh/authorized_keys")).expect("it"));
    write(&db, "root/.ssh/authorized_keys", more.as_bytes());
    for root in ["a", "b"] {
        let output = scan(&["-q", "-f", "jsonl"], &fleet.folder.path().join(root));
        write(fleet.folder.path(), &format!("again/{root}.jsonl"), &output.stdout);
    }
    let text = stdout(&map(&[], &[&fleet.folder.path().join("again")]));
    let used = text.lines().find(|line| line.starts_with("  used as ")).expect("a use");
    assert!(used.starts_with("  used as root@db from 192.0.2.10 (web) "), "{used}");
    assert!(used.ends_with("(2026-01-02 03:04 UTC), 3 times, by /var/log/auth.log"), "{used}");
    assert!(text.contains("rsa is weak: short rsa, its private half lies on none"), "{text}");
    // The finding of a private key has the uses on its own machine.
    write(&db, "root/copy", &std::fs::read(web.join("root/.ssh/id_ed25519")).expect("the key"));
    let text = stdout(&scan(&["-q"], &db));
    assert!(text.contains("used") && text.contains("as root from 192.0.2.10"), "{text}");
}

/// The certificate is on one machine, the authority is trusted on another.
#[test]
fn certificates_lead_to_other_machines() {
    let fleet = Fleet::new();
    let (web, db) = (fleet.folder.path().join("a"), fleet.folder.path().join("b"));
    let authority = fleet.folder.path().join("authority");
    let public = keygen(&authority, &[]);
    let key = web.join("root/.ssh/id_ed25519");
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-I", "x", "-n", "root,web", "-s"])
        .args([&authority, &key.with_extension("pub")])
        .status();
    assert!(signed.expect("ssh-keygen").success());
    write(&db, "root/.ssh/authorized_keys", format!("cert-authority {public}\n").as_bytes());
    write(&db, "home/bob/.ssh/authorized_keys", b"");
    write(&db, "etc/ssh/sshd_config", b"UsePAM yes\n");
    // The machine of the certificate trusts the authority for all its accounts.
    write(&web, "etc/ssh/authority", public.as_bytes());
    write(&web, "etc/ssh/sshd_config", b"UsePAM yes\nTrustedUserCAKeys /etc/ssh/authority\n");
    for root in ["a", "b"] {
        let output = scan(&["-q", "-f", "jsonl"], &fleet.folder.path().join(root));
        write(fleet.folder.path(), &format!("again/{root}.jsonl"), &output.stdout);
    }
    let text = stdout(&map(&[], &[&fleet.folder.path().join("again")]));
    assert!(
        text.contains("  opens root@web: accepted, certificate (/root/.ssh/id_ed25519-cert.pub:1)"),
        "{text}"
    );
    let elsewhere =
        "  may open root@db: unverified, certificate the authority is trusted, for root, certificate";
    assert!(text.contains(elsewhere), "{text}");
    assert!(!text.contains("bob@"), "{text}");
}
