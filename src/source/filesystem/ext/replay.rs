//! What recovery would write: the copies of all committed transactions that were
//! not checkpointed, but for those that were revoked.
//!
//! Specification: Linux, Documentation/filesystems/ext4, "Journal (jbd2)"; the order
//! of `fs/jbd2/recovery.c`: find the last whole transaction, collect what is revoked,
//! write the rest.

use std::collections::{BTreeMap, HashMap};

use super::checksum::crc32_be;
use super::journal::{Kind, Log, Tag};
use super::overlay::Copy;
use super::volume::Volume;
use crate::source::disk::DiskError;

/// The most revoked blocks that are remembered, some 20 bytes each.
const MAX_REVOKED: usize = 4 << 20;

/// What a replay gives.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// The copies by the block that they replace.
    pub(super) blocks: BTreeMap<u64, Copy>,
    /// Whole transactions.
    pub(super) transactions: u32,
    /// The transaction that is not whole.
    pub(super) next: u32,
}

/// A transaction that is being read.
#[derive(Default)]
struct Transaction {
    copies: Vec<(Tag, u64)>,
    revoked: Vec<u64>,
    sum: u32,
}

/// Whether transaction `one` is `other` or came after it; numbers start again at 0.
pub(super) fn is_since(one: u32, other: u32) -> bool {
    one.wrapping_sub(other) < 1 << 31
}

/// Goes through the log from its start.
pub(super) fn replay(volume: &Volume, log: &Log) -> Replay {
    let disk = &*volume.disk;
    let mut whole: Vec<(u32, Vec<(Tag, u64)>)> = Vec::new();
    let mut revoked: HashMap<u64, u32> = HashMap::new();
    let mut next = log.sequence;
    let mut current = Transaction { sum: u32::MAX, ..Transaction::default() };
    let mut block = log.start;
    let mut steps = 0;
    let problem =
        |offset: u64, message: &'static str| volume.problems.add(DiskError::corrupt(offset, message));
    while steps < log.length() {
        let bytes = match log.read(disk, block) {
            Ok(bytes) => bytes,
            Err(error) => {
                volume.problems.add(error);
                break;
            }
        };
        if Log::sequence_of(&bytes) != Some(next) {
            break;
        }
        let offset = log.offset(block).unwrap_or(0);
        let Some(kind) = log.parse(&bytes) else {
            problem(offset, "a block of the journal has a wrong checksum: what follows was not replayed");
            break;
        };
        steps += 1;
        block = log.after(block);
        match kind {
            Kind::Descriptor(tags) => {
                if log.sums_transactions {
                    current.sum = crc32_be(current.sum, &bytes);
                }
                for tag in tags {
                    if log.sums_transactions
                        && let Ok(copy) = log.read(disk, block)
                    {
                        current.sum = crc32_be(current.sum, &copy);
                    }
                    current.copies.push((tag, block));
                    steps += 1;
                    block = log.after(block);
                    if steps >= log.length() {
                        break;
                    }
                }
            }
            Kind::Revoke(blocks) => current.revoked.extend(blocks),
            Kind::Commit => {
                let stored = if log.sums_transactions { Log::transaction_sum(&bytes) } else { None };
                if stored.is_some_and(|stored| stored != current.sum) {
                    problem(offset, "a transaction of the journal has a wrong checksum: it was not replayed");
                    break;
                }
                let Transaction { copies, revoked: blocks, .. } = std::mem::take(&mut current);
                current.sum = u32::MAX;
                whole.push((next, copies));
                for block in blocks {
                    let since = revoked.entry(block).or_insert(next);
                    *since = next;
                }
                next = next.wrapping_add(1);
            }
            Kind::Other => break,
        }
        if revoked.len().saturating_add(current.revoked.len()) > MAX_REVOKED {
            problem(
                offset,
                "the journal revokes more blocks than are remembered: it was not replayed to its end",
            );
            break;
        }
    }
    let mut replay = Replay { transactions: next.wrapping_sub(log.sequence), next, ..Replay::default() };
    for (sequence, copies) in whole {
        for (tag, block) in copies {
            if revoked.get(&tag.block).is_some_and(|since| is_since(*since, sequence)) {
                continue;
            }
            let Ok(offset) = log.offset(block) else {
                problem(0, "a copy in the journal has no place");
                continue;
            };
            let copy = log.read(disk, block);
            if !copy.is_ok_and(|copy| log.copy_is_right(&tag, sequence, &copy)) {
                problem(offset, "a copy in the journal has a wrong checksum: it was not replayed");
                continue;
            }
            if tag.block >= volume.superblock.blocks {
                problem(offset, "a copy in the journal belongs past the end of the filesystem");
                continue;
            }
            replay.blocks.insert(tag.block, Copy { offset, escaped: tag.escaped });
        }
    }
    replay
}
