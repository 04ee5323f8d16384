//! `snapsift rules`: what the rules are, whether they are right, and the tools to
//! write them with.

mod bench;
mod check;
mod diff;
mod explain;
mod fmt;
mod import;
mod list;
mod mutate;
mod new;
mod show;
mod test;

use std::path::PathBuf;
use std::sync::OnceLock;

use snapsift::rules::{LoadError, LoadOptions, RuleSet};

use super::args::tools::RuleChoice;
use super::args::{Colour, RuleSource, RulesArgs, RulesCommand};
use super::exit::Exit;
use super::message;

pub(super) fn run(args: &RulesArgs, colour: Colour) -> anyhow::Result<Exit> {
    let source = match &args.command {
        RulesCommand::List(args) => &args.source,
        RulesCommand::Show(args) => &args.source,
        RulesCommand::Check(args) => return check::run(args, colour),
        RulesCommand::Explain(args) => &args.source,
        RulesCommand::Test(args) => return test::run(args, colour),
        RulesCommand::Bench(args) => return bench::run(args, colour),
        RulesCommand::Diff(args) => return diff::run(args, colour),
        RulesCommand::Mutate(args) => return mutate::run(args, colour),
        RulesCommand::Fmt(args) => return fmt::run(args, colour),
        RulesCommand::New(args) => return new::run(args),
        RulesCommand::Import(args) => return import::run(args),
    };
    let rules = match load(source) {
        Ok(rules) => rules,
        Err(error) => return Ok(refuse(&error, colour)),
    };
    match &args.command {
        RulesCommand::Show(args) => show::run(&rules, &args.ids),
        RulesCommand::Explain(args) => explain::run(&rules, args, colour),
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
    let rules = RuleSet::load(&source.choice.of(options))?;
    Ok(KEPT.get_or_init(|| rules).clone())
}

/// Shows what is wrong with a file that is no rule pack.
pub(super) fn show_faults(faults: &[snapsift::rules::Diagnostic], file: &str, colour: Colour) -> Exit {
    check::show(faults, file, colour);
    Exit::Fatal
}

/// The packs that an argument names: `builtin`, files and folders, with commas
/// between them.
fn packs(named: &str, choice: &RuleChoice) -> LoadOptions {
    let (builtin, paths): (Vec<&str>, Vec<&str>) =
        named.split(',').filter(|name| !name.is_empty()).partition(|name| *name == "builtin");
    choice.of(LoadOptions {
        builtin: !builtin.is_empty(),
        paths: paths.into_iter().map(PathBuf::from).collect(),
        ..LoadOptions::default()
    })
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
