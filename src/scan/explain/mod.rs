//! Why is this a finding, or why is it not?
//!
//! Scans a content as ever and keeps what the engine told on the way: for each rule
//! whose literal stands there, whether its pattern matched around it or where it
//! stopped, what each condition said, and which other rule claimed the bytes.
//!
//! What is kept is bounded, whatever the content holds: so many attempts of each
//! rule, the rest counted.

mod stopped;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use stopped::{Stopped, Why};

use super::checks::Refusal;
use super::engine::Engine;
use super::hit::Hit;
use super::resolve::is_decoded;
use super::verify::REACH;
pub use super::watch::{Claimant, Condition, Ignored};
use super::watch::{Seen, Watch};
use crate::finding::{Encoding, Secret};
use crate::rules::Rule;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Only about what touches these offsets of the content.
    pub within: Option<Range<u64>>,
    /// The most attempts of each rule that are listed: so many that matched, and so
    /// many that did not.
    pub most: usize,
}

/// What the engine made of a content.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Bytes of the content.
    pub bytes: u64,
    /// What became of each rule, in order of the rule set.
    pub rules: Vec<RuleExplanation>,
}

/// What one rule made of a content.
#[derive(Clone, Debug, Default)]
pub struct RuleExplanation {
    /// How often one of its literals was seen.
    pub literals: u64,
    /// How often its pattern matched, each match once.
    pub matched: u64,
    /// How often its pattern did not match around a literal.
    pub unmatched: u64,
    /// The first attempts, in order of their places.
    pub attempts: Vec<Attempt>,
    /// Whether its pattern, or one of its conditions, cannot be built.
    pub broken: bool,
}

impl RuleExplanation {
    /// How many attempts are not listed.
    #[must_use]
    pub fn not_listed(&self) -> u64 {
        (self.matched + self.unmatched).saturating_sub(self.attempts.len() as u64)
    }
}

/// One literal that stands in the content, and what came of it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which of the rule's literals: its bytes.
    pub literal: Box<[u8]>,
    /// Whether its letters match in either case.
    pub fold: bool,
    /// Where it stands.
    pub place: Range<u64>,
    /// The encodings that were undone to see it, outermost first. All offsets are
    /// those of the content as it is.
    pub encodings: Vec<Encoding>,
    /// The window: from the first place at which a match may begin, to where one
    /// ends at the latest.
    pub window: Range<u64>,
    /// What came of it.
    pub outcome: Outcome,
}

impl Attempt {
    /// Whether the pattern matched there, in text that was base64 or that was not.
    fn is_match(&self, (span, decoded): &(Range<u64>, bool)) -> bool {
        matches!(&self.outcome, Outcome::Match(judged) if judged.span == *span && judged.decoded == *decoded)
    }
}

/// What came of a literal.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The pattern does not match around it.
    NoMatch(Stopped),
    /// The pattern matches.
    Match(Box<Judged>),
}

/// A match and its verdict.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The match of the pattern.
    pub span: Range<u64>,
    /// The secret, as far as the conditions have come to know it.
    pub secret: Range<u64>,
    /// Its value.
    pub value: Secret,
    /// Whether it is the text of what is base64 there.
    pub decoded: bool,
    /// Attributes from groups, companions and checks.
    pub attributes: BTreeMap<String, String>,
    /// What each condition said, in order, up to the first that refused.
    pub steps: Vec<Step>,
    /// Why it is refused, where it is.
    pub refused: Option<&'static str>,
    /// The better match that claims its secret, where there is one.
    pub claimed_by: Option<Claimant>,
}

impl Judged {
    /// Whether it is a finding.
    #[must_use]
    pub fn is_finding(&self) -> bool {
        self.refused.is_none() && self.claimed_by.is_none()
    }
}

/// What one condition said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub condition: Condition,
    /// Where it found what it looks for.
    pub place: Option<Range<u64>>,
    /// Why it refuses, where it does.
    pub refused: Option<&'static str>,
}

