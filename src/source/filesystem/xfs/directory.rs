//! Directories: names in the inode, in one block, or in many.
//!
//! Follows "XFS Algorithms & Data Structures", part III, "Directories". The hash index
//! of large directories is not needed to list them and is not read.

use std::ops::ControlFlow;

use crate::source::bytes::{array, u8_at, u16_be, u32_be, u64_be};
use crate::source::disk::{DiskError, DiskResult, read_exact};
use crate::source::filesystem::{Entry, NodeId};

use super::Xfs;
use super::block::Seal;
use super::extents::Extent;
use super::inode::{Format, Inode};

/// The blocks of entries lie below this offset in a directory, its index above.
const INDEX_START: u64 = 32 << 30;

/// Magic numbers in versions 4 and 5: one block with entries and index, entries only.
const SINGLE: [&[u8; 4]; 2] = [b"XD2B", b"XDB3"];
const ENTRIES: [&[u8; 4]; 2] = [b"XD2D", b"XDD3"];

/// The tag of unused space, where an inode's number would begin.
const UNUSED: u16 = 0xffff;

/// Bytes of the index of the single block form: its tail, and each entry of it.
const TAIL: usize = 8;
const INDEX_ENTRY: usize = 8;

/// Receives names.
pub(super) type Each<'e> = &'e mut dyn FnMut(Entry<'_>) -> ControlFlow<()>;

/// Receives blocks of entries with their offsets, or why one cannot be read.
pub(super) type EachBlock<'e> = &'e mut dyn FnMut(DiskResult<&[u8]>, u64) -> ControlFlow<()>;

/// What lies at a place in a block of entries.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot<'b> {
    /// A name with the inode that it names, and how many bytes both take.
    Used(&'b [u8], u64, usize),
    /// Nothing, for so many bytes.
    Unused(usize),
}

/// Where entries lie in a block: after its header, and before the index if it has one.
pub(super) fn entries(block: &[u8], is_new: bool) -> Option<std::ops::Range<usize>> {
    let magic: [u8; 4] = array(block, 0)?;
    let which = usize::from(is_new);
    let start = if is_new { 64 } else { 16 };
    if ENTRIES.get(which).is_some_and(|known| **known == magic) {
        return Some(start..block.len());
    }
    if SINGLE.get(which).is_none_or(|known| **known != magic) {
        return None;
    }
    let tail = block.len().checked_sub(TAIL)?;
    let count = usize::try_from(u32_be(block, tail)?).ok()?;
    let end = tail.checked_sub(count.checked_mul(INDEX_ENTRY)?)?;
    (start <= end).then_some(start..end)
}

/// What lies at a place; `None` where it makes no sense or passes `end`.
pub(super) fn slot(block: &[u8], at: usize, end: usize, has_ftype: bool) -> Option<Slot<'_>> {
    let block = block.get(..end)?;
    if u16_be(block, at)? == UNUSED {
        let length = usize::from(u16_be(block, at + 2)?);
        let fits = length >= 8 && length.is_multiple_of(8) && at + length <= end;
        return fits.then_some(Slot::Unused(length));
    }
    let length = usize::from(u8_at(block, at + 8)?);
    let name = block.get(at + 9..at + 9 + length).filter(|name| !name.is_empty())?;
    let size = size(length, has_ftype);
    (at + size <= end).then_some(Slot::Used(name, u64_be(block, at)?, size))
}

/// Bytes of an entry: the inode's number, the length of the name, the name, the type if
/// there is one, and the place of the entry as its last two bytes.
pub(super) fn size(name: usize, has_ftype: bool) -> usize {
    (8 + 1 + name + usize::from(has_ftype) + 2).next_multiple_of(8)
}

impl Xfs {
    pub(super) fn list_directory(&self, inode: &Inode, each: Each<'_>) -> DiskResult<()> {
        if inode.format == Format::Local {
            return self.list_short(inode, each);
        }
        let mut first_error = None;
        self.directory_blocks(inode, &mut |block, offset| {
            let block = match block {
                Ok(block) => block,
                Err(error) => {
                    first_error.get_or_insert(error);
                    return ControlFlow::Continue(());
                }
            };
            match self.list_block(block, offset, each) {
                Ok(flow) => flow,
                Err(error) => {
                    first_error.get_or_insert(error);
                    ControlFlow::Continue(())
                }
            }
        })?;
        first_error.map_or(Ok(()), Err)
    }

