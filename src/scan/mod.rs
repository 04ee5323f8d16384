//! Bytes → matches. The engine: literals, prefilter, confirm, verify, checks,
//! resolution of overlaps. It is given bytes and knows nothing of files.

pub mod checks;
mod engine_stub;
mod hit;

use std::collections::BTreeMap;

pub use engine_stub::{Engine, Scanner};
pub use hit::Hit;

use crate::finding::Secret;

/// A verified match: what the engine gives to its sink. Offsets are from the
/// start of the content that was scanned.
#[derive(Clone, Debug)]
pub struct Match {
    /// Index of the rule in the rule set.
    pub rule: usize,
    /// Start of the pattern's match.
    pub start: u64,
    /// End of the pattern's match.
    pub end: u64,
    /// Offset of the secret's first byte.
    pub secret_start: u64,
    /// The secret.
    pub secret: Secret,
    /// Attributes from named groups, companions and checks.
    pub attributes: BTreeMap<String, String>,
}
