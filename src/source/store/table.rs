//! Sorted tables of LevelDB and RocksDB, as browsers, editors and servers keep them: each
//! entry with its key, from blocks that are compressed. See `formats::sstable`.
//!
//! Older versions of a value, and values that were deleted but not yet removed, are entries
//! as any other. The logs of such a database are plain: the search of the bytes sees them.

use std::ops::Range;

use super::blocks::Blocks;
use super::packed::{self, Unpacked};
use super::{Field, Record, Source, Store, Visitor};
use crate::finding::{ProvenanceStep, Reason};
use crate::formats::snappy;
use crate::formats::sqlite::ReadPages;
use crate::formats::sstable::{Footer, Handle, Packing, SUFFIX, TRAILER, TableError, entries, may_begin};

/// The most bytes of a block, as it is stored and unpacked.
const MAX_BLOCK: usize = 16 << 20;
/// The most blocks.
const MAX_BLOCKS: usize = 1 << 21;
/// The most bytes of text that are made, against the bytes of the file.
const MAX_RATIO: u64 = 64;
const FLOOR: u64 = 64 << 20;
/// Of a longer key so much is in the way to a finding.
const MAX_NAME: usize = 128;

pub(super) struct SortedTable;

impl Store for SortedTable {
    fn name(&self) -> &'static str {
        "table of LevelDB or RocksDB"
    }

    fn detect(&self, start: &[u8]) -> bool {
        may_begin(start)
    }

    fn is_one(&self, source: &Source<'_>) -> bool {
        Footer::read(&mut Blocks::new(source.file), source.size) != Err(TableError::None)
    }

    fn read(&self, source: &Source<'_>, visitor: &mut dyn Visitor) {
        let mut reader = Blocks::new(source.file);
        let footer = match Footer::read(&mut reader, source.size) {
            Ok(footer) => footer,
            Err(TableError::None) => return,
            Err(error @ TableError::Newer(_)) => {
                return visitor.problem(Reason::Unsupported, None, error.to_string());
            }
            Err(error) => return visitor.problem(Reason::Corrupt, None, error.to_string()),
        };
        let mut left = source.size.saturating_mul(MAX_RATIO).max(FLOOR);
        let mut table = Table { reader, footer, size: source.size, read: 0, visitor, left: &mut left };
        table.all();
    }
}

struct Table<'t, 'f> {
    reader: Blocks<'f>,
    footer: Footer,
    size: u64,
    /// Bytes of blocks that were read: they share none.
    read: u64,
    visitor: &'t mut dyn Visitor,
    /// Bytes of text that may still be made.
    left: &'t mut u64,
}

impl Table<'_, '_> {
    fn all(&mut self) {
        let index = match self.block(self.footer.index) {
            Ok((_, index)) => index,
            Err((reason, message)) => {
                return self.visitor.problem(reason, Some(self.footer.index.offset), message);
            }
        };
        let mut blocks = Vec::new();
        let is_whole = self.footer.blocks(&index, &mut |block| {
            if blocks.len() < MAX_BLOCKS {
                blocks.push(block);
            }
        });
        if !is_whole {
            let message = "table: its index is damaged, or of a form that is not read".to_owned();
            self.visitor.problem(Reason::Corrupt, Some(self.footer.index.offset), message);
        }
        for handle in blocks {
            if *self.left == 0 || self.visitor.should_stop() {
                return;
            }
            match self.block(handle) {
                Ok((packing, block)) => self.entries(handle, packing, &block),
                Err((reason, message)) => self.visitor.problem(reason, Some(handle.offset), message),
            }
        }
    }

