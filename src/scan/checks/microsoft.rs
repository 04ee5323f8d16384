//! The checksums in Microsoft's keys. Source: microsoft/security-utilities
//! (IdentifiableSecrets, IdentifiableMetadata).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::token::{decode, encode, has_length, plain_secret};
use super::{Hit, Refusal, accept};
use crate::formats::cask;
use crate::formats::marvin32::{entra_secret_checksum, marvin32, seed_from_name};

/// Characters from the signature to the end of the key, padding aside: the
/// signature's four and six of checksum.
const SIGNATURE_FROM_END: usize = 10;

/// A random part of fewer distinct characters was made by hand: a key of one
/// character over and over, as Microsoft's own tests have them, has a checksum
/// that holds. Of 30 random characters out of 62 about 24 are distinct.
const MIN_DISTINCT: usize = 10;

/// The arguments of the check: see [`crate::rules::Check::HisKey`].
pub(super) struct HisKind<'a> {
    pub(super) signature: &'a str,
    pub(super) bytes: u32,
    pub(super) seeds: &'a BTreeMap<String, String>,
    pub(super) alphanumeric: bool,
}

/// An identifiable key of the first generation: random part, signature, and the
/// Marvin32 of all before as its last four bytes, least first. The seed that
/// fits tells the key's role.
pub(super) fn his_key(hit: &mut Hit<'_>, kind: &HisKind<'_>, optional: bool) -> Result<(), Refusal> {
    let plain = plain_secret(hit);
    let characters = plain.iter().rev().skip_while(|byte| **byte == b'=').count();
    let at = characters.saturating_sub(SIGNATURE_FROM_END);
    let length = has_length(&plain, kind.bytes);
    let signed = plain.get(at..).is_some_and(|tail| tail.starts_with(kind.signature.as_bytes()));
    if optional && !(length && signed) {
        keep_plain(hit);
        return Ok(());
    }
    accept(length, "not the length of its type")?;
    accept(signed, "no signature in its place")?;
    accept(is_random(plain.get(..at).unwrap_or_default()), "made by hand")?;
    let key = decode(&plain).ok_or(Refusal("not base64"))?;
    let (body, sum) = key.split_last_chunk::<4>().ok_or(Refusal("not the length of its type"))?;
    let fits = |seed: &str| {
        let Ok(seed) = seed.as_bytes().try_into().map(seed_from_name) else { return false };
        let expected = marvin32(seed, body).to_le_bytes();
        expected == *sum || kind.alphanumeric && as_alphanumeric(body, expected) == plain.as_ref()
    };
    let role = kind.seeds.iter().find(|(seed, _)| fits(seed)).map(|(_, role)| role.clone());
    let role = role.ok_or(Refusal("the checksum does not hold"))?;
    keep_plain(hit);
    hit.add_attribute("key_role", role);
    Ok(())
}

/// The text of a key in which `+` and `/` were replaced after it was made.
fn as_alphanumeric(body: &[u8], sum: [u8; 4]) -> Vec<u8> {
    let text = encode(&[body, &sum].concat());
    let replaced = |byte| match byte {
        b'+' => b'P',
        b'/' => b'F',
        other => other,
    };
    text.bytes().map(replaced).collect()
}

/// Makes the secret's value what its escapes stand for.
fn keep_plain(hit: &mut Hit<'_>) {
    if let Cow::Owned(plain) = plain_secret(hit) {
        hit.value = Some(plain);
    }
}

fn is_random(characters: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in characters {
        if let Some(place) = seen.get_mut(usize::from(*byte)) {
            *place = true;
        }
    }
    seen.iter().filter(|seen| **seen).count() >= MIN_DISTINCT
}

/// An annotated key. The pattern may have taken the short form of a long key.
pub(super) fn annotated_key(
    hit: &mut Hit<'_>,
    signature: Option<&str>,
    products: &BTreeMap<String, String>,
    optional: bool,
) -> Result<(), Refusal> {
    let plain = plain_secret(hit);
    if optional && !cask::is_marked(&plain) {
        keep_plain(hit);
        return Ok(());
    }
    let key = cask::parse(&plain).ok_or(Refusal("the checksum does not hold"))?;
    accept(signature.is_none_or(|signature| key.signature == signature), "the signature of another service")?;
    accept(is_random(key.random.as_bytes()), "made by hand")?;
    let product = key.provider_data.get(3..).and_then(|last| products.get(last)).cloned();
    let attributes = [
        ("issued_at", format!("{:04}-{:02}-01T00:00:00Z", key.year, key.month)),
        ("key_signature", key.signature.to_owned()),
        ("product", product.unwrap_or_default()),
        ("provider_data", key.provider_data.to_owned()),
        ("platform_data", key.platform.to_owned()),
    ];
    keep_plain(hit);
    for (name, value) in attributes {
        hit.add_attribute(name, value);
    }
    Ok(())
}

