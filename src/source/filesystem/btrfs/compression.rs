//! Compressed extents: zlib, LZO and zstd.
//!
//! Specification: Btrfs documentation, "Compression" and "On-disk Format"; the
//! frame around LZO as the head of the kernel's `fs/btrfs/lzo.c` describes it.

use std::io::Read as _;

use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::super::lzo;
use super::volume::size;
use crate::finding::Reason;
use crate::source::bytes::u32_le;
use crate::source::disk::DiskError;

/// How an extent is stored.
pub(super) mod codec {
    pub(in super::super) const NONE: u8 = 0;
    pub(in super::super) const ZLIB: u8 = 1;
    pub(in super::super) const LZO: u8 = 2;
    pub(in super::super) const ZSTD: u8 = 3;
    /// These are ours: nothing is stored so.
    pub(in super::super) const DAMAGED: u8 = 253;
    pub(in super::super) const UNKNOWN: u8 = 254;
    pub(in super::super) const ENCRYPTED: u8 = 255;
}

/// The largest window of a zstd frame; the kernel's is 128 KiB.
const ZSTD_WINDOW: u64 = 1 << 20;

/// Why an extent cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecoded(Reason, &'static str);

impl Undecoded {
    pub(super) fn is_damage(self) -> bool {
        self.0 == Reason::Corrupt
    }

    pub(super) fn at(self, offset: u64) -> DiskError {
        DiskError { reason: self.0, offset, message: self.1.into() }
    }
}

const DAMAGED: Undecoded = Undecoded(Reason::Corrupt, "compressed data is damaged");

/// Decodes an extent that has `expected` bytes.
///
/// The last extent of a file may have less than a sector less; that is zeros.
pub(super) fn decode(codec: u8, stored: &[u8], expected: u64, sector: u32) -> Result<Vec<u8>, Undecoded> {
    let expected = size(expected);
    let decoded = match codec {
        codec::ZLIB => zlib(stored, expected)?,
        codec::LZO => frame(stored, expected, size(sector))?,
        codec::ZSTD => zstd(stored, expected)?,
        codec::DAMAGED => return Err(DAMAGED),
        codec::ENCRYPTED => return Err(Undecoded(Reason::Encrypted, "an extent is encrypted")),
        _ => return Err(Undecoded(Reason::Unsupported, "an extent is stored in a way that is not read")),
    };
    if decoded.len().saturating_add(size(sector)) <= expected {
        return Err(Undecoded(Reason::Corrupt, "compressed data gives less than it must"));
    }
    Ok(decoded)
}

fn zlib(stored: &[u8], expected: usize) -> Result<Vec<u8>, Undecoded> {
    let mut out = vec![0; expected];
    let mut decoder = Decompress::new(true);
    let done = decoder.decompress(stored, &mut out, FlushDecompress::Finish);
    let filled = size(decoder.total_out());
    out.truncate(filled);
    match done {
        Ok(Status::StreamEnd) => Ok(out),
        Ok(_) if filled == expected => {
            Err(Undecoded(Reason::Corrupt, "compressed data gives more than it must"))
        }
        _ => Err(DAMAGED),
    }
}

fn zstd(stored: &[u8], expected: usize) -> Result<Vec<u8>, Undecoded> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(ZSTD_WINDOW);
    let mut stream = StreamingDecoder::new_with_decoder(stored, decoder).map_err(|_| DAMAGED)?;
    let mut out = vec![0; expected];
    let mut filled = 0;
    while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest).map_err(|_| DAMAGED)? {
            0 => break,
            read => filled = filled.saturating_add(read),
        }
    }
    out.truncate(filled);
    if filled == expected && stream.read(&mut [0]).map_err(|_| DAMAGED)? > 0 {
        return Err(Undecoded(Reason::Corrupt, "compressed data gives more than it must"));
    }
    Ok(out)
}

/// The frame around LZO: the length of all, then for each sector its length and
/// its bytes. No length crosses the border of a sector.
fn frame(stored: &[u8], expected: usize, sector: usize) -> Result<Vec<u8>, Undecoded> {
    let total = u32_le(stored, 0).map(size).ok_or(DAMAGED)?;
    let stored = stored.get(..total).ok_or(DAMAGED)?;
    let mut out = Vec::with_capacity(expected);
    let mut at = 4_usize;
    while at < total && out.len() < expected {
        let left = sector - at % sector;
        if left < 4 {
            at += left;
        }
        let Some(length) = u32_le(stored, at).map(size) else { break };
        at += 4;
        let part = stored.get(at..).and_then(|from| from.get(..length)).ok_or(DAMAGED)?;
        let room = sector.min(expected.saturating_sub(out.len()));
        let before = out.len();
        lzo::decode(part, &mut out, room).ok_or(DAMAGED)?;
        // Only the last may be short, and nothing may be empty.
        if out.len() == before {
            return Err(DAMAGED);
        }
        at = at.saturating_add(length);
    }
    // Where no length fits before the border of a sector, there is padding.
    if total.saturating_sub(at) >= 4 {
        return Err(Undecoded(Reason::Corrupt, "compressed data gives more than it must"));
    }
    Ok(out)
}
