//! What the engine told, in words that text and JSON share.

use snapsift::rules::{Context, ContextMode, Nearby, Rule, RuleSet, Side};
use snapsift::scan::explain::{Attempt, Claimant, Condition, Ignored, Judged, Outcome};

use super::super::show;

/// What came of a literal, in one word or two.
pub(super) fn verdict(attempt: &Attempt) -> &'static str {
    match &attempt.outcome {
        Outcome::NoMatch(_) => "no match",
        Outcome::Match(judged) if judged.refused.is_some() => "refused",
        Outcome::Match(judged) if judged.claimed_by.is_some() => "claimed",
        Outcome::Match(_) => "finding",
    }
}

/// A byte of the content, unless it could be of a secret and was not asked for.
pub(super) fn byte(byte: u8, reveal: bool) -> String {
    match byte {
        _ if reveal => format!("the byte `{}`", byte.escape_ascii()),
        b'0'..=b'9' => "a digit".into(),
        b'a'..=b'z' => "a lower case letter".into(),
        b'A'..=b'Z' => "an upper case letter".into(),
        b'\n' => "the end of the line".into(),
        0x80.. => "a byte that is not ASCII".into(),
        _ => format!("the byte `{}`", byte.escape_ascii()),
    }
}

/// What a condition is, as its pack has it: its kind, and the rest.
pub(super) fn condition(rule: &Rule, condition: Condition) -> (&'static str, String) {
    match condition {
        Condition::Context(number) => ("context", rule.context.get(number).map(context).unwrap_or_default()),
        Condition::Nearby(number) => ("companion", rule.nearby.get(number).map(nearby).unwrap_or_default()),
        Condition::Check(number) => {
            ("check", rule.checks.get(number).map(show::check_text).unwrap_or_default())
        }
        Condition::Ignored(_) => ("ignored values", String::new()),
    }
}

fn context(context: &Context) -> String {
    let mode = match context.mode {
        ContextMode::Require => "required",
        ContextMode::Forbid => "forbidden",
    };
    let place = region(context.side, context.within_bytes, context.within_lines);
    format!("{mode} {place}: `{}`", context.pattern)
}

fn nearby(nearby: &Nearby) -> String {
    let required = if nearby.required { "required" } else { "optional" };
    let place = region(nearby.side, nearby.within_bytes, nearby.within_lines);
    format!("{required} {place}: `{}`", nearby.pattern)
}

fn region(side: Side, bytes: u32, lines: Option<u32>) -> String {
    let side = match side {
        Side::Before => "before",
        Side::After => "after",
        Side::Around => "around",
    };
    match lines {
        None => format!("{side} it within {bytes} bytes"),
        Some(0) => format!("{side} it within {bytes} bytes of its line"),
        Some(lines) => format!("{side} it within {bytes} bytes and {lines} lines"),
    }
}

/// Which entry of `ignore` holds the secret.
pub(super) fn ignored(ignored: Ignored) -> String {
    match ignored {
        Ignored::Value(number) => format!("entry {} of ignore.values", number + 1),
        Ignored::Pattern(number) => format!("entry {} of ignore.patterns", number + 1),
        Ignored::Blake3(number) => format!("entry {} of ignore.blake3", number + 1),
        Ignored::Sha256(number) => format!("entry {} of ignore.sha256", number + 1),
    }
}

/// By what another match is the better one.
pub(super) fn better(rules: &RuleSet, rule: &Rule, loser: &Judged, winner: &Claimant) -> String {
    let id = rules.rules().get(winner.rule).map_or("another rule", |rule| rule.id.as_str());
    let length = |start: u64, end: u64| end.saturating_sub(start);
    let (long, short) = (length(winner.start, winner.end), length(loser.span.start, loser.span.end));
    if winner.priority > rule.priority {
        format!("{id} claims these bytes: its priority is higher, {} over {}", winner.priority, rule.priority)
    } else if winner.decoded && !loser.decoded {
        format!("{id} claims these bytes: it is what the base64 here says")
    } else if long > short {
        format!("{id} claims these bytes: its match is longer, {long} bytes over {short}")
    } else if winner.start < loser.span.start {
        format!("{id} claims these bytes: its match begins earlier")
    } else {
        format!("{id} claims these bytes: it comes first among the rules")
    }
}
