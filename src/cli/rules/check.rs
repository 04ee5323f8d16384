//! `snapsift rules check`: loads packs, runs their examples, reports every fault.

use std::io::Write as _;
use std::path::PathBuf;

use snapsift::output::escape;
use snapsift::rules::{Diagnostic, Level, LoadError, LoadOptions, RuleSet};
use snapsift::scan::{examples, lint};

use crate::cli::args::{CheckFormat, Colour, RulesCheckArgs};
use crate::cli::exit::Exit;
use crate::cli::message;

pub(super) fn run(args: &RulesCheckArgs, colour: Colour) -> anyhow::Result<Exit> {
    exist(&args.paths)?;
    let options = args.choice.of(LoadOptions {
        builtin: args.paths.is_empty(),
        paths: args.paths.clone(),
        ..LoadOptions::default()
    });
    let (rules, told) = match RuleSet::load_with_packs(&options) {
        Ok((rules, packs)) => {
            let mut told: Vec<_> = packs.into_iter().flat_map(|pack| pack.notes).collect();
            told.extend(examples::check(&rules));
            told.extend(lint::check(&rules));
            (rules.rules().len(), told)
        }
        Err(LoadError::Packs(faults)) => (0, faults),
        Err(error) => {
            message::chain(&error);
            return Ok(Exit::Fatal);
        }
    };
    match args.format {
        CheckFormat::Text => show(&told, "rule packs", colour),
        CheckFormat::Json => json(&told)?,
    }
    let (faults, warnings) = (count(&told, Level::Error), count(&told, Level::Warning));
    if args.format == CheckFormat::Text && faults == 0 {
        let mut out = std::io::stdout().lock();
        let told = match warnings {
            0 => String::new(),
            _ => format!(", {}", many(warnings, "warning")),
        };
        writeln!(out, "{} checked, no fault{told}", many(rules, "rule"))?;
    }
    Ok(if faults > 0 || args.strict && warnings > 0 { Exit::Found } else { Exit::Complete })
}

/// That the paths are there: a missing file is no fault of a rule.
pub(super) fn exist(paths: &[PathBuf]) -> anyhow::Result<()> {
    for path in paths {
        std::fs::metadata(path).map_err(|error| {
            let shown = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
            anyhow::Error::new(error).context(format!("cannot read {shown}"))
        })?;
    }
    Ok(())
}

/// How many of these have this level.
fn count(told: &[Diagnostic], level: Level) -> usize {
    told.iter().filter(|diagnostic| diagnostic.level == level).count()
}

/// A number of things.
pub(super) fn many(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Shows faults and notes to a person, on standard error; `files` is what they are in.
pub(super) fn show(told: &[Diagnostic], files: &str, colour: Colour) {
    for diagnostic in told {
        message::rendered(&format!("{}\n\n", diagnostic.render(colour.on_stderr())));
    }
    let number = count(told, Level::Error);
    if number > 0 {
        message::error(&format!("{} in {files}", many(number, "fault")));
    }
}

fn json(told: &[Diagnostic]) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for diagnostic in told {
        writeln!(out, "{}", serde_json::Value::Object(object(diagnostic)))?;
    }
    out.flush()?;
    Ok(())
}

/// A message for a program.
pub(super) fn object(diagnostic: &Diagnostic) -> serde_json::Map<String, serde_json::Value> {
    let (line, column) = diagnostic.line_column();
    let text = |text: &str| if text.is_empty() { serde_json::Value::Null } else { text.into() };
    [
        ("level", diagnostic.level.as_str().into()),
        ("code", text(diagnostic.code)),
        ("file", (*diagnostic.file).into()),
        ("line", line.into()),
        ("column", column.into()),
        ("message", diagnostic.message.as_str().into()),
        ("label", text(&diagnostic.label)),
        ("help", diagnostic.help.as_deref().into()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}
