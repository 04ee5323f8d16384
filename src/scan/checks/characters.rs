//! What kinds of characters a secret has.

use super::{Refusal, accept};

/// Shannon entropy over the bytes, in bits per byte.
#[must_use]
pub fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

/// The arguments of the check: see [`crate::rules::Check::Characters`].
pub(super) struct Wanted {
    pub(super) not_hex: bool,
    pub(super) mixed_case: bool,
    pub(super) digit: bool,
    pub(super) max_slashes: Option<u32>,
}

pub(super) fn check(secret: &[u8], wanted: &Wanted) -> Result<(), Refusal> {
    let any = |class: fn(&u8) -> bool| secret.iter().any(class);
    accept(!wanted.not_hex || !secret.iter().all(u8::is_ascii_hexdigit), "all hex digits: a digest")?;
    accept(
        !wanted.mixed_case || any(u8::is_ascii_lowercase) && any(u8::is_ascii_uppercase),
        "letters in one case only",
    )?;
    accept(!wanted.digit || any(u8::is_ascii_digit), "no digit")?;
    let slashes = u32::try_from(secret.iter().filter(|byte| **byte == b'/').count()).unwrap_or(u32::MAX);
    accept(wanted.max_slashes.is_none_or(|most| slashes <= most), "many slashes: a path")
}
