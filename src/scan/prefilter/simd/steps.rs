//! The loop of the kernels that take 64 bytes a step.

use super::super::{BLOCK, Candidates};

/// The 64 positions of a step and the 3 bytes after them that a window may have.
pub(super) type Block = [u8; BLOCK];

/// Steps between two looks at what they found; one bit of a word each.
const STEPS: usize = 64;

/// Goes over `from..to` in steps of 64 bytes, as far as whole blocks reach, adds the
/// positions that `accepted` tells (a bit each) and returns where it stopped. `refine`
/// takes positions out of those of a step that has any.
///
/// Which steps have a candidate no branch predictor knows: they are noted without a
/// branch, and gone through after many steps.
#[inline(always)]
pub(super) fn steps(
    text: &[u8],
    from: usize,
    to: usize,
    out: &mut Candidates,
    accepted: impl Fn(&Block) -> u64,
    refine: impl Fn(&Block, u64) -> u64,
) -> usize {
    let block = |at: usize| text.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>());
    let mut masks = [0_u64; STEPS];
    let mut at = from;
    loop {
        let begin = at;
        let mut hits = 0_u64;
        for (step, slot) in masks.iter_mut().enumerate() {
            if at + 64 > to {
                break;
            }
            let Some(block) = block(at) else { break };
            let mask = accepted(block);
            *slot = mask;
            hits |= u64::from(mask != 0) << step;
            at += 64;
        }
        while hits != 0 {
            let step = usize::try_from(hits.trailing_zeros()).unwrap_or(0);
            hits &= hits - 1;
            let start = begin + 64 * step;
            if let Some(block) = block(start) {
                let mask = masks.get(step).copied().unwrap_or(0);
                out.push_block(block, start, refine(block, mask));
            }
        }
        if out.is_full() || at < begin + 64 * STEPS {
            return at;
        }
    }
}
