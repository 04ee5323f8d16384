//! Which condition of a rule no example defends.
//!
//! Role: takes each part of a rule away, or weakens it, and runs the rule's own
//! examples and counter examples again. Where all still hold, nobody would notice
//! the part's loss: it *survives*, and is told with its place. Not for: whether the
//! examples hold to begin with (see [`super::examples`]).

mod anywhere;
mod conditions;
mod pattern;
#[cfg(test)]
mod tests;

use std::ops::Range;

use rayon::prelude::*;

use self::anywhere::Anywhere;
use super::engine::Engine;
use super::examples::mismatch;
use super::{Kernel, Match};
use crate::rules::{Diagnostic, Patterns, Rule, RuleSet, literals};
use crate::threads::Pool;

/// What of a rule is taken away or weakened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A part of a sequence in the pattern is taken away.
    Element,
    /// A branch of an alternation is taken away.
    Branch,
    /// `\b`, `^`, `$`, `not_before` or `not_after` is taken away.
    Boundary,
    /// What may be left out must be there.
    Optional,
    /// A count is widened.
    Count,
    /// A class becomes one of any byte but a line feed.
    Class,
    /// A flag such as `(?i)` is taken away.
    Flag,
    /// A named group loses its name.
    Group,
    /// A `[[rule.context]]` is taken away.
    Context,
    /// A `[[rule.nearby]]` is taken away, or becomes optional.
    Companion,
    /// One of `checks` is taken away.
    Check,
    /// One of `ignore.values` or `ignore.patterns` is taken away.
    Ignored,
}

impl Kind {
    /// The kind in one lower case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Element => "element",
            Self::Branch => "branch",
            Self::Boundary => "boundary",
            Self::Optional => "optional",
            Self::Count => "count",
            Self::Class => "class",
            Self::Flag => "flag",
            Self::Group => "group",
            Self::Context => "context",
            Self::Companion => "companion",
            Self::Check => "check",
            Self::Ignored => "ignored",
        }
    }

    /// The kind for a person.
    const fn noun(self) -> &'static str {
        match self {
            Self::Element => "part of the pattern",
            Self::Optional => "optional part",
            Self::Ignored => "ignored value",
            other => other.as_str(),
        }
    }

    /// What would defend it.
    const fn advice(self) -> &'static str {
        match self {
            Self::Element => "add a counter example that lacks only this part",
            Self::Branch => "add an example for this branch, or leave it out",
            Self::Boundary => "add a counter example with one more character at this end",
            Self::Optional => "add an example in which this is left out",
            Self::Count => "add a counter example of one character too few, or too many",
            Self::Class => "add a counter example with a character that this excludes",
            Self::Flag => "add an example that needs this flag, such as one in the other case",
            Self::Group => "give the `secret` or the `attributes` of an example",
            Self::Context => "add a counter example that only this context refuses",
            Self::Companion => {
                "add a counter example without the companion, or an example whose `attributes` come from it"
            }
            Self::Check => {
                "add a counter example that only this check refuses, or an example whose `attributes` come from it"
            }
            Self::Ignored => "add a counter example that holds this value",
        }
    }
}

/// A rule with one part taken away or weakened.
pub(crate) struct Mutant {
    pub(crate) kind: Kind,
    /// Where the part stands in the pack.
    pub(crate) place: Range<usize>,
    /// What was done, in a few words.
    pub(crate) what: String,
    pub(crate) rule: Rule,
    /// Whether its pattern is another one than the rule's.
    pub(crate) pattern: bool,
}

/// A part of a rule that no example defends.
#[derive(Clone, Debug)]
pub struct Survivor {
    /// The rule's id.
    pub rule: String,
    /// What the part is.
    pub kind: Kind,
    /// What was done to it, in a few words.
    pub what: String,
    /// The part underlined in its pack, with advice.
    pub diagnostic: Diagnostic,
}

/// How well one rule is defended.
#[derive(Clone, Debug)]
pub struct Defence {
    /// The rule's id.
    pub rule: String,
    /// Parts whose loss an example notices.
    pub killed: usize,
    /// All parts that were taken away.
    pub all: usize,
}

/// What the mutation of rules has shown.
#[derive(Clone, Debug, Default)]
pub struct Mutation {
    /// Parts whose loss an example notices.
    pub killed: usize,
    /// Parts whose loss none notices, in order of rules and places.
    pub survivors: Vec<Survivor>,
    /// Each rule that was looked at, in order.
    pub rules: Vec<Defence>,
    /// Rules that were not looked at: their own examples fail, or they have none.
    pub skipped: Vec<String>,
    /// Mutants that could not be judged: an example is too long for them, or a rule
    /// has more than are tried.
    pub unjudged: usize,
}

