//! Containers that a password keeps: made by keytool and openssl, or by Python after the
//! specification where programs refuse to.

use std::fs;

use super::sh;
use super::support::whole::{options, scan_by};

/// A keystore whose passwords are empty, which keytool does not make: the protection of
/// OpenJDK's `KeyProtector`, of which the digests are Python's.
const EMPTY: &str = r#"
import hashlib, struct
key, certificate = open('k.p8', 'rb').read(), open('c.der', 'rb').read()
sha1 = lambda data: hashlib.sha1(data).digest()
salt = sha1(b'salt')
mask, stream = salt, b''
while len(stream) < len(key):
    mask = sha1(mask)
    stream += mask
kept = salt + bytes(a ^ b for a, b in zip(key, stream)) + sha1(key)
def der(tag, body):
    length = bytes([len(body)]) if len(body) < 128 else bytes([0x81, len(body)])
    return bytes([tag]) + length + body
algorithm = der(0x30, bytes.fromhex('060a2b060104012a02110101') + b'\x05\x00')
kept = der(0x30, algorithm + der(4, kept))
store = struct.pack('>III', 0xfeedfeed, 2, 1) + struct.pack('>IH', 1, 4) + b'shop' + bytes(8)
store += struct.pack('>I', len(kept)) + kept + struct.pack('>IH', 1, 5) + b'X.509'
store += struct.pack('>I', len(certificate)) + certificate
open('empty.jks', 'wb').write(store + sha1(b'Mighty Aphrodite' + store))
"#;

#[test]
fn keystores_are_told_with_what_opens_them() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("empty.py"), EMPTY).expect("a file");
    sh(
        dir.path(),
        "openssl ecparam -name prime256v1 -genkey -noout -out k.pem
         openssl pkcs8 -topk8 -nocrypt -in k.pem -outform DER -out k.p8
         openssl req -x509 -new -key k.pem -subj /CN=shop.acme-corp.io -days 3650 -out c.pem
         openssl x509 -in c.pem -outform DER -out c.der
         python3 empty.py; rm empty.py
         openssl pkcs12 -export -inkey k.pem -in c.pem -passout pass: -out empty.pfx
         openssl pkcs12 -export -inkey k.pem -in c.pem -passout pass: -macalg sha1 -out sha1.pfx
         openssl pkcs12 -export -inkey k.pem -in c.pem -passout pass:Zq8w -out kept.pfx",
    );
    let keytool = |arguments: &str| {
        let script = format!("keytool {arguments} -storepass changeit 2>/dev/null");
        sh(dir.path(), &script);
    };
    let name = "-dname CN=shop.acme-corp.io -validity 3650 -keypass changeit";
    let has_keytool = std::process::Command::new("keytool").arg("-help").output().is_ok();
    if has_keytool {
        for (file, kind) in [("kept.jks", "JKS"), ("kept.jceks", "JCEKS")] {
            keytool(&format!("-genkeypair -alias web -keyalg EC {name} -keystore {file} -storetype {kind}"));
        }
        keytool(
            "-genseckey -alias sec -keyalg AES -keysize 256 -keypass changeit -keystore cipher.jceks -storetype JCEKS",
        );
        keytool("-importcert -noprompt -alias ca -file c.der -keystore trust.jks -storetype JKS");
    }
    sh(dir.path(), "rm k.pem k.p8 c.pem c.der; base64 -w0 empty.jks > jks.txt");
    let rules = snapsift::rules::RuleSet::builtin().expect("rules");
    let scanned = scan_by(&rules, dir.path(), options());
    let found: Vec<String> = scanned
        .findings()
        .iter()
        .map(|finding| {
            let attribute = |name: &str| finding.attributes.get(name).cloned().unwrap_or_default();
            let names = ["format", "encrypted", "password", "alias", "keys", "subject"];
            format!("{} {} {}", finding.location.path, finding.rule_id, names.map(attribute).join(" "))
        })
        .collect();
    let java = "private-key-java-keystore";
    let expected: Vec<String> = [
        format!("/cipher.jceks {java} jceks true  sec 1 "),
        format!("/empty.jks {java} jks false empty shop 1 shop.acme-corp.io"),
        "/empty.pfx private-key-pkcs12 pkcs12 false empty  1 ".to_owned(),
        format!("/jks.txt {java} jks false empty shop 1 shop.acme-corp.io"),
        format!("/kept.jceks {java} jceks true  web 1 shop.acme-corp.io"),
        format!("/kept.jks {java} jks true  web 1 shop.acme-corp.io"),
        "/kept.pfx private-key-pkcs12 pkcs12 true   1 ".to_owned(),
        "/sha1.pfx private-key-pkcs12 pkcs12 false empty  1 ".to_owned(),
    ]
    .into_iter()
    .filter(|line| has_keytool || !(line.starts_with("/kept.j") || line.starts_with("/cipher")))
    .collect();
    assert_eq!(found, expected);
    // What anyone opens is as severe as a key in clear.
    let severity = |path: &str| {
        let finding = scanned.findings().into_iter().find(|finding| finding.location.path == path);
        finding.map(|finding| finding.severity)
    };
    assert!(severity("/empty.pfx") > severity("/kept.pfx"));
    // Cut short at any place: still told where the key is there, and never a panic.
    let whole = fs::read(dir.path().join("empty.jks")).expect("the store");
    for length in 0..whole.len() {
        if let Some(store) = snapsift::formats::java_keystore::JavaKeystore::parse(&whole[..length]) {
            assert!(!store.opens, "{length}");
        }
    }
}

#[test]
fn hostile_headers_of_keepass_are_refused() {
    use snapsift::formats::keepass::KeePass;
    // By the format's description: version 3.1, a cipher, rounds, the end.
    let mut header = [0x03, 0xd9, 0xa2, 0x9a, 0x67, 0xfb, 0x4b, 0xb5, 1, 0, 3, 0].to_vec();
    let fields: [(u8, &[u8]); 3] =
        [(2, &[0x31, 0xc1, 0xf2, 0xe6]), (6, &[0x60, 0xea, 0, 0, 0, 0, 0, 0]), (0, b"")];
    for (kind, value) in fields {
        header.push(kind);
        header.extend_from_slice(&u16::try_from(value.len()).expect("short").to_le_bytes());
        header.extend_from_slice(value);
    }
    let read = KeePass::parse(&header).expect("a header");
    assert_eq!((read.version.as_str(), read.cipher, read.rounds), ("3.1", Some("aes-256"), Some(60_000)));
    for length in 0..header.len() {
        assert_eq!(KeePass::parse(&header[..length]), None, "{length}");
    }
    for at in 0..header.len() {
        let mut bytes = header.clone();
        bytes[at] = !bytes[at];
        let _ = KeePass::parse(&bytes);
    }
}
