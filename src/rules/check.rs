//! The checks that a rule may name, with their arguments, as data. What each one
//! does is in `scan::checks`.

use serde::Deserialize;

/// One check of a rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "check", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Check {
    /// The secret's Shannon entropy in bits per byte is at least `min`.
    Entropy {
        /// Bits per byte.
        min: f64,
    },
}
