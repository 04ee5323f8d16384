//! `compress` of Unix (`.Z`): LZW with codes of 9 to 16 bits.
//!
//! Facts: `compress.c` of ncompress, which is in the public domain
//! (<https://github.com/vapier/ncompress>): codes stand in groups of eight, the lowest bit
//! first; where their width changes, or the table is cleared, the rest of a group is left out.

use std::io::{self, BufRead, Read};
use std::rc::Rc;

use super::format::{Damage, Format, Opened};
use super::input::Input;
use super::tools::{Loan, Tools, too_large};

const MAGIC: [u8; 2] = [0x1f, 0x9d];
/// Of the third byte: the most bits of a code, whether the table can be cleared, and what is
/// zero.
const BITS: u8 = 0x1f;
const BLOCKS: u8 = 0x80;
const RESERVED: u8 = 0x60;
/// The code that clears the table.
const CLEAR: usize = 256;
const FIRST_BITS: u32 = 9;
/// What the tables take, and the text of a code, which is at most as long.
const MEMORY: u64 = 256 << 10;

pub(super) struct Compress;

impl Format for Compress {
    fn name(&self) -> &'static str {
        "compress"
    }

    fn detect(&self, start: &[u8]) -> bool {
        // The first code is a byte as it is: its ninth bit is zero.
        let rest = start.strip_prefix(&MAGIC).unwrap_or_default();
        matches!(rest, [flags, _, next, ..]
            if flags & RESERVED == 0 && (9..=16).contains(&(flags & BITS)) && next & 1 == 0)
    }

    fn open<'i>(&self, input: &'i mut Input<'_>, tools: &Rc<Tools>) -> Result<Opened<'i>, Damage> {
        let Some(loan) = tools.lend(MEMORY) else { return Err(too_large(MEMORY)) };
        let flags = input.peek(3).get(2).copied().unwrap_or_default();
        input.consume(3);
        let max_bits = u32::from(flags & BITS);
        let codes = Codes { input, bits: FIRST_BITS, group: Vec::new(), at: 0 };
        let has_blocks = flags & BLOCKS != 0;
        let table = Table { before: Vec::new(), last: Vec::new() };
        let lzw = Lzw { codes, max_bits, has_blocks, table, old: None, text: Vec::new(), _loan: loan };
        Ok(Opened::Stream(Box::new(lzw), None))
    }
}

/// Codes in groups.
struct Codes<'i, 'r> {
    input: &'i mut Input<'r>,
    bits: u32,
    /// Eight codes, as many bytes as one has bits.
    group: Vec<u8>,
    /// The next bit in it.
    at: usize,
}

impl Codes<'_, '_> {
    /// The next code; none at the end.
    fn next(&mut self) -> io::Result<Option<usize>> {
        let bits = usize::try_from(self.bits).unwrap_or(16);
        if self.at.saturating_add(bits) > self.group.len().saturating_mul(8) {
            self.group.clear();
            self.at = 0;
            self.input.by_ref().take(self.bits.into()).read_to_end(&mut self.group)?;
            if self.group.len().saturating_mul(8) < bits {
                return Ok(None);
            }
        }
        // A code lies in three bytes at most.
        let first = self.at / 8;
        let bytes = self.group.iter().skip(first).take(3).rev();
        let word = bytes.fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        let code = word >> (self.at % 8) & ((1_usize << bits) - 1);
        self.at = self.at.saturating_add(bits);
        Ok(Some(code))
    }

    /// From now on codes have so many bits, in a new group.
    fn set_bits(&mut self, bits: u32) {
        self.bits = bits;
        self.group.clear();
        self.at = 0;
    }
}

/// Codes above those of single bytes: that before the last byte, and it.
struct Table {
    before: Vec<u16>,
    last: Vec<u8>,
}

struct Lzw<'i, 'r> {
    codes: Codes<'i, 'r>,
    max_bits: u32,
    has_blocks: bool,
    table: Table,
    /// The code before, and the first byte of its text.
    old: Option<(usize, u8)>,
    /// What is to be given, the last byte first.
    text: Vec<u8>,
    _loan: Loan,
}

impl Read for Lzw<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        for byte in bytes {
            while self.text.is_empty() {
                if !self.step()? {
                    return Ok(filled);
                }
            }
            *byte = self.text.pop().unwrap_or_default();
            filled += 1;
        }
        Ok(filled)
    }
}

impl Lzw<'_, '_> {
    /// The number of the next code: 256 is none where the table can be cleared.
    fn free(&self) -> usize {
        let first = if self.has_blocks { CLEAR + 1 } else { CLEAR };
        first.saturating_add(self.table.last.len())
    }

    /// Reads a code; false at the end.
    fn step(&mut self) -> io::Result<bool> {
        let bits = self.codes.bits;
        // Full for so many bits: the next code has more.
        if bits < self.max_bits && self.free() > (1_usize << bits) - 1 {
            self.codes.set_bits(bits.saturating_add(1));
        }
        let Some(code) = self.codes.next()? else { return Ok(false) };
        if code == CLEAR && self.has_blocks {
            self.table.before.clear();
            self.table.last.clear();
            self.codes.set_bits(FIRST_BITS);
            self.old = None;
            return Ok(true);
        }
        let Some((old, first)) = self.old else {
            let byte = u8::try_from(code).map_err(|_| damaged())?;
            self.text.push(byte);
            self.old = Some((code, byte));
            return Ok(true);
        };
        let free = self.free();
        let mut at = code;
        if code >= free {
            // Only the one that is being made: what was before, and its first byte again.
            if code > free {
                return Err(damaged());
            }
            self.text.push(first);
            at = old;
        }
        while at >= CLEAR {
            let index = at - if self.has_blocks { CLEAR + 1 } else { CLEAR };
            let (before, last) = (self.table.before.get(index), self.table.last.get(index));
            let (Some(before), Some(last)) = (before, last) else { return Err(damaged()) };
            self.text.push(*last);
            at = usize::from(*before);
        }
        let byte = u8::try_from(at).map_err(|_| damaged())?;
        self.text.push(byte);
        if free < 1_usize << self.max_bits {
            self.table.before.push(u16::try_from(old).map_err(|_| damaged())?);
            self.table.last.push(byte);
        }
        self.old = Some((code, byte));
        Ok(true)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a code is not in the table")
}
