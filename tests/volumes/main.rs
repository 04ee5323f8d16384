//! Volumes: what partition tables, RAID, LVM and signatures on real disks say,
//! held against the programs that made them.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "numbers of small images"
)]
#![allow(clippy::print_stdout, reason = "a test that cannot be run says so")]

#[path = "../support/mod.rs"]
mod support;

mod content;
mod disks;
mod hostile;
mod lvm;
mod raid;
mod tables;
