//! Content in pieces: one small content at once, a large one in windows, holes
//! left out, bad blocks skipped, and every byte accounted for.
//!
//! Content is copied by `pread` into a buffer that stays in the processor's cache,
//! and never mapped: over the 520 large files of a `/usr` (4.4 GB, page cache
//! warm, small folios) copying and searching took 0.30 CPU-seconds, populating
//! map windows of 2 or 16 MiB and searching them 0.47 to 0.50; and a file that is
//! cut short can then give an error only, never a signal.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

use super::buffer::{MAX_CARRY, ReadBuffer, WINDOW};
use super::disk::{Disk, DiskError, FileDisk};
use crate::finding::Reason;

/// Holes are looked for only in files of at least this many bytes: two system
/// calls cost more than reading some zeros.
const HOLES_FROM: u64 = 128 << 10;
/// What is skipped after the first read error, in bytes: the unit in which disks
/// and filesystems go bad. It doubles with each further error, so that a wholly
/// bad file of any size ends soon.
const BAD_BLOCK: u64 = 4096;
/// How much of the beginning of a content is shown at once, in bytes, where there is so
/// much: the structures of a disk by which it is told lie in it.
const HEAD: usize = 72 << 10;
/// Read errors of one file after which the rest of it is given up.
const MAX_ERRORS: u32 = 64;

/// Something that can be read at any offset.
pub trait ReadAt {
    /// Reads at `offset`; 0 means the end.
    ///
    /// # Errors
    ///
    /// Why the byte at `offset` cannot be read.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, DiskError>;

    /// The next range of stored bytes from `from` on: its start and its end;
    /// `None` where only a hole follows.
    ///
    /// # Errors
    ///
    /// Where the medium cannot tell; it is then read as if it had no holes.
    fn next_data(&self, from: u64) -> Result<Option<(u64, u64)>, DiskError>;

    /// The same bytes as a disk of `size` bytes that can be kept, where there is one.
    fn to_disk(&self, size: u64) -> Option<Arc<dyn Disk>> {
        let _ = size;
        None
    }

    /// All of it, where it is in memory already.
    fn at_hand(&self) -> Option<&[u8]> {
        None
    }
}

/// An open file.
#[derive(Clone, Copy, Debug)]
pub struct FileContent<'f>(pub BorrowedFd<'f>);

impl ReadAt for FileContent<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, DiskError> {
        loop {
            match rustix::io::pread(self.0.as_fd(), &mut *bytes, offset) {
                Err(Errno::INTR) => {}
                other => return other.map_err(|errno| DiskError::io(offset, &errno.into())),
            }
        }
    }

    fn next_data(&self, from: u64) -> Result<Option<(u64, u64)>, DiskError> {
        let told = |errno: Errno| DiskError::io(from, &errno.into());
        let start = match rustix::fs::seek(self.0, SeekFrom::Data(from)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return Ok(None),
            Err(errno) => return Err(told(errno)),
        };
        match rustix::fs::seek(self.0, SeekFrom::Hole(start)) {
            Ok(end) => Ok(Some((start, end.max(start.saturating_add(1))))),
            // Cut short between the two questions: the read will tell.
            Err(Errno::NXIO) => Ok(Some((start, u64::MAX))),
            Err(errno) => Err(told(errno)),
        }
    }

    fn to_disk(&self, size: u64) -> Option<Arc<dyn Disk>> {
        let fd = self.0.try_clone_to_owned().ok()?;
        Some(Arc::new(FileDisk::new(fd.into(), size)))
    }
}

/// What is given the bytes.
pub trait Sink {
    /// Whether the sink reads this content in its own way, by its first bytes: nothing of
    /// it is then given.
    fn takes_over(&mut self, start: &[u8]) -> bool {
        let _ = start;
        false
    }
    /// A whole content.
    fn whole(&mut self, bytes: &[u8]);
    /// Windows follow; the first byte of the next one is at offset `base`.
    fn begin(&mut self, base: u64);
    /// A window that begins at `base`; returns the offset from which bytes must be
    /// repeated at the start of the next one. `last`: no window follows this one.
    fn window(&mut self, bytes: &[u8], base: u64, last: bool) -> u64;
    /// Whether reading is to end soon.
    fn should_stop(&self) -> bool;
}

/// A range that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Offset of its first byte.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Why.
    pub reason: Reason,
    /// What was said about its first byte, where something was.
    pub error: Option<DiskError>,
}

