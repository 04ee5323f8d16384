//! Watching a scan decide: what the engine tells of each literal that it sees, each
//! condition that it holds a match against, and each overlap that it settles.
//!
//! An ordinary scan watches nothing and pays a comparison for each literal. Whoever
//! watches (see [`super::explain`]) is told by the code that decides, and so cannot
//! come to another verdict than a scan.

use std::ops::Range;

use super::checks::Refusal;
use super::decode::View;
use super::hit::Hit;
use crate::rules::{Literal, Rule};

/// A rule's literal in a text.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    /// Index of the rule in the rule set.
    pub(super) number: usize,
    pub(super) rule: &'a Rule,
    pub(super) literal: &'a Literal,
    /// How far from the start of a match the literal may stand.
    pub(super) offsets: (usize, usize),
    /// The window of the content, or what is encoded in a part of it.
    pub(super) view: &'a View<'a>,
    /// Where in its text the literal stands.
    pub(super) start: usize,
}

/// A condition of a rule, by its number among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// This one of `context`.
    Context(usize),
    /// This one of `nearby`.
    Nearby(usize),
    /// This one of `checks`.
    Check(usize),
    /// All of `ignore`, with what the secret is equal to, where it is.
    Ignored(Option<Ignored>),
}

/// Which entry of a rule's `ignore` holds a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// This one of `values`.
    Value(usize),
    /// This one of `patterns`.
    Pattern(usize),
    /// This one of `blake3`.
    Blake3(usize),
    /// This one of `sha256`.
    Sha256(usize),
}

/// A verified match, as overlaps are settled by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// Index of the rule in the rule set.
    pub rule: usize,
    /// The priority of the rule.
    pub priority: i32,
    /// Start of the match in the content.
    pub start: u64,
    /// Its end.
    pub end: u64,
    /// Whether it is the text of what is base64 there.
    pub decoded: bool,
}

/// Is told what happens.
pub(super) trait Watch {
    /// The pattern does not match around a literal.
    fn unmatched(&mut self, _seen: &Seen<'_>) {}

    /// The pattern matches around a literal, at this span of its text.
    fn matched(&mut self, _seen: &Seen<'_>, _span: &Range<usize>) {}

    /// A condition was held against the last match. `place` tells where in the
    /// hit's text it found what it looks for, if it looks for something.
    fn condition(
        &mut self,
        _condition: Condition,
        _place: &dyn Fn() -> Option<Range<usize>>,
        _verdict: Result<(), Refusal>,
    ) {
    }

    /// The last match, as its conditions left it, and whether they all hold.
    fn judged(&mut self, _hit: &Hit<'_>, _verdict: Result<(), Refusal>) {}

    /// A verified match was dropped for a better one.
    fn dropped(&mut self, _loser: Claimant, _winner: Claimant) {}
}

/// Nobody watches.
pub(super) struct Unwatched;

impl Watch for Unwatched {}
