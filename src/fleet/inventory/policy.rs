//! Policies of AWS IAM: their statements, and whether they allow an action on a resource.
//!
//! Role: reads policy documents, and evaluates them as far as a document alone tells: Allow and
//! Deny, Action and NotAction, Resource and NotResource, wildcards. An explicit Deny wins where
//! it has no condition and covers all that is allowed. An Allow with a condition is taken, and
//! said to be under one. Not for: service control policies, policies of resources and of
//! sessions, and what conditions mean.
//!
//! Source: IAM User Guide, «IAM JSON policy elements» and «Policy evaluation logic»; action
//! names are compared without case, ARNs with it.

use serde_json::Value;

/// No pattern that is compared is longer: ARNs have at most 2048 characters.
const LONGEST: usize = 2048;
/// No policy has more statements or elements that count: its document has a size limit.
const MANY: usize = 2000;

/// A statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) allow: bool,
    pub(super) actions: Vec<String>,
    pub(super) not_actions: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) not_resources: Vec<String>,
    /// Whether it has a condition.
    pub(super) conditional: bool,
    /// Whom it names, in policies that say who may assume a role.
    pub(super) principals: Vec<String>,
}

/// The answer of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    No,
    UnderConditions,
    Yes,
}

/// A text, or a list of texts.
fn texts(value: Option<&Value>) -> Vec<String> {
    let one = |value: &Value| value.as_str().filter(|text| text.len() <= LONGEST).map(str::to_owned);
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(one).take(MANY).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The statements of a document. `None`: it is none.
pub(super) fn statements(document: &Value) -> Option<Vec<Statement>> {
    let list = match document.get("Statement")? {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let mut statements = Vec::new();
    for one in list.into_iter().take(MANY) {
        let allow = match one.get("Effect").and_then(Value::as_str)? {
            "Allow" => true,
            "Deny" => false,
            _ => return None,
        };
        let principals = match one.get("Principal") {
            Some(Value::String(all)) if all == "*" => vec!["*".to_owned()],
            Some(principal) => texts(principal.get("AWS")),
            None => Vec::new(),
        };
        statements.push(Statement {
            allow,
            actions: texts(one.get("Action")),
            not_actions: texts(one.get("NotAction")),
            resources: texts(one.get("Resource")),
            not_resources: texts(one.get("NotResource")),
            conditional: one.get("Condition").and_then(Value::as_object).is_some_and(|all| !all.is_empty()),
            principals,
        });
    }
    Some(statements)
}

/// What policies say of an action on a resource, which may have wildcards: then whether they
/// allow it on any part of it. `of_action` are the statements about the action, with the names of
/// their policies; `user` stands for `${aws:username}`. Gives the policy that allows it.
pub(super) fn evaluate<'s>(
    of_action: &[(&'s str, &'s Statement)],
    resource: &str,
    user: &str,
) -> (Answer, &'s str) {
    let mut best = (Answer::No, "");
    for (policy, allow) in of_action.iter().filter(|(_, one)| one.allow) {
        for part in allow.allowed(resource, user) {
            let denied =
                |(_, deny): &(&str, &Statement)| !deny.allow && deny.denies(&part.text, resource, user);
            let answer =
                if allow.conditional || part.variable { Answer::UnderConditions } else { Answer::Yes };
            if answer > best.0 && !of_action.iter().any(denied) {
                best = (answer, *policy);
            }
        }
        if best.0 == Answer::Yes {
            break;
        }
    }
    best
}

/// A pattern with its variables put in.
struct Pattern {
    text: String,
    /// Whether one is not known: it stands as `*`.
    variable: bool,
}

fn pattern(text: &str, user: &str) -> Pattern {
    let mut out = String::new();
    let (mut rest, mut variable) = (text, false);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(before);
        match name {
            "aws:username" if !user.is_empty() => out.push_str(user),
            // Literal characters, by the same page.
            "*" | "?" | "$" => out.push_str(name),
            _ => {
                out.push('*');
                variable = true;
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Pattern { text: out, variable }
}

impl Statement {
    /// Whether it is about an action.
    pub(super) fn is_about(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let has = |list: &[String]| list.iter().any(|one| covers(&one.to_ascii_lowercase(), &action));
        if self.not_actions.is_empty() { has(&self.actions) } else { !has(&self.not_actions) }
    }

    /// The parts of a resource that it allows.
    fn allowed(&self, resource: &str, user: &str) -> Vec<Pattern> {
        if self.not_resources.is_empty() {
            let patterns = self.resources.iter().map(|one| pattern(one, user));
            return patterns.filter(|one| intersect(&one.text, resource)).collect();
        }
        let all_but = self.not_resources.iter().map(|one| pattern(one, user));
        let left = !all_but.into_iter().any(|one| !one.variable && covers(&one.text, resource));
        left.then(|| Pattern { text: resource.to_owned(), variable: false }).into_iter().collect()
    }

    /// Whether it denies a part of a resource wholly and always.
    fn denies(&self, part: &str, resource: &str, user: &str) -> bool {
        if self.conditional {
            return false;
        }
        if self.not_resources.is_empty() {
            let mut patterns = self.resources.iter().map(|one| pattern(one, user));
            return patterns
                .any(|one| !one.variable && (covers(&one.text, resource) || covers(&one.text, part)));
        }
        let mut all_but = self.not_resources.iter().map(|one| pattern(one, user));
        !all_but.any(|one| intersect(&one.text, resource))
    }
}

/// Whether a pattern with `*` and `?` matches all that `text` does: its wildcards are
/// characters that only `*` matches.
pub(super) fn covers(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut place) = (0_usize, 0_usize);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(place) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, place));
                at = at.saturating_add(1);
            }
            Some(one) if *byte != b'*' && (one == byte || *one == b'?') => {
                at = at.saturating_add(1);
                place = place.saturating_add(1);
            }
            _ => match star {
                Some((back, from)) => {
                    at = back.saturating_add(1);
                    place = from.saturating_add(1);
                    star = Some((back, place));
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// Whether something matches both patterns.
pub(super) fn intersect(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one == b"*" || other == b"*" {
        return true;
    }
    // Most differ before the first wildcard.
    for (a, b) in one.iter().zip(other) {
        if matches!(a, b'*' | b'?') || matches!(b, b'*' | b'?') {
            break;
        }
        if a != b {
            return false;
        }
    }
    if one.len() > LONGEST || other.len() > LONGEST {
        return false;
    }
    // row[j]: whether what is left of `one` and `other[j..]` have a match in common.
    let stars = |rest: &[u8]| rest.iter().all(|byte| *byte == b'*');
    let mut below: Vec<bool> = (0..=other.len()).map(|j| stars(other.get(j..).unwrap_or_default())).collect();
    for (i, a) in one.iter().enumerate().rev() {
        let mut row = vec![false; other.len().saturating_add(1)];
        let end = stars(one.get(i..).unwrap_or_default());
        let mut right = end;
        if let Some(last) = row.last_mut() {
            *last = end;
        }
        for (j, b) in other.iter().enumerate().rev() {
            let down = below.get(j).copied().unwrap_or_default();
            let across = below.get(j.saturating_add(1)).copied().unwrap_or_default();
            let here = match (a, b) {
                // A `*` ends, or takes a character of the other.
                (b'*', _) | (_, b'*') => down || right,
                (b'?', _) | (_, b'?') => across,
                _ => a == b && across,
            };
            if let Some(cell) = row.get_mut(j) {
                *cell = here;
            }
            right = here;
        }
        below = row;
    }
    below.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
