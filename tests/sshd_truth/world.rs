//! The snapshot, its server, and a client that tries keys.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use snapsift::facts::{Client, Machine};
use snapsift::finding::{KeyRole, Timestamp, Verdict};
use snapsift::source::{Snapshot, SnapshotKind};

use super::cases::Case;

/// Accounts: name, number, password field, day of expiry, last change, shell.
const ACCOUNTS: [(&str, u32, &str, &str, &str, &str); 12] = [
    ("root", 0, "*", "", "19000", "/bin/sh"),
    ("alice", 2000, "*", "", "19000", "/bin/sh"),
    ("bob", 2001, "$6$abcdefgh$abcdefghabcdefgh", "", "19000", "/bin/bash"),
    ("locked", 2002, "!$6$abcdefgh$abcdefgh", "", "19000", "/bin/sh"),
    ("expired", 2003, "*", "1", "19000", "/bin/sh"),
    ("later", 2004, "*", "40000", "19000", "/bin/sh"),
    ("noshell", 2005, "*", "", "19000", "/bin/absent"),
    ("nologin", 2006, "*", "", "19000", "/usr/sbin/nologin"),
    ("changing", 2007, "*", "", "0", "/bin/sh"),
    ("defaultshell", 2008, "*", "", "19000", ""),
    ("bang", 2009, "!", "", "19000", "/bin/sh"),
    ("aged", 2010, "*", "", "10000", "/bin/sh"),
];

/// What a client saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// A command ran and ended well.
    pub(crate) session: bool,
    /// A port was forwarded.
    pub(crate) forwarding: bool,
}

pub(crate) struct World {
    root: PathBuf,
    keys: tempfile::TempDir,
    /// `/etc/pam.d/sshd` as it was installed.
    pam: String,
}

impl World {
    /// Copies the Debian root and makes keys. `None`, after saying why, where this
    /// is not root's.
    pub(crate) fn new(debian: &Path) -> Option<Self> {
        let user = Command::new("id").arg("-u").output().expect("id");
        if user.stdout != b"0\n" {
            assert!(std::env::var_os("CI").is_none(), "the server must be started by root");
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: a real sshd: it must be started by root");
            return None;
        }
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sshd-root");
        let _ = fs::remove_dir_all(&root);
        let copied = Command::new("cp").args(["-a", "--reflink=auto"]).args([debian, &root]).status();
        assert!(copied.expect("cp").success(), "cp -a");
        // What a directory above it may have of modes is nothing to the chroot.
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::create_dir_all(root.join("run/sshd")).expect("a directory");
        let pam = fs::read_to_string(root.join("etc/pam.d/sshd")).expect("PAM's file");
        let world = Self { root, keys: tempfile::tempdir().expect("a directory"), pam };
        for (name, arguments) in [
            ("ed25519", &["-t", "ed25519"][..]),
            ("other", &["-t", "ed25519"]),
            ("rsa", &["-t", "rsa", "-b", "2048"]),
            ("rsa1024", &["-t", "rsa", "-b", "1024"]),
            ("ecdsa", &["-t", "ecdsa", "-b", "256"]),
            ("ca", &["-t", "ed25519"]),
        ] {
            world.keygen(&[arguments, &["-q", "-N", "", "-C", name, "-f", &world.key(name)]].concat());
        }
        Some(world)
    }

    pub(crate) fn key(&self, name: &str) -> String {
        self.keys.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    fn keygen(&self, arguments: &[&str]) {
        let output =
            Command::new("ssh-keygen").args(arguments).stdin(Stdio::null()).output().expect("ssh-keygen");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// `{ed25519}` in a text stands for that public key, `{cert}` for a certificate.
    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for name in ["ed25519", "other", "rsa", "rsa1024", "ecdsa", "ca"] {
            let place = format!("{{{name}}}");
            if text.contains(&place) {
                let public = fs::read_to_string(format!("{}.pub", self.key(name))).expect("a key");
                let mut words = public.split_whitespace();
                let key = format!("{} {}", words.next().expect("a type"), words.next().expect("a key"));
                text = text.replace(&place, &key);
            }
        }
        text
    }

    fn write(&self, path: &str, text: &str, uid: u32, mode: u32) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(&path, text).expect("a file");
        chown(&path, Some(uid), Some(uid)).expect("an owner");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
    }