/// All conditions of a rule, in the order in which a match is held against them.
#[must_use]
pub fn conditions(rule: &Rule) -> Vec<Condition> {
    let contexts = (0..rule.context.len()).map(Condition::Context);
    let nearby = (0..rule.nearby.len()).map(Condition::Nearby);
    let checks = (0..rule.checks.len()).map(Condition::Check);
    contexts.chain(nearby).chain(checks).chain([Condition::Ignored(None)]).collect()
}

/// Scans what a reader gives, to its end, and tells what came of each rule.
///
/// # Errors
///
/// What the reader fails with.
pub fn explain(engine: &Engine, reader: impl Read, question: &Question) -> io::Result<Explanation> {
    let record = Record {
        question: question.clone(),
        rules: vec![RuleExplanation::default(); engine.rules().rules().len()],
        stops: HashMap::new(),
        last: HashMap::new(),
        current: None,
    };
    let shared = Shared(Arc::new(Mutex::new(record)));
    let mut scanner = engine.scanner();
    scanner.watch(Box::new(shared.clone()));
    let bytes = scanner.scan_reader(reader, &mut |_| {})?;
    let mut rules = std::mem::take(&mut shared.lock().rules);
    let broken = engine.broken_rules();
    for (rule, told) in engine.rules().rules().iter().zip(&mut rules) {
        told.broken = broken.contains(&rule.id.as_str());
        told.attempts.sort_by_key(|attempt| (attempt.place.start, attempt.window.start));
    }
    Ok(Explanation { bytes, rules })
}

