//! How often each pair of bytes stands on a real disk: the model by which the
//! rarest part of a literal is chosen.
//!
//! The table is made by `cargo bench --bench background_model -- DIR… > src/scan/background.bin`
//! over the files of a Debian `/usr`: 65,536 bytes, one for each pair (first
//! byte × 256 + second byte), each `-8·log2` of the pair's share of all pairs,
//! rounded and cut to 255 (rarer than one in 2^31).

use std::sync::LazyLock;

static TABLE: &[u8; 65_536] = include_bytes!("background.bin");

/// Shares of byte pairs and of single bytes.
pub(crate) struct Background {
    /// Share by quantised value.
    share: [f32; 256],
    single: [f32; 256],
}

/// The built-in model, computed from its table on first use (about 50 µs).
pub(crate) static BACKGROUND: LazyLock<Background> = LazyLock::new(Background::new);

impl Background {
    fn new() -> Self {
        let mut share = [0.0_f32; 256];
        for (value, slot) in (0_u16..).zip(share.iter_mut()) {
            *slot = (-f32::from(value) / 8.0).exp2();
        }
        let mut single = [0.0_f32; 256];
        for (slot, row) in single.iter_mut().zip(TABLE.chunks_exact(256)) {
            *slot = row.iter().map(|q| share[usize::from(*q)]).sum::<f32>().max(1e-9);
        }
        Self { share, single }
    }

    /// The share of one byte among all bytes, above 0.
    pub(crate) fn byte(&self, byte: u8) -> f32 {
        self.single[usize::from(byte)]
    }

    fn pair(&self, first: u8, second: u8) -> f32 {
        self.share[usize::from(TABLE[usize::from(first) << 8 | usize::from(second)])]
    }

    /// The share of positions at which these bytes stand, by a first-order Markov
    /// chain over pairs. With `fold`, letters in either case.
    pub(crate) fn window(&self, bytes: &[u8], fold: bool) -> f32 {
        // Forward pass over at most two variants of each byte.
        let variants = |byte: u8| {
            let other = if fold && byte.is_ascii_alphabetic() { byte ^ 0x20 } else { byte };
            [byte, other]
        };
        let Some((first, rest)) = bytes.split_first() else { return 1.0 };
        let mut previous = variants(*first);
        let mut mass = previous.map(|byte| self.byte(byte));
        if previous[0] == previous[1] {
            mass[1] = 0.0;
        }
        for byte in rest {
            let current = variants(*byte);
            let mut next = current.map(|second| {
                previous
                    .iter()
                    .zip(mass)
                    .map(|(first, mass)| mass * self.pair(*first, second) / self.byte(*first))
                    .sum::<f32>()
            });
            if current[0] == current[1] {
                next[1] = 0.0;
            }
            previous = current;
            mass = next;
        }
        mass[0] + mass[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_bytes_sum_to_one() {
        let total: f32 = (0..=255).map(|byte| BACKGROUND.byte(byte)).sum();
        assert!((0.95..1.05).contains(&total), "{total}");
    }

    #[test]
    fn words_are_common_and_prefixes_are_rare() {
        let model = &*BACKGROUND;
        assert!(model.window(b"tion", false) > 100.0 * model.window(b"hp_A", false));
        assert!(model.window(b"AKIA", true) >= model.window(b"AKIA", false));
        assert!(model.window(b"the ", true) >= model.window(b"the ", false));
    }
}
