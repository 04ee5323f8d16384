//! bzip2, as its own documentation has it (<https://sourceware.org/bzip2/manual/manual.html>).

use std::rc::Rc;

use ::bzip2::bufread::MultiBzDecoder;

use super::format::{Damage, Format, Opened};
use super::input::Input;
use super::tools::Tools;

pub(super) struct Bzip2;

impl Format for Bzip2 {
    fn name(&self) -> &'static str {
        "bzip2"
    }

    fn detect(&self, start: &[u8]) -> bool {
        // The size of blocks, then the magic of a block (the digits of pi) or of the end
        // (those of its root).
        matches!(start, [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..])
            || matches!(start, [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..])
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, _: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        Ok(Opened::Stream(Box::new(MultiBzDecoder::new(input)), None))
    }
}
