//! Which groups of 8 bytes may be base64 of text: how long stretches of it are found
//! at the speed of memory.
//!
//! In the base64 (RFC 4648) of bytes below 128, of each four characters the first
//! stands for 0 to 31, the value of the second has no bit of 8, that of the third no
//! bit of 2. Of other strings of the alphabet, such as words, paths and digests, one
//! group of 8 in 16 looks so at one of the four places where the first may stand, and
//! three groups in a row next to none.

/// Bytes of a lane.
pub(crate) const LANE: usize = 8;
/// Bytes that one word of lanes covers.
pub(crate) const WORD: usize = 64 * LANE;

/// For each byte what it cannot be: not of the alphabet (0x80), not the first, the
/// second, the third of four (1, 2, 4).
/// (Made by the compiler, which refuses an index that is out of bounds.)
pub(super) const UNFIT: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut unfit = [0xff; 256];
    let mut value = 0;
    while value < 64 {
        let first = (value >= 32) as u8;
        let second = (value & 8 != 0) as u8;
        let third = (value & 2 != 0) as u8;
        unfit[alphabet[value] as usize] = first | second << 1 | third << 2;
        value += 1;
    }
    unfit
};

/// For each place of the first of four what the bytes of a lane must not be.
pub(super) const PHASES: [u64; 4] = {
    let mut phases = [0; 4];
    let mut phase = 0;
    while phase < 4 {
        let mut lane = [0x80; LANE];
        let mut at = 0;
        while at < LANE {
            lane[at] |= [1, 2, 4, 0][(at + 4 - phase) % 4];
            at += 1;
        }
        phases[phase] = u64::from_le_bytes(lane);
        phase += 1;
    }
    phases
};

/// Whether a lane may be base64 of text, wherever the first of four stands.
fn fits(lane: [u8; LANE]) -> bool {
    let unfit = u64::from_le_bytes(lane.map(|byte| UNFIT[usize::from(byte)]));
    PHASES.iter().any(|phase| unfit & phase == 0)
}

/// One bit for each lane of `text`, set where it fits.
pub(super) fn portable(text: &[u8], words: &mut [u64]) {
    for (bytes, word) in text.chunks(WORD).zip(words) {
        *word = lanes(bytes);
    }
}

/// Of at most [`WORD`] bytes.
pub(super) fn lanes(bytes: &[u8]) -> u64 {
    let lanes = bytes.as_chunks::<LANE>().0.iter().enumerate();
    lanes.fold(0, |word, (number, lane)| word | u64::from(fits(*lane)) << number)
}

/// Of lanes that are of the alphabet, one bit each, those that fit; of a lane alone
/// inside the word nothing is said.
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "for kernels that see the alphabet only"))]
pub(super) fn refine(bytes: &[u8; WORD], members: u64) -> u64 {
    let edges = 1 | 1 << 63;
    let mut left = members & (members << 1 | members >> 1 | edges);
    let mut word = 0;
    while left != 0 {
        let number = left.trailing_zeros();
        left &= left - 1;
        let lane = bytes.as_chunks::<LANE>().0.get(usize::try_from(number).unwrap_or(0));
        word |= u64::from(lane.is_some_and(|lane| fits(*lane))) << number;
    }
    word
}

/// The lanes that are the third or a later one in a row; `before` is the word before.
#[inline]
pub(crate) fn thirds(word: u64, before: u64) -> u64 {
    word & (word << 1 | before >> 63) & (word << 2 | before >> 62)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::super::{Kernel, Prefilter};
    use super::*;

    #[test]
    fn text_fits_and_other_strings_do_not() {
        let text = "listen 8080;\n# of the shop\npassword = \"Kd93lqWzRt5v\"\r\n\t{ok}~ AZ az 09";
        for shift in 0..4 {
            let code = "=".repeat(shift) + &base64::engine::general_purpose::STANDARD_NO_PAD.encode(text);
            let word = lanes(code.as_bytes());
            let whole = (code.len() / LANE) - usize::from(shift > 0);
            assert_eq!(word.count_ones(), u32::try_from(whole).expect("small"), "{shift}");
        }
        for other in [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "getElementsByClassNameAndAttributeValueOrDefaultOfTheNextSibling",
            "usr/share/doc/packages/some/where/else/and/further/down/the/tree",
        ] {
            assert_eq!(thirds(lanes(other.as_bytes()), 0), 0, "{other}");
        }
    }

    #[test]
    fn every_kernel_sees_the_same_lanes() {
        let mut state = 1_u64;
        let mut text: Vec<u8> = (0..5003)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                b"AAAAAAAAABQz09+/"[usize::try_from(state >> 60).expect("small")]
            })
            .collect();
        // Every byte once, in the middle of members.
        for byte in 0..=255_u8 {
            text[usize::from(byte) * 17 + 5] = byte;
        }
        let windows = [crate::scan::windows::Window { bytes: *b"abcd", len: 4, fold: false }];
        let row = |words: [u64; 10]| {
            let mut before = 0;
            words.map(|word| thirds(word, std::mem::replace(&mut before, word)))
        };
        let mut expected = [0; 10];
        portable(&text, &mut expected);
        let number: u32 = row(expected).iter().map(|word| word.count_ones()).sum();
        assert!(number > 0 && number < 600, "{number}");
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
            let mut words = [0; 10];
            Prefilter::new(&windows, kernel).lanes(&text, &mut words);
            assert_eq!(row(words), row(expected), "{}", kernel.name());
        }
    }
}
