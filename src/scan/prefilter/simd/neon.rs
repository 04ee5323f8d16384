//! The kernel for `aarch64`.

use std::arch::aarch64::{
    uint8x16_t, vandq_u8, vceqzq_u8, vdupq_n_u8, vget_lane_u64, vld1q_u8, vmvnq_u8, vorrq_u8, vqtbl1q_u8,
    vreinterpret_u64_u8, vreinterpretq_u16_u8, vshrn_n_u16, vshrq_n_u8,
};

use super::super::Candidates;
use super::nibbles::Nibbles;
use crate::scan::windows::WINDOW;

#[inline]
#[target_feature(enable = "neon")]
fn load(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: an array of 16 bytes can be read as one unaligned vector.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

/// 16 bytes a step: two look-ups of nibbles per place (`tbl`). Goes as far as
/// whole vectors can be loaded and returns where it stopped.
#[target_feature(enable = "neon")]
pub(super) fn neon(
    nibbles: &Nibbles,
    wide: bool,
    text: &[u8],
    from: usize,
    to: usize,
    out: &mut Candidates,
) -> usize {
    let tables: [[[uint8x16_t; 2]; WINDOW]; 2] = std::array::from_fn(|group| {
        std::array::from_fn(|place| [load(&nibbles.low[group][place]), load(&nibbles.high[group][place])])
    });
    let fifteen = vdupq_n_u8(15);
    let mut at = from;
    while at + 16 <= to {
        let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<19>()) else { break };
        let v: [[uint8x16_t; 2]; WINDOW] = std::array::from_fn(|place| {
            let bytes = block
                .get(place..)
                .and_then(|rest| rest.first_chunk::<16>())
                .map_or(vdupq_n_u8(0), |b| load(b));
            [vandq_u8(bytes, fifteen), vshrq_n_u8::<4>(bytes)]
        });
        let look = |tables: &[[uint8x16_t; 2]; WINDOW]| {
            let r: [uint8x16_t; WINDOW] = std::array::from_fn(|place| {
                vandq_u8(vqtbl1q_u8(tables[place][0], v[place][0]), vqtbl1q_u8(tables[place][1], v[place][1]))
            });
            vandq_u8(vandq_u8(r[0], r[1]), vandq_u8(r[2], r[3]))
        };
        let mut accepted = look(&tables[0]);
        if wide {
            accepted = vorrq_u8(accepted, look(&tables[1]));
        }
        // Four bits for each byte: the usual way to a mask on this architecture.
        let hit = vmvnq_u8(vceqzq_u8(accepted));
        let mut nibble_mask =
            vget_lane_u64::<0>(vreinterpret_u64_u8(vshrn_n_u16::<4>(vreinterpretq_u16_u8(hit))));
        nibble_mask &= 0x1111_1111_1111_1111;
        if nibble_mask != 0 {
            let mut mask = 0_u64;
            while nibble_mask != 0 {
                mask |= 1 << (nibble_mask.trailing_zeros() / 4);
                nibble_mask &= nibble_mask - 1;
            }
            out.push_mask(text, at, mask);
            if out.is_full() {
                return at + 16;
            }
        }
        at += 16;
    }
    at
}
