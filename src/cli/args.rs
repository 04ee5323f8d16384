//! The flags as types. The texts here are the help and the manual pages.

mod packs;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueEnum};
use snapsift::finding::Severity;
use snapsift::pipeline::ScanOptions;
use snapsift::source::Exclude;
use snapsift::source::unpack::MAX_DEPTH;

pub(super) use self::packs::{ImportFrom, RulesFmtArgs, RulesImportArgs, RulesMutateArgs, RulesNewArgs};
use super::{duration, size};

pub(super) mod demo;
pub(super) mod disks;
pub(super) mod fleet;
pub(super) mod fleet_govern;
pub(super) mod keys;
pub(super) mod tools;

/// Finds secrets on disk snapshots of machines, without an agent, and says what
/// each one opens.
///
/// snapsift reads and never writes what it scans, opens no network connection,
/// and never prints a secret unless it is told to.
#[derive(Debug, Parser)]
#[command(name = "snapsift", version, max_term_width = 100, after_help = TOP_EXAMPLES)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
pub(super) struct Cli {
    /// Whether to colour what is written to a terminal
    ///
    /// `auto` colours on a terminal, unless NO_COLOR is set or TERM is `dumb`.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Colour::Auto)]
    pub(super) color: Colour,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Scan(Box<ScanArgs>),
    Ls(disks::LsArgs),
    Cat(disks::CatArgs),
    Bench(Box<BenchArgs>),
    Keys(keys::KeysArgs),
    Fleet(fleet::FleetArgs),
    Demo(demo::DemoArgs),
    Rules(RulesArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

const TOP_EXAMPLES: &str = "\
Examples:
  snapsift scan /mnt/snapshot
  snapsift scan --format jsonl --output scan.jsonl /mnt/snapshot
  snapsift rules list

`snapsift scan --help` explains every option and the exit codes.";

const SCAN_EXAMPLES: &str = "\
Examples:
  Scan a mounted snapshot and read the result:
    snapsift scan /mnt/snapshot
  Keep the whole result for a pipeline; the file appears only when it is whole:
    snapsift scan --format jsonl --output scan.jsonl /mnt/snapshot
  Scan a disk image without mounting it, and only its live files:
    snapsift scan disk.qcow2
    snapsift scan --no-unallocated disk.qcow2
  Stop a pipeline when an image holds a secret of severity high or worse:
    snapsift scan --quiet --fail-on high /mnt/image
  Show what is new since an earlier scan, and stop only for that:
    snapsift scan --baseline old.jsonl --fail-on high --new-only /mnt/image
  Let stand what was looked at, with reasons:
    snapsift scan --ignore ignore.yaml /mnt/snapshot
  Leave something out, and add rules of your own:
    snapsift scan --exclude /var/lib/docker --rules ./rules /mnt/snapshot
  Make fingerprints that can be joined across a fleet and not be guessed:
    openssl rand -hex 32 > fleet.key
    snapsift scan --fingerprint-key-file fleet.key --format jsonl /mnt/snapshot

Exit codes:
    0  The scan is complete, whatever it found.
    1  --fail-on was given, and something at or above that severity was found
       that is not ignored (and, with --new-only, is new). This wins over 3, so
       that an unreadable file cannot hide a finding from a pipeline that goes on
       after 3; the output says whether it is complete.
    2  Wrong usage, or a fatal error: the target is missing, a rule is wrong, the
       output cannot be written. What was written is not complete.
    3  The scan finished, but something could not be read.
  130  Interrupted (Ctrl-C); 143 for SIGTERM. The output ends with a summary that
       says so. A second Ctrl-C ends at once, without a summary.
  134  Memory ran out (SIGABRT). What was written has no summary.
  141  The reader of the output went away, as in `| head`.";

/// Scan directories and disk images for secrets
///
/// Walks each TARGET (of a disk image each filesystem on it, without mounting it),
/// matches every rule against every file, and prints what was
/// found, what each finding opens and what to do about it, followed by what was
/// covered and what was left out.
///
/// Links are never followed, devices, pipes and sockets never opened, and other
/// filesystems not entered unless asked. Access times stay as they were.
#[derive(Debug, Args)]
#[command(after_long_help = SCAN_EXAMPLES, after_help = "`--help` explains every option, with examples and exit codes.")]
pub(super) struct ScanArgs {
    /// A directory, such as the root of a mounted snapshot; a disk image or block
    /// device; or a file
    #[arg(required = true, value_name = "TARGET")]
    pub(super) targets: Vec<PathBuf>,
    /// All TARGETs are the disks of one machine, called NAME
    ///
    /// Volume groups and arrays that span several disks are put together. Without it
    /// each disk image is a machine of its own.
    #[arg(long, value_name = "NAME", help_heading = "What to scan")]
    pub(super) machine: Option<String>,

    /// How to write what was found
    #[arg(long, short, value_enum, default_value_t = Format::Text, value_name = "FORMAT", help_heading = "Output")]
    pub(super) format: Format,
    /// Write to FILE instead of standard output
    ///
    /// FILE is readable by its owner only. It is written under a temporary name
    /// beside it (FILE.PID.partial) and renamed when it is whole, so that a part
    /// of an output never looks like all of it. `-` is standard output.
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub(super) output: Option<PathBuf>,
    /// Show neither progress nor notes; errors are still shown
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
    /// Write the secrets themselves, not only a redacted preview
    ///
    /// Whoever can read the output can then use them. Without this flag no raw
    /// secret leaves the process.
    #[arg(long, help_heading = "Output")]
    pub(super) reveal: bool,
    /// Exit with 1 when a finding has this severity or a worse one
    #[arg(long, value_name = "SEVERITY", value_parser = severity_parser(), help_heading = "Output")]
    pub(super) fail_on: Option<Severity>,
    /// With --fail-on, count only what the baseline has not
    #[arg(long, requires = "baseline", requires = "fail_on", help_heading = "Output")]
    pub(super) new_only: bool,
    /// Mark the findings that FILE names as ignored
    ///
    /// FILE is YAML: entries with a `fingerprint`, or a `rule` and a `path`; a
    /// `reason`; and, if wanted, a day in `expires` and an `author`. Findings that
    /// are ignored stay in the output, are marked and counted, and do not count for
    /// --fail-on. Entries that have expired or name nothing are listed. No such file
    /// is ever looked for on a target.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) ignore: Option<PathBuf>,
    /// Compare with the earlier scan in FILE
    ///
    /// FILE is the output of a scan with `--format jsonl`. Findings are marked as
    /// new or unchanged, and those that are gone are counted. A finding is the same
    /// where rule, secret and file are, on whichever line.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) baseline: Option<PathBuf>,
    /// Make fingerprints with the key in FILE
    ///
    /// 32 random bytes or 64 hexadecimal digits. Equal secrets have equal
    /// fingerprints in every scan under the same key, so a fleet can be joined
    /// without storing a secret. Without a key, whoever has the output can test
    /// guesses of weak passwords against the fingerprints.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) fingerprint_key_file: Option<PathBuf>,
    /// List at most NUM findings of a file; the rest are counted
    #[arg(long, value_name = "NUM", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Output")]
    pub(super) max_findings_per_file: u64,

    #[command(flatten)]
    pub(super) what: Selection,
    /// Read files with NUM threads [default: one for each core]
    #[arg(long, short, value_name = "NUM", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "What to scan")]
    pub(super) jobs: Option<u16>,

    #[command(flatten)]
    pub(super) rules: RuleSource,
}

/// Which files of the targets are read.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Leave out what matches GLOB (may be given many times)
    ///
    /// As in ripgrep: a glob without a slash, such as `*.iso`, matches a name at any
    /// depth; one with a slash, such as `/var/cache`, the path from the target. A
    /// directory that matches is left out with all that is in it. What is left out
    /// is counted in the summary.
    #[arg(long, value_name = "GLOB", value_parser = glob, help_heading = "What to scan")]
    pub(super) exclude: Vec<String>,
    /// Leave out files larger than SIZE, such as 64M
    ///
    /// A number of bytes; K, M, G and T are powers of 1024. By default files of
    /// every size are scanned; memory does not depend on it.
    #[arg(long, value_name = "SIZE", value_parser = size::parse, help_heading = "What to scan")]
    pub(super) max_file_size: Option<u64>,
    /// Stay on the filesystem of each target (the default)
    #[arg(long, overrides_with = "cross_filesystems", help_heading = "What to scan")]
    pub(super) one_file_system: bool,
    /// Enter other filesystems that are mounted below a target
    #[arg(long, overrides_with = "one_file_system", help_heading = "What to scan")]
    pub(super) cross_filesystems: bool,
    /// Scan directories of test content and documentation samples too
    ///
    /// They hold made-up secrets by the thousand, so they are left out by default
    /// and counted in the summary.
    #[arg(long, help_heading = "What to scan")]
    pub(super) include_test_content: bool,
    /// Do not look into archives and compressed files
    ///
    /// By default gzip, bzip2, xz, zstd, lz4, tar, zip (jar, docx, …), 7z, cpio, deb and rpm
    /// are opened, in any nesting and whatever they are called. What is found in them is
    /// reported with the way to it.
    #[arg(long, help_heading = "Archives")]
    pub(super) no_archives: bool,
    /// Open archives within archives to this depth; each compression is a level too
    #[arg(long, value_name = "NUM", default_value_t = ScanOptions::MAX_ARCHIVE_DEPTH, value_parser = depth, help_heading = "Archives")]
    pub(super) max_archive_depth: usize,
    /// Unpack at most SIZE of one file, such as 10G
    ///
    /// All levels count. A file that unpacks to more than 256 MiB and more than 200 times
    /// what is stored of it is given up too. The rest is counted and named.
    #[arg(long, value_name = "SIZE", default_value = "64G", value_parser = size::parse, help_heading = "Archives")]
    pub(super) max_unpacked_size: u64,
    /// Unpack at most SIZE in the whole scan
    ///
    /// With less than the default, homes, configuration and data of services come first:
    /// home, root, etc, srv, opt, var/www, Users, ProgramData, … Where the limit is reached,
    /// which files were opened before depends on the threads.
    #[arg(long, value_name = "SIZE", default_value = "1T", value_parser = size::parse, help_heading = "Archives")]
    pub(super) max_unpacked_total: u64,
    /// End the scan after TIME, such as 90s, 30m or 2h
    ///
    /// What was not reached is counted, the scan is incomplete, and the exit code is 3.
    /// Homes, configuration and data of services come first. What was reached depends on the
    /// machine: without this, the same input gives the same output.
    #[arg(long, value_name = "TIME", value_parser = duration::parse, help_heading = "What to scan")]
    pub(super) max_scan_time: Option<Duration>,
    /// Of disk images, scan live files only
    ///
    /// By default deleted files, free space and space outside of all partitions are
    /// scanned too: what was deleted can often still be read by whoever has the disk.
    #[arg(long, help_heading = "What to scan")]
    pub(super) no_unallocated: bool,
}

/// Where rules come from.
#[derive(Debug, Args)]
pub(super) struct RuleSource {
    /// Add the rules of a pack, or of all packs in a directory (may be given many times)
    #[arg(long, value_name = "FILE|DIR", help_heading = "Rules")]
    pub(super) rules: Vec<PathBuf>,
    /// Use only the rules given with --rules
    #[arg(long, requires = "rules", help_heading = "Rules")]
    pub(super) no_builtin: bool,
    #[command(flatten)]
    pub(super) choice: tools::RuleChoice,
}

const BENCH_EXAMPLES: &str = "\
Examples:
  Measure scans of /usr with one thread and with one for each core:
    snapsift bench --include-test-content /usr
  Find out how a scan scales, and what a cold page cache costs:
    snapsift bench --jobs 1,2,4,8 --cold /srv/tree
  Keep the figures of a version; docs/benchmarks.md explains the fields:
    snapsift bench --format json --runs 15 /srv/tree > bench.json
  Compare a slower kernel (portable, neon, ssse3, avx2, avx512):
    SNAPSIFT_KERNEL=avx2 snapsift bench /usr

Exit codes:
  0  All runs were complete.
  2  Wrong usage, or a fatal error.
  3  Something could not be read, so that less was measured than there is.";

/// Measure scans: speed, threads, memory, and where the time goes
///
/// Runs the scan that `snapsift scan` with the same options does, many times, and
/// throws its records away. Each run opens the targets, prepares the engine, reads,
/// matches, and writes JSON Lines to nowhere; reading the rule packs is timed apart.
/// Then scans that end after each stage tell where the processor time goes, and one
/// profiled run tells what each rule costs.
///
/// The machine should have nothing else to do: the spread between minimum and
/// maximum tells whether it had.
#[derive(Debug, Args)]
#[command(after_long_help = BENCH_EXAMPLES, after_help = "`--help` explains every option, with examples.")]
pub(super) struct BenchArgs {
    /// A directory, such as the root of a mounted snapshot, or a file
    #[arg(required = true, value_name = "TARGET")]
    pub(super) targets: Vec<PathBuf>,

