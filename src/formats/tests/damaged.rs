//! Keys that are cut, damaged or put together from two, and the names that clouds
//! give to keys.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::keys::{FOLDER, MADE, keygen};
use crate::formats::pem;
use crate::formats::private_key::{KeyFormat, KeyState, PrivateKey};

fn made(file: &str) -> Vec<u8> {
    MADE.iter().find(|made| made.file == file).unwrap_or_else(|| panic!("{file}")).bytes.clone()
}

fn armour(kind: &str, body: &[u8]) -> String {
    let label = [kind, "PRIVATE", " KEY"].concat();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(body))
}

/// A key that is cut is the same key or unknown, and never whole; once its public
/// half is there it is known.
#[test]
fn what_is_left_of_a_key_is_that_key() {
    for made in MADE.iter() {
        let file = &made.file;
        let whole = PrivateKey::parse(&made.bytes).expect("a key");
        let mut known_from = None;
        let end = made.bytes.windows(8).rposition(|part| part == b"-----END");
        let end = end.unwrap_or(made.bytes.len() - 70);
        for length in (0..end).rev().step_by(3) {
            let Ok(key) = PrivateKey::parse_damaged(&made.bytes[..length]) else { continue };
            assert_ne!(key.state, KeyState::Whole, "{file} cut at {length}");
            assert_eq!(key.public_blob, whole.public_blob, "{file} cut at {length}");
            assert_eq!(
                (key.format, key.encrypted),
                (whole.format, whole.encrypted),
                "{file} cut at {length}"
            );
            assert!(!key.encrypted || key.state == KeyState::PublicHalf, "{file} cut at {length}");
            known_from = Some(length);
        }
        let by_beginning = matches!(made.format.as_str(), "openssh" | "pkcs1" | "ppk2" | "ppk3");
        let clear = made.cipher.is_none() || matches!(made.format.as_str(), "openssh" | "ppk2" | "ppk3");
        if by_beginning && clear {
            assert!(known_from.is_some_and(|length| length < end), "{file}: {known_from:?} of {end}");
        }
    }
}

#[test]
fn a_private_number_that_is_left_is_told() {
    // The seed of an Ed25519 key ends 80 bytes before the end of these bodies; the
    // private exponent of RSA comes before the primes.
    let state = |file: &str, numerator: usize| {
        let bytes = made(file);
        PrivateKey::parse_damaged(&bytes[..bytes.len() * numerator / 100]).map(|key| key.state)
    };
    assert_eq!(state("ossh-ed25519", 55), Ok(KeyState::PublicHalf));
    assert_eq!(state("ossh-ed25519", 83), Ok(KeyState::Cut));
    assert_eq!(state("ossh-rsa2048", 30), Ok(KeyState::PublicHalf));
    assert_eq!(state("ossh-rsa2048", 70), Ok(KeyState::Cut));
    assert_eq!(state("rsa.pem", 30), Ok(KeyState::PublicHalf));
    assert_eq!(state("rsa.pem", 50), Ok(KeyState::Cut));
    assert_eq!(state("rsa.p8", 50), Ok(KeyState::Cut));
    assert_eq!(state("ec521.pem", 60), Ok(KeyState::Cut));
    assert_eq!(state("enc-aes256-ctr", 90), Ok(KeyState::PublicHalf));
}

#[test]
fn an_openssh_key_needs_no_label() {
    let text = String::from_utf8(made("ossh-ed25519")).expect("UTF-8");
    let code: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = PrivateKey::parse_damaged(format!("KEY='{}", &code[..150]).as_bytes()).expect("a key");
    let public = MADE.iter().find(|made| made.file == "ossh-ed25519").and_then(|made| made.public.clone());
    assert_eq!(key.fingerprint_sha256(), Some(keygen(&public.expect("a file"), "sha256").1));
    assert_eq!(key.state, KeyState::PublicHalf);
}

/// The public half of one key before the private half of another.
#[test]
fn halves_of_two_keys_are_told() {
    for file in ["ossh-ed25519", "ossh-ecdsa256", "ossh-rsa2048"] {
        let mut body = pem::parse(&made(file)).expect("a block").body;
        // A bit in the last byte of the public half: it follows the type, and stands
        // once before and once within the private half.
        let blob = PrivateKey::parse(&made(file)).expect("a key").public_blob.expect("a public half");
        let at = memchr::memmem::find(&body, &blob).expect("the public half") + blob.len() - 1;
        body[at] ^= 2;
        let text = armour("OPENSSH ", &body);
        assert!(PrivateKey::parse(text.as_bytes()).is_err(), "{file}");
        let key = PrivateKey::parse_damaged(text.as_bytes()).expect("a key");
        assert_eq!(key.state, KeyState::Inconsistent, "{file}");
    }
    // Both copies alike, and the private number another one's.
    let mut body = pem::parse(&made("ossh-ecdsa256")).expect("a block").body;
    let other = pem::parse(&made("ec-params.pem")).map(|pem| pem.body);
    assert!(other.is_ok());
    let scalar = memchr::memmem::rfind(&body, b"plain ecdsa256").expect("the comment") - 4 - 8;
    body[scalar] ^= 1;
    let key = PrivateKey::parse_damaged(armour("OPENSSH ", &body).as_bytes()).expect("a key");
    assert_eq!(key.state, KeyState::Inconsistent);
    // SEC1, whose point is no other number's.
    let mut body = pem::parse(&made("ec256.pem")).expect("a block").body;
    body[10] ^= 1;
    let key = PrivateKey::parse_damaged(armour("EC ", &body).as_bytes()).expect("a key");
    assert_eq!(key.state, KeyState::Inconsistent);
    // PuTTY's checksum.
    let text = String::from_utf8(made("ed25519-3.ppk")).expect("UTF-8");
    let key = PrivateKey::parse_damaged(text.replace("Comment: plain", "Comment: other").as_bytes());
    assert_eq!(key.map(|key| key.state), Ok(KeyState::Inconsistent));
}

