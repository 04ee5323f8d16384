//! Deleted files: records that are not in use, with what is left of their names and
//! contents.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::bitmap::Bitmap;
use super::name::{FileName, wtf8};
use super::node::Node;
use super::record::{kind, number, sequence};
use super::volume::Volume;
use super::{Ntfs, content, scan};
use crate::source::disk::{DiskError, DiskResult};
use crate::source::filesystem::{Content, DeletedFile, Piece, PieceSource};

/// The most directories of a path.
const MAX_DEPTH: usize = 256;
/// The most bytes of a path.
const MAX_PATH: usize = 32 << 10;
/// Directories whose paths are kept.
const KEPT_PATHS: usize = 4096;
/// The record of the root directory.
const ROOT: u64 = 5;

/// Gives every deleted file of which something is left.
///
/// # Errors
///
/// What could not be searched; the rest has been given.
pub(super) fn files(ntfs: &Ntfs, each: &mut dyn FnMut(DeletedFile) -> ControlFlow<()>) -> DiskResult<()> {
    let volume = &ntfs.volume;
    // Without the map, nothing can be said to be free still.
    let (bitmap, mut failed) = match Bitmap::open(volume) {
        Ok(bitmap) => (Some(bitmap), Ok(())),
        Err(error) => (None, Err(error)),
    };
    let mut left = Left {
        bitmap,
        // Real deleted files claim each cluster a few times at most.
        budget: volume.boot.clusters.saturating_mul(8).saturating_add(1 << 20),
    };
    let mut paths = Paths::default();
    let scanned = scan::records(volume, &mut |record| {
        if record.in_use || record.directory || number(record.base) != 0 {
            return ControlFlow::Continue(());
        }
        let Ok(node) = volume.gather(record) else { return ControlFlow::Continue(()) };
        // That a map makes no sense any more is nothing special here.
        let content = node
            .stream(volume, kind::DATA, &[])
            .and_then(|stream| {
                stream.map_or(Ok(Content::default()), |stream| content::content(volume, stream))
            })
            .unwrap_or_default();
        let content = match left.of(volume, content) {
            Ok(content) => content,
            Err(error) => {
                failed = Err(error);
                Content::default()
            }
        };
        let name = best_name(&node);
        if name.is_none() && content.pieces.is_empty() {
            return ControlFlow::Continue(());
        }
        let Ok(stat) = ntfs.facts(&node) else { return ControlFlow::Continue(()) };
        let path = match name {
            Some(name) => {
                let mut path = paths.of(volume, name.parent);
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend(wtf8(name.name));
                path
            }
            None => node.base.number.to_string().into_bytes(),
        };
        each(DeletedFile { path, stat, content })
    });
    failed.and(scanned)
}

/// The name that is shown, not the one for DOS.
fn best_name(node: &Node) -> Option<FileName<'_>> {
    let mut names: Vec<FileName<'_>> = node.residents(kind::FILE_NAME).filter_map(FileName::parse).collect();
    names.sort_by_key(FileName::is_dos);
    names.first().copied()
}

/// Paths of directories by reference, of which the last are kept.
#[derive(Debug, Default)]
struct Paths(HashMap<u64, Vec<u8>>);

impl Paths {
    /// The path of a directory; what is above a directory that is gone is left out.
    /// Empty for the root.
    fn of(&mut self, volume: &Volume, directory: u64) -> Vec<u8> {
        let mut chain: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut next = directory;
        let mut path = Vec::new();
        let mut length = 0;
        while number(next) != ROOT && chain.len() < MAX_DEPTH && length < MAX_PATH {
            if let Some(known) = self.0.get(&next) {
                path.clone_from(known);
                break;
            }
            let Some((name, parent)) = directory_name(volume, next) else { break };
            length += name.len() + 1;
            chain.push((next, name));
            next = parent;
        }
        for (reference, name) in chain.into_iter().rev() {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend(name);
            if path.len() < MAX_PATH {
                if self.0.len() >= KEPT_PATHS {
                    self.0.clear();
                }
                self.0.insert(reference, path.clone());
            }
        }
        path
    }
}

/// The name of a directory and the reference of its parent, where it still is the one
/// that the reference means: deleting it makes its sequence number grow by one.
fn directory_name(volume: &Volume, reference: u64) -> Option<(Vec<u8>, u64)> {
    let record = volume.record(number(reference)).ok()?;
    let expected = if record.in_use { sequence(reference) } else { sequence(reference).wrapping_add(1) };
    if !record.directory || record.sequence != expected {
        return None;
    }
    let node = volume.gather(record).ok()?;
    let name = best_name(&node)?;
    Some((wtf8(name.name), name.parent))
}

/// What is left of contents.
#[derive(Debug)]
struct Left<'v> {
    bitmap: Option<Bitmap<'v>>,
    /// Clusters that may still be looked up.
    budget: u64,
}

impl Left<'_> {
    /// The pieces of a content that lie in free clusters.
    fn of(&mut self, volume: &Volume, content: Content) -> DiskResult<Content> {
        let cluster = volume.boot.cluster_size;
        let mut pieces = Vec::new();
        for piece in content.pieces {
            match &piece.source {
                PieceSource::Inline(_) => pieces.push(piece),
                PieceSource::Unwritten => {}
                PieceSource::Stored(place) => {
                    let place = *place;
                    let from = place.offset / cluster;
                    self.free(from, piece.length.div_ceil(cluster), &mut |first, count| {
                        let skip = (first - from).saturating_mul(cluster);
                        let length = count.saturating_mul(cluster).min(piece.length.saturating_sub(skip));
                        let mut place = place;
                        place.offset = place.offset.saturating_add(skip);
                        pieces.push(Piece {
                            at: piece.at.saturating_add(skip),
                            length,
                            source: PieceSource::Stored(place),
                        });
                    })?;
                }
                PieceSource::Encoded(unit) => {
                    let mut all = true;
                    for (place, length) in &unit.stored {
                        let wanted = length.div_ceil(cluster);
                        let mut found = 0;
                        self.free(place.offset / cluster, wanted, &mut |_, count| found += count)?;
                        all &= found == wanted;
                    }
                    if all {
                        pieces.push(piece);
                    }
                }
            }
        }
        Ok(Content { size: content.size, pieces })
    }

    /// Gives the first cluster and the length of each free range.
    fn free(&mut self, from: u64, count: u64, each: &mut dyn FnMut(u64, u64)) -> DiskResult<()> {
        let Some(bitmap) = &self.bitmap else { return Ok(()) };
        self.budget = self.budget.checked_sub(count).ok_or_else(|| {
            DiskError::over_budget(0, "deleted files claim the same clusters many times over")
        })?;
        bitmap.free(from..from.saturating_add(count), &mut |range| {
            each(range.start, range.end - range.start);
            ControlFlow::Continue(())
        })
    }
}
