//! The checksums in Microsoft's keys. Source: microsoft/security-utilities
//! (IdentifiableSecrets, IdentifiableMetadata).

use std::collections::BTreeMap;

use super::token::{decode, has_length, plain_secret};
use super::{Hit, Refusal, accept};
use crate::formats::marvin32::{entra_secret_checksum, marvin32, seed_from_name};

/// Characters from the signature to the end of the key, padding aside: the
/// signature's four and six of checksum.
const SIGNATURE_FROM_END: usize = 10;

/// An identifiable key of the first generation: random part, signature, and the
/// Marvin32 of all before as its last four bytes, least first. The seed that
/// fits tells the key's role.
pub(super) fn his_key(
    hit: &mut Hit<'_>,
    signature: &str,
    bytes: u32,
    seeds: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let plain = plain_secret(hit);
    let characters = plain.iter().rev().skip_while(|byte| **byte == b'=').count();
    let place = characters.checked_sub(SIGNATURE_FROM_END).and_then(|at| plain.get(at..));
    accept(has_length(&plain, bytes), "not the length of its type")?;
    accept(place.is_some_and(|tail| tail.starts_with(signature.as_bytes())), "no signature in its place")?;
    let key = decode(&plain).ok_or(Refusal("not base64"))?;
    let (body, sum) = key.split_last_chunk::<4>().ok_or(Refusal("not the length of its type"))?;
    let fits = |seed: &str| {
        let seed = seed.as_bytes().try_into().map(seed_from_name);
        seed.is_ok_and(|seed| marvin32(seed, body).to_le_bytes() == *sum)
    };
    let role = seeds.iter().find(|(seed, _)| fits(seed)).map(|(_, role)| role.clone());
    let role = role.ok_or(Refusal("the checksum does not hold"))?;
    if let std::borrow::Cow::Owned(plain) = plain {
        hit.value = Some(plain);
    }
    hit.add_attribute("key_role", role);
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
        text.replace_range(characters - 10..characters - 6, signature);
        // Overwritten characters may leave bits past the end: let them.
        let mut key = decode(&text.as_bytes()[..(bytes - 4) / 3 * 4]).expect("base64");
        let tail = &text[(bytes - 4) / 3 * 4..];
        let padded = format!("{}{}", &tail[..tail.trim_end_matches('=').len() - 1], "A");
        key.extend(decode(padded.as_bytes()).expect("base64"));
        key.truncate(bytes - 4);
        key.extend(sum.to_le_bytes());
        engine.encode(key)
    }

    #[test]
    fn worked_examples_of_two_sizes() {
        for (bytes, signature, seed, sum, tail) in [
            (64, "+ASt", "Default0", 0xf9e2_b3cf, "fYSL+AStz7Pi+Q=="),
            (64, "ACDb", "MastRW00", 0x3c2c_26c6, "fYSLACDbxiYsPA=="),
            (32, "+ASb", "Manage00", 0x76cf_3f48, "lp2kq+ASbEg/z3Y="),
            (32, "AIoT", "IoTHub00", 0x610c_78a0, "lp2kqAIoTKB4DGE="),
        ] {
            let key = worked(bytes, signature, sum);
            assert!(key.ends_with(tail), "{key}");
            let mut hit = Hit {
                text: key.as_bytes(),
                span: 0..key.len(),
                secret: 0..key.len(),
                value: None,
                claims: Vec::new(),
                attributes: Vec::new(),
            };
            let bytes = u32::try_from(bytes).expect("short");
            let seeds = |seed: &str| BTreeMap::from([(seed.to_owned(), "a role".to_owned())]);
            assert_eq!(
                his_key(&mut hit, signature, bytes, &seeds("Unknown0")),
                Err(Refusal("the checksum does not hold"))
            );
            assert_eq!(his_key(&mut hit, signature, bytes, &seeds(seed)), Ok(()));
            assert_eq!(hit.attribute("key_role"), Some("a role"));
        }
    }
}
