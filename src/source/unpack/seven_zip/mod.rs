//! 7z: the format as `DOC/7zFormat.txt` of 7-Zip describes it
//! (<https://github.com/ip7z/7zip/blob/main/DOC/7zFormat.txt>), methods by `DOC/Methods.txt`.
//!
//! What it holds is told at its end: only what can be read here and there is opened, which
//! are files and members that are held in memory (see `held`). Blocks are unpacked in order,
//! with the files in them. Read are copy, LZMA, LZMA2, bzip2, deflate, deflate64 and the
//! filters for programs (BCJ, delta); not PPMd, BCJ2, Zstandard and what needs a password,
//! of which files are counted by their reason.

mod cursor;
mod header;

use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use bzip2::read::MultiBzDecoder;
use deflate64::Deflate64Decoder;
use flate2::read::DeflateDecoder;
use lzma_rust2::filter::bcj::BcjReader;
use lzma_rust2::filter::delta::DeltaReader;
use lzma_rust2::{Lzma2Reader, LzmaReader};

use self::header::{Block, Blocks, Coder, Files, Header};
use super::Walk;
use super::format::{Archive, Damage, Entry, Kind, Member};
use super::git::Bytes;
use super::readers::Lent;
use super::tools::{Loan, Tools, too_large};
use crate::finding::Reason;
use crate::source::UnixTime;
use crate::source::bytes::{u8_at, u32_le, u64_le};

/// What one begins with.
pub const MAGIC: &[u8] = b"7z\xbc\xaf\x27\x1c";
/// How many bytes come before everything else.
const START: u64 = 32;
/// The longest header.
const MAX_HEADER: u64 = 32 << 20;
/// How often a header is compressed.
const MAX_ENCODED: usize = 4;
/// What a decoder needs beside its window.
const OVERHEAD: u64 = 256 << 10;

impl Walk<'_> {
    /// Goes through an archive of which any byte can be read.
    pub(super) fn seven_zip(&mut self, bytes: &dyn Bytes, size: u64) -> Result<(), Damage> {
        let (text, _loan) = header(bytes, size, self.tools)?;
        let (blocks, files) = match Header::read(&text) {
            Some(Header::Plain(blocks, files)) => (blocks, files),
            None if text.is_empty() => Default::default(),
            _ => return Err(Damage::corrupt("its header makes no sense")),
        };
        self.visitor.opened();
        let level = self.steps.len() + 1;
        self.deepest = self.deepest.map(|deepest| deepest.max(level));
        let mut members = Members {
            bytes,
            tools: Rc::clone(self.tools),
            blocks,
            files,
            block: Block::default(),
            reader: Err(Reason::Corrupt),
            left: 0,
            sum: None,
            hasher: crc32fast::Hasher::new(),
        };
        if let Some(Damage { reason, message }) = self.members(&mut members, &Cell::new(false)) {
            self.damaged(reason, None, &format!("7z: {message}"));
        }
        Ok(())
    }
}

/// The header, unpacked.
fn header(bytes: &dyn Bytes, size: u64, tools: &Rc<Tools>) -> Result<(Vec<u8>, Loan), Damage> {
    let cut = |_| Damage::corrupt("it ends before its header");
    let mut start = [0; 32];
    Range { bytes, at: 0, left: START }.read_exact(&mut start).map_err(cut)?;
    let (fixed, place) = start.split_at(12);
    if u32_le(fixed, 8) != Some(crc32fast::hash(place)) {
        return Err(Damage::corrupt("the checksum of its beginning is wrong"));
    }
    let word = |at| u64_le(place, at).unwrap_or(u64::MAX);
    let (at, length) = (START.saturating_add(word(0)), word(8));
    if at.saturating_add(length) > size {
        return Err(Damage::corrupt("it ends before its header"));
    }
    let (mut text, mut loan) = memory(length, tools)?;
    Range { bytes, at, left: length }.read_to_end(&mut text).map_err(cut)?;
    if u32_le(place, 16) != Some(crc32fast::hash(&text)) {
        return Err(Damage::corrupt("the checksum of its header is wrong"));
    }
    for _ in 0..MAX_ENCODED {
        let Some(Header::Encoded(mut blocks)) = Header::read(&text) else { return Ok((text, loan)) };
        let block = blocks.next().ok_or_else(|| Damage::corrupt("its header makes no sense"))?;
        let (mut inner, lent) = memory(block.size, tools)?;
        let wrong = |_| Damage::corrupt("its header cannot be unpacked");
        let reader = decoder(bytes, &block, tools)?.take(block.size);
        Unpacked(reader, tools).read_to_end(&mut inner).map_err(wrong)?;
        if block.sum.is_some_and(|sum| sum != crc32fast::hash(&inner)) {
            return Err(Damage::corrupt("the checksum of its header is wrong"));
        }
        (text, loan) = (inner, lent);
    }
    Err(Damage::corrupt("its header is compressed too often"))
}

