//! Flags → options of the library, once; then one call of it.
//!
//! Role: one file per subcommand; what they share (exit codes, messages, the
//! output file, progress, signals) beside them. Nothing imports this module, and
//! it decides nothing about secrets.

mod args;
mod bench;
mod completions;
mod destination;
mod exit;
mod fingerprint_key;
mod interrupt;
mod man;
mod message;
mod process;
mod progress;
mod rules;
mod scan;
mod size;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use self::args::{Cli, Command};
use self::exit::Exit;

/// Parses the command line, runs it, and gives the exit code.
pub(crate) fn main() -> ExitCode {
    process::install_panic_hook();
    // A panic is a fault of ours and has said so; it is still a documented exit.
    std::panic::catch_unwind(|| run(std::env::args_os())).unwrap_or(Exit::Fatal).into()
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too. Where they cannot be written
            // there is nobody left to tell.
            let _ = error.print();
            return if error.use_stderr() { Exit::Fatal } else { Exit::Complete };
        }
    };
    let colour = cli.color;
    colour.apply();
    let result = match &cli.command {
        Command::Scan(args) => scan::run(args, colour),
        Command::Bench(args) => bench::run(args, colour),
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
