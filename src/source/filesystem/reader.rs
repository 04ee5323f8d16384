//! The bytes of a content, wherever its pieces lie.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Content, Encoded, Filesystem, Piece, PieceSource, Place, ReadAhead};
use crate::source::disk::{Disk, DiskError, DiskResult};

/// The most bytes of a unit, stored or decoded: Btrfs has 128 KiB, NTFS 64 KiB.
const MAX_UNIT: u64 = 4 << 20;

/// The filesystem of a content.
#[derive(Debug)]
enum Held<'f> {
    Borrowed(&'f dyn Filesystem),
    Shared(Arc<dyn Filesystem>),
}

impl<'f> std::ops::Deref for Held<'f> {
    type Target = dyn Filesystem + 'f;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Borrowed(filesystem) => *filesystem,
            Self::Shared(filesystem) => &**filesystem,
        }
    }
}

/// Reads a content.
#[derive(Debug)]
pub struct ContentReader<'f> {
    filesystem: Held<'f>,
    content: Cow<'f, Content>,
    ahead: Option<&'f ReadAhead>,
    /// The unit that was decoded last, by the number of its piece.
    decoded: Mutex<Option<(usize, Vec<u8>)>>,
}

impl<'f> ContentReader<'f> {
    /// A reader of one content of a filesystem.
    #[must_use]
    pub fn new(filesystem: &'f dyn Filesystem, content: &'f Content) -> Self {
        let filesystem = Held::Borrowed(filesystem);
        Self { filesystem, content: Cow::Borrowed(content), ahead: None, decoded: Mutex::default() }
    }

    /// The same, of which stored bytes may have been read ahead.
    #[must_use]
    pub fn ahead(filesystem: &'f dyn Filesystem, content: &'f Content, ahead: &'f ReadAhead) -> Self {
        Self { ahead: Some(ahead), ..Self::new(filesystem, content) }
    }

    /// The same, of a content that it keeps.
    #[must_use]
    pub fn owned(filesystem: &'f dyn Filesystem, content: Content) -> Self {
        let filesystem = Held::Borrowed(filesystem);
        Self { filesystem, content: Cow::Owned(content), ahead: None, decoded: Mutex::default() }
    }

    /// The content as a disk that can be kept: what is on it may be a disk's image.
    #[must_use]
    pub fn disk(filesystem: Arc<dyn Filesystem>, content: Content) -> ContentDisk {
        let filesystem = Held::Shared(filesystem);
        let content = Cow::Owned(content);
        ContentDisk(ContentReader { filesystem, content, ahead: None, decoded: Mutex::default() })
    }

    /// What it reads.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The piece that gives the byte at `offset`, or the hole up to the next piece.
    fn piece(&self, offset: u64) -> Result<(usize, &Piece), u64> {
        let pieces = &self.content.pieces;
        let after = pieces.partition_point(|piece| piece.at <= offset);
        let before = after.checked_sub(1).and_then(|number| Some((number, pieces.get(number)?)));
        match before {
            Some((number, piece)) if offset - piece.at < piece.length => Ok((number, piece)),
            _ => Err(pieces.get(after).map_or(u64::MAX, |piece| piece.at)),
        }
    }