    /// How to write the figures
    #[arg(long, short, value_enum, default_value_t = BenchFormat::Text, value_name = "FORMAT", help_heading = "Output")]
    pub(super) format: BenchFormat,

    /// Measure each number of threads so many times
    ///
    /// Runs with different numbers of threads are taken in turns. One run before
    /// them, which is not counted, fills the page cache.
    #[arg(long, value_name = "NUM", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Measuring")]
    pub(super) runs: u32,
    /// Numbers of threads to measure [default: 1 and one for each core]
    ///
    /// Several are separated by commas. Where the time goes is measured with the
    /// last of them.
    #[arg(long, short, visible_alias = "threads", value_name = "NUM,…", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Measuring")]
    pub(super) jobs: Vec<u16>,
    /// Measure with a cold page cache too
    ///
    /// Before each such run the system is advised, file by file, to drop what it
    /// holds of their content (posix_fadvise, DONTNEED). Directories, inodes and
    /// files that are mapped by a running program stay in memory. The bytes that
    /// were then read from the disk are told.
    #[arg(long, help_heading = "Measuring")]
    pub(super) cold: bool,
    /// With --cold, drop all caches of this machine instead (needs root)
    ///
    /// Writes 3 to /proc/sys/vm/drop_caches before each cold run, which drops
    /// directories and inodes too, and slows every other program down for a while.
    #[arg(long, requires = "cold", help_heading = "Measuring")]
    pub(super) drop_caches: bool,
    /// Do not measure where the time goes
    #[arg(long, help_heading = "Measuring")]
    pub(super) no_profile: bool,

