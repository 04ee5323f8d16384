//! Keys made by ssh-keygen, openssl and puttygen when the test runs, held against
//! what `ssh-keygen -lf` says of them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::formats::private_key::{KeyError, PrivateKey};
use crate::formats::ssh_public::PublicKey;

pub(super) struct Made {
    pub(super) file: String,
    pub(super) format: String,
    algorithm: Option<String>,
    pub(super) encrypted: bool,
    pub(super) cipher: Option<String>,
    kdf: Option<String>,
    comment: Option<String>,
    pub(super) public: Option<PathBuf>,
    pub(super) bytes: Vec<u8>,
}

pub(super) static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a directory"));

pub(super) static MADE: LazyLock<Vec<Made>> = LazyLock::new(|| {
    let folder = FOLDER.path();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/make-keys.sh");
    let output = Command::new("sh").arg(script).arg(folder).output().expect("sh");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = String::from_utf8(output.stdout).expect("UTF-8");
    let made: Vec<Made> = rows.lines().map(|row| read_row(row, folder)).collect();
    assert!(made.len() > 40, "{rows}");
    made
});

fn read_row(row: &str, folder: &Path) -> Made {
    let fields: Vec<&str> = row.split('|').collect();
    let [file, format, algorithm, encrypted, cipher, kdf, comment, public] = fields[..] else {
        panic!("not a row: {row}")
    };
    let some = |field: &str| (field != "-").then(|| field.to_owned());
    Made {
        file: file.into(),
        format: format.into(),
        algorithm: some(algorithm),
        encrypted: encrypted == "yes",
        cipher: some(cipher),
        kdf: some(kdf),
        comment: some(comment),
        public: some(public).map(|name| folder.join(name)),
        bytes: std::fs::read(folder.join(file)).expect("a key"),
    }
}

/// Bits and fingerprint by ssh-keygen. Where it does not know the type any more
/// (DSA from OpenSSH 10 on), by puttygen.
pub(super) fn keygen(public: &Path, hash: &str) -> (u32, String) {
    let output =
        Command::new("ssh-keygen").args(["-E", hash, "-lf"]).arg(public).output().expect("ssh-keygen");
    if output.status.success() {
        let line = String::from_utf8(output.stdout).expect("UTF-8");
        let mut words = line.split_whitespace();
        let bits = words.next().and_then(|bits| bits.parse().ok()).expect("bits");
        return (bits, words.next().expect("a fingerprint").to_owned());
    }
    let output = Command::new("puttygen").arg(public).args(["-l", "-E", hash]).output().expect("puttygen");
    assert!(output.status.success(), "{}", public.display());
    let line = String::from_utf8(output.stdout).expect("UTF-8");
    let words: Vec<&str> = line.split_whitespace().collect();
    let print = if hash == "md5" { format!("MD5:{}", words[2]) } else { words[2].to_owned() };
    (words[1].parse().expect("bits"), print)
}

