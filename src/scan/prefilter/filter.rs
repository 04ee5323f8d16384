//! Which of a kernel's candidates have the bytes of a window, nearly: one bit for a hash
//! of four bytes.
//!
//! The bytes of a window are known only as sets, one for each place, so that most
//! candidates of many windows are none. Telling that takes a multiplication and a bit
//! in the first-level cache, without a branch.

use super::super::windows::{FOLD, Window};

/// log2 of the bits of a table: 16 KiB.
const BITS: u32 = 17;
/// Its words of 64 bits.
const WORDS: usize = 1 << (BITS - 6);

/// The hashes of windows.
pub(crate) struct Filter {
    four: [u64; WORDS],
    three: [u64; WORDS],
}

impl Filter {
    pub(crate) fn new(windows: &[Window]) -> Self {
        let table = |len: u8| {
            let mut table = [0_u64; WORDS];
            for window in windows.iter().filter(|window| window.len == len) {
                let (slot, bit) = place(window.key());
                if let Some(word) = table.get_mut(slot) {
                    *word |= 1 << bit;
                }
            }
            table
        };
        Self { four: table(4), three: table(3) }
    }

    /// Whether a window may stand where these four bytes do (little endian).
    #[inline(always)]
    pub(crate) fn passes(&self, word: u32) -> bool {
        let bit = |table: &[u64; WORDS], key: u32| {
            let (slot, bit) = place(key);
            table.get(slot).copied().unwrap_or(0) >> bit & 1
        };
        let key = word | FOLD;
        bit(&self.four, key) | bit(&self.three, key & 0x00ff_ffff) != 0
    }
}

/// Fibonacci hashing: the high bits of the product are well mixed. The slot is one of
/// a table's, which spares the test whether it is.
#[inline(always)]
fn place(key: u32) -> (usize, u32) {
    let hash = key.wrapping_mul(0x9e37_79b1) >> (32 - BITS);
    (usize::try_from(hash >> 6).unwrap_or(0) % WORDS, hash % 64)
}
