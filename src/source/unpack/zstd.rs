//! Zstandard: RFC 8878, one frame after the other.

use std::io::{self, BufRead, Read};
use std::rc::Rc;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::format::{Damage, Format, Opened};
use super::input::Input;
use super::tools::{Loan, Tools, too_large};
use crate::source::bytes::{u8_at, u16_le, u32_le, u64_le};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The largest window that is decoded, in bytes: what level 19 needs is 8 MiB, what
/// `--long` asks for by default is 128 MiB, which two threads with nested frames could
/// not both have.
const MAX_WINDOW: u64 = 64 << 20;
/// The longest header of a frame.
const HEADER: usize = 18;

pub(super) struct Zstd;

impl Format for Zstd {
    fn name(&self) -> &'static str {
        "zstd"
    }

    fn detect(&self, start: &[u8]) -> bool {
        // The reserved bit of the descriptor is zero.
        start.starts_with(&MAGIC) && u8_at(start, 4).is_some_and(|descriptor| descriptor & 8 == 0)
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, tools: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        let window = window(input.peek(HEADER)).unwrap_or(0);
        let loan = (window <= MAX_WINDOW).then(|| tools.lend(window)).flatten();
        let Some(loan) = loan else { return Err(too_large(window)) };
        let tools = Rc::clone(tools);
        Ok(Opened::Stream(Box::new(Frames { input, decoder: None, window, loans: vec![loan], tools }), None))
    }
}

struct Frames<'i, 'r> {
    input: &'i mut Input<'r>,
    decoder: Option<FrameDecoder>,
    /// The largest that it was made for.
    window: u64,
    /// The memory for it: more for each frame that needs more.
    loans: Vec<Loan>,
    tools: Rc<Tools>,
}

impl Read for Frames<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(decoder) = &mut self.decoder {
                while decoder.can_collect() == 0 && !decoder.is_finished() {
                    let one = BlockDecodingStrategy::UptoBlocks(1);
                    decoder.decode_blocks(&mut *self.input, one).map_err(damaged)?;
                }
                let read = decoder.read(bytes)?;
                if read > 0 {
                    return Ok(read);
                }
            }
            if !self.next_frame()? {
                return Ok(0);
            }
        }
    }
}

impl Frames<'_, '_> {
    /// Begins the next frame, past those that hold nothing to unpack (3.1.2).
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            let start = self.input.peek(HEADER);
            match (u32_le(start, 0), u32_le(start, 4)) {
                (Some(0x184d_2a50..=0x184d_2a5f), Some(length)) => {
                    self.input.consume(8);
                    if !self.input.skip(length.into()) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                _ if Zstd.detect(start) => break,
                _ => return Ok(false),
            }
        }
        let window = window(self.input.peek(HEADER)).unwrap_or(0);
        if let Some(more) = window.checked_sub(self.window).filter(|more| *more > 0) {
            let loan = (window <= MAX_WINDOW).then(|| self.tools.lend(more)).flatten();
            self.loans.push(loan.ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?);
            self.window = window;
        }
        let decoder = self.decoder.get_or_insert_with(|| self.tools.take_zstd());
        decoder.set_max_window_size(MAX_WINDOW);
        decoder.init(&mut *self.input).map_err(damaged)?;
        Ok(true)
    }
}

impl Drop for Frames<'_, '_> {
    fn drop(&mut self) {
        if let Some(decoder) = self.decoder.take() {
            self.tools.give_zstd(decoder, self.window);
        }
    }
}

fn damaged(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

/// The size of the window that a frame with this header needs (3.1.1.1).
fn window(header: &[u8]) -> Option<u64> {
    let descriptor = u8_at(header, 4)?;
    let single_segment = descriptor & 0x20 != 0;
    if !single_segment {
        let byte = u64::from(u8_at(header, 5)?);
        let base = 1_u64 << (10 + (byte >> 3));
        return Some(base + base / 8 * (byte & 7));
    }
    // The content is the window.
    let dictionary_id = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let at = 5 + dictionary_id;
    match descriptor >> 6 {
        0 => u8_at(header, at).map(u64::from),
        1 => u16_le(header, at).map(|size| u64::from(size) + 256),
        2 => u32_le(header, at).map(u64::from),
        _ => u64_le(header, at),
    }
}
