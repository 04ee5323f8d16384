//! LZO1X, decoded.
//!
//! Specification: Linux, Documentation/staging/lzo.rst, "LZO stream format as
//! understood by Linux's LZO decompressor"; bitstream version 0.

use crate::source::bytes::u16_le;

/// Literals that the last instruction copied, as far as the next one must know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    None,
    /// One to three.
    Few,
    Run,
}

/// What is read and what is made; no byte is made past the limit.
struct Decoder<'d> {
    input: &'d [u8],
    out: &'d mut Vec<u8>,
    /// Where this block begins in `out`, and where it must end.
    start: usize,
    limit: usize,
}

/// Adds what a block holds, at most `room` bytes. `None`: it is damaged.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>, room: usize) -> Option<()> {
    let (start, limit) = (out.len(), out.len().checked_add(room)?);
    Decoder { input, out, start, limit }.run()
}

impl Decoder<'_> {
    fn run(&mut self) -> Option<()> {
        let mut state = State::None;
        let first = usize::from(*self.input.first()?);
        if first > 17 {
            self.byte()?;
            self.literals(first - 17)?;
            state = if first - 17 < 4 { State::Few } else { State::Run };
        }
        // Each instruction takes a byte of the input at least.
        loop {
            let code = self.byte()?;
            let (length, distance, literals) = match code {
                0..=15 if state == State::None => {
                    let length = self.length(code, 15)?.checked_add(3)?;
                    self.literals(length)?;
                    state = State::Run;
                    continue;
                }
                0..=15 => {
                    let distance = (self.byte()? << 2) + (code >> 2);
                    if state == State::Run { (3, distance + 2049, code) } else { (2, distance + 1, code) }
                }
                16..=31 => {
                    let length = self.length(code & 7, 7)?.checked_add(2)?;
                    let word = self.word()?;
                    let distance = 16384 + ((code & 8) << 11) + (word >> 2);
                    if distance == 16384 {
                        // The end; nothing may follow.
                        return self.input.is_empty().then_some(());
                    }
                    (length, distance, word)
                }
                32..=63 => {
                    let length = self.length(code & 31, 31)?.checked_add(2)?;
                    let word = self.word()?;
                    (length, (word >> 2) + 1, word)
                }
                64..=127 => {
                    let distance = (self.byte()? << 3) + ((code >> 2) & 7) + 1;
                    (3 + ((code >> 5) & 1), distance, code)
                }
                _ => {
                    let distance = (self.byte()? << 3) + ((code >> 2) & 7) + 1;
                    (5 + ((code >> 5) & 3), distance, code)
                }
            };
            self.copy(length, distance)?;
            let literals = literals & 3;
            self.literals(literals)?;
            state = if literals == 0 { State::None } else { State::Few };
        }
    }

    fn byte(&mut self) -> Option<usize> {
        let (first, rest) = self.input.split_first()?;
        self.input = rest;
        Some(usize::from(*first))
    }

    fn word(&mut self) -> Option<usize> {
        let word = u16_le(self.input, 0)?;
        self.input = self.input.get(2..)?;
        Some(usize::from(word))
    }

    /// A length that goes on in further bytes where its bits are zero.
    fn length(&mut self, bits: usize, base: usize) -> Option<usize> {
        if bits != 0 {
            return Some(bits);
        }
        let mut length = base;
        loop {
            match self.byte()? {
                0 => length = length.checked_add(255)?,
                last => return length.checked_add(last),
            }
        }
    }

    fn literals(&mut self, length: usize) -> Option<()> {
        let literals = self.input.get(..length)?;
        if length > self.limit.checked_sub(self.out.len())? {
            return None;
        }
        self.out.extend_from_slice(literals);
        self.input = self.input.get(length..)?;
        Some(())
    }

    fn copy(&mut self, length: usize, distance: usize) -> Option<()> {
        let from = self.out.len().checked_sub(distance).filter(|from| *from >= self.start)?;
        if length > self.limit.checked_sub(self.out.len())? {
            return None;
        }
        if distance >= length {
            self.out.extend_from_within(from..from + length);
            return Some(());
        }
        // What is copied may be what was just made: the pattern repeats.
        let mut left = length;
        while left > 0 {
            let part = left.min(self.out.len() - from);
            self.out.extend_from_within(from..from + part);
            left -= part;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(input: &[u8], room: usize) -> Option<Vec<u8>> {
        let mut out = b"before".to_vec();
        decode(input, &mut out, room)?;
        Some(out.split_off(6))
    }

    #[test]
    fn literals_and_matches() {
        let end = [0x11, 0, 0];
        assert_eq!(decoded(&[&[21], &b"abcd"[..], &end].concat(), 4).as_deref(), Some(&b"abcd"[..]));
        assert_eq!(decoded(&[&[21], &b"abcd"[..], &end].concat(), 3), None);
        // Distance 4, length 5, then a literal.
        let pattern = [&[21], &b"abcd"[..], &[0x80 | 3 << 2 | 1, 0, b'!'], &end].concat();
        assert_eq!(decoded(&pattern, 100).as_deref(), Some(&b"abcdabcda!"[..]));
        // A long run: 3 + 15 + 2.
        let run = [&[0, 2], &[b'x'; 20][..], &end].concat();
        assert_eq!(decoded(&run, 100).as_deref(), Some(&[b'x'; 20][..]));
        // A match of 2 + 31 + 255 + 1 bytes at distance 1.
        let long = [&[18, b'y', 0x20, 0, 1, 0, 0], &end[..]].concat();
        assert_eq!(decoded(&long, 1000).as_deref(), Some(&[b'y'; 290][..]));
    }

    #[test]
    fn nothing_before_the_block_is_copied_and_nothing_may_follow_its_end() {
        assert_eq!(decoded(&[18, b'y', 0x40 | 1 << 2, 0, 0x11, 0, 0], 100), None);
        assert_eq!(decoded(&[18, b'y', 0x11, 0, 0, 0], 100), None);
        assert_eq!(decoded(&[18, b'y'], 100), None);
        assert_eq!(decoded(&[], 100), None);
    }
}
