//! The journal as a log of blocks: where they are, and what its own blocks say.
//!
//! Specification: Linux, Documentation/filesystems/ext4, "Journal (jbd2)". Numbers
//! are stored with the highest byte first.

use std::ops::Range;

use super::checksum::crc32c;
use super::inode::Inode;
use super::map;
use super::overlay::MAGIC;
use super::volume::{Volume, index};
use crate::source::bytes::{u8_at, u16_be, u16_le, u32_be, u32_le, u64_be};
use crate::source::disk::{Disk, DiskError, DiskResult, read_vec};
use crate::source::filesystem::PieceSource;

/// The size of the superblock of a journal.
const SUPERBLOCK: usize = 1024;

/// `s_feature_incompat` of a journal.
mod incompat {
    pub(super) const BITS_64: u32 = 0x2;
    pub(super) const CSUM_V2: u32 = 0x8;
    pub(super) const CSUM_V3: u32 = 0x10;
    pub(super) const FAST_COMMIT: u32 = 0x20;
    /// With revoke and async_commit.
    pub(super) const KNOWN: u32 = 0x3f;
}

/// What a block of the log says of a block of the filesystem.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    /// The block that is to be written.
    pub(super) block: u64,
    pub(super) escaped: bool,
    checksum: u32,
}

/// What a block of the log is.
#[derive(Debug)]
pub(super) enum Kind {
    /// The blocks after it are copies, one for each tag.
    Descriptor(Vec<Tag>),
    /// The transaction is whole.
    Commit,
    /// Copies in this transaction and before do not count.
    Revoke(Vec<u64>),
    /// Anything else.
    Other,
}

/// A journal.
#[derive(Debug)]
pub(super) struct Log {
    /// Runs of blocks: the first in the log, how many, where the run begins in bytes.
    runs: Vec<(u64, u64, u64)>,
    block_size: u64,
    /// The first block of the log, and the one after its last.
    pub(super) first: u64,
    pub(super) end: u64,
    /// Where to begin replaying; 0 where there is nothing to replay.
    pub(super) start: u64,
    /// The transaction with which to begin.
    pub(super) sequence: u32,
    /// Whether a checksum of each transaction stands in its commit block.
    pub(super) sums_transactions: bool,
    features: u32,
    seed: u32,
    /// Whether the superblock's own checksum is right, or it has none.
    pub(super) sound: bool,
}

impl Log {
    /// Finds the journal of a volume in its inode, or in the copy of that.
    pub(super) fn find(volume: &Volume) -> DiskResult<Self> {
        let place = &volume.superblock.journal;
        let from_inode = Inode::read(volume, place.inode).and_then(|inode| Self::open(volume, &inode));
        let Some((block, size)) = place.backup else { return from_inode };
        from_inode.or_else(|error| {
            let mut inode = Inode::read_any(volume, place.inode).map_err(|_| error.clone())?;
            inode.block = block;
            inode.stat.size = Some(size);
            // Extents have a magic, which no block number is: it lies past any size.
            let extents = u16_le(&block, 0) == Some(0xf30a);
            inode.flags = if extents { super::inode::flag::EXTENTS } else { 0 };
            Self::open(volume, &inode).map_err(|_| error)
        })
    }

    fn open(volume: &Volume, inode: &Inode) -> DiskResult<Self> {
        let content = map::content(volume, inode, volume)?;
        let block_size = volume.superblock.block_size();
        let mut runs = Vec::new();
        for piece in &content.pieces {
            if let PieceSource::Stored(place) = piece.source
                && place.disk != map::DAMAGED
            {
                runs.push((piece.at / block_size, piece.length / block_size, place.offset));
            }
        }
        let mut log = Self {
            runs,
            block_size,
            first: 0,
            end: content.size / block_size,
            start: 0,
            sequence: 0,
            sums_transactions: false,
            features: 0,
            seed: 0,
            sound: true,
        };
        let bytes = log.read(&*volume.disk, 0)?;
        let offset = log.offset(0)?;
        log.superblock(bytes.get(..SUPERBLOCK).unwrap_or_default(), offset)
            .ok_or_else(|| DiskError::corrupt(offset, "the superblock of the journal makes no sense"))??;
        Ok(log)
    }

    fn superblock(&mut self, bytes: &[u8], offset: u64) -> Option<DiskResult<()>> {
        let word = |at| u32_be(bytes, at);
        let kind = word(4)?;
        if !bytes.starts_with(&MAGIC) || !matches!(kind, 3 | 4) {
            return None;
        }
        if u64::from(word(12)?) != self.block_size {
            let message = "the journal has blocks of another size";
            return Some(Err(DiskError::unsupported(offset, message)));
        }
        let version_2 = kind == 4;
        let features = if version_2 { word(40)? } else { 0 };
        if features & !incompat::KNOWN != 0 {
            return Some(Err(DiskError::unsupported(offset, "the journal has unknown features")));
        }
        self.features = features;
        self.sums_transactions = version_2 && word(36)? & 1 != 0;
        self.end = self.end.min(word(16)?.into());
        self.first = word(20)?.into();
        if features & incompat::FAST_COMMIT != 0 {
            let fast = match word(84)? {
                0 => 256,
                number => u64::from(number),
            };
            self.end = self.end.checked_sub(fast)?;
        }
        self.sequence = word(24)?;
        self.start = word(28)?.into();
        self.seed = crc32c(u32::MAX, bytes.get(48..64)?);
        if self.has_checksums() {
            let parts = [bytes.get(..252)?, &[0; 4], bytes.get(256..)?];
            self.sound = parts.into_iter().fold(u32::MAX, crc32c) == word(252)?;
        }
        let inside = |block| block >= self.first && block < self.end;
        (self.first > 0 && self.first < self.end && (self.start == 0 || inside(self.start))).then_some(Ok(()))
    }

