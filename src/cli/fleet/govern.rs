//! `snapsift fleet govern`.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use snapsift::finding::Timestamp;
use snapsift::fleet::correlate::correlate;
use snapsift::fleet::govern::{self, Governance, replace};
use snapsift::fleet::query::{Rows, ask, text_of};
use snapsift::fleet::store::Store;
use snapsift::output::escape;

use super::super::args::fleet_govern::FleetGovernArgs;
use super::super::exit::Exit;
use super::super::message;

/// A file of this size has more entries than anybody reviews.
const LARGEST: u64 = 64 << 20;

pub(super) fn run(args: &FleetGovernArgs) -> anyhow::Result<Exit> {
    let shown = escape::bytes_of_path(args.store.as_os_str().as_encoded_bytes());
    // Opened to read first: a mistyped name makes no store.
    let there = Store::open_to_read(&args.store);
    there
        .with_context(|| format!("cannot open {shown}; `snapsift fleet add {shown} SCAN…` makes a store"))?;
    let governance = match &args.file {
        Some(file) => Some(read(file)?),
        None => None,
    };
    let store = Store::open(Some(&args.store))?;
    if let Some(governance) = &governance {
        replace(&store, governance)?;
    }
    // Also without a file: what has expired since counts again.
    correlate(&store, Timestamp::now())?;
    if args.quiet {
        return Ok(Exit::Complete);
    }
    let mut out = io::stdout().lock();
    for (name, none) in [("exemptions", "no exemptions"), ("owner-rules", "no rules of owners")] {
        let sql = text_of(name).context("the question is there")?;
        let mut table = Vec::new();
        if ask(&store, sql, &BTreeMap::new(), Rows::Table, &mut table)? == 0 {
            writeln!(out, "{none}")?;
        } else {
            out.write_all(&table)?;
        }
    }
    out.flush()?;
    Ok(Exit::Complete)
}

/// What has passed its day since the store was last worked out, in words; nothing: nothing has.
pub(super) fn stale(store: &Store) -> anyhow::Result<Option<String>> {
    let stale = govern::stale(store, Timestamp::now())?;
    let counts = [
        (
            stale.exemptions,
            "exemption that has expired and still counts",
            "exemptions that have expired and still count",
        ),
        (stale.due, "finding whose due day has passed", "findings whose due day has passed"),
        (stale.secrets, "secret that has expired", "secrets that have expired"),
    ];
    let said: Vec<String> = counts
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
        .collect();
    Ok((!said.is_empty()).then(|| format!("worked out on {}; since then: {}", stale.day, said.join(", "))))
}

fn read(file: &Path) -> anyhow::Result<Governance> {
    let shown = escape::bytes_of_path(file.as_os_str().as_encoded_bytes());
    let mut text = String::new();
    let length = if file == Path::new("-") {
        io::stdin().take(LARGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LARGEST).read_to_string(&mut text))
    };
    let length = length.with_context(|| format!("cannot read {shown}"))?;
    if u64::try_from(length).is_ok_and(|length| length >= LARGEST) {
        bail!("{shown} is larger than {} MiB", LARGEST >> 20);
    }
    match Governance::parse(&text) {
        Ok(governance) => Ok(governance),
        Err(faults) => {
            for fault in &faults {
                message::error(&format!("{shown}: {}", escape::visible(&fault.to_string())));
            }
            bail!("{shown} was not taken: nothing has changed")
        }
    }
}
