//! gzip: RFC 1952; deflate: RFC 1951.

use std::io::{self, BufRead, Read};
use std::rc::Rc;

use flate2::{Decompress, FlushDecompress, Status};

use super::format::{Damage, Format, Opened};
use super::input::Input;
use super::tools::Tools;

/// The longest name or comment.
const MAX_TEXT: usize = 4096;

const TEXT: u8 = 1;
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

pub(super) struct Gzip;

impl Format for Gzip {
    fn name(&self) -> &'static str {
        "gzip"
    }

    fn detect(&self, start: &[u8]) -> bool {
        // Magic, deflate, no reserved flag; the shortest has 20 bytes.
        matches!(start, [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0) && start.len() >= 18
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, tools: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        let name = header(input).map_err(|error| Damage::corrupt(error.to_string()))?;
        let inflater = Inflater::new(tools);
        Ok(Opened::Stream(
            Box::new(Members { input, inflater, crc: crc32fast::Hasher::new(), size: 0 }),
            name,
        ))
    }
}

/// Raw deflate, by a decoder that is given back.
pub(super) struct Inflater {
    state: Option<Decompress>,
    tools: Rc<Tools>,
}

impl Inflater {
    pub(super) fn new(tools: &Rc<Tools>) -> Self {
        Self { state: Some(tools.take_inflater()), tools: Rc::clone(tools) }
    }

    fn restart(&mut self) {
        if let Some(state) = &mut self.state {
            state.reset(false);
        }
    }

    /// Gives bytes; 0 only at the end of the stream, or where there is no room.
    pub(super) fn read(&mut self, input: &mut impl BufRead, bytes: &mut [u8]) -> io::Result<usize> {
        let Some(state) = &mut self.state else { return Ok(0) };
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            let held = input.fill_buf()?;
            let at_end = held.is_empty();
            let (taken, given) = (state.total_in(), state.total_out());
            let status = state
                .decompress(held, bytes, FlushDecompress::None)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("deflate: {error}")))?;
            let taken = usize::try_from(state.total_in() - taken).unwrap_or(usize::MAX);
            let given = usize::try_from(state.total_out() - given).unwrap_or(usize::MAX);
            input.consume(taken);
            if given > 0 || status == Status::StreamEnd {
                return Ok(given);
            }
            if at_end {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle"));
            }
            if taken == 0 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "deflate: no progress"));
            }
        }
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            self.tools.give_inflater(state);
        }
    }
}

/// The members of a gzip file, one after the other, as one content.
struct Members<'i, 'r> {
    input: &'i mut Input<'r>,
    inflater: Inflater,
    crc: crc32fast::Hasher,
    size: u32,
}

impl Read for Members<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            let read = self.inflater.read(self.input, bytes)?;
            if read > 0 {
                self.crc.update(bytes.get(..read).unwrap_or_default());
                self.size = self.size.wrapping_add(u32::try_from(read).unwrap_or(0));
                return Ok(read);
            }
            self.trailer()?;
            // Another member may follow; anything else is for whoever called.
            if !Gzip.detect(self.input.peek(18)) {
                return Ok(0);
            }
            header(self.input)?;
            self.inflater.restart();
        }
    }
}

impl Members<'_, '_> {
    fn trailer(&mut self) -> io::Result<()> {
        let crc = std::mem::take(&mut self.crc).finalize();
        let size = std::mem::take(&mut self.size);
        let end = || io::Error::new(io::ErrorKind::UnexpectedEof, "it ends before its checksum");
        let stored = self.input.array().map(u32::from_le_bytes).ok_or_else(end)?;
        let length = self.input.array().map(u32::from_le_bytes).ok_or_else(end)?;
        if (stored, length) == (crc, size) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong"))
    }
}

/// Takes a header; returns the file's name, where it has one.
fn header(input: &mut Input<'_>) -> io::Result<Option<Vec<u8>>> {
    let end = || io::Error::new(io::ErrorKind::UnexpectedEof, "its header is cut short");
    let [_, _, method, flags, ..] = input.array::<10>().ok_or_else(end)?;
    if method != 8 || flags & !(TEXT | HEADER_CRC | EXTRA | NAME | COMMENT) != 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its header is wrong"));
    }
    if flags & EXTRA != 0 {
        let length = input.array().map(u16::from_le_bytes).ok_or_else(end)?;
        if !input.skip(length.into()) {
            return Err(end());
        }
    }
    let name = if flags & NAME != 0 { Some(text(input)?) } else { None };
    if flags & COMMENT != 0 {
        text(input)?;
    }
    if flags & HEADER_CRC != 0 {
        input.array::<2>().ok_or_else(end)?;
    }
    Ok(name)
}

/// A text that ends with a zero byte.
fn text(input: &mut Input<'_>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let held = input.peek(256);
        if held.is_empty() || text.len() > MAX_TEXT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its header does not end"));
        }
        match memchr::memchr(0, held) {
            Some(at) => {
                text.extend_from_slice(held.get(..at).unwrap_or_default());
                input.consume(at + 1);
                return Ok(text);
            }
            None => {
                text.extend_from_slice(held);
                let length = held.len();
                input.consume(length);
            }
        }
    }
}
