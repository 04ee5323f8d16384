//! What several tests of the whole share.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod program;
pub(crate) mod rust_paths;