/// Memory for a header of so many bytes, which are there only when they are read.
fn memory(length: u64, tools: &Rc<Tools>) -> Result<(Vec<u8>, Loan), Damage> {
    let lent = tools.lend(length).filter(|_| length <= MAX_HEADER);
    lent.map(|loan| (Vec::new(), loan)).ok_or_else(|| too_large(length))
}

/// A part of the file.
struct Range<'b> {
    bytes: &'b dyn Bytes,
    at: u64,
    left: u64,
}

impl Read for Range<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(room) = bytes.get_mut(..most).filter(|room| !room.is_empty()) else { return Ok(0) };
        let read = self.bytes.read_at(room, self.at)?;
        let taken = u64::try_from(read).unwrap_or(u64::MAX);
        (self.at, self.left) = (self.at.saturating_add(taken), self.left.saturating_sub(taken));
        Ok(read)
    }
}

/// Counts what is unpacked, and ends at a limit.
struct Unpacked<'t, R>(R, &'t Tools);

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.1.budget.stop().is_some() {
            return Err(io::Error::other("a limit was reached"));
        }
        let read = self.0.read(bytes)?;
        self.1.budget.unpacked(read);
        Ok(read)
    }
}

/// What unpacks a block, through one decoder after the other.
type Decoder<'b> = Lent<Box<dyn Read + 'b>, Vec<Loan>>;

/// What unpacks a block.
fn decoder<'b>(bytes: &'b dyn Bytes, block: &Block<'_>, tools: &Rc<Tools>) -> Result<Decoder<'b>, Damage> {
    let unsupported = || Damage::new(Reason::Unsupported, "compressed in a way that is not read");
    if block.is_encrypted {
        return Err(Damage::new(Reason::Encrypted, "encrypted"));
    }
    if block.chain.is_none() {
        return Err(unsupported());
    }
    let range = Range { bytes, at: block.start, left: block.packed };
    let mut reader: Box<dyn Read + 'b> = Box::new(BufReader::with_capacity(64 << 10, range));
    let mut loans = Vec::new();
    let mut lend = |bytes: u64| -> Result<(), Damage> {
        loans.push(tools.lend(bytes).ok_or_else(|| too_large(bytes))?);
        Ok(())
    };
    for Coder { method, properties, gives } in block.chain.iter().flatten() {
        let wrong = || Damage::corrupt("the properties of a method make no sense");
        reader = match *method {
            [0] => reader,
            [0x21] => {
                let bits = u32::from(u8_at(properties, 0).filter(|bits| *bits <= 40).ok_or_else(wrong)?);
                let window = match bits {
                    40 => u32::MAX,
                    bits => (2 | (bits & 1)) << (bits / 2 + 11),
                };
                lend(u64::from(window) + OVERHEAD)?;
                Box::new(Lzma2Reader::new(reader, window, None))
            }
            [3, 1, 1] => {
                let first = u8_at(properties, 0).filter(|first| *first < 225).ok_or_else(wrong)?;
                let window = u32_le(properties, 1).ok_or_else(wrong)?;
                // Two bytes for each of 768 states of a literal, for each context.
                let contexts = u64::from(first % 9) + u64::from(first / 9 % 5);
                lend(u64::from(window) + OVERHEAD + (1536 << contexts))?;
                Box::new(
                    LzmaReader::new_with_props(reader, *gives, first, window, None).map_err(|_| wrong())?,
                )
            }
            [4, 2, 2] => {
                lend(4 << 20)?;
                Box::new(MultiBzDecoder::new(reader))
            }
            [4, 1, 8] => Box::new(DeflateDecoder::new(reader)),
            [4, 1, 9] => Box::new(Deflate64Decoder::new(reader)),
            [3] => {
                Box::new(DeltaReader::new(reader, usize::from(u8_at(properties, 0).ok_or_else(wrong)?) + 1))
            }
            [3, 3, 1, 3] | [4] => Box::new(BcjReader::new_x86(reader, 0)),
            [3, 3, 2, 5] | [5] => Box::new(BcjReader::new_ppc(reader, 0)),
            [3, 3, 4, 1] | [6] => Box::new(BcjReader::new_ia64(reader, 0)),
            [3, 3, 5, 1] | [7] => Box::new(BcjReader::new_arm(reader, 0)),
            [3, 3, 7, 1] | [8] => Box::new(BcjReader::new_arm_thumb(reader, 0)),
            [3, 3, 8, 5] | [9] => Box::new(BcjReader::new_sparc(reader, 0)),
            [10] => Box::new(BcjReader::new_arm64(reader, 0)),
            [11] => Box::new(BcjReader::new_riscv(reader, 0)),
            _ => return Err(unsupported()),
        };
        reader = Box::new(reader.take(*gives));
    }
    Ok(Lent { reader, loans })
}