#[test]
fn every_container_is_what_its_program_says() {
    for made in MADE.iter() {
        let file = &made.file;
        let key = PrivateKey::parse(&made.bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(key.format.as_str(), made.format, "{file}");
        assert_eq!(key.algorithm.as_deref(), made.algorithm.as_deref(), "{file}");
        assert_eq!(key.encrypted, made.encrypted, "{file}");
        assert_eq!(key.cipher.as_deref(), made.cipher.as_deref(), "{file}");
        assert_eq!(key.kdf.as_deref(), made.kdf.as_deref(), "{file}");
        assert_eq!(key.comment, made.comment, "{file}");
        let Some(public) = &made.public else {
            assert_eq!(key.fingerprint_sha256(), None, "{file}");
            continue;
        };
        let (bits, sha256) = keygen(public, "sha256");
        assert_eq!((key.bits, key.fingerprint_sha256()), (Some(bits), Some(sha256)), "{file}");
        assert_eq!(key.fingerprint_md5(), Some(keygen(public, "md5").1), "{file}");
    }
}

#[test]
fn keys_in_other_files_are_the_same_keys() {
    for made in MADE.iter() {
        let Ok(text) = std::str::from_utf8(&made.bytes) else { panic!("{}: not text", made.file) };
        let expected = PrivateKey::parse(&made.bytes).expect("a key");
        let json = serde_json::to_string(text).expect("JSON");
        let twice = serde_json::to_string(&json).expect("JSON");
        let mut forms = vec![json, twice, text.replace('\n', "\r\n"), text.replace('\n', "\r")];
        if text.contains("-----BEGIN") {
            forms.push(text.replace('\n', "\n    "));
            forms.push(text.replace('\n', " "));
            forms.push(text.replace('\n', "\n# "));
            forms.push(text.replace('\n', "\n// "));
            forms.push(text.replace('\n', "\n    //! "));
            forms.push(text.replace('\n', "&#10;"));
            forms.push(text.lines().map(|line| format!("    \"{line}\\n\" +\n")).collect());
            forms.push(text.lines().map(|line| format!("  '{line}',\n")).collect());
            forms.push(text.replace('/', "\\/").replace('+', "\\u002B").replace('\n', "\\n"));
        }
        for form in forms {
            let key = PrivateKey::parse(form.as_bytes());
            assert_eq!(key.as_ref(), Ok(&expected), "{}: {}", made.file, form.get(..60).unwrap_or(""));
        }
    }
}

#[test]
fn a_certificate_has_the_fingerprint_of_its_key() {
    use base64::Engine as _;
    let _ = &*MADE;
    let path = FOLDER.path().join("ossh-ed25519-cert.pub");
    let line = std::fs::read_to_string(&path).expect("a certificate");
    let code = line.split_whitespace().nth(1).expect("base64");
    let blob = base64::engine::general_purpose::STANDARD.decode(code).expect("base64");
    let public = PublicKey::from_blob(&blob).expect("a certificate");
    assert!(public.certificate);
    assert_eq!((public.algorithm, public.bits), ("ed25519", 256));
    assert_eq!(public.fingerprint_sha256(), keygen(&path, "sha256").1);
}

#[test]
fn keys_that_were_changed_are_refused() {
    let key = |file: &str| MADE.iter().find(|made| made.file == file).expect("made").bytes.clone();
    // One base64 digit in the middle of a part that something else vouches for.
    for (file, line) in [("rsa.pem", 3), ("ossh-ed25519", 3), ("ed25519-2.ppk", 7), ("ed25519-3.ppk", 7)] {
        let text = String::from_utf8(key(file)).expect("UTF-8");
        let changed: Vec<String> = text
            .lines()
            .enumerate()
            .map(|(number, text)| {
                if number != line {
                    return text.to_owned();
                }
                let digit = if text.as_bytes()[5] == b'A' { "B" } else { "A" };
                format!("{}{digit}{}", &text[..5], &text[6..])
            })
            .collect();
        assert!(PrivateKey::parse(changed.join("\n").as_bytes()).is_err(), "{file}");
    }
    let comment =
        String::from_utf8(key("ed25519-3.ppk")).expect("UTF-8").replace("Comment: plain", "Comment: other");
    assert_eq!(PrivateKey::parse(comment.as_bytes()), Err(KeyError::Inconsistent));
}

/// PROTOCOL.u2f of OpenSSH: the handles of tokens, put together by hand, since
/// real ones need a token.
#[test]
fn a_token_handle_is_no_key() {
    use base64::Engine as _;
    let string =
        |bytes: &[u8]| [&u32::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat();
    let ed = [string(b"sk-ssh-ed25519@openssh.com"), string(&[7; 32])].concat();
    let point = [&[4][..], &[7; 64]].concat();
    let ec = [string(b"sk-ecdsa-sha2-nistp256@openssh.com"), string(b"nistp256"), string(&point)].concat();
    for (start, algorithm) in [(ed, "ed25519-sk"), (ec, "ecdsa-sk")] {
        let public = [start, string(b"ssh:")].concat();
        let mut private =
            [&[1, 2, 3, 4, 1, 2, 3, 4][..], &public, &[1], &string(&[9; 64]), &string(b"")].concat();
        private.extend(string(b"me@token"));
        let missing = private.len().next_multiple_of(8) - private.len();
        private.extend((1..8).take(missing));
        let body = [
            b"openssh-key-v1\0".to_vec(),
            string(b"none"),
            string(b"none"),
            string(b""),
            1_u32.to_be_bytes().to_vec(),
            string(&public),
            string(&private),
        ]
        .concat();
        let code = base64::engine::general_purpose::STANDARD.encode(body);
        let label = concat!("OPENSSH PRIVATE", " KEY");
        let text = format!("-----BEGIN {label}-----\n{code}\n-----END {label}-----\n");
        let key = PrivateKey::parse(text.as_bytes()).expect("a handle");
        assert_eq!(key.algorithm.as_deref(), Some(algorithm));
        assert!(key.is_hardware_bound());
        assert_eq!(key.comment.as_deref(), Some("me@token"));
    }
}
