//! How often bytes stand on a real disk: the model by which the rarest part of a
//! literal is chosen.
//!
//! The tables are made by `cargo bench --bench background_model -- src/scan DIR…`
//! over the files of a Debian `/usr`. Each entry is `-8·log2` of a share of all
//! positions, rounded and cut to 255 (rarer than one in 2^31).
//!
//! * Pairs: 65,536 entries, one for each (first byte × 256 + second byte). A window is
//!   a chain of them, which takes words to be far rarer than they are: `PASS` by a
//!   factor of 1,000.
//! * Quads: two rows of 131,072 entries. Four bytes count in one entry of each row, by
//!   a hash; the rarer of the two is nearer to the truth (a count-min sketch), and
//!   what is rarer than the others that share the entries cannot be told: there the
//!   chain of pairs speaks.

// Indexing: tables of 256 are indexed by a byte, that of pairs by two, those by kind of
// text by `kind`, which gives less than 3.

use std::sync::LazyLock;

static TABLE: &[u8; 65_536] = include_bytes!("background.bin");
static QUADS: &[u8; 2 << ROW_BITS] = include_bytes!("background-quads.bin");
/// log2 of the entries of a row.
const ROW_BITS: u32 = 17;
/// The hash of each row.
const FACTORS: [u32; 2] = [0x9e37_79b1, 0x85eb_ca77];
/// Below this share an entry tells of its neighbours: four times the mean entry.
const TELLING: f32 = 4.0 / (1 << ROW_BITS) as f32;

/// Shares of byte pairs and of single bytes.
pub(crate) struct Background {
    /// Share by quantised value.
    share: [f32; 256],
    single: [f32; 256],
    by_kind: [Shares; 256],
    /// The share of each kind of text.
    kinds: Shares,
}

/// A share in each kind of text: after a lower-case letter, after another character of
/// a word, after anything else. Letters stand together: a model of one kind takes four
/// of them for a tenth as common as they are.
pub(crate) type Shares = [f32; 3];

/// The kind of text after a byte.
fn kind(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' | b'0'..=b'9' | b'_' => 1,
        _ => 2,
    }
}

/// The built-in model, computed from its table on first use (about 50 µs).
pub(crate) static BACKGROUND: LazyLock<Background> = LazyLock::new(Background::new);

impl Background {
    fn new() -> Self {
        let mut share = [0.0_f32; 256];
        for (value, slot) in (0_u16..).zip(share.iter_mut()) {
            *slot = (-f32::from(value) / 8.0).exp2();
        }
        let (mut by_kind, mut kinds) = ([Shares::default(); 256], Shares::default());
        for (first, row) in (0..=u8::MAX).zip(TABLE.chunks_exact(256)) {
            for (shares, pair) in by_kind.iter_mut().zip(row) {
                shares[kind(first)] += share[usize::from(*pair)];
                kinds[kind(first)] += share[usize::from(*pair)];
            }
        }
        let mut single = [0.0_f32; 256];
        for (single, shares) in single.iter_mut().zip(&mut by_kind) {
            *single = shares.iter().sum::<f32>().max(1e-9);
            shares.iter_mut().zip(kinds).for_each(|(share, kind)| *share = (*share / kind).max(1e-9));
        }
        Self { share, single, by_kind, kinds }
    }

    /// The share of one byte among all bytes, above 0.
    pub(crate) fn byte(&self, byte: u8) -> f32 {
        self.single[usize::from(byte)]
    }

    /// The share of one byte in each kind of text, above 0.
    pub(crate) fn by_kind(&self, byte: u8) -> &Shares {
        &self.by_kind[usize::from(byte)]
    }

    /// The share of positions of which this is the share in each kind of text.
    pub(crate) fn overall(&self, shares: &Shares) -> f32 {
        shares.iter().zip(self.kinds).map(|(share, kind)| share * kind).sum()
    }

    fn pair(&self, first: u8, second: u8) -> f32 {
        self.share[usize::from(TABLE[usize::from(first) << 8 | usize::from(second)])]
    }

    /// The share of positions at which these bytes stand. With `fold`, letters in
    /// either case.
    pub(crate) fn window(&self, bytes: &[u8], fold: bool) -> f32 {
        let quads = bytes.windows(4).map(|quad| self.quads(quad, fold)).min_by(f32::total_cmp);
        let common = quads.filter(|share| *share >= TELLING);
        let chain = self.chain(bytes, fold);
        common.map_or(chain, |common| common.max(chain))
    }

    /// The share of four bytes with any of them 32 less or more, where it is telling,
    /// else 0.
    pub(crate) fn key(&self, bytes: &[u8]) -> f32 {
        self.variants(bytes, 15)
    }

    /// The share of four bytes, where it is telling, else 0.
    fn quads(&self, quad: &[u8], fold: bool) -> f32 {
        let letters = quad.iter().enumerate().filter(|(_, byte)| fold && byte.is_ascii_alphabetic());
        self.variants(quad, letters.map(|(at, _)| 1 << at).sum())
    }

    /// The share of four bytes, and of those with bytes of these places 32 less or more.
    fn variants(&self, quad: &[u8], letters: u32) -> f32 {
        let Some(bytes) = quad.first_chunk::<4>() else { return 0.0 };
        let variants = (0..16_u32).filter(|flipped| flipped & !letters == 0);
        let share = |flipped: u32| {
            let mut word = *bytes;
            for (at, byte) in word.iter_mut().enumerate() {
                *byte ^= if flipped >> at & 1 == 1 { 0x20 } else { 0 };
            }
            let word = u32::from_le_bytes(word);
            let entry = |(row, factor): (usize, &u32)| {
                let slot = usize::try_from(word.wrapping_mul(*factor) >> (32 - ROW_BITS)).unwrap_or(0);
                QUADS.get(row << ROW_BITS | slot).copied().unwrap_or(u8::MAX)
            };
            let rarest = FACTORS.iter().enumerate().map(entry).max().unwrap_or(u8::MAX);
            self.share.get(usize::from(rarest)).copied().filter(|share| *share >= TELLING).unwrap_or(0.0)
        };
        variants.map(share).sum()
    }

    /// The share of bytes by a first-order Markov chain over pairs.
    fn chain(&self, bytes: &[u8], fold: bool) -> f32 {
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
        // Of a Debian /usr: counted with `grep -c`, one position in 4,000 and more.
        assert!(model.window(b"http", true) > 1e-4 && model.window(b"func", true) > 1e-4);
    }
}