/// What became of a content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Bytes given to the sink, each counted once.
    pub scanned: u64,
    /// Bytes of holes.
    pub holes: u64,
    /// Ranges left out for other reasons, in order; neighbours of one reason are
    /// one range.
    pub gaps: Vec<Gap>,
    /// The sink has taken it over; nothing else is told.
    pub taken_over: bool,
}

impl Outcome {
    fn gap(&mut self, offset: u64, length: u64, reason: Reason, error: Option<DiskError>) {
        if length == 0 {
            return;
        }
        if let Some(last) = self.gaps.last_mut()
            && last.reason == reason
            && last.offset.saturating_add(last.length) == offset
        {
            last.length = last.length.saturating_add(length);
            return;
        }
        self.gaps.push(Gap { offset, length, reason, error });
    }
}

/// What is known of a content before it is read.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Its size in bytes. 0 may be a lie (procfs): it is read up to `max_unsized`.
    pub size: u64,
    /// Bytes stored; fewer than `size` where there are holes or compression.
    pub stored: u64,
    /// The most bytes to read of a content that says it has none.
    pub max_unsized: u64,
}

/// Reads a content into the sink.
pub fn read(medium: &impl ReadAt, extent: Extent, buffer: &mut ReadBuffer, sink: &mut impl Sink) -> Outcome {
    let mut outcome = Outcome::default();
    if let Some(bytes) = medium.at_hand() {
        if sink.takes_over(bytes) {
            outcome.taken_over = true;
            return outcome;
        }
        sink.whole(bytes);
        outcome.scanned = widen(bytes.len());
        return outcome;
    }
    let small = usize::try_from(extent.size).ok().filter(|size| *size <= WINDOW);
    if let Some(size) = small {
        if read_small(medium, size, buffer, sink, &mut outcome) {
            return outcome;
        }
        outcome = Outcome::default();
    }
    let size = if extent.size == 0 { extent.max_unsized } else { extent.size };
    let unsized_content = extent.size == 0;
    let mut windows =
        Windows { medium, buffer, sink, outcome, errors: 0, unsized_content, looks_at_start: true };
    if extent.stored < size && size >= HOLES_FROM && extent.size != 0 {
        windows.data_ranges(0, size);
    } else {
        windows.range(0, size);
    }
    windows.outcome
}

/// Reads a range of a content into the sink, in windows; holes are left out.
pub fn read_range(
    medium: &impl ReadAt,
    range: std::ops::Range<u64>,
    buffer: &mut ReadBuffer,
    sink: &mut impl Sink,
) -> Outcome {
    let outcome = Outcome::default();
    let mut windows =
        Windows { medium, buffer, sink, outcome, errors: 0, unsized_content: false, looks_at_start: false };
    windows.data_ranges(range.start, range.end);
    windows.outcome
}

/// Reads a content of at most a window in one call: one byte more than it should
/// have is asked for, so that a short count is the end. False: an error, or more
/// bytes than announced, which the window reader deals with.
fn read_small(
    medium: &impl ReadAt,
    size: usize,
    buffer: &mut ReadBuffer,
    sink: &mut impl Sink,
    outcome: &mut Outcome,
) -> bool {
    let mut filled = 0;
    loop {
        let Some(rest) = buffer.window_mut(size + 1).get_mut(filled..) else { return false };
        match medium.read_at(rest, widen(filled)) {
            Ok(0) => break,
            Ok(read) => {
                filled += read;
                if filled == size {
                    break;
                }
                if filled > size {
                    // Grown since it was asked: what it had then is scanned, unless
                    // it said it had nothing, which some filesystems always say.
                    if size == 0 {
                        return false;
                    }
                    filled = size;
                    break;
                }
            }
            Err(_) => return false,
        }
    }
    if size > 0 && sink.takes_over(buffer.filled(0, filled)) {
        outcome.taken_over = true;
        return true;
    }
    sink.whole(buffer.filled(0, filled));
    outcome.scanned = widen(filled);
    outcome.gap(widen(filled), widen(size.saturating_sub(filled)), Reason::ChangedWhileRead, None);
    true
}

fn widen(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

struct Windows<'w, M, S> {
    medium: &'w M,
    buffer: &'w mut ReadBuffer,
    sink: &'w mut S,
    outcome: Outcome,
    errors: u32,
    /// The size is not known; the end is where a read gives nothing.
    unsized_content: bool,
    /// It is read from its beginning: the sink may take it over.
    looks_at_start: bool,
}

