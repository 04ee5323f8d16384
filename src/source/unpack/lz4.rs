//! LZ4 frames, one after the other
//! (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>), and the older form
//! that the kernel's initramfs uses.

use std::io::{self, Read};
use std::rc::Rc;

use lz4_flex::frame::FrameDecoder;

use super::format::{Damage, Format, Opened};
use super::input::Input;
use super::tools::Tools;
use crate::source::bytes::u8_at;

pub(super) struct Lz4;

impl Format for Lz4 {
    fn name(&self) -> &'static str {
        "lz4"
    }

    fn detect(&self, start: &[u8]) -> bool {
        // The version, the reserved bits, and a size of blocks that there is.
        let is_frame = start.starts_with(&[0x04, 0x22, 0x4d, 0x18])
            && u8_at(start, 4).is_some_and(|flags| flags & 0xc2 == 0x40)
            && u8_at(start, 5).is_some_and(|block| block & 0x8f == 0 && block >= 0x40);
        let is_old = start.starts_with(&[0x02, 0x21, 0x4c, 0x18]);
        is_frame || is_old
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, _: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        Ok(Opened::Stream(Box::new(Frames { decoder: FrameDecoder::new(input) }), None))
    }
}

/// A frame ends with a read of nothing; the decoder then goes on with the next one.
struct Frames<R: Read> {
    decoder: FrameDecoder<R>,
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(bytes)
    }
}
