//! What a snapshot says about its machine, read from the snapshot's own files.
//!
//! Role: from an open root to facts about the machine that it was taken of. Not
//! for: this machine, whose files are never asked.

mod accounts;
mod packages;
mod weak_keys;

pub use accounts::Accounts;
pub use packages::Packages;
pub use weak_keys::read_weak_keys;
