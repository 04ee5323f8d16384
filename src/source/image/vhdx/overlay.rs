//! A file with some of its bytes replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::super::disk::{Disk, DiskError, DiskResult};

/// What replaces a range.
#[derive(Clone, Debug)]
pub(super) enum Patch {
    Zero,
    /// As many bytes as the range has.
    Data(Arc<[u8]>),
}

/// The file and what replaces its bytes: ranges that do not overlap.
#[derive(Debug)]
pub(super) struct Overlay {
    disk: Arc<dyn Disk>,
    size: u64,
    /// By start: the end, what is there, and how many of its bytes were cut off
    /// at the start by a later range.
    patches: BTreeMap<u64, (u64, Patch, u64)>,
}

impl Overlay {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { size: disk.size(), disk, patches: BTreeMap::new() }
    }

    /// Makes the file at least that long.
    pub(super) fn grow(&mut self, size: u64) {
        self.size = self.size.max(size);
    }

    /// Replaces a range; a later one wins.
    pub(super) fn insert(&mut self, start: u64, length: u64, patch: Patch) -> DiskResult<()> {
        let end =
            start.checked_add(length).ok_or(DiskError::corrupt(start, "a write past the end of any file"))?;
        if start == end {
            return Ok(());
        }
        // What begins before, and what lies inside, each cut or gone.
        let before = self.patches.range(..start).next_back().map(|(at, patch)| (*at, patch.clone()));
        if let Some((at, (its_end, its_patch, cut))) = before
            && its_end > start
        {
            self.patches.insert(at, (start, its_patch.clone(), cut));
            if its_end > end {
                self.patches.insert(end, (its_end, its_patch, cut + (end - at)));
            }
        }
        let inside: Vec<u64> = self.patches.range(start..end).map(|(at, _)| *at).collect();
        for at in inside {
            if let Some((its_end, its_patch, cut)) = self.patches.remove(&at)
                && its_end > end
            {
                self.patches.insert(end, (its_end, its_patch, cut + (end - at)));
            }
        }
        self.patches.insert(start, (end, patch, 0));
        Ok(())
    }
}

impl Disk for Overlay {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> DiskResult<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(left);
        let bytes = bytes.get_mut(..wanted).unwrap_or_default();
        let filled = self.disk.read_at(bytes, offset)?;
        // The file may have been cut, or not have grown yet.
        bytes.get_mut(filled..).unwrap_or_default().fill(0);
        let end = offset.saturating_add(u64::try_from(wanted).unwrap_or(u64::MAX));
        let first = self.patches.range(..=offset).next_back().map_or(offset, |(at, _)| *at);
        for (at, (its_end, patch, cut)) in self.patches.range(first..end) {
            let (from, to) = ((*at).max(offset), (*its_end).min(end));
            if from >= to {
                continue;
            }
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            let Some(target) = bytes.get_mut(place(from - offset)..place(to - offset)) else { continue };
            match patch {
                Patch::Zero => target.fill(0),
                Patch::Data(data) => {
                    let skip = place(from - at + cut);
                    let Some(source) = data.get(skip..skip.saturating_add(target.len())) else { continue };
                    target.copy_from_slice(source);
                }
            }
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::disk::{MemoryDisk, read_vec};

    #[test]
    fn a_later_write_wins_whatever_it_overlaps() {
        let mut state = 1_u64;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..200 {
            let mut plain = vec![1_u8; 64];
            let mut overlay = Overlay::new(Arc::new(MemoryDisk(plain.clone().into())));
            for number in 2..12_u8 {
                let start = random(60);
                let length = random(64 - start + 1);
                let place = |at: u64| usize::try_from(at).expect("a small number");
                let range = place(start)..place(start + length);
                if number % 3 == 0 {
                    plain[range].fill(0);
                    overlay.insert(start, length, Patch::Zero).expect("a write");
                } else {
                    let data: Vec<u8> =
                        range.clone().map(|at| u8::try_from(at).expect("below 64") ^ number << 4).collect();
                    plain[range].copy_from_slice(&data);
                    overlay.insert(start, length, Patch::Data(data.into())).expect("a write");
                }
            }
            assert_eq!(read_vec(&overlay, 0, 64).expect("bytes"), plain);
            assert_eq!(read_vec(&overlay, 7, 20).expect("bytes"), plain[7..27]);
        }
    }

    #[test]
    fn a_file_that_grows_is_zero_there() {
        let mut overlay = Overlay::new(Arc::new(MemoryDisk(vec![1; 8].into())));
        overlay.grow(16);
        overlay.insert(14, 4, Patch::Data(vec![2; 4].into())).expect("a write");
        let read = read_vec(&overlay, 0, 16).expect("bytes");
        assert_eq!(read, [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 2, 2]);
    }
}
