//! The tables of a squashfs: blocks of 8 KiB, compressed one by one, that are read as one
//! run of bytes; and the codecs, which files share.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::{Decompress, FlushDecompress, Status};
use lzma_rust2::XzReader;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::super::lzo;
use crate::source::disk::{Disk, DiskError, DiskResult, read_exact, read_vec};

/// How many bytes a block has at most.
const BLOCK: usize = 8192;
/// Of the length of a block: it is not compressed.
const PLAIN: u16 = 0x8000;
/// How many blocks are kept: 1 MiB.
const KEPT: usize = 128;
/// The most that xz may take, in KiB: dictionaries are at most as large as a block, 1 MiB,
/// and the decoder needs some more.
const XZ_MEMORY: u32 = 8 << 10;
/// The largest window of zstd: that of a block of 1 MiB.
const ZSTD_WINDOW: u64 = 1 << 20;

/// How everything is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Lzo,
    Xz,
    Lz4,
    Zstd,
}

impl Codec {
    /// By its number in the superblock.
    pub(super) fn of(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Gzip),
            3 => Some(Self::Lzo),
            4 => Some(Self::Xz),
            5 => Some(Self::Lz4),
            6 => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Decodes a block that gives at most so many bytes; `None` where it is damaged.
    pub(super) fn decode(self, stored: &[u8], most: usize) -> Option<Vec<u8>> {
        let mut out = vec![0; most];
        let length = match self {
            Self::Gzip => {
                let mut decoder = Decompress::new(true);
                let status = decoder.decompress(stored, &mut out, FlushDecompress::Finish).ok()?;
                (status == Status::StreamEnd).then_some(())?;
                usize::try_from(decoder.total_out()).ok()?
            }
            Self::Lzo => {
                out.clear();
                lzo::decode(stored, &mut out, most)?;
                out.len()
            }
            Self::Xz => fill(XzReader::new_mem_limit(stored, false, XZ_MEMORY), &mut out)?,
            Self::Lz4 => lz4_flex::block::decompress_into(stored, &mut out).ok()?,
            Self::Zstd => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(ZSTD_WINDOW);
                fill(StreamingDecoder::new_with_decoder(stored, decoder).ok()?, &mut out)?
            }
        };
        out.truncate(length);
        Some(out)
    }
}

fn fill(mut reader: impl Read, out: &mut [u8]) -> Option<usize> {
    let mut filled = 0;
    while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest).ok()? {
            0 => break,
            read => filled += read,
        }
    }
    Some(filled)
}

/// A block by its place: what it holds, and where the next begins.
type Held = Option<(u64, Arc<[u8]>, u64)>;

/// The tables.
#[derive(Debug)]
pub(super) struct Metadata {
    disk: Arc<dyn Disk>,
    pub(super) codec: Codec,
    kept: Vec<Mutex<Held>>,
}

impl Metadata {
    pub(super) fn new(disk: Arc<dyn Disk>, codec: Codec) -> Self {
        Self { disk, codec, kept: std::iter::repeat_with(Mutex::default).take(KEPT).collect() }
    }

    fn block(&self, at: u64) -> DiskResult<(Arc<[u8]>, u64)> {
        let slot = usize::try_from((at ^ at >> 12) % 128).ok().and_then(|slot| self.kept.get(slot));
        let lock = || slot.map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(held) = lock()
            && let Some((place, bytes, next)) = &*held
            && *place == at
        {
            return Ok((Arc::clone(bytes), *next));
        }
        let mut header = [0; 2];
        read_exact(&*self.disk, &mut header, at)?;
        let header = u16::from_le_bytes(header);
        let length = usize::from(header & !PLAIN);
        if length == 0 || length > BLOCK {
            return Err(DiskError::corrupt(at, "a table has a block that none can have"));
        }
        let stored = read_vec(&*self.disk, at.saturating_add(2), length)?;
        let bytes = match header & PLAIN {
            0 => self.codec.decode(&stored, BLOCK),
            _ => Some(stored),
        };
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or_else(|| DiskError::corrupt(at, "a table is damaged"))?;
        let bytes: Arc<[u8]> = bytes.into();
        let next = at.saturating_add(2).saturating_add(u64::from(header & !PLAIN));
        if let Some(mut held) = lock() {
            *held = Some((at, Arc::clone(&bytes), next));
        }
        Ok((bytes, next))
    }
}

/// A place in a table, from which is read on.
#[derive(Debug)]
pub(super) struct Cursor<'m> {
    metadata: &'m Metadata,
    /// The block that is read next.
    next: u64,
    block: Arc<[u8]>,
    within: usize,
}

impl<'m> Cursor<'m> {
    /// At an offset in the block at a place of the disk.
    pub(super) fn new(metadata: &'m Metadata, at: u64, offset: u16) -> Self {
        // Nothing is read before it is asked for: what is wrong is told then.
        match metadata.block(at) {
            Ok((block, next)) => Self { metadata, next, block, within: offset.into() },
            Err(_) => Self { metadata, next: at, block: Arc::from([]), within: 0 },
        }
    }

    /// The next bytes: few, by numbers that were checked.
    pub(super) fn bytes(&mut self, length: usize) -> DiskResult<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let here = self.block.get(self.within..).unwrap_or_default();
            if here.is_empty() {
                (self.block, self.next) = self.metadata.block(self.next)?;
                self.within = 0;
                continue;
            }
            let part = here.get(..(length - bytes.len()).min(here.len())).unwrap_or_default();
            bytes.extend_from_slice(part);
            self.within += part.len();
        }
        Ok(bytes)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> DiskResult<[u8; N]> {
        let bytes = self.bytes(N)?;
        bytes.try_into().map_err(|_| DiskError::corrupt(self.next, "a table ends too early"))
    }
}
