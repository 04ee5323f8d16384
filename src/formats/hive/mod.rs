//! The keys and values of a hive: a file in which Windows keeps a part of its registry.
//!
//! Facts: "Windows registry file format specification" of M. Suhanov
//! (github.com/msuhanov/regf), sections "Base block", "Hive bins data" and "Cells" (key
//! node, key value, subkeys list, key values list, big data). Of transaction logs see [`Replay`].
//! Cells that are free are not looked at. No number is believed: a cell is read once, all
//! that are read together have no more bytes than the file.

mod cell;
mod key;
mod log;
mod value;

use std::ops::{ControlFlow, Range};

use super::sqlite::ReadPages;
use cell::{Cells, le32};
use key::Node;
pub use log::{Replay, Replayed};
pub use value::Content;

/// Where the cells begin, which offsets in the file count from.
const BINS: u64 = 4096;
/// The most levels of keys; Windows allows 512.
const MAX_DEPTH: usize = 520;
/// The most keys that wait for their turn.
const MAX_OPEN: usize = 1 << 20;

/// Why a hive, or a part of it, cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HiveError {
    /// No base block, or one of a form that this does not read.
    #[error("not a registry hive")]
    Header,
    /// A cell, by its offset in the file, that is not there or not what it should be.
    #[error("the cell at {0} is damaged")]
    Cell(u64),
    /// A cell that belongs to two things, or twice to one.
    #[error("the cell at {0} is used twice")]
    Twice(u64),
    /// The cells have more bytes than the file.
    #[error("its cells overlap")]
    Overlap,
    /// More levels of keys, or more keys beside one another, than there can be.
    #[error("its keys form no tree")]
    Shape,
    /// A value that is longer than the caller allows.
    #[error("a value is too long")]
    TooLong,
}

/// A value of a key.
#[derive(Debug)]
pub struct Value<'v> {
    /// Its name; empty for the default value of the key.
    pub name: &'v str,
    /// Its type (`REG_SZ` is 1).
    pub kind: u32,
    /// Its bytes.
    pub data: &'v [u8],
    /// Where they lie in the file, in order.
    pub stored: &'v [Range<u64>],
}

/// What is told of a hive.
pub trait Visit {
    /// A key, by the names from below the root to it; its values follow.
    fn key(&mut self, path: &[String]) -> ControlFlow<()>;

    /// A value of the last key.
    fn value(&mut self, value: &Value<'_>);

    /// What cannot be read, or not to its end; whether to go on.
    fn damaged(&mut self, error: HiveError) -> ControlFlow<()>;
}

/// Whether a file that begins so is a hive: no transaction log, which begins as one.
#[must_use]
pub fn is_hive(start: &[u8]) -> bool {
    start.starts_with(b"regf") && le32(start, 20) == Some(1) && le32(start, 28) == Some(0)
}

/// The first 512 bytes of a hive.
///
/// # Errors
///
/// [`HiveError::Header`].
pub fn base_block(reader: &mut impl ReadPages) -> Result<[u8; 512], HiveError> {
    let mut block = [0; 512];
    if reader.read(0, &mut block) && is_hive(&block) { Ok(block) } else { Err(HiveError::Header) }
}

/// The sum over a base block, as it stands in it.
fn base_block_sum(block: &[u8; 512]) -> u32 {
    let (words, _) = block.as_chunks::<4>();
    match words.iter().take(127).fold(0, |sum, word| sum ^ u32::from_le_bytes(*word)) {
        0 => 1,
        u32::MAX => u32::MAX.saturating_sub(1),
        sum => sum,
    }
}

/// An open hive.
#[derive(Debug)]
pub struct Hive<R> {
    cells: Cells<R>,
    root: u32,
    /// Written to its end: the two numbers of the last write are equal.
    pub is_clean: bool,
    /// The file has all of its cells.
    pub is_whole: bool,
    /// The sum over the base block is right.
    pub is_sound: bool,
}

impl<R: ReadPages> Hive<R> {
    /// Reads the base block of a hive of `length` bytes.
    ///
    /// # Errors
    ///
    /// [`HiveError::Header`].
    pub fn open(mut reader: R, length: u64) -> Result<Self, HiveError> {
        let block = base_block(&mut reader)?;
        let number = |at| le32(&block, at).ok_or(HiveError::Header);
        // Up to 1.1 cells had another form.
        if !(2..=6).contains(&number(24)?) {
            return Err(HiveError::Header);
        }
        let is_clean = number(4)? == number(8)?;
        let is_whole = BINS.saturating_add(number(40)?.into()) <= length;
        let (root, is_sound) = (number(36)?, number(508)? == base_block_sum(&block));
        Ok(Self { cells: Cells::new(reader, length), root, is_clean, is_whole, is_sound })
    }

