//! What stands beside the pattern: boundaries, contexts, companions, checks and
//! ignored values, each taken away.

use std::ops::Range;

use super::{Kind, Mutant};
use crate::rules::{ByteSet, Rule};

pub(super) fn mutants(rule: &Rule) -> Vec<Mutant> {
    let mut all = Vec::new();
    let mut add = |kind: Kind, place: Range<usize>, what: &str, change: &dyn Fn(&mut Rule)| {
        let mut mutant = rule.clone();
        change(&mut mutant);
        all.push(Mutant { kind, place, what: what.to_owned(), rule: mutant, pattern: false });
    };
    let source = &rule.source;
    if !rule.not_before.is_empty() {
        let change = |rule: &mut Rule| rule.not_before = ByteSet::empty();
        add(Kind::Boundary, source.not_before.clone(), "any byte before the match", &change);
    }
    if !rule.not_after.is_empty() {
        let change = |rule: &mut Rule| rule.not_after = ByteSet::empty();
        add(Kind::Boundary, source.not_after.clone(), "any byte after the match", &change);
    }
    for number in 0..rule.context.len() {
        let change = |rule: &mut Rule| drop(rule.context.remove(number));
        add(Kind::Context, place(rule, &source.contexts, number), "this context taken away", &change);
    }
    for (number, nearby) in rule.nearby.iter().enumerate() {
        let at = place(rule, &source.nearby, number);
        let change = |rule: &mut Rule| drop(rule.nearby.remove(number));
        add(Kind::Companion, at.clone(), "this companion taken away", &change);
        if nearby.required {
            let change = |rule: &mut Rule| {
                if let Some(nearby) = rule.nearby.get_mut(number) {
                    nearby.required = false;
                }
            };
            add(Kind::Companion, at, "this companion not required", &change);
        }
    }
    for number in 0..rule.checks.len() {
        let change = |rule: &mut Rule| drop(rule.checks.remove(number));
        add(Kind::Check, place(rule, &source.checks, number), "this check taken away", &change);
    }
    for number in 0..rule.ignore.values.len() {
        let change = |rule: &mut Rule| drop(rule.ignore.values.remove(number));
        add(Kind::Ignored, place(rule, &source.ignored_values, number), "this value not ignored", &change);
    }
    for number in 0..rule.ignore.patterns.len() {
        let change = |rule: &mut Rule| drop(rule.ignore.patterns.remove(number));
        add(
            Kind::Ignored,
            place(rule, &source.ignored_patterns, number),
            "this pattern not ignored",
            &change,
        );
    }
    all
}

/// The place of a condition; of the rule where it is not known.
fn place(rule: &Rule, places: &[Range<usize>], number: usize) -> Range<usize> {
    places.get(number).unwrap_or(&rule.source.span).clone()
}
