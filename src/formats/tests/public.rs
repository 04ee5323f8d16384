//! Public keys, certificates and revocation lists as ssh-keygen and openssl write
//! them, held against what ssh-keygen says of them.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::keys::{FOLDER, MADE, keygen};
use crate::formats::krl::{Krl, KrlError, MAGIC, Revocation};
use crate::formats::public_key::{PublicFormat, PublicText};
use crate::formats::ssh_certificate::{Certificate, CertificateKind};

/// Runs a command of the shell in a folder and returns what it printed.
fn sh(folder: &Path, command: &str) -> String {
    let output = Command::new("sh").args(["-ec", command]).current_dir(folder).output().expect("sh");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn every_form_of_a_public_key() {
    let _ = &*MADE;
    let folder = FOLDER.path();
    let types = [
        ("ossh-ed25519", ""),
        ("ossh-rsa2048", "rsa.pem"),
        ("ossh-ecdsa256", "ec256.pem"),
        ("ossh-ecdsa384", "ec384.pem"),
        ("ossh-ecdsa521", "ec521.pem"),
    ];
    for (name, pem) in types {
        let file = folder.join(format!("{name}.pub"));
        let expected = keygen(&file, "sha256");
        let comment = name.replace("ossh-", "plain ");
        let mut forms = vec![
            (PublicFormat::Line, std::fs::read_to_string(&file).expect("a key"), true),
            (PublicFormat::Rfc4716, sh(folder, &format!("ssh-keygen -e -m RFC4716 -f {name}.pub")), false),
        ];
        if !pem.is_empty() {
            forms.push((PublicFormat::Spki, sh(folder, &format!("openssl pkey -in {pem} -pubout")), false));
        }
        if name == "ossh-rsa2048" {
            forms.push((
                PublicFormat::Pkcs1,
                sh(folder, &format!("ssh-keygen -e -m PEM -f {name}.pub")),
                false,
            ));
        }
        for (format, text, has_comment) in forms {
            let public = PublicText::parse(text.as_bytes()).unwrap_or_else(|| panic!("{name} {format:?}"));
            assert_eq!(public.format, format, "{name}");
            assert_eq!((public.key.bits, public.key.fingerprint_sha256()), expected, "{name} {format:?}");
            if has_comment {
                assert_eq!(public.comment.as_deref(), Some(comment.as_str()));
            }
            for length in 0..text.trim_end().len() {
                let cut = PublicText::parse(&text.as_bytes()[..length]);
                assert!(cut.is_none_or(|cut| cut.key == public.key), "{name} {format:?} cut at {length}");
            }
        }
    }
    let dsa = PublicText::parse(sh(folder, "openssl pkey -in dsa.pem -pubout").as_bytes()).expect("a key");
    assert_eq!((dsa.key.bits, dsa.key.fingerprint_sha256()), keygen(&folder.join("dsa.pub"), "sha256"));
    let ed = PublicText::parse(sh(folder, "openssl pkey -in ed.p8 -pubout").as_bytes()).expect("a key");
    assert_eq!((ed.key.bits, ed.key.fingerprint_sha256()), keygen(&folder.join("ed.pub"), "sha256"));
}

/// RFC 4716 section 3.6: headers that go on in the next line.
#[test]
fn a_comment_over_two_lines() {
    let _ = &*MADE;
    let line = std::fs::read_to_string(FOLDER.path().join("ossh-ed25519.pub")).expect("a key");
    let code = line.split(' ').nth(1).expect("base64");
    let text = format!(
        "---- BEGIN SSH2 PUBLIC KEY ----\nSubject: me\nComment: \"one \\\ntwo\"\nx-other: 1\n{}\n{}\n---- END SSH2 PUBLIC KEY ----\n",
        &code[..40],
        &code[40..]
    );
    let public = PublicText::parse(text.as_bytes()).expect("a key");
    assert_eq!(public.comment.as_deref(), Some("one two"));
    assert_eq!(public.key.fingerprint_sha256(), keygen(&FOLDER.path().join("ossh-ed25519.pub"), "sha256").1);
}

#[test]
fn a_line_whose_words_disagree() {
    let _ = &*MADE;
    let line = std::fs::read_to_string(FOLDER.path().join("ossh-ed25519.pub")).expect("a key");
    assert!(PublicText::parse_line(line.as_bytes()).is_some());
    assert!(PublicText::parse_line(line.replace("ssh-ed25519 ", "ssh-rsa ").as_bytes()).is_none());
    assert!(PublicText::parse_line(line.replace("ssh-ed25519 ", "ssh-ed255 ").as_bytes()).is_none());
    assert!(PublicText::parse_line(b"ssh-ed25519").is_none());
    assert!(PublicText::parse_line(&vec![b'a'; 10 << 20]).is_none());
}

/// A folder with an authority and certificates of it.
fn authority() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    sh(
        folder.path(),
        "ssh-keygen -q -t ed25519 -N '' -C ca -f ca
         ssh-keygen -q -t ed25519 -N '' -C other-ca -f other
         for n in 1 2 3 4 5 6; do ssh-keygen -q -t ed25519 -N '' -C key$n -f k$n; done
         ssh-keygen -q -t rsa -b 2048 -N '' -C rsa -f r1
         ssh-keygen -q -s ca -I alice@2026 -n alice,root -z 41 -V 20260101000000Z:20270101000000Z \
            -O force-command='/bin/true a' -O source-address=10.0.0.0/8,192.0.2.1 -O no-pty k1.pub
         ssh-keygen -q -s ca -I host -h -n a.example.com -z 42 -V always:forever r1.pub
         ssh-keygen -q -s ca -I third -z 43 k2.pub
         ssh-keygen -q -s other -I third -z 41 k3.pub
         ssh-keygen -q -s ca -I named k4.pub
         ssh-keygen -q -s ca -I far -z 70000 k5.pub
         ssh-keygen -q -s ca -I huge -z 18446744073709551615 k6.pub",
    );
    folder
}