impl<M: ReadAt, S: Sink> Windows<'_, M, S> {
    /// Reads the stored ranges from `at` up to `size`.
    fn data_ranges(&mut self, mut at: u64, size: u64) {
        while at < size && !self.outcome.taken_over {
            if self.sink.should_stop() {
                return self.outcome.gap(at, size - at, Reason::Interrupted, None);
            }
            match self.medium.next_data(at) {
                Ok(Some((start, _)))
                    if at == 0 && start > 0 && self.looks_at_start && self.is_taken_over(size) => {}
                Ok(Some((start, end))) => {
                    let start = start.clamp(at, size);
                    let end = end.clamp(start, size);
                    self.outcome.holes += start - at;
                    if !self.range(start, end) {
                        at = end;
                        return self.outcome.gap(at, size - at, Reason::ChangedWhileRead, None);
                    }
                    at = end;
                }
                Ok(None) => {
                    self.outcome.holes += size - at;
                    return;
                }
                Err(_) => {
                    self.range(at, size);
                    return;
                }
            }
        }
    }

    /// Reads on from the beginning, where a medium gives it in small pieces.
    fn fill(&mut self, mut filled: usize, want: usize, most: usize) -> usize {
        while let Some(rest) = self.buffer.window_mut(want).get_mut(filled..most)
            && !rest.is_empty()
        {
            match self.medium.read_at(rest, widen(filled)) {
                Ok(read @ 1..) => filled += read.min(rest.len()),
                Ok(0) | Err(_) => break,
            }
        }
        filled
    }

    /// Whether the sink takes over a content that begins with a hole.
    fn is_taken_over(&mut self, size: u64) -> bool {
        let want = usize::try_from(size).unwrap_or(HEAD).min(HEAD);
        let filled = self.fill(0, want, want);
        self.outcome.taken_over = filled > 0 && self.sink.takes_over(self.buffer.filled(0, filled));
        self.outcome.taken_over
    }

    /// Reads one range in windows. False when the content ended before it.
    fn range(&mut self, start: u64, end: u64) -> bool {
        let mut at = start;
        let mut carry = 0_usize;
        self.sink.begin(start);
        while at < end {
            if self.sink.should_stop() {
                self.flush(at, carry);
                self.outcome.gap(at, end - at, Reason::Interrupted, None);
                return true;
            }
            let want = usize::try_from(end - at).unwrap_or(WINDOW).min(WINDOW);
            match self.medium.read_at(self.buffer.window_mut(want), at) {
                Ok(0) => {
                    self.flush(at, carry);
                    if !self.unsized_content {
                        self.outcome.gap(at, end - at, Reason::ChangedWhileRead, None);
                    }
                    return false;
                }
                Ok(read) => {
                    let mut read = read.min(want);
                    let base = at - widen(carry);
                    if at == 0 && !self.unsized_content && read < HEAD {
                        read = self.fill(read, want, HEAD.min(want));
                    }
                    if at == 0 && !self.unsized_content && self.sink.takes_over(self.buffer.filled(0, read)) {
                        self.outcome.taken_over = true;
                        return true;
                    }
                    at += widen(read);
                    self.outcome.scanned += widen(read);
                    let keep = self.sink.window(self.buffer.filled(carry, read), base, at == end);
                    // More than the buffer can repeat is never asked for: a match is
                    // at most 64 KiB long and looks 4 KiB around itself.
                    carry = usize::try_from(at.saturating_sub(keep.max(base))).unwrap_or(0).min(MAX_CARRY);
                    self.buffer.carry_over(carry, read);
                }
                Err(error) => {
                    self.flush(at, carry);
                    carry = 0;
                    at = self.skip_bad(at, end, error);
                    if at < end {
                        self.sink.begin(at);
                    }
                }
            }
        }
        if self.unsized_content && at == end {
            // Endless as far as we know: the rest has no size that could be counted.
            self.outcome.gaps.push(Gap { offset: at, length: 0, reason: Reason::OverBudget, error: None });
        }
        true
    }

    /// Tells the sink that nothing follows what it has been given.
    fn flush(&mut self, at: u64, carry: usize) {
        self.sink.window(self.buffer.filled(carry, 0), at - widen(carry), true);
    }

    /// Counts what a read error costs; returns where to go on.
    fn skip_bad(&mut self, at: u64, end: u64, error: DiskError) -> u64 {
        let step = BAD_BLOCK.checked_shl(self.errors).unwrap_or(u64::MAX);
        self.errors += 1;
        let next = if self.errors > MAX_ERRORS {
            end
        } else {
            // To the next boundary of a block, so that a good one is not cut.
            (at - at % BAD_BLOCK).saturating_add(step).min(end)
        };
        self.outcome.gap(at, next - at, error.reason, Some(error));
        next
    }
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
