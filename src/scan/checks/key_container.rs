//! Private keys outside PEM: JSON and XML keys, DER, PKCS#12, OpenPGP, age, WireGuard. Of
//! containers of other things see `kept`.

mod kept;

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::token::{decode, plain_secret};
use super::{Hit, Refusal, accept};
use crate::finding::Timestamp;
use crate::formats::bech32;
use crate::formats::der::SEQUENCE;
use crate::formats::key_numbers::{
    KeyNumbers, KeyNumbersError, parse_jwk, parse_rsa_parameters, parse_rsa_xml,
};
use crate::formats::openpgp;
use crate::formats::pkcs12::Pkcs12;
use crate::formats::private_key::{KeyState, PrivateKey};
use crate::rules::ContainerForm;

/// What stands before the digits of a key of age.
const AGE_PREFIX: &[u8] = b"AGE-SECRET-KEY-";

/// The match is, or stands in, a whole private key.
pub(super) fn check(hit: &mut Hit<'_>, form: ContainerForm) -> Result<(), Refusal> {
    match form {
        ContainerForm::Jwk => json(hit, "jwk", parse_jwk),
        ContainerForm::RsaParameters => json(hit, "rsa_parameters", parse_rsa_parameters),
        ContainerForm::RsaXml => rsa_xml(hit),
        ContainerForm::Pkcs12 => pkcs12(hit),
        ContainerForm::Der => der(hit),
        ContainerForm::Pgp => pgp(hit),
        ContainerForm::Age => age(hit),
        ContainerForm::Wireguard => wireguard(hit),
        ContainerForm::JavaKeystore => kept::java_keystore(hit),
        ContainerForm::Keepass => kept::keepass(hit),
    }
}

fn refusal(error: KeyNumbersError) -> Refusal {
    Refusal(match error {
        KeyNumbersError::Form => "not the structure of a private key",
        KeyNumbersError::Public => "only the public half of a key",
        KeyNumbersError::Range => "a number of the key is out of range",
        KeyNumbersError::Inconsistent => "the parts of the key do not fit each other",
    })
}

fn add_numbers(hit: &mut Hit<'_>, format: &'static str, key: KeyNumbers) {
    hit.add_attribute("format", format);
    hit.add_attribute("algorithm", key.algorithm);
    hit.add_attribute("bits", key.bits.to_string());
    hit.add_attribute("curve", key.curve.unwrap_or_default());
    hit.add_attribute("key_id", key.key_id.unwrap_or_default());
    hit.add_attribute("thumbprint", key.thumbprint);
    hit.add_attribute("encrypted", "false");
}

/// The match stands in the JSON object of the key. Its private number becomes the
/// secret.
fn json(
    hit: &mut Hit<'_>,
    format: &'static str,
    parse: fn(&[u8]) -> Result<KeyNumbers, KeyNumbersError>,
) -> Result<(), Refusal> {
    // Most keys in JSON are public ones.
    let has_d = [b"\"d\"", b"\"D\""].iter().any(|name| memchr::memmem::find(hit.text, *name).is_some());
    accept(has_d, "only the public half of a key")?;
    let place = object_around(hit.text, hit.span.start).ok_or(Refusal("no JSON object around"))?;
    let object = hit.text.get(place.clone()).unwrap_or_default();
    let key = parse(object).map_err(refusal)?;
    let secret = value_of_d(object).ok_or(Refusal("only the public half of a key"))?;
    hit.secret = place.start + secret.start..place.start + secret.end;
    hit.claims.push(place);
    add_numbers(hit, format, key);
    Ok(())
}

/// The innermost JSON object that holds a place. No value of a key holds braces.
fn object_around(text: &[u8], at: usize) -> Option<Range<usize>> {
    let (head, tail) = (text.get(..at)?, text.get(at..)?);
    // How many objects beside it are open at the brace that is looked at.
    let mut beside = 0_usize;
    let start = memchr::memrchr2_iter(b'{', b'}', head).find(|brace| {
        let opens = head.get(*brace) == Some(&b'{');
        let found = opens && beside == 0;
        beside = if opens { beside.saturating_sub(1) } else { beside + 1 };
        found
    })?;
    beside = 0;
    let end = memchr::memchr2_iter(b'{', b'}', tail).find(|brace| {
        let closes = tail.get(*brace) == Some(&b'}');
        let found = closes && beside == 0;
        beside = if closes { beside.saturating_sub(1) } else { beside + 1 };
        found
    })?;
    Some(start..at + end + 1)
}

