//! What is encoded in a view: the regions that a pass over it decodes, and texts with
//! the escapes near a literal undone.

use std::ops::Range;

use super::decode::escapes::{self, Kind};
use super::decode::{Layer, View, base64, manifest, utf16};
use super::engine::Inner;
use super::prefilter::Prefilter;
use super::prefilter::lanes::{self, LANE, WORD};
use crate::finding::Encoding;

/// Bytes that both passes go over before the next: within the first-level cache.
pub(super) const CHUNK: usize = 16 << 10;

/// A region of a view and how it is encoded.
pub(super) struct Region {
    range: Range<usize>,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Base64,
    /// Text of which single values are base64.
    Manifest,
    Wide(Encoding),
}

impl Region {
    pub(super) fn decode(&self, view: &View<'_>) -> Layer {
        let bytes = view.text.get(self.range.clone()).unwrap_or_default();
        let (decoded, encoding) = match self.form {
            Form::Base64 => (base64::decode(bytes), Encoding::Base64),
            Form::Manifest => (manifest::decode(bytes), Encoding::Base64),
            Form::Wide(order) => (utf16::decode(bytes), order),
        };
        Layer::new(view, self.range.start, decoded, encoding)
    }
}

/// The encoded regions of a part of a view.
pub(super) struct Encoded<'v> {
    text: &'v [u8],
    /// What a region may reach: more than any match in it needs.
    bounds: Range<usize>,
    /// The end of the part.
    end: usize,
    /// Where lanes are looked at next.
    next: usize,
    /// The lanes before it.
    before: u64,
    /// Up to here all runs are known.
    known: usize,
    pub(super) regions: Vec<Region>,
}

/// A run of [`base64::MIN_RUN`] has so many whole lanes, wherever it begins.
const LANES: usize = (base64::MIN_RUN - LANE + 1) / LANE;
const _: () = assert!(LANES == 3, "as many as are looked for");
/// A run that only touches the part may have them outside of it.
const MARGIN: usize = LANES * LANE;

impl<'v> Encoded<'v> {
    pub(super) fn new(view: &View<'v>, range: &Range<usize>, engine: &Inner) -> Self {
        let length = view.text.len();
        let bounds = range.start.saturating_sub(engine.lookbehind)
            ..length.min(range.end.saturating_add(engine.lookahead));
        let next = range.start.saturating_sub(MARGIN);
        Self { text: view.text, bounds, end: range.end, next, before: 0, known: 0, regions: Vec::new() }
    }

    /// Finds base64 of text up to a place: in whole words of lanes before the end
    /// of the part, and then the rest.
    pub(super) fn find_base64(&mut self, prefilter: &Prefilter, to: usize) {
        let last = to >= self.end;
        let to = if last { self.text.len().min(self.end + MARGIN) } else { to };
        let length = to.saturating_sub(self.next);
        let length = if last { length } else { length - length % WORD };
        let Some(part) = self.text.get(self.next..self.next + length) else { return };
        let mut words = [0; (CHUNK + 2 * MARGIN) / WORD + 2];
        let number = length.div_ceil(WORD);
        prefilter.lanes(part, words.get_mut(..number).unwrap_or_default());
        for (number, word) in words.into_iter().take(number).enumerate() {
            let mut ends = lanes::thirds(word, self.before);
            self.before = word;
            while ends != 0 {
                let lane = usize::try_from(ends.trailing_zeros()).unwrap_or(0);
                ends &= ends - 1;
                let start = (self.next + number * WORD + lane * LANE).saturating_sub(2 * LANE);
                if start >= self.known {
                    self.add_run(start);
                }
            }
        }
        self.next += length;
    }

    /// Adds the blob of the run of which three lanes begin at a place, where it is text.
    #[cold]
    fn add_run(&mut self, place: usize) {
        let Some(start) = base64::text_start(self.text, place) else { return };
        let run = base64::widen(self.text, place..place, &self.bounds);
        if run.len() < base64::MIN_RUN {
            return;
        }
        let blob = base64::blob(self.text, &run, &self.bounds);
        let before = self.text.get(blob.start..start).unwrap_or_default();
        let before = before.iter().filter(|byte| base64::is_member(**byte)).count();
        self.known = blob.end;
        self.regions.push(Region { range: blob.start + before % 4..blob.end, form: Form::Base64 });
    }

