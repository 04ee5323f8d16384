//! The flags of `demo`.

use std::path::PathBuf;

use clap::Args;

/// Build a small made-up fleet, scan it, and write its report: a first look
///
/// Makes the roots of five machines in DIR, with keys and secrets that are new each time
/// and open nothing, and the inventory of their clouds. Then it runs the commands that it
/// shows, as you would: a scan of each machine, `fleet add`, `fleet assets`, `fleet query`
/// and `fleet report`. DIR holds no secret of anybody and may be removed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snapsift demo trial
  xdg-open trial/report.html

Exit codes:
  0  The report is written.
  2  Wrong usage, or a fatal error, such as a DIR that is not empty.")]
pub(in crate::cli) struct DemoArgs {
    /// A folder that is empty or not there yet
    #[arg(value_name = "DIR")]
    pub(in crate::cli) folder: PathBuf,
}