    /// Gives every key with its values, the root's first; of a value with more than `max`
    /// bytes so much.
    pub fn walk(&mut self, max: usize, visitor: &mut dyn Visit) {
        self.walk_below(&[], usize::MAX, max, visitor);
    }

    /// As [`Self::walk`], the key with this path, whose names have no case, and at most
    /// `levels` levels of keys below it. A cell is given once, also by several walks.
    pub fn walk_below(&mut self, key: &[&str], levels: usize, max: usize, visitor: &mut dyn Visit) {
        // Told by nothing: that all was given, or that the visitor wants no more.
        let _ = self.keys(key, levels, max, visitor);
    }

    fn keys(
        &mut self,
        wanted: &[&str],
        levels: usize,
        max: usize,
        visitor: &mut dyn Visit,
    ) -> ControlFlow<()> {
        // Keys to visit, the next one last, each with its depth.
        let mut open = vec![(self.root, 0_usize)];
        let mut path: Vec<String> = Vec::new();
        let mut data = Vec::new();
        while let Some((cell, depth)) = open.pop() {
            let node = match Node::read(&mut self.cells, cell) {
                Ok(node) => node,
                Err(error) => {
                    visitor.damaged(error)?;
                    continue;
                }
            };
            path.truncate(depth.saturating_sub(1));
            if depth > 0 {
                let way = wanted.get(depth.saturating_sub(1));
                if way.is_some_and(|name| name.to_lowercase() != node.name.to_lowercase()) {
                    continue;
                }
                path.push(node.name.clone());
            }
            if depth >= wanted.len() {
                visitor.key(&path)?;
                if let Some(values) = node.values {
                    self.values(values, max, &mut data, visitor)?;
                }
            }
            let is_last = depth >= wanted.len().saturating_add(levels);
            let Some(children) = node.children.filter(|_| !is_last) else { continue };
            let deeper = depth.saturating_add(1);
            let first = open.len();
            if deeper > MAX_DEPTH {
                visitor.damaged(HiveError::Shape)?;
                continue;
            }
            key::children(&mut self.cells, children, &mut |child| match child {
                Ok(_) if open.len() >= MAX_OPEN => ControlFlow::Break(()),
                Ok(child) => {
                    open.push((child, deeper));
                    ControlFlow::Continue(())
                }
                Err(error) => visitor.damaged(error),
            })?;
            if open.len() >= MAX_OPEN {
                visitor.damaged(HiveError::Shape)?;
            }
            if let Some(new) = open.get_mut(first..) {
                new.reverse();
            }
        }
        ControlFlow::Continue(())
    }

    fn values(
        &mut self,
        (list, count): (u32, u32),
        max: usize,
        data: &mut Vec<u8>,
        visitor: &mut dyn Visit,
    ) -> ControlFlow<()> {
        let list = match self.cells.take(list) {
            Ok(list) => list,
            Err(error) => return visitor.damaged(error),
        };
        for index in 0..count {
            let place = u64::from(index).saturating_mul(4);
            let read = self.cells.number(list, place).ok_or(HiveError::Cell(list.at()));
            let Ok(cell) = read else { return visitor.damaged(HiveError::Cell(list.at())) };
            let value = value::Head::read(&mut self.cells, cell)
                .and_then(|head| Ok((value::data(&mut self.cells, &head, max, data)?, head)));
            match value {
                Ok((stored, head)) => {
                    if head.length > data.len() {
                        let cut =
                            if data.len() >= max { HiveError::TooLong } else { HiveError::Cell(list.at()) };
                        visitor.damaged(cut)?;
                    }
                    let (name, kind) = (head.name.as_str(), head.kind);
                    visitor.value(&Value { name, kind, data, stored: &stored });
                }
                Err(error) => visitor.damaged(error)?,
            }
        }
        ControlFlow::Continue(())
    }
}

impl<P: ReadPages, L: ReadPages> Hive<Replayed<P, L>> {
    /// Opens a hive that was in use, its file being of `length` bytes, with what its logs have.
    ///
    /// # Errors
    ///
    /// [`HiveError::Header`].
    pub fn open_replayed(reader: Replayed<P, L>, length: u64) -> Result<Self, HiveError> {
        let logs = reader.logs.iter().fold(0_u64, |sum, (_, length)| sum.saturating_add(*length));
        let length = reader.replay.length(length, logs);
        let root = reader.replay.root;
        let mut hive = Self::open(reader, length)?;
        hive.root = root.unwrap_or(hive.root);
        Ok(hive)
    }
}

#[cfg(test)]
mod tests;
