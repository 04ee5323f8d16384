//! Where a pattern stops that does not match around a literal.

use std::ops::Range;

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{NFA, WhichCaptures};
use regex_automata::{Anchored, Input, MatchKind, meta};
use regex_syntax::ast::{self, Ast};

use super::super::shape::{byte_before, hir};
use super::super::verify::{Lazy, REGEX_SIZE_LIMIT, Scratch, byte_after, limit};
use super::super::watch::Seen;
use crate::rules::Rule;

/// So many bytes of a content are followed for one attempt, over all the places at
/// which its match may begin.
const MAX_STEPS: usize = 1 << 18;
/// Memory of one automaton, in bytes.
const CACHE: usize = 8 << 20;
/// Groups within groups that are looked into for the part that stops.
const MAX_DEPTH: usize = 16;

/// The start at which a pattern comes furthest, and what ends it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Where the match would begin.
    pub start: u64,
    /// What ends it.
    pub why: Why,
}

/// What ends a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The literal stands nearer to the start of the content than any match has it.
    NoRoom,
    /// Whatever may follow, no match can go on at `at`.
    Pattern {
        /// The first byte that fits no more; the end of the content where there
        /// is none.
        at: u64,
        /// That byte.
        byte: Option<u8>,
        /// The part of the pattern's text that does not match; all before it does.
        part: Range<usize>,
    },
    /// A match has to end at `at` (`max_length`), and the pattern wants more.
    TooLong {
        /// Where it has to end.
        at: u64,
    },
    /// The pattern matches, and its match ends before the literal does.
    TooShort {
        /// Where it ends.
        end: u64,
    },
    /// The pattern matches, and a byte of `not_before` stands before it.
    Before {
        /// The byte.
        byte: u8,
        /// Where the match ends.
        end: u64,
    },
    /// The pattern matches, and a byte of `not_after` stands after it.
    After {
        /// The byte.
        byte: u8,
        /// Where the match ends.
        end: u64,
    },
}

impl Why {
    /// The greater, the nearer to a match: what matches whole, then what comes
    /// furthest.
    fn rank(&self) -> (u8, u64) {
        match self {
            Self::NoRoom => (0, 0),
            Self::Pattern { at, .. } | Self::TooLong { at } => (1, *at),
            Self::TooShort { end } => (2, *end),
            Self::Before { end, .. } | Self::After { end, .. } => (3, *end),
        }
    }
}

/// What tells where one rule's pattern stops.
pub(super) struct Stops {
    lazy: Lazy,
    scratch: Option<Scratch>,
    automaton: Option<(DFA, Cache)>,
    /// The parts that follow each other in the pattern, and how many groups are
    /// open after each.
    parts: Vec<(Range<usize>, usize)>,
}

impl Stops {
    pub(super) fn new(rule: &Rule) -> Self {
        let mut parts = Vec::new();
        if let Ok(ast) = ast::parse::Parser::new().parse(&rule.pattern) {
            append(&ast, 0, &mut parts);
        }
        Self { lazy: Lazy::new(), scratch: None, automaton: automaton(&rule.pattern), parts }
    }

    /// Why there is no match around a literal.
    pub(super) fn why(&mut self, seen: &Seen<'_>) -> Stopped {
        let at = |place: usize| seen.view.place(place);
        let mut best_from = seen.start;
        let mut best = Stopped { start: at(seen.start), why: Why::NoRoom };
        let Some(last) = seen.start.checked_sub(seen.offsets.0) else { return best };
        let mut steps = MAX_STEPS;
        for from in seen.start.saturating_sub(seen.offsets.1)..=last {
            let Some(why) = self.at(seen, from, &mut steps) else { continue };
            // Of equals the last: the shortest way to the same place.
            if why.rank() >= best.why.rank() {
                best = Stopped { start: at(from), why };
                best_from = from;
            }
        }
        if let Why::Pattern { part, .. } = &mut best.why {
            *part = self.part(seen.rule, seen.view.text, best_from);
        }
        best
    }

