//! Bits and Huffman codes as XPRESS and LZX have them: words of 16 bits, the lowest
//! byte first, whose highest bit comes first; canonical codes of at most 16 bits.

use crate::source::bytes::{array, u8_at, u16_le};

/// Codes of at most so many bits are looked up at once.
const FAST: u32 = 10;
/// The longest code.
const LONGEST: usize = 16;

/// Reads bits; after the end come zeros.
#[derive(Debug)]
pub(super) struct Bits<'b> {
    bytes: &'b [u8],
    next: usize,
    /// The bits that were loaded, the next one highest.
    held: u32,
    left: u32,
}

impl<'b> Bits<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, next: 0, held: 0, left: 0 }
    }

    /// Loads a word where fewer than 16 bits are there. Bytes that stand between words
    /// (see [`Self::byte`]) come after those that were loaded.
    fn load(&mut self) {
        if self.left < 16 {
            let word = u16_le(self.bytes, self.next).unwrap_or(0);
            self.held |= u32::from(word) << (16 - self.left);
            self.left += 16;
            self.next = self.next.saturating_add(2);
        }
    }

    /// The next bits, at most 16, as a number.
    pub(super) fn take(&mut self, count: u32) -> usize {
        self.load();
        let count = count.min(16);
        let number = self.held.checked_shr(32 - count).unwrap_or(0);
        self.skip(count);
        usize::try_from(number).unwrap_or(0)
    }

    fn skip(&mut self, count: u32) {
        self.held <<= count;
        self.left = self.left.saturating_sub(count);
    }

    /// The byte after the words that were loaded, when 16 bits are there.
    pub(super) fn byte(&mut self) -> Option<u8> {
        self.load();
        let byte = u8_at(self.bytes, self.next)?;
        self.next += 1;
        Some(byte)
    }

    /// As [`Self::byte`], two of them.
    pub(super) fn pair(&mut self) -> Option<u16> {
        self.load();
        let pair = u16_le(self.bytes, self.next)?;
        self.next += 2;
        Some(pair)
    }

    /// Leaves out bits up to the next word, a whole word where one begins here, and
    /// gives the bytes from there on.
    pub(super) fn align(&mut self) -> Option<&'b [u8]> {
        self.load();
        let padding = if self.left.is_multiple_of(16) { 16 } else { self.left % 16 };
        self.skip(padding);
        let loaded = usize::try_from(self.left / 8).ok()?;
        self.next = self.next.checked_sub(loaded)?;
        (self.held, self.left) = (0, 0);
        self.bytes.get(self.next..)
    }

    /// Goes on after so many bytes.
    pub(super) fn advance(&mut self, count: usize) {
        self.next = self.next.saturating_add(count);
    }

    /// Whether bits were taken that are not there.
    pub(super) fn is_past_end(&self) -> bool {
        let loaded = usize::try_from(self.left / 8).unwrap_or(0);
        self.next.saturating_sub(loaded) > self.bytes.len().next_multiple_of(2)
    }
}

/// A canonical code: shorter codes first, codes of a length in the order of symbols.
#[derive(Debug)]
pub(super) struct Code {
    /// By the next `FAST` bits: symbol and length; length 0 where the code is longer.
    fast: Vec<(u16, u8)>,
    /// How many codes there are of each length.
    counts: [u32; LONGEST + 1],
    /// The symbols in the order of their codes.
    symbols: Vec<u16>,
}

impl Code {
    /// The code whose symbols have these lengths, 0 for none.
    ///
    /// # Errors
    ///
    /// More codes than there is room for.
    pub(super) fn new(lengths: &[u8]) -> Result<Self, &'static str> {
        const DAMAGED: &str = "the code of compressed data has too many symbols";
        let mut counts = [0_u32; LONGEST + 1];
        for length in lengths {
            *counts.get_mut(usize::from(*length)).ok_or(DAMAGED)? += 1;
        }
        counts[0] = 0;
        let mut room: u32 = 1;
        for count in counts.iter().skip(1) {
            room = (room << 1).checked_sub(*count).ok_or(DAMAGED)?;
        }
        let mut symbols: Vec<(u8, u16)> =
            lengths.iter().copied().zip(0..).filter(|(length, _)| *length > 0).collect();
        symbols.sort_unstable();
        let mut fast = Vec::with_capacity(1 << FAST);
        for (length, symbol) in &symbols {
            let Some(spare) = FAST.checked_sub(u32::from(*length)) else { break };
            fast.resize(fast.len() + (1 << spare), (*symbol, *length));
        }
        fast.resize(1 << FAST, (0, 0));
        Ok(Self { fast, counts, symbols: symbols.into_iter().map(|(_, symbol)| symbol).collect() })
    }

    /// The next symbol.
    ///
    /// # Errors
    ///
    /// Bits that are no symbol's code.
    pub(super) fn next(&self, bits: &mut Bits<'_>) -> Result<usize, &'static str> {
        bits.load();
        let look = usize::try_from(bits.held >> (32 - FAST)).unwrap_or(0);
        if let Some((symbol, length)) = self.fast.get(look)
            && *length > 0
        {
            bits.skip(u32::from(*length));
            return Ok(usize::from(*symbol));
        }
        // The codes of a length are consecutive numbers.
        let (mut code, mut first, mut before) = (0_u32, 0_u32, 0_u32);
        for (length, count) in (1..).zip(self.counts.iter().skip(1)) {
            code = code << 1 | bits.held >> (32 - length) & 1;
            let within = code.wrapping_sub(first);
            if within < *count {
                bits.skip(length);
                let symbol = usize::try_from(before + within).ok().and_then(|at| self.symbols.get(at));
                return symbol.copied().map(usize::from).ok_or("compressed data has a code of no symbol");
            }
            before += count;
            first = (first + count) << 1;
        }
        Err("compressed data has a code of no symbol")
    }
}

/// A number of four bytes.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(array(bytes, at)?)).ok()
}