    /// Fills `bytes` from `offset` on; returns how many were filled: fewer than
    /// asked for at the end of the content or of what one piece gives, 0 at the
    /// end only.
    ///
    /// # Errors
    ///
    /// The byte at `offset` cannot be read.
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let left = self.content.size.saturating_sub(offset);
        let room = u64::try_from(bytes.len()).unwrap_or(u64::MAX).min(left);
        let (until, found) = match self.piece(offset) {
            Ok((number, piece)) => (piece.at.saturating_add(piece.length), Some((number, piece))),
            Err(next) => (next, None),
        };
        let length = usize::try_from(room.min(until.saturating_sub(offset))).unwrap_or(usize::MAX);
        let Some(bytes) = bytes.get_mut(..length).filter(|bytes| !bytes.is_empty()) else { return Ok(0) };
        let Some((number, piece)) = found else {
            bytes.fill(0);
            return Ok(length);
        };
        let within = offset - piece.at;
        match &piece.source {
            PieceSource::Unwritten => bytes.fill(0),
            PieceSource::Inline(inline) => copy(bytes, inline, within),
            PieceSource::Stored(place) => {
                let mut place = *place;
                place.offset = place.offset.saturating_add(within);
                self.read_stored(bytes, place)?;
            }
            PieceSource::Encoded(unit) => self.decode(number, unit, within, bytes)?,
        }
        Ok(length)
    }

    /// The whole content, where it was read ahead and lies in one piece.
    #[must_use]
    pub fn at_hand(&self) -> Option<&[u8]> {
        let [piece] = self.content.pieces.as_slice() else { return None };
        let PieceSource::Stored(place) = piece.source else { return None };
        let whole = piece.at == 0 && piece.length >= self.content.size;
        self.ahead.filter(|_| whole)?.get(place, usize::try_from(self.content.size).ok()?)
    }

    fn read_stored(&self, bytes: &mut [u8], from: Place) -> DiskResult<()> {
        match self.ahead.and_then(|ahead| ahead.get(from, bytes.len())) {
            Some(ahead) => bytes.copy_from_slice(ahead),
            None => self.filesystem.read_stored(bytes, from)?,
        }
        Ok(())
    }

    fn decode(&self, number: usize, unit: &Encoded, within: u64, bytes: &mut [u8]) -> DiskResult<()> {
        let mut held = self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        let from = unit.skip.saturating_add(within);
        if let Some((which, decoded)) = &*held
            && *which == number
        {
            copy(bytes, decoded, from);
            return Ok(());
        }
        let offset = unit.stored.first().map_or(0, |(place, _)| place.offset);
        let total = unit.stored.iter().fold(0_u64, |sum, (_, length)| sum.saturating_add(*length));
        let size =
            usize::try_from(total.max(unit.decoded)).ok().filter(|_| total.max(unit.decoded) <= MAX_UNIT);
        if size.is_none() {
            return Err(DiskError::corrupt(offset, "a compressed unit is larger than any can be"));
        }
        let mut stored = vec![0; usize::try_from(total).unwrap_or(0)];
        let mut at = 0;
        for (place, length) in &unit.stored {
            let length = usize::try_from(*length).unwrap_or(0);
            if let Some(part) = stored.get_mut(at..at + length) {
                self.read_stored(part, *place)?;
            }
            at += length;
        }
        let decoded = self.filesystem.decode(unit, &stored)?;
        copy(bytes, &decoded, from);
        *held = Some((number, decoded));
        Ok(())
    }

    /// The next range at or after `from` that is stored; what lies before it is a
    /// hole or was never written. `None` where only that follows.
    #[must_use]
    pub fn next_data(&self, from: u64) -> Option<(u64, u64)> {
        let pieces = &self.content.pieces;
        let first = pieces.partition_point(|piece| piece.at.saturating_add(piece.length) <= from);
        let mut stored =
            pieces.iter().skip(first).filter(|piece| piece.source != PieceSource::Unwritten).peekable();
        let start = stored.peek()?.at.max(from);
        let mut end = start;
        for piece in stored {
            if piece.at > end {
                break;
            }
            end = piece.at.saturating_add(piece.length);
        }
        (start < self.content.size).then(|| (start, end.min(self.content.size)))
    }
}

/// A content as a disk.
#[derive(Debug)]
pub struct ContentDisk(ContentReader<'static>);

impl Disk for ContentDisk {
    fn size(&self) -> u64 {
        self.0.content.size
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            match self.0.read_at(rest, at) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) => return Err(DiskError { offset: at, ..error }),
            }
        }
        Ok(filled)
    }

    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        Ok(self.0.next_data(from).map(|(start, end)| start..end))
    }
}

/// Copies from `offset` on; what is missing is zeros.
fn copy(bytes: &mut [u8], from: &[u8], offset: u64) {
    let from = usize::try_from(offset).ok().and_then(|offset| from.get(offset..)).unwrap_or_default();
    let length = from.len().min(bytes.len());
    if let (Some(to), Some(from)) = (bytes.get_mut(..length), from.get(..length)) {
        to.copy_from_slice(from);
    }
    bytes.get_mut(length..).unwrap_or_default().fill(0);
}