impl Mutation {
    /// The share of parts that are defended: 0 to 1; 1 where there are none.
    #[must_use]
    pub fn score(&self) -> f64 {
        let all = self.killed + self.survivors.len();
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        if all == 0 { 1.0 } else { number(self.killed) / number(all) }
    }
}

/// Takes every part of every rule away, one at a time.
#[must_use]
pub fn run(rules: &RuleSet) -> Mutation {
    let work = || rules.rules().par_iter().map(mutate).collect::<Vec<_>>();
    let each = match Pool::of_cores() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    };
    each.into_iter().fold(Mutation::default(), |mut all, one| {
        all.killed += one.killed;
        all.unjudged += one.unjudged;
        all.survivors.extend(one.survivors);
        all.rules.extend(one.rules);
        all.skipped.extend(one.skipped);
        all
    })
}

fn mutate(rule: &Rule) -> Mutation {
    let mut result = Mutation::default();
    if rule.examples.is_empty() || judge(rule, false) != Some(true) {
        result.skipped.push(rule.id.clone());
        return result;
    }
    let mut mutants = conditions::mutants(rule);
    result.unjudged += pattern::mutants(rule, &mut mutants);
    for mutant in mutants {
        match judge(&mutant.rule, mutant.pattern) {
            Some(false) => result.killed += 1,
            Some(true) => result.survivors.push(survivor(rule, mutant)),
            None => result.unjudged += 1,
        }
    }
    result.survivors.sort_by_key(|survivor| survivor.diagnostic.span.start);
    let all = result.killed + result.survivors.len();
    result.rules.push(Defence { rule: rule.id.clone(), killed: result.killed, all });
    result
}

fn survivor(rule: &Rule, mutant: Mutant) -> Survivor {
    let message = format!("no example of `{}` defends this {}", rule.id, mutant.kind.noun());
    let diagnostic = rule
        .error_at(mutant.place, message)
        .warning("undefended")
        .with_label(format!("all examples hold with {}", mutant.what))
        .with_help(mutant.kind.advice());
    Survivor { rule: rule.id.clone(), kind: mutant.kind, what: mutant.what, diagnostic }
}

/// Whether all examples and counter examples hold; `None` where that cannot be
/// told. `new_pattern`: the literals are not those of the pattern.
fn judge(rule: &Rule, new_pattern: bool) -> Option<bool> {
    let mut rule = rule.clone();
    let mut finder = if new_pattern { Finder::of_new_pattern(&mut rule)? } else { Finder::engine(&rule) };
    for example in &rule.examples {
        let found = finder.find(&rule, &example.text)?;
        if found.is_empty() || mismatch(example, &found).is_some() {
            return Some(false);
        }
    }
    for example in &rule.counter_examples {
        if !finder.find(&rule, &example.text)?.is_empty() {
            return Some(false);
        }
    }
    Some(true)
}

/// What finds a mutant's matches.
enum Finder {
    /// As a scan does.
    Engine(Engine),
    /// For a pattern that has lost its literals.
    Anywhere(Box<Anywhere>),
}

impl Finder {
    fn engine(rule: &Rule) -> Self {
        let alone = RuleSet::new(vec![rule.clone()], String::new());
        // The portable kernel has the cheapest tables to build.
        Self::Engine(Engine::with_kernel(&alone, Kernel::Portable))
    }

    fn of_new_pattern(rule: &mut Rule) -> Option<Self> {
        let hir = Patterns::new().parse(&rule.pattern).ok()?;
        match literals::derive(&hir) {
            Ok(found) => {
                rule.literals = found;
                Some(Self::engine(rule))
            }
            Err(_) => Some(Self::Anywhere(Box::new(Anywhere::new()))),
        }
    }

    /// `None` where the text is too long, or the pattern cannot be built.
    fn find(&mut self, rule: &Rule, text: &str) -> Option<Vec<Match>> {
        match self {
            Self::Engine(engine) => {
                let mut found = Vec::new();
                engine.scanner().scan(text.as_bytes(), &mut |hit| found.push(hit));
                engine.broken_rules().is_empty().then_some(found)
            }
            Self::Anywhere(anywhere) => anywhere.find(rule, text.as_bytes()),
        }
    }
}
