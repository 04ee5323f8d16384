//! zlib streams at offsets: RFC 1950.

use std::io::{self, Read};
use std::rc::Rc;

use flate2::{Decompress, FlushDecompress, Status};

use super::Bytes;

/// How much is read at a time.
const STEP: usize = 16 << 10;

/// The first bytes of a stream that begins so.
pub(super) fn first_bytes<const N: usize>(start: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; N];
    let mut state = Decompress::new(true);
    state.decompress(start, &mut bytes, FlushDecompress::None).ok()?;
    bytes.truncate(usize::try_from(state.total_out()).ok()?);
    Some(bytes)
}

/// Inflates streams one after the other, with one decoder.
pub struct Inflater {
    state: Decompress,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Self { state: Decompress::new(true), buffer: vec![0; STEP] }
    }
}

impl Inflater {
    /// Inflates the stream at `at` in pieces; returns the offset behind it.
    ///
    /// # Errors
    ///
    /// It is damaged, or `give` says so.
    pub fn each(
        &mut self,
        bytes: &dyn Bytes,
        at: u64,
        give: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<u64> {
        self.state.reset(true);
        let mut out = [0; STEP];
        let mut at = at;
        loop {
            let read = bytes.read_at(&mut self.buffer, at)?;
            let mut held = self.buffer.get(..read).unwrap_or_default();
            let at_end = held.is_empty();
            loop {
                let (taken, given, status) = step(&mut self.state, held, &mut out)?;
                held = held.get(taken..).unwrap_or_default();
                at = at.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
                give(out.get(..given).unwrap_or_default())?;
                if status == Status::StreamEnd {
                    return Ok(at);
                }
                if taken == 0 && given == 0 {
                    break;
                }
            }
            if at_end {
                return Err(cut());
            }
            if held.len() == read {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "zlib: no progress"));
            }
        }
    }

    /// Inflates the stream at `at`, which should have `size` bytes; and the offset behind it.
    ///
    /// # Errors
    ///
    /// It is damaged or of another size.
    pub fn whole(&mut self, bytes: &dyn Bytes, at: u64, size: u64) -> io::Result<(Vec<u8>, u64)> {
        let mut whole = Vec::new();
        let end = self.each(bytes, at, &mut |part| {
            whole.extend_from_slice(part);
            match u64::try_from(whole.len()).is_ok_and(|length| length <= size) {
                true => Ok(()),
                false => Err(wrong_size()),
            }
        })?;
        match u64::try_from(whole.len()) == Ok(size) {
            true => Ok((whole, end)),
            false => Err(wrong_size()),
        }
    }
}

fn step(state: &mut Decompress, held: &[u8], out: &mut [u8]) -> io::Result<(usize, usize, Status)> {
    let (taken, given) = (state.total_in(), state.total_out());
    let status = state
        .decompress(held, out, FlushDecompress::None)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("zlib: {error}")))?;
    let taken = usize::try_from(state.total_in() - taken).unwrap_or(usize::MAX);
    let given = usize::try_from(state.total_out() - given).unwrap_or(usize::MAX);
    Ok((taken, given, status))
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle of an object")
}

pub(super) fn wrong_size() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an object is not of the size that it says")
}

/// One stream as a reader.
pub(super) struct Stream<'b> {
    bytes: Rc<dyn Bytes + 'b>,
    at: u64,
    state: Decompress,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
}

impl<'b> Stream<'b> {
    pub(super) fn new(bytes: Rc<dyn Bytes + 'b>, at: u64) -> Self {
        let state = Decompress::new(true);
        Self { bytes, at, state, buffer: vec![0; STEP], start: 0, end: 0, ended: false }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !out.is_empty() {
            let mut at_end = false;
            if self.start >= self.end {
                let read = self.bytes.read_at(&mut self.buffer, self.at)?;
                (self.start, self.end) = (0, read);
                self.at = self.at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                at_end = read == 0;
            }
            let held = self.buffer.get(self.start..self.end).unwrap_or_default();
            let (taken, given, status) = step(&mut self.state, held, out)?;
            self.start = self.start.saturating_add(taken);
            self.ended = status == Status::StreamEnd;
            if given > 0 {
                return Ok(given);
            }
            if at_end && !self.ended {
                return Err(cut());
            }
            if taken == 0 && !self.ended && !at_end && self.start < self.end {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "zlib: no progress"));
            }
        }
        Ok(0)
    }
}

/// A stream that should have a size.
pub(super) struct Sized<'b> {
    stream: Stream<'b>,
    left: u64,
    header: usize,
}

impl<'b> Sized<'b> {
    pub(super) fn new(stream: Stream<'b>, size: u64) -> Self {
        Self { stream, left: size, header: 0 }
    }

    /// The first bytes are no content.
    pub(super) fn skip_header(&mut self, length: usize) {
        self.header = length;
    }
}

impl Read for Sized<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut one = [0];
        while self.header > 0 && self.stream.read(&mut one)? > 0 {
            self.header -= 1;
        }
        if out.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return match self.stream.read(&mut one)? {
                0 => Ok(0),
                _ => Err(wrong_size()),
            };
        }
        let most = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.stream.read(out.get_mut(..most).unwrap_or_default())?;
        self.left = self.left.saturating_sub(u64::try_from(read).unwrap_or(0));
        if read == 0 {
            return Err(wrong_size());
        }
        Ok(read)
    }
}
