//! Stored bytes that are read before they are asked for: one large read serves the
//! many small files that lie one after the other on a disk.
//!
//! Role: between a [`ContentReader`](super::ContentReader) and
//! [`Filesystem::read_stored`]; one for each thread that reads files in the order of
//! the disk. Not for: which files, and in which order (see `pipeline::volume`).
//!
//! Only what files store is read, but for gaps that are too small to be worth a read
//! of their own. What cannot be read ahead is read when it is asked for, so that
//! errors are those of the bytes concerned.

use super::{Content, Filesystem, PieceSource, Place};

/// The most bytes of one read. `pread` into a buffer that is used again is fastest
/// at 1 MiB: see `source::buffer`.
pub const WINDOW: u64 = 1 << 20;
/// A gap is read where all gaps of a read are at most this part of what files store.
const GAPS: u64 = 32;

/// Where stored bytes of a content begin, and how many.
type Stored = (Place, u64);

/// A range of stored bytes that is at hand.
#[derive(Debug, Default)]
pub struct ReadAhead {
    at: Option<Place>,
    /// Empty until something is read ahead.
    bytes: Vec<u8>,
    filled: usize,
}

impl ReadAhead {
    /// Nothing is at hand.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes from `from` on, where all of them are at hand.
    #[must_use]
    pub fn get(&self, from: Place, length: usize) -> Option<&[u8]> {
        let at = self.at.filter(|at| at.disk == from.disk)?;
        let skip = usize::try_from(from.offset.checked_sub(at.offset)?).ok()?;
        self.bytes.get(..self.filled)?.get(skip..skip.checked_add(length)?)
    }

    /// Reads ahead for as many of `contents`, which are to be read in this order, as
    /// one read serves; returns how many that are. They are at least one, and the
    /// caller asks again after so many.
    pub fn prepare<'c>(
        &mut self,
        filesystem: &dyn Filesystem,
        contents: impl IntoIterator<Item = &'c Content>,
    ) -> usize {
        let block = u64::from(filesystem.about().block_size).max(1);
        let mut run = Run::new(block);
        let mut pieces = 0_usize;
        let mut served = 0;
        for content in contents {
            let before = run.clone();
            let mut parts = stored(content, block);
            if !parts.all(|part| run.take(part)) {
                run = before;
                break;
            }
            pieces = pieces.saturating_add(usize::from(run.end > before.end));
            served += 1;
        }
        (self.at, self.filled) = (None, 0);
        // A content alone is best read straight to where it is wanted.
        if let Some(at) = run.at.filter(|_| pieces > 1) {
            let length = usize::try_from(run.end.saturating_sub(at.offset)).unwrap_or(0);
            if self.bytes.is_empty() {
                self.bytes.resize(usize::try_from(WINDOW).unwrap_or(0), 0);
            }
            let wanted = self.bytes.get_mut(..length).unwrap_or_default();
            if filesystem.read_stored(wanted, at).is_ok() {
                (self.at, self.filled) = (Some(at), length);
            }
        }
        served.max(1)
    }
}

/// What a content stores, in its order, to the end of its last block.
fn stored(content: &Content, block: u64) -> impl Iterator<Item = Stored> {
    content.pieces.iter().flat_map(move |piece| {
        let (one, several) = match &piece.source {
            PieceSource::Stored(place) => {
                let left = content.size.saturating_sub(piece.at);
                let left = left.checked_next_multiple_of(block).unwrap_or(left);
                (Some((*place, piece.length.min(left))), [].as_slice())
            }
            PieceSource::Encoded(unit) => (None, unit.stored.as_slice()),
            PieceSource::Unwritten | PieceSource::Inline(_) => (None, [].as_slice()),
        };
        one.into_iter().chain(several.iter().copied())
    })
}

/// Stored bytes that follow each other closely enough for one read.
#[derive(Clone, Debug)]
struct Run {
    block: u64,
    at: Option<Place>,
    end: u64,
    /// Bytes between them that belong to none.
    gaps: u64,
}

impl Run {
    fn new(block: u64) -> Self {
        Self { block, at: None, end: 0, gaps: 0 }
    }

    /// Adds what is stored at a place; false where it is too far or too much.
    fn take(&mut self, (place, length): Stored) -> bool {
        let Some(at) = self.at else {
            self.at = Some(place);
            self.end = place.offset.saturating_add(length);
            return length <= WINDOW;
        };
        let end = place.offset.saturating_add(length);
        if place.disk != at.disk || place.offset < at.offset || end.saturating_sub(at.offset) > WINDOW {
            return false;
        }
        // The rest of a block comes with it.
        let gap = place.offset.saturating_sub(self.end);
        self.gaps = self.gaps.saturating_add(if gap < self.block { 0 } else { gap });
        self.end = self.end.max(end);
        let live = self.end.saturating_sub(at.offset).saturating_sub(self.gaps);
        self.gaps.saturating_mul(GAPS) <= live
    }
}

#[cfg(test)]
#[path = "read_ahead_tests.rs"]
mod tests;
