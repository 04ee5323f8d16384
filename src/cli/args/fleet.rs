//! The flags of `fleet`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::fleet_govern::{FleetDiffArgs, FleetExportArgs, FleetGovernArgs};

/// Join the scans of many machines, and say who can move where
///
/// Everything is kept in one file, STORE, an SQLite database that only its owner can read.
/// It has fingerprints of secrets, never a secret.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(in crate::cli) struct FleetArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: FleetCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum FleetCommand {
    Add(FleetAddArgs),
    Assets(AssetsArgs),
    Query(FleetQueryArgs),
    Report(FleetReportArgs),
    Govern(FleetGovernArgs),
    Export(FleetExportArgs),
    Diff(FleetDiffArgs),
    /// Print what the views of a store have, as Markdown
    Schema,
}

/// Add scans to a store
///
/// Takes what `snapsift scan --format jsonl` writes. Each scan is added wholly or not at
/// all, and once however often it is given; one without its end is named and kept out. The
/// newest scan of each disk of a machine counts, older ones stay as its history.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift fleet add fleet.db scans/
  zstdcat web.jsonl.zst | snapsift fleet add fleet.db -

Exit codes:
  0  All was added.
  2  Wrong usage, or a fatal error.
  3  A scan was kept out, or says itself that it could not read something.")]
pub(in crate::cli) struct FleetAddArgs {
    /// The store; it is made where it is not there
    #[arg(value_name = "STORE")]
    pub(in crate::cli) store: PathBuf,
    /// A scan in JSON Lines, also gzip or zstd, a folder of such files, or `-`
    #[arg(required = true, value_name = "SCAN")]
    pub(in crate::cli) scans: Vec<PathBuf>,
    /// Say nothing where all went well
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
}

/// Take inventories of clouds, and reports of vulnerabilities, into a store
///
/// What a file is is told by its content: Azure Resource Graph, AWS (EC2, RDS, S3, IAM,
/// Resource Explorer, Config, Inspector), GCP Cloud Asset Inventory, Terraform state, Trivy,
/// Grype, VEX (OpenVEX, CycloneDX), the catalogue of CISA (KEV), or CSV; gzip or not. Only named fields are ever kept, and they are shown. A file that
/// the store has is left alone; one that is broken is left out as a whole.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  az graph query -q 'resources' --first 1000 -o json > azure.json
  aws ec2 describe-instances > instances.json
  aws ec2 describe-security-groups > groups.json
  snapsift fleet assets fleet.db azure.json instances.json groups.json
  snapsift fleet assets --machine web-1 fleet.db trivy.json

Exit codes:
  0  All was taken.
  2  Wrong usage, a fatal error, or a file was left out.
  3  Records of a file were left out; they are named.")]
pub(in crate::cli) struct AssetsArgs {
    /// The store, an SQLite database; it is made where there is none
    #[arg(value_name = "STORE")]
    pub(in crate::cli) store: PathBuf,
    /// An inventory or a report, or `-`
    #[arg(required = true, value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Whose the vulnerabilities of a report of Trivy or Grype are, and whose a VEX document is
    ///
    /// Without it: the image or folder that the report names, the products that the document names.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) machine: Option<String>,
    /// What the files cover, such as an account [default: the accounts in it]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) scope: Option<String>,
    /// The files list all resources of their types in their scope
    ///
    /// What an earlier file of the same shape and scope listed, and these do not, is then
    /// taken for deleted, and what is in none does not exist.
    #[arg(long)]
    pub(in crate::cli) whole: bool,
    /// How to write what was taken
    #[arg(long, short, value_enum, default_value_t = AssetsFormat::Text, value_name = "FORMAT")]
    pub(in crate::cli) format: AssetsFormat,
}

/// An output format of `fleet assets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum AssetsFormat {
    /// For a person
    Text,
    /// For a program: one JSON object
    Json,
}

/// Ask a store: attack paths, recommendations, inventory, or a question of your own
///
/// Without QUERY it lists the questions that come with it. Each is SQL over the tables and
/// views of the store, and so is yours.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift fleet query --list
  snapsift fleet query fleet.db attack-paths
  snapsift fleet query fleet.db blast-radius --set machine=web
  snapsift fleet query fleet.db recommendations --format csv --output todo.csv
  echo 'SELECT hostname, path FROM v1_finding' | snapsift fleet query fleet.db -

Exit codes:
  0  There is an answer, if an empty one.
  2  Wrong usage, or a fatal error.")]
pub(in crate::cli) struct FleetQueryArgs {
    /// The store
    #[arg(value_name = "STORE")]
    pub(in crate::cli) store: Option<PathBuf>,
    /// The name of a question, a file with one, or `-`
    #[arg(value_name = "QUERY")]
    pub(in crate::cli) query: Option<String>,
    /// List the questions that have a name; so does leaving out QUERY
    #[arg(long)]
    pub(in crate::cli) list: bool,
    /// What the question is asked with, such as machine=web
    #[arg(long, value_name = "NAME=VALUE")]
    pub(in crate::cli) set: Vec<String>,
    /// How to write the answer
    #[arg(long, short, value_enum, default_value_t = RowFormat::Table, value_name = "FORMAT")]
    pub(in crate::cli) format: RowFormat,
    /// Write to FILE instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
}

/// An output format of `fleet query`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum RowFormat {
    /// Columns for a person
    Table,
    /// For a spreadsheet
    Csv,
    /// For a program: one JSON object a line
    Jsonl,
}

/// Write what a store says as one page of HTML, to work from
///
/// FILE opens in any browser, without a network: an overview, recommendations by risk,
/// attack paths to click through, a page for every machine, secret and key, search. It has
/// no secret in it, but it tells where the secrets are: only its owner can read it. The
/// same store gives the same file. A file of that name is replaced.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift fleet report fleet.db --output report.html
  snapsift demo trial && xdg-open trial/report.html

Exit codes:
  0  The report is written.
  2  Wrong usage, or a fatal error.")]
pub(in crate::cli) struct FleetReportArgs {
    /// The store
    #[arg(value_name = "STORE")]
    pub(in crate::cli) store: PathBuf,
    /// Where to; `-` is standard output
    #[arg(long, short, value_name = "FILE", default_value = "report.html")]
    pub(in crate::cli) output: PathBuf,
    /// Say nothing where all went well
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
}
