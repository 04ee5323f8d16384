//! `snapsift rules check`: loads packs, runs their examples, reports every fault.

use std::io::Write as _;

use snapsift::output::escape;
use snapsift::rules::{Diagnostic, Level, LoadError, LoadOptions, RuleSet};
use snapsift::scan::examples;

use crate::cli::args::{CheckFormat, Colour, RulesCheckArgs};
use crate::cli::exit::Exit;
use crate::cli::message;

pub(super) fn run(args: &RulesCheckArgs, colour: Colour) -> anyhow::Result<Exit> {
    for path in &args.paths {
        // Said here, since a missing file is no fault of a rule.
        std::fs::metadata(path).map_err(|error| {
            let shown = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
            anyhow::Error::new(error).context(format!("cannot read {shown}"))
        })?;
    }
    let options = args.choice.of(LoadOptions {
        builtin: args.paths.is_empty(),
        paths: args.paths.clone(),
        ..LoadOptions::default()
    });
    let (rules, told) = match RuleSet::load_with_packs(&options) {
        Ok((rules, packs)) => {
            let notes = packs.into_iter().flat_map(|pack| pack.notes);
            (rules.rules().len(), notes.chain(examples::check(&rules)).collect())
        }
        Err(LoadError::Packs(faults)) => (0, faults),
        Err(error) => {
            message::chain(&error);
            return Ok(Exit::Fatal);
        }
    };
    match args.format {
        CheckFormat::Text => show(&told, colour),
        CheckFormat::Json => json(&told)?,
    }
    if faults(&told) > 0 {
        return Ok(Exit::Found);
    }
    if args.format == CheckFormat::Text {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{rules} rule{} checked, no fault", if rules == 1 { "" } else { "s" })?;
    }
    Ok(Exit::Complete)
}

/// How many of these are errors; the others are notes.
fn faults(told: &[Diagnostic]) -> usize {
    told.iter().filter(|diagnostic| diagnostic.level == Level::Error).count()
}

/// Shows faults and notes to a person, on standard error.
pub(super) fn show(told: &[Diagnostic], colour: Colour) {
    for diagnostic in told {
        message::rendered(&format!("{}\n\n", diagnostic.render(colour.on_stderr())));
    }
    let number = faults(told);
    if number > 0 {
        message::error(&format!("{number} fault{} in rule packs", if number == 1 { "" } else { "s" }));
    }
}

fn json(told: &[Diagnostic]) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for diagnostic in told {
        writeln!(out, "{}", object(diagnostic))?;
    }
    out.flush()?;
    Ok(())
}

/// A fault or note for a program.
pub(super) fn object(diagnostic: &Diagnostic) -> serde_json::Value {
    let (line, column) = diagnostic.line_column();
    serde_json::json!({
        "level": if diagnostic.level == Level::Error { "error" } else { "note" },
        "file": &*diagnostic.file,
        "line": line,
        "column": column,
        "message": diagnostic.message,
        "help": diagnostic.help,
    })
}
