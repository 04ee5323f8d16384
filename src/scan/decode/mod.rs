//! Text that stands encoded in other text: UTF-16, base64, escapes.
//!
//! A region of the content is decoded into a [`Layer`], which is matched as content
//! is, and every byte of a layer knows the place in the original that it came from.
//! A layer may hold encoded text in turn; [`MAX_DEPTH`] bounds that.
//!
//! What starts a decoding must be cheap to see: a run of base64's alphabet whose
//! first bytes decode to text; a rule's literal as UTF-16; a rule's literal beside
//! which an escape stands and that gave no match as it is.

pub(super) mod base64;
pub(super) mod escapes;
pub(super) mod manifest;
pub(super) mod utf16;

use std::ops::Range;

use crate::finding::Encoding;

/// Encodings inside each other that are undone.
pub(super) const MAX_DEPTH: usize = 3;

/// Content or a decoded part of it, with the way back to the original.
#[derive(Clone, Copy)]
pub(super) struct View<'t> {
    pub(super) text: &'t [u8],
    /// Offset in the content of the first byte.
    base: u64,
    /// Where each byte, and the end, was: from `base`. `None`: as it is here.
    places: Option<&'t [u32]>,
    /// The encodings undone, outermost first.
    pub(super) chain: &'t [Encoding],
}

impl<'t> View<'t> {
    /// Content as it is, the first byte of which has the offset `base`.
    pub(super) fn plain(text: &'t [u8], base: u64) -> Self {
        Self { text, base, places: None, chain: &[] }
    }

    /// The offset in the content of a byte, or of the end.
    #[inline]
    pub(super) fn place(&self, index: usize) -> u64 {
        match self.places {
            None => self.base + index as u64,
            Some(places) => {
                self.base + u64::from(places.get(index).or(places.last()).copied().unwrap_or_default())
            }
        }
    }

    /// The byte that came from a place in the content, or the first after it.
    pub(super) fn index(&self, place: u64) -> usize {
        let distance = place.saturating_sub(self.base);
        match self.places {
            None => usize::try_from(distance).unwrap_or(usize::MAX).min(self.text.len()),
            Some(places) => places.partition_point(|known| u64::from(*known) < distance).min(self.text.len()),
        }
    }

    /// The part of it that came from these places.
    pub(super) fn part(&self, places: &Range<u64>) -> Self {
        let (start, end) = (self.index(places.start), self.index(places.end));
        let text = self.text.get(start..end).unwrap_or_default();
        match self.places {
            None => Self { text, base: self.place(start), ..*self },
            Some(all) => Self { text, places: all.get(start..=end), ..*self },
        }
    }

    pub(super) fn places(&self, range: &Range<usize>) -> Range<u64> {
        let start = self.place(range.start);
        start..self.place(range.end).max(start)
    }
}

/// A decoded region.
pub(super) struct Layer {
    text: Vec<u8>,
    base: u64,
    places: Vec<u32>,
    chain: Vec<Encoding>,
}

impl Layer {
    /// `decoded` is what the bytes of `outer` from `start` on hold.
    pub(super) fn new(outer: &View<'_>, start: usize, decoded: Decoded, encoding: Encoding) -> Self {
        let base = outer.place(start);
        let Decoded { text, mut places } = decoded;
        // Of content as it is, the places are those in what was decoded.
        for place in places.iter_mut().filter(|_| outer.places.is_some()) {
            let local = start.saturating_add(usize::try_from(*place).unwrap_or(usize::MAX));
            *place = u32::try_from(outer.place(local).saturating_sub(base)).unwrap_or(u32::MAX);
        }
        let chain = outer.chain.iter().copied().chain([encoding]).collect();
        Self { text, base, places, chain }
    }

    pub(super) fn view(&self) -> View<'_> {
        View { text: &self.text, base: self.base, places: Some(&self.places), chain: &self.chain }
    }
}

/// Decoded bytes and, for each of them and for the end, the place in what was
/// decoded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) text: Vec<u8>,
    pub(super) places: Vec<u32>,
}

impl Decoded {
    fn push(&mut self, byte: u8, place: usize) {
        self.text.push(byte);
        self.places.push(u32::try_from(place).unwrap_or(u32::MAX));
    }

    fn end(&mut self, place: usize) {
        self.places.push(u32::try_from(place).unwrap_or(u32::MAX));
    }
}