    /// Why there is no match that begins at `from`; the part of the pattern is left
    /// open.
    fn at(&mut self, seen: &Seen<'_>, from: usize, steps: &mut usize) -> Option<Why> {
        let at = |place: usize| seen.view.place(place);
        let (rule, text) = (seen.rule, seen.view.text);
        let compiled = self.lazy.get(rule)?;
        let scratch = self.scratch.get_or_insert_with(|| compiled.scratch());
        let literal_end = seen.start + seen.literal.bytes.len();
        if let Some(to) = compiled.match_at(rule, text, from, scratch) {
            if to < literal_end {
                return Some(Why::TooShort { end: at(to) });
            }
            if let Some(byte) = byte_before(rule, text, from) {
                return Some(Why::Before { byte, end: at(to) });
            }
            return byte_after(rule, text, to).map(|byte| Why::After { byte, end: at(to) });
        }
        let limit = limit(rule, text, from);
        let (automaton, cache) = self.automaton.as_mut()?;
        let stop = alive(automaton, cache, text, from..limit, steps)?;
        if stop == limit && limit < text.len() {
            return Some(Why::TooLong { at: at(limit) });
        }
        Some(Why::Pattern { at: at(stop), byte: text.get(stop).copied(), part: 0..rule.pattern.len() })
    }

    /// The first part of the pattern such that the pattern up to its end does not
    /// match at `from`.
    fn part(&self, rule: &Rule, text: &[u8], from: usize) -> Range<usize> {
        let (mut good, mut bad) = (0, self.parts.len());
        while good < bad {
            let middle = usize::midpoint(good, bad);
            let fits = self.parts.get(middle).is_some_and(|(part, open)| {
                let head = rule.pattern.get(..part.end).unwrap_or_default();
                begins(&format!("{head}{}", ")".repeat(*open)), text, from..limit(rule, text, from))
            });
            if fits { good = middle + 1 } else { bad = middle }
        }
        self.parts.get(good).map_or(0..rule.pattern.len(), |(part, _)| part.clone())
    }
}

/// Appends the parts of a pattern that follow each other.
fn append(ast: &Ast, open: usize, parts: &mut Vec<(Range<usize>, usize)>) {
    match ast {
        Ast::Concat(concat) => concat.asts.iter().for_each(|ast| append(ast, open, parts)),
        Ast::Group(group) if open < MAX_DEPTH && !matches!(*group.ast, Ast::Alternation(_)) => {
            append(&group.ast, open + 1, parts);
        }
        Ast::Empty(_) | Ast::Flags(_) => {}
        other => parts.push((other.span().start.offset..other.span().end.offset, open)),
    }
}

/// Whether a match of the pattern begins at the start of the range.
fn begins(pattern: &str, text: &[u8], range: Range<usize>) -> bool {
    let Some(hir) = hir(pattern) else { return false };
    let config = meta::Config::new().utf8_empty(false).nfa_size_limit(Some(REGEX_SIZE_LIMIT));
    let Ok(regex) = meta::Builder::new().configure(config).build_from_hir(&hir) else { return false };
    regex.is_match(Input::new(text).span(range).anchored(Anchored::Yes))
}

fn automaton(pattern: &str) -> Option<(DFA, Cache)> {
    let config =
        NFA::config().utf8(false).which_captures(WhichCaptures::None).nfa_size_limit(Some(REGEX_SIZE_LIMIT));
    let nfa = NFA::compiler().configure(config).build_from_hir(&hir(pattern)?).ok()?;
    // All ways that a match may go, not only the one that is preferred.
    let config =
        DFA::config().match_kind(MatchKind::All).cache_capacity(CACHE).skip_cache_capacity_check(true);
    let automaton = DFA::builder().configure(config).build_from_nfa(nfa).ok()?;
    let cache = automaton.create_cache();
    Some((automaton, cache))
}

/// The first place at which no match can go on that begins at the start of the
/// range; `None` where the steps have run out.
fn alive(
    automaton: &DFA,
    cache: &mut Cache,
    text: &[u8],
    range: Range<usize>,
    steps: &mut usize,
) -> Option<usize> {
    let input = Input::new(text).span(range.clone()).anchored(Anchored::Yes);
    let mut state = automaton.start_state_forward(cache, &input).ok()?;
    for place in range.clone() {
        if state.is_dead() {
            return Some(place);
        }
        *steps = steps.checked_sub(1)?;
        state = automaton.next_state(cache, state, *text.get(place)?).ok()?;
        if state.is_dead() || state.is_quit() {
            return Some(place);
        }
    }
    Some(range.end)
}
