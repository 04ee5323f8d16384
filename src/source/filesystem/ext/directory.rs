//! Directories (`directory.rst`): entries, one after the other, in each block.

use std::ops::ControlFlow;

use super::Ext;
use crate::source::bytes::{u8_at, u16_le, u32_le};
use crate::source::disk::{DiskError, DiskResult};
use crate::source::filesystem::{Content, ContentReader};

/// Header of an entry, in bytes.
const HEADER: usize = 8;

/// An entry.
pub(super) struct Found<'f> {
    pub(super) name: &'f [u8],
    pub(super) inode: u64,
    /// It stands in the room behind an entry: what was there before.
    pub(super) deleted: bool,
}

/// Gives the entries of all blocks.
pub(super) fn blocks(
    ext: &Ext,
    content: &Content,
    block_size: u64,
    each: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
) -> DiskResult<()> {
    let reader = ContentReader::new(ext, content);
    let mut block = vec![0; usize::try_from(block_size).unwrap_or(0)];
    let mut at = 0;
    let mut first_error = None;
    while let Some((from, to)) = reader.next_data(at) {
        at = from - from % block_size;
        while at < to {
            match read_block(&reader, &mut block, at).and_then(|()| entries(&block, at, each)) {
                Ok(ControlFlow::Break(())) => return Ok(()),
                Ok(ControlFlow::Continue(())) => {}
                Err(error) => first_error = first_error.or(Some(error)),
            }
            at = at.saturating_add(block_size);
        }
    }
    first_error.map_or(Ok(()), Err)
}

fn read_block(reader: &ContentReader<'_>, block: &mut [u8], at: u64) -> DiskResult<()> {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read_at(rest, at.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX)))? {
            0 => {
                rest.fill(0);
                break;
            }
            read => filled += read,
        }
    }
    Ok(())
}

/// A directory in its inode: four bytes of the parent, then entries in each of two
/// parts.
pub(super) fn inline(
    bytes: &[u8],
    offset: u64,
    each: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
) -> DiskResult<()> {
    let (first, second) = bytes.split_at(bytes.len().min(60));
    for part in [first.get(4..).unwrap_or_default(), second] {
        if !part.is_empty() && entries(part, offset, each)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Gives the entries of one block, and those that are left in the room between them.
fn entries(
    block: &[u8],
    offset: u64,
    each: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
) -> DiskResult<ControlFlow<()>> {
    let mut at = 0;
    while at + HEADER <= block.len() {
        let Some((inode, length, name_length)) = header(block, at) else { break };
        // 65535 and 0 both stand for 65536 in blocks of that size.
        let length = if matches!(length, 0 | 0xffff) && block.len() == 65536 { 65536 } else { length };
        let end = at + length;
        if length < HEADER || !length.is_multiple_of(4) || end > block.len() || HEADER + name_length > length
        {
            return Err(DiskError::corrupt(offset, "an entry of a directory makes no sense"));
        }
        let name = block.get(at + HEADER..at + HEADER + name_length).unwrap_or_default();
        if inode != 0 && is_name(name) {
            let found = Found { name, inode: inode.into(), deleted: false };
            if each(found).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        // An empty entry has its own old name, any other what was merged into it.
        let mut slack = if inode == 0 { at } else { at + (HEADER + name_length).next_multiple_of(4) };
        while slack + HEADER < end {
            let Some((inode, length, name_length)) = header(block, slack) else { break };
            let need = (HEADER + name_length).next_multiple_of(4);
            let name = block.get(slack + HEADER..slack + HEADER + name_length).unwrap_or_default();
            let fits = length >= need && slack + need <= end && inode != 0;
            if !fits || !is_name(name) {
                slack += 4;
                continue;
            }
            if each(Found { name, inode: inode.into(), deleted: true }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            slack += need;
        }
        at = end;
    }
    Ok(ControlFlow::Continue(()))
}

/// Inode, length of the entry, length of the name. The byte after the latter is the
/// type; in old filesystems it is the high half and zero.
fn header(block: &[u8], at: usize) -> Option<(u32, usize, usize)> {
    let name_length = usize::from(u8_at(block, at + 6)?);
    Some((u32_le(block, at)?, usize::from(u16_le(block, at + 4)?), name_length))
}

fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.iter().any(|byte| matches!(byte, 0 | b'/'))
}
