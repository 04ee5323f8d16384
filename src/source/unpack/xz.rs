//! xz: The .xz File Format 1.2.1 (<https://tukaani.org/xz/xz-file-format.txt>).

use std::rc::Rc;

use lzma_rust2::XzReader;

use super::format::{Damage, Format, Opened};
use super::input::Input;
use super::readers::Lent;
use super::tools::{Tools, too_large};
use crate::source::bytes::u8_at;

/// Where the header of the first block begins.
const FIRST_BLOCK: usize = 12;
/// No header of a block is longer.
const MAX_HEADER: usize = 1024;
/// What a decoder needs beside its window.
const OVERHEAD: u64 = 1 << 20;
/// Later blocks may have larger windows than the first: up to that of `xz -6`.
const USUAL_WINDOW: u64 = 8 << 20;

pub(super) struct Xz;

impl Format for Xz {
    fn name(&self) -> &'static str {
        "xz"
    }

    fn detect(&self, start: &[u8]) -> bool {
        // Magic, then flags of which most are zero, then their checksum.
        let (Some(flags), Some(sum)) = (start.get(6..8), start.get(8..12)) else { return false };
        start.starts_with(b"\xfd7zXZ\0") && sum == crc32fast::hash(flags).to_le_bytes()
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, tools: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        let header = input.peek(FIRST_BLOCK + MAX_HEADER).get(FIRST_BLOCK..).unwrap_or_default();
        let bytes = window(header).unwrap_or(0).max(USUAL_WINDOW) + OVERHEAD;
        let Some(loan) = tools.lend(bytes) else { return Err(too_large(bytes)) };
        let limit = u32::try_from(bytes >> 10).unwrap_or(u32::MAX);
        let reader = XzReader::new_mem_limit(input, true, limit);
        Ok(Opened::Stream(Box::new(Lent { reader, loans: loan }), None))
    }
}

/// The window of a block with this header (3.1): that of its last filter, LZMA2 (5.3.1).
fn window(header: &[u8]) -> Option<u64> {
    let flags = u8_at(header, 1)?;
    let mut at = 2;
    // The sizes of the block, where they are given.
    for _ in 0..(flags >> 6).count_ones() {
        number(header, &mut at)?;
    }
    for _ in 0..=(flags & 3) {
        let id = number(header, &mut at)?;
        let size = usize::try_from(number(header, &mut at)?).ok()?;
        if id == 0x21 {
            let bits = u32::from(u8_at(header, at)? & 0x3f);
            return (2 | u64::from(bits & 1)).checked_shl(bits / 2 + 11);
        }
        at = at.checked_add(size)?;
    }
    None
}

/// A number of as many bytes as it needs (1.2).
fn number(header: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = u8_at(header, *at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows as `man xz` has them.
    #[test]
    fn the_window_is_that_of_the_preset() {
        let cases: [(&[&str], u64); 6] = [
            (&["-0"], 256 << 10),
            (&["-2"], 2 << 20),
            (&["-6"], 8 << 20),
            (&["-9"], 64 << 20),
            (&["--lzma2=preset=0,dict=3MiB"], 3 << 20),
            (&["--x86", "--lzma2=preset=0,dict=32MiB"], 32 << 20),
        ];
        for (options, expected) in cases {
            let output = std::process::Command::new("xz").arg("-c").args(options).arg(file!()).output();
            let header = output.expect("xz").stdout;
            assert_eq!(window(header.get(FIRST_BLOCK..).expect("a block")), Some(expected), "{options:?}");
        }
    }

    #[test]
    fn cut_and_hostile_headers() {
        for header in [
            &b""[..],
            b"\x02",
            b"\x02\x00\x21",
            b"\x02\x00\x21\x01",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(window(header), None, "{header:?}");
        }
        // Four GiB, the most.
        assert_eq!(window(b"\x02\x00\x21\x01\x28"), Some(1 << 32));
    }
}