    #[command(flatten)]
    pub(super) what: Selection,
    #[command(flatten)]
    pub(super) rules: RuleSource,
}

/// List, show, check, explain, test and measure rules
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    pub(super) command: RulesCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    List(RulesListArgs),
    Show(RulesShowArgs),
    Check(RulesCheckArgs),
    Explain(Box<tools::ExplainArgs>),
    Test(Box<tools::TestArgs>),
    Bench(Box<tools::RulesBenchArgs>),
    Diff(Box<tools::DiffArgs>),
    Mutate(RulesMutateArgs),
    Fmt(RulesFmtArgs),
    New(RulesNewArgs),
    Import(RulesImportArgs),
}

/// List the rules: id, severity, secret type
#[derive(Debug, Args)]
pub(super) struct RulesListArgs {
    #[command(flatten)]
    pub(super) source: RuleSource,
}

/// Show all that rules say
#[derive(Debug, Args)]
pub(super) struct RulesShowArgs {
    /// Ids as `rules list` gives them, or globs of ids
    #[arg(value_name = "ID", required = true)]
    pub(super) ids: Vec<String>,
    #[command(flatten)]
    pub(super) source: RuleSource,
}

/// Check rule packs: their syntax, their patterns, and that their examples hold
///
/// Every fault is reported with its file, line and column, and advice. Warnings tell
/// what is valid and doubtful: a literal that is frequent on disks, a pattern that is
/// slow, a rule that another one hides, a rule without examples. Without a PATH the
/// built-in packs are checked.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  snapsift rules check
  snapsift rules check my-rules/