    /// Entries in the inode: a count, a count of those with large numbers, the parent,
    /// and names with numbers of 4 or 8 bytes.
    fn list_short(&self, inode: &Inode, each: Each<'_>) -> DiskResult<()> {
        let wrong = || DiskError::corrupt(inode.offset, "a directory in an inode makes no sense");
        let size = usize::try_from(inode.size).unwrap_or(usize::MAX);
        let bytes = inode.fork.get(..size).ok_or_else(wrong)?;
        let count = u8_at(bytes, 0).ok_or_else(wrong)?;
        let number_size = if u8_at(bytes, 1).ok_or_else(wrong)? > 0 { 8 } else { 4 };
        let mut at = 2 + number_size;
        for _ in 0..count {
            let length = usize::from(u8_at(bytes, at).ok_or_else(wrong)?);
            let name = bytes.get(at + 3..at + 3 + length).ok_or_else(wrong)?;
            at += 3 + length + usize::from(self.geometry.has_ftype);
            let number = if number_size == 8 { u64_be(bytes, at) } else { u32_be(bytes, at).map(u64::from) };
            at += number_size;
            // `.` and `..` are not stored in this form.
            let is_name = is_name(name) && name != b"." && name != b"..";
            if !is_name {
                self.problems.add(DiskError::corrupt(inode.offset, BAD_NAME));
                continue;
            }
            let id = NodeId { tree: 0, inode: number.ok_or_else(wrong)? };
            if each(Entry { name, id }).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn list_block(&self, block: &[u8], offset: u64, each: Each<'_>) -> DiskResult<ControlFlow<()>> {
        let wrong = |at: usize| {
            let offset = offset.saturating_add(u64::try_from(at).unwrap_or(0));
            DiskError::corrupt(offset, "a directory block makes no sense")
        };
        let range = entries(block, self.geometry.version == 5).ok_or_else(|| wrong(0))?;
        let mut at = range.start;
        let mut dots = 0;
        while at < range.end {
            let found = slot(block, at, range.end, self.geometry.has_ftype).ok_or_else(|| wrong(at))?;
            at += match found {
                Slot::Unused(length) => length,
                Slot::Used(name, number, length) => {
                    let is_dot = name == b"." || name == b"..";
                    dots += usize::from(is_dot);
                    if !is_name(name) || (is_dot && dots > 2) {
                        self.problems.add(DiskError::corrupt(offset, BAD_NAME));
                    } else if !is_dot
                        && each(Entry { name, id: NodeId { tree: 0, inode: number } }).is_break()
                    {
                        return Ok(ControlFlow::Break(()));
                    }
                    length
                }
            };
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Gives every block of entries.
    pub(super) fn directory_blocks(&self, inode: &Inode, each: EachBlock<'_>) -> DiskResult<()> {
        let geometry = &self.geometry;
        // A directory may be as large as the filesystem, so that each block that it
        // claims is read about once.
        let limit = (inode.size.min(INDEX_START) >> geometry.block_log).min(geometry.blocks);
        let mut extents: Vec<Extent> = Vec::new();
        let collected = self.extents(inode, &mut |extent| {
            if extent.at >= limit {
                return Ok(ControlFlow::Break(()));
            }
            extents.push(extent);
            Ok(ControlFlow::Continue(()))
        });
        let step = 1 << (geometry.directory_log - geometry.block_log);
        let mut block = vec![0; geometry.directory_block()];
        let mut rest = extents.as_slice();
        let mut next = 0_u64;
        while next < limit {
            while rest.first().is_some_and(|extent| extent.end() <= next) {
                rest = rest.get(1..).unwrap_or_default();
            }
            let Some(first) = rest.first() else { break };
            if first.at >= next + step {
                next = first.at - first.at % step;
                continue;
            }
            let (read, offset) = self.directory_block(&mut block, rest, next);
            let read = read.and_then(|()| {
                self.check(&block, offset, Seal::DIRECTORY, "directory block")?;
                Ok(block.as_slice())
            });
            if each(read, offset).is_break() {
                return Ok(());
            }
            next += step;
        }
        collected
    }

    /// Fills a directory block from the extents that give it.
    fn directory_block(&self, block: &mut [u8], extents: &[Extent], first: u64) -> (DiskResult<()>, u64) {
        let log = self.geometry.block_log;
        let size = usize::try_from(self.geometry.block_size()).unwrap_or(usize::MAX);
        let mut offset = None;
        for (part, number) in block.chunks_mut(size).zip(first..) {
            let extent =
                extents.iter().find(|extent| extent.end() > number).filter(|extent| extent.at <= number);
            let Some(extent) = extent else {
                let at = offset.unwrap_or(0);
                return (Err(DiskError::corrupt(at, "a directory block has a hole")), at);
            };
            let at = extent.offset + ((number - extent.at) << log);
            offset.get_or_insert(at);
            if let Err(error) = read_exact(&self.metadata, part, at) {
                return (Err(error), offset.unwrap_or(at));
            }
        }
        (Ok(()), offset.unwrap_or(0))
    }
}

const BAD_NAME: &str = "a directory has a name that none can have";

/// Whether a name can be one.
pub(super) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.iter().any(|byte| matches!(byte, b'/' | 0))
}
