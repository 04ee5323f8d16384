//! Checks of a token's own form: checksums and base64.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Hit, Refusal, accept};
use crate::formats::escape::{Escapes, unescape};
use crate::formats::token_sum::{self, Digits};
use crate::rules::SumDigits;

/// Padding may be missing, and the bits past the last byte may be anything: some
/// programs that make up or cut keys leave them set.
const LENIENT_END: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT_END);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT_END);

/// Where a checksum stands: see [`crate::rules::Check::Crc32`].
pub(super) struct SumLayout {
    pub(super) digits: SumDigits,
    pub(super) skip: u32,
    pub(super) gap: u32,
    pub(super) reversed: bool,
}

/// See [`crate::formats::token_sum`].
pub(super) fn crc32(hit: &mut Hit<'_>, layout: &SumLayout, required: bool) -> Result<(), Refusal> {
    let holds = sum_holds(hit.secret_bytes(), layout).ok_or(Refusal("too short for its checksum"))?;
    if required {
        return accept(holds, "the checksum does not hold");
    }
    hit.add_attribute("checksum", if holds { "valid" } else { "invalid" });
    Ok(())
}

fn sum_holds(secret: &[u8], layout: &SumLayout) -> Option<bool> {
    let digits = match layout.digits {
        SumDigits::Base62 => Digits::Base62,
        SumDigits::Base62LowerFirst => Digits::Base62LowerFirst,
        SumDigits::Hex => Digits::HexLower,
        SumDigits::HexUpper => Digits::HexUpper,
        SumDigits::Base36 => Digits::Base36,
        SumDigits::Base64 => Digits::Base64,
    };
    let (body, sum) = secret.split_at_checked(secret.len().checked_sub(digits.length())?)?;
    let end = body.len().checked_sub(usize::try_from(layout.gap).ok()?)?;
    let body = body.get(usize::try_from(layout.skip).ok()?..end)?;
    Some(token_sum::crc32(body, digits, layout.reversed) == sum)
}

/// Takes the base64 token of which the match is a part for the secret.
pub(super) fn base64_around(hit: &mut Hit<'_>, before: u32, length: u32) -> Result<(), Refusal> {
    const SHORT: Refusal = Refusal("the base64 around is too short");
    let text = hit.text;
    let mut start = hit.span.start;
    for _ in 0..before {
        let head = text.get(..start).unwrap_or_default();
        start -= character_before(head).ok_or(SHORT)?;
    }
    let mut end = hit.span.start;
    for _ in before..length {
        let tail = text.get(end..).unwrap_or_default();
        end += character_at(tail).ok_or(SHORT)?;
    }
    hit.secret = start..end;
    hit.claims.push(start..end);
    hit.value = None;
    Ok(())
}

/// The bytes in which the last base64 character of `head` is written.
fn character_before(head: &[u8]) -> Option<usize> {
    let escaped = [6_usize, 3, 2].into_iter().find(|length| {
        let start = head.len().checked_sub(*length);
        start.and_then(|start| head.get(start..)).and_then(character_at) == Some(*length)
    });
    match escaped {
        Some(length) => Some(length),
        None => character_at(head.get(head.len().checked_sub(1)?..)?),
    }
}

/// The bytes in which the base64 character at the start of `tail` is written.
fn character_at(tail: &[u8]) -> Option<usize> {
    match tail {
        [b'\\', b'u' | b'U', b'0', b'0', b'2', b'B' | b'b' | b'F' | b'f', ..] => Some(6),
        [b'\\', b'u' | b'U', b'0', b'0', b'3', b'D' | b'd', ..] => Some(6),
        [b'%', b'2', b'B' | b'b' | b'F' | b'f', ..] | [b'%', b'3', b'D' | b'd', ..] => Some(3),
        [b'\\', b'/' | b'=' | b'+', ..] => Some(2),
        [byte, ..] if byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte) => Some(1),
        _ => None,
    }
}

/// The secret without escapes.
pub(super) fn plain_secret<'h>(hit: &'h Hit<'_>) -> Cow<'h, [u8]> {
    unescape(hit.secret_bytes(), Escapes::ALL).bytes
}

/// Decodes base64 of either alphabet, with or without padding.
pub(super) fn decode(code: &[u8]) -> Option<Vec<u8>> {
    let url_safe = code.iter().any(|byte| matches!(byte, b'-' | b'_'));
    if url_safe { URL_SAFE.decode(code) } else { STANDARD.decode(code) }.ok()
}

/// Encodes in base64 with padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Whether so many characters, padding aside, code so many bytes.
pub(super) fn has_length(code: &[u8], bytes: u32) -> bool {
    let characters = code.iter().rev().skip_while(|byte| **byte == b'=').count();
    usize::try_from(bytes).is_ok_and(|bytes| characters == (bytes * 8).div_ceil(6))
}

pub(super) fn base64_length(hit: &mut Hit<'_>, bytes: u32) -> Result<(), Refusal> {
    let plain = plain_secret(hit);
    accept(has_length(&plain, bytes), "not the base64 length of its type")?;
    decode(&plain).ok_or(Refusal("not base64"))?;
    if let Cow::Owned(plain) = plain {
        hit.value = Some(plain);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(digits: SumDigits, skip: u32, gap: u32, reversed: bool) -> SumLayout {
        SumLayout { digits, skip, gap, reversed }
    }

    /// Each vendor's layout; the sums of the synthetic bodies are zlib's, written by
    /// Python.
    #[test]
    fn layouts_of_vendors() {
        let body = "abcdefghijABCDEFGHIJ0123456789";
        let github = format!("{}{body}2C2O59", concat!("gh", "p_"));
        assert_eq!(sum_holds(github.as_bytes(), &layout(SumDigits::Base62, 4, 0, false)), Some(true));
        let upper = github.to_uppercase();
        assert_eq!(sum_holds(upper.as_bytes(), &layout(SumDigits::Base62, 4, 0, false)), Some(false));
        let hex = layout(SumDigits::Hex, 5, 1, false);
        assert_eq!(sum_holds(format!("zpka_{body}_77d0780f").as_bytes(), &hex), Some(true));
        assert_eq!(sum_holds(format!("zpka_{body}x77d0780f").as_bytes(), &hex), Some(true));
        assert_eq!(sum_holds(format!("zpka_{body}_77d0780e").as_bytes(), &hex), Some(false));
        let upper = layout(SumDigits::HexUpper, 0, 0, false);
        assert_eq!(sum_holds(b"abcdefghijABCDEFGHIJ012345678977D0780F", &upper), Some(true));
        let reversed = layout(SumDigits::Hex, 0, 0, true);
        assert_eq!(sum_holds(format!("{body}0f78d077").as_bytes(), &reversed), Some(true));
        for short in ["", "12345", "123456"] {
            assert_eq!(sum_holds(short.as_bytes(), &layout(SumDigits::Base62, 4, 0, false)), None);
        }
    }
}
