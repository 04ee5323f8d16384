//! Flags → options of the library, once; then one call of it.
//!
//! Role: one file per subcommand; what they share (exit codes, messages, the
//! output file, progress, signals) beside them. Nothing imports this module, and
//! it decides nothing about secrets.

mod args;
mod bench;
mod completions;
mod decisions;
mod demo;
mod destination;
mod disks;
mod duration;
mod exit;
mod figures;
mod fingerprint_key;
mod fleet;
mod interrupt;
mod keys;
mod man;
mod message;
mod open;
mod process;
mod progress;
mod rules;
mod scan;
mod scans;
mod size;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use snapsift::output::escape;

use self::args::{Cli, Command};
use self::exit::Exit;

/// Parses the command line, runs it, and gives the exit code.
pub(crate) fn main() -> ExitCode {
    process::install_panic_hook();
    // A panic is a fault of ours and has said so; it is still a documented exit.
    std::panic::catch_unwind(|| run(std::env::args_os())).unwrap_or(Exit::Fatal).into()
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &arguments),
    };
    let colour = cli.color;
    colour.apply();
    let result = match &cli.command {
        Command::Scan(args) => scan::run(args, colour),
        Command::Bench(args) => bench::run(args, colour),
        Command::Ls(args) => disks::ls(args),
        Command::Cat(args) => disks::cat(args),
        Command::Keys(args) => keys::run(args, colour),
        Command::Fleet(args) => fleet::run(args, colour),
        Command::Demo(args) => demo::run(args),
        Command::Rules(args) => rules::run(args, colour),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    };
    result.unwrap_or_else(|error| {
        if exit::is_broken_pipe(&error) {
            return Exit::BrokenPipe;
        }
        message::error(&format!("{error:#}"));
        Exit::Fatal
    })
}

/// Shows what clap has to say: wrong usage, but help and version come this way too.
fn usage(error: &clap::Error, arguments: &[OsString]) -> Exit {
    if arguments.iter().any(|argument| argument.to_string_lossy().chars().any(escape::is_unsafe)) {
        // clap repeats an argument as it came; scripts pass names from disks.
        let text = error.to_string();
        message::rendered(
            &text.lines().fold(String::new(), |shown, line| shown + &escape::visible(line) + "\n"),
        );
        return Exit::Fatal;
    }
    match error.print() {
        _ if error.use_stderr() => Exit::Fatal,
        Ok(()) => Exit::Complete,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::BrokenPipe,
        Err(error) => {
            message::error(&format!("cannot write the output: {error}"));
            Exit::Fatal
        }
    }
}
