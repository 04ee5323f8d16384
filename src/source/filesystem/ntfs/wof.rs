//! Files that are compressed as a whole (the Windows Overlay Filter, "Compact OS").
//!
//! The file's own stream is one hole; beside it stands a stream with a table of where
//! each chunk but the first begins, and then the chunks. A chunk as long as what it
//! gives is stored as it is. The form is that of a resource in a WIM image ([MS-WIM]).

use super::content::{LZX, MAX_UNITS, XPRESS, plain_part};
use super::node::{Body, Node, Stream};
use super::record::kind;
use super::volume::Volume;
use super::{lzx, xpress};
use crate::source::bytes::{u32_le, u64_le};
use crate::source::disk::{DiskError, DiskResult};
use crate::source::filesystem::{Content, Encoded, Piece, PieceSource};

/// `WofCompressedData` in UTF-16.
pub(super) const STREAM: &[u8] = b"W\0o\0f\0C\0o\0m\0p\0r\0e\0s\0s\0e\0d\0D\0a\0t\0a\0";
/// The most bytes that the chunks in a record may give.
const MAX_RESIDENT: u64 = 4 << 20;

/// How the chunks of a file are compressed, and what each gives.
fn form(algorithm: u32) -> Option<(u8, u64)> {
    match algorithm {
        0 => Some((XPRESS, 4 << 10)),
        1 => Some((LZX, 32 << 10)),
        2 => Some((XPRESS, 8 << 10)),
        3 => Some((XPRESS, 16 << 10)),
        _ => None,
    }
}

/// The pieces of such a file.
///
/// # Errors
///
/// A table that makes no sense; a way to compress that is not known.
pub(super) fn content(volume: &Volume, node: &Node, algorithm: u32) -> DiskResult<Content> {
    let offset = node.base.offset;
    let corrupt = |message: &'static str| DiskError::corrupt(offset, message);
    let (codec, chunk) = form(algorithm)
        .ok_or_else(|| DiskError::unsupported(offset, "compressed as a whole in a way that is not known"))?;
    let (size, _) = node.size(kind::DATA, &[]).ok_or_else(|| corrupt("a file has no content"))?;
    let stream = node.stream(volume, kind::DATA, STREAM)?;
    let stream = stream.ok_or_else(|| corrupt("a compressed file has no compressed stream"))?;
    let chunks = size.div_ceil(chunk);
    if u64::try_from(MAX_UNITS).is_ok_and(|most| chunks > most) {
        return Err(DiskError::over_budget(offset, "a compressed file has more chunks than are read"));
    }
    let table = Table::read(volume, &stream, chunks, size)?;
    let mut pieces = Vec::new();
    for (number, at) in (0..chunks).zip((0..).step_by(usize::try_from(chunk).unwrap_or(usize::MAX))) {
        let length = chunk.min(size - at);
        let range = table.range(number).filter(|(_, stored)| *stored > 0 && *stored <= length);
        let (from, stored) =
            range.ok_or_else(|| corrupt("a compressed file has a table that makes no sense"))?;
        match &stream.body {
            Body::Resident(bytes) => {
                if size > MAX_RESIDENT {
                    return Err(corrupt("a compressed file in a record is larger than any can be"));
                }
                let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
                let bytes = bytes.get(place(from)..place(from.saturating_add(stored)));
                let bytes = bytes.ok_or_else(|| corrupt("a compressed file is cut short"))?;
                let decoded = if stored == length {
                    bytes.to_vec()
                } else {
                    decode(codec, bytes, place(length)).map_err(corrupt)?
                };
                pieces.push(Piece { at, length, source: PieceSource::Inline(decoded.into()) });
            }
            Body::Runs(runs) => {
                let parts = plain_part(volume, runs, from, stored);
                let parts = parts.ok_or_else(|| corrupt("a compressed file is longer than its map"))?;
                if stored == length {
                    let mut at = at;
                    for (place, length) in parts {
                        pieces.push(Piece { at, length, source: PieceSource::Stored(place) });
                        at += length;
                    }
                } else {
                    let unit = Encoded { codec, stored: parts, decoded: length, skip: 0 };
                    pieces.push(Piece { at, length, source: PieceSource::Encoded(Box::new(unit)) });
                }
            }
        }
    }
    Ok(Content { size, pieces })
}

/// Decodes a chunk.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn decode(codec: u8, stored: &[u8], size: usize) -> Result<Vec<u8>, &'static str> {
    match codec {
        XPRESS => xpress::decode(stored, size),
        _ => lzx::decode(stored, size),
    }
}

/// Where each chunk begins.
#[derive(Debug)]
struct Table {
    bytes: Vec<u8>,
    /// Bytes of an entry: 8 for files of more than 4 GiB.
    entry: usize,
    /// Bytes of the table and the chunks.
    size: u64,
}

impl Table {
    fn read(volume: &Volume, stream: &Stream, chunks: u64, size: u64) -> DiskResult<Self> {
        let entry = if u32::try_from(size).is_ok() { 4 } else { 8 };
        let entries = usize::try_from(chunks.saturating_sub(1)).unwrap_or(usize::MAX);
        let length = entries
            .checked_mul(entry)
            .filter(|length| u64::try_from(*length).is_ok_and(|length| length <= stream.size));
        let length =
            length.ok_or_else(|| DiskError::corrupt(stream.offset, "a compressed file is cut short"))?;
        let mut bytes = vec![0; length];
        stream.read(volume, &mut bytes, 0)?;
        Ok(Self { bytes, entry, size: stream.size })
    }

    /// Where chunk `number` begins in the stream, and its bytes.
    fn range(&self, number: u64) -> Option<(u64, u64)> {
        let table = u64::try_from(self.bytes.len()).ok()?;
        let begin = |number: u64| match number.checked_sub(1) {
            None => Some(table),
            Some(before) => {
                let at = usize::try_from(before).ok()?.checked_mul(self.entry)?;
                if at >= self.bytes.len() {
                    return Some(self.size);
                }
                let from = if self.entry == 4 {
                    u64::from(u32_le(&self.bytes, at)?)
                } else {
                    u64_le(&self.bytes, at)?
                };
                from.checked_add(table).filter(|from| *from <= self.size)
            }
        };
        let from = begin(number)?;
        Some((from, begin(number + 1)?.checked_sub(from)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_chunks_end() {
        for (name, algorithm) in [("xpress4k", 0), ("lzx", 1), ("xpress16k", 3)] {
            let all = std::fs::read(format!("testdata/wof/{name}")).expect("a compressed form");
            let (codec, chunk) = form(algorithm).expect("a form");
            let first = usize::try_from(u32_le(&all, 0).expect("a table")).expect("it fits");
            // Behind the table, as long as it is: see testdata/make-wof.sh.
            let size: u64 = 120_434;
            let table = usize::try_from(size.div_ceil(chunk) - 1).expect("it fits") * 4;
            let whole = all[table..table + first].to_vec();
            let length = usize::try_from(chunk).expect("it fits");
            decode(codec, &whole, length).expect("the first chunk");
            let mut state = 2026_u32;
            for _ in 0..5000 {
                let mut damaged = whole.clone();
                state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
                let at = usize::try_from(state >> 8).expect("it fits") % damaged.len();
                damaged[at] ^= 1 << (state >> 4 & 7);
                damaged.truncate(damaged.len() - usize::try_from(state >> 29).expect("it fits"));
                if let Ok(decoded) = decode(codec, &damaged, length) {
                    assert_eq!(decoded.len(), length);
                }
            }
        }
    }
}
