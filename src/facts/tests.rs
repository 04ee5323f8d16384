//! Facts of made-up and hostile machines. What sshd itself says of keys is tested
//! against a real one.

mod logins;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Machine;
use crate::finding::{IdentityKind, KeyRole, Refusal, RestrictionKind, Timestamp, Undecided, Verdict};
use crate::source::{Snapshot, SnapshotKind};

/// A key that ssh-keygen made for this test.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBQVTti0ywP7njGjCX1qbimZ0d6XdvQ6V+6KHn60RPDY";

struct Made(tempfile::TempDir);

impl Made {
    /// A machine with a server and the accounts root and ana.
    fn new() -> Self {
        let made = Self(tempfile::tempdir().expect("a directory"));
        made.write("usr/sbin/sshd", "\0OpenSSH_9.2p1 Debian-2\0").write("etc/ssh/sshd_config", "UsePAM no\n");
        made.write("bin/sh", "").write("etc/group", "root:x:0:\nana:x:1000:\n");
        let (uid, gid) = made.owner();
        let passwd = format!("root:x:0:0::/root:/bin/sh\nana:x:{uid}:{gid}::/home/ana:/bin/sh\n");
        made.write("etc/passwd", &passwd).write("etc/shadow", "root:*:1::::::\nana:*:1::::::\n");
        fs::set_permissions(made.at("bin/sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("a mode");
        made
    }

    /// Whoever runs the test owns the files.
    fn owner(&self) -> (u32, u32) {
        use std::os::unix::fs::MetadataExt as _;
        let stat = fs::metadata(self.0.path()).expect("a directory");
        (stat.uid(), stat.gid())
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, bytes).expect("a file");
        self
    }

    fn key_file(&self, line: &str) -> &Self {
        self.write("home/ana/.ssh/authorized_keys", format!("{line}\n"))
    }

    fn read(&self) -> Option<Machine> {
        read(self.0.path())
    }

    /// The verdicts about the keys of ana.
    fn verdicts(&self) -> Vec<Verdict> {
        let machine = self.read().expect("a machine");
        let of_ana = machine.keys.into_iter().filter(|key| key.account.as_deref() == Some("ana"));
        of_ana.filter_map(|key| key.verdict).collect()
    }
}

fn read(path: &Path) -> Option<Machine> {
    let snapshot = Snapshot::open(path).expect("a snapshot");
    let SnapshotKind::Directory(root) = snapshot.kind() else { panic!("a directory") };
    Machine::read(root, Timestamp::now(), None)
}

fn is_undecided(verdict: &Verdict, reason: Undecided) -> bool {
    matches!(verdict, Verdict::Unverified { reason: said, .. } if *said == reason)
}

/// Without a client the rules of libwrap are a restriction; a server without it asks
/// for none.
#[test]
fn hosts_that_may_connect() {
    let made = Made::new();
    made.key_file(KEY);
    made.write("etc/hosts.deny", "ALL: ALL\n").write("etc/hosts.allow", "sshd: 10.\n");
    assert_eq!(made.verdicts(), [Verdict::Accepted]);
    made.write("usr/sbin/sshd", "\0OpenSSH_9.2p1 Debian-2\0libwrap.so.0\0");
    let kinds: Vec<RestrictionKind> = made.verdicts()[0].restrictions().iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [RestrictionKind::Source]);
    fs::remove_file(made.at("etc/hosts.allow")).expect("a file");
    assert!(matches!(made.verdicts()[0], Verdict::Refused { reason: Refusal::HostsAccess, .. }));
}

/// The comment is that of Google's guest agent, which takes the line away in time.
#[test]
fn keys_of_google_metadata_expire() {
    let made = Made::new();
    let line = |time| format!(r#"{KEY} google-ssh {{"userName":"ana@example.com","expireOn":"{time}"}}"#);
    made.key_file(&line("2020-01-02T03:04:05+0000"));
    assert!(is_undecided(&made.verdicts()[0], Undecided::Agent), "{:?}", made.verdicts());
    for later in ["2999-01-02T03:04:05+0000", "2999-01-02T05:04:05+02:00"] {
        made.key_file(&line(later));
        let restrictions = made.verdicts()[0].restrictions().to_vec();
        let detail = restrictions[0].detail.clone().expect("a time");
        assert_eq!((restrictions.len(), restrictions[0].kind), (1, RestrictionKind::Expires));
        assert!(detail.starts_with("2999-01-02T03:04:05"), "{detail}");
    }
    for none in ["soon", ""] {
        made.key_file(&line(none));
        assert!(is_undecided(&made.verdicts()[0], Undecided::Agent), "{none:?}");
    }
    made.key_file(&format!("{KEY} google-ssh"));
    assert_eq!(made.verdicts(), [Verdict::Accepted]);
}

#[test]
fn what_is_no_machine_has_no_facts() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("a"), KEY).expect("a file");
    assert!(read(dir.path()).is_none());
}

