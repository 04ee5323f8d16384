//! Directories, read linearly: the inner nodes of hashed ones look like blocks
//! without entries.
//!
//! Specification: Linux, Documentation/filesystems/ext4, "Directory Entries".

use std::ops::ControlFlow;

use super::checksum::crc32c;
use super::inode::{Inode, flag};
use super::map;
use super::volume::{Volume, index};
use crate::source::bytes::{u8_at, u16_le, u32_le};
use crate::source::disk::{DiskError, DiskResult};
use crate::source::filesystem::{Content, Entry, NodeId, PieceSource};

/// An entry as it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawEntry<'e> {
    pub(super) inode: u32,
    pub(super) name: &'e [u8],
}

/// The length of the entry at a place, where it can be one.
fn record_length(block: &[u8], at: usize) -> Option<usize> {
    let stored = usize::from(u16_le(block, at + 4)?);
    // 65536 has no place in 16 bits.
    let length = if block.len() == 1 << 16 && matches!(stored, 0 | 0xffff) { 1 << 16 } else { stored };
    (length >= 8 && length % 4 == 0 && length <= block.len().checked_sub(at)?).then_some(length)
}

/// Gives all entries of a block, those that are not in use with inode 0, and for
/// each how long it is.
///
/// # Errors
///
/// What is wrong with an entry; those after it cannot be found.
fn each_entry<'e>(
    block: &'e [u8],
    each: &mut dyn FnMut(RawEntry<'e>, usize, usize) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, &'static str> {
    let mut at = 0;
    while at < block.len() {
        let length = record_length(block, at).ok_or("an entry of a directory has an impossible length")?;
        let inode = u32_le(block, at).unwrap_or(0);
        let name_length = usize::from(u8_at(block, at + 6).unwrap_or(0));
        if name_length + 8 > length {
            return Err("a name in a directory is longer than its entry");
        }
        let name = block.get(at + 8..at + 8 + name_length).unwrap_or_default();
        if each(RawEntry { inode, name }, at, length).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        at += length;
    }
    Ok(ControlFlow::Continue(()))
}

/// Gives the entries of a block that are in use, or once were: those lie in the
/// space of the ones before them.
pub(super) fn entries_and_slack(block: &[u8], inodes: u32, each: &mut dyn FnMut(RawEntry<'_>)) {
    let _ = each_entry(block, &mut |entry, at, length| {
        if entry.inode != 0 && is_name(entry.name) && !is_dot(entry.name) {
            each(entry);
        }
        // `..` of a hashed directory is followed by the root of its tree, and an entry
        // without a name by nothing, a node of it or a checksum.
        if entry.name.is_empty() {
            return ControlFlow::Continue(());
        }
        let mut slack = at + (8 + entry.name.len()).next_multiple_of(4);
        let end = at + length;
        while slack + 12 <= end {
            let found = past_entry(block, slack, end, inodes);
            if let Some(found) = found {
                each(found);
            }
            slack += found.map_or(4, |found| (8 + found.name.len()).next_multiple_of(4));
        }
        ControlFlow::Continue(())
    });
}

/// What looks like an entry that was deleted.
fn past_entry(block: &[u8], at: usize, end: usize, inodes: u32) -> Option<RawEntry<'_>> {
    let inode = u32_le(block, at).filter(|inode| (1..=inodes).contains(inode))?;
    let length = record_length(block, at)?;
    let name_length = usize::from(u8_at(block, at + 6)?);
    let kind = u8_at(block, at + 7)?;
    let name = block.get(at + 8..at + 8 + name_length)?;
    let fits = name_length > 0 && 8 + name_length <= length && at + length <= end && kind <= 7;
    (fits && is_name(name) && !is_dot(name)).then_some(RawEntry { inode, name })
}

/// A name that can be one.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.contains(&b'/') && !name.contains(&0)
}

fn is_dot(name: &[u8]) -> bool {
    matches!(name, b"." | b"..")
}

