//! The engine: a rule set ready to match.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::confirm::Confirm;
use super::decode::escapes::Beside;
use super::decode::{escapes, manifest};
use super::prefilter::{Kernel, Prefilter};
use super::verify::{Lazy, REACH};
use super::windows;
use crate::rules::{Literal, Rule, RuleSet};

/// A rule set ready to match. Cheap to clone; shared by all threads.
#[derive(Clone)]
pub struct Engine {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) rules: RuleSet,
    /// Distinct literals of all rules.
    pub(super) literals: Vec<Literal>,
    /// For each literal, the rules that need it.
    pub(super) uses: Vec<Vec<Use>>,
    /// What is looked for: the literals and what they are as UTF-16 or beside escapes.
    pub(super) sought: Vec<Literal>,
    /// For each of these, what it stands for.
    pub(super) meaning: Vec<Meaning>,
    /// The parts of literals that are looked for.
    pub(super) parts: Vec<Part>,
    /// How far before and after a literal of these a pattern may reach, escaped.
    pub(super) escape_reach: Vec<(usize, usize)>,
    windows: usize,
    pub(super) prefilter: Prefilter,
    pub(super) confirm: Confirm,
    pub(super) compiled: Vec<Lazy>,
    /// How far before a candidate anything may look, in bytes of the content.
    pub(super) lookbehind: usize,
    /// How far after a candidate anything may look, in bytes of the content.
    pub(super) lookahead: usize,
}

/// A rule that needs a literal, and where in the rule's match it may stand.
pub(super) struct Use {
    pub(super) rule: usize,
    pub(super) min_offset: usize,
    pub(super) max_offset: usize,
}

/// What a sought text stands for.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    /// A literal as it is.
    Whole(usize),
    /// What stands beside an escape where some literals do: its number in the list of
    /// parts.
    Part(usize),
    /// A literal in UTF-16.
    Wide,
    /// The kind of a manifest whose values are encoded.
    Manifest,
}

/// Parts of literals, as they are found beside an escape.
pub(super) struct Part {
    /// The bytes of the text that is found before the part, and those of the part.
    pub(super) before: usize,
    pub(super) len: usize,
    /// The literals, and how many bytes from their start the part stands.
    pub(super) of: Vec<(usize, usize)>,
}

/// A text in UTF-16 has two bytes a character, base64 with its line breaks fewer:
/// so many times as many bytes of the content as of decoded text may be needed.
const EXPANSION: usize = 2;

impl Engine {
    /// Prepares the rules, with the fastest kernel of this machine, or the one
    /// that the environment variable `SNAPSIFT_KERNEL` names.
    ///
    /// No regex is built here: that happens when a rule's literal is first seen.
    #[must_use]
    pub fn new(rules: &RuleSet) -> Self {
        let forced = std::env::var("SNAPSIFT_KERNEL").ok().and_then(|name| Kernel::from_name(&name));
        Self::with_kernel(rules, forced.unwrap_or_else(Kernel::best))
    }

    /// Prepares the rules with a certain kernel; the portable one where this
    /// machine does not have it.
    #[must_use]
    pub fn with_kernel(rules: &RuleSet, kernel: Kernel) -> Self {
        let mut literals: Vec<Literal> = Vec::new();
        let mut uses: Vec<Vec<Use>> = Vec::new();
        let mut known: HashMap<(&[u8], bool), usize> = HashMap::new();
        for (number, rule) in rules.rules().iter().enumerate() {
            for literal in rule.literals.iter().filter(|literal| literal.bytes.len() >= 3) {
                let index = *known.entry((&literal.bytes, literal.fold)).or_insert_with(|| {
                    literals.push(literal.clone());
                    uses.push(Vec::new());
                    literals.len() - 1
                });
                // `known` holds indexes into both lists.
                uses[index].push(Use {
                    rule: number,
                    min_offset: usize::try_from(literal.min_offset).unwrap_or(usize::MAX),
                    max_offset: usize::try_from(literal.max_offset.min(Rule::MAX_LITERAL_OFFSET))
                        .unwrap_or(0),
                });
            }
        }
        let (sought, meaning, parts) = sought(&literals);
        let (windows, placed) = windows::choose(&sought);
        let longest_literal = literals.iter().map(|literal| literal.bytes.len()).max().unwrap_or(0);
        let longest_match = rules.rules().iter().map(|rule| rule.max_length).max().unwrap_or(0);
        let offset = usize::try_from(Rule::MAX_LITERAL_OFFSET).unwrap_or(0);
        let longest_match = usize::try_from(longest_match.min(Rule::MAX_MATCH_LENGTH)).unwrap_or(0);
        Self {
            inner: Arc::new(Inner {
                prefilter: Prefilter::new(&windows, kernel),
                confirm: Confirm::new(&windows, &placed, &sought),
                windows: windows.len(),
                compiled: rules.rules().iter().map(|_| Lazy::new()).collect(),
                rules: rules.clone(),
                escape_reach: uses.iter().map(|uses| escape_reach(uses, rules.rules())).collect(),
                literals,
                uses,
                sought,
                meaning,
                parts,
                lookbehind: EXPANSION * (REACH + offset + longest_literal),
                lookahead: EXPANSION * (REACH + longest_match + longest_literal + 1),
            }),
        }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.inner.rules
    }

