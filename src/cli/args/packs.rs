//! The flags of the subcommands that work on rule packs as texts.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::CheckFormat;

/// Find the conditions of rules that no example defends
///
/// Takes each part of a rule away, or weakens it: parts and branches of the pattern,
/// classes, counts, flags, groups, boundaries, contexts, companions, checks, ignored
/// values. Where all examples and counter examples of the rule still hold, nobody
/// would notice the loss: the part is listed with its place. Without a PATH the
/// built-in packs are looked at.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  snapsift rules mutate my-rules/
  snapsift rules mutate --rule acme-access-key my-rules/acme.toml
  snapsift rules mutate --min-score 80 --format json my-rules/

Exit codes:
  0  Done, and with --min-score: the score is as high, and every rule has examples.
  1  It is not.
  2  Wrong usage, or a pack is wrong or cannot be read.")]
pub(in crate::cli) struct RulesMutateArgs {
    /// A rule pack, or a directory of them
    #[arg(value_name = "PATH")]
    pub(in crate::cli) paths: Vec<PathBuf>,
    /// Look at the rule with this id only (may be given many times)
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) rule: Vec<String>,
    /// Exit with 1 when less than PERCENT of the parts are defended
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(in crate::cli) min_score: Option<u8>,
    /// How to write what is not defended
    #[arg(long, value_enum, default_value_t = CheckFormat::Text, value_name = "FORMAT")]
    pub(in crate::cli) format: CheckFormat,
}

/// Format rule packs: order of keys, quotes, spacing, length of lines
///
/// Comments are kept, and a pack means the same afterwards. A pack that is formatted
/// already is not touched.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  snapsift rules fmt my-rules/*.toml
  snapsift rules fmt --check my-rules/*.toml
  snapsift rules fmt - < draft.toml > acme.toml

Exit codes:
  0  All packs are formatted.
  1  --check was given, and a pack is not formatted.
  2  Wrong usage, or a pack is not TOML or cannot be read or written.")]
pub(in crate::cli) struct RulesFmtArgs {
    /// A rule pack; `-` reads standard input and writes to standard output
    #[arg(required = true, value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Write nothing; show what would change
    #[arg(long)]
    pub(in crate::cli) check: bool,
}

/// Write a commented pack to begin with
///
/// The pack has one rule with all that a rule may say, and passes `rules check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift rules new acme-api-key > acme.toml
  snapsift rules new my-rules/acme-api-key.toml")]
pub(in crate::cli) struct RulesNewArgs {
    /// The id of the rule, or a file to write that ends in .toml and is named after it
    #[arg(value_name = "ID|FILE")]
    pub(in crate::cli) name: String,
}

/// Convert rules of Gitleaks, Kingfisher or Nosey Parker to a pack
///
/// Carried over are ids, names, patterns, the group that is the secret, entropies,
/// ignored values, references and examples. What cannot be carried over is listed
/// for each rule; a rule that cannot be a rule here stands in the pack as a comment,
/// with the reason. Read the result before it is used: the severity and the advice
/// of a rule are for you to write.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  snapsift rules import gitleaks.toml > imported.toml
  snapsift rules import --from kingfisher -o imported.toml rules/*.yml
  snapsift rules import --format json -o imported.toml gitleaks.toml > report.jsonl

Exit codes:
  0  The pack is written.
  1  --strict was given, and something was not carried over.
  2  Wrong usage, or a file cannot be read or written or is none of these formats.")]
pub(in crate::cli) struct RulesImportArgs {
    /// A file of rules: TOML of Gitleaks, YAML of Kingfisher or Nosey Parker
    #[arg(required = true, value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Whose rules they are
    #[arg(long, value_enum, default_value_t = ImportFrom::Auto, value_name = "TOOL")]
    pub(in crate::cli) from: ImportFrom,
    /// Write the pack to PACK instead of standard output
    #[arg(long, short, value_name = "PACK")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// How to write the report
    ///
    /// `text` goes to standard error, `json` to standard output, one object a rule,
    /// and needs --output.
    #[arg(long, value_enum, default_value_t = CheckFormat::Text, value_name = "FORMAT")]
    pub(in crate::cli) format: CheckFormat,
    /// Exit with 1 when something was not carried over
    #[arg(long)]
    pub(in crate::cli) strict: bool,
}

/// Whose rules `rules import` reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ImportFrom {
    /// What the file looks like
    Auto,
    /// TOML of Gitleaks
    Gitleaks,
    /// YAML of Kingfisher
    Kingfisher,
    /// YAML of Nosey Parker
    Noseyparker,
}