#[test]
fn a_plain_key_is_accepted_and_told() {
    let made = Made::new();
    made.write("home/ana/.ssh/authorized_keys", format!("\n{KEY} ana@build\n"));
    made.write(
        "home/ana/.ssh/config",
        "Host bastion b2\n HostName 10.0.0.1\n User ops\n IdentityFile ~/.ssh/a\n",
    );
    made.write("etc/ssh/ssh_host_ed25519_key.pub", KEY);
    let machine = made.read().expect("a machine");
    let key = machine.keys.iter().find(|key| key.role == KeyRole::Authorized).expect("a key");
    assert_eq!((key.verdict.clone(), key.line, key.offset), (Some(Verdict::Accepted), 2, 1));
    assert_eq!(key.comment.as_deref(), Some("ana@build"));
    assert_eq!(machine.keys.iter().filter(|key| key.role == KeyRole::HostPublic).count(), 1);
    let short = machine.verdicts(&key.fingerprint);
    assert_eq!((short.len(), short[0].account.as_str()), (1, "ana"));
    assert_eq!(short[0].place, "/home/ana/.ssh/authorized_keys:2");
    let host = &machine.record.ssh_hosts[0];
    assert_eq!(
        (host.patterns.len(), host.user.as_deref(), host.hostname.as_deref()),
        (2, Some("ops"), Some("10.0.0.1"))
    );
    let sshd = machine.record.sshd.expect("a server");
    assert_eq!(sshd.version.as_deref(), Some("OpenSSH_9.2p1 Debian-2"));
}

#[test]
fn identities_of_clouds_come_first() {
    let made = Made::new();
    made.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n").write("etc/hostname", "web1\n");
    made.write("var/lib/cloud/data/instance-id", "i-0abc\n");
    made.write("var/lib/cloud/data/previous-instance-id", "i-0old\n");
    made.write("var/lib/cloud/instance/datasource", "DataSourceEc2Local: DataSourceEc2Local\n");
    made.write("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='Debian GNU/Linux 12'\n");
    let record = made.read().expect("a machine").record;
    let identities: Vec<(IdentityKind, &str)> =
        record.identities.iter().map(|one| (one.kind, one.value.as_str())).collect();
    let expected = [
        (IdentityKind::CloudInstance, "i-0abc"),
        (IdentityKind::CloudPlatform, "ec2"),
        (IdentityKind::PreviousInstance, "i-0old"),
        (IdentityKind::MachineId, "0123456789abcdef0123456789abcdef"),
    ];
    assert_eq!(identities, expected);
    assert_eq!(record.hostname.as_deref(), Some("web1"));
    assert_eq!(record.os.expect("a system").version.as_deref(), Some("12"));
    made.write("etc/machine-id", "uninitialized\n");
    assert!(
        made.read()
            .expect("a machine")
            .record
            .identities
            .iter()
            .all(|one| one.kind != IdentityKind::MachineId)
    );
}

#[test]
fn keys_that_clouds_were_told_of_are_listed() {
    let made = Made::new();
    made.write(
        "var/lib/cloud/instances/i-0abc/user-data.txt",
        format!("#cloud-config\nssh_authorized_keys:\n  - {KEY}\n"),
    );
    made.write("var/lib/waagent/ovf-env.xml", format!("<Value>{KEY}</Value>"));
    made.write("var/lib/cloud/instances/i-0abc/obj.pkl", format!("\x00\x01X{KEY} x\x00"));
    let machine = made.read().expect("a machine");
    assert_eq!(
        machine.keys.iter().filter(|key| key.role == KeyRole::Provisioned && key.verdict.is_none()).count(),
        3
    );
}

#[test]
fn windows_keeps_administrators_apart() {
    let dir = tempfile::tempdir().expect("a directory");
    for (path, text) in [
        (
            "PROGRAMDATA/ssh/sshd_config",
            "Match Group administrators\nAuthorizedKeysFile __PROGRAMDATA__/ssh/administrators_authorized_keys\n",
        ),
        ("PROGRAMDATA/ssh/administrators_authorized_keys", KEY),
        ("Users/ana/.ssh/authorized_keys", KEY),
        ("Users/Public/x", ""),
    ] {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, text).expect("a file");
    }
    let machine = read(dir.path()).expect("a machine");
    let accounts: Vec<&str> = machine.record.accounts.iter().map(|account| account.name.as_str()).collect();
    assert_eq!(accounts, ["Administrators", "ana"]);
    assert!(
        machine
            .keys
            .iter()
            .all(|key| is_undecided(key.verdict.as_ref().expect("one"), Undecided::Membership))
    );
}

