//! Bytes that nobody should have written: no panic, no long time, no large
//! memory, and an error of the right type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::keys::MADE;
use crate::formats::connection_string::{ConnectionString, Key};
use crate::formats::der::DerReader;
use crate::formats::escape::{Escapes, unescape};
use crate::formats::pem::{self, MAX_ARMOUR, PemError};
use crate::formats::private_key::{KeyError, PrivateKey};
use crate::formats::query::Query;
use crate::formats::ssh_public::PublicKey;

fn armour(body: &[u8]) -> String {
    let label = concat!("RSA PRIVATE", " KEY");
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(body))
}

/// A DER element with a length of any size.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match length {
        0..0x80 => out.push(u8::try_from(length).expect("short")),
        _ => {
            out.push(0x84);
            out.extend(u32::try_from(length).expect("short").to_be_bytes());
            let digits: Vec<u8> = out.drain(2..).skip_while(|byte| *byte == 0).collect();
            out[1] = 0x80 | u8::try_from(digits.len()).expect("short");
            out.extend(digits);
        }
    }
    out.extend(content);
    out
}

#[test]
fn hostile_45_a_block_of_100_mb() {
    let mut text = b"-----BEGIN RSA PRIVATE".to_vec();
    text.extend(b" KEY-----\n");
    text.resize(100 << 20, b'A');
    assert_eq!(pem::parse(&text), Err(PemError::TooLong));
}

#[test]
fn hostile_45_a_modulus_of_a_million_bits() {
    let million = |bits: usize| {
        let number = |bytes: usize| element(2, &vec![0x41; bytes]);
        let fields = [vec![2, 1, 0], number(bits / 8), number(3), number(bits / 8)].concat();
        let rest =
            [number(bits / 16), number(bits / 16), number(bits / 16), number(bits / 16), number(bits / 16)];
        element(0x30, &[fields, rest.concat()].concat())
    };
    assert_eq!(
        PrivateKey::parse(armour(&million(1_000_000)).as_bytes()),
        Err(KeyError::Armour(PemError::TooLong))
    );
    // As large as armour may be, and still refused before anything is multiplied.
    assert_eq!(PrivateKey::parse(armour(&million(60_000)).as_bytes()), Err(KeyError::Range));
}

#[test]
fn hostile_45_der_nested_ten_thousand_deep() {
    let mut nested = vec![0x30, 0];
    for _ in 0..10_000 {
        nested = element(0x30, &nested);
    }
    let mut depth = 0;
    let mut reader = DerReader::new(&nested);
    while let Ok(inner) = reader.sequence() {
        reader = inner;
        depth += 1;
    }
    assert_eq!(depth, 10_001);
    assert!(PrivateKey::parse(armour(&nested[..39_000]).as_bytes()).is_err());
    let shallow = (0..5_000).fold(vec![0x30, 0], |inner, _| element(0x30, &inner));
    assert!(matches!(PrivateKey::parse(armour(&shallow).as_bytes()), Err(KeyError::Der(_))));
}

#[test]
fn hostile_45_lengths_beyond_the_end() {
    for body in [
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..],
        &[0x30, 0x80, 0, 0],
        &[0x30, 0x88, 0, 0, 0, 0, 0, 0, 0, 1],
        &[0x3f, 0x81, 1],
        b"openssh-key-v1\0\xff\xff\xff\xff",
        b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01\xff\xff\xff\xf0",
    ] {
        assert!(PrivateKey::parse(armour(body).as_bytes()).is_err());
    }
}