Exit codes:
  0  No fault; there may be warnings.
  1  A rule has a fault, or --strict was given and there is a warning.
  2  Wrong usage, or a pack cannot be read.")]
pub(super) struct RulesCheckArgs {
    /// A rule pack, or a directory of them
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Take a warning for a fault
    #[arg(long)]
    pub(super) strict: bool,
    /// How to write the faults
    #[arg(long, value_enum, default_value_t = CheckFormat::Text, value_name = "FORMAT")]
    pub(super) format: CheckFormat,
    #[command(flatten)]
    pub(super) choice: tools::RuleChoice,
}

/// Write the completion script of a shell to standard output
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift completions bash > /etc/bash_completion.d/snapsift
  snapsift completions zsh > ~/.zfunc/_snapsift
  snapsift completions fish > ~/.config/fish/completions/snapsift.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

/// Write the manual page to standard output, or all pages into a directory
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift man | man -l -
  snapsift man /usr/local/share/man/man1")]
pub(super) struct ManArgs {
    /// Where to write snapsift.1 and a page for each subcommand
    pub(super) dir: Option<PathBuf>,
}

/// An output format of `scan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a person: grouped by secret, most severe first, with a summary
    Text,
    /// For a program: the wire schema snapsift/1, one JSON object a line; the last is the summary
    Jsonl,
    /// For a spreadsheet: findings only
    Csv,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For an event store: OCSF Data Security Findings, one JSON object a line
    Ocsf,
}

