//! Free space as it is given: ranges that touch are one, since what was deleted may lie
//! across the border of two.

use std::ops::{ControlFlow, Range};

/// Receives free ranges of a disk, by its number.
pub(super) type Each<'e> = &'e mut dyn FnMut(u16, Range<u64>) -> ControlFlow<()>;

/// Joins ranges of the first disk that come in order.
pub(super) struct FreeRanges<'e> {
    each: Each<'e>,
    pending: Option<Range<u64>>,
}

impl<'e> FreeRanges<'e> {
    pub(super) fn new(each: Each<'e>) -> Self {
        Self { each, pending: None }
    }

    /// Takes the next range; `Break` where no more are wanted.
    pub(super) fn add(&mut self, range: Range<u64>) -> ControlFlow<()> {
        match &mut self.pending {
            Some(pending) if pending.end == range.start => pending.end = range.end,
            _ => {
                if let Some(before) = self.pending.replace(range) {
                    let flow = (self.each)(0, before);
                    if flow.is_break() {
                        self.pending = None;
                    }
                    return flow;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Gives the last range.
    pub(super) fn finish(self) {
        if let Some(range) = self.pending {
            let _ = (self.each)(0, range);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(ranges: &[Range<u64>], most: usize) -> Vec<Range<u64>> {
        let mut given = Vec::new();
        let mut each = |_: u16, range: Range<u64>| {
            given.push(range);
            if given.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let mut free = FreeRanges::new(&mut each);
        let _ = ranges.iter().cloned().try_for_each(|range| free.add(range));
        free.finish();
        given
    }

    #[test]
    fn ranges_that_touch_are_one() {
        let ranges = [0..1, 1..4, 6..7, 8..9, 9..10];
        assert_eq!(joined(&ranges, 10), [0..4, 6..7, 8..10]);
        assert_eq!(joined(&ranges, 1), std::slice::from_ref(&(0..4)));
        assert_eq!(joined(&[], 1), []);
    }
}
