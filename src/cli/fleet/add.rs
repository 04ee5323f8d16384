//! `snapsift fleet add`.

use std::io::{self, Write as _};

use snapsift::finding::Timestamp;
use snapsift::fleet::correlate::correlate;
use snapsift::fleet::store::Store;

use super::super::args::fleet::FleetAddArgs;
use super::super::exit::Exit;
use super::super::scans;

pub(super) fn run(args: &FleetAddArgs) -> anyhow::Result<Exit> {
    let mut store = Store::open(Some(&args.store))?;
    let streams = scans::add(&mut store, &args.scans)?;
    correlate(&store, Timestamp::now())?;
    if !args.quiet {
        let mut out = io::stdout().lock();
        let count =
            |number: u64, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        write!(out, "{} added", count(streams.loaded, "scan"))?;
        if streams.known > 0 {
            write!(out, ", {} there already", streams.known)?;
        }
        if !streams.kept_out.is_empty() {
            write!(out, ", {} kept out", streams.kept_out.len())?;
        }
        if streams.partial > 0 {
            write!(out, "; {} could not read everything", streams.partial)?;
        }
        writeln!(out)?;
    }
    let incomplete = !streams.kept_out.is_empty() || streams.partial > 0;
    Ok(if incomplete { Exit::Incomplete } else { Exit::Complete })
}
