//! Bytes → matches. The engine: literals, prefilter, confirm, verify, checks,
//! resolution of overlaps. It is given bytes and knows nothing of files.

mod background;
pub mod checks;
mod confirm;
mod decode;
mod encoded;
mod engine;
pub mod examples;
pub mod explain;
mod hit;
pub mod imported;
pub mod lint;
pub mod mutate;
mod prefilter;
mod resolve;
mod scanner;
mod service;
mod shape;
mod stats;
mod stream;
mod verify;
mod watch;
mod windows;

use std::collections::BTreeMap;

pub use engine::Engine;
pub use hit::Hit;
pub use prefilter::Kernel;
pub use scanner::Scanner;
pub use stats::{RuleStats, Stats, Step};

use crate::finding::{Encoding, Secret};

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
    /// The secret, decoded.
    pub secret: Secret,
    /// The encodings that were undone to find it, outermost first.
    pub encodings: Vec<Encoding>,
    /// Attributes from named groups, companions and checks.
    pub attributes: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests;
