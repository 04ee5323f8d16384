//! LZMA without a container, as `lzma` and old packages write it: the header by
//! `doc/lzma-file-format.txt` of XZ Utils (<https://tukaani.org/xz/>).
//!
//! It has no magic: a file is taken for one only where each field is as programs write it, as
//! `file` and XZ Utils do.

use std::io;
use std::rc::Rc;

use lzma_rust2::LzmaReader;

use super::format::{Damage, Format, Opened};
use super::input::Input;
use super::readers::Lent;
use super::tools::{Tools, too_large};
use crate::source::bytes::{u8_at, u32_le, u64_le};

/// What every program writes: three bits of literal context, no literal position, two bits
/// of position (2 * 45 + 0 * 9 + 3).
const PROPERTIES: u8 = 0x5d;
/// The largest size that is believed, as XZ Utils has it: 256 GiB.
const MAX_SIZE: u64 = 1 << 38;
/// What a decoder needs beside its window.
const OVERHEAD: u64 = 1 << 20;

pub(super) struct Lzma;

impl Format for Lzma {
    fn name(&self) -> &'static str {
        "lzma"
    }

    fn detect(&self, start: &[u8]) -> bool {
        let (Some(window), Some(size)) = (u32_le(start, 1), u64_le(start, 5)) else { return false };
        // A power of two, or that and half of it; the coder's first byte is zero.
        let is_window = window >= 4096 && (window.count_ones() == 1 || is_power_and_half(window));
        u8_at(start, 0) == Some(PROPERTIES)
            && is_window
            && (size == u64::MAX || size < MAX_SIZE)
            && u8_at(start, 13) == Some(0)
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, tools: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        let window = u32_le(input.peek(13), 1).unwrap_or(u32::MAX);
        let bytes = u64::from(window) + OVERHEAD;
        let Some(loan) = tools.lend(bytes) else { return Err(too_large(bytes)) };
        let limit = u32::try_from(bytes >> 10).unwrap_or(u32::MAX);
        let wrong = |error: io::Error| Damage::corrupt(error.to_string());
        let reader = LzmaReader::new_mem_limit(input, limit, None).map_err(wrong)?;
        Ok(Opened::Stream(Box::new(Lent { reader, loans: loan }), None))
    }
}

fn is_power_and_half(window: u32) -> bool {
    // Two bits beside one another.
    window.count_ones() == 2 && window & (window >> 1) != 0
}