    /// Adds the UTF-16 text around a word.
    pub(super) fn add_wide(&mut self, word: usize) {
        let known = |region: &&Region| matches!(region.form, Form::Wide(_));
        let last = self.regions.iter().rev().find(known);
        let covers =
            |region: &Region| region.range.contains(&word) && (word - region.range.start).is_multiple_of(2);
        if last.is_some_and(covers) {
            return;
        }
        let (range, order) = utf16::region(self.text, word, &self.bounds);
        self.regions.push(Region { range, form: Form::Wide(order) });
    }

    /// Adds the manifest of which the kind is named at a place. Where kinds stand so
    /// close that their manifests overlap, all are read as one: each byte is decoded
    /// once, however many kinds are named around it.
    pub(super) fn add_manifest(&mut self, kind: usize) {
        let range = manifest::region(self.text, kind, &self.bounds);
        let last = self.regions.iter_mut().rev().find(|region| region.form == Form::Manifest);
        match last {
            Some(last) if range.start < last.range.end && last.range.start < range.end => {
                last.range = last.range.start.min(range.start)..last.range.end.max(range.end);
            }
            _ => self.regions.push(Region { range, form: Form::Manifest }),
        }
    }
}

/// Texts with their escapes undone, the last one for each chain of escapes: literals
/// that stand close share it.
#[derive(Default)]
pub(super) struct Undone {
    kept: Vec<Kept>,
}

struct Kept {
    chain: Vec<Kind>,
    range: Range<usize>,
    layer: Layer,
}

/// The most bytes of a text whose escapes are undone at once.
const MAX_UNDONE: usize = 64 << 10;

impl Undone {
    /// The text from so far before to so far after a place with a chain of escapes
    /// undone.
    pub(super) fn around(
        &mut self,
        view: &View<'_>,
        chain: &[Kind],
        place: usize,
        reach: (usize, usize),
    ) -> Option<View<'_>> {
        let mut range = around(view, place, reach);
        let needed = view.places(&range);
        let known = self.kept.iter().position(|kept| kept.chain == chain);
        let kept = known.and_then(|known| self.kept.get(known));
        if kept.is_none_or(|kept| range.start < kept.range.start || range.end > kept.range.end) {
            // Where one follows another, more is undone at once each time.
            if let Some(dense) = kept.filter(|kept| kept.range.contains(&place)) {
                let after = (2 * dense.range.len()).min(MAX_UNDONE);
                range.end = view.text.len().min(place.saturating_add(after)).max(range.end);
            }
            let layer = undo(view, range.clone(), chain)?;
            if let Some(known) = known {
                self.kept.swap_remove(known);
            }
            self.kept.push(Kept { chain: chain.to_vec(), range, layer });
        }
        let kept = self.kept.iter().find(|kept| kept.chain == chain)?;
        Some(kept.layer.view().part(&needed))
    }
}

/// A range of a text with a chain of escapes undone.
fn undo(view: &View<'_>, range: Range<usize>, chain: &[Kind]) -> Option<Layer> {
    let (first, rest) = chain.split_first()?;
    let layer = escapes::decode(view, range, *first);
    Some(rest.iter().fold(layer, |layer, kind| {
        let inner = layer.view();
        escapes::decode(&inner, 0..inner.text.len(), *kind)
    }))
}

fn around(view: &View<'_>, place: usize, (before, after): (usize, usize)) -> Range<usize> {
    place.saturating_sub(before)..view.text.len().min(place.saturating_add(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;
    use crate::scan::engine::Engine;

    /// Each byte is decoded once, however many kinds a document names.
    #[test]
    fn manifests_that_overlap_are_read_once() {
        let text = "kind: Secret\ndata:\n  a: YWJjZGVmZ2hpamtsbW5vcA==\n".repeat(5000);
        let view = View::plain(text.as_bytes(), 0);
        let engine = Engine::new(&RuleSet::builtin().expect("rules"));
        let mut encoded = Encoded::new(&view, &(0..text.len()), &engine.inner);
        memchr::memmem::find_iter(text.as_bytes(), "kind: Secret").for_each(|at| encoded.add_manifest(at));
        let decoded: usize = encoded.regions.iter().map(|region| region.range.len()).sum();
        assert!(decoded <= text.len() && encoded.regions.len() < 10, "{decoded} of {}", text.len());
    }
}
