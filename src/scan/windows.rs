//! Which part of each literal the prefilter looks for.
//!
//! Every literal is represented by its rarest window of 4 bytes (3 for a literal
//! of 3 bytes) by the [background model](super::background); a window that is
//! already looked for is preferred to one that is about as rare.

use std::collections::HashMap;

use super::background::BACKGROUND;
use crate::rules::Literal;

/// The most bytes in a window.
pub(crate) const WINDOW: usize = 4;

/// Sets bit 5 of each byte: folds the case of letters (and merges some other
/// bytes, which costs a comparison and never a match).
pub(crate) const FOLD: u32 = 0x2020_2020;

/// A string of 3 or 4 bytes that the prefilter looks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Window {
    pub(crate) bytes: [u8; WINDOW],
    /// 3 or 4.
    pub(crate) len: u8,
    pub(crate) fold: bool,
}

impl Window {
    /// The bytes at one place of the window that the prefilter must accept;
    /// `None` beyond the window's length, where it must accept any.
    pub(crate) fn accepts(&self, place: usize) -> Option<[u8; 2]> {
        let byte = *self.as_slice().get(place)?;
        Some(if self.fold && byte.is_ascii_alphabetic() { [byte | 0x20, byte & !0x20] } else { [byte, byte] })
    }

    /// The window as the confirm step reads it from the text: little endian,
    /// folded, and cut to 3 bytes where it has 3.
    pub(crate) fn key(&self) -> u32 {
        let key = u32::from_le_bytes(self.bytes) | FOLD;
        if self.len == 3 { key & 0x00ff_ffff } else { key }
    }

    /// Its bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&self.bytes)
    }

    /// The share of positions that have the same [key](Self::key).
    fn key_share(&self) -> f32 {
        BACKGROUND.key(self.as_slice())
    }

    /// The share of positions on a real disk at which this window stands.
    pub(crate) fn share(&self) -> f32 {
        BACKGROUND.window(self.as_slice(), self.fold)
    }
}

/// The window of one literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Index into the list of windows.
    pub(crate) window: usize,
    /// Where in the literal the window begins.
    pub(crate) offset: usize,
}

/// What one more window costs, in false candidates: as a share of all positions.
const NEW_WINDOW: f32 = 5e-6;
/// What a position costs that has the key of a window, the case of letters and some
/// other bits aside, and not the window: as a share of what a position of it costs.
const LOOSE: f32 = 0.3;

/// Chooses a window for each literal. All literals have 3 bytes or more.
pub(crate) fn choose(literals: &[Literal]) -> (Vec<Window>, Vec<Placed>) {
    let mut windows: Vec<Window> = Vec::new();
    let mut known: HashMap<Window, usize> = HashMap::new();
    // Short literals have the least choice: they go first, and others share.
    let mut placed = vec![Placed { window: 0, offset: 0 }; literals.len()];
    let mut order: Vec<(&Literal, &mut Placed)> = literals.iter().zip(&mut placed).collect();
    order.sort_by_key(|(literal, _)| literal.bytes.len());
    for (literal, place) in order {
        let best = candidates(literal)
            .map(|(offset, window)| {
                // Where it stands, every literal that it represents is compared.
                let share = window.share() + LOOSE * window.key_share();
                let cost = if known.contains_key(&window) { share } else { share + NEW_WINDOW };
                (cost, offset, window)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some((_, offset, window)) = best else { continue };
        let number = *known.entry(window.clone()).or_insert_with(|| {
            windows.push(window);
            windows.len() - 1
        });
        *place = Placed { window: number, offset };
    }
    (windows, placed)
}

fn candidates(literal: &Literal) -> impl Iterator<Item = (usize, Window)> + '_ {
    let len = literal.bytes.len().min(WINDOW);
    literal.bytes.windows(len.max(1)).enumerate().map(move |(offset, part)| {
        let mut bytes = [0; WINDOW];
        bytes.iter_mut().zip(part).for_each(|(slot, byte)| *slot = *byte);
        // A window without letters is the same whether folded or not.
        let fold = literal.fold && part.iter().any(u8::is_ascii_alphabetic);
        (offset, Window { bytes, len: if len == 3 { 3 } else { 4 }, fold })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str, fold: bool) -> Literal {
        Literal { bytes: text.as_bytes().into(), fold, min_offset: 0, max_offset: 0 }
    }

    #[test]
    fn the_rarest_part_is_chosen_and_shared() {
        let (windows, placed) =
            choose(&[literal("private_key_Q7", false), literal("8Q~", false), literal("xx_Q7y", false)]);
        assert_eq!(placed.len(), 3);
        assert!(windows.iter().any(|window| window.len == 3 && &window.bytes[..3] == b"8Q~"));
        // `y_Q7` and `_Q7y` are rarer than anything in `private`.
        let window = &windows[placed[0].window];
        assert!(window.bytes.ends_with(b"Q7"), "{window:?}");
    }

    #[test]
    fn keys_fold_and_cut() {
        let (windows, _) = choose(&[literal("abc", true)]);
        assert_eq!(windows[0].key(), u32::from_le_bytes(*b"abc\0") | 0x0020_2020);
        assert_eq!(windows[0].accepts(0), Some([b'a', b'A']));
        assert_eq!(windows[0].accepts(3), None);
    }
}
