//! Opens what is scanned.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use snapsift::pipeline::{Scan, ScanOptions};
use snapsift::rules::RuleSet;
use snapsift::scan::Engine;
use snapsift::source::Snapshot;

/// A scan of these targets (or, with a name, of the machine whose disks they are), with an engine for these rules.
pub(super) fn scan(
    targets: &[PathBuf],
    machine: Option<&str>,
    rules: &RuleSet,
    options: ScanOptions,
) -> anyhow::Result<Scan> {
    let snapshot = |target: &Path| {
        // The error names the target.
        Snapshot::open(target).map_err(|error| anyhow::anyhow!("cannot scan {error}"))
    };
    if let Some(name) = machine {
        let snapshot = Snapshot::open_machine(name, targets);
        let snapshot = snapshot.map_err(|error| anyhow::anyhow!("cannot scan {error}"))?;
        return Ok(Scan::new(snapshot, Engine::new(rules), options));
    }
    let (first, others) = targets.split_first().context("no target was given")?;
    let mut scan = Scan::new(snapshot(first)?, Engine::new(rules), options);
    for target in others {
        scan = scan.with_snapshot(snapshot(target)?);
    }
    Ok(scan)
}
