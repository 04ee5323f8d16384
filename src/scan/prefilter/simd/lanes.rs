//! The lanes of base64's alphabet with vectors.

use std::arch::x86_64::{
    _mm256_and_si256, _mm256_castsi256_pd, _mm256_cmpeq_epi8, _mm256_cmpeq_epi64, _mm256_movemask_pd,
    _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16, _mm512_and_si512,
    _mm512_andnot_si512, _mm512_cmpeq_epi64_mask, _mm512_permutex2var_epi8, _mm512_set1_epi8,
    _mm512_setzero_si512,
};

use super::x86::{load256, load512};
use crate::scan::prefilter::lanes::{WORD, lanes};

/// 0x80 for each member below 128.
const MEMBERS: [u8; 128] = {
    let mut members = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        let is = matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/');
        members[byte as usize] = if is { 0x80 } else { 0 };
        byte += 1;
    }
    members
};

/// One exact 7-bit look-up for 64 bytes, and one comparison of 8 lanes.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) fn avx512(text: &[u8], words: &mut [u64]) {
    let (low, high) = MEMBERS.split_at(64);
    let [low, high] =
        [low, high].map(|half| half.first_chunk::<64>().map_or(_mm512_setzero_si512(), |b| load512(b)));
    let sign = _mm512_set1_epi8(i8::MIN);
    for (bytes, word) in text.chunks(WORD).zip(words) {
        if bytes.len() < WORD {
            *word = lanes(bytes);
            continue;
        }
        let mut full = 0_u64;
        for (step, block) in bytes.as_chunks::<64>().0.iter().enumerate() {
            let block = load512(block);
            let member = _mm512_permutex2var_epi8(low, block, high);
            let member = _mm512_and_si512(_mm512_andnot_si512(block, member), sign);
            full |= u64::from(_mm512_cmpeq_epi64_mask(member, sign)) << (8 * step);
        }
        *word = full;
    }
}

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

/// Two look-ups of nibbles for 32 bytes, and one comparison of 4 lanes.
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
        if bytes.len() < WORD {
            *word = lanes(bytes);
            continue;
        }
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
        *word = full;
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
            let exact = byte < 128 && MEMBERS[usize::from(byte & 127)] != 0;
            assert_eq!(exact, is_member(byte), "{byte}");
        }
    }
}
