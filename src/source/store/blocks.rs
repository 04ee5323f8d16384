//! Reads of a few bytes here and there, as parsers of stores make them, from blocks that
//! are kept.

use crate::formats::sqlite::ReadPages;
use crate::source::content::ReadAt;

const BLOCK: u64 = 64 << 10;
/// Blocks that are kept, each in the place that its number gives it.
const KEPT: u64 = 16;

/// A file through its blocks.
pub(super) struct Blocks<'f> {
    file: &'f dyn ReadAt,
    kept: Vec<(Option<u64>, Vec<u8>)>,
}

impl<'f> Blocks<'f> {
    pub(super) fn new(file: &'f dyn ReadAt) -> Self {
        Self { file, kept: (0..KEPT).map(|_| (None, Vec::new())).collect() }
    }

    /// Reads what there is of a block.
    fn block(&mut self, number: u64) -> &[u8] {
        let slot = usize::try_from(number % KEPT).unwrap_or(0);
        let Some((kept, bytes)) = self.kept.get_mut(slot) else { return &[] };
        if *kept != Some(number) {
            *kept = Some(number);
            bytes.resize(usize::try_from(BLOCK).unwrap_or(0), 0);
            let filled = fill(self.file, bytes, number.saturating_mul(BLOCK));
            bytes.truncate(filled);
        }
        bytes
    }
}

impl ReadPages for Blocks<'_> {
    fn read(&mut self, mut offset: u64, mut page: &mut [u8]) -> bool {
        if u64::try_from(page.len()).unwrap_or(u64::MAX) >= BLOCK {
            return fill(self.file, page, offset) == page.len();
        }
        while !page.is_empty() {
            let place = usize::try_from(offset % BLOCK).unwrap_or(usize::MAX);
            let there = self.block(offset / BLOCK).get(place..).unwrap_or_default();
            let length = there.len().min(page.len());
            let Some((now, rest)) = page.split_at_mut_checked(length).filter(|(now, _)| !now.is_empty())
            else {
                return false;
            };
            now.copy_from_slice(there.get(..length).unwrap_or_default());
            (page, offset) = (rest, offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX)));
        }
        true
    }
}

/// Fills `bytes` from `offset` on, as far as there is something to read.
pub(super) fn fill(file: &dyn ReadAt, bytes: &mut [u8], offset: u64) -> usize {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        match file.read_at(rest, at) {
            Ok(read @ 1..) => filled += read,
            Ok(0) | Err(_) => break,
        }
    }
    filled
}
