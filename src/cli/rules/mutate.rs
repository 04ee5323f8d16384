//! `snapsift rules mutate`: which conditions no example defends.

use std::io::Write as _;

use serde_json::Value;
use snapsift::output::escape;
use snapsift::rules::{LoadOptions, RuleSet};
use snapsift::scan::mutate::{self, Mutation};

use super::check::{exist, many, object};
use super::refuse;
use crate::cli::args::{CheckFormat, Colour, RulesMutateArgs};
use crate::cli::exit::Exit;
use crate::cli::message;

pub(super) fn run(args: &RulesMutateArgs, colour: Colour) -> anyhow::Result<Exit> {
    exist(&args.paths)?;
    let options = LoadOptions {
        builtin: args.paths.is_empty(),
        paths: args.paths.clone(),
        enable: args.rule.clone(),
        ..LoadOptions::default()
    };
    let rules = match RuleSet::load(&options) {
        Ok(rules) => rules,
        Err(error) => return Ok(refuse(&error, colour)),
    };
    let result = mutate::run(&rules);
    match args.format {
        CheckFormat::Text => text(&result, colour)?,
        CheckFormat::Json => json(&result)?,
    }
    // A rule that nothing tests is not defended either.
    let enough = args
        .min_score
        .is_none_or(|percent| result.score() >= f64::from(percent) / 100.0 && result.skipped.is_empty());
    Ok(if enough { Exit::Complete } else { Exit::Found })
}

fn text(result: &Mutation, colour: Colour) -> anyhow::Result<()> {
    for survivor in &result.survivors {
        message::rendered(&format!("{}\n\n", survivor.diagnostic.render(colour.on_stderr())));
    }
    for id in &result.skipped {
        message::error(&format!("{id} was left out: it has no example, or one of them fails"));
    }
    if result.unjudged > 0 {
        message::error(&format!("{} could not be judged", many(result.unjudged, "part")));
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for rule in &result.rules {
        writeln!(out, "{:>4} of {:<4} {}", rule.killed, rule.all, escape::visible(&rule.rule))?;
    }
    let all = result.killed + result.survivors.len();
    writeln!(out, "{} of {} defended: {:.1} %", result.killed, many(all, "part"), result.score() * 100.0)?;
    out.flush()?;
    Ok(())
}

fn json(result: &Mutation) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for survivor in &result.survivors {
        let mut object = object(&survivor.diagnostic);
        object.insert("type".into(), "survivor".into());
        object.insert("rule".into(), survivor.rule.as_str().into());
        object.insert("kind".into(), survivor.kind.as_str().into());
        object.insert("what".into(), survivor.what.as_str().into());
        writeln!(out, "{}", Value::Object(object))?;
    }
    let summary = serde_json::json!({
        "type": "summary",
        "killed": result.killed,
        "survived": result.survivors.len(),
        "unjudged": result.unjudged,
        "skipped": result.skipped,
        "rules": result.rules.iter().map(|rule| {
            serde_json::json!({ "id": rule.rule, "killed": rule.killed, "all": rule.all })
        }).collect::<Vec<_>>(),
        "score": result.score(),
    });
    writeln!(out, "{summary}")?;
    out.flush()?;
    Ok(())
}