/// An output format of `rules check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckFormat {
    /// For a person, with the offending text underlined
    Text,
    /// For a program: one JSON object a line
    Json,
}

/// An output format of `bench`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum BenchFormat {
    /// For a person: tables
    Text,
    /// For a program: one JSON object, every sample included
    Json,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal
    Auto,
    /// Even into a file or a pipe
    Always,
    /// Never
    Never,
}

impl Colour {
    /// For all that goes through `anstream`: messages and diagnostics.
    pub(super) fn apply(self) {
        self.choice().write_global();
    }

    /// Whether to colour what goes to standard output.
    pub(super) fn on_stdout(self) -> bool {
        self.on(&std::io::stdout())
    }

    /// Whether to colour what goes to standard error.
    pub(super) fn on_stderr(self) -> bool {
        self.on(&std::io::stderr())
    }

    /// Whether to colour what goes to neither: only when told to.
    pub(super) fn on_file(self) -> bool {
        self == Self::Always
    }

    fn on(self, stream: &impl anstream::stream::RawStream) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            // Looks at the terminal, TERM, NO_COLOR (set and not empty: no-color.org)
            // and CLICOLOR_FORCE.
            Self::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
        }
    }

    fn choice(self) -> anstream::ColorChoice {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            // Not `Always`, which on Windows depends on the console.
            Self::Always => anstream::ColorChoice::AlwaysAnsi,
            Self::Never => anstream::ColorChoice::Never,
        }
    }
}

fn severity_parser() -> impl clap::builder::TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.map(Severity::as_str)).map(|name| {
        // Only the names above come here.
        Severity::ALL.into_iter().find(|severity| severity.as_str() == name).unwrap_or(Severity::Info)
    })
}

/// Checks a glob here, so that a wrong one is wrong usage and not a failed scan.
fn glob(text: &str) -> Result<String, String> {
    Exclude::new(&[text]).map(|_| text.to_owned()).map_err(|error| error.message)
}

/// A number of levels.
fn depth(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MAX_DEPTH).contains(number));
    number.ok_or_else(|| format!("expected a number from 1 to {MAX_DEPTH}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_argument_is_explained() {
        fn visit(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no text", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(visit);
        }
        visit(&Cli::command());
    }
}
