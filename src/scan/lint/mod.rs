//! What is doubtful about rules that are valid: what they cost, which of them can
//! never report anything, what nothing tests.
//!
//! Role: warnings, each with a code, its place and advice; nothing here refuses a
//! rule. Not for: what makes a pack invalid (see `rules`) and examples that fail
//! (see [`super::examples`]).

mod cost;
mod overlap;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use rayon::prelude::*;

use crate::rules::{Diagnostic, Rule, RuleSet};
use crate::threads::Pool;

/// Everything that is doubtful about the rules, in order of the rules. Rules whose
/// examples fail should be corrected first: what overlaps them is not told.
///
/// | code | what |
/// |---|---|
/// | `frequent-literal` | its literals stand so often on disks that they slow a scan |
/// | `wide-gap` | its literal may stand at many distances from the start of the match |
/// | `slow-worst-case` | a text made for it can keep it busy |
/// | `large-pattern` | its pattern is near the limit |
/// | `same-pattern` | another rule has the same pattern |
/// | `unknown-rule` | a place names a rule that is not among the rules |
/// | `unreachable` | whatever it finds, another rule reports |
/// | `overlap` | another rule reports one of its examples |
/// | `no-example`, `no-counter-example` | nothing tests it |
#[must_use]
pub fn check(rules: &RuleSet) -> Vec<Diagnostic> {
    let work = || {
        let (alone, together) = rayon::join(
            || {
                let each = rules.rules().par_iter().map(|rule| {
                    let mut found = untested(rule);
                    found.extend(cost::check(rule));
                    found
                });
                each.collect::<Vec<_>>()
            },
            || overlap::check(rules),
        );
        let mut found: Vec<(usize, Diagnostic)> = together;
        found.extend(unknown(rules));
        for (number, diagnostics) in alone.into_iter().enumerate() {
            found.extend(diagnostics.into_iter().map(|diagnostic| (number, diagnostic)));
        }
        found.sort_by_key(|(number, diagnostic)| (*number, diagnostic.span.start));
        found.into_iter().map(|(_, diagnostic)| diagnostic).collect()
    };
    match Pool::of_cores() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

/// Places that name no rule.
fn unknown(rules: &RuleSet) -> Vec<(usize, Diagnostic)> {
    let ids: HashSet<&str> = rules.rules().iter().map(|rule| rule.id.as_str()).collect();
    let mut found = Vec::new();
    for (number, rule) in rules.rules().iter().enumerate() {
        for (place, span) in rule.places.iter().zip(&rule.source.places) {
            if !ids.contains(place.reported_as.as_str()) {
                let message = format!("no rule has the id `{}`", place.reported_as);
                let objection = rule
                    .error_at(span.clone(), message)
                    .warning("unknown-rule")
                    .with_help("without it the finding stays as it is; give the pack that has the rule, too");
                found.push((number, objection));
            }
        }
    }
    found
}

/// What has no example.
fn untested(rule: &Rule) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let head = rule.source.span.clone();
    if rule.examples.is_empty() {
        found.push(
            rule.error_at(head.clone(), format!("`{}` has no example", rule.id))
                .warning("no-example")
                .with_help("add an [[rule.example]] for each way in which its secret is written"),
        );
    }
    if rule.counter_examples.is_empty() {
        found.push(
            rule.error_at(head, format!("`{}` has no counter example", rule.id))
                .warning("no-counter-example")
                .with_help("add a [[rule.counter_example]]: a placeholder, a digest, a neighbour's token"),
        );
    }
    found
}
