//! Where the content of a file lies.
//!
//! Specification: Btrfs documentation, "On-disk Format", section "Extent data".

use std::ops::ControlFlow;
use std::sync::Arc;

use super::compression::{self, codec};
use super::key::{Key, kind};
use super::overlay::Tree;
use super::volume::{Volume, long};
use crate::source::bytes::{u8_at, u16_le, u64_le};
use crate::source::disk::{DiskError, DiskResult};
use crate::source::filesystem::{Content, Encoded, Piece, PieceSource, Place};

/// The most bytes of a compressed extent, stored or not. The kernel makes none
/// above 128 KiB.
const MAX_COMPRESSED: u64 = 1 << 20;
/// Where the content of an inline extent begins; what other extents have.
const INLINE: usize = 21;

const TYPE_INLINE: u8 = 0;
const TYPE_REGULAR: u8 = 1;
const TYPE_UNWRITTEN: u8 = 2;

/// The content of an inode of a tree.
pub(super) fn content(volume: &Volume, tree: &Tree, inode: u64, size: u64) -> DiskResult<Content> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut end = 0;
    volume.scan(tree, Key::all(inode, kind::EXTENT_DATA), &mut |key, item| {
        let corrupt = |message: &'static str| DiskError::corrupt(tree.root.logical, message);
        let piece = piece(volume, key.offset, item).map_err(corrupt)?;
        let Some((length, source)) = piece else { return Ok(ControlFlow::Continue(())) };
        if key.offset < end {
            return Err(corrupt("extents of a file overlap"));
        }
        end = key.offset.checked_add(length).ok_or_else(|| corrupt("an extent has an impossible length"))?;
        // Space that was set aside behind the end is no content.
        if let Some(source) = source.filter(|_| key.offset < size) {
            pieces.push(Piece { at: key.offset, length, source });
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(Content { size, pieces })
}

/// The length of an extent and where it lies; no place where it is a hole.
type Extent = Option<(u64, Option<PieceSource>)>;

fn piece(volume: &Volume, at: u64, item: &[u8]) -> Result<Extent, &'static str> {
    const SHORT: &str = "an extent is cut short";
    let number = |at| u64_le(item, at).ok_or(SHORT);
    let memory = number(8)?;
    let compression = u8_at(item, 16).ok_or(SHORT)?;
    let encoding = u16_le(item, 18).ok_or(SHORT)?;
    let encrypted = u8_at(item, 17).ok_or(SHORT)? != 0;
    let codec = if encrypted {
        codec::ENCRYPTED
    } else if encoding != 0 {
        codec::UNKNOWN
    } else {
        compression
    };
    let form = u8_at(item, 20).ok_or(SHORT)?;
    if form == TYPE_INLINE {
        let stored = item.get(INLINE..).ok_or(SHORT)?;
        return inline(volume, at, memory, codec, stored);
    }
    let (start, stored, skip, length) = (number(21)?, number(29)?, number(37)?, number(45)?);
    let sector = u64::from(volume.superblock.sector);
    if length == 0 || !at.is_multiple_of(sector) || !length.is_multiple_of(sector) {
        return Err("an extent has an impossible length");
    }
    let source = match form {
        TYPE_REGULAR | TYPE_UNWRITTEN if start == 0 => None,
        TYPE_UNWRITTEN => Some(PieceSource::Unwritten),
        TYPE_REGULAR => Some(regular(start, stored, skip, length, memory, codec)?),
        _ => return Err("an extent is of a type that is not known"),
    };
    Ok(Some((length, source)))
}

fn regular(
    start: u64,
    stored: u64,
    skip: u64,
    length: u64,
    memory: u64,
    codec: u8,
) -> Result<PieceSource, &'static str> {
    let whole = if codec == codec::NONE { stored } else { memory };
    if skip.checked_add(length).is_none_or(|end| end > whole) || start.checked_add(stored).is_none() {
        return Err("an extent reaches past what is stored");
    }
    if codec == codec::NONE {
        return Ok(PieceSource::Stored(Place { disk: 0, offset: start + skip }));
    }
    if stored > MAX_COMPRESSED || memory > MAX_COMPRESSED {
        return Err("a compressed extent is larger than any can be");
    }
    let stored = vec![(Place { disk: 0, offset: start }, stored)];
    Ok(PieceSource::Encoded(Box::new(Encoded { codec, stored, decoded: memory, skip })))
}

fn inline(volume: &Volume, at: u64, memory: u64, codec: u8, stored: &[u8]) -> Result<Extent, &'static str> {
    if at != 0 {
        return Err("an inline extent is not at the beginning");
    }
    if memory > u64::from(volume.superblock.node.max(volume.superblock.sector)) {
        return Err("an inline extent is larger than any can be");
    }
    if codec == codec::NONE {
        return Ok(
            (!stored.is_empty()).then(|| (long(stored.len()), Some(PieceSource::Inline(stored.into()))))
        );
    }
    let decoded = compression::decode(codec, stored, memory, volume.superblock.sector);
    let source = match decoded {
        Ok(bytes) => PieceSource::Inline(Arc::from(bytes)),
        // It is told when it is read; the rest of the file can be read.
        Err(error) => {
            let codec = if error.is_damage() { codec::DAMAGED } else { codec };
            PieceSource::Encoded(Box::new(Encoded { codec, stored: Vec::new(), decoded: memory, skip: 0 }))
        }
    };
    Ok((memory > 0).then_some((memory, Some(source))))
}
