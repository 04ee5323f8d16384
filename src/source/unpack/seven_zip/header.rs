//! The header of a 7z: where its blocks lie, how they are compressed, and which files they
//! hold, in order.
//!
//! Nothing is kept by numbers that the header says: every list is gone through where it
//! stands, with a cursor of its own, so that a header takes the memory of its bytes. See the
//! head of the module for the source.

use super::cursor::{Bits, Cursor, Values, sums};

/// The most coders of one block.
pub(super) const MAX_CODERS: usize = 16;

/// What a part of the header is (`7zFormat.txt`, property IDs).
mod id {
    pub(super) const END: u8 = 0;
    pub(super) const HEADER: u8 = 1;
    pub(super) const PROPERTIES: u8 = 2;
    pub(super) const STREAMS: u8 = 4;
    pub(super) const FILES: u8 = 5;
    pub(super) const PACKED: u8 = 6;
    pub(super) const UNPACKED: u8 = 7;
    pub(super) const SUBSTREAMS: u8 = 8;
    pub(super) const SIZE: u8 = 9;
    pub(super) const SUMS: u8 = 10;
    pub(super) const BLOCKS: u8 = 11;
    pub(super) const BLOCK_SIZES: u8 = 12;
    pub(super) const COUNTS: u8 = 13;
    pub(super) const WITHOUT_CONTENT: u8 = 14;
    pub(super) const EMPTY_FILES: u8 = 15;
    pub(super) const NAMES: u8 = 17;
    pub(super) const CHANGED: u8 = 20;
    pub(super) const ATTRIBUTES: u8 = 21;
    pub(super) const ENCODED: u8 = 23;
}

/// A step from what is stored to what is unpacked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coder<'h> {
    pub(super) method: &'h [u8],
    pub(super) properties: &'h [u8],
    /// How many bytes it gives.
    pub(super) gives: u64,
}

/// How one block is compressed.
#[derive(Clone, Debug, Default)]
pub(super) struct Block<'h> {
    /// From what is stored to what is unpacked. None: they are put together in a way that is not read.
    pub(super) chain: Option<Vec<Coder<'h>>>,
    /// Whether one of them needs a password.
    pub(super) is_encrypted: bool,
    /// Where it lies in the file, and how many bytes.
    pub(super) start: u64,
    pub(super) packed: u64,
    /// How many files it has yet, and what they have together.
    pub(super) files: u64,
    is_begun: bool,
    pub(super) size: u64,
    /// The checksum of the whole.
    pub(super) sum: Option<u32>,
}

/// The coders of a block.
#[derive(Default)]
struct Coders<'h> {
    coders: Vec<(&'h [u8], &'h [u8])>,
    is_simple: bool,
    /// Input, output.
    pairs: Vec<(u64, u64)>,
    first: u64,
    packed: u64,
    outputs: u64,
}

impl<'h> Coders<'h> {
    fn read(cursor: &mut Cursor<'h>) -> Option<Self> {
        let number = cursor.length().filter(|number| (1..=MAX_CODERS).contains(number))?;
        let mut read = Self { is_simple: true, ..Self::default() };
        let mut inputs = 0_u64;
        for _ in 0..number {
            let flags = cursor.byte()?;
            let method = cursor.take(usize::from(flags & 15))?;
            let (more, outputs) = match flags & 16 {
                0 => (1, 1),
                _ => (cursor.number()?, cursor.number()?),
            };
            if !(1..=32).contains(&more) || !(1..=32).contains(&outputs) || flags & 0xc0 != 0 {
                return None;
            }
            read.is_simple &= (more, outputs) == (1, 1);
            (inputs, read.outputs) = (inputs + more, read.outputs + outputs);
            let properties = match flags & 32 {
                0 => &[][..],
                _ => cursor.length().and_then(|length| cursor.take(length))?,
            };
            read.coders.push((method, properties));
        }
        for _ in 1..read.outputs {
            read.pairs.push((cursor.number()?, cursor.number()?));
        }
        read.packed = (inputs + 1).checked_sub(read.outputs)?;
        if read.packed == 1 {
            read.first = (0..inputs).find(|input| read.pairs.iter().all(|(other, _)| other != input))?;
        } else {
            cursor.pass_numbers(read.packed)?;
        }
        Some(read)
    }

    /// The coders in the order in which bytes go through them, each with what it gives.
    fn chain(&self, sizes: &[u64]) -> Option<Vec<Coder<'h>>> {
        if !self.is_simple || self.packed != 1 {
            return None;
        }
        let (mut chain, mut at) = (Vec::new(), self.first);
        loop {
            let number = usize::try_from(at).ok()?;
            let (method, properties) = *self.coders.get(number)?;
            chain.push(Coder { method, properties, gives: *sizes.get(number)? });
            match self.pairs.iter().find(|(_, output)| *output == at) {
                None => break,
                Some(_) if chain.len() > self.coders.len() => return None,
                Some((input, _)) => at = *input,
            }
        }
        (chain.len() == self.coders.len()).then_some(chain)
    }
}

