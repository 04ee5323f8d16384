//! What several tests of the whole share.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

pub(crate) mod browser;
pub(crate) mod budget;
pub(crate) mod debian;
pub(crate) mod exercise;
pub(crate) mod filesystem;
pub(crate) mod hives;
pub(crate) mod images;
pub(crate) mod json_schema;
pub(crate) mod planted;
pub(crate) mod program;
pub(crate) mod rust_paths;
pub(crate) mod whole;
