//! Which groups of 8 bytes are of base64's alphabet: how long runs of it are found
//! at the speed of memory.

use crate::scan::decode::base64::is_member;

/// Bytes of a lane.
pub(crate) const LANE: usize = 8;
/// Bytes that one word of lanes covers.
pub(crate) const WORD: usize = 64 * LANE;

/// One bit for each lane of `text`, set where all of its bytes are of the alphabet.
pub(super) fn portable(text: &[u8], words: &mut [u64]) {
    for (bytes, word) in text.chunks(WORD).zip(words) {
        *word = lanes(bytes);
    }
}

/// Of at most [`WORD`] bytes.
pub(super) fn lanes(bytes: &[u8]) -> u64 {
    let full = bytes.chunks_exact(LANE).map(|lane| lane.iter().all(|byte| is_member(*byte)));
    full.enumerate().fold(0, |word, (number, full)| word | u64::from(full) << number)
}

#[cfg(test)]
mod tests {
    use super::super::{Kernel, Prefilter};
    use super::*;

    #[test]
    fn every_kernel_sees_the_same_lanes() {
        let mut state = 1_u64;
        let mut text: Vec<u8> = (0..5003)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                b"AZaz09+/"[usize::try_from(state >> 61).expect("small")]
            })
            .collect();
        // Every byte once, in the middle of members.
        for byte in 0..=255_u8 {
            text[usize::from(byte) * 17 + 5] = byte;
        }
        let windows = [crate::scan::windows::Window { bytes: *b"abcd", len: 4, fold: false }];
        let mut expected = [0; 10];
        portable(&text, &mut expected);
        assert!(expected[0].count_ones() > 5 && expected[0].count_ones() < 60);
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
            let mut words = [0; 10];
            Prefilter::new(&windows, kernel).lanes(&text, &mut words);
            assert_eq!(words, expected, "{}", kernel.name());
        }
    }
}