/// The blocks of an archive, in order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blocks<'h> {
    left: usize,
    coders: Cursor<'h>,
    start: u64,
    packed: Cursor<'h>,
    sizes: Cursor<'h>,
    block_sums: Values<'h, 4>,
    /// None: each has one file.
    counts: Option<Cursor<'h>>,
    file_sizes: Cursor<'h>,
    file_sums: Values<'h, 4>,
}

impl<'h> Blocks<'h> {
    /// Reads what is said of blocks, up to the end of it.
    fn read(cursor: &mut Cursor<'h>) -> Option<Self> {
        let mut blocks = Self::default();
        loop {
            match cursor.byte()? {
                id::END => return Some(blocks),
                id::PACKED => blocks.read_packed(cursor)?,
                id::UNPACKED => blocks.read_unpacked(cursor)?,
                id::SUBSTREAMS => blocks.read_substreams(cursor)?,
                _ => return None,
            }
        }
    }

    fn read_packed(&mut self, cursor: &mut Cursor<'h>) -> Option<()> {
        self.start = cursor.number()?.checked_add(super::START)?;
        let number = cursor.length()?;
        loop {
            match cursor.byte()? {
                id::END => return Some(()),
                id::SIZE => {
                    self.packed = *cursor;
                    cursor.pass_numbers(u64::try_from(number).ok()?)?;
                }
                id::SUMS => drop(sums(cursor, number)?),
                _ => return None,
            }
        }
    }

    fn read_unpacked(&mut self, cursor: &mut Cursor<'h>) -> Option<()> {
        if cursor.byte()? != id::BLOCKS {
            return None;
        }
        self.left = cursor.length()?;
        // They may stand elsewhere, which no program writes.
        if cursor.byte()? != 0 {
            return None;
        }
        self.coders = *cursor;
        let mut outputs = 0_u64;
        for _ in 0..self.left {
            outputs = outputs.checked_add(Coders::read(cursor)?.outputs)?;
        }
        if cursor.byte()? != id::BLOCK_SIZES {
            return None;
        }
        self.sizes = *cursor;
        cursor.pass_numbers(outputs)?;
        loop {
            match cursor.byte()? {
                id::END => return Some(()),
                id::SUMS => self.block_sums = sums(cursor, self.left)?,
                _ => return None,
            }
        }
    }

    fn read_substreams(&mut self, cursor: &mut Cursor<'h>) -> Option<()> {
        let mut next = cursor.byte()?;
        if next == id::COUNTS {
            self.counts = Some(*cursor);
            cursor.pass_numbers(u64::try_from(self.left).ok()?)?;
            next = cursor.byte()?;
        }
        let (mut counts, mut block_sums, mut without) = (self.counts, self.block_sums, 0_usize);
        let mut sizes = 0_u64;
        for _ in 0..self.left {
            let count = counts.as_mut().map_or(Some(1), Cursor::number)?;
            sizes = sizes.checked_add(count.saturating_sub(1))?;
            let has_sum = block_sums.next().is_some() && count == 1;
            without = without.checked_add(if has_sum { 0 } else { usize::try_from(count).ok()? })?;
        }
        if next == id::SIZE {
            self.file_sizes = *cursor;
            cursor.pass_numbers(sizes)?;
            next = cursor.byte()?;
        } else if sizes > 0 {
            return None;
        }
        if next == id::SUMS {
            self.file_sums = sums(cursor, without)?;
            next = cursor.byte()?;
        }
        (next == id::END).then_some(())
    }

    /// The next block that has files or bytes.
    pub(super) fn next(&mut self) -> Option<Block<'h>> {
        self.left = self.left.checked_sub(1)?;
        let coders = Coders::read(&mut self.coders)?;
        let mut sizes = Vec::new();
        for _ in 0..coders.outputs {
            sizes.push(self.sizes.number()?);
        }
        let mut packed = 0_u64;
        for number in 0..coders.packed {
            let size = self.packed.number()?;
            packed = if number == 0 { size } else { packed.checked_add(size)? };
        }
        let chain = coders.chain(&sizes);
        let is_last = |number: &usize| {
            let number = u64::try_from(*number).unwrap_or(u64::MAX);
            coders.pairs.iter().all(|(_, output)| *output != number)
        };
        let last = (0..sizes.len()).find(is_last).and_then(|number| sizes.get(number).copied());
        let start = self.start;
        self.start = start.checked_add(packed)?;
        Some(Block {
            chain,
            is_encrypted: coders.coders.iter().any(|(method, _)| *method == [6, 0xf1, 7, 1]),
            start,
            packed,
            files: self.counts.as_mut().map_or(Some(1), Cursor::number)?,
            is_begun: false,
            size: last?,
            sum: self.block_sums.next().map(u32::from_le_bytes),
        })
    }

    /// Size and checksum of the next file of a block, of which so many are left.
    pub(super) fn file(&mut self, block: &mut Block<'h>) -> Option<(u64, Option<u32>)> {
        let is_whole = !block.is_begun && block.files == 1;
        block.is_begun = true;
        block.files = block.files.checked_sub(1)?;
        let size = match block.files {
            0 => block.size,
            _ => self.file_sizes.number()?,
        };
        block.size = block.size.checked_sub(size)?;
        let sum = block.sum.filter(|_| is_whole);
        Some((size, sum.or_else(|| self.file_sums.next().map(u32::from_le_bytes))))
    }
}