    /// The kernel in use.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.inner.prefilter.kernel()
    }

    /// Distinct literals, the windows that stand for them, and the share of
    /// positions that the background model expects to be candidates.
    #[must_use]
    pub fn prefilter_size(&self) -> (usize, usize, f32) {
        (self.inner.literals.len(), self.inner.windows, self.inner.prefilter.expected())
    }

    /// The rules whose literal was seen and whose pattern could not be built, by
    /// id: nothing was found by them. Rule checking refuses such rules.
    #[must_use]
    pub fn broken_rules(&self) -> Vec<&str> {
        let rules = self.inner.rules.rules().iter().zip(&self.inner.compiled);
        rules.filter(|(_, lazy)| lazy.is_broken()).map(|(rule, _)| rule.id.as_str()).collect()
    }

    /// Only the first stage: how many candidates the prefilter finds. For
    /// measurements.
    #[must_use]
    pub fn count_candidates(&self, text: &[u8]) -> u64 {
        let mut candidates = self.inner.prefilter.candidates();
        let mut count = 0;
        for segment in segments(0, text.len()) {
            let part = text.get(segment.start..text.len().min(segment.end + TAIL)).unwrap_or_default();
            let (mut at, to) = (0, segment.len());
            while at < to {
                at = self.inner.prefilter.find(part, at, to, &mut candidates);
                count += candidates.as_slice().len() as u64;
            }
        }
        count
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("rules", &self.inner.compiled.len())
            .field("literals", &self.inner.literals.len())
            .field("kernel", &self.kernel())
            .finish_non_exhaustive()
    }
}

/// Content is taken in segments: what is encoded in one is matched before the next.
const SEGMENT: usize = 256 << 10;
/// Bytes after a segment that a window which begins in it may need.
pub(super) const TAIL: usize = 64;

pub(super) fn segments(from: usize, to: usize) -> impl Iterator<Item = Range<usize>> {
    (from..to).step_by(SEGMENT).map(move |start| start..to.min(start + SEGMENT))
}

impl Inner {
    /// Whether a rule may match around a literal: what is told without its regex.
    #[inline]
    pub(super) fn may_match(&self, used: &Use, text: &[u8], start: usize) -> bool {
        let (Some(rule), Some(lazy)) = (self.rules.rules().get(used.rule), self.compiled.get(used.rule))
        else {
            return false;
        };
        lazy.shape(rule).may_match(rule, text, start, (used.min_offset, used.max_offset))
    }

    /// The same, once escapes near the literal are undone.
    #[inline]
    pub(super) fn may_match_undone(&self, used: &Use, text: &[u8], literal: Range<usize>) -> bool {
        let (Some(rule), Some(lazy)) = (self.rules.rules().get(used.rule), self.compiled.get(used.rule))
        else {
            return false;
        };
        lazy.shape(rule).may_match_undone(rule, text, literal, (used.min_offset, used.max_offset))
    }

    /// Whether a literal stands at a place.
    pub(super) fn stands(&self, literal: usize, text: &[u8], start: usize) -> bool {
        let Some(literal) = self.literals.get(literal) else { return false };
        let there = text.get(start..start.saturating_add(literal.bytes.len()));
        there.is_some_and(|there| {
            if literal.fold { there.eq_ignore_ascii_case(&literal.bytes) } else { *there == *literal.bytes }
        })
    }
}

/// How far before and after a literal its rules' patterns reach when every other
/// character is escaped; within bounds.
fn escape_reach(uses: &[Use], rules: &[Rule]) -> (usize, usize) {
    let longest = uses.iter().filter_map(|used| rules.get(used.rule)).map(|rule| rule.max_length).max();
    let longest = usize::try_from(longest.unwrap_or(0)).unwrap_or(usize::MAX);
    let offset = uses.iter().map(|used| used.max_offset).max().unwrap_or(0);
    let before = offset.saturating_mul(2).saturating_add(64).min(escapes::BEFORE);
    let after = longest.saturating_mul(2).saturating_add(64).clamp(256, escapes::AFTER);
    (before, after)
}

/// What to look for to find the literals, as they are and encoded.
fn sought(literals: &[Literal]) -> (Vec<Literal>, Vec<Meaning>, Vec<Part>) {
    let mut all: Vec<(Literal, Meaning)> = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    let mut known: HashMap<(Vec<u8>, bool), usize> = HashMap::new();
    for (number, literal) in literals.iter().enumerate() {
        all.push((literal.clone(), Meaning::Whole(number)));
        let text = |bytes: &[u8]| Literal { bytes: bytes.into(), min_offset: 0, max_offset: 0, ..*literal };
        for Beside { text: bytes, part, before } in escapes::beside(literal) {
            let sought = text(&bytes);
            let index = *known.entry((bytes, literal.fold)).or_insert_with(|| {
                all.push((sought, Meaning::Part(parts.len())));
                parts.push(Part { before, len: part.len(), of: Vec::new() });
                parts.len() - 1
            });
            if let Some(known) = parts.get_mut(index) {
                known.of.push((number, part.start));
            }
        }
        let mut wide: Vec<u8> = literal.bytes.iter().flat_map(|byte| [*byte, 0]).collect();
        wide.pop();
        all.push((text(&wide), Meaning::Wide));
    }
    if !literals.is_empty() {
        all.extend(manifest::KINDS.map(|kind| {
            let literal = Literal { bytes: kind.into(), fold: false, min_offset: 0, max_offset: 0 };
            (literal, Meaning::Manifest)
        }));
    }
    let (sought, meaning) = all.into_iter().unzip();
    (sought, meaning, parts)
}
