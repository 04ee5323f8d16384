//! What the journal remembers of blocks as they once were: until the log comes
//! around again, the copies of transactions long written stay in it.

use std::collections::HashMap;

use super::journal::{Kind, Log, Tag};
use super::overlay::MAGIC;
use super::volume::{Volume, index};
use crate::source::bytes::u32_be;
use crate::source::disk::read_exact;

/// The most copies that are remembered, some 40 bytes each.
const MAX_COPIES: usize = 2 << 20;

/// A block as it was in a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub(super) sequence: u32,
    /// Its place in the log.
    log_block: u64,
    tag: Tag,
}

/// The copies in a journal.
#[derive(Debug)]
pub(super) struct History {
    log: Log,
    copies: HashMap<u64, Vec<Past>>,
    /// The newest transaction.
    newest: u32,
}

impl History {
    /// Reads the whole log, whatever of it is to be replayed.
    pub(super) fn read(volume: &Volume, log: Log) -> Self {
        let mut history = Self { newest: log.sequence, log, copies: HashMap::new() };
        let mut bytes = vec![0; index(volume.superblock.block_size())];
        let mut head = [0; 12];
        let mut count = 0;
        for block in history.log.first..history.log.end {
            let Ok(offset) = history.log.offset(block) else { continue };
            if read_exact(&*volume.disk, &mut head, offset).is_err() || !head.starts_with(&MAGIC) {
                continue;
            }
            if u32_be(&head, 4) != Some(1) || read_exact(&*volume.disk, &mut bytes, offset).is_err() {
                continue;
            }
            let (Some(Kind::Descriptor(tags)), Some(sequence)) =
                (history.log.parse(&bytes), Log::sequence_of(&bytes))
            else {
                continue;
            };
            if super::replay::is_since(sequence, history.newest) {
                history.newest = sequence;
            }
            let mut log_block = block;
            for tag in tags {
                log_block = history.log.after(log_block);
                count += 1;
                if count > MAX_COPIES {
                    return history;
                }
                history.copies.entry(tag.block).or_default().push(Past { sequence, log_block, tag });
            }
        }
        let newest = history.newest;
        for copies in history.copies.values_mut() {
            copies.sort_by_key(|past| newest.wrapping_sub(past.sequence));
        }
        history
    }

    /// The blocks of which there are copies, in order.
    pub(super) fn blocks(&self) -> Vec<u64> {
        let mut blocks: Vec<u64> = self.copies.keys().copied().collect();
        blocks.sort_unstable();
        blocks
    }

    /// The copies of a block, the newest first.
    pub(super) fn of(&self, block: u64) -> &[Past] {
        self.copies.get(&block).map_or(&[], Vec::as_slice)
    }

    /// The newest copy of a block that is not newer than a transaction.
    pub(super) fn until(&self, block: u64, sequence: u32) -> Option<&Past> {
        self.of(block).iter().find(|past| super::replay::is_since(sequence, past.sequence))
    }

    /// What a block was; `None` where the copy was overwritten.
    pub(super) fn block(&self, volume: &Volume, past: &Past) -> Option<Vec<u8>> {
        let mut bytes = self.log.read(&*volume.disk, past.log_block).ok()?;
        if bytes.starts_with(&MAGIC) || !self.log.copy_is_right(&past.tag, past.sequence, &bytes) {
            return None;
        }
        if past.tag.escaped
            && let Some(first) = bytes.get_mut(..4)
        {
            first.copy_from_slice(&MAGIC);
        }
        Some(bytes)
    }
}
