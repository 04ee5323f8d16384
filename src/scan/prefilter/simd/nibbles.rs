//! Tables for the kernels that look a byte up by its two halves (Teddy).

use super::super::buckets::Tables;
use crate::scan::windows::WINDOW;

/// For each place, half (low and high nibble) and group of 8 buckets: which
/// buckets accept a byte with that nibble. A bucket accepts a byte when both of
/// its nibbles are accepted, which lets through more than the exact table.
pub(super) struct Nibbles {
    /// `[group][place]` → the 16 values for the low and for the high nibble.
    pub(super) low: [[[u8; 16]; WINDOW]; 4],
    pub(super) high: [[[u8; 16]; WINDOW]; 4],
}

impl Nibbles {
    pub(super) fn new(tables: &Tables) -> Self {
        let mut nibbles = Self { low: [[[0; 16]; WINDOW]; 4], high: [[[0; 16]; WINDOW]; 4] };
        // Both have WINDOW places; there are four groups; half of a byte is less than 16.
        for (place, exact) in tables.exact.iter().enumerate() {
            for (byte, buckets) in exact.iter().enumerate() {
                for (group, part) in buckets.to_le_bytes().into_iter().enumerate() {
                    nibbles.low[group][place][byte & 15] |= part;
                    nibbles.high[group][place][byte >> 4] |= part;
                }
            }
        }
        nibbles
    }
}