#[test]
fn hostile_45_key_derivations_that_would_take_for_ever_are_not_run() {
    let made = |file: &str| MADE.iter().find(|made| made.file == file).expect("made").bytes.clone();
    // bcrypt with 2^31 rounds.
    let pem = pem::parse(&made("enc-aes256-ctr")).expect("a block");
    let rounds = memchr::memmem::find(&pem.body, &[0, 0, 0, 16]).expect("the salt's length") + 20;
    let mut body = pem.body.clone();
    body[rounds..rounds + 4].copy_from_slice(&[0x80, 0, 0, 0]);
    let start = std::time::Instant::now();
    assert!(PrivateKey::parse(armour(&body).as_bytes()).expect("a key").encrypted);
    // Argon2 over 4 GiB.
    let ppk = String::from_utf8(made("enc-3.ppk"))
        .expect("UTF-8")
        .replace("Argon2-Memory: 64", "Argon2-Memory: 4194304");
    assert!(PrivateKey::parse(ppk.as_bytes()).expect("a key").encrypted);
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn floods_take_linear_time() {
    // Each call sees at most its reach, whatever the text holds.
    let start = std::time::Instant::now();
    for unit in ["password=", "\"Server=", "&amp;", "a=b;", "://:@", "\\\"", "%3D", "'", "{", "Server=\""] {
        let text = unit.repeat((1 << 20) / unit.len());
        for at in (0..text.len()).step_by(4096) {
            let _ = ConnectionString::around(text.as_bytes(), at);
            let _ = Query::around(text.as_bytes(), at);
        }
    }
    let many = "-----BEGIN RSA PRIVATE".repeat(40_000);
    assert!(pem::parse(many.as_bytes()).is_err());
    let half = MAX_ARMOUR / 2;
    for unit in ["\\", "\"", "\\n\"", "A"] {
        let _ = pem::parse(
            format!("-----BEGIN X-----{}-----END X-----", unit.repeat(half / unit.len())).as_bytes(),
        );
    }
    // Two seconds here without optimisation; a quadratic reader takes hours.
    assert!(start.elapsed().as_secs() < 60);
}

fn around_everything(bytes: &[u8], at: usize) {
    let at = at.min(bytes.len());
    if let Some(found) = ConnectionString::around(bytes, at) {
        assert!(found.span.end <= bytes.len());
        let _ = (found.host(), found.port());
        for key in [Key::Password, Key::Server, Key::User] {
            for value in found.all(key) {
                assert!(value.span.start <= value.span.end && value.span.end <= bytes.len());
            }
        }
    }
    let query = Query::around(bytes, at);
    let _ = (query.host(), query.path());
    for name in ["sig", "sv", "se"] {
        let _ = query.get(name);
        assert!(query.span_of(name).is_none_or(|span| span.end <= bytes.len()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600), at in 0_usize..600) {
        let _ = PrivateKey::parse(&bytes);
        let _ = PrivateKey::parse(armour(&bytes).as_bytes());
        let _ = PrivateKey::parse(armour(&[b"openssh-key-v1\0", &bytes[..]].concat()).as_bytes());
        let _ = PrivateKey::parse(&[b"PuTTY-User-Key-File-2: ", &bytes[..]].concat());
        let _ = PublicKey::from_blob(&bytes);
        around_everything(&bytes, at);
        let plain = unescape(&bytes, Escapes::ALL);
        let mut last = 0;
        for index in 0..=plain.bytes.len() {
            let raw = plain.raw_offset(index);
            prop_assert!(raw >= last && raw <= bytes.len());
            last = raw;
        }
    }

    #[test]
    fn texts_of_the_grammars_own_words(words in proptest::collection::vec(0_usize..26, 0..60), at in 0_usize..300) {
        const WORDS: [&str; 26] = [
            "Server=", "Password=", "User ID=", ";", "\"", "'", "{", "}", "&quot;", "\\\"", "=", "://", "@", ":", "?",
            "&amp;", "%3B", "%", "\\u0026", "sig=", "sv=", "</", "\n", "jdbc:sqlserver://", "a.database.windows.net", "ä",
        ];
        let text: String = words.iter().map(|word| WORDS[*word]).collect();
        around_everything(text.as_bytes(), at);
    }

    #[test]
    fn damaged_keys(which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), bit in 0_u8..8, cut in any::<bool>()) {
        let made = which.get(&MADE);
        let mut bytes = made.bytes.clone();
        let at = place.index(bytes.len());
        if cut {
            bytes.truncate(at);
            // White space, and the dashes and line ends after the label, may go.
            let lost = String::from_utf8_lossy(&made.bytes[at..]).trim().len();
            prop_assert!(lost == 0 || PrivateKey::parse(&bytes).is_err() , "{} cut at {at}", made.file);
        } else {
            bytes[at] ^= 1 << bit;
            let _ = PrivateKey::parse(&bytes);
        }
    }

    #[test]
    fn damaged_structures(which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let blocks: Vec<_> = MADE.iter().filter_map(|made| pem::parse(&made.bytes).ok()).collect();
        let mut body = which.get(&blocks).body.clone();
        let at = place.index(body.len());
        body[at] = byte;
        let _ = PrivateKey::parse(armour(&body).as_bytes());
        body.truncate(at);
        prop_assert!(PrivateKey::parse(armour(&body).as_bytes()).is_err());
    }
}
