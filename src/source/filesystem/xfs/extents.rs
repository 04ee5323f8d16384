//! Where the content of a file lies: its extents, in the inode or in a tree.
//!
//! Follows "XFS Algorithms & Data Structures", part III, "Data Extents". Extents that
//! files share are extents like any other.

use std::ops::ControlFlow;

use crate::source::bytes::{u16_be, u64_be};
use crate::source::disk::{DiskError, DiskResult};
use crate::source::filesystem::{Content, Piece, PieceSource, Place};

use super::Xfs;
use super::inode::{Format, Inode};
use super::superblock::Superblock;
use super::tree::Tree;

/// The most pieces of one content: 160 MiB of them.
const MAX_PIECES: usize = 4 << 20;

/// Blocks that lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// First block of the content.
    pub(super) at: u64,
    /// First block on the disk, as blocks are numbered.
    pub(super) start: u64,
    /// Offset of the latter in bytes.
    pub(super) offset: u64,
    /// How many; not 0.
    pub(super) count: u64,
    /// Set aside and not written: reads as zeros.
    pub(super) is_unwritten: bool,
}

impl Extent {
    /// The first block after it.
    pub(super) fn end(&self) -> u64 {
        self.at.saturating_add(self.count)
    }

    /// Reads a record; `None` where it leads out of the filesystem or an allocation
    /// group, or past the largest file.
    pub(super) fn parse(record: &[u8], geometry: &Superblock) -> Option<Self> {
        let (high, low) = (u64_be(record, 0)?, u64_be(record, 8)?);
        let at = (high >> 9) & ((1 << 54) - 1);
        let start = ((high & 0x1ff) << 43) | (low >> 21);
        let count = low & 0x1f_ffff;
        let offset = geometry.at(start, count)?;
        let end = at.checked_add(count)?.checked_mul(geometry.block_size())?;
        i64::try_from(end).ok()?;
        (count > 0).then_some(Self { at, start, offset, count, is_unwritten: high >> 63 != 0 })
    }
}

impl Xfs {
    /// Gives the extents of a file in order; they do not overlap in the content.
    pub(super) fn extents(
        &self,
        inode: &Inode,
        each: &mut dyn FnMut(Extent) -> DiskResult<ControlFlow<()>>,
    ) -> DiskResult<()> {
        let wrong = |what: &'static str| DiskError::corrupt(inode.offset, what);
        let mut end = 0;
        let mut found = 0_u64;
        let mut all = true;
        let mut record = |record: &[u8]| {
            let extent = Extent::parse(record, &self.geometry)
                .ok_or_else(|| wrong("an extent lies outside of the filesystem"))?;
            if extent.at < end {
                return Err(wrong("extents of a file overlap"));
            }
            end = extent.end();
            found += 1;
            let flow = each(extent)?;
            all &= flow.is_continue();
            Ok(flow)
        };
        match inode.format {
            Format::Extents => {
                let count = usize::try_from(inode.extents).unwrap_or(usize::MAX);
                if count > inode.fork.len() / 16 {
                    return Err(wrong("an inode has more extents than fit"));
                }
                for bytes in inode.fork.chunks_exact(16).take(count) {
                    if record(bytes)?.is_break() {
                        break;
                    }
                }
            }
            Format::Tree => {
                let level = u16_be(&inode.fork, 0).unwrap_or(0);
                let count = usize::from(u16_be(&inode.fork, 2).unwrap_or(0));
                let room = inode.fork.len().saturating_sub(4) / 16;
                if count == 0 || count > room || level == 0 {
                    return Err(wrong("the root of a tree of extents makes no sense"));
                }
                let pointers = inode.fork.get(4 + room * 8..).unwrap_or_default();
                let roots: Vec<u64> =
                    pointers.chunks_exact(8).take(count).filter_map(|bytes| u64_be(bytes, 0)).collect();
                self.records((0, Tree::EXTENTS), &roots, level - 1, &mut record)?;
            }
            Format::Local | Format::Other => return Err(wrong("an inode has no extents")),
        }
        if all && found != inode.extents {
            self.problems.add(wrong("an inode has another number of extents than it says"));
        }
        Ok(())
    }

    /// Where the content of a regular file lies.
    pub(super) fn file_content(&self, inode: &Inode) -> DiskResult<Content> {
        let wrong = |what: &'static str| DiskError::corrupt(inode.offset, what);
        if i64::try_from(inode.size).is_err() {
            return Err(wrong("a file is larger than any can be"));
        }
        if inode.is_realtime && inode.extents > 0 {
            return Err(DiskError::unsupported(inode.offset, "the content lies on the realtime device"));
        }
        let mut content = Content { size: inode.size, pieces: Vec::new() };
        if inode.format == Format::Local {
            let size = usize::try_from(inode.size).unwrap_or(usize::MAX);
            let bytes =
                inode.fork.get(..size).ok_or_else(|| wrong("content in an inode is larger than it"))?;
            content.pieces.push(Piece {
                at: 0,
                length: inode.size,
                source: PieceSource::Inline(bytes.into()),
            });
            return Ok(content);
        }
        self.extents(inode, &mut |extent| {
            add(&mut content.pieces, extent, self.geometry.block_log);
            if content.pieces.len() > MAX_PIECES {
                return Err(DiskError::over_budget(inode.offset, "a file lies in more pieces than are read"));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(content)
    }
}

/// Adds an extent to pieces, or to the last of them where it goes on there. An extent
/// is too short for large files, which thus lie in several that are one piece.
pub(super) fn add(pieces: &mut Vec<Piece>, extent: Extent, block_log: u32) {
    let (at, length) = (extent.at << block_log, extent.count << block_log);
    if let Some(last) = pieces.last_mut()
        && last.at + last.length == at
    {
        let goes_on = match last.source {
            PieceSource::Stored(place) => !extent.is_unwritten && place.offset + last.length == extent.offset,
            _ => extent.is_unwritten,
        };
        if goes_on {
            last.length += length;
            return;
        }
    }
    let place = Place { disk: 0, offset: extent.offset };
    let source = if extent.is_unwritten { PieceSource::Unwritten } else { PieceSource::Stored(place) };
    pieces.push(Piece { at, length, source });
}