/// Where the value of the member `d`, or `D`, stands in an object.
fn value_of_d(object: &[u8]) -> Option<Range<usize>> {
    let [lower, upper] = [b"\"d\"", b"\"D\""].map(|name| memchr::memmem::find_iter(object, name));
    lower.chain(upper).find_map(|name| {
        let rest = object.get(name + 3..)?;
        let gap = rest.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b':').count();
        let value = rest.get(gap..)?.strip_prefix(b"\"").filter(|_| gap > 0)?;
        let start = name + 3 + gap + 1;
        Some(start..start + memchr::memchr(b'"', value)?)
    })
}

/// The match is the whole element. Its private exponent becomes the secret.
fn rsa_xml(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let element = hit.matched();
    let key = parse_rsa_xml(element).map_err(refusal)?;
    let start = memchr::memmem::find(element, b"<D>").map(|at| at + 3);
    let secret = start.and_then(|start| {
        let rest = element.get(start..)?;
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        Some(start + blanks..start + memchr::memmem::find(rest, b"</D>")?)
    });
    let secret = secret.filter(|place| place.start < place.end).ok_or(Refusal("no private exponent"))?;
    hit.secret = hit.span.start + secret.start..hit.span.start + secret.end;
    add_numbers(hit, "rsa_xml", key);
    Ok(())
}

/// The secret begins as a PKCS#12 file does: its bytes, or base64 of them, with
/// line breaks or without. Text that follows it is cut off: the file says itself how
/// long it is.
fn pkcs12(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    const NOT_IT: Refusal = Refusal("not a whole PKCS#12 file");
    let raw = hit.text.get(hit.secret.start..).unwrap_or_default();
    let (file, length, encoding) = if raw.first() == Some(&SEQUENCE) {
        let length = der_length(raw).ok_or(NOT_IT)?;
        (raw.get(..length).ok_or(NOT_IT)?.to_vec(), length, "")
    } else {
        // Four characters for the length, in 3 bytes of which one is the tag.
        let head: Vec<u8> = raw.iter().filter(|byte| !byte.is_ascii_whitespace()).take(8).copied().collect();
        let bytes = der_length(&decode(&head).ok_or(NOT_IT)?).ok_or(NOT_IT)?;
        let (code, length) = characters(raw, bytes.div_ceil(3) * 4).ok_or(NOT_IT)?;
        let mut file = decode(&code).ok_or(Refusal("not base64"))?;
        file.truncate(bytes);
        (file, length, "base64")
    };
    let file = Pkcs12::parse(&file).map_err(|_| NOT_IT)?;
    accept(file.plain_keys + file.encrypted_keys > 0, "no private key in it")?;
    hit.secret.end = hit.secret.start + length;
    hit.add_attribute("format", "pkcs12");
    let is_open = file.plain_keys > 0 || file.opens_empty;
    hit.add_attribute("encrypted", if is_open { "false" } else { "true" });
    hit.add_attribute("password", if file.opens_empty { "empty" } else { "" });
    hit.add_attribute("keys", (file.plain_keys + file.encrypted_keys).to_string());
    hit.add_attribute("encoding", encoding);
    hit.add_attribute("integrity", if file.has_mac { "mac" } else { "none" });
    if let Some(certificate) = file.certificate {
        hit.add_attribute("subject", certificate.subject.unwrap_or_default());
        hit.add_attribute("thumbprint", certificate.thumbprint);
        hit.add_attribute("not_before", certificate.not_before);
        hit.add_attribute("expires_at", certificate.not_after);
    }
    Ok(())
}

/// The secret begins a private key in DER: RFC 5958 (PKCS#8), RFC 8017 (PKCS#1), RFC
/// 5915 (SEC 1). The file says itself how long it is.
fn der(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    const NOT_IT: Refusal = Refusal("not the structure of a private key");
    let raw = hit.text.get(hit.secret.start..).unwrap_or_default();
    let (key, head, taken) = if raw.first() == Some(&SEQUENCE) {
        // Programs hold keys to measure or to test themselves: a file of a key is one.
        accept(hit.secret.start == 0, "within other content")?;
        let (head, length) = der_head(raw).ok_or(NOT_IT)?;
        (raw.get(..head + length).ok_or(NOT_IT)?.to_vec(), head, head + length)
    } else {
        let start: Vec<u8> = raw.iter().filter(|byte| !byte.is_ascii_whitespace()).take(8).copied().collect();
        let (head, length) = der_head(&decode(&start).ok_or(NOT_IT)?).ok_or(NOT_IT)?;
        let (code, taken) = characters(raw, (head + length).div_ceil(3) * 4).ok_or(NOT_IT)?;
        let mut key = decode(&code).ok_or(Refusal("not base64"))?;
        key.truncate(head + length);
        hit.add_attribute("encoding", "base64");
        (key, head, taken)
    };
    let label = match key.get(head..).unwrap_or_default() {
        [2, 1, 0 | 1, SEQUENCE, ..] => "PRIVATE KEY",
        [2, 1, 0, 2, ..] => "RSA PRIVATE KEY",
        [2, 1, 1, 4, ..] => "EC PRIVATE KEY",
        _ => return Err(NOT_IT),
    };
    let code = STANDARD.encode(&key);
    let lines: Vec<&str> =
        code.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let armour = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"));
    let key = PrivateKey::parse(armour.as_bytes()).map_err(|_| NOT_IT)?;
    accept(key.state == KeyState::Whole, "the parts of the key do not fit each other")?;
    hit.secret.end = hit.secret.start + taken;
    hit.add_attribute("format", "der");
    hit.add_attribute("encrypted", "false");
    hit.add_attribute("fingerprint", key.fingerprint_sha256().unwrap_or_default());
    hit.add_attribute("bits", key.bits.map(|bits| bits.to_string()).unwrap_or_default());
    hit.add_attribute("curve", key.curve.unwrap_or_default());
    hit.add_attribute("algorithm", key.algorithm.unwrap_or_default());
    Ok(())
}