/// RFC 8410 section 10.3: a key with its public half, and one that is another's.
#[test]
fn an_edwards_key_with_its_public_half() {
    let seed = made("ed.p8");
    let body = pem::parse(&seed).expect("a block").body;
    let blob = PrivateKey::parse(&seed).expect("a key").public_blob.expect("a public half");
    let public = &blob[blob.len() - 32..];
    let mut two = vec![0x30, 0x51, 2, 1, 1];
    two.extend(&body[5..]);
    two.extend([0x81, 0x21, 0]);
    two.extend(public);
    let key = PrivateKey::parse(armour("", &two).as_bytes()).expect("a key");
    assert_eq!(key.public_blob.as_ref(), Some(&blob));
    let last = two.len() - 1;
    two[last] ^= 1;
    let key = PrivateKey::parse_damaged(armour("", &two).as_bytes()).expect("a key");
    assert_eq!(key.state, KeyState::Inconsistent);
}

/// As `dropbearkey` writes them (its `signkey.c`), from the numbers of other keys.
#[test]
fn keys_of_dropbear() {
    for file in ["ossh-rsa2048", "ossh-ed25519", "ossh-ecdsa256", "ossh-ecdsa384", "ossh-ecdsa521"] {
        let body = pem::parse(&made(file)).expect("a block").body;
        let whole = PrivateKey::parse(&made(file)).expect("a key");
        let blob = whole.public_blob.clone().expect("a public half");
        // The private half: after the public one, its length and two check words.
        let start = memchr::memmem::find(&body, &blob).expect("the public half") + blob.len() + 12;
        let mut rest = &body[start..];
        let mut fields = Vec::new();
        while rest.len() > 4 {
            let length =
                usize::try_from(u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]])).expect("small");
            if length + 4 > rest.len() {
                break;
            }
            fields.push(rest[..length + 4].to_vec());
            rest = &rest[length + 4..];
        }
        let raw = match fields.len() {
            8 => [blob.as_slice(), &fields[3], &fields[5], &fields[6]].concat(),
            4 => [&fields[0][..], &fields[2]].concat(),
            _ => [blob.as_slice(), &fields[3]].concat(),
        };
        let key = PrivateKey::parse(&raw).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!((key.format, key.public_blob.as_ref()), (KeyFormat::Dropbear, Some(&blob)), "{file}");
        // The public half alone, a cut one, and one of wrong numbers are none.
        assert!(PrivateKey::parse(&blob).is_err(), "{file}");
        assert!(PrivateKey::parse(&raw[..raw.len() - 1]).is_err(), "{file}");
        let mut wrong = raw.clone();
        let last = wrong.len() - 1;
        wrong[last - 33] ^= 1;
        assert!(PrivateKey::parse(&wrong).is_err(), "{file}");
    }
}

fn openssl(folder: &Path, command: &str) -> String {
    let output = Command::new("sh").arg("-c").arg(command).current_dir(folder).output().expect("sh");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let line = String::from_utf8(output.stdout).expect("UTF-8");
    line.rsplit("= ").next().expect("a digest").trim().to_owned()
}

/// The commands of the EC2 user guide give the names that its console shows.
#[test]
fn names_that_ec2_gives() {
    let folder = FOLDER.path();
    let _ = &*MADE;
    let created = openssl(folder, "openssl pkcs8 -in rsa.pem -topk8 -nocrypt -outform DER | openssl sha1 -c");
    let imported =
        openssl(folder, "openssl rsa -in rsa.pem -pubout -outform DER 2>/dev/null | openssl md5 -c");
    for file in ["ossh-rsa2048", "rsa.pem", "rsa.p8", "rsa2048-2.ppk", "rsa2048-3.ppk", "rsa.ssh2"] {
        let key = PrivateKey::parse(&made(file)).expect("a key");
        assert_eq!(key.fingerprint_ec2_created().as_ref(), Some(&created), "{file}");
        assert_eq!(key.fingerprint_ec2_imported().as_ref(), Some(&imported), "{file}");
    }
    let key = PrivateKey::parse(&made("ossh-ed25519")).expect("a key");
    assert_eq!((key.fingerprint_ec2_created(), key.fingerprint_ec2_imported()), (None, None));
}

#[test]
fn rounds_of_key_derivations() {
    let rounds = |file: &str| PrivateKey::parse(&made(file)).expect("a key").rounds;
    // `-a 1` of ssh-keygen; the default of openssl; one pass asked of puttygen.
    let asked =
        ["enc-aes256-ctr", "enc-aes-256-cbc.p8", "enc-3.ppk", "enc-2.ppk", "rsa-enc.pem", "ossh-ed25519"];
    let found = asked.map(rounds);
    let openssl = openssl(
        FOLDER.path(),
        "openssl asn1parse -in enc-aes-256-cbc.p8 | grep -m1 -A1 'OCTET' | tail -1 | sed 's/.*:/= /'",
    );
    let openssl = u32::from_str_radix(&openssl, 16).ok();
    // Below 16 ssh-keygen takes what it is asked.
    assert_eq!(found, [Some(1), openssl, Some(1), Some(1), Some(1), None]);
}
