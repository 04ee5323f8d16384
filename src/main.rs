//! The command line program `snapsift`: see `cli` for its story.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
