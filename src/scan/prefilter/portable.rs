//! The kernel for every machine: an aho-corasick automaton over the windows.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

use super::super::windows::Window;
use super::Candidates;

/// The automaton reports matches by their ends; a bitmap of this many starts puts
/// them in order.
const BLOCK: usize = 64 * 64;

/// Looks for the windows with an automaton. Case is folded when any window needs
/// it; the confirm step compares exactly.
pub(super) struct Portable {
    automaton: Option<AhoCorasick>,
}

impl Portable {
    pub(super) fn new(windows: &[Window]) -> Self {
        let mut patterns: Vec<&[u8]> = windows.iter().map(Window::as_slice).collect();
        patterns.sort_unstable();
        patterns.dedup();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(windows.iter().any(|window| window.fold))
            .match_kind(MatchKind::Standard)
            .kind((patterns.len() <= 1000).then_some(AhoCorasickKind::DFA))
            .build(&patterns);
        // Building fails only where the patterns exceed 2^31 states; then every
        // position is a candidate, which is slow and still right.
        Self { automaton: automaton.ok() }
    }

    pub(super) fn find(&self, text: &[u8], from: usize, to: usize, out: &mut Candidates) -> usize {
        let mut block = from;
        while block < to {
            let block_end = to.min(block + BLOCK);
            let starts = self.starts(text, block, block_end);
            for (word, mask) in starts.iter().enumerate() {
                let start = block + word * 64;
                out.push_mask(text, start, *mask);
                if out.is_full() {
                    return to.min(start + 64);
                }
            }
            block = block_end;
        }
        to
    }

    /// A bit for each position of `from..to` at which a window begins.
    fn starts(&self, text: &[u8], from: usize, to: usize) -> [u64; 64] {
        let Some(automaton) = &self.automaton else { return all_below(to - from) };
        let mut starts = [0_u64; 64];
        // A window that begins before `to` ends at most 3 bytes after it.
        let end = (to + 3).min(text.len());
        let input = Input::new(text.get(..end).unwrap_or_default()).range(from..end);
        for found in automaton.find_overlapping_iter(input) {
            let place = found.start() - from;
            if found.start() < to
                && let Some(word) = starts.get_mut(place / 64)
            {
                *word |= 1 << (place % 64);
            }
        }
        starts
    }
}

fn all_below(count: usize) -> [u64; 64] {
    std::array::from_fn(|word| match count.saturating_sub(word * 64) {
        0 => 0,
        left if left >= 64 => u64::MAX,
        left => (1 << left) - 1,
    })
}
