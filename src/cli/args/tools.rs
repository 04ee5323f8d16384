//! The flags of the rule tools. The texts here are the help and the manual pages.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use snapsift::rules::LoadOptions;

use super::RuleSource;

/// Which of the rules are used.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct RuleChoice {
    /// Use only the rules with this id (may be given many times)
    ///
    /// A glob such as `azure-*` names all rules whose ids match.
    #[arg(long, value_name = "ID", help_heading = "Rules")]
    pub(in crate::cli) enable_rule: Vec<String>,
    /// Leave out the rules with this id, or glob of ids (may be given many times)
    #[arg(long, value_name = "ID", help_heading = "Rules")]
    pub(in crate::cli) disable_rule: Vec<String>,
}

impl RuleChoice {
    /// The options with this choice.
    pub(in crate::cli) fn of(&self, options: LoadOptions) -> LoadOptions {
        LoadOptions { enable: self.enable_rule.clone(), disable: self.disable_rule.clone(), ..options }
    }
}

/// How the rule tools write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ToolFormat {
    /// For a person
    Text,
    /// For a program: one JSON object
    Json,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  Why is line 12 a finding, or why is it not?
    snapsift rules explain app.env:12
  What does one rule make of a file?
    snapsift rules explain --rule 'azure-*' app.env
  Try a text:
    echo 'token = …' | snapsift rules explain -

Exit codes:
  0  The answer was given, whatever it is.
  2  Wrong usage, or FILE or a rule pack cannot be read.";

/// Say why something in a file is a finding, or why it is not
///
/// Scans FILE with all rules and tells, for each rule whose literal stands there:
/// where the literal is, whether the pattern matches around it or which part of
/// it stops where, what each context, companion and check says, and which other
/// rule claims the same bytes. What a rule says is what the scan said.
///
/// The text of FILE is masked but for literals and punctuation.
#[derive(Debug, Args)]
#[command(after_long_help = EXPLAIN_EXAMPLES, after_help = "`--help` has examples.")]
pub(in crate::cli) struct ExplainArgs {
    /// A file, or one line of it; `-` is standard input (at most 64 MiB)
    #[arg(value_name = "FILE[:LINE]")]
    pub(in crate::cli) file: PathBuf,
    /// Show the rules with this id, or glob of ids, even if they see nothing (may be given many times)
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) rule: Vec<String>,
    /// Show at most NUM matches of a rule, and as many places where it does not match
    #[arg(long, value_name = "NUM", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(in crate::cli) most: u32,
    /// How to write the answer
    #[arg(long, short, value_enum, default_value_t = ToolFormat::Text, value_name = "FORMAT")]
    pub(in crate::cli) format: ToolFormat,
    /// Show the text of FILE and the secrets in it
    #[arg(long)]
    pub(in crate::cli) reveal: bool,
    #[command(flatten)]
    pub(in crate::cli) source: RuleSource,
}

const TEST_EXAMPLES: &str = "\
Examples:
  snapsift rules test my-rules.toml
  snapsift rules test my-rules.toml corpus/
  snapsift rules test --corpus corpus --min-recall 0.98 --min-precision 0.98
  snapsift rules test builtin,my-rules.toml corpus/ --format json

Exit codes:
  0  All examples hold, and nothing is below what was asked for.
  1  An example fails, or a secret type is below --min-recall or --min-precision.
  2  Wrong usage, or a pack or the labels cannot be read.
  3  Something in the corpus could not be read.";

