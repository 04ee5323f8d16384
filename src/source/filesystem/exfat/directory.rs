//! Directories: entries of 32 bytes, several to a file.
//!
//! Follows the "exFAT file system specification", section 6.

use std::ops::ControlFlow;

use crate::source::bytes::u8_at;
use crate::source::disk::{DiskError, DiskResult, read_exact, read_vec};
use crate::source::filesystem::clusters::Next;

use super::ExFat;
use super::entry::{END, ENTRY, FILE, IN_USE, SECONDARY, Set};
use super::space::Allocation;

/// The largest directory: 256 MiB by the specification.
const MAX_SIZE: u64 = 256 << 20;

/// The number by which the root directory is known; it has no entry.
pub(super) const ROOT: u64 = 1;

/// What a directory holds.
#[derive(Debug)]
pub(super) enum Found {
    /// A file or directory, in use or deleted, in a directory whose clusters lie together
    /// or not.
    Set(Set, bool),
    /// Another entry, such as the label of the volume.
    Other([u8; ENTRY]),
}

impl ExFat {
    /// The number by which a file is known: the place of its first entry, and whether the
    /// directory has a chain, which is needed to find the entries after it.
    pub(super) fn number(set: &Set, is_contiguous: bool) -> u64 {
        (set.offset / 32) << 1 | u64::from(is_contiguous)
    }

    /// The root directory, of which no length is told.
    pub(super) fn root_allocation(&self) -> Allocation {
        Allocation { first: self.boot.root, is_contiguous: false, length: MAX_SIZE }
    }

    /// Where the directory with a number lies.
    pub(super) fn directory(&self, number: u64) -> DiskResult<Allocation> {
        if number == ROOT {
            return Ok(self.root_allocation());
        }
        let set = self.set(number)?;
        let wrong = |what: &'static str| DiskError::corrupt(set.offset, what);
        let allocation = set.allocation().filter(|_| set.is_directory());
        let allocation = allocation.ok_or_else(|| wrong("a file is listed as a directory"))?;
        if allocation.length > MAX_SIZE {
            return Err(wrong("a directory is larger than any can be"));
        }
        Ok(allocation)
    }

    /// The set of a file that was listed.
    pub(super) fn set(&self, number: u64) -> DiskResult<Set> {
        let (is_contiguous, offset) = (number & 1 == 1, (number >> 1).saturating_mul(32));
        let wrong = || DiskError::corrupt(offset, "an entry is none of a file");
        let mut bytes = read_vec(&self.metadata, offset, ENTRY)?;
        if u8_at(&bytes, 0) != Some(FILE | IN_USE) {
            return Err(wrong());
        }
        let mut at = offset;
        for _ in 0..Set::secondaries(&bytes) {
            at = self.after(at, is_contiguous)?.ok_or_else(wrong)?;
            bytes.extend(read_vec(&self.metadata, at, ENTRY)?);
        }
        Ok(Set { offset, bytes })
    }

    /// The place of the entry after another, which may be in another cluster.
    fn after(&self, at: u64, is_contiguous: bool) -> DiskResult<Option<u64>> {
        let boot = &self.boot;
        let Some(within) = at.checked_sub(boot.data) else { return Ok(None) };
        let next = at + 32;
        if within % boot.cluster + 32 < boot.cluster || is_contiguous {
            return Ok(Some(next));
        }
        Ok(match self.next(within / boot.cluster + 2)? {
            Next::Cluster(cluster) => boot.at(cluster),
            _ => None,
        })
    }

    /// Gives what a directory with a number holds. Sets that are not whole are told where they are in
    /// use, and left out.
    pub(super) fn entries(
        &self,
        (owner, directory): (u64, Allocation),
        each: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        let mut left = directory.length.min(MAX_SIZE);
        let mut sets = Sets { filesystem: self, is_contiguous: directory.is_contiguous, open: None };
        let mut first_error = None;
        let read = self.clusters(directory, &mut |number, offset| {
            if !self.owners.owns(owner, number) {
                return Err(DiskError::corrupt(offset, "directories share clusters"));
            }
            let length = left.min(self.boot.cluster);
            left -= length;
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
            if let Err(error) = read_exact(&self.metadata, &mut bytes, offset) {
                first_error.get_or_insert(error);
                return Ok(ControlFlow::Continue(()));
            }
            for (entry, at) in bytes.chunks_exact(ENTRY).zip((offset..).step_by(ENTRY)) {
                if sets.take(entry, at, each).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        });
        sets.close();
        read.and(first_error.map_or(Ok(()), Err))
    }
}

/// Puts entries together to sets.
struct Sets<'f> {
    filesystem: &'f ExFat,
    is_contiguous: bool,
    /// The set that is begun, and how many entries it lacks.
    open: Option<(Set, usize)>,
}

impl Sets<'_> {
    fn take(
        &mut self,
        entry: &[u8],
        offset: u64,
        each: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let kind = u8_at(entry, 0).unwrap_or(END);
        if kind & SECONDARY != 0 {
            let is_deleted = kind & IN_USE == 0;
            // Those that belong to no set are left of an older one.
            let Some((mut set, lacking)) = self.open.take() else { return ControlFlow::Continue(()) };
            if set.is_deleted() != is_deleted {
                self.open = Some((set, lacking));
                self.close();
                return ControlFlow::Continue(());
            }
            set.bytes.extend_from_slice(entry);
            if lacking > 1 {
                self.open = Some((set, lacking - 1));
                return ControlFlow::Continue(());
            }
            return each(Found::Set(set, self.is_contiguous));
        }
        self.close();
        if kind == END {
            return ControlFlow::Break(());
        }
        if kind & !IN_USE == FILE {
            let lacking = Set::secondaries(entry);
            self.open = Some((Set { offset, bytes: entry.to_vec() }, lacking));
            if lacking == 0 {
                self.close();
            }
            return ControlFlow::Continue(());
        }
        match <[u8; ENTRY]>::try_from(entry) {
            Ok(entry) => each(Found::Other(entry)),
            Err(_) => ControlFlow::Continue(()),
        }
    }

    /// Gives up a set that is not whole.
    fn close(&mut self) {
        if let Some((set, _)) = self.open.take().filter(|(set, _)| !set.is_deleted()) {
            let message = "the entries of a file are not all there";
            self.filesystem.problems.add(DiskError::corrupt(set.offset, message));
        }
    }
}
