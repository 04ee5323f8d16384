//! Deleted files: their entries stay, but for the first byte of the short name; their
//! chains do not. So their content is taken to lie in one piece, as far as the clusters
//! are free.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::source::disk::{DiskError, DiskResult};
use crate::source::filesystem::clusters::{LOOKS, MAX_PATH, Next, add};
use crate::source::filesystem::{Content, DeletedFile};

use super::Fat;
use super::directory::{Directory, Named, ROOT};

impl Fat {
    pub(super) fn find_deleted(
        &self,
        each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        let mut first_error = None;
        let mut seen = BTreeSet::new();
        let mut budget = self.boot.clusters.saturating_mul(LOOKS);
        let mut waiting = vec![(Vec::new(), self.directory(ROOT)?)];
        while let Some((path, directory)) = waiting.pop() {
            let mut ended = false;
            let is_lost = matches!(directory, Directory::Remains(_));
            let listed = self.entries(directory, &mut |named| {
                let separator: &[u8] = if path.is_empty() { b"" } else { b"/" };
                let full = [&path, separator, &named.name].concat();
                let cluster = named.record.cluster(self.is_wide());
                if named.record.is_directory() {
                    let below = match named.is_deleted || is_lost {
                        true if self.is_lost_directory(cluster) => Directory::Remains(cluster),
                        true => return ControlFlow::Continue(()),
                        false => Directory::Chain(cluster, named.record.offset / 32),
                    };
                    if full.len() > MAX_PATH {
                        let message = "directories are deeper than is searched for deleted files";
                        first_error.get_or_insert(DiskError::over_budget(named.record.offset, message));
                    } else if seen.insert(cluster) {
                        waiting.push((full, below));
                    }
                } else if named.is_deleted || is_lost {
                    match self.deleted_file(full, &named, &mut budget) {
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

    /// Whether a cluster is free and begins as a directory does.
    fn is_lost_directory(&self, cluster: u64) -> bool {
        let Some(offset) = self.boot.at(cluster) else { return false };
        let mut name = [0; 11];
        let read = crate::source::disk::read_exact(&self.metadata, &mut name, offset);
        read.is_ok() && &name == b".          " && self.next(cluster) == Ok(Next::Free)
    }

    fn deleted_file(&self, path: Vec<u8>, named: &Named, budget: &mut u64) -> DiskResult<DeletedFile> {
        let size = named.record.size();
        let first = named.record.cluster(self.is_wide());
        let mut content = Content { size, pieces: Vec::new() };
        for (number, at) in (0..size.div_ceil(self.boot.cluster)).map(|at| (first.saturating_add(at), at)) {
            let Some(offset) = self.boot.at(number) else { break };
            let message = "deleted files claim more clusters than are looked at";
            *budget = budget.checked_sub(1).ok_or_else(|| DiskError::over_budget(offset, message))?;
            if self.next(number)? != Next::Free {
                // What was there first is most likely not where it is sought.
                if at == 0 {
                    break;
                }
                continue;
            }
            add(&mut content.pieces, at * self.boot.cluster, self.boot.cluster, offset);
        }
        let stat = named.record.stat(self.boot.cluster);
        Ok(DeletedFile { path, stat, content })
    }
}
