//! What a snapshot says about its machine, read from the snapshot's own files.
//!
//! Role: from an open root to facts about the machine that it was taken of. Not
//! for: this machine, whose files are never asked.

mod accounts;
pub mod git;
mod hosts;
mod identity;
mod logins;
mod machine;
mod names;
mod packages;
mod provisioning;
mod reader;
mod sshd;
mod users;
mod windows;

pub use accounts::Accounts;
pub use machine::{AuthorizedKey, Machine, certificate_beside, public_beside};
pub use packages::Packages;
pub use sshd::Client;

#[cfg(test)]
mod tests;
