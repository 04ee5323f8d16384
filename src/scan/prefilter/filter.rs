//! Which of a kernel's candidates have the bytes of a window, nearly: one bit for a hash
//! of four bytes.
//!
//! The bytes of a window are known only as sets, one for each place, so that most
//! candidates of many windows are none. Telling that takes a multiplication and a bit
//! in the first-level cache, without a branch.

use super::super::windows::{FOLD, Window};

/// log2 of the words of the table: 16 KiB, half of a first-level cache.
const BITS: u32 = 12;
const WORDS: usize = 1 << BITS;

/// One word for a hash of the first three bytes, in it one bit for the fourth.
pub(crate) struct Filter {
    words: [u32; WORDS],
}

impl Filter {
    pub(crate) fn new(windows: &[Window]) -> Self {
        let mut words = [0_u32; WORDS];
        for window in windows {
            let (slot, bit) = place(window.key());
            if let Some(word) = words.get_mut(slot) {
                *word |= if window.len == 3 { u32::MAX } else { 1 << bit };
            }
        }
        Self { words }
    }

    /// Whether a window may stand where these four bytes do (little endian).
    #[inline(always)]
    pub(crate) fn passes(&self, word: u32) -> bool {
        let (slot, bit) = place(word | FOLD);
        self.words.get(slot).copied().unwrap_or(0) >> bit & 1 != 0
    }
}

/// Fibonacci hashing: the high bits of the product are well mixed. The slot is one of
/// the table's, which spares the test whether it is. Five bits of the fourth byte tell
/// letters apart.
#[inline(always)]
fn place(key: u32) -> (usize, u32) {
    let hash = (key << 8).wrapping_mul(0x9e37_79b1) >> (32 - BITS);
    (usize::try_from(hash).unwrap_or(0) % WORDS, key >> 24 & 31)
}
