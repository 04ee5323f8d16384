//! LZX with a window of 32 KiB, as files are compressed with it as a whole: [MS-PATCH],
//! section 2, with the differences of WIM images: chunks stand alone, a block is 32 KiB
//! or has a size of 16 bits, and calls of x86 code were always translated.

use super::bits::{Bits, Code, word};
use super::lznt1::copy_within;

/// Distances of a window of 32 KiB fall into so many classes.
const CLASSES: usize = 30;
const MAIN_SYMBOLS: usize = 256 + 8 * CLASSES;
const LENGTH_SYMBOLS: usize = 249;
/// A block that says nothing of its size.
const BLOCK: usize = 32 << 10;
/// The size of file for which calls were translated, whatever its real size.
const TRANSLATED: i32 = 12_000_000;

const CUT: &str = "a chunk of compressed data is cut short";
const DAMAGED: &str = "a block of compressed data makes no sense";

/// Decodes a chunk to exactly `size` bytes.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn decode(stored: &[u8], size: usize) -> Result<Vec<u8>, &'static str> {
    let mut state = State {
        bits: Bits::new(stored),
        chunk: vec![0; size],
        to: 0,
        recent: [1; 3],
        main: [0; MAIN_SYMBOLS],
        lengths: [0; LENGTH_SYMBOLS],
    };
    while state.to < size {
        state.block()?;
    }
    translate(&mut state.chunk);
    Ok(state.chunk)
}

#[derive(Debug)]
struct State<'s> {
    bits: Bits<'s>,
    chunk: Vec<u8>,
    to: usize,
    /// Distances that were used last.
    recent: [usize; 3],
    /// Lengths of the codes of the block before, to which the next ones are differences.
    main: [u8; MAIN_SYMBOLS],
    lengths: [u8; LENGTH_SYMBOLS],
}

impl State<'_> {
    fn block(&mut self) -> Result<(), &'static str> {
        let kind = self.bits.take(3);
        let size = if self.bits.take(1) == 1 { BLOCK } else { self.bits.take(16) };
        if self.bits.is_past_end() {
            return Err(CUT);
        }
        let end = self.to + size;
        if size == 0 || end > self.chunk.len() {
            return Err(DAMAGED);
        }
        match kind {
            1 => self.compressed(end, None),
            2 => {
                let mut lengths = [0; 8];
                for length in &mut lengths {
                    *length = small(self.bits.take(3));
                }
                let aligned = Code::new(&lengths)?;
                self.compressed(end, Some(&aligned))
            }
            3 => self.uncompressed(end),
            _ => Err(DAMAGED),
        }
    }

    fn uncompressed(&mut self, end: usize) -> Result<(), &'static str> {
        let rest = self.bits.align().ok_or(CUT)?;
        for (at, recent) in [0, 4, 8].into_iter().zip(&mut self.recent) {
            *recent = word(rest, at).ok_or(CUT)?;
        }
        let length = end - self.to;
        let from = rest.get(12..12 + length).ok_or(CUT)?;
        self.chunk.get_mut(self.to..end).ok_or(DAMAGED)?.copy_from_slice(from);
        self.to = end;
        self.bits.advance(12 + length.next_multiple_of(2));
        Ok(())
    }

    fn compressed(&mut self, end: usize, aligned: Option<&Code>) -> Result<(), &'static str> {
        let (literals, copies) = self.main.split_at_mut(256);
        read_lengths(&mut self.bits, literals)?;
        read_lengths(&mut self.bits, copies)?;
        read_lengths(&mut self.bits, &mut self.lengths)?;
        let (main, lengths) = (Code::new(&self.main)?, Code::new(&self.lengths)?);
        while self.to < end {
            let symbol = main.next(&mut self.bits)?;
            if self.bits.is_past_end() {
                return Err(CUT);
            }
            let Some(copy) = symbol.checked_sub(256) else {
                *self.chunk.get_mut(self.to).ok_or(DAMAGED)? = small(symbol);
                self.to += 1;
                continue;
            };
            let mut length = (copy & 7) + 2;
            if copy & 7 == 7 {
                length += lengths.next(&mut self.bits)?;
            }
            let distance = self.distance(copy >> 3, aligned)?;
            if self.to + length > end {
                return Err(DAMAGED);
            }
            copy_within(&mut self.chunk, self.to, distance, length)?;
            self.to += length;
        }
        Ok(())
    }

    /// The distance of a class: one of the last three, or one with further bits.
    fn distance(&mut self, class: usize, aligned: Option<&Code>) -> Result<usize, &'static str> {
        if class < 3 {
            self.recent.swap(0, class);
            return Ok(self.recent[0]);
        }
        // Two classes for each number of bits, from class 2 on.
        let extra = class / 2 - 1;
        let base = (2 + (class & 1)) << extra;
        let extra_bits = u32::try_from(extra).unwrap_or(0);
        let more = match aligned {
            Some(aligned) if extra >= 3 => {
                let high = self.bits.take(extra_bits - 3) << 3;
                high + aligned.next(&mut self.bits)?
            }
            _ => self.bits.take(extra_bits),
        };
        let distance = base + more - 2;
        self.recent = [distance, self.recent[0], self.recent[1]];
        Ok(distance)
    }
}

/// A number below 256.
fn small(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(0)
}

/// Reads the lengths of a code as differences to those before, which have a code of
/// their own.
fn read_lengths(bits: &mut Bits<'_>, lengths: &mut [u8]) -> Result<(), &'static str> {
    let mut own = [0; 20];
    for length in &mut own {
        *length = small(bits.take(4));
    }
    let code = Code::new(&own)?;
    let mut at = 0;
    while let Some(before) = lengths.get(at).copied() {
        let symbol = code.next(bits)?;
        if bits.is_past_end() {
            return Err(CUT);
        }
        let changed = |symbol: usize| small((usize::from(before) + 17 - symbol.min(17)) % 17);
        let (count, length) = match symbol {
            17 => (4 + bits.take(4), 0),
            18 => (20 + bits.take(5), 0),
            19 => {
                let count = 4 + bits.take(1);
                let symbol = code.next(bits)?;
                if symbol > 16 {
                    return Err(DAMAGED);
                }
                (count, changed(symbol))
            }
            symbol => (1, changed(symbol)),
        };
        // A run may reach past the end.
        let end = (at + count).min(lengths.len());
        lengths.get_mut(at..end).ok_or(DAMAGED)?.fill(length);
        at = end;
    }
    Ok(())
}

/// Undoes the translation of calls in x86 code: from the address that is called to the
/// distance to it.
fn translate(chunk: &mut [u8]) {
    // The last ten bytes were left as they are.
    let Some(last) = chunk.len().checked_sub(10) else { return };
    let mut at = 0;
    while at < last {
        let found = chunk.get(at..last).and_then(|rest| rest.iter().position(|byte| *byte == 0xe8));
        let Some(found) = found else { return };
        at += found;
        let place = i32::try_from(at).unwrap_or(i32::MAX);
        if let Some(bytes) = chunk.get_mut(at + 1..at + 5)
            && let Ok(four) = <[u8; 4]>::try_from(&*bytes)
        {
            let address = i32::from_le_bytes(four);
            if address >= -place && address < TRANSLATED {
                let distance = if address >= 0 { address - place } else { address + TRANSLATED };
                bytes.copy_from_slice(&distance.to_le_bytes());
            }
        }
        at += 5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_bytes_end(stored: Vec<u8>) {
            if let Ok(decoded) = decode(&stored, 32768) {
                assert_eq!(decoded.len(), 32768);
            }
        }
    }
}