#[test]
fn links_stay_in_the_snapshot() {
    let made = Made::new();
    let outside = tempfile::tempdir().expect("a directory");
    fs::write(outside.path().join("authorized_keys"), KEY).expect("a file");
    fs::create_dir_all(made.at("home/ana")).expect("directories");
    symlink(outside.path(), made.at("home/ana/.ssh")).expect("a link");
    assert!(made.verdicts().is_empty());
    fs::remove_file(made.at("home/ana/.ssh")).expect("it goes");
    symlink("/", made.at("home/ana/.ssh")).expect("a link");
    made.write("authorized_keys", KEY);
    assert_eq!(made.verdicts().len(), 1, "the snapshot's own root");
}

#[test]
fn what_is_not_known_is_never_accepted() {
    let made = Made::new();
    made.write("home/ana/.ssh/authorized_keys", KEY);
    assert_eq!(made.verdicts(), [Verdict::Accepted]);
    let check = |path: &str, text: &str, reason: Undecided| {
        let before = fs::read(made.at(path)).ok();
        made.write(path, text);
        let verdicts = made.verdicts();
        assert!(is_undecided(&verdicts[0], reason), "{path}: {verdicts:?}");
        match before {
            Some(before) => fs::write(made.at(path), before),
            None => fs::remove_file(made.at(path)),
        }
        .expect("as before");
    };
    check("etc/ssh/sshd_config", "Include sshd_config\n", Undecided::Configuration);
    check("etc/ssh/sshd_config", "\u{0}\u{fffd}garbage\n", Undecided::Configuration);
    check("etc/ssh/sshd_config", &"Match User ana\nPermitTTY no\n".repeat(2000), Undecided::Configuration);
    check(
        "etc/ssh/sshd_config",
        &(0..20).map(|n| format!("Match Address 10.0.0.{n}\nPermitTTY no\n")).collect::<String>(),
        Undecided::Limit,
    );
    made.write("etc/krl", "SSHKRL\n\0rest");
    made.write("etc/ssh/sshd_config", "UsePAM no\nRevokedKeys /etc/krl\n");
    assert!(is_undecided(&made.verdicts()[0], Undecided::RevocationList));
    made.write("etc/ssh/sshd_config", "UsePAM no\nAllowGroups staff\n")
        .write("etc/nsswitch.conf", "group: files sss\n");
    assert!(is_undecided(&made.verdicts()[0], Undecided::Directory));
    made.write("usr/sbin/sshd", "\0OpenSSH_9.2p1\0libpam.so.0\0");
    made.write("etc/ssh/sshd_config", "UsePAM yes\n")
        .write("etc/pam.d/sshd", "account required pam_unix.so\naccount required pam_own.so\n");
    assert!(is_undecided(&made.verdicts()[0], Undecided::Pam));
    fs::remove_file(made.at("usr/sbin/sshd")).expect("it goes");
    made.write("etc/pam.d/sshd", "account required pam_unix.so\n");
    assert!(is_undecided(&made.verdicts()[0], Undecided::NoServer));
}

#[test]
fn hostile_files_end_and_are_counted() {
    let made = Made::new();
    let mut passwd = fs::read_to_string(made.at("etc/passwd")).expect("a file");
    passwd.push_str("neg:x:-1:0::/:/bin/sh\nana:x:0:0::/:/bin/sh\nroot2:x:0:0::/root:/bin/sh\n:\n\u{0}\n");
    made.write("etc/passwd", passwd);
    // A line of 10 MB, and a file of a gigabyte that is a hole.
    let mut text = format!("{KEY}\n");
    text.push_str(&"x".repeat(10 << 20));
    text.push_str(&format!("\n{KEY}\n"));
    made.write("home/ana/.ssh/authorized_keys", text);
    made.write("root/.ssh/authorized_keys", KEY);
    fs::File::options()
        .write(true)
        .open(made.at("root/.ssh/authorized_keys"))
        .and_then(|file| file.set_len(1 << 30))
        .expect("a hole");
    let machine = made.read().expect("a machine");
    let of_ana: Vec<&Verdict> = machine
        .keys
        .iter()
        .filter(|key| key.account.as_deref() == Some("ana"))
        .filter_map(|key| key.verdict.as_ref())
        .collect();
    assert_eq!(of_ana.len(), 2);
    assert!(matches!(of_ana[1], Verdict::Refused { reason: Refusal::EarlierLine, .. }));
    let messages: Vec<&str> =
        machine.record.problems.iter().map(|problem| problem.message.as_str()).collect();
    for part in ["no entry", "larger than", "more than once", "form of the file"] {
        assert!(messages.iter().any(|message| message.contains(part)), "{part}: {messages:?}");
    }
}

