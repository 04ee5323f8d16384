//! Volumes: what partition tables, RAID, LVM and signatures on real disks say,
//! held against the programs that made them.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

#[path = "../support/mod.rs"]
mod support;

mod content;
mod disks;
mod hostile;
mod lvm;
mod raid;
mod tables;