fn public(folder: &Path, file: &str) -> PublicText {
    PublicText::parse(&std::fs::read(folder.join(file)).expect("a key")).unwrap_or_else(|| panic!("{file}"))
}

#[test]
fn certificates_say_what_ssh_keygen_says() {
    let folder = authority();
    let folder = folder.path();
    let alice = public(folder, "k1-cert.pub");
    let certificate = alice.certificate.expect("a certificate");
    assert_eq!(certificate.key, alice.key);
    assert_eq!((certificate.serial, certificate.kind), (41, CertificateKind::User));
    assert_eq!(
        (certificate.key_id.as_str(), &certificate.principals[..]),
        ("alice@2026", &["alice".to_owned(), "root".to_owned()][..])
    );
    // 2026-01-01 and 2027-01-01, UTC.
    assert_eq!((certificate.valid_after, certificate.expires_at()), (1_767_225_600, Some(1_798_761_600)));
    assert!(certificate.is_valid_at(1_767_225_600) && certificate.is_valid_at(1_798_761_599));
    assert!(!certificate.is_valid_at(1_767_225_599) && !certificate.is_valid_at(1_798_761_600));
    let options = [("force-command", "/bin/true a"), ("source-address", "10.0.0.0/8,192.0.2.1")];
    assert_eq!(
        certificate.critical_options,
        options.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert!(!certificate.extensions.contains(&"permit-pty".to_owned()));
    assert!(certificate.extensions.contains(&"permit-port-forwarding".to_owned()));
    assert_eq!(certificate.authority_fingerprint(), keygen(&folder.join("ca.pub"), "sha256").1);
    let host = public(folder, "r1-cert.pub").certificate.expect("a certificate");
    assert_eq!((host.kind, host.valid_after, host.expires_at()), (CertificateKind::Host, 0, None));
    assert_eq!(host.key.fingerprint_sha256(), keygen(&folder.join("r1-cert.pub"), "sha256").1);
    // What `ssh-keygen -L` prints of each.
    for file in ["k1-cert.pub", "r1-cert.pub", "k2-cert.pub", "k6-cert.pub"] {
        let shown = sh(folder, &format!("ssh-keygen -Lf {file}"));
        let certificate = public(folder, file).certificate.expect("a certificate");
        assert!(shown.contains(&format!("Serial: {}\n", certificate.serial)), "{shown}");
        assert!(shown.contains(&format!("Key ID: \"{}\"\n", certificate.key_id)), "{shown}");
        assert!(shown.contains(&certificate.authority_fingerprint()), "{shown}");
        for name in certificate.principals.iter().chain(&certificate.extensions) {
            assert!(shown.contains(name), "{shown}");
        }
    }
}

/// ssh-keygen makes the lists and says of every key whether it is revoked.
#[test]
fn lists_revoke_what_ssh_keygen_says_they_do() {
    let folder = authority();
    let folder = folder.path();
    let fingerprint = keygen(&folder.join("k2.pub"), "sha256").1;
    let key = std::fs::read_to_string(folder.join("k3.pub")).expect("a key");
    let key = key.trim_end();
    let specifications = [
        ("serial: 41\n".to_owned(), true),
        ("serial: 40-42\nserial: 70000\n".to_owned(), true),
        // Near to each other: a bitmap. Far: a list.
        ((0..40).map(|n| format!("serial: {}\n", 3 + n * 2)).collect(), true),
        ((1..60).map(|n| format!("serial: {}\n", n * 10_000)).collect(), true),
        ("serial: 1-18446744073709551615\n".to_owned(), true),
        ("serial: 18446744073709551615\n".to_owned(), true),
        ("id: third\n".to_owned(), true),
        (format!("key: {key}\nid: named\n"), true),
        (format!("sha1: {key}\n"), true),
        (format!("sha256: {key}\n"), true),
        (format!("hash: {fingerprint}\n"), true),
        (format!("key: {}", std::fs::read_to_string(folder.join("ca.pub")).expect("a key")), false),
        (String::new(), false),
    ];
    let files: Vec<String> = (1..=6)
        .flat_map(|n| [format!("k{n}.pub"), format!("k{n}-cert.pub")])
        .chain(["r1.pub", "r1-cert.pub", "ca.pub", "other.pub"].map(str::to_owned))
        .collect();
    let mut kinds = Vec::new();
    for (specification, with_authority) in &specifications {
        std::fs::write(folder.join("spec"), specification).expect("a file");
        let authority = if *with_authority { "-s ca.pub" } else { "" };
        sh(folder, &format!("ssh-keygen -q -k -f krl {authority} -z 7 spec"));
        let list = Krl::parse(&std::fs::read(folder.join("krl")).expect("a list")).expect("a list");
        assert_eq!(list.version, 7);
        assert!(list.generated > 1_700_000_000);
        for file in &files {
            let output =
                Command::new("ssh-keygen").args(["-Q", "-f", "krl", file]).current_dir(folder).output();
            let expected = !output.expect("ssh-keygen").status.success();
            let public = public(folder, file);
            let found = list.is_revoked(&public.key, public.certificate.as_ref());
            assert_eq!(found.is_some(), expected, "{file}: {found:?} by {specification:.60}");
            kinds.extend(found);
        }
    }
    let all = [
        Revocation::Key,
        Revocation::Sha1,
        Revocation::Sha256,
        Revocation::Serial,
        Revocation::KeyId,
        Revocation::Authority,
    ];
    assert!(all.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
}

#[test]
fn what_is_no_list() {
    let parse = |parts: &[&[u8]]| Krl::parse(&parts.concat());
    let head = [&[0, 0, 0, 1][..], &[0; 24], &[0; 8]].concat();
    assert!(parse(&[MAGIC, &head]).is_ok());
    assert_eq!(parse(&[b"ssh-ed25519 AAAA"]), Err(KrlError::NotAList));
    assert_eq!(parse(&[MAGIC]), Err(KrlError::Truncated));
    assert_eq!(parse(&[MAGIC, &[0, 0, 0, 2], &[0; 32]]), Err(KrlError::Unsupported));
    assert_eq!(parse(&[MAGIC, &head, &[9, 0, 0, 0, 0]]), Err(KrlError::Unsupported));
    assert_eq!(parse(&[MAGIC, &head, &[2, 0xff, 0xff, 0xff, 0xff]]), Err(KrlError::Truncated));
    assert_eq!(parse(&[MAGIC, &head, &[3, 0, 0, 0, 5, 0, 0, 0, 1, 7]]), Err(KrlError::Malformed));
    // An extension that need not, and one that must be understood.
    assert!(parse(&[MAGIC, &head, &[255, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]]).is_ok());
    assert_eq!(
        parse(&[MAGIC, &head, &[255, 0, 0, 0, 9, 0, 0, 0, 0, 1, 0, 0, 0, 0]]),
        Err(KrlError::Unsupported)
    );
}

proptest! {
    #[test]
    fn any_bytes_are_no_public_keys(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = PublicText::parse(&bytes);
        let _ = Certificate::from_blob(&bytes);
        let _ = Krl::parse(&[MAGIC, &[0, 0, 0, 1], &[0; 32], &bytes].concat());
        let line = format!("ssh-ed25519 {}", STANDARD.encode(&bytes));
        prop_assert!(PublicText::parse(line.as_bytes()).is_none());
    }

    #[test]
    fn cut_and_altered_certificates(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let _ = &*MADE;
        let text = std::fs::read_to_string(FOLDER.path().join("ossh-ed25519-cert.pub")).expect("a certificate");
        let mut blob = STANDARD.decode(text.split(' ').nth(1).expect("base64")).expect("base64");
        prop_assert!(Certificate::from_blob(&blob).is_ok());
        let at = place.index(blob.len());
        blob[at] = byte;
        let _ = Certificate::from_blob(&blob);
        blob.truncate(at);
        prop_assert!(Certificate::from_blob(&blob).is_err());
    }
}
