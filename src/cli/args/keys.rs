//! The flags of `keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Say what the SSH keys of many scans open
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(in crate::cli) struct KeysArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeysCommand {
    Map(KeysMapArgs),
}

/// Show which machines every private key opens, and where it lies
///
/// Joins scans that were written with `snapsift scan --format jsonl`. The newest scan of
/// each machine counts. A scan without its end is named and kept out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift keys map scans/
  snapsift keys map --format dot web.jsonl db.jsonl | dot -Tsvg > keys.svg

Exit codes:
  0  All was read.
  2  Wrong usage, or a fatal error.
  3  A scan was kept out, or says itself that it could not read something.")]
pub(in crate::cli) struct KeysMapArgs {
    /// A scan in JSON Lines, a folder of such files (*.jsonl), or `-`
    #[arg(required = true, value_name = "SCAN")]
    pub(in crate::cli) scans: Vec<PathBuf>,
    /// How to write the map
    #[arg(long, short, value_enum, default_value_t = MapFormat::Text, value_name = "FORMAT")]
    pub(in crate::cli) format: MapFormat,
    /// Write to FILE instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
    /// Keep the scans in FILE, an SQLite database, and join with those in it
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) store: Option<PathBuf>,
}

/// An output format of `keys map`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum MapFormat {
    /// For a person: the keys that open most first
    Text,
    /// For a program: one JSON object
    Json,
    /// For Graphviz: machines and keys
    Dot,
}