/// The files of an archive, one after the other.
struct Members<'b, 'h> {
    bytes: &'b dyn Bytes,
    tools: Rc<Tools>,
    blocks: Blocks<'h>,
    files: Files<'h>,
    block: Block<'h>,
    /// What unpacks the block, or why it cannot be read, or not further.
    reader: Result<Decoder<'b>, Reason>,
    /// What of the file has not been read.
    left: u64,
    sum: Option<u32>,
    hasher: crc32fast::Hasher,
}

impl Archive for Members<'_, '_> {
    fn next(&mut self) -> Result<Option<Entry>, Damage> {
        self.sum = None;
        let mut bytes = [0; 4096];
        while self.left > 0 && self.tools.budget.stop().is_none() {
            match self.read(&mut bytes) {
                Ok(read @ 1..) => self.tools.budget.unpacked(read),
                _ => break,
            }
        }
        let Some(file) = self.files.next() else { return Ok(None) };
        let kind = if file.is_directory { Kind::Directory } else { Kind::File };
        let mut member = Member { name: file.name, kind, size: Some(0), ..Member::default() };
        member.mtime = file.changed.and_then(time);
        // Programs on Unix keep its mode in the upper half.
        member.mode = file.attributes.filter(|bits| bits & 0x8000 != 0).map(|bits| bits >> 16 & 0o7777);
        if is_link(file.attributes) {
            member.kind = Kind::SymbolicLink;
        }
        if file.has_content {
            let (size, sum) = self.file()?;
            (self.left, self.sum, self.hasher) = (size, sum, crc32fast::Hasher::new());
            member.size = Some(size);
            member.packed = true;
            member.closed = self.reader.as_ref().err().copied();
        }
        Ok(Some(Entry::Member(member)))
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let room = bytes.get_mut(..most).unwrap_or_default();
        if room.is_empty() {
            let sum = self.sum.take().filter(|_| !bytes.is_empty());
            return match sum {
                Some(sum) if sum != std::mem::take(&mut self.hasher).finalize() => {
                    Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong"))
                }
                _ => Ok(0),
            };
        }
        let read = match &mut self.reader {
            Ok(reader) => reader.read(room),
            Err(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "what it is in cannot be read")),
        };
        let read = match read {
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "its block ends in the middle")),
            other => other,
        };
        if read.is_err() {
            // What follows in the block rests on what came before.
            self.reader = Err(Reason::Corrupt);
        }
        let read = read?;
        self.hasher.update(room.get(..read).unwrap_or_default());
        self.left = self.left.saturating_sub(u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}

impl Members<'_, '_> {
    /// Goes to the next file with content; its size and checksum.
    fn file(&mut self) -> Result<(u64, Option<u32>), Damage> {
        while self.block.files == 0 {
            let fewer = || Damage::corrupt("it names more files than it has");
            // Before the next is opened, the memory of the last is given back.
            self.reader = Err(Reason::Corrupt);
            self.block = self.blocks.next().ok_or_else(fewer)?;
            if self.block.files > 0 {
                self.reader = decoder(self.bytes, &self.block, &self.tools).map_err(|damage| damage.reason);
            }
        }
        let wrong = || Damage::corrupt("the sizes of its files make no sense");
        self.blocks.file(&mut self.block).ok_or_else(wrong)
    }
}

fn is_link(attributes: Option<u32>) -> bool {
    attributes.is_some_and(|bits| bits & 0x8000 != 0 && bits >> 28 == 0o12)
}

/// A time in units of 100 nanoseconds since 1601.
fn time(units: u64) -> Option<UnixTime> {
    let seconds = i64::try_from(units / 10_000_000).ok()?.checked_sub(11_644_473_600)?;
    Some((seconds, u32::try_from(units % 10_000_000).ok()? * 100))
}
