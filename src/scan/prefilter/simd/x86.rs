//! The kernels for `x86_64`.

// Indexing: places are less than WINDOW and groups less than the constant that both the
// tables and the loops over them are made with; the compiler unrolls all of them and
// leaves no test, so that none can fail.

use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_and_si128, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8,
    _mm_or_si128, _mm_set1_epi8, _mm_setzero_si128, _mm_shuffle_epi8, _mm_srli_epi16, _mm256_and_si256,
    _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
    _mm512_and_si512, _mm512_loadu_si512, _mm512_movepi8_mask, _mm512_or_si512, _mm512_permutex2var_epi8,
    _mm512_setzero_si512, _mm512_ternarylogic_epi64, _mm512_test_epi8_mask,
};

use super::super::Candidates;
use super::super::buckets::Tables;
use super::nibbles::Nibbles;
use super::steps::{Block, steps};
use crate::scan::windows::WINDOW;

/// The tables of the AVX-512 kernel: for each group of 8 buckets and each place
/// the 128 values for bytes below 128.
pub(super) struct Halves {
    values: [[[u8; 128]; WINDOW]; 4],
    /// Whether a position whose first two bytes have one of 128 or more can be
    /// thrown out at once; else such a byte is looked up as if it were 128 less.
    ascii: bool,
}

impl Halves {
    pub(super) fn new(tables: &Tables) -> Self {
        let mut values = [[[0; 128]; WINDOW]; 4];
        for (place, exact) in tables.exact.iter().enumerate() {
            for (byte, buckets) in exact.iter().enumerate() {
                for (group, part) in buckets.to_le_bytes().into_iter().enumerate() {
                    values[group][place][byte & 127] |= part;
                }
            }
        }
        let [first, second, ..] = &tables.exact;
        let ascii =
            first.iter().chain(second).enumerate().all(|(at, buckets)| at % 256 < 128 || *buckets == 0);
        Self { values, ascii }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn load512(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: an array of 64 bytes can be read as one unaligned vector.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load256(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: an array of 32 bytes can be read as one unaligned vector.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "ssse3")]
fn load128(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: an array of 16 bytes can be read as one unaligned vector.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// 64 bytes a step: one exact 7-bit look-up per place (`vpermi2b`). Goes as far
/// as whole vectors can be loaded and returns where it stopped.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) fn avx512<const GROUPS: usize>(
    halves: &Halves,
    text: &[u8],
    from: usize,
    to: usize,
    out: &mut Candidates,
) -> usize {
    let table = |group: usize, place: usize| {
        let values = &halves.values[group][place];
        let (low, high) = values.split_at(64);
        [low, high]
            .map(|half| half.first_chunk::<64>().map_or(_mm512_setzero_si512(), |bytes| load512(bytes)))
    };
    let groups: [[[__m512i; 2]; WINDOW]; GROUPS] =
        std::array::from_fn(|group| std::array::from_fn(|place| table(group, place)));
    let look = |tables: &[[__m512i; 2]; WINDOW], v: &[__m512i; WINDOW]| {
        let r: [__m512i; WINDOW] = std::array::from_fn(|place| {
            _mm512_permutex2var_epi8(tables[place][0], v[place], tables[place][1])
        });
        // 0x80 is the truth table of a AND b AND c.
        _mm512_and_si512(_mm512_ternarylogic_epi64::<0x80>(r[0], r[1], r[2]), r[3])
    };
    let ascii = if halves.ascii { u64::MAX } else { 0 };
    let accepted = |block: &Block| {
        let v: [__m512i; WINDOW] = std::array::from_fn(|place| {
            let bytes = block.get(place..).and_then(|rest| rest.first_chunk::<64>());
            bytes.map_or(_mm512_setzero_si512(), |bytes| load512(bytes))
        });
        let accepted = groups
            .iter()
            .fold(_mm512_setzero_si512(), |accepted, group| _mm512_or_si512(accepted, look(group, &v)));
        _mm512_test_epi8_mask(accepted, accepted)
    };
    steps(text, from, to, out, accepted, |block, mask| mask & !(high_pairs(block) & ascii))
}

/// Which of 64 positions have a byte of 128 or more there or right after.
#[target_feature(enable = "avx512f,avx512bw")]
fn high_pairs(block: &Block) -> u64 {
    let [first, second] = [0, 1].map(|place| {
        let bytes = block.get(place..).and_then(|rest| rest.first_chunk::<64>());
        bytes.map_or(_mm512_setzero_si512(), |bytes| load512(bytes))
    });
    _mm512_movepi8_mask(_mm512_or_si512(first, second))
}

/// 64 bytes a step: two look-ups of nibbles per place (`vpshufb`) for each half.
#[target_feature(enable = "avx2")]
pub(super) fn avx2<const GROUPS: usize>(
    nibbles: &Nibbles,
    text: &[u8],
    from: usize,
    to: usize,
    out: &mut Candidates,
) -> usize {
    let both = |values: &[u8; 16]| _mm256_broadcastsi128_si256(load128(values));
    let groups: [[[__m256i; 2]; WINDOW]; GROUPS] = std::array::from_fn(|group| {
        std::array::from_fn(|place| [both(&nibbles.low[group][place]), both(&nibbles.high[group][place])])
    });
    let fifteen = _mm256_set1_epi8(15);
    let look = |tables: &[[__m256i; 2]; WINDOW], v: &[[__m256i; 2]; WINDOW]| {
        let r: [__m256i; WINDOW] = std::array::from_fn(|place| {
            _mm256_and_si256(
                _mm256_shuffle_epi8(tables[place][0], v[place][0]),
                _mm256_shuffle_epi8(tables[place][1], v[place][1]),
            )
        });
        _mm256_and_si256(_mm256_and_si256(r[0], r[1]), _mm256_and_si256(r[2], r[3]))
    };
    let half = |block: &Block, start: usize| {
        let v: [[__m256i; 2]; WINDOW] = std::array::from_fn(|place| {
            let bytes = block.get(start + place..).and_then(|rest| rest.first_chunk::<32>());
            let bytes = bytes.map_or(_mm256_setzero_si256(), |bytes| load256(bytes));
            [_mm256_and_si256(bytes, fifteen), _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), fifteen)]
        });
        let accepted = groups
            .iter()
            .fold(_mm256_setzero_si256(), |accepted, group| _mm256_or_si256(accepted, look(group, &v)));
        let none = _mm256_movemask_epi8(_mm256_cmpeq_epi8(accepted, _mm256_setzero_si256()));
        u64::from(!none.cast_unsigned())
    };
    steps(text, from, to, out, |block| half(block, 0) | half(block, 32) << 32, |_, mask| mask)
}

