//! xz: The .xz File Format 1.2.1 (<https://tukaani.org/xz/xz-file-format.txt>).

use std::rc::Rc;

use lzma_rust2::XzReader;

use super::format::{Damage, Format, Opened};
use super::input::Input;
use super::tools::Tools;

/// The most memory of a decoder, in KiB: `xz -9` needs 65.
const MAX_MEMORY: u32 = 72 << 10;

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

    fn open<'i>(&self, input: &'i mut Input<'_>, _: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        Ok(Opened::Stream(Box::new(XzReader::new_mem_limit(input, true, MAX_MEMORY)), None))
    }
}