    /// Makes the snapshot of a case.
    pub(crate) fn prepare(&self, case: &Case) {
        let (mut passwd, mut group, mut shadow) = (String::new(), String::new(), String::new());
        for (name, id, password, expires, changed, shell) in ACCOUNTS {
            let home = if id == 0 { "/root".to_owned() } else { format!("/home/{name}") };
            passwd.push_str(&format!("{name}:x:{id}:{id}::{home}:{shell}\n"));
            group.push_str(&format!("{name}:x:{id}:\n"));
            let maximum = if name == "aged" { "10" } else { "" };
            shadow.push_str(&format!("{name}:{password}:{changed}:0:{maximum}:7::{expires}:\n"));
            let path = self.at(&home);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(path.join(".ssh")).expect("a home");
            for path in [path.join(".ssh"), path] {
                chown(&path, Some(id), Some(id)).expect("an owner");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("a mode");
            }
        }
        passwd.push_str("sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n");
        group.push_str("staff2:x:3000:alice,bob\nwheel2:x:3001:bob\n");
        self.write("etc/passwd", &passwd, 0, 0o644);
        self.write("etc/group", &group, 0, 0o644);
        self.write("etc/shadow", &shadow, 0, 0o600);
        self.write("etc/pam.d/sshd", &self.pam, 0, 0o644);
        for path in ["etc/hosts.allow", "etc/hosts.deny", "etc/security/access.conf"] {
            self.write(path, "", 0, 0o644);
        }
        let _ = fs::remove_file(self.at("etc/nologin"));
        let _ = fs::remove_dir_all(self.at("etc/ssh/keys"));
        let _ = fs::remove_dir_all(self.at("etc/ssh/sshd_config.d"));
        let _ = fs::remove_dir_all(self.at("srv/keys"));
        self.write("etc/ssh/sshd_config", &self.fill(&case.config), 0, 0o644);
        let uid = ACCOUNTS.iter().find(|(name, ..)| *name == case.user).map_or(0, |account| account.1);
        let home = if uid == 0 { "/root".to_owned() } else { format!("/home/{}", case.user) };
        if let Some(lines) = &case.lines {
            self.write(&format!("{home}/.ssh/authorized_keys"), &self.fill(lines), uid, 0o600);
        }
        for (path, text) in &case.files {
            self.write(path, &self.fill(text), 0, 0o644);
        }
        let script = case.script.replace("HOME", &format!(".{home}"));
        let done = Command::new("sh").args(["-ec", &script]).current_dir(&self.root).status().expect("sh");
        assert!(done.success(), "{}: {script}", case.name);
        if case.certificate {
            let (ca, key) = (self.key(case.authority), format!("{}.pub", self.key(case.key)));
            let names = ["-q", "-s", &ca, "-I", "id", "-n", case.principal];
            self.keygen(&[&names[..], case.signing, &[&key]].concat());
            if case.shown {
                let made = fs::read_to_string(format!("{}-cert.pub", self.key(case.key))).expect("one");
                self.write(&format!("{home}/.ssh/id-cert.pub"), &made, uid, 0o644);
            }
        } else {
            let _ = fs::remove_file(format!("{}-cert.pub", self.key(case.key)));
        }
    }

    /// What is said of the case's key; with a certificate, of its authority.
    pub(crate) fn verdict(&self, case: &Case, port: Option<u16>) -> Option<Verdict> {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let client = port.map(|local_port| Client { address: here, local_address: here, local_port });
        let snapshot = Snapshot::open(&self.root).expect("a snapshot");
        let SnapshotKind::Directory(root) = snapshot.kind() else { panic!("a directory") };
        let machine = Machine::read(root, Timestamp::now(), client.as_ref()).expect("a machine");
        let name = if case.certificate && !case.shown { case.authority } else { case.key };
        let output = Command::new("ssh-keygen").args(["-lf", &format!("{}.pub", self.key(name))]).output();
        let output = output.expect("ssh-keygen").stdout;
        let fingerprint =
            String::from_utf8(output).expect("UTF-8").split(' ').nth(1).expect("one").to_owned();
        let of_account =
            |account: &Option<String>| account.as_deref().is_none_or(|account| account == case.user);
        // Of several lines the one that gives most.
        let mut verdicts: Vec<Verdict> = machine
            .keys
            .iter()
            .filter(|key| key.fingerprint == fingerprint && of_account(&key.account))
            .filter(|key| match case.shown {
                true => key.role == KeyRole::Certificate,
                false => matches!(key.role, KeyRole::Authorized | KeyRole::CertAuthority),
            })
            .filter_map(|key| key.verdict.clone())
            .collect();
        verdicts.sort_by_key(|verdict| !verdict.authenticates());
        verdicts.into_iter().next()
    }

    /// Starts the snapshot's server; its log where it does not start.
    pub(crate) fn start(&self) -> Result<Server, String> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|socket| socket.local_addr())
            .expect("a port")
            .port();
        let log = self.keys.path().join("log");
        let mut child = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "chroot"])
            .arg(&self.root)
            .args(["/usr/sbin/sshd", "-D", "-e", "-p", &port.to_string(), "-o", "ListenAddress=127.0.0.1"])
            .stdin(Stdio::null())
            .stderr(fs::File::create(&log).expect("a log"))
            .spawn()
            .expect("unshare");
        let begun = Instant::now();
        loop {
            if child.try_wait().expect("the server").is_some() {
                return Err(fs::read_to_string(&log).unwrap_or_default());
            }
            if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                let mut banner = [0; 4];
                // Whom libwrap keeps out is hung up on.
                let hung_up = match stream.read_exact(&mut banner) {
                    Ok(()) => false,
                    Err(error) => {
                        matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)
                    }
                };
                if hung_up || &banner == b"SSH-" {
                    return Ok(Server { child, port, log });
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "the server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) struct Server {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Server {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Logs in with the case's key: once for a command, once to forward a port.
    pub(crate) fn try_key(&self, world: &World, case: &Case) -> Seen {
        let ssh = |arguments: &[&str]| {
            Command::new("timeout")
                .args(["20", "ssh", "-F", "none", "-p", &self.port.to_string()])
                .args(["-i", &world.key(case.key)])
                .args(["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes"])
                .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
                .args(["-o", "PreferredAuthentications=publickey", "-o", "LogLevel=ERROR"])
                .args(["-o", "PubkeyAcceptedAlgorithms=+ssh-rsa"])
                .args(arguments)
                .stdin(Stdio::null())
                .output()
                .expect("ssh")
        };
        let login = format!("{}@127.0.0.1", case.user);
        let session = ssh(&[&login, "true"]).status.success();
        let forwarded = ssh(&["-W", &format!("127.0.0.1:{}", self.port), &login]);
        Seen { session, forwarding: forwarded.stdout.starts_with(b"SSH-2.0") }
    }

    /// Ends it; gives what it logged.
    pub(crate) fn stop(mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}
