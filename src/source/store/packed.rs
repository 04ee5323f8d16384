//! Values that a store keeps compressed, each by itself.
//!
//! Formats: xz and zstd as in archives; blocks of LZ4
//! (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>).

use std::io::Read;

use flate2::read::DeflateDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The most that xz may take, in KiB, and the largest window of zstd, in bytes: that of the
/// programs' defaults.
const XZ_MEMORY: u32 = 9 << 10;
const ZSTD_WINDOW: u64 = 8 << 20;
/// One byte of LZ4 stands for so many at most.
const LZ4_RATIO: usize = 255;

/// What a compressed value holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unpacked {
    pub(super) bytes: Vec<u8>,
    /// There is more than was allowed.
    pub(super) is_cut: bool,
}

/// A file of xz, or a frame of zstd: at most so many bytes of it; `None` where it is damaged.
pub(super) fn xz(stored: &[u8], most: usize) -> Option<Unpacked> {
    fill(XzReader::new_mem_limit(stored, false, XZ_MEMORY), most)
}

pub(super) fn zstd(stored: &[u8], most: usize) -> Option<Unpacked> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(ZSTD_WINDOW);
    fill(StreamingDecoder::new_with_decoder(stored, decoder).ok()?, most)
}

/// Deflate without a head.
pub(super) fn deflate(stored: &[u8], most: usize) -> Option<Unpacked> {
    fill(DeflateDecoder::new(stored), most)
}

/// A block of LZ4 that holds `length` bytes.
pub(super) fn lz4(stored: &[u8], length: u64, most: usize) -> Option<Unpacked> {
    let length = usize::try_from(length).ok()?;
    if length > most {
        return Some(Unpacked { bytes: Vec::new(), is_cut: true });
    }
    if length / LZ4_RATIO > stored.len() {
        return None;
    }
    let mut bytes = vec![0; length];
    let filled = lz4_flex::block::decompress_into(stored, &mut bytes).ok()?;
    (filled == length).then_some(Unpacked { bytes, is_cut: false })
}

fn fill(reader: impl Read, most: usize) -> Option<Unpacked> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(limit).read_to_end(&mut bytes).ok()?;
    let is_cut = bytes.len() > most;
    bytes.truncate(most);
    Some(Unpacked { bytes, is_cut })
}
