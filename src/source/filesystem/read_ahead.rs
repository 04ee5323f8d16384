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
use crate::source::buffer::{ReadBuffer, WINDOW};

/// A gap is read where all gaps of a read are at most this part of what files store.
const GAPS: u64 = 32;

/// Where stored bytes of a content begin, and how many.
type Stored = (Place, u64);

/// A range of stored bytes that is at hand.
#[derive(Debug, Default)]
pub struct ReadAhead {
    at: Option<Place>,
    buffer: ReadBuffer,
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
        self.buffer.filled(0, self.filled).get(skip..skip.checked_add(length)?)
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
        let mut served = 0;
        for content in contents {
            let before = run.clone();
            let mut parts = stored(content, block);
            if !parts.all(|part| run.take(part)) {
                run = before;
                break;
            }
            served += 1;
        }
        (self.at, self.filled) = (None, 0);
        if let Some(at) = run.at {
            let length = usize::try_from(run.end.saturating_sub(at.offset)).unwrap_or(0);
            if filesystem.read_stored(self.buffer.window_mut(length), at).is_ok() {
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

/// The most bytes of one read.
fn window() -> u64 {
    u64::try_from(WINDOW).unwrap_or(u64::MAX)
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
            return length <= window();
        };
        let end = place.offset.saturating_add(length);
        if place.disk != at.disk || place.offset < at.offset || end.saturating_sub(at.offset) > window() {
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