/// The blocks of a directory on the disk, each once, in order. What is wrong with
/// them goes to `problem`.
pub(super) fn stored_blocks<'c>(
    volume: &Volume,
    content: &'c Content,
    problem: &mut dyn FnMut(DiskError),
) -> impl Iterator<Item = u64> + use<'c> {
    let size = volume.superblock.block_size();
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for piece in &content.pieces {
        match piece.source {
            PieceSource::Stored(place) if place.disk != map::DAMAGED => {
                ranges.push((place.offset, piece.length));
            }
            PieceSource::Stored(place) => {
                problem(DiskError::corrupt(place.offset, "a part of a directory cannot be found"));
            }
            _ => problem(DiskError::corrupt(0, "a part of a directory was never written")),
        }
    }
    // A directory that has a block twice could have it without end.
    let mut sorted = ranges.clone();
    sorted.sort_unstable();
    let twice = sorted.iter().zip(sorted.iter().skip(1));
    if let Some((_, (at, _))) = twice.clone().find(|(one, next)| one.0.saturating_add(one.1) > next.0) {
        problem(DiskError::corrupt(*at, "a directory has a block twice"));
        ranges.clear();
    }
    // What lies past the size is not of the directory.
    let mut left = content.size.div_ceil(size);
    ranges.into_iter().flat_map(move |(offset, length)| {
        let count = (length / size).min(left);
        left -= count;
        (0..count).map(move |block| offset / size + block)
    })
}

/// Gives the entries of a directory.
pub(super) fn list(
    volume: &Volume,
    inode: &Inode,
    each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
) -> DiskResult<()> {
    let mut wrong: Option<DiskError> = None;
    let encrypted = inode.has(flag::ENCRYPTED);
    let mut give = |raw: RawEntry<'_>, wrong: &mut Option<DiskError>, offset: u64| {
        if raw.inode == 0 || is_dot(raw.name) {
            return ControlFlow::Continue(());
        }
        let id = NodeId { tree: 0, inode: raw.inode.into() };
        if encrypted {
            return each(Entry { name: &shown(raw.name), id });
        }
        if !is_name(raw.name) {
            wrong.get_or_insert_with(|| DiskError::corrupt(offset, "a name in a directory is none"));
            return ControlFlow::Continue(());
        }
        each(Entry { name: raw.name, id })
    };
    let mut block_of = |bytes: &[u8], offset: u64, wrong: &mut Option<DiskError>| {
        let all = each_entry(bytes, &mut |raw, _, _| give(raw, wrong, offset));
        all.unwrap_or_else(|message| {
            wrong.get_or_insert_with(|| DiskError::corrupt(offset, message));
            ControlFlow::Continue(())
        })
    };
    if inode.has(flag::INLINE_DATA) {
        let size = index(inode.size()?);
        let (first, second) = map::inline(inode)?;
        // The number of the parent comes first.
        let first = first.get(4..first.len().min(size)).unwrap_or_default();
        let second = second.get(..second.len().min(size.saturating_sub(60))).unwrap_or_default();
        for part in [first, second] {
            if block_of(part, inode.offset, &mut wrong).is_break() {
                return Ok(());
            }
        }
    } else {
        let content = map::content(volume, inode, volume)?;
        let blocks = stored_blocks(volume, &content, &mut |error| {
            wrong.get_or_insert(error);
        });
        let mut bytes = vec![0; index(volume.superblock.block_size())];
        for (number, block) in blocks.enumerate() {
            if let Err(error) = volume.read_block(block, &mut bytes) {
                wrong.get_or_insert(error);
                continue;
            }
            let offset = volume.offset(block);
            if !checksum_is_right(volume, inode, &bytes, number == 0) {
                let message = "the checksum of a block of a directory is wrong";
                volume.problems.add(DiskError::corrupt(offset, message));
            }
            if block_of(&bytes, offset, &mut wrong).is_break() {
                return Ok(());
            }
        }
    }
    match wrong {
        Some(error) => Err(error),
        None if encrypted => {
            Err(DiskError::encrypted(inode.offset, "the names of a directory are encrypted"))
        }
        None => Ok(()),
    }
}

