//! Private keys as they lie on disks, made by the programs of their formats when the
//! test runs: a scan must name each by the fingerprint that `ssh-keygen -lf` prints.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use snapsift::finding::{KeyRecord, Record};
use support::program::{code, records, scan, stderr, stdout, write};

/// Bits and fingerprint as `ssh-keygen -lf` prints them. Of a kind of key that it has
/// dropped, as `puttygen -l` does.
fn keygen(public: &Path) -> (u32, String) {
    let ask = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).arg(public).output().expect("runs");
        output.status.success().then(|| String::from_utf8(output.stdout).expect("UTF-8"))
    };
    let line = ask("ssh-keygen", &["-lf"]).or_else(|| {
        ask("puttygen", &["-l"]).and_then(|line| line.split_once(' ').map(|(_, rest)| rest.to_owned()))
    });
    let line = line.unwrap_or_else(|| panic!("{}", public.display()));
    let mut words = line.split(' ');
    let bits = words.next().and_then(|bits| bits.parse().ok()).expect("bits");
    (bits, words.next().expect("a fingerprint").to_owned())
}

struct Made {
    file: String,
    algorithm: Option<String>,
    encrypted: bool,
    expected: Option<(u32, String)>,
    text: String,
}

fn made(folder: &Path) -> Vec<Made> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/make-keys.sh");
    let output = Command::new("sh").arg(script).arg(folder).output().expect("sh");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = String::from_utf8(output.stdout).expect("UTF-8");
    let read = |row: &str| {
        let fields: Vec<&str> = row.split('|').collect();
        Made {
            file: fields[0].to_owned(),
            algorithm: (fields[2] != "-").then(|| fields[2].to_owned()),
            encrypted: fields[3] == "yes",
            expected: (fields[7] != "-").then(|| keygen(&folder.join(fields[7]))),
            text: String::from_utf8(std::fs::read(folder.join(fields[0])).expect("a key")).expect("UTF-8"),
        }
    };
    rows.lines().map(read).collect()
}

