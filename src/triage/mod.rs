//! What the user has decided about findings before the scan: an ignore file, and
//! an earlier scan as baseline.
//!
//! Role: text of the user's own files → marks on findings, and what came of each
//! file. Both are given explicitly and never looked for on a target: what is
//! scanned has no say in what is told of it. Not for: dropping findings. A mark
//! keeps the record; only exit codes and summaries treat it in another way.

mod baseline;
mod ignore;

pub use baseline::{Baseline, BaselineError};
pub use ignore::IgnoreFile;