/// Whether a block that was once at a place of a directory was of that directory.
pub(super) fn belongs(volume: &Volume, inode: &Inode, block: &[u8]) -> bool {
    let begins =
        u32_le(block, 0) == Some(inode.number) && block.get(6..9).is_some_and(|b| matches!(b, [1, _, b'.']));
    let names_itself = |at: usize| u8_at(block, at + 6) == Some(1) && u8_at(block, at + 8) == Some(b'.');
    if names_itself(0) && !begins {
        return false;
    }
    checksum_is_right(volume, inode, block, begins)
}

/// A leaf ends with its checksum in what looks like an entry; a node of the tree of
/// hashes has it behind the space for its entries.
fn checksum_is_right(volume: &Volume, inode: &Inode, block: &[u8], first: bool) -> bool {
    if !volume.superblock.has_checksums() {
        return true;
    }
    if inode.has(flag::INDEXED)
        && let Some(at) = tree_node(block, first)
    {
        return node_checksum_is_right(inode, block, at).unwrap_or(false);
    }
    let Some(tail) = block.len().checked_sub(12) else { return false };
    let covered = block.get(..tail).unwrap_or_default();
    let marked = u32_le(block, tail) == Some(0) && u32_le(block, tail + 4) == Some(0xde00_000c);
    marked && u32_le(block, tail + 8) == Some(crc32c(inode.seed, covered))
}

/// Where the count of a node of the tree of hashes stands, if the block is one.
fn tree_node(block: &[u8], first: bool) -> Option<usize> {
    if first {
        return Some(32);
    }
    let whole = record_length(block, 0) == Some(block.len()) && u32_le(block, 0) == Some(0);
    (whole && u8_at(block, 6) == Some(0)).then_some(8)
}

fn node_checksum_is_right(inode: &Inode, block: &[u8], at: usize) -> Option<bool> {
    let limit = usize::from(u16_le(block, at)?);
    let count = usize::from(u16_le(block, at + 2)?);
    let tail = at + limit * 8;
    let covered = [block.get(..at + count * 8)?, block.get(tail..tail + 4)?, &[0; 4]];
    Some(covered.into_iter().fold(inode.seed, crc32c) == u32_le(block, tail + 4)?)
}

/// An encrypted name as text that can be a name: URL-safe base64.
fn shown(name: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |bits: u32| DIGITS.get(index((bits & 63).into())).copied().unwrap_or(b'_');
    let mut text = Vec::with_capacity(name.len().div_ceil(3) * 4);
    for three in name.chunks(3) {
        let byte = |at| u32::from(u8_at(three, at).unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        text.extend([18, 12, 6, 0].iter().take(three.len() + 1).map(|shift| digit(bits >> shift)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_names_become_text() {
        assert_eq!(shown(b"\xff\xef\x00a"), b"_-8AYQ");
        assert_eq!(shown(b"a/"), b"YS8");
    }

    #[test]
    fn deleted_entries_are_found_in_the_space_of_others() {
        let mut block = vec![0; 64];
        block[..12].copy_from_slice(&[5, 0, 0, 0, 64, 0, 1, 1, b'a', 0, 0, 0]);
        block[12..24].copy_from_slice(&[6, 0, 0, 0, 12, 0, 4, 1, b'g', b'o', b'n', b'e']);
        block[24..36].copy_from_slice(&[7, 0, 0, 0, 40, 0, 2, 1, b'o', b'k', 0, 0]);
        let mut found = Vec::new();
        entries_and_slack(&block, 10, &mut |entry| found.push((entry.inode, entry.name.to_vec())));
        assert_eq!(found, [(5, b"a".to_vec()), (6, b"gone".to_vec()), (7, b"ok".to_vec())]);
    }
}
