//! How the SSH server of a machine decides about keys.
//!
//! Role: the server's configuration with its includes and `Match` blocks
//! ([`config`]), what it comes to for one account ([`effective`]), whether the
//! account may log in ([`account`]), whether a file may be used ([`files`]), which clients may
//! connect ([`wrap`]), and the verdict about a line ([`decide`]). Not for: which files and accounts there are.

pub(super) mod account;
mod algorithms;
pub(super) mod certificate;
pub(super) mod config;
pub(super) mod decide;
pub(super) mod effective;
pub(super) mod files;
pub(super) mod pam;
pub(super) mod server;
pub(super) mod wrap;

use std::net::IpAddr;

/// From where a client connects to what. Without one, every criterion that depends
/// on it is taken both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client's address.
    pub address: IpAddr,
    /// The address that it connects to.
    pub local_address: IpAddr,
    /// The port that it connects to.
    pub local_port: u16,
}
