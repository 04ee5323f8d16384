//! What lies on a disk, as the scanner reads it: the content of a file, and ranges that are
//! none. Not for: which of them are read, and when (see `in_order` and `worker`).

use std::sync::Arc;

use crate::source::content::ReadAt;
use crate::source::disk::{Disk, DiskError};
use crate::source::filesystem::{Content, ContentReader, Filesystem, PieceSource};

/// How many bytes of a content are not holes.
pub(super) fn stored_bytes(content: &Content) -> u64 {
    let stored = content.pieces.iter().filter(|piece| piece.source != PieceSource::Unwritten);
    stored.fold(0, |sum, piece| sum.saturating_add(piece.length))
}

/// The content of a file as the scanner reads it.
pub(super) struct FileMedium<'m> {
    pub(super) reader: ContentReader<'m>,
    pub(super) filesystem: &'m Arc<dyn Filesystem>,
}

impl ReadAt for FileMedium<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, DiskError> {
        read_as_far_as_it_goes(bytes, |bytes| self.reader.read_at(bytes, offset))
    }

    fn next_data(&self, from: u64) -> Result<Option<(u64, u64)>, DiskError> {
        Ok(self.reader.next_data(from))
    }

    fn to_disk(&self, _: u64) -> Option<Arc<dyn Disk>> {
        let content = self.reader.content().clone();
        Some(Arc::new(ContentReader::disk(Arc::clone(self.filesystem), content)))
    }

    fn at_hand(&self) -> Option<&[u8]> {
        self.reader.at_hand()
    }
}

/// A disk as the scanner reads it.
pub(super) struct DiskMedium<'m>(pub(super) &'m dyn Disk);

impl ReadAt for DiskMedium<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, DiskError> {
        read_as_far_as_it_goes(bytes, |bytes| self.0.read_at(bytes, offset))
    }

    fn next_data(&self, from: u64) -> Result<Option<(u64, u64)>, DiskError> {
        Ok(self.0.next_data(from)?.map(|range| (range.start, range.end)))
    }
}

/// A disk's error tells of any byte of a read, the scanner's of its first: where a
/// large read fails, a small one tells how far the good bytes go.
fn read_as_far_as_it_goes(
    bytes: &mut [u8],
    read: impl Fn(&mut [u8]) -> Result<usize, DiskError>,
) -> Result<usize, DiskError> {
    const SMALL: usize = 4096;
    match read(bytes) {
        Err(error) if bytes.len() > SMALL => match bytes.get_mut(..SMALL) {
            Some(small) => read(small),
            None => Err(error),
        },
        other => other,
    }
}
