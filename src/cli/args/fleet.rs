//! The flags of `fleet`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Join scans of many machines with inventories of clouds
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(in crate::cli) struct FleetArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: FleetCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum FleetCommand {
    Assets(AssetsArgs),
}

/// Take inventories of clouds, and reports of vulnerabilities, into a store
///
/// What a file is is told by its content: Azure Resource Graph, AWS (EC2, RDS, S3, IAM,
/// Resource Explorer, Config), GCP Cloud Asset Inventory, Terraform state, Trivy, Grype,
/// or CSV; gzip or not. Only named fields are ever kept, and they are shown. A file that
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
    /// Whose the vulnerabilities of a report of Trivy or Grype are
    ///
    /// Without it: the image or folder that the report names.
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