/// How many bytes the head of an element has, and how many its content.
fn der_head(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes {
        [SEQUENCE, 0x82, high, low, ..] => Some((4, usize::from(u16::from_be_bytes([*high, *low])))),
        [SEQUENCE, 0x81, length, ..] => Some((3, usize::from(*length))),
        [SEQUENCE, length @ 0..=0x7f, ..] => Some((2, usize::from(*length))),
        _ => None,
    }
}

/// How many bytes an element of two digits of length has, its head included: no
/// key is shorter than 256 bytes or longer than 64 KiB in this form.
fn der_length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [SEQUENCE, 0x82, high, low, ..] => Some(usize::from(u16::from_be_bytes([*high, *low])) + 4),
        _ => None,
    }
}

/// The first characters of a text that are not white space, padding that was left
/// out aside, and how many bytes of the text they and the white space take.
fn characters(text: &[u8], count: usize) -> Option<(Vec<u8>, usize)> {
    let mut code = Vec::with_capacity(count);
    let mut end = 0;
    for (at, byte) in text.iter().enumerate() {
        if code.len() == count {
            break;
        }
        if !byte.is_ascii_whitespace() {
            code.push(*byte);
            end = at + 1;
        }
    }
    (code.len() + 2 >= count).then_some((code, end))
}

/// The secret is the armour of an OpenPGP secret key.
fn pgp(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let key = openpgp::parse(hit.secret_bytes()).map_err(|error| {
        Refusal(match error {
            openpgp::PgpError::Armour => "the armour does not decode",
            openpgp::PgpError::Stub => "the secret parts of the key are elsewhere",
            _ => "not the structure of a private key",
        })
    })?;
    let time = |seconds: i64| Timestamp::from_unix(seconds, 0).map(|time| time.to_string());
    hit.add_attribute("format", "openpgp");
    hit.add_attribute("algorithm", key.algorithm);
    hit.add_attribute("encrypted", if key.encrypted { "true" } else { "false" });
    hit.add_attribute("fingerprint", key.fingerprint.unwrap_or_default());
    hit.add_attribute("user", key.user_id.unwrap_or_default());
    hit.add_attribute("issued_at", time(key.created).unwrap_or_default());
    hit.add_attribute("expires_at", key.expires.and_then(time).unwrap_or_default());
    Ok(())
}

/// The secret is a key of age.
fn age(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let digits = hit.secret_bytes().strip_prefix(AGE_PREFIX).and_then(|rest| rest.strip_prefix(b"1"));
    let whole = digits.is_some_and(|digits| bech32::is_whole(AGE_PREFIX, digits));
    accept(whole, "the checksum does not hold")?;
    hit.add_attribute("format", "age");
    hit.add_attribute("algorithm", "x25519");
    hit.add_attribute("encrypted", "false");
    Ok(())
}

/// The secret is a private key of WireGuard: base64 of 32 bytes. `wg genkey` clamps
/// them as RFC 7748 section 5 says, and so does nearly every other program.
fn wireguard(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let bytes = decode(&plain_secret(hit)).ok_or(Refusal("not base64"))?;
    let key: [u8; 32] = bytes.try_into().map_err(|_| Refusal("not the length of a key"))?;
    accept(key.iter().any(|byte| *byte != 0), "nothing but zeros")?;
    let public = curve25519_dalek::montgomery::MontgomeryPoint::mul_base_clamped(key);
    hit.add_attribute("format", "wireguard");
    hit.add_attribute("algorithm", "x25519");
    hit.add_attribute("public_key", STANDARD.encode(public.as_bytes()));
    hit.add_attribute("encrypted", "false");
    Ok(())
}
