//! Sorted tables of LevelDB and RocksDB (`.ldb`, `.sst`): where their blocks lie, and the
//! entries of a block.
//!
//! Facts: LevelDB, `doc/table_format.md`, `table/format.cc` and `table/block_builder.cc`;
//! RocksDB wiki, "Rocksdb BlockBasedTable Format", and `table/format.h` for versions and kinds
//! of compression. A table is told by its end: its beginning is a block as any other.

use super::snappy;
use super::sqlite::ReadPages;

const LEVELDB: u64 = 0xdb47_7524_8b80_fb57;
const ROCKSDB: u64 = 0x88e2_41b7_85f4_cff7;
/// Up to which version of RocksDB the index stands in the footer.
const MAX_VERSION: u32 = 5;
/// From this one on, entries of the index have only what differs.
const SHORT_INDEX: u32 = 4;
/// Kind of compression and sum, behind each block.
pub const TRAILER: u64 = 5;
/// What stands behind a key: the number of the write and its kind.
pub const SUFFIX: usize = 8;

/// Why a table cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// No footer.
    #[error("no table of LevelDB or RocksDB")]
    None,
    /// A version of RocksDB that is not read.
    #[error("table of RocksDB in a newer form ({0})")]
    Newer(u32),
    /// Places that cannot be.
    #[error("table: its footer is damaged")]
    Footer,
}

/// Where a block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The offset of its first byte.
    pub offset: u64,
    /// Its length, as it is stored.
    pub length: u64,
}

/// What the footer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// The block that tells of all others.
    pub index: Handle,
    /// Of RocksDB: the version of the form.
    pub rocksdb: Option<u32>,
}

/// How a block is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Plain,
    /// Snappy.
    Snappy,
    /// Deflate, its length before it.
    Deflate,
    /// A block of LZ4, its length before it.
    Lz4,
    /// A frame of zstd, its length before it in RocksDB.
    Zstd,
}

impl Footer {
    /// Reads the footer of a table of `length` bytes.
    ///
    /// # Errors
    ///
    /// It is none, or one that is not read.
    pub fn read(reader: &mut impl ReadPages, length: u64) -> Result<Self, TableError> {
        let mut end = [0; 53];
        let at = length.checked_sub(53).ok_or(TableError::None)?;
        if !reader.read(at, &mut end) {
            return Err(TableError::None);
        }
        let magic = end.last_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let (handles, rocksdb) = match magic {
            Some(LEVELDB) => (end.get(5..45), None),
            Some(ROCKSDB) => {
                let version = end
                    .get(41..)
                    .and_then(<[u8]>::first_chunk)
                    .map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes));
                (end.get(1..41), Some(version))
            }
            _ => return Err(TableError::None),
        };
        if let Some(version) = rocksdb.filter(|version| *version > MAX_VERSION) {
            return Err(TableError::Newer(version));
        }
        let handles = handles.ok_or(TableError::Footer)?;
        let parse = || {
            let (_, meta) = handle(handles)?;
            Some(handle(handles.get(meta..)?)?.0)
        };
        let index = parse().ok_or(TableError::Footer)?;
        let ends = index.offset.checked_add(index.length).and_then(|end| end.checked_add(TRAILER));
        if ends.is_none_or(|end| end > length) {
            return Err(TableError::Footer);
        }
        Ok(Self { index, rocksdb })
    }

    /// How a block is packed, by the first byte behind it.
    #[must_use]
    pub fn packing(&self, kind: u8) -> Option<Packing> {
        match (kind, self.rocksdb) {
            (0, _) => Some(Packing::Plain),
            (1, _) => Some(Packing::Snappy),
            (2, None) | (7, Some(_)) => Some(Packing::Zstd),
            // Before the second version lengths stand otherwise.
            (2, Some(2..)) => Some(Packing::Deflate),
            (4 | 5, Some(2..)) => Some(Packing::Lz4),
            _ => None,
        }
    }

    /// The blocks that an index tells of; false: not to its end.
    pub fn blocks(&self, index: &[u8], told: &mut dyn FnMut(Handle)) -> bool {
        if self.rocksdb.is_none_or(|version| version < SHORT_INDEX) {
            let mut is_whole = true;
            let all = entries(index, &mut |_, value, _| match handle(value) {
                Some((handle, _)) => told(handle),
                None => is_whole = false,
            });
            return all && is_whole;
        }
        self.short_index(index, told).is_some()
    }

    /// An index of which an entry has no length of its value, and mostly only by how much the
    /// block is longer than the one before, behind which it lies.
    fn short_index(&self, index: &[u8], told: &mut dyn FnMut(Handle)) -> Option<()> {
        let body = body(index)?;
        let mut at = 0_usize;
        let mut last: Option<Handle> = None;
        while at < body.len() {
            let mut next = || {
                let (number, length) = snappy::number(body.get(at..)?)?;
                at = at.checked_add(length)?;
                usize::try_from(number).ok()
            };
            let (shared, own) = (next()?, next()?);
            at = at.checked_add(own)?;
            let rest = body.get(at..)?;
            let block = match last.filter(|_| shared > 0) {
                None => {
                    let (block, length) = handle(rest)?;
                    at = at.checked_add(length)?;
                    block
                }
                Some(before) => {
                    let (number, length) = long(rest)?;
                    at = at.checked_add(length)?;
                    let half = i64::try_from(number >> 1).ok()?;
                    let more = if number & 1 == 0 { half } else { !half };
                    let offset = before.offset.checked_add(before.length)?.checked_add(TRAILER)?;
                    Handle { offset, length: before.length.checked_add_signed(more)? }
                }
            };
            told(block);
            last = Some(block);
        }
        Some(())
    }
}