/// A file as the header describes it.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: Vec<u8>,
    pub(super) has_content: bool,
    pub(super) is_directory: bool,
    /// In units of 100 nanoseconds since 1601.
    pub(super) changed: Option<u64>,
    pub(super) attributes: Option<u32>,
}

/// The files of an archive, in order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files<'h> {
    number: usize,
    at: usize,
    without_content: Bits<'h>,
    /// Of those without content: which are files.
    empty_files: Bits<'h>,
    empties: usize,
    names: Cursor<'h>,
    changed: Values<'h, 8>,
    attributes: Values<'h, 4>,
}

impl<'h> Files<'h> {
    fn new(number: usize) -> Self {
        let none = Bits(Some(&[]));
        Self {
            number,
            at: 0,
            without_content: none,
            empty_files: none,
            empties: 0,
            names: Cursor::default(),
            changed: Values::default(),
            attributes: Values::default(),
        }
    }

    fn read(cursor: &mut Cursor<'h>) -> Option<Self> {
        let mut files = Self::new(cursor.length()?);
        loop {
            let kind = cursor.byte()?;
            if kind == id::END {
                return Some(files);
            }
            let length = cursor.length()?;
            let mut part = Cursor(cursor.take(length)?);
            match kind {
                id::WITHOUT_CONTENT => files.without_content = part.bits(files.number)?,
                id::EMPTY_FILES => files.empty_files = Bits(Some(part.0)),
                id::NAMES => {
                    is_here(&mut part)?;
                    files.names = part;
                }
                id::CHANGED => {
                    let given = part.bits_or_all(files.number)?;
                    is_here(&mut part)?;
                    files.changed = Values::new(given, part);
                }
                id::ATTRIBUTES => {
                    let given = part.bits_or_all(files.number)?;
                    is_here(&mut part)?;
                    files.attributes = Values::new(given, part);
                }
                _ => {}
            }
        }
    }

    /// The next file.
    pub(super) fn next(&mut self) -> Option<File> {
        if self.at >= self.number {
            return None;
        }
        let has_content = !self.without_content.get(self.at);
        self.at += 1;
        let mut units = Vec::new();
        while let Some(unit) = self.names.array().map(u16::from_le_bytes).filter(|unit| *unit != 0) {
            units.push(unit);
        }
        let name = String::from_utf16_lossy(&units).into_bytes();
        let is_directory = !has_content && !self.empty_files.get(self.empties);
        self.empties += usize::from(!has_content);
        Some(File {
            name,
            has_content,
            is_directory,
            changed: self.changed.next().map(u64::from_le_bytes),
            attributes: self.attributes.next().map(u32::from_le_bytes),
        })
    }
}

/// Values may stand elsewhere, which no program writes.
fn is_here(part: &mut Cursor<'_>) -> Option<()> {
    (part.byte()? == 0).then_some(())
}

/// What a header says.
#[derive(Debug)]
pub(super) enum Header<'h> {
    /// The header itself is a block.
    Encoded(Blocks<'h>),
    Plain(Blocks<'h>, Files<'h>),
}

impl<'h> Header<'h> {
    /// Reads one; none: it makes no sense.
    pub(super) fn read(bytes: &'h [u8]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        match cursor.byte()? {
            id::ENCODED => return Blocks::read(&mut cursor).map(Self::Encoded),
            id::HEADER => {}
            _ => return None,
        }
        let (mut blocks, mut files) = (Blocks::default(), Files::new(0));
        loop {
            match cursor.byte()? {
                id::END => return Some(Self::Plain(blocks, files)),
                id::PROPERTIES => {
                    while cursor.byte()? != id::END {
                        let length = cursor.length()?;
                        cursor.take(length)?;
                    }
                }
                id::STREAMS => blocks = Blocks::read(&mut cursor)?,
                id::FILES => files = Files::read(&mut cursor)?,
                _ => return None,
            }
        }
    }
}

impl Default for Files<'_> {
    fn default() -> Self {
        Self::new(0)
    }
}