/// What the scanner tells and the caller reads.
#[derive(Clone)]
struct Shared(Arc<Mutex<Record>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Record {
    question: Question,
    rules: Vec<RuleExplanation>,
    /// What tells where a rule's pattern stops, by rule.
    stops: HashMap<usize, stopped::Stops>,
    /// The last match of each rule, and whether it is text that was base64.
    last: HashMap<usize, (Range<u64>, bool)>,
    /// The match that is being judged.
    current: Option<Current>,
}

struct Current {
    rule: usize,
    attempt: Attempt,
    /// From places in the hit's text to offsets.
    back: Back,
    span: Range<u64>,
    steps: Vec<Step>,
}

/// From places in a hit's text to offsets in the content.
enum Back {
    Plain(u64),
    /// That of each byte, and of the end.
    Decoded(Vec<u64>),
}

impl Back {
    /// Of the text of the hit that a match at `span` of a view becomes.
    fn new(seen: &Seen<'_>, span: &Range<usize>) -> Self {
        let first = span.start.saturating_sub(REACH);
        if seen.view.chain.is_empty() {
            return Self::Plain(seen.view.place(first));
        }
        let last = seen.view.text.len().min(span.end.saturating_add(REACH));
        Self::Decoded((first..=last).map(|index| seen.view.place(index)).collect())
    }

    fn range(&self, range: &Range<usize>) -> Range<u64> {
        let at = |place: usize| match self {
            Self::Plain(shift) => shift + place as u64,
            Self::Decoded(places) => places.get(place).or(places.last()).copied().unwrap_or(0),
        };
        at(range.start)..at(range.end).max(at(range.start))
    }
}

impl Record {
    fn is_asked(&self, ranges: &[&Range<u64>]) -> bool {
        self.question.within.as_ref().is_none_or(|within| {
            ranges
                .iter()
                .any(|range| range.start < within.end && within.start < range.end.max(range.start + 1))
        })
    }
}

fn attempt(seen: &Seen<'_>, outcome: Outcome) -> Attempt {
    let length = usize::try_from(seen.rule.max_length).unwrap_or(usize::MAX);
    let last = seen.start.saturating_sub(seen.offsets.0).saturating_add(length).min(seen.view.text.len());
    Attempt {
        literal: seen.literal.bytes.clone(),
        fold: seen.literal.fold,
        place: place(seen),
        encodings: seen.view.chain.to_vec(),
        window: seen.view.places(&(seen.start.saturating_sub(seen.offsets.1)..last)),
        outcome,
    }
}

/// Where a literal stands in the content.
fn place(seen: &Seen<'_>) -> Range<u64> {
    seen.view.places(&(seen.start..seen.start + seen.literal.bytes.len()))
}

impl Watch for Shared {
    fn unmatched(&mut self, seen: &Seen<'_>) {
        let mut guard = self.lock();
        let record = &mut *guard;
        if !record.is_asked(&[&place(seen)]) {
            return;
        }
        let most = record.question.most;
        let Some(told) = record.rules.get_mut(seen.number) else { return };
        told.literals += 1;
        told.unmatched += 1;
        let listed = told.attempts.iter().filter(|known| matches!(known.outcome, Outcome::NoMatch(_)));
        if listed.count() < most {
            let stops = record.stops.entry(seen.number).or_insert_with(|| stopped::Stops::new(seen.rule));
            told.attempts.push(attempt(seen, Outcome::NoMatch(stops.why(seen))));
        }
    }

    fn matched(&mut self, seen: &Seen<'_>, span: &Range<usize>) {
        let span_in_content = seen.view.places(span);
        let judged = Judged {
            span: span_in_content.clone(),
            secret: span_in_content.clone(),
            value: Secret::new(b""),
            decoded: false,
            attributes: BTreeMap::new(),
            steps: Vec::new(),
            refused: None,
            claimed_by: None,
        };
        self.lock().current = Some(Current {
            rule: seen.number,
            attempt: attempt(seen, Outcome::Match(Box::new(judged))),
            back: Back::new(seen, span),
            span: span_in_content,
            steps: Vec::new(),
        });
    }

    fn condition(
        &mut self,
        condition: Condition,
        place: &dyn Fn() -> Option<Range<usize>>,
        verdict: Result<(), Refusal>,
    ) {
        let mut record = self.lock();
        let Some(current) = &mut record.current else { return };
        let place = place().map(|place| current.back.range(&place));
        current.steps.push(Step { condition, place, refused: verdict.err().map(|refusal| refusal.0) });
    }

    fn judged(&mut self, hit: &Hit<'_>, verdict: Result<(), Refusal>) {
        let mut guard = self.lock();
        let record = &mut *guard;
        let Some(Current { rule, mut attempt, back, span, steps }) = record.current.take() else { return };
        let secret = back.range(&hit.secret);
        if !record.is_asked(&[&attempt.place, &span, &secret]) {
            return;
        }
        let most = record.question.most;
        let Some(told) = record.rules.get_mut(rule) else { return };
        told.literals += 1;
        // A match that holds several of its rule's literals is found by each. What is
        // base64 in a manifest can be matched at one place as it is and decoded.
        let twin = (span.clone(), is_decoded(&attempt.encodings, hit.secret_bytes()));
        let last = record.last.insert(rule, twin.clone());
        if last.as_ref() == Some(&twin) || told.attempts.iter().any(|known| known.is_match(&twin)) {
            return;
        }
        told.matched += 1;
        if !attempt.encodings.is_empty() {
            // It was tried as it is, before its escapes were undone.
            let before = told.attempts.len();
            told.attempts.retain(|known| {
                known.place != attempt.place || !matches!(known.outcome, Outcome::NoMatch(_))
            });
            told.unmatched -= (before - told.attempts.len()) as u64;
        }
        let listed = told.attempts.iter().filter(|known| matches!(known.outcome, Outcome::Match(_)));
        if listed.count() >= most {
            return;
        }
        attempt.outcome = Outcome::Match(Box::new(Judged {
            span,
            secret,
            value: Secret::new(hit.secret_bytes()),
            decoded: twin.1,
            attributes: hit
                .attributes
                .iter()
                .map(|(name, value)| (name.clone().into_owned(), value.clone()))
                .collect(),
            steps,
            refused: verdict.err().map(|refusal| refusal.0),
            claimed_by: None,
        }));
        told.attempts.push(attempt);
    }

    fn dropped(&mut self, loser: Claimant, winner: Claimant) {
        let mut record = self.lock();
        let Some(told) = record.rules.get_mut(loser.rule) else { return };
        let lost = (loser.start..loser.end, loser.decoded);
        for attempt in told.attempts.iter_mut().filter(|attempt| attempt.is_match(&lost)) {
            if let Outcome::Match(judged) = &mut attempt.outcome
                && judged.refused.is_none()
            {
                judged.claimed_by = Some(winner);
            }
        }
    }
}

#[cfg(test)]
mod tests;
