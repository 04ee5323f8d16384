//! `snapsift fleet diff`.

use std::io::{self, BufWriter, Write as _};

use anyhow::bail;
use snapsift::finding::Timestamp;
use snapsift::fleet::diff::{Between, Changes, diff};
use snapsift::output::escape;

use super::super::args::fleet_govern::FleetDiffArgs;
use super::super::destination::Destination;
use super::super::exit::Exit;
use super::super::message;
use super::query::rows;

pub(super) fn run(args: &FleetDiffArgs) -> anyhow::Result<Exit> {
    let between = match (&args.since, &args.from) {
        (Some(since), _) => Between::Since(time(since)?),
        (None, Some(from)) => Between::Scans(from.clone(), args.to.clone()),
        (None, None) => Between::Newest,
    };
    let store = super::open_to_read(&args.store)?;
    let mut out = BufWriter::new(Destination::open(args.output.as_deref())?);
    let changes = diff(&store, &args.store, &between, Timestamp::now(), rows(args.format), &mut out)?;
    out.flush()?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    message::error(&summary(&changes));
    let found = args.fail_on.is_some_and(|least| changes.new.keys().any(|severity| *severity >= least));
    Ok(if found {
        Exit::Found
    } else if changes.partial > 0 {
        Exit::Incomplete
    } else {
        Exit::Complete
    })
}

/// A time, or the beginning of a day.
fn time(text: &str) -> anyhow::Result<Timestamp> {
    let time = Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")));
    let Some(time) = time else {
        bail!("--since {}: a time such as 2026-11-01T00:00:00Z, or a day, is wanted", escape::visible(text));
    };
    Ok(time)
}

fn summary(changes: &Changes) -> String {
    let of = |kind: &str| changes.kinds.get(kind).copied().unwrap_or(0);
    let mut text = format!(
        "{} machines: {} new, {} fixed, {} moved, {} unchanged",
        changes.machines,
        of("new"),
        of("fixed"),
        of("moved"),
        of("unchanged")
    );
    if of("not looked at") > 0 {
        text.push_str(&format!(", {} not looked at again", of("not looked at")));
    }
    text.push_str(&format!("; attack paths: {} new, {} ended", of("new path"), of("ended path")));
    if changes.partial > 0 {
        text.push_str(&format!("; {} scans could not read everything", changes.partial));
    }
    text
}
