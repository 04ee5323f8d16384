//! The `machineKey` element of ASP.NET. Source: Microsoft Learn, "machineKey Element
//! (ASP.NET Settings Schema)", and the configuration of Reporting Services.

use std::ops::Range;

use super::placeholder::is_placeholder;
use super::{Hit, Refusal, accept};
use crate::rules::ValueKind;

/// Hex digits of a key: 20 to 64 bytes for validation, DES to AES-256 and beyond
/// for decryption.
const VALIDATION: (usize, usize) = (40, 128);
const DECRYPTION: (usize, usize) = (16, 128);

/// The match is the whole start tag. Its validation key becomes the secret, or the
/// decryption key where the other is made at run time.
pub(super) fn check(hit: &mut Hit<'_>) -> Result<(), Refusal> {
    let element = hit.matched();
    let key = |name: &str, (least, most): (usize, usize)| {
        let place = attribute(element, name)?;
        let value = element.get(place.clone())?;
        let length = value.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let rest = value.get(length..)?;
        let hex = value.get(..length)?;
        let is_key = (least..=most).contains(&length)
            && length % 2 == 0
            && (rest.is_empty() || rest.starts_with(b","))
            && !is_placeholder(hex, ValueKind::Token);
        is_key.then_some(place.start..place.start + length)
    };
    let validation = key("validationKey", VALIDATION);
    let decryption = key("decryptionKey", DECRYPTION);
    let keys = match (&validation, &decryption) {
        (Some(_), Some(_)) => "validation decryption",
        (Some(_), None) => "validation",
        (None, _) => "decryption",
    };
    let secret = validation.or(decryption).ok_or(Refusal("no key in hex digits"))?;
    accept(!secret.is_empty(), "no key in hex digits")?;
    let text = |name: &str| {
        let value = attribute(element, name).and_then(|place| element.get(place)).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    };
    hit.add_attribute("validation", text("validation"));
    hit.add_attribute("decryption", text("decryption"));
    hit.add_attribute("application", text("applicationName"));
    hit.add_attribute("keys", keys);
    hit.secret = hit.span.start + secret.start..hit.span.start + secret.end;
    Ok(())
}

/// Where the value of an attribute stands, in whatever case its name is.
fn attribute(element: &[u8], name: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(window) = element.get(from..from + name.len()) {
        let start = from;
        from += 1;
        let parted = start.checked_sub(1).and_then(|at| element.get(at)).is_some_and(u8::is_ascii_whitespace);
        if !parted || !window.eq_ignore_ascii_case(name.as_bytes()) {
            continue;
        }
        let rest = element.get(start + name.len()..)?;
        let blanks = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let before = blanks(rest);
        let Some(rest) = rest.get(before..)?.strip_prefix(b"=") else { continue };
        let after = blanks(rest);
        let (quote, value) = rest.get(after..)?.split_first()?;
        if !matches!(quote, b'"' | b'\'') {
            continue;
        }
        let length = memchr::memchr(*quote, value)?;
        let value_at = start + name.len() + before + 1 + after + 1;
        return Some(value_at..value_at + length);
    }
    None
}
