//! What stands between a decoder or an archive and the [`Input`](super::Input) above it: the
//! account of what is unpacked, and of memory.

use std::io::Read;
use std::rc::Rc;

use super::format::Archive;
use super::tools::{Loan, Tools};

/// A decoder with the memory that it was lent, which is given back with it.
pub(super) struct Lent<R, L = Loan> {
    pub(super) reader: R,
    #[expect(dead_code, reason = "it is held, and dropped")]
    pub(super) loans: L,
}

impl<R: Read, L> Read for Lent<R, L> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.reader.read(bytes)
    }
}

/// Counts bytes as unpacked that come without being stored: those beyond `free`.
pub(super) struct Counted<'r> {
    pub(super) reader: Box<dyn Read + 'r>,
    pub(super) free: u64,
    pub(super) tools: Rc<Tools>,
}

impl Read for Counted<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        if self.tools.budget.stop().is_some() {
            return Err(std::io::Error::other("a limit was reached"));
        }
        let read = self.reader.read(bytes)?;
        let free = usize::try_from(self.free).unwrap_or(usize::MAX).min(read);
        self.free -= u64::try_from(free).unwrap_or(0).min(self.free);
        if read > free {
            self.tools.budget.unpacked(read - free);
        }
        Ok(read)
    }
}

/// Reads the content of an archive's entry.
pub(super) struct Content<'a, 'r>(pub(super) &'a mut (dyn Archive + 'r));

impl Read for Content<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(bytes)
    }
}

/// Counts what a decoder gives, and ends where a limit is reached.
pub(super) struct Unpacking<'r> {
    pub(super) reader: Box<dyn Read + 'r>,
    pub(super) tools: Rc<Tools>,
}

impl Read for Unpacking<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        if self.tools.budget.stop().is_some() {
            return Err(std::io::Error::other("a limit was reached"));
        }
        let read = self.reader.read(bytes)?;
        self.tools.budget.unpacked(read);
        Ok(read)
    }
}
