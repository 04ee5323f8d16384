//! `--ignore` and `--baseline`: files of the user that say what is known already.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use snapsift::finding::Timestamp;
use snapsift::output::escape;
use snapsift::rules::Diagnostic;
use snapsift::triage::{Baseline, IgnoreFile};

/// Longer than any ignore file.
const LONGEST: u64 = 64 << 20;

/// Reads the ignore file; its faults, where it has some, are to be shown.
pub(super) fn ignore(path: &Path) -> anyhow::Result<Result<Arc<IgnoreFile>, Vec<Diagnostic>>> {
    let name = show(path);
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    read.with_context(|| format!("cannot read the ignore file {name}"))?;
    anyhow::ensure!(u64::try_from(text.len())? < LONGEST, "the ignore file {name} is too long");
    Ok(IgnoreFile::parse(&name, &text, Timestamp::now()).map(Arc::new))
}

/// Reads the baseline. `keyed`: whether fingerprints of this scan are.
pub(super) fn baseline(path: &Path, keyed: bool) -> anyhow::Result<Arc<Baseline>> {
    let name = show(path);
    let file = File::open(path).with_context(|| format!("cannot read the baseline {name}"))?;
    let baseline = Baseline::read(BufReader::with_capacity(1 << 20, file), keyed);
    Ok(Arc::new(baseline.with_context(|| format!("the baseline {name}"))?))
}

fn show(path: &Path) -> String {
    escape::bytes_of_path(path.as_os_str().as_encoded_bytes())
}