/// Run the examples of rules, and measure recall and precision over a labelled corpus
///
/// A corpus is a directory with a file labels.jsonl, one JSON object a line for
/// each secret that has to be found; docs/rules.md describes it. Whatever else is
/// found is a false positive.
#[derive(Debug, Args)]
#[command(after_long_help = TEST_EXAMPLES, after_help = "`--help` has examples and exit codes.")]
pub(in crate::cli) struct TestArgs {
    /// A rule pack, a directory of packs, `builtin`, or several joined by commas
    /// [default: builtin]
    #[arg(value_name = "PACK")]
    pub(in crate::cli) pack: Option<String>,
    /// A corpus: a directory with labels.jsonl, or with --labels any file or directory
    #[arg(value_name = "FILES")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// The same as FILES, where no PACK is given
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) corpus: Vec<PathBuf>,
    /// Take the labels from FILE; its paths are relative to the corpus
    ///
    /// An empty file, such as /dev/null, says that nothing has to be found.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) labels: Option<PathBuf>,
    /// The least share of the labelled secrets of each type that must be found
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(in crate::cli) min_recall: Option<f64>,
    /// The least share of the findings of each type that must be labelled
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(in crate::cli) min_precision: Option<f64>,
    /// Do not run the examples
    #[arg(long)]
    pub(in crate::cli) no_examples: bool,
    /// List at most NUM misses, and as many false positives
    #[arg(long, value_name = "NUM", default_value_t = 50)]
    pub(in crate::cli) most: usize,
    /// How to write the figures
    #[arg(long, short, value_enum, default_value_t = ToolFormat::Text, value_name = "FORMAT")]
    pub(in crate::cli) format: ToolFormat,
    #[command(flatten)]
    pub(in crate::cli) choice: RuleChoice,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share is a number from 0 to 1, such as 0.98".into()),
    }
}

const BENCH_EXAMPLES: &str = "\
Examples:
  snapsift rules bench my-rules.toml --corpus /usr/share
  snapsift rules bench builtin --corpus /usr --format json > cost.json

Exit codes:
  0  The figures were written.
  2  Wrong usage, or a fatal error.
  3  Something could not be read, so that less was measured than there is.";

/// Measure what each rule of a pack costs over a corpus
///
/// Scans the corpus, page cache warm, with one thread, and tells for each rule how
/// often its literals are seen in a gigabyte, how often its pattern matches, how
/// many matches are verified, the time that takes, and its share of the whole
/// scan; the dearest rule first. `candidates` are the places that the rule alone
/// would have to look at, by 32 to 64 MiB of the corpus.
#[derive(Debug, Args)]
#[command(after_long_help = BENCH_EXAMPLES, after_help = "`--help` has examples and exit codes.")]
pub(in crate::cli) struct RulesBenchArgs {
    /// A rule pack, a directory of packs, `builtin`, or several joined by commas
    #[arg(value_name = "PACK", default_value = "builtin")]
    pub(in crate::cli) pack: String,
    /// What to scan: files like those of your machines (may be given many times)
    #[arg(long, value_name = "DIR", required = true)]
    pub(in crate::cli) corpus: Vec<PathBuf>,
    /// Scan so many times; the least time of each rule counts
    #[arg(long, value_name = "NUM", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(in crate::cli) runs: u32,
    /// Count no candidates, which takes a look at the sample for each rule
    #[arg(long)]
    pub(in crate::cli) no_candidates: bool,
    /// How to write the figures
    #[arg(long, short, value_enum, default_value_t = ToolFormat::Text, value_name = "FORMAT")]
    pub(in crate::cli) format: ToolFormat,
    #[command(flatten)]
    pub(in crate::cli) choice: RuleChoice,
}

const DIFF_EXAMPLES: &str = "\
Examples:
  snapsift rules diff old.toml new.toml --corpus corpus/
  snapsift rules diff builtin builtin,my-rules.toml --corpus /srv --exit-code

Exit codes:
  0  The comparison was made.
  1  --exit-code was given, and the findings differ.
  2  Wrong usage, or a fatal error.
  3  Something could not be read.";

/// Compare what two rule packs find in a corpus
///
/// Tells which findings are gained, lost, and changed: another rule or secret type
/// for the same secret, another severity, other attributes, another target.
#[derive(Debug, Args)]
#[command(after_long_help = DIFF_EXAMPLES, after_help = "`--help` has examples and exit codes.")]
pub(in crate::cli) struct DiffArgs {
    /// The packs as they were: a pack, a directory of packs, `builtin`, or several
    /// joined by commas
    #[arg(value_name = "OLD")]
    pub(in crate::cli) old: String,
    /// The packs as they are now
    #[arg(value_name = "NEW")]
    pub(in crate::cli) new: String,
    /// What to scan (may be given many times)
    #[arg(long, value_name = "DIR", required = true)]
    pub(in crate::cli) corpus: Vec<PathBuf>,
    /// Exit with 1 when the findings differ
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
    /// How to write the differences
    #[arg(long, short, value_enum, default_value_t = ToolFormat::Text, value_name = "FORMAT")]
    pub(in crate::cli) format: ToolFormat,
    #[command(flatten)]
    pub(in crate::cli) choice: RuleChoice,
}
