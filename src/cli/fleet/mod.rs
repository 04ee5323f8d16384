//! `snapsift fleet`: the scans of many machines, and the inventory of a cloud, joined.

mod add;
mod assets;
mod diff;
mod export;
mod govern;
mod query;
mod report;

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use snapsift::fleet::schema::page;
use snapsift::fleet::store::Store;
use snapsift::output::escape;

use super::args::Colour;
use super::args::fleet::{FleetArgs, FleetCommand};
use super::exit::Exit;
use super::message;

pub(super) fn run(args: &FleetArgs, colour: Colour) -> anyhow::Result<Exit> {
    match &args.command {
        FleetCommand::Add(args) => add::run(args),
        FleetCommand::Assets(args) => assets::run(args, colour),
        FleetCommand::Query(args) => query::run(args),
        FleetCommand::Report(args) => report::run(args),
        FleetCommand::Govern(args) => govern::run(args),
        FleetCommand::Export(args) => export::run(args),
        FleetCommand::Diff(args) => diff::run(args),
        FleetCommand::Schema => {
            io::stdout().lock().write_all(page().as_bytes())?;
            Ok(Exit::Complete)
        }
    }
}

/// A store that is there, to be read. Says what has passed its day since it was last worked out.
fn open_to_read(path: &Path) -> anyhow::Result<Store> {
    let shown = escape::bytes_of_path(path.as_os_str().as_encoded_bytes());
    let store = Store::open_to_read(path)
        .with_context(|| format!("cannot open {shown}; `snapsift fleet add {shown} SCAN…` makes a store"))?;
    if let Some(stale) = govern::stale(&store)? {
        message::error(&format!("{stale}; `snapsift fleet govern {shown}` works out what applies today"));
    }
    Ok(store)
}