/// Key records by path.
fn keys(folder: &Path) -> BTreeMap<String, Vec<KeyRecord>> {
    let output = scan(&["--format", "jsonl"], folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mut keys: BTreeMap<String, Vec<KeyRecord>> = BTreeMap::new();
    for record in records(&stdout(&output)) {
        if let Record::Key(key) = record {
            keys.entry(key.location.path.clone()).or_default().push(*key);
        }
    }
    keys
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("JSON")
}

/// The files in which keys are found, whole.
fn forms(text: &str) -> Vec<(&'static str, String)> {
    let unix = text.replace("\r\n", "\n");
    let lines = |before: &str| unix.lines().map(|line| format!("{before}{line}\n")).collect::<String>();
    let escaped = unix.trim_end().replace('\n', "\\n");
    vec![
        ("plain", text.to_owned()),
        ("values.yaml", format!("ssh:\n  key: |\n{}  user: deploy\n", lines("    "))),
        ("tabs.conf", format!("<key>\n{}</key>\n", lines("\t\t"))),
        ("config.json", format!("{{\"name\": \"deploy\", \"key\": {}}}\n", json(&unix))),
        ("state.tfstate", json(&format!("{{\"private_key_pem\":{}}}", json(&unix)))),
        ("install.sh", format!("#!/bin/sh\ncat > ~/.ssh/id <<'EOF'\n{unix}EOF\nchmod 600 ~/.ssh/id\n")),
        (".env", format!("APP=1\nSSH_KEY=\"{escaped}\"\nOTHER=2\n")),
        (".bash_history", format!("ls\necho -e '{escaped}' > k; chmod 600 k\nexit\n")),
        ("secret.yaml", format!("kind: Secret\ndata:\n  key: {}\n", STANDARD.encode(&unix))),
        ("crlf.txt", unix.replace('\n', "\r\n")),
    ]
}

#[test]
fn keys_are_named_wherever_they_are_written() {
    let made_in = tempfile::tempdir().expect("a folder");
    let tree = tempfile::tempdir().expect("a folder");
    let made = made(made_in.path());
    for made in &made {
        for (form, text) in forms(&made.text) {
            write(tree.path(), &format!("{}/{form}", made.file), text.as_bytes());
        }
        if made.text.starts_with("-----BEGIN") && !made.text.contains("Proc-Type") {
            let (head, rest) = made.text.split_once('\n').expect("lines");
            let (body, tail) = rest.split_once("-----END").expect("an end");
            // A body that is wrapped elsewhere, and one that is not wrapped at all.
            if !made.text.contains("PARAMETERS") {
                let code: Vec<char> = body.chars().filter(|c| !c.is_whitespace()).collect();
                let wrapped: Vec<String> = code.chunks(41).map(|line| line.iter().collect()).collect();
                let text = format!("{head}\n{}\n-----END{tail}", wrapped.join("\n  "));
                write(tree.path(), &format!("{}/wrapped", made.file), text.as_bytes());
                let text = format!("{head}{}-----END{tail}", wrapped.concat());
                write(tree.path(), &format!("{}/one-line", made.file), text.as_bytes());
            }
        }
    }
    let found = keys(tree.path());
    let mut missing = Vec::new();
    for made in &made {
        let folder = tree.path().join(&made.file);
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let name = entry.expect("an entry").file_name();
            let path = format!("/{}/{}", made.file, name.to_str().expect("UTF-8"));
            match found.get(&path).map(Vec::as_slice) {
                Some([key]) => {
                    let expected = made.expected.clone();
                    let identity = key.fingerprint.clone().map(|print| (key.bits.unwrap_or(0), print));
                    assert_eq!(identity, expected, "{path}");
                    assert_eq!(key.algorithm, made.algorithm, "{path}");
                    assert_eq!((key.encrypted, &key.damage), (made.encrypted, &None), "{path}");
                }
                Some(several) => panic!("{path}: {} keys", several.len()),
                None => missing.push(path),
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn cut_keys_are_named_by_their_beginning() {
    let made_in = tempfile::tempdir().expect("a folder");
    let tree = tempfile::tempdir().expect("a folder");
    let made = made(made_in.path());
    let mut expected: BTreeMap<String, (u32, String)> = BTreeMap::new();
    for made in &made {
        // What has the public half at its beginning: OpenSSH's form, PKCS#1, PuTTY's.
        let head = made.text.lines().next().expect("a line");
        let begins = head.contains("OPENSSH") || head.contains("RSA ") || head.starts_with("PuTTY");
        let Some(identity) = made.expected.clone().filter(|_| begins) else { continue };
        let private = made.text.find("Private-Lines").map(|at| at + 20);
        let cut = &made.text[..private.unwrap_or(made.text.len() * 3 / 5)];
        let lines = |before: &str| cut.lines().map(|line| format!("{before}{line}\n")).collect::<String>();
        let mut files = vec![
            ("cut", cut.to_owned()),
            ("cut.yaml", format!("key: |\n{}", lines("  "))),
            (".env", format!("KEY=\"{}\"\nA=1\n", cut.replace("\r\n", "\n").replace('\n', "\\n"))),
            ("data", STANDARD.encode(cut)),
        ];
        if head.contains("OPENSSH") {
            // Without the label, in one line.
            let code: String = cut.lines().skip(1).collect();
            files.push(("fragment", format!("printf %s {code} | base64 -d\n")));
        }
        if !head.starts_with("PuTTY") {
            // Cut in the middle, another file's text behind it.
            files.push(("log", format!("{cut}\n[error] disk full: cannot go on\n")));
        }
        for (form, text) in files {
            let path = format!("{}/{form}", made.file);
            write(tree.path(), &path, text.as_bytes());
            expected.insert(format!("/{path}"), identity.clone());
        }
    }
    assert!(expected.len() > 100, "{}", expected.len());
    let found = keys(tree.path());
    let mut states = BTreeSet::new();
    let mut wrong = Vec::new();
    for (path, identity) in &expected {
        let of_file: Vec<_> = found.get(path).into_iter().flatten().collect();
        let same = |key: &&KeyRecord| {
            key.fingerprint.as_ref() == Some(&identity.1)
                && key.bits == Some(identity.0)
                && key.damage.is_some()
        };
        if of_file.len() != 1 || !of_file.iter().all(same) {
            wrong.push(format!("{path}: {} keys", of_file.len()));
        }
        states.extend(of_file.iter().filter_map(|key| key.damage.clone()));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(states, BTreeSet::from(["cut".to_owned(), "public_half".to_owned()]));
}

#[test]
fn weak_keys_are_told() {
    let tree = tempfile::tempdir().expect("a folder");
    let script = "mkdir root
        ssh-keygen -q -t rsa -b 1024 -N '' -f root/short
        ssh-keygen -q -t rsa -b 2048 -N '' -f root/sound
        ssh-keygen -q -t rsa -b 2048 -N secret -m PEM -f root/encrypted
        ssh-keygen -q -t ecdsa -b 521 -N '' -f root/p521 && puttygen root/p521 -O private -o root/p521.ppk
        openssl dsaparam -genkey -noout -out root/dsa 1024 2>/dev/null
        openssl pkey -in root/dsa -traditional -out root/id_dsa";
    let output = Command::new("sh").args(["-ec", script]).current_dir(&tree).output().expect("sh");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = keys(tree.path());
    let kinds = |path: &str| -> Vec<String> {
        let keys = found.get(path).unwrap_or_else(|| panic!("{path}"));
        keys.iter().flat_map(|key| key.weaknesses.iter().map(|weakness| weakness.kind.clone())).collect()
    };
    assert_eq!(kinds("/root/short"), ["short_rsa"]);
    assert_eq!(kinds("/root/sound"), Vec::<String>::new());
    assert_eq!(kinds("/root/encrypted"), ["weak_kdf"]);
    assert_eq!(kinds("/root/p521"), Vec::<String>::new());
    assert_eq!(kinds("/root/p521.ppk"), ["putty_p521"]);
    assert_eq!(kinds("/root/id_dsa"), ["dsa"]);
}

/// `NAME.pub` is not always of the key in `NAME`; and of a key of which nothing can be
/// read it is what there is.
#[test]
fn the_public_key_beside_a_private_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let make = |name: &str, arguments: &[&str]| {
        let path = folder.path().join(name);
        let made =
            Command::new("ssh-keygen").args(["-q", "-C", "", "-f"]).arg(&path).args(arguments).status();
        assert!(made.expect("ssh-keygen").success());
        keygen(&path.with_extension("pub")).1
    };
    make("same", &["-t", "ed25519", "-N", ""]);
    let other = make("other", &["-t", "ed25519", "-N", ""]);
    make("differs", &["-t", "ed25519", "-N", ""]);
    let hidden = make("hidden", &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "synthetic"]);
    make("garbage", &["-t", "ed25519", "-N", ""]);
    std::fs::copy(folder.path().join("other.pub"), folder.path().join("differs.pub")).expect("copied");
    write(folder.path(), "garbage.pub", b"ssh-ed25519 AAAA\xff\0 x\n");
    let keys = keys(folder.path());
    let beside = |name: &str| keys[name][0].public_beside.clone();
    assert_eq!([beside("/same"), beside("/other"), beside("/garbage")], [None, None, None]);
    assert_eq!(beside("/differs"), Some(other.clone()));
    assert_eq!((keys["/hidden"][0].fingerprint.clone(), beside("/hidden")), (None, Some(hidden.clone())));
    let text = stdout(&scan(&[], folder.path()));
    let row = |name: &str, print: &str| {
        let found = text.lines().any(|line| line.contains(name) && line.ends_with(print));
        assert!(found, "{name} {print}: {text}");
    };
    row("public beside differs", &other);
    row("public beside ", &hidden);
}
