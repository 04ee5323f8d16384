//! `snapsift rules diff`: what two sets of packs find, held against each other.

use std::io::Write as _;

use serde_json::Value;
use snapsift::finding::Finding;
use snapsift::output::escape;
use snapsift::pipeline::compare::{Comparison, compare};
use snapsift::rules::{self, LoadError, RuleSet};

use super::{packs, refuse};
use crate::cli::args::Colour;
use crate::cli::args::tools::{DiffArgs, RuleChoice, ToolFormat};
use crate::cli::exit::Exit;
use crate::cli::process;

pub(super) fn run(args: &DiffArgs, colour: Colour) -> anyhow::Result<Exit> {
    process::forbid_core_dumps();
    let load = |named: &str| RuleSet::load(&packs(named, &RuleChoice::default()));
    let chosen = load(&args.old).and_then(|old| choose([old, load(&args.new)?], &args.choice));
    let [old, new] = match chosen {
        Ok(sets) => sets,
        Err(error) => return Ok(refuse(&error, colour)),
    };
    let mut told = Comparison::none();
    for corpus in &args.corpus {
        told.add(compare(corpus, &old, &new).map_err(anyhow::Error::new)?);
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match args.format {
        ToolFormat::Text => text(&told, &mut out)?,
        ToolFormat::Json => {
            let mut object = serde_json::to_value(&told)?;
            if let Value::Object(fields) = &mut object {
                fields.insert("schema".into(), "snapsift-rules-diff/1".into());
            }
            serde_json::to_writer_pretty(&mut out, &object)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(if args.exit_code && told.differs() {
        Exit::Found
    } else if told.complete {
        Exit::Complete
    } else {
        Exit::Incomplete
    })
}

/// The chosen rules of both sets; an id has to name a rule of one of them.
fn choose(sets: [RuleSet; 2], choice: &RuleChoice) -> Result<[RuleSet; 2], LoadError> {
    let [mut old, mut new] = sets;
    let mut enabled = [
        vec![choice.enable_rule.is_empty(); old.rules().len()],
        vec![choice.enable_rule.is_empty(); new.rules().len()],
    ];
    for (ids, on) in [(&choice.enable_rule, true), (&choice.disable_rule, false)] {
        for id in ids {
            let named = [&old, &new].map(|set| rules::named(set.rules(), std::slice::from_ref(id)));
            match named {
                [Err(error), Err(_)] => return Err(error),
                named => {
                    for (enabled, named) in enabled.iter_mut().zip(named) {
                        for (enabled, _) in
                            enabled.iter_mut().zip(named.unwrap_or_default()).filter(|(_, named)| *named)
                        {
                            *enabled = on;
                        }
                    }
                }
            }
        }
    }
    let [enabled_old, enabled_new] = enabled;
    for (set, enabled) in [(&mut old, enabled_old), (&mut new, enabled_new)] {
        let rules =
            set.rules().iter().zip(enabled).filter(|(_, enabled)| *enabled).map(|(rule, _)| rule.clone());
        *set = RuleSet::new(rules.collect(), set.digest().to_owned());
    }
    Ok([old, new])
}

fn text(told: &Comparison, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    for (sign, findings) in [("+", &told.gained), ("-", &told.lost)] {
        for finding in findings {
            writeln!(out, "{sign} {}", line(finding))?;
        }
    }
    for change in &told.changed {
        writeln!(out, "~ {}", line(&change.new))?;
        for difference in &change.differences {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".into());
            let text =
                format!("{}: {} → {}", difference.field, value(&difference.old), value(&difference.new));
            writeln!(out, "    {}", escape::visible(&text))?;
        }
    }
    writeln!(
        out,
        "{} gained, {} lost, {} changed, {} the same{}",
        told.gained.len(),
        told.lost.len(),
        told.changed.len(),
        told.same,
        if told.complete { "" } else { "; something could not be read: see `snapsift scan`" }
    )
}

fn line(finding: &Finding) -> String {
    let location = &finding.location;
    format!(
        "{}:{}:{}  {}  {}  ({})",
        escape::path(&location.path, location.path_hex.as_deref()),
        location.line,
        location.column,
        escape::visible(&finding.secret_type),
        escape::visible(&finding.secret.preview),
        escape::visible(&finding.rule_id)
    )
}
