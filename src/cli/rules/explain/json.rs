//! The answer for a program: one object, schema `snapsift-explain/1`.

use std::io::{self, Write};
use std::ops::Range;

use serde_json::{Value, json};
use snapsift::rules::Rule;
use snapsift::scan::explain::{
    Attempt, Condition, Judged, Outcome, RuleExplanation, Stopped, Why, conditions,
};

use super::{Answer, words};

pub(super) fn write(answer: &Answer<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rules: Vec<Value> = answer.shown().map(|(rule, told)| self::rule(answer, rule, told)).collect();
    let object = json!({
        "schema": "snapsift-explain/1",
        "file": answer.content.name,
        "bytes": answer.bytes,
        "line": answer.line,
        "rules_loaded": answer.told.len(),
        "rules_with_literal": answer.told.iter().filter(|told| told.literals > 0).count(),
        "rules": rules,
    });
    serde_json::to_writer_pretty(&mut *out, &object)?;
    out.write_all(b"\n")
}

fn rule(answer: &Answer<'_>, rule: &Rule, told: &RuleExplanation) -> Value {
    let literals: Vec<Value> = rule
        .literals
        .iter()
        .map(|literal| json!({ "text": literal.bytes.escape_ascii().to_string(), "either_case": literal.fold }))
        .collect();
    let attempts: Vec<Value> =
        told.attempts.iter().map(|attempt| self::attempt(answer, rule, attempt)).collect();
    json!({
        "rule": rule.id,
        "secret_type": rule.secret_type,
        "pattern": rule.pattern,
        "literals": literals,
        "literals_seen": told.literals,
        "matched": told.matched,
        "unmatched": told.unmatched,
        "broken": told.broken,
        "attempts": attempts,
        "attempts_not_listed": told.not_listed(),
    })
}

// A member is set by index in what `json!({…})` made, an object: only another kind of
// value would panic.

fn at(answer: &Answer<'_>, offset: u64) -> Value {
    let (line, column) = answer.places.of(offset);
    json!({ "offset": offset, "line": line, "column": column })
}

/// A range that is told by its start and its length.
fn range(answer: &Answer<'_>, range: &Range<u64>) -> Value {
    let mut value = at(answer, range.start);
    value["length"] = json!(range.end.saturating_sub(range.start));
    value
}

fn attempt(answer: &Answer<'_>, rule: &Rule, attempt: &Attempt) -> Value {
    let mut literal = at(answer, attempt.place.start);
    literal["text"] = json!(attempt.literal.escape_ascii().to_string());
    let mut value = json!({
        "verdict": words::verdict(attempt).replace(' ', "_"),
        "literal": literal,
        "encodings": attempt.encodings,
        "window": range(answer, &attempt.window),
    });
    match &attempt.outcome {
        Outcome::NoMatch(stopped) => value["stopped"] = self::stopped(answer, rule, stopped),
        Outcome::Match(judged) => self::judged(answer, rule, judged, &mut value),
    }
    value
}

fn stopped(answer: &Answer<'_>, rule: &Rule, stopped: &Stopped) -> Value {
    let byte = |byte: u8| words::byte(byte, answer.reveal);
    let start = at(answer, stopped.start);
    match &stopped.why {
        Why::NoRoom => json!({ "why": "no_room" }),
        Why::Pattern { at: stop, byte: stopper, part } => json!({
            "why": "pattern",
            "start": start,
            "at": at(answer, *stop),
            "before": stopper.map(byte),
            "part": rule.pattern.get(part.clone()),
            "part_offset": part.start,
        }),
        Why::TooLong { at: stop } => {
            json!({ "why": "max_length", "start": start, "at": at(answer, *stop), "max_length": rule.max_length })
        }
        Why::TooShort { end } => {
            json!({ "why": "ends_before_literal", "start": start, "end": at(answer, *end) })
        }
        Why::Before { byte: before, end } => {
            json!({ "why": "not_before", "start": start, "end": at(answer, *end), "byte": byte(*before) })
        }
        Why::After { byte: after, end } => {
            json!({ "why": "not_after", "start": start, "end": at(answer, *end), "byte": byte(*after) })
        }
    }
}

fn judged(answer: &Answer<'_>, rule: &Rule, judged: &Judged, value: &mut Value) {
    value["match"] = range(answer, &judged.span);
    let mut secret = at(answer, judged.secret.start);
    secret["length"] = json!(judged.value.len());
    secret["preview"] = json!(judged.value.preview(usize::try_from(rule.public_prefix).unwrap_or(0)));
    if answer.reveal {
        secret["raw"] = json!(judged.value.reveal());
    }
    value["secret"] = secret;
    if judged.is_finding() || answer.reveal {
        value["attributes"] = json!(judged.attributes);
    }
    let steps = conditions(rule).into_iter().enumerate();
    let steps = steps.map(|(number, condition)| step(answer, rule, judged, number, condition));
    value["conditions"] = steps.collect();
    value["refused"] = json!(judged.refused);
    if let Some(winner) = &judged.claimed_by {
        value["claimed_by"] = json!({
            "rule": answer.rules.rules().get(winner.rule).map(|rule| &rule.id),
            "priority": winner.priority,
            "match": at(answer, winner.start),
            "length": winner.end.saturating_sub(winner.start),
            "why": words::better(answer.rules, rule, judged, winner),
        });
    }
}

fn step(answer: &Answer<'_>, rule: &Rule, judged: &Judged, number: usize, condition: Condition) -> Value {
    let (kind, text) = words::condition(rule, condition);
    let mut value = json!({ "kind": kind.replace(' ', "_"), "text": text });
    match judged.steps.get(number) {
        None => value["verdict"] = json!("not_reached"),
        Some(step) => {
            value["verdict"] = json!(if step.refused.is_some() { "refused" } else { "passed" });
            value["reason"] = json!(step.refused);
            value["at"] = json!(step.place.as_ref().map(|place| range(answer, place)));
            if let Condition::Ignored(Some(entry)) = step.condition {
                value["entry"] = json!(words::ignored(entry));
            }
        }
    }
    value
}
