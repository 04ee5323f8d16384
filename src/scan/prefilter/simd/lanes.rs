//! The lanes of base64 with vectors.

use std::arch::x86_64::{
    __m512i, _mm256_and_si256, _mm256_castsi256_pd, _mm256_cmpeq_epi8, _mm256_cmpeq_epi64,
    _mm256_movemask_pd, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
    _mm512_permutex2var_epi8, _mm512_set1_epi8, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_ternarylogic_epi64, _mm512_testn_epi64_mask,
};

use super::x86::{load256, load512};
use crate::scan::prefilter::lanes::{PHASES, UNFIT, WORD, lanes, refine, thirds};

/// One exact 7-bit look-up for 64 bytes and one test tell the lanes of the alphabet;
/// words in which three are in a row, one in four, are looked at for each phase.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) fn avx512(text: &[u8], words: &mut [u64]) {
    let half = |from: usize| {
        let bytes = UNFIT.get(from..).and_then(|rest| rest.first_chunk::<64>());
        bytes.map_or(_mm512_setzero_si512(), |bytes| load512(bytes))
    };
    let (low, high) = (half(0), half(64));
    let sign = _mm512_set1_epi8(i8::MIN);
    // A byte of 128 or more is none of the alphabet: a OR (b AND c).
    let unfit = |block: __m512i| {
        let unfit = _mm512_permutex2var_epi8(low, block, high);
        _mm512_ternarylogic_epi64::<0xf8>(unfit, block, sign)
    };
    let phases = PHASES.map(|phase| _mm512_set1_epi64(phase.cast_signed()));
    let mut before = 0;
    for (bytes, word) in text.chunks(WORD).zip(words) {
        let Some(bytes) = bytes.first_chunk::<WORD>() else {
            *word = lanes(bytes);
            continue;
        };
        let blocks = bytes.as_chunks::<64>().0;
        let mut members = 0_u64;
        for (step, block) in blocks.iter().enumerate() {
            members |= u64::from(_mm512_testn_epi64_mask(unfit(load512(block)), sign)) << (8 * step);
        }
        let row = thirds(members, before);
        before = members;
        if row == 0 {
            // The last two may be the first of three.
            *word = refine(bytes, members & EDGE);
            continue;
        }
        let mut fit = 0_u64;
        for (step, block) in blocks.iter().enumerate() {
            let unfit = unfit(load512(block));
            let [a, b, c, d] = phases.map(|phase| _mm512_testn_epi64_mask(unfit, phase));
            fit |= u64::from(a | b | c | d) << (8 * step);
        }
        *word = fit;
    }
}

/// The lanes of a word that the next word's may follow.
const EDGE: u64 = 3 << 62;

/// Bits of the rows of the code table that have members, by high nibble.
const ROWS: [u8; 16] = [0, 0, 1, 2, 4, 8, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0];
/// In which of these rows a low nibble is a member.
const COLUMNS: [u8; 16] = {
    let mut columns = [0; 16];
    let mut low = 0;
    while low < 16 {
        let plus_or_slash = low == 11 || low == 15;
        columns[low] = plus_or_slash as u8
            | ((low <= 9) as u8) << 1
            | ((low >= 1) as u8) << 2
            | ((low <= 10) as u8) << 3;
        low += 1;
    }
    columns
};

/// Two look-ups of nibbles for 32 bytes, and one comparison of 4 lanes, tell the
/// alphabet; the few lanes that are of it are looked at one by one.
#[target_feature(enable = "avx2")]
pub(super) fn avx2(text: &[u8], words: &mut [u64]) {
    let twice = |table: &[u8; 16]| {
        let mut both = [0; 32];
        both.chunks_exact_mut(16).for_each(|half| half.copy_from_slice(table));
        load256(&both)
    };
    let (rows, columns) = (twice(&ROWS), twice(&COLUMNS));
    let (fifteen, zero) = (_mm256_set1_epi8(15), _mm256_setzero_si256());
    for (bytes, word) in text.chunks(WORD).zip(words) {
        let Some(bytes) = bytes.first_chunk::<WORD>() else {
            *word = lanes(bytes);
            continue;
        };
        let mut full = 0_u64;
        for (step, block) in bytes.as_chunks::<32>().0.iter().enumerate() {
            let block = load256(block);
            let row = _mm256_shuffle_epi8(rows, _mm256_and_si256(_mm256_srli_epi16::<4>(block), fifteen));
            let column = _mm256_shuffle_epi8(columns, _mm256_and_si256(block, fifteen));
            let stranger = _mm256_cmpeq_epi8(_mm256_and_si256(row, column), zero);
            // A byte of 128 or more has no row.
            let lanes = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(stranger, zero)));
            full |= u64::from(lanes.cast_unsigned() & 15) << (4 * step);
        }
        *word = refine(bytes, full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::decode::base64::is_member;

    #[test]
    fn tables_are_those_of_the_alphabet() {
        for byte in 0..=255_u8 {
            let (row, column) = (ROWS[usize::from(byte >> 4)], COLUMNS[usize::from(byte & 15)]);
            assert_eq!(row & column != 0, is_member(byte), "{byte}");
        }
    }
}
