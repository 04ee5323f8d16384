//! `snapsift rules check`: loads packs, runs their examples, reports every fault.

use std::io::Write as _;

use snapsift::output::escape;
use snapsift::rules::RuleSet;

use crate::cli::args::{CheckFormat, Colour, RulesCheckArgs};
use crate::cli::exit::Exit;
use crate::cli::message;
use crate::cli::stub::{Diagnostic, LoadError, LoadOptions, RuleSetExt as _, check_examples};

pub(super) fn run(args: &RulesCheckArgs, colour: Colour) -> anyhow::Result<Exit> {
    for path in &args.paths {
        // Said here, since a missing file is no fault of a rule.
        std::fs::metadata(path).map_err(|error| {
            let shown = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
            anyhow::Error::new(error).context(format!("cannot read {shown}"))
        })?;
    }
    let loaded = RuleSet::load(&LoadOptions { builtin: args.paths.is_empty(), paths: args.paths.clone() });
    let (rules, faults) = match loaded {
        Ok(rules) => (rules.rules().len(), check_examples(&rules)),
        Err(LoadError::Packs(faults)) => (0, faults),
        Err(error) => {
            message::chain(&error);
            return Ok(Exit::Fatal);
        }
    };
    match args.format {
        CheckFormat::Text => show(&faults, colour),
        CheckFormat::Json => json(&faults)?,
    }
    if !faults.is_empty() {
        return Ok(Exit::Found);
    }
    if args.format == CheckFormat::Text {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{rules} rule{} checked, no fault", if rules == 1 { "" } else { "s" })?;
    }
    Ok(Exit::Complete)
}

/// Shows the faults to a person, on standard error.
pub(super) fn show(faults: &[Diagnostic], colour: Colour) {
    for fault in faults {
        message::rendered(&format!("{}\n\n", fault.render(colour.on_stderr())));
    }
    let number = faults.len();
    if number > 0 {
        message::error(&format!("{number} fault{} in rule packs", if number == 1 { "" } else { "s" }));
    }
}

fn json(faults: &[Diagnostic]) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for fault in faults {
        let (line, column) = fault.line_column();
        let object = serde_json::json!({
            "file": &*fault.file,
            "line": line,
            "column": column,
            "message": fault.message,
            "help": fault.help,
        });
        writeln!(out, "{object}")?;
    }
    out.flush()?;
    Ok(())
}
