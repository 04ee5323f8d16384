//! Pure parsers: of the forms in which secrets are kept (keys, connection strings,
//! signed URLs, checksums), and of what a machine says of itself (databases of
//! packages).
//!
//! Role: untrusted bytes → a typed description or a typed error. No I/O, no key
//! derivation, no decryption, bounded time and memory whatever the input. Not
//! for: deciding whether something is a finding (see `scan::checks`).

// Everything here reads bytes that anybody may have written: nothing may panic
// or wrap. Tests may.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::string_slice
    )
)]

pub mod apk;
pub mod auth_log;
pub mod authorized_keys;
pub mod aws_key_id;
pub mod azure_devops;
pub mod bech32;
mod bignum;
pub mod cask;
pub mod connection_string;
pub mod debian_2008;
pub mod der;
mod der_cut;
pub mod dpkg;
mod dropbear;
mod ec;
pub mod elf_core;
pub mod escape;
pub mod evtx;
pub mod hex;
pub mod hive;
mod hmac;
pub mod java_keystore;
pub mod journal;
pub mod jwt;
pub mod keepass;
mod key;
pub mod key_numbers;
mod key_pair;
pub mod known_hosts;
pub mod krl;
pub mod marvin32;
pub mod name_value;
pub mod openpgp;
mod openssh;
pub mod passwd;
pub mod pem;
mod pkcs;
pub mod pkcs12;
mod ppk;
pub mod private_key;
pub mod public_key;
pub mod query;
pub mod rpm;
pub mod rpm_bdb;
mod rsa_private;
pub mod sam;
pub mod settings;
pub mod snappy;
pub mod sqlite;
mod ssh2;
pub mod ssh_certificate;
pub mod ssh_pattern;
pub mod ssh_public;
pub mod sshd_config;
pub mod sstable;
pub mod table;
pub mod token_sum;
pub mod utmp;
pub mod weak_key;
pub mod wheel;
mod wire;
pub mod x509;

#[cfg(test)]
mod tests;