    /// Reads a block and unpacks it.
    fn block(&mut self, handle: Handle) -> Result<(Packing, Vec<u8>), (Reason, String)> {
        let damaged = || (Reason::Corrupt, "table: a block is damaged".to_owned());
        let length = usize::try_from(handle.length).ok().filter(|length| *length <= MAX_BLOCK);
        let length =
            length.ok_or((Reason::OverBudget, "table: a block is longer than is read".to_owned()))?;
        self.read = self.read.saturating_add(handle.length);
        if self.read > self.size {
            return Err((Reason::Corrupt, "table: its blocks overlap".to_owned()));
        }
        let mut stored = vec![0; length.saturating_add(1)];
        let ends = handle.offset.checked_add(handle.length).and_then(|end| end.checked_add(TRAILER));
        if ends.is_none_or(|end| end > self.size) || !self.reader.read(handle.offset, &mut stored) {
            return Err(damaged());
        }
        let kind = stored.pop().unwrap_or_default();
        let Some(packing) = self.footer.packing(kind) else {
            return Err((
                Reason::Unsupported,
                format!("table: a block is compressed in another way ({kind})"),
            ));
        };
        let sized = |unpack: &dyn Fn(&[u8], u64) -> Option<Unpacked>| {
            let (length, at) = snappy::number(&stored)?;
            unpack(stored.get(at..)?, length.into())
        };
        let unpacked = match packing {
            Packing::Plain => return Ok((packing, stored)),
            Packing::Snappy => {
                return snappy::decode(&stored, MAX_BLOCK).map(|block| (packing, block)).ok_or_else(damaged);
            }
            Packing::Zstd if self.footer.rocksdb.is_some_and(|version| version >= 2) => {
                sized(&|stored, _| packed::zstd(stored, MAX_BLOCK))
            }
            Packing::Zstd => packed::zstd(&stored, MAX_BLOCK),
            Packing::Lz4 => sized(&|stored, length| packed::lz4(stored, length, MAX_BLOCK)),
            Packing::Deflate => sized(&|stored, _| packed::deflate(stored, MAX_BLOCK)),
        };
        match unpacked {
            Some(Unpacked { bytes, is_cut: false }) => Ok((packing, bytes)),
            Some(_) => Err((Reason::OverBudget, "table: a block unpacks to more than is read".to_owned())),
            None => Err(damaged()),
        }
    }

    /// Gives the entries of a block; where they cannot be told apart, the block.
    fn entries(&mut self, handle: Handle, packing: Packing, block: &[u8]) {
        let Self { visitor, left, .. } = self;
        let mut is_spent = false;
        let mut text = Vec::new();
        let is_whole = entries(block, &mut |key, value, at| {
            let key = key.get(..key.len().saturating_sub(SUFFIX)).unwrap_or_default();
            let length = u64::try_from(key.len().saturating_add(value.len())).unwrap_or(u64::MAX);
            let Some(rest) = left.checked_sub(length).filter(|_| !is_spent) else {
                is_spent = true;
                return;
            };
            **left = rest;
            text.clear();
            text.extend_from_slice(key);
            text.push(b'=');
            let begin = text.len();
            text.extend_from_slice(value);
            let place = |index: usize| handle.offset.saturating_add(u64::try_from(index).unwrap_or(u64::MAX));
            // Of a key only what differs from the one before is there.
            let whole: Range<u64> = place(at)..place(at.saturating_add(value.len()));
            let stored = if packing == Packing::Plain { vec![whole] } else { Vec::new() };
            let of_key = Field { number: 0, value: 0..key.len(), stored: Vec::new() };
            let of_value = Field { number: 1, value: begin..text.len(), stored };
            let name = |_: &Field| name_of(key);
            visitor.record(&Record {
                kind: ProvenanceStep::ENTRY,
                text: &text,
                fields: &[of_key, of_value],
                is_told: false,
                name: &name,
            });
        });
        if is_spent {
            **left = 0;
            let message = "has more text in its entries than its size allows: only the first were read";
            return visitor.problem(Reason::OverBudget, None, message.to_owned());
        }
        if packing != Packing::Plain {
            visitor.unpacked(handle.offset..handle.offset.saturating_add(handle.length));
        }
        if !is_whole {
            let message = "table: the entries of a block cannot be told apart: it is searched as a whole";
            visitor.problem(Reason::Corrupt, Some(handle.offset), message.to_owned());
            let field = Field { number: 0, value: 0..block.len(), stored: Vec::new() };
            let name = |_: &Field| format!("block at {}", handle.offset);
            visitor.record(&Record {
                kind: ProvenanceStep::ENTRY,
                text: block,
                fields: &[field],
                is_told: false,
                name: &name,
            });
        }
    }
}

/// A key as it is shown: what is no text as `\xNN`.
fn name_of(key: &[u8]) -> String {
    let mut name = String::new();
    for chunk in key.get(..MAX_NAME.min(key.len())).unwrap_or_default().utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter.is_control() {
                true => name.push_str(&format!("\\x{:02x}", u32::from(letter))),
                false => name.push(letter),
            }
        }
        chunk.invalid().iter().for_each(|byte| name.push_str(&format!("\\x{byte:02x}")));
    }
    if name.is_empty() { "(no key)".to_owned() } else { name }
}
