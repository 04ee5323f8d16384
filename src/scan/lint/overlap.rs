//! Rules that others take the findings of.
//!
//! Two things can be told without running a scan: that a rule has the same pattern
//! as another that asks no more and outranks it, so that it never reports; and that
//! one of its examples, run through all rules, is reported by another.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use crate::rules::{Check, Diagnostic, Example, Ignore, Rule, RuleSet};
use crate::scan::{Engine, Kernel, Match, Scanner};

/// Objections, each with the number of its rule.
pub(super) fn check(rules: &RuleSet) -> Vec<(usize, Diagnostic)> {
    let mut found = same_patterns(rules.rules());
    let hidden: Vec<usize> = found
        .iter()
        .filter(|(_, objection)| objection.code == "unreachable")
        .map(|(number, _)| *number)
        .collect();
    let engine = Engine::with_kernel(rules, Kernel::best());
    let by_example = (0..rules.rules().len()).into_par_iter().map_init(
        || engine.scanner(),
        |scanner, number| {
            let objections =
                if hidden.contains(&number) { Vec::new() } else { examples(rules, number, scanner) };
            objections.into_iter().map(|objection| (number, objection)).collect::<Vec<_>>()
        },
    );
    found.extend(by_example.flatten().collect::<Vec<_>>());
    found
}

/// Rules with equal patterns and boundaries.
fn same_patterns(rules: &[Rule]) -> Vec<(usize, Diagnostic)> {
    let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        let group = groups.entry(rule.pattern.as_str()).or_default();
        let mut others = group.iter().filter_map(|other| Some((*other, rules.get(*other)?)));
        let twin = others
            .find(|(_, other)| other.not_before == rule.not_before && other.not_after == rule.not_after);
        if let Some((earlier, other)) = twin {
            // Of equal priorities the earlier rule wins.
            let (winner, (loser, beaten)) = if rule.priority > other.priority {
                (rule, (earlier, other))
            } else {
                (other, (number, rule))
            };
            found.push((loser, twin_objection(winner, beaten)));
        }
        group.push(number);
    }
    found
}

fn twin_objection(winner: &Rule, beaten: &Rule) -> Diagnostic {
    let place = beaten.source.pattern.clone();
    if asks_no_more(winner, beaten) {
        let message =
            format!("`{}` never reports anything: `{}` finds all that it finds", beaten.id, winner.id);
        return beaten
            .error_at(place, message)
            .warning("unreachable")
            .with_label(format!("the same pattern, and `{}` asks for nothing more", winner.id))
            .with_help(format!(
                "remove one of them, or raise the priority of `{}` above {}",
                beaten.id, winner.priority
            ));
    }
    let message = format!("`{}` has the same pattern as `{}`", beaten.id, winner.id);
    let objection = beaten.error_at(place, message).warning("same-pattern").with_help(
        "one rule with a wider condition is cheaper than two; where both are meant, see that each has a context, a \
         companion or a check that the other one refuses",
    );
    let told_apart = winner.context != beaten.context || winner.nearby != beaten.nearby;
    if told_apart && winner.secret_type != beaten.secret_type { objection.note() } else { objection }
}

/// Whether every finding of the one is a finding of the other at the same place.
fn asks_no_more(other: &Rule, rule: &Rule) -> bool {
    let more_of_rule = rule.checks.iter().filter(|check| !other.checks.contains(check));
    other.nearby == rule.nearby
        && other.max_length >= rule.max_length
        && other.context.iter().all(|context| rule.context.contains(context))
        && other.checks.iter().all(|check| rule.checks.contains(check))
        // A check that moves the secret may move it out of what the other claims.
        && more_of_rule.into_iter().all(only_refuses)
        && ignores_no_more(&other.ignore, &rule.ignore)
}

fn only_refuses(check: &Check) -> bool {
    matches!(
        check,
        Check::Entropy { .. }
            | Check::Characters { .. }
            | Check::NotPlaceholder { .. }
            | Check::Crc32 { .. }
            | Check::DefaultAttribute { .. }
    )
}

fn ignores_no_more(other: &Ignore, rule: &Ignore) -> bool {
    let within = |some: &[String], all: &[String]| some.iter().all(|value| all.contains(value));
    within(&other.values, &rule.values)
        && within(&other.patterns, &rule.patterns)
        && within(&other.blake3, &rule.blake3)
        && within(&other.sha256, &rule.sha256)
}

/// The examples of a rule that others report, and not the rule.
fn examples(rules: &RuleSet, number: usize, scanner: &mut Scanner) -> Vec<Diagnostic> {
    let Some(rule) = rules.rules().get(number) else { return Vec::new() };
    let mut taken: Vec<(&Example, Vec<&Rule>)> = Vec::new();
    for example in &rule.examples {
        let mut matches = Vec::new();
        scanner.scan(example.text.as_bytes(), &mut |hit| matches.push(hit));
        if let Some(takers) = takers(rules, number, example, &matches) {
            taken.push((example, takers));
        }
    }
    let all = !taken.is_empty() && taken.len() == rule.examples.len();
    let objections = taken.iter().map(|(example, takers)| taken_objection(rule, example, takers, all));
    // One message says it all where nothing of the rule is left.
    objections.take(if all { 1 } else { usize::MAX }).collect()
}

/// The rules that report an example which its own rule does not report.
fn takers<'r>(
    rules: &'r RuleSet,
    number: usize,
    example: &Example,
    matches: &[Match],
) -> Option<Vec<&'r Rule>> {
    let is_own = |found: &&Match| {
        found.rule == number
            && example.secret.as_ref().is_none_or(|secret| secret.as_bytes() == found.secret.expose())
    };
    if matches.is_empty() || matches.iter().any(|found| is_own(&found)) {
        return None;
    }
    let others = matches.iter().filter(|found| found.rule != number);
    let by_number: BTreeMap<usize, &Rule> =
        others.filter_map(|found| Some((found.rule, rules.rules().get(found.rule)?))).collect();
    let takers: Vec<&Rule> = by_number.into_values().collect();
    (!takers.is_empty()).then_some(takers)
}

fn taken_objection(rule: &Rule, example: &Example, takers: &[&Rule], all: bool) -> Diagnostic {
    let names: Vec<String> = takers.iter().map(|taker| format!("`{}`", taker.id)).collect();
    let names = names.join(" and ");
    let (code, message) = if all {
        ("unreachable", format!("every example of `{}` is reported by other rules, here by {names}", rule.id))
    } else {
        ("overlap", format!("an example of `{}` is reported by {names}", rule.id))
    };
    let priorities: Vec<String> = takers.iter().map(|taker| taker.priority.to_string()).collect();
    let objection = rule
        .error_at(example.span.clone(), message)
        .warning(code)
        .with_label(format!("priority {} against {}", priorities.join(" and "), rule.priority))
        .with_help(format!(
            "raise the priority of `{}` if it says more about the secret, narrow the other one, or remove the example",
            rule.id
        ));
    // Two ways to find one type of secret: nothing is lost.
    let same_type = takers.iter().all(|taker| taker.secret_type == rule.secret_type);
    if same_type && !all { objection.note() } else { objection }
}
