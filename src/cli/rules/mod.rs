//! `snapsift rules`: what the rules are, and whether they are right.

mod check;
mod list;
mod show;

use std::sync::OnceLock;

use snapsift::rules::{LoadError, LoadOptions, RuleSet};

use super::args::{Colour, RuleSource, RulesArgs, RulesCommand};
use super::exit::Exit;
use super::message;

pub(super) fn run(args: &RulesArgs, colour: Colour) -> anyhow::Result<Exit> {
    let source = match &args.command {
        RulesCommand::List(args) => &args.source,
        RulesCommand::Show(args) => &args.source,
        RulesCommand::Check(args) => return check::run(args, colour),
    };
    let rules = match load(source) {
        Ok(rules) => rules,
        Err(error) => return Ok(refuse(&error, colour)),
    };
    match &args.command {
        RulesCommand::Show(args) => show::run(&rules, &args.id),
        _ => list::run(&rules),
    }
}

/// The rules of this process. The system takes them down with it faster than they
/// can be dropped one by one.
static KEPT: OnceLock<RuleSet> = OnceLock::new();

/// The rules that the flags name.
pub(super) fn load(source: &RuleSource) -> Result<RuleSet, LoadError> {
    let options =
        LoadOptions { builtin: !source.no_builtin, paths: source.rules.clone(), ..LoadOptions::default() };
    let rules = RuleSet::load(&options)?;
    Ok(KEPT.get_or_init(|| rules).clone())
}

/// Shows what is wrong with a file that is no rule pack.
pub(super) fn show_faults(faults: &[snapsift::rules::Diagnostic], file: &str, colour: Colour) -> Exit {
    check::show(faults, file, colour);
    Exit::Fatal
}

/// Says why there are no rules.
pub(super) fn refuse(error: &LoadError, colour: Colour) -> Exit {
    if let LoadError::Packs(faults) = error {
        check::show(faults, "rule packs", colour);
    } else {
        message::chain(error);
    }
    Exit::Fatal
}
