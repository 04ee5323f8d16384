//! A disk over which some blocks lie that are stored elsewhere on it: what a
//! journal would write if it were replayed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::volume::index;
use crate::source::disk::{Disk, DiskResult, read_exact};

/// The first bytes of a block of a journal.
pub(super) const MAGIC: [u8; 4] = [0xc0, 0x3b, 0x39, 0x98];

/// Where a copy of a block lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copy {
    /// In bytes on the disk.
    pub(super) offset: u64,
    /// The block began with the magic of the journal, which was taken out.
    pub(super) escaped: bool,
}

/// The disk as after recovery.
#[derive(Debug)]
pub(super) struct Overlay {
    disk: Arc<dyn Disk>,
    block_size: u64,
    blocks: BTreeMap<u64, Copy>,
}

impl Overlay {
    pub(super) fn new(disk: Arc<dyn Disk>, block_size: u64, blocks: BTreeMap<u64, Copy>) -> Self {
        Self { disk, block_size, blocks }
    }

    /// Fills `bytes` with a part of a copy.
    fn read_copy(&self, copy: Copy, bytes: &mut [u8], within: u64) -> DiskResult<()> {
        read_exact(&*self.disk, bytes, copy.offset.saturating_add(within))?;
        if copy.escaped {
            let magic = MAGIC.get(index(within)..).unwrap_or_default();
            bytes.iter_mut().zip(magic).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }
}

impl Disk for Overlay {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let left = index(self.size().saturating_sub(offset));
        let wanted = bytes.len().min(left);
        let end = offset.saturating_add(u64::try_from(wanted).unwrap_or(u64::MAX));
        let blocks = offset / self.block_size..end.div_ceil(self.block_size);
        let mut filled = 0;
        for (block, copy) in self.blocks.range(blocks) {
            let start = block.saturating_mul(self.block_size);
            let from = start.max(offset);
            let until = start.saturating_add(self.block_size).min(end);
            let (first, last) = (index(from - offset), index(until.saturating_sub(offset)));
            if let Some(before) = bytes.get_mut(filled..first).filter(|before| !before.is_empty()) {
                let at = offset + u64::try_from(filled).unwrap_or(u64::MAX);
                read_exact(&*self.disk, before, at)?;
            }
            if let Some(here) = bytes.get_mut(first..last) {
                self.read_copy(*copy, here, from - start)?;
            }
            filled = last;
        }
        let rest = bytes.get_mut(filled..wanted).unwrap_or_default();
        let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        Ok(filled + if rest.is_empty() { 0 } else { self.disk.read_at(rest, at)? })
    }

    fn next_data(&self, from: u64) -> DiskResult<Option<Range<u64>>> {
        let below = self.disk.next_data(from)?;
        // A copy is data even where it lies over a hole.
        let over = self.blocks.range(from / self.block_size..).next().map(|(block, _)| {
            let start = block.saturating_mul(self.block_size);
            start.max(from)..start.saturating_add(self.block_size).min(self.size())
        });
        let over = over.filter(|over| !over.is_empty());
        Ok(match (below, over) {
            (Some(below), Some(over)) if over.start < below.start => Some(over),
            (None, over) => over,
            (below, _) => below,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::disk::MemoryDisk;

    #[test]
    fn copies_are_read_in_place_of_what_they_replace() {
        let bytes: Vec<u8> = (0..64).collect();
        let disk = Arc::new(MemoryDisk(bytes.into()));
        let blocks = [(1, Copy { offset: 40, escaped: false }), (3, Copy { offset: 48, escaped: true })];
        let overlay = Overlay::new(disk, 8, blocks.into());
        let mut all = [0; 64];
        assert_eq!(overlay.read_at(&mut all, 0).expect("bytes"), 64);
        assert_eq!(all[..8], [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(all[8..16], [40, 41, 42, 43, 44, 45, 46, 47]);
        assert_eq!(all[16..24], [16, 17, 18, 19, 20, 21, 22, 23]);
        assert_eq!(all[24..32], [0xc0, 0x3b, 0x39, 0x98, 52, 53, 54, 55]);
        assert_eq!(all[32..], (32..64).collect::<Vec<u8>>()[..]);
        for length in 1..30 {
            for offset in 0..64 {
                let mut part = vec![0; length];
                let read = overlay.read_at(&mut part, offset).expect("bytes");
                let offset = usize::try_from(offset).expect("small");
                assert_eq!(read, length.min(64 - offset));
                assert_eq!(part[..read], all[offset..offset + read]);
            }
        }
    }
}
