//! What each check of a rule does: a small function over a [`Hit`], with the
//! source of its facts.

use super::hit::Hit;
use crate::rules::Check;

/// Why a check refused a match: a short phrase for `rules explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal(pub &'static str);

/// Runs one check. It may add attributes to the hit and refine its secret.
///
/// # Errors
///
/// The reason for which the match is not a secret of the rule's type.
pub fn run(check: &Check, hit: &mut Hit<'_>) -> Result<(), Refusal> {
    match check {
        Check::Entropy { min } => {
            if entropy(hit.secret_bytes()) < *min {
                return Err(Refusal("entropy too low"));
            }
            Ok(())
        }
    }
}

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
