//! The flags of what is decided about a fleet, and of what leaves it.

use std::path::PathBuf;

use clap::Args;

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
