//! What a format reads from: bytes in order, of which some can be looked at before they
//! are taken.
//!
//! Role: one buffer for each level of nesting, lent by the thread's [`Tools`]. An error
//! of what lies below is kept and told once the bytes before it are taken, so that what
//! could be read is never lost. Not for: what the bytes mean.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use super::tools::Tools;

/// How many bytes can be looked at ahead.
pub(crate) const PEEK: usize = 64 << 10;

/// Bytes in order.
pub struct Input<'r> {
    source: Box<dyn Read + 'r>,
    tools: Rc<Tools>,
    buffer: Vec<u8>,
    /// What of the buffer is filled and not yet taken.
    start: usize,
    end: usize,
    /// How many bytes have been taken.
    position: u64,
    ended: bool,
    error: Option<io::Error>,
    failed: bool,
    broken: Rc<Cell<bool>>,
}

impl<'r> Input<'r> {
    pub(super) fn new(source: Box<dyn Read + 'r>, tools: &Rc<Tools>) -> Self {
        Self {
            source,
            buffer: tools.take_buffer(),
            tools: Rc::clone(tools),
            start: 0,
            end: 0,
            position: 0,
            ended: false,
            error: None,
            failed: false,
            broken: Rc::default(),
        }
    }

    /// How many bytes have been taken.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Becomes true when a reader has come to where what lies below fails: what a format
    /// then says is not its own fault.
    pub(super) fn broken(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.broken)
    }

    /// Why what lies below ended before its time.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// The next bytes, at most `wanted` and at most 64 KiB; fewer only at the end.
    pub fn peek(&mut self, wanted: usize) -> &[u8] {
        let wanted = wanted.min(self.buffer.len());
        while self.end - self.start < wanted && !self.ended {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            self.fill();
        }
        let held = self.held();
        held.get(..wanted.min(held.len())).unwrap_or_default()
    }

    fn held(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads once behind what is held.
    fn fill(&mut self) {
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        match retry(&mut self.source, room) {
            Ok(0) => self.ended = true,
            Ok(read) => self.end = self.buffer.len().min(self.end + read),
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.ended = true;
        self.failed = true;
        self.error = Some(error);
    }

    /// What a read gives when nothing is left.
    fn at_end(&self) -> io::Result<()> {
        if !self.failed {
            return Ok(());
        }
        self.broken.set(true);
        Err(io::Error::other("what it is in cannot be read further"))
    }

    /// As [`Self::peek`], for a reader that cannot go on with fewer bytes.
    pub(super) fn need(&mut self, wanted: usize) -> &[u8] {
        if self.peek(wanted).len() < wanted && self.failed {
            self.broken.set(true);
        }
        self.peek(wanted)
    }

    /// Takes exactly `N` bytes; `None` where fewer are left: then none is taken.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = self.need(N).try_into().ok()?;
        self.consume(N);
        Some(bytes)
    }

    /// Takes bytes without giving them; false: there are fewer.
    pub(super) fn skip(&mut self, mut bytes: u64) -> bool {
        while bytes > 0 {
            let held = match self.fill_buf() {
                Ok(held) if !held.is_empty() => held.len(),
                _ => return false,
            };
            let step = held.min(usize::try_from(bytes).unwrap_or(usize::MAX));
            self.consume(step);
            bytes -= u64::try_from(step).unwrap_or(bytes);
            if self.tools.budget.stop().is_some() {
                return false;
            }
        }
        true
    }

    /// Reads at most `left` bytes, and takes what was read from `left`.
    pub(super) fn read_of(&mut self, left: &mut u64, bytes: &mut [u8]) -> io::Result<usize> {
        let most = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        let read = self.read(bytes.get_mut(..most).unwrap_or_default())?;
        *left = left.saturating_sub(u64::try_from(read).unwrap_or(0));
        Ok(read)
    }

    /// The same of a member, of which all `left` bytes should be there.
    pub(super) fn read_member(&mut self, left: &mut u64, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.read_of(left, bytes)?;
        if read == 0 && *left > 0 && !bytes.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle of this member"));
        }
        Ok(read)
    }

    /// Takes zero bytes, at most `most`.
    pub(super) fn skip_zeros(&mut self, most: usize) {
        let mut left = most;
        while left > 0 {
            let zeros = self.peek(left.min(4096)).iter().take_while(|byte| **byte == 0).count();
            if zeros == 0 {
                return;
            }
            self.consume(zeros);
            left = left.saturating_sub(zeros);
        }
    }
}

fn retry(source: &mut dyn Read, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end && bytes.len() >= self.buffer.len() && !self.ended {
            // Nothing is held: no need to copy it twice.
            match retry(&mut self.source, bytes) {
                Ok(0) => self.ended = true,
                Ok(read) => {
                    self.position = self.position.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                    return Ok(read);
                }
                Err(error) => self.fail(error),
            }
        }
        let held = self.fill_buf()?;
        let length = held.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..length), held.get(..length)) {
            to.copy_from_slice(from);
        }
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end && !self.ended {
            (self.start, self.end) = (0, 0);
            self.fill();
        }
        if self.start == self.end {
            self.at_end()?;
        }
        Ok(self.held())
    }

    fn consume(&mut self, length: usize) {
        let length = length.min(self.end - self.start);
        self.start += length;
        self.position = self.position.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    }
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        self.tools.give_buffer(std::mem::take(&mut self.buffer));
    }
}
