//! Deleted files: their entries stay, with a bit less, and so does the table in most cases.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::source::disk::{DiskError, DiskResult};
use crate::source::filesystem::clusters::{LOOKS, MAX_PATH, Next, add};
use crate::source::filesystem::fat::is_name;
use crate::source::filesystem::{Content, DeletedFile};

use super::ExFat;
use super::directory::{Found, ROOT};
use super::entry::Set;
use super::space::Allocation;

impl ExFat {
    pub(super) fn find_deleted(
        &self,
        each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        let mut first_error = None;
        let mut budget = self.boot.clusters.saturating_mul(LOOKS);
        let mut seen = BTreeSet::new();
        let mut waiting = vec![(Vec::new(), (ROOT, self.root_allocation()), false)];
        while let Some((path, directory, is_lost)) = waiting.pop() {
            let mut ended = false;
            let listed = self.entries(directory, &mut |found| {
                let Found::Set(set, is_contiguous) = found else { return ControlFlow::Continue(()) };
                let is_gone = is_lost || set.is_deleted();
                let Some(allocation) = set.allocation() else { return ControlFlow::Continue(()) };
                // Nothing else vouches for what is not in use.
                let name = set.name().filter(|name| is_name(name) && (!is_gone || set.is_intact()));
                let Some(name) = name else { return ControlFlow::Continue(()) };
                let separator: &[u8] = if path.is_empty() { b"" } else { b"/" };
                let full = [&path, separator, &name].concat();
                if set.is_directory() {
                    let below = if is_gone { self.lost_directory(allocation) } else { Some(allocation) };
                    if full.len() > MAX_PATH {
                        let message = "directories are deeper than is searched for deleted files";
                        first_error.get_or_insert(DiskError::over_budget(set.offset, message));
                    } else if let Some(below) = below.filter(|below| seen.insert(below.first)) {
                        waiting.push((full, (Self::number(&set, is_contiguous), below), is_gone));
                    }
                } else if is_gone {
                    match self.deleted_file(full, &set, allocation, &mut budget) {
                        Ok(file) => ended = each(file).is_break(),
                        Err(error) => {
                            first_error.get_or_insert(error);
                        }
                    }
                }
                if ended { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if let Err(error) = listed {
                first_error.get_or_insert(error);
            }
            if ended {
                return Ok(());
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// What is left of a deleted directory: its first cluster.
    fn lost_directory(&self, allocation: Allocation) -> Option<Allocation> {
        let is_free = self.is_free(allocation.first) == Ok(true);
        let length = allocation.length.min(self.boot.cluster);
        self.boot.at(allocation.first).filter(|_| is_free)?;
        Some(Allocation { is_contiguous: true, length, ..allocation })
    }

    /// The clusters by the table where it leads on, else those that follow, as far as they
    /// are free.
    fn deleted_file(
        &self,
        path: Vec<u8>,
        set: &Set,
        allocation: Allocation,
        budget: &mut u64,
    ) -> DiskResult<DeletedFile> {
        let cluster = self.boot.cluster;
        let mut content = Content { size: allocation.length.min(set.written()), pieces: Vec::new() };
        let mut number = allocation.first;
        for at in 0..content.size.div_ceil(cluster) {
            let Some(offset) = self.boot.at(number) else { break };
            let message = "deleted files claim more clusters than are looked at";
            *budget = budget.checked_sub(1).ok_or_else(|| DiskError::over_budget(offset, message))?;
            if self.is_free(number)? {
                add(&mut content.pieces, at * cluster, cluster, offset);
            } else if at == 0 {
                // What was there first is most likely not where it is sought.
                break;
            }
            number = match self.next(number) {
                Ok(Next::Cluster(next)) if !allocation.is_contiguous => next,
                _ => number.saturating_add(1),
            };
        }
        let stat = set.stat(ExFat::number(set, false), cluster);
        Ok(DeletedFile { path, stat, content })
    }
}
