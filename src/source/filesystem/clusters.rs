//! What FAT and exFAT share: chains of clusters, and which directory a cluster is in.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use rustix::fs::FileType;

use super::{Piece, PieceSource, Place};
use crate::source::disk::{DiskError, DiskResult};
use crate::source::stat::FileStat;

/// The most clusters of directories of which the directory is kept.
const MAX_OWNERS: usize = 1 << 20;

/// The most bytes of a path of a deleted file: a chain of directories that goes on and on
/// ends there.
pub(super) const MAX_PATH: usize = 16 << 10;
/// How often all clusters are looked at for deleted files, which may claim the same.
pub(super) const LOOKS: u64 = 4;

/// The root directory, which has no entry that tells of it.
pub(super) fn root(number: u64) -> FileStat {
    FileStat {
        file_type: FileType::Directory,
        size: Some(0),
        stored: 0,
        permissions: 0o755,
        uid: 0,
        gid: 0,
        dev: 0,
        ino: number,
        links: 1,
        atime: None,
        mtime: None,
        ctime: None,
        btime: None,
    }
}

/// What a table says of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is free, or the entry means nothing.
    Free,
    /// It cannot be used.
    Bad,
    /// It is the last of its file.
    End,
    /// Another follows.
    Cluster(u64),
}

/// Gives the clusters of a chain, at most `most` of them; `Ok` where it ends.
///
/// # Errors
///
/// A chain that leads to a free or bad cluster, or to itself; what `next` or `each` gives.
pub(super) fn follow(
    first: u64,
    most: u64,
    next: &dyn Fn(u64) -> DiskResult<Next>,
    each: &mut dyn FnMut(u64) -> DiskResult<ControlFlow<()>>,
) -> DiskResult<()> {
    let wrong = |what: &'static str| Err(DiskError::corrupt(0, what));
    let mut cluster = first;
    // Brent's method: the mark is where the chain was at a power of two of steps; a chain
    // that leads to itself comes back to one of them.
    let mut mark = None;
    for step in 0..most {
        if mark == Some(cluster) {
            return wrong("a chain of clusters leads to itself");
        }
        if step.is_power_of_two() {
            mark = Some(cluster);
        }
        if each(cluster)?.is_break() {
            return Ok(());
        }
        cluster = match next(cluster)? {
            Next::Cluster(next) => next,
            Next::End => return Ok(()),
            Next::Free => return wrong("a chain leads to a free cluster"),
            Next::Bad => return wrong("a chain leads to a bad cluster"),
        };
    }
    Ok(())
}

/// Adds stored bytes to pieces, or to the last of them where they go on there.
pub(super) fn add(pieces: &mut Vec<Piece>, at: u64, length: u64, offset: u64) {
    if let Some(Piece { at: start, length: before, source: PieceSource::Stored(place) }) = pieces.last_mut()
        && *start + *before == at
        && place.offset + *before == offset
    {
        *before += length;
        return;
    }
    pieces.push(Piece { at, length, source: PieceSource::Stored(Place { disk: 0, offset }) });
}

/// Ends pieces where one of them gives bytes that one before it gave: a chain that leads to
/// itself only after more clusters than were wanted. Returns where they end then.
pub(super) fn cut_repeated(pieces: &mut Vec<Piece>) -> Option<u64> {
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    let repeated = pieces.iter().position(|piece| {
        let PieceSource::Stored(place) = piece.source else { return false };
        let end = place.offset.saturating_add(piece.length);
        let is_repeated = ends.range(..end).next_back().is_some_and(|(_, before)| *before > place.offset);
        ends.insert(place.offset, end);
        is_repeated
    })?;
    let at = pieces.get(repeated).map(|piece| piece.at);
    pieces.truncate(repeated);
    at
}

/// Clusters of directories, each with the number of the directory in which it was met
/// first. A few entries that lead to one another could else make as many directories
/// as there are entries, each with all of them.
#[derive(Debug, Default)]
pub(super) struct Owners(Mutex<HashMap<u64, u64>>);

impl Owners {
    /// Whether a cluster is in no other directory than this.
    pub(super) fn owns(&self, directory: u64, cluster: u64) -> bool {
        let mut owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.len() >= MAX_OWNERS {
            return owners.get(&cluster).is_none_or(|owner| *owner == directory);
        }
        *owners.entry(cluster).or_insert(directory) == directory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows a table in which each place names the next.
    fn followed(table: &[u64], first: u64, most: u64) -> (Vec<u64>, Option<String>) {
        let next = |cluster: u64| {
            Ok(match table.get(usize::try_from(cluster).expect("a place")) {
                Some(0) | None => Next::Free,
                Some(99) => Next::End,
                Some(98) => Next::Bad,
                Some(next) => Next::Cluster(*next),
            })
        };
        let mut clusters = Vec::new();
        let result = follow(first, most, &next, &mut |cluster| {
            clusters.push(cluster);
            Ok(ControlFlow::Continue(()))
        });
        (clusters, result.err().map(|error| error.to_string()))
    }

    #[test]
    fn chains_end() {
        assert_eq!(followed(&[0, 0, 3, 5, 0, 99], 2, 10), (vec![2, 3, 5], None));
        assert_eq!(followed(&[0, 0, 3, 5, 0, 99], 2, 2), (vec![2, 3], None));
        let (clusters, error) = followed(&[0, 0, 3, 0], 2, 10);
        assert_eq!((clusters, error.as_deref()), (vec![2, 3], Some("a chain leads to a free cluster")));
        let (clusters, error) = followed(&[0, 0, 3, 98], 2, 10);
        assert_eq!((clusters, error.as_deref()), (vec![2, 3], Some("a chain leads to a bad cluster")));
    }

    #[test]
    fn pieces_end_where_bytes_come_again() {
        let made = |clusters: &[u64]| {
            let mut pieces = Vec::new();
            for (at, cluster) in (0..).step_by(10).zip(clusters) {
                add(&mut pieces, at, 10, cluster * 10);
            }
            let at = cut_repeated(&mut pieces);
            (pieces.len(), at)
        };
        assert_eq!(made(&[5, 6, 7, 2, 3, 9]), (3, None));
        assert_eq!(made(&[5, 6, 7, 5, 6]), (1, Some(30)));
        assert_eq!(made(&[5, 7, 9, 7]), (3, Some(30)));
        assert_eq!(made(&[5, 6, 3, 4, 5]), (1, Some(20)));
    }

    #[test]
    fn chains_that_lead_to_themselves_are_found() {
        // Of every length, with a way to the ring of every length.
        for way in 0..20 {
            for ring in 1..20 {
                let mut table: Vec<u64> = (1..=way + ring).collect();
                *table.last_mut().expect("a place") = way;
                // Place 0 would be free.
                let table: Vec<u64> = [0, 0].into_iter().chain(table.iter().map(|next| next + 2)).collect();
                let (clusters, error) = followed(&table, 2, 1_000_000);
                assert_eq!(error.as_deref(), Some("a chain of clusters leads to itself"), "{way} {ring}");
                assert!(clusters.len() as u64 <= 4 * (way + ring + 1), "{way} {ring}: {}", clusters.len());
            }
        }
    }
}