/// 40 characters, `8Q~` after three; the last three are the checksum.
pub(super) fn entra_client_secret(secret: &[u8]) -> Result<(), Refusal> {
    accept(secret.len() == 40 && secret.get(3..6) == Some(b"8Q~"), "not the form of a client secret")?;
    let (body, sum) = secret.split_last_chunk::<3>().ok_or(Refusal("not the form of a client secret"))?;
    // The first of the six digits counts 66⁵ in 32 bits: only a, b, c and d come up.
    accept(matches!(sum.first(), Some(b'a'..=b'd')), "the checksum does not hold")?;
    accept(entra_secret_checksum(body) == *sum, "the checksum does not hold")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked examples of the layout: byte i is (7 i + 3) mod 256, then the
    /// signature and the checksum are written in.
    fn worked(bytes: usize, signature: &str, sum: u32) -> String {
        use base64::Engine as _;
        let buffer: Vec<u8> = (0..bytes).map(|i| u8::try_from((7 * i + 3) % 256).expect("a byte")).collect();
        let engine = base64::engine::general_purpose::STANDARD;
        let mut text = engine.encode(buffer);
        let characters = text.trim_end_matches('=').len();
        // The bits between signature and checksum are nought.
        text.replace_range(characters - 10..characters - 5, &format!("{signature}A"));
        let mut key = decode(text.as_bytes()).expect("base64");
        key.truncate(bytes - 4);
        key.extend(sum.to_le_bytes());
        engine.encode(key)
    }

    fn hit(key: &str) -> Hit<'_> {
        Hit {
            text: key.as_bytes(),
            span: 0..key.len(),
            secret: 0..key.len(),
            value: None,
            claims: Vec::new(),
            more: Vec::new(),
            attributes: Vec::new(),
        }
    }

    #[test]
    fn worked_examples_of_every_family() {
        for (bytes, signature, seed, sum, tail) in [
            (64, "+ASt", "Default0", 0xf9e2_b3cf, "fYSL+AStz7Pi+Q=="),
            (64, "ACDb", "MastRW00", 0x3c2c_26c6, "fYSLACDbxiYsPA=="),
            (64, "ACDb", "MastRO00", 0x6e03_8dc9, "fYSLACDbyY0Dbg=="),
            (64, "+ABa", "AbAcct00", 0x78b1_ac93, "fYSL+ABak6yxeA=="),
            (64, "+AMC", "Classic0", 0xe2c8_91df, "fYSL+AMC35HI4g=="),
            (64, "APIM", "Tenant00", 0x1e58_c1d4, "fYSLAPIM1MFYHg=="),
            (64, "APIM", "IoTHub00", 0x16f6_110e, "fYSLAPIMDhH2Fg=="),
            (64, "APIM", "Gatewy00", 0xce7a_d329, "fYSLAPIMKdN6zg=="),
            (64, "APIM", "GitKey00", 0x7c86_da0c, "fYSLAPIMDNqGfA=="),
            (32, "+ASb", "Manage00", 0x76cf_3f48, "lp2kq+ASbEg/z3Y="),
            (32, "+ASb", "Listen00", 0x818f_25e1, "lp2kq+ASbOElj4E="),
            (32, "+ASb", "Send0000", 0xf3dd_d0ee, "lp2kq+ASbO7Q3fM="),
            (32, "+AEh", "Send0000", 0x2a0d_316a, "lp2kq+AEhGoxDSo="),
            (32, "+ARm", "Manage00", 0xab5c_4724, "lp2kq+ARmCRHXKs="),
            (32, "AIoT", "IoTHub00", 0x610c_78a0, "lp2kqAIoTKB4DGE="),
            (32, "AIoT", "DpsKey00", 0x10a8_33bc, "lp2kqAIoTLwzqBA="),
            (32, "AIoT", "Device00", 0x5211_1ced, "lp2kqAIoTO0cEVI="),
            (32, "AZEG", "SendRecv", 0x51e4_383d, "lp2kqAZEGD045FE="),
            (39, "+ACR", "ACRDflt0", 0x15e9_2f06, "wMfO1d+ACRAGL+kV"),
            (39, "AzSe", "Query000", 0x114f_afba, "wMfO1dAzSeC6r08R"),
            (39, "AzSe", "PAdmin00", 0x053d_a504, "wMfO1dAzSeAEpT0F"),
            (40, "AzFu", "Functi00", 0x2f7c_0904, "1dzjAzFuBAl8Lw=="),
            (40, "AzFu", "Master00", 0x2ca2_9358, "1dzjAzFuWJOiLA=="),
            (40, "AzFu", "System00", 0x714f_d8b3, "1dzjAzFus9hPcQ=="),
        ] {
            let key = worked(bytes, signature, sum);
            assert!(key.ends_with(tail), "{key}");
            let bytes = u32::try_from(bytes).expect("short");
            let run = |hit: &mut Hit<'_>, seed: &str, optional| {
                let seeds = BTreeMap::from([(seed.to_owned(), "a role".to_owned())]);
                his_key(hit, &HisKind { signature, bytes, seeds: &seeds, alphanumeric: false }, optional)
            };
            let mut hit = hit(&key);
            assert_eq!(run(&mut hit, "Unknown0", true), Err(Refusal("the checksum does not hold")));
            assert_eq!(run(&mut hit, seed, false), Ok(()));
            assert_eq!(hit.attribute("key_role"), Some("a role"));
            hit.span.start = 4;
            hit.secret.start = 4;
            assert_eq!(run(&mut hit, seed, false), Err(Refusal("not the length of its type")));
            assert_eq!(run(&mut hit, seed, true), Ok(()));
        }
    }

    /// Redis replaces two characters after the checksum was made. The key begins as
    /// the SHA-256 of `snapsift-synthetic-14`.
    #[test]
    fn a_redis_key_without_plus_and_slash() {
        let seeds = BTreeMap::from([("Access00".to_owned(), "access".to_owned())]);
        let kind = |alphanumeric| HisKind { signature: "AzCa", bytes: 32, seeds: &seeds, alphanumeric };
        let body = concat!("IERLA52KIYqTFEVeSRRg", "ozlEAqTCXt05V", "AzCaFxH5");
        let (plain, replaced) = (format!("{body}/o="), format!("{body}Fo="));
        assert_eq!(his_key(&mut hit(&plain), &kind(false), false), Ok(()));
        assert_eq!(his_key(&mut hit(&plain), &kind(true), false), Ok(()));
        assert_eq!(his_key(&mut hit(&replaced), &kind(true), false), Ok(()));
        let broken = Err(Refusal("the checksum does not hold"));
        assert_eq!(his_key(&mut hit(&replaced), &kind(false), false), broken);
        assert_eq!(his_key(&mut hit(&replaced.replace("Fo=", "Go=")), &kind(true), false), broken);
    }

    #[test]
    fn an_annotated_key() {
        let key = concat!(
            "RyVSNgCduG9yL15m5KmQVLkUZ0hDqgxD4i3ZOac4GObysKeRPmlE",
            "JQQJ99BAACHYHv6XJ3w3AAABACOGOTpP"
        );
        let products = BTreeMap::from([("B".to_owned(), "OpenAI".to_owned())]);
        let run = |key: &str, signature, optional| {
            let mut hit = hit(key);
            annotated_key(&mut hit, signature, &products, optional)?;
            let shown = ["issued_at", "product", "key_signature", "provider_data", "platform_data"];
            Ok(shown.map(|name| hit.attribute(name).unwrap_or_default().to_owned()))
        };
        let expected = ["2025-01-01T00:00:00Z", "OpenAI", "ACOG", "AAAB", "ACHYHv6XJ3w3"].map(str::to_owned);
        assert_eq!(run(key, Some("ACOG"), false), Ok(expected.clone()));
        assert_eq!(run(key, None, true), Ok(expected));
        assert_eq!(run(key, Some("AZAC"), true), Err(Refusal("the signature of another service")));
        assert_eq!(run(&key.replace("99BA", "99BB"), None, true), Err(Refusal("the checksum does not hold")));
        let older = "kT9vQ2mXr7Lp4WzB8nYcD3sEq6Hj1Ua5Gf0Rt4x";
        assert_eq!(run(older, None, true), Ok(std::array::from_fn(|_| String::new())));
        assert_eq!(run(older, None, false), Err(Refusal("the checksum does not hold")));
    }

    /// Keys of one character over and over have a checksum that holds.
    #[test]
    fn made_by_hand() {
        let key = format!("{}{}JQQJ99CC{}AAASAZDOT53v", "A".repeat(26), "b".repeat(26), "A".repeat(12));
        assert_eq!(
            annotated_key(&mut hit(&key), None, &BTreeMap::new(), false),
            Err(Refusal("made by hand"))
        );
    }
}
