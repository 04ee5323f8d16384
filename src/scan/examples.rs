//! The examples of rules, run: each must match with what it says, each counter
//! example must not match.
//!
//! A rule is run alone, so that what is tested is the rule and not how it fares
//! against others.

use crate::rules::{Diagnostic, Example, Rule, RuleSet};

use super::engine::Engine;
use super::verify::Lazy;
use super::watch::Unwatched;
use super::{Kernel, Match};

/// Runs the examples of all rules and gives a fault for each that is not as the
/// rule says, with its place in the pack.
#[must_use]
pub fn check(rules: &RuleSet) -> Vec<Diagnostic> {
    rules.rules().iter().flat_map(check_rule).collect()
}

fn check_rule(rule: &Rule) -> Vec<Diagnostic> {
    // The portable kernel has the cheapest tables to build, and all match alike.
    let alone = RuleSet::new(vec![rule.clone()], String::new());
    let engine = Engine::with_kernel(&alone, Kernel::Portable);
    let mut faults = Vec::new();
    for example in &rule.examples {
        let found = matches(&engine, &example.text);
        if let Some((problem, help)) = fault(rule, example, &found) {
            let diagnostic =
                rule.error_at(example.span.clone(), format!("an example of `{}` fails", rule.id));
            faults.push(diagnostic.with_label(problem).with_help(help));
        }
    }
    for example in &rule.counter_examples {
        if !matches(&engine, &example.text).is_empty() {
            let message = format!("a counter example of `{}` matches", rule.id);
            faults.push(
                rule.error_at(example.span.clone(), message)
                    .with_label("the rule finds a secret here")
                    .with_help("narrow the pattern, or add a check or a context that rules this out"),
            );
        }
    }
    if !engine.broken_rules().is_empty() {
        faults.push(
            rule.error_at(rule.source.pattern.clone(), format!("a pattern of `{}` cannot be built", rule.id))
                .with_label("this pattern, or one of the rule's contexts or companions, is too large")
                .with_help("make repetitions smaller: each `{n}` copies what it repeats"),
        );
    }
    faults
}

fn matches(engine: &Engine, text: &str) -> Vec<Match> {
    let mut found = Vec::new();
    engine.scanner().scan(text.as_bytes(), &mut |hit| found.push(hit));
    found
}

/// What is wrong with an example, and what to do.
fn fault(rule: &Rule, example: &Example, found: &[Match]) -> Option<(String, String)> {
    if found.is_empty() {
        return Some(why_not(rule, example.text.as_bytes()));
    }
    let secret_is_right = |found: &&Match| {
        example.secret.as_ref().is_none_or(|secret| secret.as_bytes() == found.secret.expose())
    };
    let Some(best) = found.iter().find(secret_is_right) else {
        return Some((
            "the rule matches, and finds another secret than the one given".into(),
            "put the group `secret` around exactly the secret, or correct `secret`".into(),
        ));
    };
    let wrong = example.attributes.iter().find(|(name, value)| best.attributes.get(*name) != Some(value))?;
    let (name, expected) = wrong;
    let problem = match best.attributes.get(name) {
        Some(actual) => format!("attribute `{name}` is {actual:?}, not {expected:?}"),
        None => format!("there is no attribute `{name}`"),
    };
    let names: Vec<&str> = best.attributes.keys().map(String::as_str).collect();
    Some((problem, format!("the match has these attributes: {}", names.join(", "))))
}

/// How far a text came that does not match.
fn why_not(rule: &Rule, text: &[u8]) -> (String, String) {
    let lazy = Lazy::new();
    let Some(compiled) = lazy.get(rule) else {
        return ("the rule's pattern cannot be built".into(), "see the other fault".into());
    };
    let mut scratch = compiled.scratch();
    let mut best = (
        "none of the rule's literals is in it".to_owned(),
        "see `literals`, or what `rules show` derives".to_owned(),
    );
    for literal in &rule.literals {
        let ends = literal.bytes.len()..=text.len();
        let starts = ends.map(|end| end - literal.bytes.len());
        for start in starts {
            let there = text.get(start..start + literal.bytes.len()).unwrap_or_default();
            let equal = if literal.fold {
                there.eq_ignore_ascii_case(&literal.bytes)
            } else {
                *there == *literal.bytes
            };
            if !equal {
                continue;
            }
            let offset = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
            let offsets = (offset(literal.min_offset), offset(literal.max_offset));
            match compiled.find(rule, literal, offsets, text, start, &mut scratch) {
                None => {
                    best = (
                        "a literal is there, and the pattern does not match around it".into(),
                        "check the pattern, `max_length`, `not_before` and `not_after`".into(),
                    );
                }
                Some(span) => {
                    if let Err(refusal) = compiled.judge(rule, text, span, &scratch, &mut Unwatched) {
                        return (
                            format!("the pattern matches, and is refused: {}", refusal.0),
                            "correct the example, or the check or context that refuses it".into(),
                        );
                    }
                }
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::parse;

    fn faults(rule: &str) -> Vec<String> {
        let head = "[pack]\nname = \"p\"\n[[rule]]\nid = \"r\"\nname = \"n\"\ntype = \"t\"\nprovider = \"p\"\n\
                    category = \"c\"\nseverity = \"low\"\nconfidence = \"low\"\ndescription = \"d\"\n\
                    remediation = \"r\"\n";
        let pack = parse("p.toml", &format!("{head}{rule}")).expect("a pack");
        let rules = RuleSet::new(pack.rules, String::new());
        check(&rules).iter().map(|fault| fault.render(false)).collect()
    }

    #[test]
    fn good_examples_give_no_fault() {
        let rule = "pattern = '''(?P<kind>tok|key)_(?P<secret>[0-9]{6})'''\n[[rule.example]]\ntext = \"a tok_123456\"\n\
                    secret = \"123456\"\nattributes = { kind = \"tok\" }\n[[rule.counter_example]]\ntext = \"tok_12345\"\n";
        assert_eq!(faults(rule), Vec::<String>::new());
    }

    #[test]
    fn each_way_to_fail_is_told_with_its_place() {
        let pattern =
            "pattern = '''tok_(?P<secret>[0-9]{6})'''\nchecks = [{ check = \"entropy\", min = 2.0 }]\n";
        let cases = [
            ("[[rule.example]]\ntext = \"nothing\"\n", "none of the rule's literals", "16 |"),
            ("[[rule.example]]\ntext = \"tok_12\"\n", "does not match around it", "16 |"),
            ("[[rule.example]]\ntext = \"tok_111111\"\n", "refused: ", "16 |"),
            ("[[rule.example]]\ntext = \"tok_123456\"\nsecret = \"x\"\n", "another secret", "16 |"),
            (
                "[[rule.example]]\ntext = \"tok_123456\"\nattributes = { a = \"b\" }\n",
                "no attribute `a`",
                "16 |",
            ),
            ("[[rule.counter_example]]\ntext = \"tok_123456\"\n", "finds a secret here", "16 |"),
        ];
        for (example, problem, place) in cases {
            let found = faults(&format!("{pattern}{example}"));
            assert_eq!(found.len(), 1, "{example}");
            assert!(found[0].contains(problem) && found[0].contains(place), "{}", found[0]);
        }
    }
}