    /// Where it lies, in bytes.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        let bytes = |count: u64| count.saturating_mul(self.block_size);
        self.runs.iter().map(move |(_, count, start)| *start..start.saturating_add(bytes(*count)))
    }

    fn has_checksums(&self) -> bool {
        self.features & (incompat::CSUM_V2 | incompat::CSUM_V3) != 0
    }

    /// How many blocks are gone around in.
    pub(super) fn length(&self) -> u64 {
        self.end - self.first
    }

    /// The block after one, from the end back to the first.
    pub(super) fn after(&self, block: u64) -> u64 {
        if block + 1 < self.end { block + 1 } else { self.first }
    }

    /// Where a block of the log lies, in bytes.
    pub(super) fn offset(&self, block: u64) -> DiskResult<u64> {
        let after = self.runs.partition_point(|(first, _, _)| *first <= block);
        let run = after.checked_sub(1).and_then(|run| self.runs.get(run));
        let inside = run.filter(|(first, count, _)| block - first < *count);
        inside
            .map(|(first, _, offset)| offset + (block - first) * self.block_size)
            .ok_or_else(|| DiskError::corrupt(0, "a block of the journal has no place"))
    }

    /// Reads a block of the log.
    pub(super) fn read(&self, disk: &dyn Disk, block: u64) -> DiskResult<Vec<u8>> {
        read_vec(disk, self.offset(block)?, index(self.block_size))
    }

    /// The transaction that a block belongs to, if it is one of the log itself.
    pub(super) fn sequence_of(block: &[u8]) -> Option<u32> {
        if block.starts_with(&MAGIC) { u32_be(block, 8) } else { None }
    }

    /// What a block of the log itself says; `None` where its checksum is wrong.
    pub(super) fn parse(&self, block: &[u8]) -> Option<Kind> {
        let tail = block.len().checked_sub(4)?;
        let sums = self.has_checksums();
        let body = if sums { block.get(..tail)? } else { block };
        let tail_is_right = || {
            !sums || [body, &[0; 4]].into_iter().fold(self.seed, crc32c) == u32_be(block, tail).unwrap_or(0)
        };
        match u32_be(block, 4)? {
            1 => tail_is_right().then(|| Kind::Descriptor(self.tags(body))),
            2 => self.commit_is_right(block)?.then_some(Kind::Commit),
            5 => tail_is_right().then(|| Kind::Revoke(self.revoked(body))),
            _ => Some(Kind::Other),
        }
    }

    fn commit_is_right(&self, block: &[u8]) -> Option<bool> {
        if !self.has_checksums() {
            return Some(true);
        }
        let parts = [block.get(..16)?, &[0; 4], block.get(20..)?];
        Some(parts.into_iter().fold(self.seed, crc32c) == u32_be(block, 16)?)
    }

    /// The checksum of the whole transaction that a commit block has, if it has one.
    pub(super) fn transaction_sum(block: &[u8]) -> Option<u32> {
        let (kind, size, sum) = (u8_at(block, 12)?, u8_at(block, 13)?, u32_be(block, 16)?);
        (kind == 1 && size == 4 && sum != 0).then_some(sum)
    }

    fn tags(&self, body: &[u8]) -> Vec<Tag> {
        let wide = self.features & incompat::BITS_64 != 0;
        let third = self.features & incompat::CSUM_V3 != 0;
        let size = if third {
            16
        } else {
            8 + if wide { 4 } else { 0 } + if self.features & incompat::CSUM_V2 != 0 { 2 } else { 0 }
        };
        let mut tags = Vec::new();
        let mut at = 12;
        while let Some(tag) = body.get(at..at + size) {
            let word = |at| u32_be(tag, at).unwrap_or(0);
            let half = |at| u32::from(u16_be(tag, at).unwrap_or(0));
            let flags = if third { word(4) } else { half(6) };
            let high = if wide { u64::from(word(8)) << 32 } else { 0 };
            tags.push(Tag {
                block: u64::from(word(0)) | high,
                escaped: flags & 1 != 0,
                checksum: if third { word(12) } else { half(4) },
            });
            at += size + if flags & 2 == 0 { 16 } else { 0 };
            if flags & 8 != 0 {
                break;
            }
        }
        tags
    }

    fn revoked(&self, body: &[u8]) -> Vec<u64> {
        let wide = self.features & incompat::BITS_64 != 0;
        let end = index(u32_be(body, 12).unwrap_or(0).into()).min(body.len());
        let numbers = body.get(16..end).unwrap_or_default().chunks_exact(if wide { 8 } else { 4 });
        let number = |bytes| if wide { u64_be(bytes, 0) } else { u32_be(bytes, 0).map(u64::from) };
        numbers.filter_map(number).collect()
    }

    /// Whether a copy is what was written; `block` as it is in the log.
    pub(super) fn copy_is_right(&self, tag: &Tag, sequence: u32, block: &[u8]) -> bool {
        let mask = if self.features & incompat::CSUM_V3 != 0 { u32::MAX } else { 0xffff };
        let sum = || crc32c(crc32c(self.seed, &sequence.to_be_bytes()), block) & mask;
        !self.has_checksums() || sum() == tag.checksum
    }

    /// Whether fast commits follow on the last transaction, `next` being the one
    /// that is not there yet.
    pub(super) fn has_fast_commits(&self, disk: &dyn Disk, next: u32) -> bool {
        if self.features & incompat::FAST_COMMIT == 0 {
            return false;
        }
        let Ok(block) = self.read(disk, self.end) else { return false };
        // The head: tag 9, its length, the features, the transaction.
        u16_le(&block, 0) == Some(9) && u32_le(&block, 8) == Some(next)
    }
}
