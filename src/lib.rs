//! snapsift finds secrets on disk snapshots of machines, without an agent.

pub mod enrich;
pub mod facts;
pub mod finding;
pub mod formats;
pub mod output;
pub mod pipeline;
pub mod rules;
pub mod scan;
pub mod source;

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
