//! Private keys and certificates, from the pool beside this file.

use std::sync::LazyLock;

use crate::page::Page;
use crate::sums::{Rng, base64, unbase64};

/// Kind and bytes of each key.
static POOL: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(|| {
    include_str!("key-pool.txt")
        .lines()
        .map(|line| {
            let (kind, reversed) = line.split_once(' ').expect("a kind and a key");
            (kind, unbase64(&reversed.chars().rev().collect::<String>()))
        })
        .collect()
});

/// One of a kind.
fn pooled(rng: &mut Rng, kind: &str) -> &'static [u8] {
    let of: Vec<&Vec<u8>> = POOL.iter().filter(|(other, _)| *other == kind).map(|(_, bytes)| bytes).collect();
    of[rng.below(of.len())]
}

/// The armour, cut so that this file has no key's label.
pub(crate) fn armour(label: &str, bytes: &[u8], width: usize) -> String {
    let text = base64(bytes);
    let lines: Vec<&str> =
        text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----{} {label}-----\n{}\n-----{} {label}-----", "BEGIN", lines.join("\n"), "END")
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    match length {
        0..=127 => out.push(length as u8),
        128..=255 => out.extend_from_slice(&[0x81, length as u8]),
        _ => out.extend_from_slice(&[0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(content);
    out
}

/// A value for a name of this family: `pem.rsa`, `pem.openssh`, `ppk`, `pfx`, ….
pub(crate) fn make(page: &mut Page<'_>, head: &str, argument: &str) -> Option<String> {
    let rng = &mut *page.rng;
    let private = |label: &str| [label, "PRIVATE", "KEY"].join(" ").trim_start().to_owned();
    Some(match (head, argument) {
        ("pem", "rsa") => armour(&private("RSA"), pooled(rng, "rsa-pkcs1"), 64),
        ("pem", "pkcs8") => {
            let algorithm =
                [&[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00]
                    [..]]
                .concat();
            let inner = [vec![2, 1, 0], algorithm, der(4, pooled(rng, "rsa-pkcs1"))].concat();
            armour(&private(""), &der(0x30, &inner), 64)
        }
        ("pem", "ec") => armour(&private("EC"), pooled(rng, "ec-sec1"), 64),
        ("pem", "ecpkcs8") => armour(&private(""), pooled(rng, "ec-pkcs8"), 64),
        ("pem", "dsa") => armour(&private("DSA"), pooled(rng, "dsa"), 64),
        ("pem", "ed25519") => {
            let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
            armour(&private(""), &[&head[..], &rng.bytes(32)].concat(), 64)
        }
        ("pem", "openssh") => armour(&private("OPENSSH"), pooled(rng, "openssh"), 70),
        ("pem", "public") => armour("PUBLIC KEY", pooled(rng, "rsa-public"), 64),
        ("pem", "ecpublic") => armour("PUBLIC KEY", pooled(rng, "ec-public"), 64),
        ("pem", "certificate") => armour("CERTIFICATE", pooled(rng, "certificate"), 64),
        // The label of a key, and nothing that is one.
        ("pem", "hollow") => armour(&private("RSA"), &rng.bytes(300), 64),
        ("label", _) => {
            let name = match argument {
                "rsa" => private("RSA"),
                "openssh" => private("OPENSSH"),
                _ => private(""),
            };
            format!("-----{} {name}-----", "BEGIN")
        }
        ("endlabel", _) => {
            format!("-----{} {}-----", "END", private(if argument == "rsa" { "RSA" } else { "" }))
        }
        ("ppk", _) => text(pooled(rng, "ppk")),
        ("pgp", "private") => text(pooled(rng, "pgp-private")),
        ("pgp", _) => text(pooled(rng, "pgp-public")),
        ("sshpub", _) => text(pooled(rng, "openssh-public")),
        ("pfx", _) => base64(pooled(rng, "pfx")),
        ("certificate", _) => base64(pooled(rng, "certificate")),
        _ => return None,
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text").trim_end().to_owned()
}