/// Whether a file that begins so may be a table whose first block is compressed: an entry that
/// shares nothing, with a key and a value that fit, behind what a codec puts before it.
#[must_use]
pub fn may_begin(start: &[u8]) -> bool {
    const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
    let begins = || {
        let (length, at) = snappy::number(start)?;
        let length = usize::try_from(length).ok().filter(|length| (16..=4 << 20).contains(length))?;
        let rest = start.get(at..)?;
        if rest.starts_with(ZSTD) {
            return Some(true);
        }
        let tag = *rest.first()?;
        let by_snappy = match tag >> 2 {
            _ if tag & 3 != 0 => None,
            0..60 => Some(1),
            count => Some(usize::from(count).saturating_sub(58)),
        };
        let by_lz4 = match tag >> 4 {
            15 => {
                rest.iter().skip(1).take(16).position(|byte| *byte != 255).map(|more| more.saturating_add(2))
            }
            _ => Some(1),
        };
        let is_entry = |place: Option<usize>| {
            let entry = rest.get(place?..)?.strip_prefix(b"\0")?;
            let (key, at) = snappy::number(entry)?;
            let (value, _) = snappy::number(entry.get(at..)?)?;
            let (key, value) = (usize::try_from(key).ok()?, usize::try_from(value).ok()?);
            let fits = key.checked_add(value)?.checked_add(7)? <= length;
            ((SUFFIX..4096).contains(&key) && fits).then_some(())
        };
        Some(is_entry(by_snappy).or_else(|| is_entry(by_lz4)).is_some())
    };
    begins().unwrap_or(false)
}

/// What is given an entry: the key, the value, and where that lies in the block.
pub type Told<'t> = dyn FnMut(&[u8], &[u8], usize) + 't;

/// Gives the entries of a block. False: it is damaged from somewhere on.
pub fn entries(block: &[u8], told: &mut Told<'_>) -> bool {
    let mut read = || {
        let body = body(block)?;
        let mut key = Vec::new();
        let mut at = 0_usize;
        while at < body.len() {
            let mut next = || {
                let (number, length) = snappy::number(body.get(at..)?)?;
                at = at.checked_add(length)?;
                usize::try_from(number).ok()
            };
            let (shared, own, length) = (next()?, next()?, next()?);
            if shared > key.len() {
                return None;
            }
            key.truncate(shared);
            let value = at.checked_add(own)?;
            let end = value.checked_add(length)?;
            key.extend_from_slice(body.get(at..value)?);
            told(&key, body.get(value..end)?, value);
            at = end;
        }
        Some(())
    };
    read().is_some()
}

/// A block without the list of places at its end; `None` also where a table of hashes stands
/// before that.
fn body(block: &[u8]) -> Option<&[u8]> {
    let restarts = block.last_chunk().map(|bytes| u32::from_le_bytes(*bytes))?;
    let list = usize::try_from(restarts).ok()?.checked_mul(4)?.checked_add(4)?;
    block.get(..block.len().checked_sub(list)?)
}

/// A place, and how many bytes it takes.
fn handle(bytes: &[u8]) -> Option<(Handle, usize)> {
    let (offset, first) = long(bytes)?;
    let (length, second) = long(bytes.get(first..)?)?;
    Some((Handle { offset, length }, first.checked_add(second)?))
}

/// A number of up to 64 bits, seven in a byte, and how many bytes it takes.
fn long(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        let part = u64::from(byte & 0x7f);
        let shift = u32::try_from(place).ok()?.checked_mul(7)?;
        value |= part.checked_shl(shift).filter(|shifted| shifted >> shift == part)?;
        if byte & 0x80 == 0 {
            return Some((value, place.checked_add(1)?));
        }
    }
    None
}