/// Binary garbage in the place of each file that facts are read from: the reading ends,
/// and what decides about a key and is garbage leaves nothing accepted.
#[test]
fn garbage_in_every_file() {
    const DECIDES: [&str; 6] = [
        "etc/passwd",
        "etc/shadow",
        "etc/ssh/sshd_config",
        "etc/ssh/sshd_config.d/a.conf",
        "etc/ssh/krl",
        "etc/pam.d/sshd",
    ];
    const OTHERS: [&str; 29] = [
        "etc/group",
        "etc/nsswitch.conf",
        "etc/hosts.allow",
        "etc/hosts",
        "etc/hostname",
        "etc/machine-id",
        "etc/os-release",
        "etc/localtime",
        "etc/security/access.conf",
        "etc/ssh/authorities",
        "etc/ssh/ssh_config",
        "etc/ssh/ssh_known_hosts",
        "etc/ssh/ssh_host_rsa_key.pub",
        "etc/network/interfaces",
        "etc/netplan/a.yaml",
        "etc/cloud/cloud.cfg",
        "etc/default/instance_configs.cfg",
        "home/ana/.ssh/config",
        "home/ana/.ssh/known_hosts",
        "home/ana/.ssh/id-cert.pub",
        "home/ana/.ssh/authorized_keys2",
        "var/lib/cloud/data/instance-id",
        "var/lib/cloud/instance/datasource",
        "var/lib/cloud/instances/i/obj.pkl",
        "var/lib/waagent/ovf-env.xml",
        "var/log/auth.log",
        "var/log/auth.log.1.gz",
        "var/log/wtmp",
        "var/log/lastlog",
    ];
    let made = Made::new();
    made.key_file(KEY);
    made.write("usr/sbin/sshd", "\0OpenSSH_9.2p1 Debian-2\0libpam.so.0\0libwrap.so.0\0")
        .write("etc/pam.d/sshd", "account required pam_unix.so\naccount required pam_access.so\n")
        .write("etc/ssh/krl", "# none\n")
        .write(
            "etc/ssh/sshd_config",
            "Include sshd_config.d/*.conf\nUsePAM yes\nRevokedKeys /etc/ssh/krl\nTrustedUserCAKeys /etc/ssh/authorities\n",
        );
    assert_eq!(made.verdicts(), [Verdict::Accepted]);
    // A generator of Marsaglia's, so that every run sees the same.
    let mut state = 0x2545_f491_u32;
    let mut random = |length: usize| -> Vec<u8> {
        let byte = |_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[1]
        };
        (0..length).map(byte).collect()
    };
    let kinds = [random(5000), vec![0; 5000], vec![0xff; 5000], b"\x1f\x8b\x08\0".repeat(900)];
    for path in DECIDES.iter().chain(&OTHERS) {
        let before = fs::read(made.at(path)).ok();
        for garbage in &kinds {
            made.write(path, garbage);
            let accepted = made.verdicts().contains(&Verdict::Accepted);
            assert!(!accepted || OTHERS.contains(path), "{path} of {:?}", &garbage[..4]);
        }
        match before {
            Some(before) => fs::write(made.at(path), before),
            None => fs::remove_file(made.at(path)),
        }
        .expect("as before");
    }
    assert_eq!(made.verdicts(), [Verdict::Accepted]);
}

/// 1,000 accounts with 100 keys each, in a build without optimisations.
#[test]
fn many_accounts_and_keys() {
    let made = Made::new();
    let (uid, gid) = made.owner();
    let (mut passwd, mut shadow) = (String::new(), String::new());
    for number in 0..1000 {
        passwd.push_str(&format!("u{number}:x:{uid}:{gid}::/home/u{number}:/bin/sh\n"));
        shadow.push_str(&format!("u{number}:*:1::::::\n"));
        let lines: String = (0..100).map(|line| format!("{KEY} u{number}.{line}\n")).collect();
        made.write(&format!("home/u{number}/.ssh/authorized_keys"), lines);
    }
    made.write("etc/passwd", passwd).write("etc/shadow", shadow);
    assert_eq!(made.read().expect("a machine").keys.len(), 100_000);
}
