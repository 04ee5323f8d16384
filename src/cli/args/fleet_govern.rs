//! The flags of what is decided about a fleet, and of what leaves it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use snapsift::finding::Severity;

use super::fleet::RowFormat;

/// Take exemptions, owners and due days from a reviewed file, and say what applies
///
/// The file replaces all that an earlier one said, so keep it where changes are reviewed.
/// Without FILE: what applies today. Exemptions that have expired, and those that name no
/// finding, come first.
#[derive(Debug, Args)]
#[command(after_help = "\
Example of a file:
  [[exempt]]
  name = \"test keys\"
  path = \"/srv/test/**\"
  machine = \"ci-*\"
  category = \"waiver\"          # or mitigated: the secret opens nothing any more
  reason = \"throw-away keys of the test bed\"
  author = \"ann@example.com\"
  expires = 2027-01-31

  [[owner]]
  name = \"production\"
  priority = 1
  severity = [\"critical\", \"high\"]
  tag = \"env=prod\"
  owner_tags = [\"owner\", \"team\"]
  owner = \"security@example.com\"
  due_days = 14
  grace_days = 7

Examples:
  snapsift fleet govern fleet.db governance.toml
  snapsift fleet query fleet.db sla
  snapsift fleet query fleet.db overdue --set owner=security@example.com

Exit codes:
  0  The file was taken.
  2  Wrong usage, a fatal error, or a fault in the file: nothing was changed.")]
pub(in crate::cli) struct FleetGovernArgs {
    /// The store
    #[arg(value_name = "STORE")]
    pub(in crate::cli) store: PathBuf,
    /// The file, or `-`
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// Say nothing where all went well
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
}

/// Write findings, attack paths or the graph in the format of another tool
///
/// Ids stay the same from export to export, so that a tool updates what it has. What is
/// exempted is marked as its format has it: suppressed, accepted, mitigated.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift fleet export fleet.db --format ocsf -o events.jsonl
  snapsift fleet export fleet.db --format sarif -o sarif/
  snapsift fleet export fleet.db --format defectdojo -o findings.json
  snapsift fleet export fleet.db --format bloodhound -o bloodhound/

Exit codes:
  0  All was written.
  2  Wrong usage, or a fatal error.")]
pub(in crate::cli) struct FleetExportArgs {
    /// The store
    #[arg(value_name = "STORE")]
    pub(in crate::cli) store: PathBuf,
    /// What to write
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    pub(in crate::cli) format: ExportFormat,
    /// Write to PATH instead of standard output; for sarif, neo4j and bloodhound a folder, which is made
    #[arg(long, short, value_name = "PATH")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Of the graph, write only what one example of each attack path goes over
    ///
    /// The whole graph of a large fleet has millions of edges, more than most tools can show.
    #[arg(long)]
    pub(in crate::cli) paths_only: bool,
}

/// A format of `fleet export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ExportFormat {
    /// Findings and attack paths: Open Cybersecurity Schema Framework 1.6, one event a line
    Ocsf,
    /// Findings: SARIF 2.1.0, a file for each machine
    Sarif,
    /// Findings, for a spreadsheet
    Csv,
    /// Findings: Generic Findings Import of DefectDojo
    Defectdojo,
    /// The graph: GraphML
    Graphml,
    /// The graph: CSV files for neo4j-admin database import, and a file of Cypher
    Neo4j,
    /// The graph: BloodHound OpenGraph, and the extension that its paths need
    Bloodhound,
}

/// Say what changed: new, fixed and moved findings, and attack paths
///
/// Without --since and --from, the newest scan of each machine is compared with the one
/// before. A finding counts as fixed only where the newer scan read everything, the place
/// included; where it did not, it is "not looked at". A machine without an earlier scan has
/// only new findings.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift fleet diff fleet.db
  snapsift fleet diff fleet.db --since 2026-11-01T00:00:00Z --format csv -o changes.csv
  snapsift fleet diff fleet.db --fail-on high

Exit codes:
  0  The states were compared, whatever changed.
  1  --fail-on was given, and a new finding at or above it is not exempted.
  2  Wrong usage, or a fatal error.
  3  One of the newer scans could not read everything.")]
pub(in crate::cli) struct FleetDiffArgs {
    /// The store
    #[arg(value_name = "STORE")]
    pub(in crate::cli) store: PathBuf,
    /// Compare with the newest scans at TIME (RFC 3339, or a day)
    #[arg(long, value_name = "TIME", conflicts_with_all = ["from", "to"])]
    pub(in crate::cli) since: Option<String>,
    /// Compare with the scan of this id
    #[arg(long, value_name = "SCAN")]
    pub(in crate::cli) from: Option<String>,
    /// What is compared with it [default: the newest scan]
    #[arg(long, value_name = "SCAN", requires = "from")]
    pub(in crate::cli) to: Option<String>,
    /// How to write the changes
    #[arg(long, short, value_enum, default_value_t = RowFormat::Table, value_name = "FORMAT")]
    pub(in crate::cli) format: RowFormat,
    /// Write to FILE instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// End with exit code 1 where a new finding is at or above this severity
    #[arg(long, value_name = "SEVERITY", value_parser = super::severity_parser())]
    pub(in crate::cli) fail_on: Option<Severity>,
}
