//! `snapsift rules show`: all that a rule says, but for its examples' texts.

use std::io::{self, Write};

use anyhow::bail;
use snapsift::output::escape;
use snapsift::rules::{self, Check, LoadError, Rule, RuleSet};

use crate::cli::exit::Exit;

/// Shows the rules that `ids` name, in their own order.
pub(super) fn run(rules: &RuleSet, ids: &[String]) -> anyhow::Result<Exit> {
    let named = match rules::named(rules.rules(), ids) {
        Ok(named) => named,
        Err(LoadError::UnknownRule { id, .. }) => bail!("there is no rule {id}: {}", hint(rules, &id)),
        Err(error) => return Err(error.into()),
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut before = "";
    for (rule, _) in rules.rules().iter().zip(named).filter(|(_, named)| *named) {
        out.write_all(before.as_bytes())?;
        write_rule(&mut out, rule)?;
        before = "\n";
    }
    out.flush()?;
    Ok(Exit::Complete)
}

fn write_rule(out: &mut impl Write, rule: &Rule) -> io::Result<()> {
    for (label, text) in fields(rule) {
        let mut label = label;
        for line in text.trim().lines() {
            // No blanks at the end of an empty line.
            writeln!(out, "{}", format!("{label:13} {}", escape::visible(line)).trim_end())?;
            label = "";
        }
    }
    Ok(())
}

/// What a person who typed an id that no rule has may have meant.
fn hint(rules: &RuleSet, id: &str) -> String {
    let ids = rules.rules().iter().map(|rule| rule.id.as_str());
    let near: Vec<&str> = ids.filter(|other| is_near(other, id)).collect();
    if near.is_empty() { "`rules list` lists all".to_owned() } else { near.join(", ") }
}

/// Whether a person who typed `id` may have meant `other`.
fn is_near(other: &str, id: &str) -> bool {
    !id.is_empty()
        && (other.contains(id) || id.contains(other) || other.split('-').next() == id.split('-').next())
}

fn fields(rule: &Rule) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("id", rule.id.clone()),
        ("name", rule.name.clone()),
        ("secret type", rule.secret_type.clone()),
        ("provider", rule.provider.clone()),
        ("category", rule.category.clone()),
        ("severity", rule.severity.to_string()),
        ("confidence", rule.confidence.to_string()),
        ("description", rule.description.clone()),
        ("remediation", rule.remediation.clone()),
        ("references", rule.references.join("\n")),
        ("pattern", rule.pattern.clone()),
        ("literals", literals(rule)),
        ("max length", format!("{} bytes", rule.max_length)),
    ];
    for context in &rule.context {
        let mode = format!("{:?}", context.mode).to_lowercase();
        let side = format!("{:?}", context.side).to_lowercase();
        fields.push((
            "context",
            format!("{mode} {side} within {} bytes: {}", context.within_bytes, context.pattern),
        ));
    }
    for nearby in &rule.nearby {
        let required = if nearby.required { "required" } else { "optional" };
        fields
            .push(("nearby", format!("{required} within {} bytes: {}", nearby.within_bytes, nearby.pattern)));
    }
    for check in &rule.checks {
        fields.push(("check", check_text(check)));
    }
    for place in &rule.places {
        let attributes: String =
            place.attributes.iter().map(|(name, value)| format!(" where {name} is {value}")).collect();
        fields.push(("place", format!("{}{attributes} at: {}", place.reported_as, place.path)));
    }
    if let Some(target) = &rule.target {
        fields.push(("opens", format!("{}: {}", target.kind, target.id)));
    }
    let (good, bad) = (rule.examples.len(), rule.counter_examples.len());
    fields.push(("examples", format!("{good} that match, {bad} that do not")));
    fields.retain(|(_, text)| !text.trim().is_empty());
    fields
}

/// A check as its pack has it: its name, then its arguments.
pub(super) fn check_text(check: &Check) -> String {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::to_value(check) else { return String::new() };
    let name = fields.remove("check").unwrap_or_default();
    let arguments = fields.iter().filter(|(_, value)| !value.is_null());
    arguments.fold(name.as_str().unwrap_or_default().to_owned(), |text, (key, value)| {
        format!("{text}, {key} = {value}")
    })
}

fn literals(rule: &Rule) -> String {
    let literals: Vec<String> = rule
        .literals
        .iter()
        .map(|literal| {
            let fold = if literal.fold { " (either case)" } else { "" };
            format!("{}{fold}", literal.bytes.escape_ascii())
        })
        .collect();
    literals.join("\n")
}
