//! Containers of keys that other programs made, whole, cut and altered: PKCS#12 and
//! certificates by openssl when the test runs, an OpenPGP key by GnuPG.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use proptest::prelude::*;

use crate::formats::openpgp::{self, PgpError};
use crate::formats::pkcs12::Pkcs12;
use crate::formats::x509::Certificate;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &str| {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .output()
            .expect("openssl");
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem \
         -days 20000 -subj /O=Acme/CN=shop.acme-corp.io");
    run("x509 -in cert.pem -outform DER -out cert.der");
    run("x509 -in cert.pem -noout -fingerprint -sha1 -dates -dateopt iso_8601 -out cert.txt");
    run("pkcs12 -export -inkey key.pem -in cert.pem -passout pass:Zq8w -out enc.pfx");
    run("pkcs12 -export -inkey key.pem -in cert.pem -passout pass: -certpbe NONE -out half.pfx");
    run(
        "pkcs12 -export -inkey key.pem -in cert.pem -passout pass: -certpbe NONE -keypbe NONE -nomac -out plain.pfx",
    );
    run("pkcs12 -export -nokeys -in cert.pem -passout pass:x -out trust.pfx");
    folder
});

fn made(file: &str) -> Vec<u8> {
    std::fs::read(Path::new(FOLDER.path()).join(file)).expect("made by openssl")
}

#[test]
fn a_certificate_says_what_openssl_says() {
    let certificate = Certificate::parse(&made("cert.der")).expect("a certificate");
    let text = String::from_utf8(made("cert.txt")).expect("UTF-8");
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix(name).map(|_| line));
        line.and_then(|line| line.split_once('=')).expect("a line").1.to_owned()
    };
    assert_eq!(certificate.subject.as_deref(), Some("shop.acme-corp.io"));
    assert_eq!(certificate.thumbprint, value("sha1 fingerprint").replace(':', ""));
    assert_eq!(certificate.not_before, value("notbefore").replace(' ', "T"));
    // Past 2049 the form of the time is another one.
    assert_eq!(certificate.not_after, value("notafter").replace(' ', "T"));
    assert!(certificate.not_after > "2050".to_owned());
}

#[test]
fn what_stands_in_a_file() {
    let read = |file: &str| Pkcs12::parse(&made(file)).expect("a file");
    let encrypted = read("enc.pfx");
    assert_eq!((encrypted.plain_keys, encrypted.encrypted_keys, encrypted.encrypted_parts), (0, 1, 1));
    assert!(encrypted.has_mac && encrypted.certificate.is_none());
    let half = read("half.pfx");
    assert_eq!((half.plain_keys, half.encrypted_keys, half.encrypted_parts), (0, 1, 0));
    assert_eq!(half.certificate, Certificate::parse(&made("cert.der")).ok());
    let plain = read("plain.pfx");
    assert_eq!((plain.plain_keys, plain.encrypted_keys, plain.has_mac), (1, 0, false));
    let trust = read("trust.pfx");
    assert_eq!((trust.plain_keys, trust.encrypted_keys), (0, 0));
}

#[test]
fn cut_and_altered_files() {
    let whole = made("plain.pfx");
    for length in 0..whole.len() {
        assert!(Pkcs12::parse(&whole[..length]).is_err(), "{length}");
    }
    assert!(Pkcs12::parse(&[&whole[..], b"x"].concat()).is_err());
    let mut version = whole.clone();
    let place = version.windows(3).position(|bytes| bytes == [2, 1, 3]).expect("a version");
    version[place + 2] = 4;
    assert!(Pkcs12::parse(&version).is_err());
    let certificate = made("cert.der");
    for length in 0..certificate.len() {
        assert!(Certificate::parse(&certificate[..length]).is_err(), "{length}");
    }
}

/// `gpg --quick-gen-key "Release Bot <release@acme-corp.io>" ed25519 sign 20300101T000000`,
/// exported without a passphrase; the facts are those of `gpg --with-colons`.
const PGP: &str = concat!(
    "-----BEGIN PGP PRIVATE",
    " KEY BLOCK-----\n\n",
    "lFgEawZDdBYJKwYBBAHaRw8BAQdACe+bveEWIUqiMQgaimz70+82r5lPs366Qz+Z\n",
    "hyr5ZpMAAP96LIXWMIXcb06yFlZJtvwX5TiDWYlumNliEZfbotf2ohHVtCJSZWxl\n",
    "YXNlIEJvdCA8cmVsZWFzZUBhY21lLWNvcnAuaW8+iJYEExYIAD4WIQR/guCzcX1C\n",
    "LPqUbWPgHlb6h3zykQUCawZDdAIbAwUJBdWVDAULCQgHAgYVCgkICwIEFgIDAQIe\n",
    "AQIXgAAKCRDgHlb6h3zykSRtAQC5tNwKO63NmSXqegctWmTM8eT7FudMjlgUy7qT\n",
    "S+VUcgD9Hiy6HCP7EhNaZ61slaXe62RpRfChqpwVVn4EfyuLKg4=\n",
    "=ahvZ\n",
    "-----END PGP PRIVATE",
    " KEY BLOCK-----\n",
);

#[test]
fn an_openpgp_key() {
    let key = openpgp::parse(PGP.as_bytes()).expect("a key");
    assert_eq!(key.fingerprint.as_deref(), Some("7F82E0B3717D422CFA946D63E01E56FA877CF291"));
    assert_eq!(key.user_id.as_deref(), Some("Release Bot <release@acme-corp.io>"));
    assert_eq!((key.algorithm, key.encrypted), ("ed25519", false));
    assert_eq!((key.created, key.expires), (1_795_572_596, Some(1_893_456_000)));
    // As it stands in JSON, and as one of the older programs writes it.
    assert_eq!(openpgp::parse(PGP.replace('\n', "\\n").as_bytes()), Ok(key.clone()));
    let with_header = PGP.replacen("\n\n", "\r\nVersion: GnuPG v2\r\n\r\n", 1);
    assert_eq!(openpgp::parse(with_header.as_bytes()), Ok(key));
}

#[test]
fn openpgp_cut_and_altered() {
    let bad = |text: &str| openpgp::parse(text.as_bytes()).expect_err("no key");
    assert_eq!(bad(""), PgpError::Armour);
    assert_eq!(bad(&PGP[..PGP.len() - 60]), PgpError::Armour);
    // One character of the body: the sum tells.
    let at = PGP.find("\n\n").expect("a body") + 20;
    let other = if PGP.as_bytes()[at] == b'A' { "B" } else { "A" };
    assert_eq!(bad(&[&PGP[..at], other, &PGP[at + 1..]].concat()), PgpError::Armour);
    let block = |code: &str| format!("-----BEGIN X-----\n\n{code}\n-----END X-----");
    assert_eq!(bad(&block("")), PgpError::Packet);
    // A public key: tag 6.
    assert_eq!(bad(&block("mAEE")), PgpError::NotSecretKey);
    // A length past the end.
    assert_eq!(bad(&block("lP8E")), PgpError::Packet);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0_usize..400) {
        use base64::Engine as _;
        let code = base64::engine::general_purpose::STANDARD.encode([&[0x94, 0x58, 4][..], &bytes].concat());
        let _ = openpgp::parse(format!("-----BEGIN X-----\n\n{code}\n-----END X-----").as_bytes());
        let mut file = made("plain.pfx");
        let at = cut.min(file.len());
        let end = (at + bytes.len()).min(file.len());
        file[at..end].copy_from_slice(&bytes[..end - at]);
        let _ = Pkcs12::parse(&file);
        let _ = Certificate::parse(&bytes);
    }
}