/// 16 bytes a step, as [`avx2`].
#[target_feature(enable = "ssse3")]
pub(super) fn ssse3<const WIDE: bool>(
    nibbles: &Nibbles,
    text: &[u8],
    from: usize,
    to: usize,
    out: &mut Candidates,
) -> usize {
    let tables: [[[__m128i; 2]; WINDOW]; 2] = std::array::from_fn(|group| {
        std::array::from_fn(|place| {
            [load128(&nibbles.low[group][place]), load128(&nibbles.high[group][place])]
        })
    });
    let fifteen = _mm_set1_epi8(15);
    let mut at = from;
    while at + 16 <= to {
        let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<19>()) else { break };
        let v: [[__m128i; 2]; WINDOW] = std::array::from_fn(|place| {
            let bytes = block
                .get(place..)
                .and_then(|rest| rest.first_chunk::<16>())
                .map_or(_mm_setzero_si128(), |b| load128(b));
            [_mm_and_si128(bytes, fifteen), _mm_and_si128(_mm_srli_epi16::<4>(bytes), fifteen)]
        });
        let look = |tables: &[[__m128i; 2]; WINDOW]| {
            let r: [__m128i; WINDOW] = std::array::from_fn(|place| {
                _mm_and_si128(
                    _mm_shuffle_epi8(tables[place][0], v[place][0]),
                    _mm_shuffle_epi8(tables[place][1], v[place][1]),
                )
            });
            _mm_and_si128(_mm_and_si128(r[0], r[1]), _mm_and_si128(r[2], r[3]))
        };
        let mut accepted = look(&tables[0]);
        if WIDE {
            accepted = _mm_or_si128(accepted, look(&tables[1]));
        }
        let none = _mm_movemask_epi8(_mm_cmpeq_epi8(accepted, _mm_setzero_si128()));
        let mask = !none.cast_unsigned() & 0xffff;
        if mask != 0 {
            out.push_mask(text, at, u64::from(mask));
            if out.is_full() {
                return at + 16;
            }
        }
        at += 16;
    }
    at
}
